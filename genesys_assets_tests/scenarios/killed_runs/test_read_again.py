"""Runs that died and are repeated, either with the state that the killed run read, or with the state before. `make
test` kills one run.
"""

from __future__ import annotations

import pytest

from genesys_assets_tests.scenarios.killed_runs.lakes import HOUR, NOW, Lakes
from genesys_assets_tests.scenarios.killed_runs.places import (
    AFTER_COMMIT,
    MAKE_REPORT_OF_TWO,
    MAKE_SOME_TABLES,
    PLACES,
    READ_DAYS,
    WRITE_LEDGER,
    Place,
    Then,
    tried,
)
from genesys_assets_tests.scenarios.killed_runs.truths import (
    compare_dagster_with_lake,
    compare_housekeeping_with_before,
    compare_ledger_with_commits,
    compare_with_one_that_lived,
)


@pytest.mark.long
@pytest.mark.parametrize("place", tried(PLACES, Then.THE_SAME), ids=str)
def test_a_run_that_was_killed_and_is_run_again_leaves_what_one_that_lived_leaves(lakes: Lakes, place: Place) -> None:
    folder, committed = lakes.dead(place)
    with lakes.opened(folder) as world:
        for step in place.later:
            step.run(world)
        compare_with_one_that_lived(world, lakes.lived(place, committed, place.later, NOW + HOUR))
        compare_ledger_with_commits(world)
        compare_dagster_with_lake(world)
        compare_housekeeping_with_before(world)


@pytest.mark.parametrize("place", tried(PLACES, Then.THE_EARLIER), ids=str)
def test_a_run_that_was_killed_reading_what_is_no_longer_true_leaves_what_one_that_lived_leaves(
    lakes: Lakes, place: Place
) -> None:
    folder, committed = lakes.dead(place)
    with lakes.opened(folder) as world:
        later = NOW + 8 * HOUR
        lakes.first_state(later)
        for step in place.steps:
            step.run(world)
        compare_with_one_that_lived(world, lakes.lived(place, committed, place.steps, later))
        compare_ledger_with_commits(world)
        compare_dagster_with_lake(world)


@pytest.mark.long
def test_a_report_of_tables_of_which_a_killed_run_made_only_some_comes_right_with_the_next_run(lakes: Lakes) -> None:
    steps = (READ_DAYS, MAKE_SOME_TABLES, MAKE_REPORT_OF_TWO, WRITE_LEDGER)
    place = Place(steps, MAKE_SOME_TABLES, AFTER_COMMIT)
    folder, committed = lakes.dead(place)
    assert len(committed) == 1
    with lakes.opened(folder) as world:
        MAKE_REPORT_OF_TWO.run(world)
        for step in place.later:
            step.run(world)
        compare_with_one_that_lived(world, lakes.lived(place, committed, place.later, NOW + HOUR))
        compare_dagster_with_lake(world)
