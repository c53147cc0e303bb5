"""Files of the data lake extraction that concern a UTC day, how far they reach, and the conversations made of them.

A file is stored under the day on which the platform made it, and has rows of conversations that began up to
`LONGEST_OPEN_DAYS` before. The provenance of each partition says which of its files concern which day. Details have
priority: a conversation that the API or an imported file has is taken from there, because the data lake has fewer
fields. So the data lake only fills what was never fetched.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.cloud.http.page import Page, request_text
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.spans import LONGEST_OPEN_DAYS, days_around, utc_day
from genesys_assets.tables.data_lake.decode import UnreadableFile, decode
from genesys_assets.tables.data_lake.nested import Flat, nested
from genesys_assets.tables.data_lake.newest import concat_rows, newest
from genesys_assets.tables.data_lake.schemas import (
    ATTRIBUTES,
    CONVERSATIONS,
    FLOW_METRICS,
    METRICS,
    NEEDED,
    OF_CONVERSATIONS,
    SCHEMAS,
    SEGMENTS,
    Names,
)
from genesys_assets.tables.data_lake.start_days import SOME_DAY

LAKE_FILES = "pages/lake_files"
FILES = "files"
"""Key of a partition's provenance: its files by id, each with its schema and the days on which its conversations
began.
"""

Files = Mapping[str, Mapping[str, Any]]
"""The value under `FILES`."""

_CONVERSATIONS_AT_ONCE = 1_000
_PATH = "/api/v2/analytics/dataextraction/downloads"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The facts about a stored file in its request: see `request_of`."""

    id: str
    schema: str
    sha256: str

    @classmethod
    def of(cls, page: Page) -> FileFacts:
        request = json.loads(page.request)
        params = request["params"]
        return cls(str(request["path"]).rsplit("/", 1)[-1], params["dataSchema"], params["sha256"])


def request_of(file_id: str, schema: str, created: datetime, expires: datetime | None, sha256: str) -> str:
    """The text that is stored as the request of a file's page."""
    params = {"dataSchema": schema, "dateCreated": created.isoformat(timespec="milliseconds"), "sha256": sha256}
    if expires is not None:
        params["dateExpires"] = expires.isoformat(timespec="milliseconds")
    return request_text("GET", f"{_PATH}/{file_id}", params)


@dataclass(frozen=True, slots=True)
class ExtractedConversations:
    """The conversations of a day from the data lake, in pieces that are ordered by conversationStart. `unknown` and
    `losses` count unknown columns and values that could not be kept.
    """

    pieces: Sequence[pa.StructArray]
    unknown: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)


def days_of_files_about(day: str) -> list[str]:
    """The days whose files may have rows of conversations that began on a day."""
    return days_around(day, before=0, after=LONGEST_OPEN_DAYS)


def reach_of(lake: Lake, day: str, lag: timedelta) -> Reach | None:
    """How far the stored files cover a day, if the platform writes an event into a file within `lag`. None if they have
    no conversation of the day, or lack a schema without which figures would be missing. Only files that concern the day
    count: a schema may have been switched on later.
    """
    start, end = utc_day(day)
    listed, schemas, has_conversations = start, set[str](), False
    for through, files in listings(lake, day):
        schemas |= _schemas_about(files, day)
        has_conversations |= any(each["schema"] == CONVERSATIONS and day in each["days"] for each in files.values())
        listed = through
        if listed - lag >= end and has_conversations and schemas.issuperset(NEEDED):
            break
    if not has_conversations or not schemas.issuperset(NEEDED):
        return None
    return Reach(max(start, min(end, listed - lag)), is_complete=listed - lag >= end)


def lacking(lake: Lake, day: str) -> list[str]:
    """The needed schemas of which no stored file can have rows of a day."""
    stored = {schema for _, files in listings(lake, day) for schema in _schemas_about(files, day)}
    return [schema for schema in NEEDED if schema not in stored]


def listings(lake: Lake, day: str) -> Iterator[tuple[datetime, Files]]:
    """Yields how far a day was listed, and its files; then the same for each later day, up to the first that was not
    listed to its end.
    """
    stored = lake.stored(LAKE_FILES)
    for key in days_of_files_about(day):
        footer = lake.footer(LAKE_FILES, key) if key in stored else None
        if footer is None or footer.reach is None:
            return
        yield footer.reach.through, footer.provenance.get(FILES, {})
        if footer.reach.through < utc_day(key)[1]:
            return


