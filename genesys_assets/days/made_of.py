"""One number that identifies the sources of a day's table. If a partition from which the table is made changes, the
number changes.

The number is stored with the table (`Lake.made_of`). If the number of the partitions stored now differs, the table is
stale, no matter what happened in between. `sources` knows which pages count for which day.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.days import data_lake
from genesys_assets.days.sources import (
    DAILY_AGGREGATES,
    DAILY_DETAILS,
    HOURLY_AGGREGATES,
    HOURLY_DETAILS,
    IMPORTED_DAILY,
    IMPORTED_DETAILS,
    IMPORTED_HOURLY,
    OVERLAP,
    START_DAYS,
    later_days,
)
from genesys_assets.lake.lake import Lake
from genesys_assets.settings import DataLakeSettings
from genesys_assets.spans import hours_of, utc_day
from genesys_assets.tables.spec import INSTANT, TableSpec

_BITS = 53
"""Bits of the number: every reader of a Delta log can read integers of this size."""

_BEGINS = ("interval_start", "conversation_start", "quarter_start")
"""The columns that say when the event of a row began. A table has one of them at most."""


class Input(NamedTuple):
    """A stored partition, or a part of one: its newness, place and key, and a text that identifies its content."""

    newness: int
    place: str
    key: str | None
    content: str


def number(inputs: Iterable[Input], *versions: object) -> int:
    """One number for all inputs, in the order of their newness, and for further objects such as the table's version."""
    lines = [f"{place} {key} {content}\n" for _, place, key, content in sorted(inputs)]
    digest = hashlib.sha256(f"{versions!r}{''.join(lines)}".encode())
    return int.from_bytes(digest.digest()[:8], "big") >> (64 - _BITS)


def stored_inputs(lake: Lake, place: str, keys: Iterable[str | None]) -> Iterator[Input]:
    """The partitions with these keys, as far as they are stored."""
    stored, log = lake.stored(place), lake.log(place)
    for key in keys:
        partition = stored.get(key)
        if partition is not None:
            yield Input(log.newness(key) or 0, place, key, partition.content)


def stored_inputs_until(lake: Lake, inputs: Iterable[tuple[str, str, datetime]]) -> Iterator[Input]:
    """Days of tables, as far as they are stored, each with its content up to an instant: see `content_until`. Their
    newness does not count.
    """
    by_place: dict[str, list[tuple[str, datetime]]] = {}
    for place, day, end in inputs:
        by_place.setdefault(place, []).append((day, end))
    for place, days in by_place.items():
        stored = lake.stored(place)
        for day, end in days:
            partition = stored.get(day)
            if partition is None:
                continue
            is_whole = utc_day(day)[1] <= end
            content = partition.content if is_whole else content_until(lake, place, day, end)
            yield Input(0, place, day, content or "")


def content_until(lake: Lake, place: str, day: str, end: datetime) -> str | None:
    """A text that identifies the rows and the reach of a day's partition up to an instant; None if it is not stored.

    If the day ends after the instant, rows that began later do not count: a business day west of UTC ends within a UTC
    day that grows every hour.
    """
    partition = lake.stored(place).get(day)
    if partition is None:
        return None
    if utc_day(day)[1] <= end:
        return partition.content
    begins = next((name for name in _BEGINS if name in lake.log(place).schema().names), None)
    if begins is None:
        return partition.content

    def read() -> str:
        footer = lake.footer(place, day)
        reach = footer.reach if footer else None
        reach_until = reach and replace(reach, through=min(reach.through, end)).as_json()
        digest = hashlib.sha256(json.dumps(reach_until, sort_keys=True).encode())
        rows = lake.read(place, day, where=pc.field(begins) < pa.scalar(end, INSTANT))
        with pa.ipc.new_stream(_DigestSink(digest), rows.schema.remove_metadata()) as stream:
            stream.write_table(rows.replace_schema_metadata(None).combine_chunks())
        return digest.hexdigest()

    return lake.once(("until", end), place, day, read)


class _DigestSink(io.RawIOBase):
    """A file that only updates a digest."""

    def __init__(self, digest: Any) -> None:
        self._digest = digest

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._digest.update(data)
        return len(data)


def of_conversations(lake: Lake, day: str, specs: Iterable[TableSpec]) -> dict[str, int]:
    """The numbers of the tables of a day's conversations, by place. Of two forms of a conversation the newer one
    counts, so the newness of the pages counts as well.
    """
    hours = stored_inputs(lake, HOURLY_DETAILS, hours_of(day))
    return _of_details([*hours, *_beside_hours_of_details(lake, day)], specs)


