"""A lake of a few days with only the rows that a test names: what a test of reports needs to compute them for real."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from genesys_assets.cloud.analytics.catalogue import METRICS
from genesys_assets.days import days_around
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.reports.engine.compute import compute
from genesys_assets.reports.engine.stored import StoredDay
from genesys_assets.reports.meaning.questions import STANDARD, key_of, merged, questions_of
from genesys_assets.reports.meaning.report import Report
from genesys_assets.reports.meaning.sources import TABLES
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets.tables.names import HISTORIES
from genesys_assets_tests.keyed_rows import keyed

Row = dict[str, Any]

KEY = "2026-01-31"
DAY = datetime(2026, 1, 31, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
REACH = Reach(DAY + timedelta(days=3))
DAYS = days_around(KEY, 1, 1)


def at(minutes: float) -> datetime:
    return DAY + timedelta(minutes=minutes)


def measured(minutes: float, grouping: str, metric: str, **more: Any) -> Row:
    """A row of interval_metrics."""
    usual = {"grouping": grouping, "selection": "", "view": "", "metric": metric}
    return {"interval_start": at(minutes), "interval_end": at((minutes // 15 + 1) * 15), **usual, **more}


def called(**names: str) -> list[Row]:
    """Rows of a history: names by id, valid since long ago."""
    return [{"id": id_, "valid_from": LONG_AGO, "name": name, "is_deleted": False} for id_, name in names.items()]


def small_lake(
    folder: Path,
    *,
    asked_by: Sequence[Report] = (),
    days: Sequence[str] = DAYS,
    reach: Reach = REACH,
    only: Collection[str] = TABLES,
    **tables: list[Row],
) -> Lake:
    """A lake with these rows by table, on the day and those beside it, or on other `days`; a column that a row does not
    name is null. `only` these tables of conversations are stored, where not all are needed.

    `users`, `queues` and other histories too. Conversations began with the day unless a row says otherwise. Aggregates
    were asked the usual questions with all metrics, and those of `asked_by`.
    """
    lake = Lake(LocalStore(folder))
    for name, spec in HISTORIES.items():
        lake.write(f"reference/{spec.name}", spec, _table(tables.get(name, []), spec.schema), None, {})
    asked = {key_of(question): list(METRICS) for question in STANDARD}
    asked |= {key_of(each): list(each.metrics) for each in merged(questions_of(asked_by)) if key_of(each) not in asked}
    for day in days:
        rows = _of_day(tables.get("interval_metrics", []), "interval_start", day)
        table = _table(keyed(rows, INTERVAL_METRICS), INTERVAL_METRICS.schema)
        answered = replace(reach, questions=asked)
        lake.write("tables/interval_metrics", INTERVAL_METRICS, table, day, {}, reach=answered)
        for source in TABLES.values():
            if source.name in only and not (source.is_live or source.made_of):
                rows = [{"conversation_start": DAY, **row} for row in tables.get(source.name, [])]
                rows = keyed(_of_day(rows, "conversation_start", day), source.spec)
                table = _table(rows, source.spec.schema)
                lake.write(source.place, source.spec, table, day, {}, reach=reach)
    return lake


def computed(report: Report, lake: Lake, zone: str = "UTC", day: str = KEY, start_date: date = date.min) -> list[Row]:
    """The rows of the report of the day, with the shape that it declares."""
    table = compute(report, StoredDay(lake, day, ZoneInfo(zone), start_date))
    assert table.schema == report.spec.schema
    rows: list[Row] = table.to_pylist()
    return rows


def _of_day(rows: list[Row], instant: str, day: str) -> list[Row]:
    return [row for row in rows if f"{row[instant]:%Y-%m-%d}" == day]


def _table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    unknown = {name for row in rows for name in row} - set(schema.names)
    assert not unknown, f"no column for {unknown}"
    return pa.Table.from_pylist(rows, schema)
