"""Presence and routing status of agents from the data lake extraction: each span once, as emitted last.

A span is identified by user and start; while it lasts it has no end. `tables.users` declares the tables of spans.
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
    """One row for each span of the schema `user-presence` or `agent-routing-status`, in the order of users and starts.

    `files` are rows from `decode`, in the order in which the files were made. A column that no file has is null.
    Statuses are as the files write them.
    """
    schema_spec, columns = SCHEMAS[schema], _COLUMNS[schema]
    rows = newest(concat_rows(files), schema_spec)
    table_columns = {
        name: rows[wire] if wire in rows.column_names else pa.nulls(len(rows), schema_spec.columns[wire].type)
        for wire, name in columns.items()
    }
    return pa.table(table_columns).sort_by([("user_id", "ascending"), ("start_time", "ascending")])


class SpansOfDay:
    """The spans of one schema that begin in a window, and for each user the last one that began before it.

    Add files in the order in which they were made. Other spans are dropped on the way, so that a month of files takes
    no more memory than a day.
    """

    def __init__(self, schema: str, window: Window) -> None:
        self._schema, self._window = schema, window
        self._rows: list[pa.Table] = []

    def add(self, rows: pa.Table) -> None:
        """Adds the rows of a file, as `decode` returns them."""
        self._rows.append(rows)
        if sum(map(len, self._rows)) > _ROWS_AT_ONCE:
            self._rows = [self._newest_rows()]

    def spans(self) -> list[Span]:
        """The spans in the order of users and starts, without those that ended before the window."""
        kind = KINDS[self._schema]
        columns = spans(self._schema, [self._newest_rows()]) if any(map(len, self._rows)) else None
        if columns is None:
            return []
        status = columns["system_presence" if kind == "presence" else "routing_status"].to_pylist()
        own = columns["organization_presence_id"].to_pylist() if kind == "presence" else [None] * len(columns)
        times = (columns[name].to_pylist() for name in ("user_id", "start_time", "end_time"))
        all_spans = [Span(user, kind, *of) for user, *of in zip(*times, status, own, strict=True)]
        begin = self._window.start
        return [span for span in all_spans if span.start >= begin or span.end is None or span.end > begin]

    def _newest_rows(self) -> pa.Table:
        """The last emission of each span that is needed, without the number of its file."""
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