def of_interval_metrics(lake: Lake, day: str, spec: TableSpec) -> int:
    """The number of a day of the table `interval_metrics`."""
    hours = stored_inputs(lake, HOURLY_AGGREGATES, hours_of(day))
    return _without_order([*hours, *stored_inputs(lake, IMPORTED_HOURLY, [day])], spec)


def hours_of_details_since(lake: Lake, day: str, specs: Iterable[TableSpec]) -> list[str] | None:
    """The last stored hours of a day, which its conversation tables lack. None if the tables were not made of exactly
    the hours before these: one was read again or is not stored, or the tables have an older version. None too if pages
    other than those of hours concern the day.
    """
    specs = list(specs)
    if any(True for _ in _beside_hours_of_details(lake, day)):
        return None
    return _hours_since(lake, HOURLY_DETAILS, day, lambda hours: _of_details(hours, specs))


def hours_of_metrics_since(lake: Lake, day: str, spec: TableSpec) -> list[str] | None:
    """The stored hours that `interval_metrics` of a day lacks; None in the same cases as `hours_of_details_since`."""
    if any(True for _ in stored_inputs(lake, IMPORTED_HOURLY, [day])):
        return None
    place = f"tables/{spec.name}"
    return _hours_since(lake, HOURLY_AGGREGATES, day, lambda hours: {place: _without_order(hours, spec)})


def _hours_since(
    lake: Lake, place: str, day: str, made_of: Callable[[Sequence[Input]], dict[str, int]]
) -> list[str] | None:
    """The last stored hours, which the tables' numbers do not contain yet. None if the numbers differ for another
    reason.
    """
    hours = list(stored_inputs(lake, place, hours_of(day)))
    keys = [str(input_.key) for input_ in hours]
    if keys != hours_of(day)[: len(keys)]:
        return None
    for count in range(len(keys), 0, -1):
        numbers = made_of(hours[:count])
        if all(day in lake.stored(table) and lake.made_of(table, day) == number_ for table, number_ in numbers.items()):
            return keys[count:]
    return None


def _of_details(inputs: Iterable[Input], specs: Iterable[TableSpec]) -> dict[str, int]:
    pages = number(inputs)
    return {f"tables/{spec.name}": number([], pages, spec.name, spec.version) for spec in specs}


def _beside_hours_of_details(lake: Lake, day: str) -> Iterator[Input]:
    yield from stored_inputs(lake, DAILY_DETAILS, [day])
    yield from stored_inputs(lake, IMPORTED_DETAILS, [day])
    yield from _overlaps(lake, day)
    yield from _data_lake(lake, day)


def of_families(lake: Lake, day: str, specs: Iterable[TableSpec]) -> dict[str, int]:
    """The numbers of the tables of families, by place. The hours are looked up once for all of them."""
    hours = number(input_._replace(newness=0) for input_ in stored_inputs(lake, HOURLY_AGGREGATES, hours_of(day)))
    return {f"tables/{spec.name}": number([], hours, spec.name, spec.version) for spec in specs}


def of_family_metrics(lake: Lake, day: str, spec: TableSpec) -> int:
    """The number of a day of one table of a family."""
    return of_families(lake, day, [spec])[f"tables/{spec.name}"]


def of_daily_metrics(lake: Lake, day: str, spec: TableSpec) -> int:
    """The number of a day of the table `daily_metrics`."""
    return _without_order(
        [*stored_inputs(lake, DAILY_AGGREGATES, [day]), *stored_inputs(lake, IMPORTED_DAILY, [day])], spec
    )


def _without_order(inputs: Iterable[Input], spec: TableSpec) -> int:
    return number((input_._replace(newness=0) for input_ in inputs), spec.name, spec.version)


def _data_lake(lake: Lake, day: str) -> Iterator[Input]:
    """The files of the data lake that concern a day, their reach and the names of their columns. Nothing if the day is
    complete, because then only details count.
    """
    identities = list(data_lake.identity_of(lake, day))
    daily = lake.footer(DAILY_DETAILS, day) if identities else None
    if not identities or (daily is not None and daily.reach is not None and daily.reach.is_complete):
        return
    settings = DataLakeSettings.load()
    settings_and_reach = json.dumps([str(data_lake.reach_of(lake, day, settings.lag)), settings.columns])
    yield Input(0, data_lake.LAKE_FILES, "", settings_and_reach)
    for key, content in identities:
        yield Input(0, data_lake.LAKE_FILES, key, content)


def _overlaps(lake: Lake, day: str) -> Iterator[Input]:
    """For each later day the part of its overlap that began on the day."""
    for input_ in stored_inputs(lake, OVERLAP, later_days(day)):
        footer = lake.footer(OVERLAP, input_.key)
        of_day = footer and footer.provenance.get(START_DAYS, {}).get(day)
        if of_day:
            yield input_._replace(content=of_day)
