"""The platform refuses many requests, and only `inin-ratelimit-reset` says when to come back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

import dagster as dg
import pytest

from genesys_assets.cloud.analytics import details
from genesys_assets.cloud.http import transport
from genesys_assets.sandbox.behaviour import Behaviour
from genesys_assets.sandbox.server import running
from genesys_assets_tests.assets.world import World, hours, metadata, of_jobs
from genesys_assets_tests.cloud.platform import Clock
from genesys_assets_tests.scenarios.conftest import FixedNow
from genesys_assets_tests.scenarios.hard_days import (
    DETAILS,
    JOBS_LAG,
    OVERLAP,
    TABLES,
    compare_metrics,
    compare_tables,
    compute,
    knowledge,
    known_by_now,
    midnight,
    page_ids,
    read_complete,
)

pytestmark = pytest.mark.long

DAY, NEXT = date(2026, 1, 28), date(2026, 1, 29)
START, END = midnight(DAY), midnight(NEXT)
ALLOWED = 20


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of client and sandbox: a minute passes when somebody waits for it."""
    clock = Clock()
    client = partial(transport.GenesysCloud, clock=clock, sleep=clock.sleep, jitter=lambda most: most)
    monkeypatch.setattr(transport, "GenesysCloud", client)
    return clock


@pytest.fixture
def limited(tmp_path: Path, code_location: dg.Definitions, present: FixedNow, clock: Clock) -> Iterator[World]:
    """20 requests a minute, and no Retry-After."""
    with running(
        conversations_per_day=60,
        now=present,
        requests_per_minute=ALLOWED,
        behaviour=Behaviour(retry_after_header=False),
        clock=clock,
    ) as sandbox:
        yield World(sandbox, tmp_path / "lake", code_location)


def spend_the_budget(world: World) -> None:
    """Another program with the same token uses up the minute."""
    for token in world.sandbox.access._tokens.values():
        token.count = 10 * ALLOWED


def storm(world: World, path: str, *, every: int, times: int) -> None:
    for number in range(1, times + 1):
        world.sandbox.behaviour.interrupt(path, partial(spend_the_budget, world), after=every * number)


def test_a_day_of_jobs_survives_a_storm(limited: World, present: FixedNow, clock: Clock) -> None:
    storm(limited, "/results", every=2, times=4)
    storm(limited, "details/jobs", every=3, times=3)
    run = read_complete(limited, DAY, page_size=4)
    assert run.success
    assert metadata(run, DETAILS)["rate_limited"] >= 5
    assert max(clock.slept) > 30
    told = [item["conversationId"] for item in limited.sandbox.organisation.conversations(DAY)]
    assert page_ids(limited, DETAILS, f"{DAY}") == told
    assert read_complete(limited, NEXT, OVERLAP, page_size=4).success
    compute(limited, DAY)
    compare_tables(limited, DAY, of_jobs(limited, DAY, present.at - JOBS_LAG))


def test_a_day_of_queries_survives_a_storm(limited: World, present: FixedNow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(details.fetch.__kwdefaults__ or {}, "page_size", 4)
    storm(limited, "details/query", every=3, times=4)
    storm(limited, "aggregates/query", every=1, times=2)
    run = limited.run("hourly", between=hours(f"{DAY}"))
    assert run.success
    assert limited.sandbox.requested("details/query") > 15
    assert limited.sandbox.requested("aggregates/query") > 2
    compute(limited, DAY, *TABLES, "tables/interval_metrics")
    compare_tables(limited, DAY, limited.seen(DAY, present.at))
    known = knowledge(limited, known_by_now(limited, present.at, DAY), START, END)
    compare_metrics(limited, "interval_metrics", DAY, known)


@pytest.mark.parametrize("path", ["details/query", "details/jobs"])
def test_refusals_that_say_nothing_but_the_reset_are_waited_out(
    world: World, present: FixedNow, clock: Clock, path: str
) -> None:
    """A gateway answers like this: without the count and without the limit."""
    world.sandbox.behaviour.fail_next(429, times=60, path=path, headers={"inin-ratelimit-reset": "7"})
    if path == "details/jobs":
        assert read_complete(world, DAY, page_size=10).success
        expected = of_jobs(world, DAY, present.at - JOBS_LAG)
        assert len(world.sandbox.jobs) == 1
    else:
        assert world.run("hourly", "pages/hourly_details", between=hours(f"{DAY}")).success
        expected = world.seen(DAY, present.at)
    assert sum(7 <= slept <= 8 for slept in clock.slept) >= 60
    compute(world, DAY)
    compare_tables(world, DAY, expected)
