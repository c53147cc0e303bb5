"""Business days of 23, 23.5, 24.5 and 25 hours: sums by the platform, and sums cut from hours."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from genesys_assets.sandbox.server import running
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests import plain_reports
from genesys_assets_tests.assets.world import World, definitions
from genesys_assets_tests.plain_figures import Item, Row
from genesys_assets_tests.scenarios.hard_days import (
    NAMES,
    compare_metrics,
    compare_report,
    compute,
    knowledge,
    known_by_now,
    read_hours,
)

pytestmark = pytest.mark.long

ADDITIVE = {"nOffered": "count", "nConnected": "count", "tHandle": "sum", "tTalkComplete": "sum", "tAcw": "sum"}


@pytest.mark.parametrize(
    ("zone", "day", "length", "offsets"),
    [
        ("Europe/London", date(2026, 3, 29), 23, ("Z", "+01:00")),
        pytest.param("Europe/London", date(2026, 10, 25), 25, ("+01:00", "Z"), marks=pytest.mark.long),
        pytest.param("America/New_York", date(2026, 3, 8), 23, ("-05:00", "-04:00"), marks=pytest.mark.long),
        pytest.param("America/New_York", date(2026, 11, 1), 25, ("-04:00", "-05:00"), marks=pytest.mark.long),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5, ("+10:30", "+11:00")),
        pytest.param("Australia/Lord_Howe", date(2026, 4, 5), 24.5, ("+11:00", "+10:30"), marks=pytest.mark.long),
    ],
)
def test_a_day_on_which_clocks_change_is_whole_in_every_table_and_report(
    tmp_path: Path, zone: str, day: date, length: float, offsets: tuple[str, str]
) -> None:
    after = day + timedelta(days=1)
    start, end = local_midnight(day, zone), local_midnight(after, zone)
    assert end - start == timedelta(hours=length)
    now = end + timedelta(hours=6)
    touched = [start.date(), (end - timedelta(seconds=1)).date()]
    with running(conversations_per_day=60, now=now, requests_per_minute=None) as sandbox:
        world = World(sandbox, tmp_path, definitions(f"{touched[0]}", zone))
        read_hours(world, touched[0], touched[-1])
        tables = ("tables/interval_metrics", "tables/session_metrics")
        assert world.run("daily", *tables, between=(f"{touched[0]}", f"{touched[-1]}")).success
        of_business_day = (
            "pages/daily_aggregates",
            "tables/daily_metrics",
            "reports/agent_daily",
            "reports/queue_media",
        )
        compute(world, day, *of_business_day, *NAMES)
        everything = known_by_now(world, now, touched[-1] + timedelta(days=1))
        known = knowledge(world, everything, start, end)
        compare_metrics(world, "daily_metrics", day, known, step=end - start)
        stored = [item for each in dict.fromkeys(touched) for item in world.seen(each, now)]
        known = replace(known, reaching=stored)
        compare_report(world, "agent_daily", day, plain_reports.agent(known, None))
        compare_report(world, "queue_media", day, plain_reports.queue_media(known))
        rows = world.lake.read("tables/daily_metrics", f"{day}").to_pylist()
        rows_of_hours = world.lake.read("tables/interval_metrics", [f"{each}" for each in dict.fromkeys(touched)])
        inside = [row for row in rows_of_hours.to_pylist() if start <= row["interval_start"] < end]
        assert sums(rows) == sums(inside) == emitted(everything, start, end)
        for name in ("tables/daily_metrics", "reports/agent_daily", "reports/queue_media"):
            bounds = world.lake.read(name, f"{day}").select(["interval_start", "interval_end"]).to_pylist()
            assert {tuple(row.values()) for row in bounds} == {(start, end)}
        assert {row["local_date"] for row in rows} == {day}
        begin, until = (f"{each}T00:00:00.000{offset}" for each, offset in zip((day, after), offsets, strict=True))
        assert requested_intervals(world, day) == {(f"{begin}/{until}", zone)}


def local_midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def sums(rows: list[Row]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        if row["metric"] in ADDITIVE:
            key = row["grouping"], row["metric"]
            found[key] = found.get(key, 0) + row[ADDITIVE[row["metric"]]]
    return found


def emitted(conversations: list[Item], start: datetime, end: datetime) -> dict[tuple[str, str], int]:
    """The same sums straight from the conversations, without buckets and zones."""
    found: dict[tuple[str, str], int] = {}
    for session in plain.sessions(conversations):
        for when, name, value in session.emitted(*ADDITIVE):
            for grouping in plain.GROUPINGS:
                if start <= when < end and not ("userId" in grouping and name in plain.OF_QUEUES):
                    key = ",".join(grouping), name
                    found[key] = found.get(key, 0) + value
    return found


def requested_intervals(world: World, day: date) -> set[tuple[str, str]]:
    """The intervals and time zones of the requests."""
    pages = world.lake.pages("pages/daily_aggregates", f"{day}")
    assert pages is not None
    bodies = [json.loads(page.request)["body"] for page in pages]
    return {(body["interval"], body["timeZone"]) for body in bodies}
