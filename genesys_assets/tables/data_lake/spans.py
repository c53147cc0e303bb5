"""Presence and routing status of agents as the data lake extraction has them: each span once, as it was emitted last.

A span is known by user and start; while it goes on it has no end. What becomes of spans is declared in `tables.users`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.spans import Window
from genesys_assets.tables.data_lake.newest import concat_rows, newest
from genesys_assets.tables.data_lake.schemas import PRESENCE, ROUTING_STATUS, SCHEMAS
from genesys_assets.tables.spec import INSTANT
from genesys_assets.tables.users.spans import Kind, Span

_COLUMNS = {
    PRESENCE: {
        "userId": "user_id",
        "startTimestamp": "start_time",
        "endTimestamp": "end_time",
        "systemPresence": "system_presence",
        "organizationPresenceId": "organization_presence_id",
    },
    ROUTING_STATUS: {
        "userId": "user_id",
        "startTimestamp": "start_time",
        "endTimestamp": "end_time",
        "routingStatus": "routing_status",
    },
}

KINDS: Mapping[str, Kind] = {PRESENCE: "presence", ROUTING_STATUS: "routing"}
_ROWS_AT_ONCE = 200_000


def spans(schema: str, files: Sequence[pa.Table]) -> pa.Table:
    """One row per span of `user-presence` or `agent-routing-status`, by user and start.

    `files` are rows as `decode` gives them, in the order in which the files were made. A column that no file has is
    null. Statuses are as the files write them.
    """
    known, columns = SCHEMAS[schema], _COLUMNS[schema]
    rows = newest(concat_rows(files), known)
    found = {
        name: rows[wire] if wire in rows.column_names else pa.nulls(len(rows), known.columns[wire].type)
        for wire, name in columns.items()
    }
    return pa.table(found).sort_by([("user_id", "ascending"), ("start_time", "ascending")])


class SpansOfDay:
    """The spans of one schema that begin in a window, and of each user the last one that began before it.

    Files are added in the order in which they were made. What is not asked for goes meanwhile, so that a month of files
    takes no more memory than a day.
    """

    def __init__(self, schema: str, window: Window) -> None:
        self._schema, self._window = schema, window
        self._rows: list[pa.Table] = []

    def add(self, rows: pa.Table) -> None:
        """Rows of a file, as `decode` gives them."""
        self._rows.append(rows)
        if sum(map(len, self._rows)) > _ROWS_AT_ONCE:
            self._rows = [self._newest_rows()]

    def spans(self) -> list[Span]:
        """By user and start. One that had ended when the window begins is not among them."""
        kind = KINDS[self._schema]
        columns = spans(self._schema, [self._newest_rows()]) if any(map(len, self._rows)) else None
        if columns is None:
            return []
        status = columns["system_presence" if kind == "presence" else "routing_status"].to_pylist()
        own = columns["organization_presence_id"].to_pylist() if kind == "presence" else [None] * len(columns)
        times = (columns[name].to_pylist() for name in ("user_id", "start_time", "end_time"))
        found = [Span(user, kind, *of) for user, *of in zip(*times, status, own, strict=True)]
        begin = self._window.start
        return [span for span in found if span.start >= begin or span.end is None or span.end > begin]

    def _newest_rows(self) -> pa.Table:
        """The last emission of each row that is asked for, each without the number of its file."""
        rows = newest(concat_rows(self._rows), SCHEMAS[self._schema])
        rows = rows.select([name for name in rows.column_names if name in SCHEMAS[self._schema].columns])
        begin, end = (pa.scalar(moment, INSTANT) for moment in (self._window.start, self._window.end))
        rows = rows.filter(pc.less(rows["startTimestamp"], end))
        order = pc.sort_indices(rows, [("userId", "ascending"), ("startTimestamp", "ascending")])
        rows = rows.take(order)
        if not len(rows):
            return rows
        users = rows["userId"].combine_chunks().dictionary_encode().indices.to_numpy()
        before = pc.less(rows["startTimestamp"], begin).combine_chunks().to_numpy(zero_copy_only=False)
        is_followed = np.append((users[1:] == users[:-1]) & before[1:], False)
        return rows.filter(pa.array(~(before & is_followed)))
