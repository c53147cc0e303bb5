"""Runs that go on where a killed one ended, as Dagster's retries do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from genesys_assets.days.sources import START_DAYS
from genesys_assets_tests.assets.world import RANGE, World, environment, hours
from genesys_assets_tests.scenarios.hard_days import DETAILS, OVERLAP
from genesys_assets_tests.scenarios.killed_runs.lakes import CommitRecord, Lakes
from genesys_assets_tests.scenarios.killed_runs.places import (
    AFTER_COMMIT,
    COMMIT,
    READ_AGGREGATES,
    READ_DAYS,
    READ_HOURS,
    READ_OVERLAP,
    SAME,
    Place,
    Step,
    Then,
    reported,
    tried,
)
from genesys_assets_tests.scenarios.killed_runs.process import Kill, job_of
from genesys_assets_tests.scenarios.killed_runs.truths import compare_dagster_with_lake, told_of

pytestmark = pytest.mark.long

PLACES = [
    Place((READ_HOURS,), READ_HOURS, AFTER_COMMIT),
    Place((READ_HOURS,), READ_HOURS, Kill(COMMIT, 1)),
    Place((READ_HOURS,), READ_HOURS, Kill(reported("pages"), 7, True)),
    Place((READ_HOURS,), READ_HOURS, Kill(COMMIT, 2, True)),
    Place((READ_AGGREGATES,), READ_AGGREGATES, AFTER_COMMIT),
    Place((READ_DAYS,), READ_DAYS, AFTER_COMMIT),
    Place((READ_OVERLAP,), READ_OVERLAP, AFTER_COMMIT, SAME),
    Place((READ_OVERLAP,), READ_OVERLAP, Kill(COMMIT, 2, True)),
]


@pytest.mark.parametrize("place", tried(PLACES, Then.THE_SAME), ids=str)
def test_a_run_that_goes_on_requests_only_what_was_not_stored(lakes: Lakes, place: Place) -> None:
    folder, committed = lakes.dead(place)
    with lakes.opened(folder) as world:
        asked = requests_of(world, lambda: go_on(world, place.killed))
        assert asked == requests_of_the_rest(lakes, place, committed)
        compare_dagster_with_lake(world)
        told = told_of(world.instance, place.killed.assets[0])
        for partition, events in told.items():
            assert {*events[0]} - _OF_A_RUN <= {*events[-1]}, partition
            assert events[0].get(START_DAYS) == events[-1].get(START_DAYS)


def test_a_run_that_succeeded_and_is_executed_again_reads_everything_anew(lakes: Lakes) -> None:
    step = Step("hourly", READ_HOURS.assets, between=hours("2026-01-28"))
    with lakes.opened(lakes.empty()) as world:
        asked = requests_of(world, lambda: step.run(world))
        assert asked.total() > 0
        assert requests_of(world, lambda: go_on(world, step)) == asked


_OF_A_RUN = {"requests", "retries", "rate_limited", "seconds_waited", "preview", "bytes"}


def go_on(world: World, step: Step) -> None:
    """Execute the newest run once more, as Dagster's retries do."""
    newest = world.instance.get_runs(limit=1)[0]
    with environment(world.environment):
        job = dg.build_reconstructable_job(job_of.__module__, job_of.__name__, (step.job,))
        result = dg.execute_job(
            job,
            world.instance,
            run_config=step.config,
            tags={name: newest.tags[name] for name in RANGE},
            reexecution_options=dg.ReexecutionOptions(newest.run_id),
        )
    assert result.success
    run = world.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.root_run_id == newest.run_id


def requests_of(world: World, act: Callable[[], Any]) -> Counter[str]:
    """The number of requests to each endpoint, of all jobs together."""
    before = len(world.sandbox.requests)
    act()
    asked = [*world.sandbox.requests][before:]
    paths = (f"{method} {re.sub(r'/jobs/(?!availability)[^/]+', '/jobs/id', path)}" for method, path in asked)
    return Counter(path for path in paths if "oauth" not in path)


def requests_of_the_rest(lakes: Lakes, place: Place, committed: CommitRecord) -> Counter[str]:
    """The requests of a run over the days that the killed one did not store."""
    world = lakes.world(lakes.copy(lakes.about_to(place)), dg.DagsterInstance.ephemeral())
    (name,) = place.killed.assets
    every = {*world.lake.log(name).partitions()}
    rest = {name: every - committed.get(name, set())}
    if not rest[name]:
        return Counter({path: 1 for path in _ASKED_ALWAYS if name in (DETAILS, OVERLAP)})
    return requests_of(world, lambda: [part.run(world) for part in place.killed.only(rest)])


_ASKED_ALWAYS = ("GET /api/v2/analytics/conversations/details/jobs/availability",)
