"""Finds the UTC days on which the conversations of a file began, so that a day's tables read only files that concern
it.

Only files of `conversations` certainly say when a conversation began. If a file of another schema does not say it, its
ids are looked up there: first in the files of the same day, then in those of earlier days.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.tables.data_lake.decode import decode
from genesys_assets.tables.data_lake.schemas import CONVERSATIONS, OF_CONVERSATIONS, PRESENCE, ROUTING_STATUS, Names

SOME_DAY = "?"
"""Stands for an unknown day: the file has rows of conversations whose start no file gives."""

_SPAN_START = "startTimestamp"
_ID, _START = "conversationId", "conversationStart"


class Starts:
    """The days on which conversations began, from files of `conversations`."""

    def __init__(self) -> None:
        self._ids = pa.array([], pa.string())
        self._days = pa.array([], pa.string())

    def add(self, body: bytes, names: Names) -> None:
        """Adds the starts in a file of `conversations`. Raises UnreadableFile."""
        rows = decode(CONVERSATIONS, body, names, only=(_ID, _START)).rows
        self._ids = pa.concat_arrays([self._ids, rows[_ID].combine_chunks()])
        self._days = pa.concat_arrays([self._days, _days(rows[_START]).combine_chunks()])

    def days_of(self, schema: str, body: bytes, names: Names) -> tuple[frozenset[str], pa.Array]:
        """The days on which the conversations of a file began, and the ids of conversations whose day is unknown.

        For a file of presence or routing status, the days on which its spans began; for one of an unknown schema, none.
        Raises UnreadableFile.
        """
        no_ids = pa.array([], pa.string())
        if schema in (PRESENCE, ROUTING_STATUS):
            return _distinct(decode(schema, body, names, only=(_SPAN_START,)).rows[_SPAN_START]), no_ids
        if schema not in OF_CONVERSATIONS:
            return frozenset(), no_ids
        rows = decode(schema, body, names, only=(_ID, _START)).rows
        if _START in rows.column_names:
            return _distinct(rows[_START]), no_ids
        return self.days_of_ids(pc.unique(rows[_ID]))

    def days_of_ids(self, ids: pa.Array) -> tuple[frozenset[str], pa.Array]:
        """The days on which the conversations with these ids began, and the ids whose day is unknown."""
        at = pc.index_in(ids, value_set=self._ids)
        days = pc.unique(self._days.take(at.drop_null())).to_pylist()
        return frozenset(day for day in days if day), ids.filter(at.is_null())


def _distinct(starts: pa.ChunkedArray) -> frozenset[str]:
    return frozenset(day for day in pc.unique(_days(starts)).to_pylist() if day)


def _days(starts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.strftime(starts, "%Y-%m-%d")


def as_stored(days: Iterable[str], unknown: pa.Array) -> list[str]:
    """The days of a file as stored with its partition; `SOME_DAY` among them if any id is unknown."""
    return sorted({*days, *([SOME_DAY] if len(unknown) else [])})
