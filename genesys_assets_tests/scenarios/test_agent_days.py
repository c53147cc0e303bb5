"""Agents' days, each figure against plain Python: a normal day, days on which clocks change, a week; shifts over
midnight, agents without work, an undefined presence, a deleted user.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.days.users import USER_DETAILS
from genesys_assets.sandbox.server import running
from genesys_assets.sandbox.shifts import unknown_presence_id
from genesys_assets_tests import plain_agents
from genesys_assets_tests.assets.world import World, definitions, error, hours
from genesys_assets_tests.plain_agents import Row

pytestmark = pytest.mark.long

REPORT = "reports/agent_day"
A_DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)


def midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


@contextmanager
def a_world(folder: Path, zone: str, first: date, last: date, *, conversations: int = 40) -> Iterator[World]:
    """A world with tables of agents' status and aggregates of the UTC days that these business days touch."""
    touched = [midnight(first, zone).date(), (midnight(last + A_DAY, zone) - timedelta(seconds=1)).date()]
    now = midnight(last, zone) + 4 * A_DAY
    with running(conversations_per_day=conversations, now=now, requests_per_minute=None) as sandbox:
        world = World(sandbox, folder, definitions(f"{touched[0]}", zone))
        between = (f"{touched[0]}", f"{touched[1]}")
        assert world.run("hourly", "pages/hourly_aggregates", between=hours(*between)).success
        assert world.run("users", USER_DETAILS, between=between).success
        assert world.run("daily", "tables/interval_metrics", "tables/user_time", between=between).success
        yield world


def report_rows(world: World, day: date) -> dict[str, Row]:
    assert world.run("daily", REPORT, partition=f"{day}").success
    return {row["user_id"]: row for row in world.lake.read(REPORT, f"{day}").to_pylist()}


def expected(world: World, start: datetime, end: datetime) -> dict[str, Row]:
    days = [start.date() + A_DAY * number for number in range(-4, (end - start).days + 2)]
    conversations = [item for day in days for item in world.sandbox.organisation.conversations(day)]
    return plain_agents.agent_day(world.sandbox.timelines, conversations, start, end)


def must_agree(found: dict[str, Row], plain: dict[str, Row]) -> None:
    assert found.keys() == plain.keys()
    for user_id, row in plain.items():
        assert {name: found[user_id][name] for name in row} == row


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("UTC", date(2026, 1, 28), 24),
        pytest.param("Asia/Kathmandu", date(2026, 1, 28), 24, marks=pytest.mark.long),
        pytest.param("Europe/London", date(2026, 3, 29), 23, marks=pytest.mark.long),
        pytest.param("America/New_York", date(2026, 11, 1), 25, marks=pytest.mark.long),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
    ],
)
def test_every_figure_of_a_day_is_that_of_plain_python(tmp_path: Path, zone: str, day: date, length: float) -> None:
    start, end = midnight(day, zone), midnight(day + A_DAY, zone)
    assert end - start == timedelta(hours=length)
    with a_world(tmp_path, zone, day, day) as world:
        found = report_rows(world, day)
        must_agree(found, expected(world, start, end))
    assert {row["day_ms"] for row in found.values()} == {round(length * 3_600_000)}
    assert any(row["interacting_ms"] for row in found.values())


@pytest.mark.long
def test_a_week_is_the_sum_of_its_days_one_of_which_has_23_hours(tmp_path: Path) -> None:
    zone, first, last = "Europe/London", date(2026, 3, 23), date(2026, 3, 29)
    with a_world(tmp_path, zone, first, last, conversations=12) as world:
        deleted = world.sandbox.timelines.user_ids[3]
        world.sandbox.organisation.remove("users", deleted)
        days = [first + A_DAY * number for number in range(7)]
        of_days = [report_rows(world, day) for day in days]
        week = expected(world, midnight(first, zone), midnight(last + A_DAY, zone))
        odd = unknown_presence_id(world.sandbox.organisation.directory)
        own = world.lake.read("tables/user_time", [f"{day}" for day in days])["organization_presence_id"]
    additive = [name for name in week[deleted] if name.endswith("_ms") or name == "handled"]
    for user_id, row in week.items():
        sums = {name: sum(of_day[user_id][name] or 0 for of_day in of_days) for name in additive}
        assert sums == {name: row[name] or 0 for name in additive}
        logged_in = [of_day[user_id]["first_login"] for of_day in of_days if of_day[user_id]["first_login"]]
        assert min(logged_in, default=None) == row["first_login"]
    assert week[deleted]["logged_in_ms"] > 0
    # An undefined presence counts as the system presence that comes with it.
    assert odd in own.to_pylist()
    rows = [row for of_day in of_days for row in of_day.values()]
    # Shifts cross midnight, and some agents do not work on a day.
    assert any(row["first_login"] == row["interval_start"] for row in rows)
    assert any(row["last_logout"] == row["interval_end"] for row in rows)
    assert any(row["logged_in_ms"] == 0 and row["occupancy"] is row["first_login"] is None for row in rows)
    assert any(row["other_ms"] for row in rows)


def test_time_without_a_reading_is_unknown_and_never_offline(tmp_path: Path) -> None:
    zone, day = "Europe/Zurich", date(2026, 1, 28)
    with a_world(tmp_path, zone, day, day) as world:
        whole = report_rows(world, day)
        silent = sorted(whole)[0]

        def without_one(body: Any) -> Any:
            return [user for user in body if user["userId"] != silent]

        pages = world.lake.pages(USER_DETAILS, f"{day}")
        assert pages is not None
        _rewrite(world, f"{day}", without_one)
        assert world.run("daily", "tables/user_time", partition=f"{day}").success
        part = report_rows(world, day)
    of_day_before = timedelta(hours=1) // timedelta(milliseconds=1)
    row = part[silent]
    assert row["unknown_ms"] == row["unknown_routing_ms"] == row["day_ms"] - of_day_before
    known = ("on_queue_ms", "offline_ms", "available_ms", "break_ms", "meal_ms", "busy_ms", "other_ms", "away_ms")
    assert sum(row[name] or 0 for name in known) <= of_day_before
    assert {user: part[user] for user in part if user != silent} == {
        user: whole[user] for user in whole if user != silent
    }


def test_a_day_without_agents_status_says_what_to_materialise(tmp_path: Path) -> None:
    day = date(2026, 1, 28)
    with running(conversations_per_day=5, now=midnight(day, "UTC") + 4 * A_DAY, requests_per_minute=None) as sandbox:
        world = World(sandbox, tmp_path, definitions(f"{day}"))
        assert world.run("hourly", "pages/hourly_aggregates", between=hours(f"{day}")).success
        assert world.run("daily", "tables/interval_metrics", partition=f"{day}").success
        assert "genesys/tables/user_time has no partition 2026-01-28" in error(
            world.run("daily", REPORT, partition=f"{day}")
        )


def _rewrite(world: World, day: str, change: Any) -> None:
    """The stored pages of a day, with other users."""
    import json
    from dataclasses import replace

    stored = world.lake.pages(USER_DETAILS, day)
    assert stored is not None
    with world.lake.page_writers(USER_DETAILS, [day], {}, builds_on_stored=True) as writers:
        writers[day].reach = stored.reach
        for page in stored:
            body = json.loads(page.body)
            body["userDetails"] = change(body["userDetails"])
            writers[day].write(replace(page, body=json.dumps(body).encode()))
