"""The sources of rows, and their priority: fetched from the API, imported from a saved file, or made of the data lake.

Fetched rows have priority. Imported figures fill hours and days that were never fetched; they are never added to
fetched ones. If two imported buckets overlap, the one that was imported later is kept whole. Mostly the two are of the
same interval, because `importing.overlaps` leaves out other overlaps during the import. `importing` reads the files.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.cloud.analytics.queries import Granularity
from genesys_assets.spans import MILLISECOND
from genesys_assets.tables.spec import INSTANT, TableSpec, columns

FETCHED = "fetched"
IMPORTED = "imported"
DATA_LAKE = "data_lake"
SOURCES = (FETCHED, IMPORTED, DATA_LAKE)
METHOD = "IMPORT"
"""The method in the request of an imported page, in the place of GET or POST."""

SOURCE = columns(
    "source string fetched (from the API), imported (from a saved file) or data_lake (from files of the data lake "
    "extraction)"
)

_WITHIN_AN_HOUR: dict[Granularity, int] = {"PT15M": 15, "PT30M": 30, "PT1H": 60}

Numbers = npt.NDArray[np.int64]


def source_of(request: str) -> str:
    """The source of a page, by its request: `FETCHED` or `IMPORTED`."""
    return IMPORTED if json.loads(request).get("method") == METHOD else FETCHED


def fill_hours(
    spec: TableSpec, fetched: pa.Table, imported: Sequence[pa.Table], hours: Collection[datetime]
) -> pa.Table:
    """The rows of `fetched`, and those of `imported` that lie in none of `hours`, which are the fetched hours.
    `imported` must be in the order of the imports.

    Tables have the columns of `INTERVAL_METRICS` or `DAILY_METRICS`; the result is in key order.
    """
    rows = pa.concat_tables([spec.empty(), *imported])
    hours_ = pa.array(sorted(hours), INSTANT)
    rows = rows.filter(pc.invert(pc.is_in(pc.floor_temporal(rows["interval_start"], unit="hour"), value_set=hours_)))
    both = pa.concat_tables([fetched, without_overlaps(rows)])
    return both.sort_by([(name, "ascending") for name in spec.key])


def without_overlaps(rows: pa.Table) -> pa.Table:
    """The rows without those that overlap a later one of the same question, group and metric."""
    if not len(rows):
        return rows
    names = ("grouping", "selection", "group_key", "metric", "view")
    codes = [rows[name].combine_chunks().dictionary_encode().indices.to_numpy() for name in names]
    start, end = (rows[name].cast(pa.int64()).to_numpy() for name in ("interval_start", "interval_end"))
    order = np.lexsort((start, *codes))
    same = np.logical_and.reduce([code[order][1:] == code[order][:-1] for code in codes])
    series = np.concatenate(([0], np.cumsum(~same)))
    dropped = _overlapped(order, series, start, end)
    return rows.take(pa.array(np.setdiff1d(np.arange(len(rows)), dropped))) if dropped else rows


def _overlapped(order: Numbers, series: Numbers, start: Numbers, end: Numbers) -> list[int]:
    """Positions of the rows to leave out. A series is the rows of one question, group and metric; in `order` they
    follow each other by start.
    """
    # The series in which a bucket starts before an earlier one ends: found without a loop, as mostly there are none.
    shift = series * (int(end.max()) - int(start.min()) + 1)
    reach = np.maximum.accumulate(end[order] + shift)
    touched = np.unique(series[1:][start[order][1:] + shift[1:] < reach[:-1]])
    bounds = np.searchsorted(series, [touched, touched + 1])
    dropped = []
    for first, last in bounds.T.tolist():
        latest_first = np.sort(order[first:last])[::-1]
        buckets = zip(start[latest_first].tolist(), end[latest_first].tolist(), strict=True)
        dropped += latest_first[_overlaps(buckets)].tolist()
    return dropped


def _overlaps(buckets: Iterable[tuple[int, int]]) -> list[bool]:
    """For each half-open bucket, whether it overlaps an earlier one that is kept."""
    results: list[bool] = []
    # Bounds of the kept buckets. They do not overlap each other, so only the two neighbours can overlap a bucket.
    starts: list[int] = []
    ends: list[int] = []
    for start, end in buckets:
        at = bisect_right(starts, start)
        overlaps = (at > 0 and start < ends[at - 1] and starts[at - 1] < end) or (at < len(starts) and starts[at] < end)
        results.append(overlaps)
        if not overlaps:
            # Of buckets with equal starts, empty ones come first, so that the last one ends last.
            place = at if start < end else bisect_left(starts, start)
            starts.insert(place, start)
            ends.insert(place, end)
    return results


def granularity_of(metrics: pa.Table, requested: Granularity, begin: datetime) -> Granularity:
    """The requested granularity, or the finest coarser one whose intervals contain every bucket of `metrics` as a
    whole: an imported figure of an hour cannot be divided into quarters. Intervals begin at `begin`.
    """
    bounds = metrics["interval_start"], pc.subtract(metrics["interval_end"], pa.scalar(MILLISECOND))
    elapsed = (pc.subtract(instants.cast(INSTANT), pa.scalar(begin, INSTANT)) for instants in bounds)
    first, last = (duration.cast(pa.int64()) for duration in elapsed)
    for granularity, minutes in _WITHIN_AN_HOUR.items():
        if minutes >= _WITHIN_AN_HOUR.get(requested, 60):
            cells = [pc.divide(milliseconds, minutes * 60_000) for milliseconds in (first, last)]
            if pc.all(pc.equal(*cells), min_count=0).as_py():
                return granularity if requested in _WITHIN_AN_HOUR else requested
    return requested


def mark_sources(conversations: pa.Table, imported: pa.Array, of_data_lake: pa.Array | None = None) -> pa.Table:
    """Rows of `CONVERSATIONS` with the column `source` set, by the ids of imported conversations and of those from the
    data lake; all others are fetched.
    """
    ids = conversations["conversation_id"]
    source = pc.if_else(pc.is_in(ids, value_set=imported), IMPORTED, FETCHED)
    if of_data_lake is not None:
        source = pc.if_else(pc.is_in(ids, value_set=of_data_lake), DATA_LAKE, source)
    at = conversations.schema.get_field_index("source")
    return conversations.set_column(at, conversations.schema.field(at), source)
