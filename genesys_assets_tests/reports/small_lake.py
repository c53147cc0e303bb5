"""A lake of a few days with only the rows that a test names: what a test of reports needs to compute them for real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from genesys_assets.cloud.analytics.families import FAMILIES, AggregateFamily
from genesys_assets.days import days_around
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.reports.engine.compute import compute
from genesys_assets.reports.engine.stored import StoredDay
from genesys_assets.reports.meaning.questions import key_of, merged, questions_of, usual
from genesys_assets.reports.meaning.report import Report
from genesys_assets.reports.meaning.sources import TABLES
from genesys_assets.tables.metrics.buckets import table_of
from genesys_assets.tables.names import HISTORIES
from genesys_assets_tests.keyed_rows import keyed

Row = dict[str, Any]

KEY = "2026-01-31"
DAY = datetime(2026, 1, 31, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
REACH = Reach(DAY + timedelta(days=3))


def at(minutes: float) -> datetime:
    return DAY + timedelta(minutes=minutes)


def measured(minutes: float, grouping: str, metric: str, **more: Any) -> Row:
    """A row of interval_metrics."""
    usual = {"grouping": grouping, "selection": "", "view": "", "metric": metric}
    return {"interval_start": at(minutes), "interval_end": at((minutes // 15 + 1) * 15), **usual, **more}


def called(**names: str) -> list[Row]:
    """Rows of a history: names by id, valid since long ago."""
    return [{"id": id_, "valid_from": LONG_AGO, "name": name, "is_deleted": False} for id_, name in names.items()]


def small_lake(folder: Path, *, asked_by: Sequence[Report] = (), **tables: list[Row]) -> Lake:
    """A lake with these rows by table, on the day and those beside it; a column that a row does not name is null.

    `users`, `queues` and other histories too. Conversations began with the day unless a row says otherwise. Aggregates
    were asked the usual questions with all metrics, and those of `asked_by`.
    """
    lake = Lake(LocalStore(folder))
    for name, spec in HISTORIES.items():
        lake.write(f"reference/{spec.name}", spec, _table(tables.get(name, []), spec.schema), None, {})
    for day in days_around(KEY, 1, 1):
        for family in FAMILIES.values():
            spec = table_of(family)
            rows = _of_day(tables.get(spec.name, []), "interval_start", day)
            reach = replace(REACH, questions=_asked(family, asked_by))
            lake.write(f"tables/{spec.name}", spec, _table(keyed(rows, spec), spec.schema), day, {}, reach=reach)
        for source in TABLES.values():
            if not source.is_live:
                rows = [{"conversation_start": DAY, **row} for row in tables.get(source.name, [])]
                rows = keyed(_of_day(rows, "conversation_start", day), source.spec)
                table = _table(rows, source.spec.schema)
                lake.write(source.place, source.spec, table, day, {}, reach=REACH)
    return lake


def _asked(family: AggregateFamily, asked_by: Sequence[Report]) -> dict[str, list[str]]:
    usually = {key_of(question): list(family.metrics) for question in usual(family)}
    further = [each for each in merged(questions_of(asked_by)) if each.family is family]
    return {key_of(each): list(each.metrics) for each in further} | usually


def computed(report: Report, lake: Lake, zone: str = "UTC") -> list[Row]:
    """The rows of the report of the day, with the shape that it declares."""
    table = compute(report, StoredDay(lake, KEY, ZoneInfo(zone)))
    assert table.schema == report.spec.schema
    rows: list[Row] = table.to_pylist()
    return rows


def _of_day(rows: list[Row], instant: str, day: str) -> list[Row]:
    return [row for row in rows if f"{row[instant]:%Y-%m-%d}" == day]


def _table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    unknown = {name for row in rows for name in row} - set(schema.names)
    assert not unknown, f"no column for {unknown}"
    return pa.Table.from_pylist(rows, schema)
