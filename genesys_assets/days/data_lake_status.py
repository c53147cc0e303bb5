"""Files of the data lake extraction that tell agents' status on a UTC day, how far they reach, and the spans they make.

Users' details come first: the data lake says how a span ended that they only know to go on, and brings spans where
they do not reach. Which form of a span counts is in `tables.users.spans`, what is made of both in `days.users`.

A file says of which days its spans began. Read are those of the time around the day, in which what goes on into it or
out of it began or ended, and of later ones those that tell how a span ended that is stored under the day.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from genesys_assets.days.data_lake import FILES, LAKE_FILES, Files, files_of, listings
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.spans import DAY, REACH_DAYS, Window, days_around, utc_day
from genesys_assets.tables.data_lake.decode import decode
from genesys_assets.tables.data_lake.schemas import PRESENCE, ROUTING_STATUS, Names
from genesys_assets.tables.data_lake.spans import SpansOfDay
from genesys_assets.tables.data_lake.start_days import SOME_DAY
from genesys_assets.tables.users.spans import Span

NEEDED = (PRESENCE, ROUTING_STATUS)
"""The schemas that agents' status is made of: without one of both, half of it would be missing."""


@dataclass(frozen=True, slots=True)
class Status:
    """The spans that begin on a day or go on into it, as files have them."""

    spans: Sequence[Span] = ()
    unknown: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Asked:
    """A day of which status is read. `before` is the last day before it with spans of its own; what happens stands in a
    file within `lag`. `only_ends`: which spans there are is known, and only how they ended is asked.
    """

    day: str
    before: date | None
    lag: timedelta
    only_ends: bool = False

    @property
    def days(self) -> list[str]:
        """The days whose files may tell."""
        return days_around(self.day, before=0 if self.only_ends else REACH_DAYS, after=REACH_DAYS)

    def telling(self, key: str, files: Files) -> list[str]:
        """The ids of the files of one of these days that are read."""
        first = f"{self.before}" if self.before else ""
        is_near = not self.only_ends and key <= f"{(utc_day(self.day)[1] + self.lag + DAY).date()}"

        def tells(began: str) -> bool:
            return began == SOME_DAY or (began <= self.day and (is_near or began > first))

        return [
            file_id
            for file_id, about in files.items()
            if about["schema"] in NEEDED and (key < self.day or any(map(tells, about["days"])))
        ]


def reach_of(lake: Lake, day: str, lag: timedelta) -> Reach | None:
    """How far the stored files know agents' status of a day, if what happens stands in a file within `lag`; None where
    the day was not listed, or a schema is lacking.
    """
    if day not in lake.stored(LAKE_FILES):
        return None
    start, end = utc_day(day)
    listed, schemas = start, set[str]()
    for through, files in listings(lake, day):
        schemas |= {each["schema"] for each in files.values()}
        listed = through
        if listed - lag >= end and schemas.issuperset(NEEDED):
            break
    if not schemas.issuperset(NEEDED):
        return None
    return Reach(max(start, min(end, listed - lag)), is_complete=listed - lag >= end)


def last_day_before(lake: Lake, day: str, after: str, lag: timedelta) -> str | None:
    """The last day before a day, and after another one, whose status files know."""
    earlier = days_around(day, before=REACH_DAYS, after=-1)
    return next((key for key in reversed(earlier) if key > after and reach_of(lake, key, lag) is not None), None)


def identity_of(lake: Lake, asked: Asked) -> Iterator[tuple[str, str]]:
    """For each stored partition with files that are read for a day, what identifies these."""
    stored = lake.stored(LAKE_FILES)
    for key in asked.days:
        files = asked.telling(key, _of_status(lake, key)) if key in stored else []
        if files:
            yield key, hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()[:32]


def _of_status(lake: Lake, key: str) -> Files:
    """What a stored partition says of its files that tell status: looked for once, for every day asks each of many."""

    def read() -> Files:
        footer = lake.footer(LAKE_FILES, key)
        files: Files = footer.provenance.get(FILES, {}) if footer else {}
        return {file_id: about for file_id, about in files.items() if about["schema"] in NEEDED}

    return lake.once("files of status", LAKE_FILES, key, read)


def inputs_of(lake: Lake, asked: Asked) -> list[tuple[str, str | None]]:
    """The partitions that may tell of a day."""
    stored = lake.stored(LAKE_FILES)
    return [(LAKE_FILES, key) for key in asked.days if key in stored]


def status_of(lake: Lake, asked: Asked, names: Names) -> Status:
    """The status of a day, made of stored files. Raises UnreadableFile."""
    found = Status()
    of_schemas = {schema: SpansOfDay(schema, Window.of_utc_day(asked.day)) for schema in NEEDED}
    for about, page in files_of(lake, asked.days, asked.telling):
        rows = decode(about.schema, page.body, names)
        found.unknown.update(rows.unknown)
        found.losses.update(rows.losses)
        of_schemas[about.schema].add(rows.rows)
    spans = sorted(span for each in of_schemas.values() for span in each.spans())
    return Status(spans, found.unknown, found.losses)
