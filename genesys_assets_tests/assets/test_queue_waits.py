"""Compares waits in queues of a real day with the organisation's own agents; and the report that shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.days.users import USER_DETAILS
from genesys_assets.lake.lake import Lake
from genesys_assets.sandbox.timelines import routing
from genesys_assets.sandbox.times import from_datetime
from genesys_assets.tables.observations import QUEUE_MEMBERS
from genesys_assets_tests.assets.world import World

BEFORE, DAY, NEXT = "2026-01-27", "2026-01-28", "2026-01-29"
TABLE, REPORT = "tables/queue_waits", "reports/missed_while_idle"


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)
    world.sandbox.behaviour.availability = datetime(2026, 1, 30, tzinfo=UTC)


def observe(lake: Lake, world: World) -> dict[str, list[str]]:
    """Store the members of all queues except the last one, as though a run had fetched them on the day."""
    queues = world.sandbox.organisation.directory.queues[:-2]
    rows = [
        {
            "day": datetime.fromisoformat(DAY).date(),
            "as_of": at(0),
            "queue_id": queue.id,
            "user_id": user,
            "joined": True,
        }
        for queue in queues
        for user in queue.members
    ]
    table = QUEUE_MEMBERS.schema.empty_table().from_pylist(
        [dict.fromkeys(QUEUE_MEMBERS.schema.names) | row for row in rows], QUEUE_MEMBERS.schema
    )
    lake.write("reference/queue_members", QUEUE_MEMBERS, table, DAY, {"run_id": "r"})
    return {queue.id: list(queue.members) for queue in queues}


def at(hour: int) -> datetime:
    return datetime.fromisoformat(DAY).replace(tzinfo=UTC) + timedelta(hours=hour)


def idle_ms(world: World, user_id: str, start: datetime, end: datetime) -> int:
    first, last = from_datetime(start), from_datetime(end)
    if first == last:
        return 0
    spans = world.sandbox.timelines.spans(user_id, first, last, routing)
    return sum(min(each.end, last) - max(each.start, first) for each in spans if each.value[0] == "IDLE")


def test_each_wait_of_a_day_stands_beside_what_the_queues_members_did(world: World) -> None:
    assert world.run("complete", "pages/daily_details", partition=DAY).success
    for day in (DAY, NEXT):
        assert world.run("users", USER_DETAILS, partition=day).success
    members = observe(world.lake, world)
    assert world.run("complete", "pages/daily_details", partition=BEFORE).success
    assert world.run("daily", "tables/interaction_legs", partition=BEFORE).success
    assert world.run("daily", "tables/interaction_legs", TABLE, REPORT, partition=DAY).success
    rows: list[dict[str, Any]] = world.lake.read(TABLE, DAY).to_pylist()
    legs = world.lake.read("tables/interaction_legs", DAY).to_pylist()
    assert len(rows) == sum(leg["t_wait_ms"] is not None for leg in legs) > 20
    known = [row for row in rows if row["unknown"] is None]
    for row in known:
        times = [idle_ms(world, user, row["offered_at"], row["left_at"]) for user in members[row["queue_id"]]]
        assert (row["idle_members"], row["idle_ms"]) == (sum(time > 0 for time in times), sum(times))
        assert row["members"] == 12
    assert any(row["idle_members"] for row in known)
    assert {row["unknown"] for row in rows if row["queue_id"] not in members} <= {"queue_members"}
    assert any(row["overtaken_by"] for row in rows)
    shown = world.lake.read(REPORT, DAY).to_pylist()
    names = ("queue_id", "outcome", "wait_ms", "members", "idle_members", "idle_ms", "unknown", "overtaken_by")
    assert sorted(str([row[name] for name in names]) for row in shown) == sorted(
        str([row[name] for name in names]) for row in rows
    )


def test_without_members_and_status_waits_are_there_and_the_rest_is_unknown(world: World) -> None:
    assert world.run("complete", "pages/daily_details", partition=DAY).success
    assert world.run("daily", "tables/interaction_legs", TABLE, partition=DAY).success
    rows = world.lake.read(TABLE, DAY).to_pylist()
    assert rows
    assert {(row["members"], row["idle_members"], row["idle_ms"], row["unknown"]) for row in rows} == {
        (None, None, None, "queue_members")
    }
