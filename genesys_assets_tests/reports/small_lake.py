"""A lake of a few days with only the rows that a test names, so that tests can compute real reports."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from genesys_assets.reports.meaning.questions import key_of, merged, questions_of, usual_questions
from genesys_assets.reports.meaning.report import Report
from genesys_assets.tables.metrics.buckets import table_of
from genesys_assets.tables.names import HISTORIES
from genesys_assets.tables.service_levels import SERVICE_LEVELS_HISTORY as LEVELS
from genesys_assets.tables.spec import TableSpec
from genesys_assets_tests.copied_lakes import copy_into
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
    """A row of interval_metrics, from a minute of the day to the end of its quarter hour."""
    return bucket(at(minutes), grouping, metric, **{"interval_end": at((minutes // 15 + 1) * 15), **more})


def bucket(start: datetime, grouping: str, metric: str, **more: Any) -> Row:
    """A row of interval_metrics, of a quarter hour unless `more` says otherwise."""
    bounds = {"interval_start": start, "interval_end": start + timedelta(minutes=15)}
    return {**bounds, "grouping": grouping, "selection": "", "view": "", "metric": metric, **more}


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
    """A lake with these rows by table, on the day and its neighbours, or on other `days`. A column that a row does not
    name is null. `only` limits the tables that are stored.

    `users`, `queues` and other histories too. Conversations began with the day unless a row says otherwise. Aggregates
    answer the usual questions with all metrics, and those of `asked_by`. An existing lake is written again.
    """
    parts = {part.place: part for part in _parts(asked_by, days, reach, only)}
    rows = {place: tables[part.name] for place, part in parts.items() if tables.get(part.name)}
    if any((folder / place).exists() for place in parts):
        rows = {place: rows.get(place, []) for place in parts}
    else:
        copy_into(folder, _name(parts), lambda lake: _write_empty(lake, parts), without=rows)
    lake = Lake(LocalStore(folder))
    for place, of_place in rows.items():
        parts[place].write(lake, of_place)
    return lake


@dataclass(frozen=True)
class _Part:
    """A table of the lake: of some days, or a history, which has none."""

    name: str
    place: str
    spec: TableSpec
    instant: str = ""
    """The column that tells the day of a row."""
    days: tuple[str, ...] = ()
    reach: Reach | None = None

    def write(self, lake: Lake, rows: list[Row]) -> None:
        if not self.days:
            lake.write(self.place, self.spec, _table(rows, self.spec.schema), None, {})
        rows = [{self.instant: DAY, **row} for row in rows]
        for day in self.days:
            of_day = keyed([row for row in rows if f"{row[self.instant]:%Y-%m-%d}" == day], self.spec)
            lake.write(self.place, self.spec, _table(of_day, self.spec.schema), day, {}, reach=self.reach)


def _parts(
    asked_by: Sequence[Report], days: Sequence[str], reach: Reach, only: Collection[str] | None
) -> Iterator[_Part]:
    for name, spec in {**HISTORIES, LEVELS.name: LEVELS}.items():
        yield _Part(name, f"reference/{spec.name}", spec)
    for family in FAMILIES.values():
        spec, answered = table_of(family), replace(reach, questions=_asked(family, asked_by))
        if only is None or spec.name in only:
            yield _Part(spec.name, f"tables/{spec.name}", spec, "interval_start", tuple(days), answered)
    for source in TABLES.values():
        is_wanted = only is None or source.name in only
        if is_wanted and not (source.is_live or source.made_of):
            yield _Part(source.name, source.place, source.spec, "conversation_start", tuple(days), reach)


def _name(parts: Mapping[str, _Part]) -> str:
    return repr([(place, part.days, part.reach) for place, part in parts.items()])


def _write_empty(lake: Lake, parts: Mapping[str, _Part]) -> None:
    for part in parts.values():
        part.write(lake, [])


def _asked(family: AggregateFamily, asked_by: Sequence[Report]) -> dict[str, list[str]]:
    usually = {key_of(question): list(family.metrics) for question in usual_questions(family)}
    further = [each for each in merged(questions_of(asked_by)) if each.family is family]
    return {key_of(each): list(each.metrics) for each in further} | usually


def computed(report: Report, lake: Lake, zone: str = "UTC", day: str = KEY, start_date: date = date.min) -> list[Row]:
    """Compute the report of the day; checks that the rows have its declared columns."""
    table = compute(report, StoredDay(lake, day, ZoneInfo(zone), start_date))
    assert table.schema == report.spec.schema
    rows: list[Row] = table.to_pylist()
    return rows


def _table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    unknown = {name for row in rows for name in row} - set(schema.names)
    assert not unknown, f"no column for {unknown}"
    return pa.Table.from_pylist(rows, schema)
