"""Files of the data lake extraction with agents' status on a UTC day, how far they reach, and the spans made of them.

Users' details have priority. The data lake adds ends of spans that details do not have yet, and spans after the reach
of details. `tables.users.spans` decides which form of a span counts, `days.users` combines both sources.

The provenance of a file says on which days its spans began. Files from around the day are read, because a span that
touches the day may have begun or ended on another day. Of later files only those are read that may have the end of a
span of the day.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from genesys_assets.days.data_lake import FILES, LAKE_FILES, Files, files_of, listings
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.spans import DAY, LONGEST_OPEN_DAYS, Window, days_around, utc_day
from genesys_assets.tables.data_lake.decode import decode
from genesys_assets.tables.data_lake.schemas import PRESENCE, ROUTING_STATUS, Names
from genesys_assets.tables.data_lake.spans import SpansOfDay
from genesys_assets.tables.data_lake.start_days import SOME_DAY
from genesys_assets.tables.users.spans import Span

NEEDED = (PRESENCE, ROUTING_STATUS)
"""The schemas from which agents' status is made. Both are needed: without one of them half of it would be missing."""


@dataclass(frozen=True, slots=True)
class Status:
    """The spans that touch a day, from files. `unknown` and `losses` count unknown columns and values that could not be
    kept.
    """

    spans: Sequence[Span] = ()
    unknown: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class StatusQuery:
    """A day whose status is read from files. `before` is the last earlier day that has pages or files. The platform
    writes an event into a file within `lag`. `only_ends`: the spans are known, and only their ends are needed.
    """

    day: str
    before: date | None
    lag: timedelta
    only_ends: bool = False

    @property
    def days(self) -> list[str]:
        """The days whose files may have spans of the day, or their ends."""
        return days_around(self.day, before=0 if self.only_ends else LONGEST_OPEN_DAYS, after=LONGEST_OPEN_DAYS)

    def choose(self, key: str, files: Files) -> list[str]:
        """The ids of the files to read among the `files` of the day `key`."""
        first = f"{self.before}" if self.before else ""
        is_near = not self.only_ends and key <= _last_near(self.day, self.lag)

        def may_concern(began: str) -> bool:
            return began == SOME_DAY or (began <= self.day and (is_near or began > first))

        return [
            file_id
            for file_id, about in files.items()
            if about["schema"] in NEEDED and (key < self.day or any(map(may_concern, about["days"])))
        ]


def reach_of(lake: Lake, day: str, lag: timedelta) -> Reach | None:
    """How far the stored files cover agents' status of a day, if the platform writes an event into a file within `lag`.
    None if the day was not listed, or a schema is missing: there are neither earlier files of it, nor files with spans
    that began on the day. Files that were made long after the day do not count, because a schema may have been switched
    on later.
    """
    if day not in lake.stored(LAKE_FILES):
        return None
    start, end = utc_day(day)
    listed, last, schemas = start, _last_near(day, lag), set[str]()
    for (through, files), key in zip(
        listings(lake, day), days_around(day, before=0, after=LONGEST_OPEN_DAYS), strict=False
    ):
        listed = through
        if key > last:
            break
        schemas |= {each["schema"] for each in files.values() if day in each["days"]}
        if listed - lag >= end and schemas.issuperset(NEEDED):
            break
    if not schemas.issuperset(NEEDED) and not _earlier_schemas(lake, day, schemas).issuperset(NEEDED):
        return None
    return Reach(max(start, min(end, listed - lag)), is_complete=listed - lag >= end)


def _last_near(day: str, lag: timedelta) -> str:
    """The last day whose files may have the beginning of a span of a day."""
    return f"{(utc_day(day)[1] + lag + DAY).date()}"


def _earlier_schemas(lake: Lake, day: str, known: Collection[str]) -> set[str]:
    """The schemas of agents' status in files that were made before a day, with those that are `known`."""
    earlier, stored = days_around(day, before=LONGEST_OPEN_DAYS, after=-1), lake.stored(LAKE_FILES)
    files = (each for key in earlier if key in stored for each in _of_status(lake, key).values())
    return {*known, *(each["schema"] for each in files)}


def last_day_before(lake: Lake, day: str, after: str, lag: timedelta) -> str | None:
    """The last day between two days, `after` and `day`, whose status is in files; None if there is none."""
    earlier = days_around(day, before=LONGEST_OPEN_DAYS, after=-1)
    return next((key for key in reversed(earlier) if key > after and reach_of(lake, key, lag) is not None), None)


def identity_of(lake: Lake, query: StatusQuery) -> Iterator[tuple[str, str]]:
    """For each stored partition with files that are read for a day, its key and a hash that identifies these files."""
    stored = lake.stored(LAKE_FILES)
    for key in query.days:
        files = query.choose(key, _of_status(lake, key)) if key in stored else []
        if files:
            yield key, hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()[:32]


def _of_status(lake: Lake, key: str) -> Files:
    """The files with status in a stored partition. They are looked up once, because every day needs many partitions."""

    def read() -> Files:
        footer = lake.footer(LAKE_FILES, key)
        files: Files = footer.provenance.get(FILES, {}) if footer else {}
        return {file_id: about for file_id, about in files.items() if about["schema"] in NEEDED}

    return lake.once("files of status", LAKE_FILES, key, read)


def inputs_of(lake: Lake, query: StatusQuery) -> list[tuple[str, str | None]]:
    """The stored partitions that may have files that concern a day."""
    stored = lake.stored(LAKE_FILES)
    return [(LAKE_FILES, key) for key in query.days if key in stored]


def status_of(lake: Lake, query: StatusQuery, names: Names) -> Status:
    """The status of a day, made of stored files. Raises UnreadableFile."""
    status = Status()
    of_schemas = {schema: SpansOfDay(schema, Window.of_utc_day(query.day)) for schema in NEEDED}
    for about, page in files_of(lake, query.days, query.choose):
        rows = decode(about.schema, page.body, names)
        status.unknown.update(rows.unknown)
        status.losses.update(rows.losses)
        of_schemas[about.schema].add(rows.rows)
    spans = sorted(span for each in of_schemas.values() for span in each.spans())
    return Status(spans, status.unknown, status.losses)