def identity_of(lake: Lake, day: str) -> Iterator[tuple[str, str]]:
    """For each stored partition with files that concern a day, its key and a hash that identifies these files."""
    stored = lake.stored(LAKE_FILES)
    for key in days_of_files_about(day):
        footer = lake.footer(LAKE_FILES, key) if key in stored else None
        files = _ids_about(footer.provenance.get(FILES, {}), day) if footer else []
        if files:
            yield key, hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()[:32]


def inputs_of(lake: Lake, day: str) -> list[tuple[str, str | None]]:
    """The stored partitions that may have files that concern a day."""
    stored = lake.stored(LAKE_FILES)
    return [(LAKE_FILES, key) for key in days_of_files_about(day) if key in stored]


def of_day(lake: Lake, day: str, names: Names) -> ExtractedConversations:
    """The conversations of a day, made of stored files. Raises UnreadableFile."""
    unknown, losses = Counter[str](), Counter[str]()
    tables: dict[str, list[pa.Table]] = {schema: [] for schema in OF_CONVERSATIONS}
    for about, page in _files(lake, day):
        decoded = decode(about.schema, page.body, names)
        unknown += decoded.unknown
        losses += decoded.losses
        tables[about.schema].append(decoded.rows)
    start, end = (pa.scalar(moment, pa.timestamp("ms", "UTC")) for moment in utc_day(day))
    conversations = newest(concat_rows(tables[CONVERSATIONS]), SCHEMAS[CONVERSATIONS])
    if not len(conversations):
        return ExtractedConversations([], unknown, losses)
    starts = conversations["conversationStart"]
    conversations = conversations.filter(pc.and_(pc.greater_equal(starts, start), pc.less(starts, end)))
    whole = nested(
        Flat(
            conversations,
            _rows(tables[SEGMENTS], SEGMENTS, conversations),
            _rows([*tables[METRICS], *tables[FLOW_METRICS]], METRICS, conversations),
            _rows(tables[ATTRIBUTES], ATTRIBUTES, conversations),
        )
    )
    at = range(0, len(whole), _CONVERSATIONS_AT_ONCE)
    pieces = [whole.take(pa.array(np.arange(first, min(first + _CONVERSATIONS_AT_ONCE, len(whole))))) for first in at]
    return ExtractedConversations(pieces, unknown, losses)


def _rows(files: Sequence[pa.Table], schema: str, conversations: pa.Table) -> pa.Table:
    """The newest rows of the given conversations."""
    ids = conversations["conversationId"].combine_chunks()
    theirs = [rows.filter(pc.is_in(rows["conversationId"], value_set=ids)) for rows in files]
    rows = concat_rows([rows for rows in theirs if len(rows)])
    return newest(rows, SCHEMAS[schema])


def _files(lake: Lake, day: str) -> Iterator[tuple[FileFacts, Page]]:
    """The files that concern a day, in the order of their creation."""
    return files_of(lake, days_of_files_about(day), lambda _, files: _ids_about(files, day))


def files_of(
    lake: Lake, days: Iterable[str], choose: Callable[[str, Files], Collection[str]]
) -> Iterator[tuple[FileFacts, Page]]:
    """Yields files of some days, in the order of their creation. `choose(day, files)` returns the ids of those to
    read. Raises UnreadableFile if a stored day can no longer be read.
    """
    for key in days:
        if key not in lake.stored(LAKE_FILES):
            continue
        pages = lake.pages(LAKE_FILES, key)
        if pages is None:
            raise UnreadableFile(
                f"The stored files genesys/{LAKE_FILES} of {key} cannot be read: materialise them again."
            )
        ids = set(choose(key, pages.provenance.get(FILES, {})))
        about = [(pages.about(index).as_of, index, FileFacts.of(pages.about(index))) for index in range(len(pages))]
        for _, index, file in sorted(about, key=lambda each: each[:2]):
            if file.id in ids:
                yield file, pages[index]


def _ids_about(files: Files, day: str) -> list[str]:
    """The ids of the files with rows of conversations that began on a day, or on an unknown day."""
    return [
        file_id
        for file_id, about in files.items()
        if about["schema"] in OF_CONVERSATIONS and not {day, SOME_DAY}.isdisjoint(about["days"])
    ]


def _schemas_about(files: Files, day: str) -> set[str]:
    return {files[file_id]["schema"] for file_id in _ids_about(files, day)}


def days_of_files(files: Iterable[Mapping[str, Any]]) -> list[str]:
    """The days that any of the files concerns, in order."""
    return sorted({day for each in files for day in each["days"]})
