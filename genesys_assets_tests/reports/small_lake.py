"""A lake of a few days with only the rows that a test names: what a test of reports needs to compute them for real."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
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
from genesys_assets.reports.language.sources import TABLES
from genesys_assets.reports.meaning.questions import key_of, merged, questions_of, usual
from genesys_assets.reports.meaning.report import Report
from genesys_assets.tables.metrics.buckets import table_of
from genesys_assets.tables.names import HISTORIES
from genesys_assets.tables.service_levels import SERVICE_LEVELS_HISTORY as LEVELS
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
    only: Collection[str] | None = None,
    **tables: list[Row],
) -> Lake:
    """A lake with these rows by table, on the day and those beside it, or on other `days`; a column that a row does not
    name is null. `only` these tables are stored, where not all are needed.

    `users`, `queues` and other histories too. Conversations began with the day unless a row says otherwise. Aggregates
    were asked the usual questions with all metrics, and those of `asked_by`.
    """
    lake = Lake(LocalStore(folder))
    for name, spec in HISTORIES.items():
        lake.write(f"reference/{spec.name}", spec, _table(tables.get(name, []), spec.schema), None, {})
    lake.write(f"reference/{LEVELS.name}", LEVELS, _table(tables.get(LEVELS.name, []), LEVELS.schema), None, {})
    for day in days:
        for spec, family in [(table_of(family), family) for family in FAMILIES.values()]:
            if only is not None and spec.name not in only:
                continue
            rows = _of_day(tables.get(spec.name, []), "interval_start", day)
            answered = replace(reach, questions=_asked(family, asked_by))
            lake.write(f"tables/{spec.name}", spec, _table(keyed(rows, spec), spec.schema), day, {}, reach=answered)
        for source in TABLES.values():
            is_wanted = only is None or source.name in only
            if is_wanted and not (source.is_live or source.made_of):
                rows = [{"conversation_start": DAY, **row} for row in tables.get(source.name, [])]
                rows = keyed(_of_day(rows, "conversation_start", day), source.spec)
                table = _table(rows, source.spec.schema)
                lake.write(source.place, source.spec, table, day, {}, reach=reach)
    return lake


def _asked(family: AggregateFamily, asked_by: Sequence[Report]) -> dict[str, list[str]]:
    usually = {key_of(question): list(family.metrics) for question in usual(family)}
    further = [each for each in merged(questions_of(asked_by)) if each.family is family]
    return {key_of(each): list(each.metrics) for each in further} | usually


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
