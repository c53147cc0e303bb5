"""Finds violations at a moment; each is one line.

`expected` has the expected rows of reports. This module checks what must exist, how new it must be, and what must not
be claimed. The definitions list the reports; one that `expected` does not know is compared with a new computation.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from genesys_assets.lake.lake import Lake
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.engine.compute import compute
from genesys_assets.reports.engine.stored import NotStored, StoredDay
from genesys_assets_tests.months.bounds import touched, utc_midnight, window
from genesys_assets_tests.months.expected import REPORTS, ExpectedFigures
from genesys_assets_tests.months.history import DAY, HOUR, Past
from genesys_assets_tests.months.own_reports import OwnReport
from genesys_assets_tests.months.readings import (
    AGGREGATES,
    AGGREGATES_OF_HOURS,
    DETAILS,
    HOURS,
    OVERLAP,
    USERS,
    Reading,
    hours_of,
)
from genesys_assets_tests.plain_figures import Row

BUILT_IN = {report.name: report for report in built_in_reports()}
RULED = (DETAILS, OVERLAP, HOURS, AGGREGATES, AGGREGATES_OF_HOURS, USERS)
"""The pages of which it is known when they must be there."""
PUBLISHED = "published/reports"
NAMES = ("queue_name", "user_name", "unique_wrapup_code_names")


@dataclass(frozen=True)
class Violation:
    """A violation. `what` and `subject` identify it across moments."""

    what: str
    subject: str
    expected: str
    found: str

    def line(self, seed: int, zone: str, at: datetime) -> str:
        return (
            f"{self.what} {self.subject}: expected {self.expected}, found {self.found} "
            f"(seed {seed}, {zone}, judged {at:%Y-%m-%d %H:%M})"
        )


@dataclass(frozen=True)
class Case:
    """The case to judge, at `now`: since `since` no fault has stopped work, and work may take `grace`.

    `lag` is the longest delay of details jobs on this day; `own` are the current custom reports; `reported` gives for
    each asset the partitions that Dagster knows; `published` are the days that have a manifest.
    """

    past: Past
    lake: Lake
    manifest: Callable[[date], Mapping[str, Any] | None]
    file: Callable[[Mapping[str, Any]], Path]
    first: date
    zone: ZoneInfo
    now: datetime
    since: datetime
    grace: timedelta
    lag: timedelta
    own: Mapping[str, OwnReport] = field(default_factory=dict)
    reported: Mapping[str, Collection[str]] = field(default_factory=dict)
    published: Collection[date] = ()
    look_back: int = 4

    @property
    def due(self) -> datetime:
        """Partitions that could be read by this time must be stored."""
        return self.now - self.grace

    @property
    def finished(self) -> list[date]:
        """Days that are over both in their zone and in UTC, and began after the start date."""
        days = [self.first + DAY * number for number in range((self.now.date() - self.first).days + 2)]
        windows = {day: window(day, self.zone) for day in days}
        return [
            day
            for day, (start, end) in windows.items()
            if start >= utc_midnight(self.first) and max(end, utc_midnight(day) + DAY) <= self.due
        ]


def judged(case: Case, figures_of: Iterable[date]) -> Iterator[Violation]:
    """All violations. Figures are checked for some days only, because that takes most of the time."""
    expected = ExpectedFigures(case.past, case.lake, case.first, case.zone)
    yield from _hours(case, expected)
    yield from _complete_days(case, expected)
    yield from _look_back(case, expected)
    for day in case.finished:
        manifest = case.manifest(day)
        if manifest is None:
            yield Violation("not published", f"{day}", "a manifest", "none")
            continue
        yield from _promises(case, expected, day, manifest)
        yield from _files(case, day, manifest)
    for day in figures_of:
        yield from _figures(case, expected, day, case.manifest(day))
    yield from ledger(case.lake)
    yield from _unreported(case)


def _hours(case: Case, expected: ExpectedFigures) -> Iterator[Violation]:
    for asset in (AGGREGATES_OF_HOURS, HOURS):
        missing: list[str] = []
        moment = utc_midnight(case.first)
        while moment + HOUR <= case.due:
            key = f"{moment:%Y-%m-%d-%H:00}"
            if expected.reading(asset, key) is None and not (asset == HOURS and _is_complete(expected, moment.date())):
                missing.append(key)
            moment += HOUR
        if missing:
            yield Violation("missing", f"{asset} {missing[0]}", "every hour that is over", f"{len(missing)} missing")


def _is_complete(expected: ExpectedFigures, day: date) -> bool:
    found = expected.reading(DETAILS, f"{day}")
    return found is not None and found.is_complete


def _complete_days(case: Case, expected: ExpectedFigures) -> Iterator[Violation]:
    day = case.first
    while utc_midnight(day) + DAY <= case.due - case.lag:
        for asset in (DETAILS, OVERLAP, USERS):
            found = expected.reading(asset, f"{day}")
            if found is None or found.through is None or found.through < utc_midnight(day) + DAY:
                through = "nothing" if found is None else f"through {found.through}"
                yield Violation("incomplete", f"{asset} {day}", "the whole day", through)
        day += DAY


def _look_back(case: Case, expected: ExpectedFigures) -> Iterator[Violation]:
    """Checks that days that may still change are read again each day."""
    today = utc_midnight(case.now.date())
    for back in range(1, case.look_back + 1):
        day = (today - DAY * back).date()
        if day < case.first:
            continue
        for asset in (DETAILS, OVERLAP, USERS, AGGREGATES, AGGREGATES_OF_HOURS):
            behind = case.lag if asset in (DETAILS, OVERLAP, USERS) else timedelta()
            keys = hours_of([f"{day}"]) if asset == AGGREGATES_OF_HOURS else [f"{day}"]
            if asset == AGGREGATES and window(day, case.zone)[1] > case.due:
                continue
            found = [expected.reading(asset, key) for key in keys]
            newest = [reading.checked for reading in found if reading is not None]
            if len(newest) == len(keys) and min(newest) < today - behind:
                yield Violation(
                    "not read again", f"{asset} {day} on {today:%Y-%m-%d}", f"as of {today - behind}", f"{min(newest)}"
                )


def _promises(case: Case, expected: ExpectedFigures, day: date, manifest: Mapping[str, Any]) -> Iterator[Violation]:
    """Checks that partitions marked as complete are complete: they were read after their end."""
    start, end = window(day, case.zone)
    said = bool(manifest["is_complete"])
    days = touched(start, end)
    whole = all(_is_complete(expected, each) for each in days)
    late = [
        key
        for each in days
        for key in hours_of([f"{each}"])
        if not _read_after(expected.reading(AGGREGATES_OF_HOURS, key), key)
    ]
    inside = [key for key in late if start <= _start_of(key) < end]
    if said and (datetime.fromisoformat(manifest["generated_at"]) < end or not whole or inside):
        why = f"generated {manifest['generated_at']}, days complete {whole}, hours missing {len(inside)}"
        yield Violation("called complete", f"{day}", "incomplete", why)
    if not said and utc_midnight(days[-1]) + DAY <= case.due - case.lag:
        yield Violation("not called complete", f"{day}", "complete", f"through {manifest['data_available_through']}")


def _files(case: Case, day: date, manifest: Mapping[str, Any]) -> Iterator[Violation]:
    """Checks that the manifest lists the files of exactly the existing reports, with the right bytes. A report that
    plain Python does not know may be missing with a reason.
    """
    named = {file["report"] for file in manifest["files"]} - {"day_page"}
    excused = {each["report"] for each in manifest["missing"]} & {*without_plain_figures()}
    wanted = {*BUILT_IN, *case.own}
    if named != wanted - excused:
        less, more = (" ".join(sorted(each)) or "none" for each in (wanted - named, named - wanted))
        yield Violation("reports of manifest", f"{day}", "those that there are", f"less {less}, more {more}")
    for file in manifest["files"]:
        path = case.file(file)
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != file["sha256"]:
            there = "other bytes" if path.exists() else "no file"
            yield Violation("file of manifest", f"{day} {file['key']}", f"sha256 {file['sha256'][:8]}", there)


def _start_of(key: str) -> datetime:
    return datetime.strptime(key, "%Y-%m-%d-%H:%M").replace(tzinfo=UTC)


def _read_after(reading: Reading | None, key: str) -> bool:
    return reading is not None and reading.checked >= _start_of(key) + HOUR


# -- figures -----------------------------------------------------------------------------------------------------------


def _figures(
    case: Case, expected: ExpectedFigures, day: date, manifest: Mapping[str, Any] | None
) -> Iterator[Violation]:
    """Compares the figures of the lake, and the published ones if the day is published."""
    files = {file["report"]: file for file in (manifest or {"files": ()})["files"] if file["format"] == "parquet"}
    for name in [*BUILT_IN, *case.own]:
        of_own = case.own.get(name)
        key = of_own.key if of_own else BUILT_IN[name].spec.key
        wanted = of_own.figures(expected.business_day(day)) if of_own else _figures_of(case, expected, name, day)
        if wanted is None:
            continue
        places: dict[str, list[Row]] = {}
        if case.lake.has(f"reports/{name}", f"{day}"):
            places["in the lake"] = case.lake.read(f"reports/{name}", f"{day}").to_pylist()
        else:
            yield Violation("not computed", f"{name} {day}", "a report", "none")
        if name in files:
            places["published"] = pq.read_table(case.file(files[name])).to_pylist()
        elif manifest is not None:
            yield Violation("not published", f"{name} {day}", "a file", "none")
        for place, rows in places.items():
            for problem in differences(rows, wanted, key, case.past.names):
                yield Violation("figure", f"{name} {day} {place}", f"{problem.where} {problem.expected}", problem.found)
                break


def without_plain_figures() -> list[str]:
    """The built-in reports that `expected` does not know."""
    return sorted(BUILT_IN.keys() - REPORTS.keys())


def _figures_of(case: Case, expected: ExpectedFigures, name: str, day: date) -> Sequence[Row] | None:
    """The expected rows of a built-in report; None if they are unknown and cannot be computed from the stored
    tables."""
    told = expected.report(name, day) if name in REPORTS else None
    if told is not None:
        return told
    try:
        rows: list[Row] = compute(BUILT_IN[name], StoredDay(case.lake, f"{day}", case.zone, case.first)).to_pylist()
    except NotStored:
        return None
    return rows


@dataclass(frozen=True)
class Difference:
    where: str
    expected: str
    found: str


def differences(
    rows: Sequence[Row], expected: Sequence[Row], key: Sequence[str], names: Mapping[str, set[str]]
) -> Iterator[Difference]:
    """Missing, superfluous and different rows. A name may be any name that its queue has had."""
    found, wanted = ({tuple(row.get(part) for part in key): row for row in each} for each in (rows, expected))
    if len(found) != len(rows):
        yield Difference("keys", "each once", f"{len(rows) - len(found)} twice")
    for missing in wanted.keys() - found.keys():
        yield Difference(f"{_shown(missing)}", "a row", "none")
    for extra in found.keys() - wanted.keys():
        yield Difference(f"{_shown(extra)}", "no row", "one")
    for of_row in wanted.keys() & found.keys():
        row = found[of_row]
        for name, value in row.items():
            of_plain = wanted[of_row].get(name)
            renamed = name == "queue_name" and value in names.get(str(row.get("queue_id")), ())
            if not _same(value, of_plain) and not renamed:
                yield Difference(f"{_shown(of_row)} {name}", f"{of_plain}", f"{value}")


def _shown(key: Iterable[Any]) -> str:
    return " ".join(f"{part:%Y-%m-%dT%H:%M}" if isinstance(part, datetime) else f"{part}" for part in key)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other)


def _unreported(case: Case) -> Iterator[Violation]:
    """Partitions that are stored, but unknown to Dagster, because the run that stored them died."""
    for place, known in case.reported.items():
        stored = map(str, case.published) if place == PUBLISHED else filter(None, case.lake.stored(place))
        for key in sorted(key for key in stored if key not in known):
            yield Violation("not reported", f"{place} {key}", "that Dagster knows it", "nothing")
            break


# -- the ledger --------------------------------------------------------------------------------------------------------

LEDGER = "tables/restatements"


def ledger(lake: Lake) -> Iterator[Violation]:
    """Checks that each reading starts from the rows that the one before left, and that the last one left the stored
    rows."""
    log = lake.log(LEDGER)
    rows = [row for day in log.partitions() for row in lake.read(LEDGER, day).to_pylist()] if log.partitions() else []
    by_table: dict[tuple[str, date], list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["version"]):
        by_table.setdefault((row["table"], row["day"]), []).append(row)
    for (table, day), readings in by_table.items():
        where = f"{table} {day}"
        for one, following in pairwise(readings):
            if one["rows_after"] != following["rows_before"]:
                where_ = f"{where} version {following['version']}"
                yield Violation("ledger", where_, f"{one['rows_after']} rows before", f"{following['rows_before']}")
        for row in readings:
            after = row["rows_before"] + row["rows_added"] - row["rows_removed"]
            if after != row["rows_after"]:
                where_ = f"{where} version {row['version']}"
                yield Violation("ledger", where_, f"{after} rows after", f"{row['rows_after']}")
        stored = lake.rows(f"tables/{table}", f"{day}")
        if readings[-1]["rows_after"] != stored and readings[-1]["version"] == lake.log(f"tables/{table}").version:
            yield Violation("ledger", where, f"{stored} rows now", f"{readings[-1]['rows_after']}")
