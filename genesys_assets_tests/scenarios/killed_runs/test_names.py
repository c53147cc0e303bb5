"""Names that a killed run stored stay known, even if they are gone when the next run reads."""

from __future__ import annotations

import pytest

from genesys_assets_tests.assets.world import World
from genesys_assets_tests.scenarios.killed_runs.lakes import HOUR, NOW, Lakes
from genesys_assets_tests.scenarios.killed_runs.places import (
    AFTER_COMMIT,
    ALL_PLACES,
    COMMIT,
    WRITE_PAGE,
    Step,
    around,
    reported,
)
from genesys_assets_tests.scenarios.killed_runs.process import Kill
from genesys_assets_tests.scenarios.killed_runs.truths import compare_dagster_with_lake

pytestmark = pytest.mark.long

QUEUES, HISTORY = "reference/queues", "reference/queues_history"
READ_NAMES = Step("daily", (QUEUES, HISTORY, "reference/service_levels_history"))
AFTER_NAMES_OVER_TIME = Kill(COMMIT, 2, True)
"""The service levels over time are committed first, then the names over time, then the present names."""
KILLS = [AFTER_NAMES_OVER_TIME]
if ALL_PLACES:
    KILLS += [
        Kill(WRITE_PAGE),
        Kill(COMMIT),
        AFTER_COMMIT,
        Kill(COMMIT, 3, True),
        *around(COMMIT, 4),
        Kill(reported("reference"), 1, True),
    ]


@pytest.mark.parametrize("place", KILLS, ids=str)
def test_a_name_that_a_killed_run_stored_is_in_the_names_over_time_though_it_is_gone_when_the_next_run_reads(
    lakes: Lakes, place: Kill
) -> None:
    folder, organisation = lakes.empty(), lakes.sandbox.organisation
    lakes.first_state()
    with lakes.opened(folder) as world:
        READ_NAMES.run(world)
        renamed, removed, *_ = names_stored(world)
        lakes.present.at = NOW + HOUR
        organisation.rename("queues", renamed, "For an hour")
        organisation.remove("queues", removed)
        lakes.kill(folder, READ_NAMES, place)
        seen = names_stored(world)
        lakes.first_state(NOW + 2 * HOUR)
        READ_NAMES.run(world)
        history = world.lake.read(HISTORY, None).to_pylist()
        compare_names_with_history(world)
        compare_dagster_with_lake(world)
        known = [(row["name"], row["is_deleted"]) for row in history if row["id"] in (renamed, removed)]
        assert all(seen[queue] in known for queue in (renamed, removed))
        assert len(known) in (2, 6)
    lakes.first_state()


@pytest.mark.skipif(not ALL_PLACES, reason="make kills tries it")
def test_a_queue_that_only_the_names_of_a_killed_run_know_is_deleted_when_the_next_run_does_not_see_it(
    lakes: Lakes,
) -> None:
    folder, organisation = lakes.empty(), lakes.sandbox.organisation
    lakes.first_state()
    with lakes.opened(folder) as world:
        queue = organisation.directory.queues[0].id
        organisation.remove("queues", queue)
        READ_NAMES.run(world)
        lakes.first_state(NOW + HOUR)
        lakes.kill(folder, READ_NAMES, AFTER_NAMES_OVER_TIME)
        lakes.present.at = NOW + 2 * HOUR
        organisation.remove("queues", queue)
        READ_NAMES.run(world)
        compare_names_with_history(world)
        assert names_stored(world)[queue][1] is True
    lakes.first_state()


def names_stored(world: World) -> dict[str, tuple[str, bool]]:
    return {row["id"]: (row["name"], row["is_deleted"]) for row in world.lake.read(QUEUES, None).to_pylist()}


def compare_names_with_history(world: World) -> None:
    """Checks that the present names of both are equal."""
    rows = world.lake.read(HISTORY, None).to_pylist()
    present = {row["id"]: (row["name"], row["is_deleted"]) for row in rows if row["valid_to"] is None}
    assert present == names_stored(world)
