"""One number that identifies what a report of a day, or of the period that ends on it, is made of: see `days.made_of`.
It changes with each stored partition that the report reads, with the names and settings that it shows, and with its
definition.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.days import Window, utc_day
from genesys_assets.days.made_of import Input, number, stored_inputs_until
from genesys_assets.lake.lake import Lake
from genesys_assets.periods import Period
from genesys_assets.reports.engine.contacts import days_read
from genesys_assets.reports.engine.queue_settings import PLACE as PLACE_OF_SETTINGS
from genesys_assets.reports.engine.queue_settings import content
from genesys_assets.reports.meaning.report import Report
from genesys_assets.spans import possible_start_days
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets.tables.names import HISTORIES, names_on
from genesys_assets.tables.spec import INSTANT

_METRICS = f"tables/{INTERVAL_METRICS.name}"
_REPORTS_REMEMBERED, _WINDOWS_REMEMBERED = 256, 8_192
_SEEN_LATER = timedelta(days=3)
"""An entity of a day may first appear in a listing this long after the day, because listings are read once a day."""


def window_of(report: Report, day: str, business: ZoneInfo) -> Window:
    """The window in UTC of the report's period that ends on a day of the report's time zone."""
    return _window(report.period, day, report.zone or business)


@lru_cache(maxsize=_WINDOWS_REMEMBERED)
def _window(period: Period, day: str, zone: ZoneInfo) -> Window:
    return period.window(day, zone)


def windows_of(report: Report, day: str, business: ZoneInfo) -> list[tuple[str, Window]]:
    """The first day and the window of each period that the report reads: its own, and the one that it is compared
    with.
    """
    last_days = [day, *([report.before.last_day(report.period, day)] if report.before else [])]
    return [(f"{report.period.first(last)}", window_of(report, last, business)) for last in last_days]


def made_of(lake: Lake, report: Report, day: str, business: ZoneInfo) -> int:
    """The number that identifies what the report of a day is made of. `business` is the zone of business days."""
    window, windows = window_of(report, day, business), windows_of(report, day, business)
    facts = _facts(_ByIdentity(report))
    read = {
        (place, key, of.end) for first, of in windows for place, keys in facts.partitions(first, of) for key in keys
    }
    if facts.reads_contacts:
        read |= {(place, key, utc_day(key)[1]) for _, of in windows for place, key in days_read(lake, of)}
    stored = stored_inputs_until(lake, read)
    names = [Input(0, f"names/{name}", None, _names(lake, name, window.end)) for name in facts.histories]
    if facts.has_queue_settings:
        ends = [of.end for _, of in windows] if facts.compares_queue_settings else [window.end]
        names += [Input(0, PLACE_OF_SETTINGS, None, content(lake, end)) for end in ends]
    return number([*stored, *names], report.name, report.spec.version, facts.definition, window.start, window.end)


def partitions_read(lake: Lake, report: Report, day: str, business: ZoneInfo) -> set[tuple[str, str]]:
    """The partitions of tables and snapshots, as place and key, that the report of a day reads, whether stored or
    not.
    """
    windows = windows_of(report, day, business)
    partitions = _facts(_ByIdentity(report)).partitions
    read = {(place, key) for first, of in windows for place, keys in partitions(first, of) for key in keys}
    for part in report.details:
        if part.table.is_live:
            read |= {(place, key) for place in part.places for _, of in windows for key in of.utc_days()}
        if part.table.made_of:
            read |= {(place, key) for _, of in windows for place, key in days_read(lake, of)}
    return read


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a report reads, from its definition. Of `tables` it reads the days of its window, of `reaching` also the
    days before it whose conversations may still be alive.
    """

    tables: tuple[str, ...]
    reaching: tuple[str, ...]
    reads_contacts: bool
    histories: tuple[str, ...]
    has_queue_settings: bool
    compares_queue_settings: bool
    definition: str

    def partitions(self, first: str, window: Window) -> Iterator[tuple[str, Sequence[str]]]:
        """The tables that the report reads, with the days of each; `first` is the window's first day."""
        touched = window.utc_days()
        for place in self.tables:
            yield place, touched
        for place in self.reaching:
            yield place, possible_start_days(first, window)


class _ByIdentity:
    """A report as the key of a cache, compared by identity: comparing whole reports would be slow."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def __hash__(self) -> int:
        return id(self.report)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and other.report is self.report


@lru_cache(maxsize=_REPORTS_REMEMBERED)
def _facts(of: _ByIdentity) -> _Facts:
    """Cached, because sensors compute the numbers of all days of a report again and again."""
    report = of.report
    tables = list(report.metrics_places)
    reaching: list[str] = []
    # Snapshots arrive every few minutes. Reports from them are computed when the figures of an hour have arrived.
    if report.only_live:
        tables.append(_METRICS)
    for part in report.details:
        if part.table.is_live:
            tables.append(_METRICS)
        elif part.time == "conversation_start" or part.table.is_of_users:
            tables += part.places
        else:
            reaching += part.places
    return _Facts(
        tables=tuple(dict.fromkeys(tables)),
        reaching=tuple(dict.fromkeys(reaching)),
        reads_contacts=any(part.table.made_of for part in report.details),
        histories=report.histories,
        has_queue_settings=report.has_queue_settings,
        compares_queue_settings=any(column.setting and column.of != "now" for column in report.shown),
        definition=hashlib.sha256(report.definition.model_dump_json(exclude_defaults=True).encode()).hexdigest(),
    )


def _names(lake: Lake, name: str, end: datetime) -> str:
    """Identifies the names that were valid at an instant. It counts all entities that appeared in a listing until
    `_SEEN_LATER` after that instant.
    """
    spec = HISTORIES[name]
    place = f"reference/{spec.name}"

    def changes() -> list[datetime]:
        """The instants at which the result changes."""
        since = lake.read(place, None, columns=["valid_from"], schema=spec.schema)["valid_from"].to_pylist()
        return sorted({*since, *(moment - _SEEN_LATER for moment in since)})

    def read() -> str:
        history = lake.read(place, None, schema=spec.schema)
        first_seen = history.group_by("id").aggregate([("valid_from", "min")])
        in_time = first_seen.filter(pc.field("valid_from_min") < pa.scalar(end + _SEEN_LATER, INSTANT))["id"]
        names = names_on(history.filter(pc.is_in(history["id"], in_time)), end)
        return hashlib.sha256(repr(sorted(zip(*names.to_pydict().values(), strict=True))).encode()).hexdigest()

    # All instants between two changes have the same names, so that years of days need few reads.
    return lake.once(("names", bisect_left(lake.once("changes", place, None, changes), end)), place, None, read)
