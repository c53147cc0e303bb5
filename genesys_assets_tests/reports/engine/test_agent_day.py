"""`reports/agent_day` for spans that no agent of the sandbox has: unknown statuses, and no status at all."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.tables.metrics.buckets import USER_GROUPING
from genesys_assets.tables.users.time import USER_TIME
from genesys_assets_tests.reports.small_lake import KEY, REACH, at, computed, measured, small_lake

DAY_MS = 86_400_000
PRESENCES = ("on_queue", "available", "busy", "away", "break", "meal", "meeting", "training", "other", "offline")
STATUSES = ("idle", "interacting", "communicating", "not_responding", "off_queue", "other_routing")


def spent(kind: str, status: str | None, milliseconds: int) -> dict[str, Any]:
    """A row of time that an agent spent in the first quarter of an hour."""
    end = at(0) + timedelta(milliseconds=milliseconds)
    return {
        "user_id": "of_spans",
        "quarter_start": at(0),
        "kind": kind,
        "status": status,
        "organization_presence_id": None,
        "duration_ms": milliseconds,
        "started_at": at(0),
        "ended_at": end,
    }


@pytest.fixture
def rows(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """The rows by agent: one agent has odd statuses; of the other, only a figure is known."""
    handled = measured(0, USER_GROUPING, "tHandle", user_id="of_a_figure", media_type="voice", count=1, sum=5)
    lake = small_lake(tmp_path, interval_metrics=[handled])
    times = [
        spent("presence", None, 100_000),
        spent("presence", "SABBATICAL", 200_000),
        spent("presence", "IDLE", 40_000),
        spent("presence", "BREAK", 3_000),
        spent("routing", None, 300_000),
        spent("routing", "DREAMING", 50_000),
        spent("routing", "IDLE", 6_000),
    ]
    lake.write("tables/user_time", USER_TIME, pa.Table.from_pylist(times, USER_TIME.schema), KEY, {}, reach=REACH)
    report = next(each for each in built_in_reports() if each.name == "agent_day")
    return {row["user_id"]: row for row in computed(report, lake.refreshed())}


def test_statuses_that_nobody_knows_and_none_at_all_are_other_times(rows: dict[str, dict[str, Any]]) -> None:
    row = rows["of_spans"]
    assert (row["other_ms"], row["break_ms"], row["logged_in_ms"]) == (340_000, 3_000, 343_000)
    assert (row["other_routing_ms"], row["idle_ms"]) == (350_000, 6_000)


def test_a_presence_without_a_system_presence_is_a_login_too(tmp_path: Path) -> None:
    lake = small_lake(tmp_path)
    table = pa.Table.from_pylist([spent("presence", None, 100_000)], USER_TIME.schema)
    lake.write("tables/user_time", USER_TIME, table, KEY, {}, reach=REACH)
    report = next(each for each in built_in_reports() if each.name == "agent_day")
    (row,) = computed(report, lake.refreshed())
    names = ("logged_in_ms", "first_login", "last_logout")
    assert [row[name] for name in names] == [100_000, at(0), at(0) + timedelta(milliseconds=100_000)]


def test_the_parts_of_such_a_day_add_up_to_it_too(rows: dict[str, dict[str, Any]]) -> None:
    row = rows["of_spans"]
    for names, unknown in ((PRESENCES, "unknown_ms"), (STATUSES, "unknown_routing_ms")):
        assert sum(row[f"{name}_ms"] or 0 for name in names) + row[unknown] == DAY_MS == row["day_ms"]


def test_an_agent_of_whom_only_a_figure_is_known_has_a_row_of_unknown_time(rows: dict[str, dict[str, Any]]) -> None:
    row = rows["of_a_figure"]
    assert (row["handled"], row["handle_ms"]) == (1, 5)
    assert (row["unknown_ms"], row["unknown_routing_ms"]) == (DAY_MS, DAY_MS)
    assert (row["logged_in_ms"], row["occupancy"], row["first_login"]) == (None, None, None)
