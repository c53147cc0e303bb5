"""What a report of a day is made of, as one number: see `days.made_of`. It changes with each stored partition that the
report reads, with the names that it shows, and with its own definition.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.days import Window
from genesys_assets.days.made_of import Part, content_until, number
from genesys_assets.lake.lake import Lake
from genesys_assets.reports.meaning.report import Report
from genesys_assets.spans import days_that_reach
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets.tables.names import HISTORIES, names_on
from genesys_assets.tables.spec import INSTANT

_METRICS = f"tables/{INTERVAL_METRICS.name}"
_SEEN_LATER = timedelta(days=3)
"""How long after a day its entities may be seen for the first time: the listings are read once a day."""


def window_of(report: Report, day: str, business: ZoneInfo) -> Window:
    """The day in the report's time zone, UTC."""
    return Window.of_day(day, report.zone or business)


def made_of(lake: Lake, report: Report, day: str, business: ZoneInfo) -> int:
    """`business` is the zone of business days."""
    window = window_of(report, day, business)
    read = {(place, key) for place, keys in _partitions(report, day, window) for key in keys}
    contents = ((place, key, content_until(lake, place, key, window.end)) for place, key in read)
    stored = [Part(0, place, key, content) for place, key, content in contents if content is not None]
    names = [Part(0, f"names/{name}", None, _names(lake, name, window.end)) for name in report.histories]
    return number([*stored, *names], report.name, report.spec.version, _definition(report), window.start, window.end)


def partitions_read(report: Report, day: str, business: ZoneInfo) -> set[tuple[str, str]]:
    """The partitions of tables and of snapshots that a report of a day is computed from, stored or not."""
    window = window_of(report, day, business)
    snapshots = {
        (place, key)
        for part in report.details
        if part.table.is_live
        for place in part.places
        for key in window.utc_days()
    }
    return snapshots | {(place, key) for place, keys in _partitions(report, day, window) for key in keys}


def _partitions(report: Report, day: str, window: Window) -> Iterator[tuple[str, list[str]]]:
    """The tables that the report reads, with the days of each. Snapshots come every few minutes: what is made of them
    is computed when an hour's figures have landed.
    """
    touched = window.utc_days()
    if report.aggregates or report.only_live:
        yield _METRICS, touched
    for part in report.details:
        begins = part.time == "conversation_start"
        days = touched if begins else days_that_reach(day, window)
        for place in part.places:
            yield (_METRICS, touched) if part.table.is_live else (place, days)


def _definition(report: Report) -> str:
    return hashlib.sha256(report.definition.model_dump_json().encode()).hexdigest()


def _names(lake: Lake, name: str, end: datetime) -> str:
    """Identifies the names that were valid at an instant, of all that were seen by a while later."""
    spec = HISTORIES[name]
    place = f"reference/{spec.name}"

    def read() -> str:
        history = lake.read(place, None, schema=spec.schema)
        first_seen = history.group_by("id").aggregate([("valid_from", "min")])
        in_time = first_seen.filter(pc.field("valid_from_min") < pa.scalar(end + _SEEN_LATER, INSTANT))["id"]
        names = names_on(history.filter(pc.is_in(history["id"], in_time)), end)
        return hashlib.sha256(repr(sorted(zip(*names.to_pydict().values(), strict=True))).encode()).hexdigest()

    return lake.once(("names", end), place, None, read)
