"""A conversation that crosses midnight and ends two days later: first open, later refreshed on its start day, and
stored once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests import plain_reports
from genesys_assets_tests.assets.world import World, metadata, of_jobs
from genesys_assets_tests.plain_figures import Item
from genesys_assets_tests.scenarios.conftest import FixedNow
from genesys_assets_tests.scenarios.hard_days import (
    DETAILS,
    JOBS_LAG,
    NAMES,
    OF_HOURS,
    OVERLAP,
    TABLES,
    compare_metrics,
    compare_report,
    compare_tables,
    compute,
    knowledge,
    known_by_now,
    midnight,
    read_complete,
    read_hours,
    table_ids,
)

FIRST, SECOND, THIRD = date(2026, 1, 27), date(2026, 1, 28), date(2026, 1, 29)
LASTING = "ffffffff-0000-4000-8000-000000000001"
EARLY = timedelta(hours=6)
"""After midnight, when jobs have all of the day before."""


@pytest.fixture
def lasting(world: World) -> World:
    """A message of the late evening: answered after midnight, handed on at noon, ended on the next morning."""
    directory = world.sandbox.organisation.directory
    queue = next(queue for queue in directory.taking("message") if len(queue.members) > 1)
    first, second = queue.members[:2]
    begun, taken, handed_on, done = (
        *(midnight(FIRST, 23.75), midnight(SECOND, 0.25)),
        *(midnight(SECOND, 12), midnight(THIRD, 10)),
    )
    world.sandbox.organisation.plant(
        {
            "conversationId": LASTING,
            "conversationStart": text(begun),
            "conversationEnd": text(done),
            "participants": [
                participant("customer", None, queue.id, begun, done),
                participant("acd", None, queue.id, begun, taken, ("nOffered", 1, begun), ("tAcd", 1_800_000, taken)),
                participant("agent", first, queue.id, taken, handed_on, *handled(taken, handed_on)),
                participant("agent", second, queue.id, handed_on, done, *handled(handed_on, done)),
            ],
        }
    )
    return world


def handled(start: datetime, end: datetime) -> list[tuple[str, int, datetime]]:
    value = (end - start) // timedelta(milliseconds=1)
    return [("tAnswered", 1_000, start), ("tTalkComplete", value, end), ("tHandle", value, end)]


def participant(
    purpose: str, user: str | None, queue: str, start: datetime, end: datetime, *metrics: tuple[str, int, datetime]
) -> Item:
    segment = {"segmentType": "interact", "queueId": queue, "segmentStart": text(start), "segmentEnd": text(end)}
    session = {
        "sessionId": f"{purpose}-{start:%d%H%M}",
        "mediaType": "message",
        "segments": [segment],
        "metrics": [{"name": name, "value": value, "emitDate": text(when)} for name, value, when in metrics],
    }
    named = {"participantId": f"{purpose}-{start:%d%H%M}", "purpose": purpose, "sessions": [session]}
    return named if user is None else {**named, "userId": user}


def text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S}.000Z"


def row(world: World) -> dict[str, Any]:
    """The one row of the conversation, wherever it is stored."""
    stored = world.lake.read("tables/conversations", [f"{day}" for day in (FIRST, SECOND, THIRD)]).to_pylist()
    (found,) = [each for each in stored if each["conversation_id"] == LASTING]
    assert LASTING in table_ids(world, FIRST)
    return dict(found)


def refresh(world: World, present: FixedNow, day: date) -> None:
    """The next morning: complete the day, and compute the start days of its conversations again."""
    present.at = midnight(day + timedelta(days=1)) + EARLY
    run = read_complete(world, day, DETAILS, OVERLAP)
    assert run.success
    days = metadata(run, OVERLAP, f"{day}")["start_days"]
    assert f"{FIRST}" in days
    for each in (FIRST, SECOND, THIRD):
        if f"{each}" in days or each == day:
            assert world.run("recompute", *TABLES, partition=f"{each}").success


@pytest.mark.long
def test_a_conversation_that_ends_two_days_later_is_refreshed_where_it_began(lasting: World, present: FixedNow) -> None:
    present.at = midnight(SECOND) + timedelta(minutes=5)
    read_hours(lasting, FIRST, FIRST, OF_HOURS)
    compute(lasting, FIRST)
    compare_tables(lasting, FIRST, lasting.seen(FIRST, present.at))
    assert (row(lasting)["is_complete"], row(lasting)["conversation_end"]) == (False, None)

    present.at = midnight(SECOND) + EARLY
    assert read_complete(lasting, FIRST).success
    compute(lasting, FIRST)
    compare_tables(lasting, FIRST, of_jobs(lasting, FIRST, present.at - JOBS_LAG))
    assert row(lasting)["is_complete"] is False

    refresh(lasting, present, SECOND)
    assert row(lasting)["is_complete"] is False
    handled_by_now = lasting.lake.read("tables/session_metrics", f"{FIRST}").to_pylist()
    assert [each["value"] for each in handled_by_now if of(each, "tHandle")] == [42_300_000]

    refresh(lasting, present, THIRD)
    assert (row(lasting)["is_complete"], row(lasting)["conversation_end"]) == (True, midnight(THIRD, 10))
    handled_by_now = lasting.lake.read("tables/session_metrics", f"{FIRST}").to_pylist()
    assert [each["value"] for each in handled_by_now if of(each, "tHandle")] == [42_300_000, 79_200_000]
    stored = []
    for day in (FIRST, SECOND, THIRD):
        expected = as_stored(lasting, day)
        compare_tables(lasting, day, expected)
        stored += expected
    ids = [each for day in (FIRST, SECOND, THIRD) for each in table_ids(lasting, day)]
    assert len(ids) == len(set(ids)) == 181
    compare_agents(lasting, present, stored)


def of(row: dict[str, Any], metric: str) -> bool:
    return bool(row["conversation_id"] == LASTING and row["metric"] == metric)


def as_stored(world: World, day: date) -> list[Item]:
    """Each conversation of the day, as the last job showed it that found it alive."""
    known = {item["conversationId"]: item for item in of_jobs(world, day, read_at(day))}
    for later in (SECOND, THIRD):
        if later > day:
            known |= {
                item["conversationId"]: item
                for item in of_jobs(world, day, read_at(later))
                if plain.moment(item.get("conversationEnd", "9999-01-01T00:00Z")) > midnight(later)
            }
    return list(known.values())


def read_at(day: date) -> datetime:
    """The instant up to which jobs had all data when the day was completed."""
    return midnight(day + timedelta(days=1)) + EARLY - JOBS_LAG


def compare_agents(world: World, present: FixedNow, stored: list[Item]) -> None:
    """The second agent's work on the third day counts on that day, though the conversation is stored with the first
    day."""
    world.run("hourly", "pages/hourly_aggregates", between=(f"{THIRD}-00:00", f"{THIRD}-23:00"))
    compute(world, THIRD, "tables/interval_metrics", *NAMES, "reports/agent_daily")
    start, end = midnight(THIRD), midnight(THIRD + timedelta(days=1))
    known = knowledge(world, known_by_now(world, present.at, THIRD), start, end)
    compare_metrics(world, "interval_metrics", THIRD, known)
    compare_report(world, "agent_daily", THIRD, plain_reports.agent(replace(known, reaching=stored), None))
