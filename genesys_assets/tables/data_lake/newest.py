"""The platform emits rows again when they change. This module keeps the last emission of each key.

Files are in the order of their creation. If rows have the same key and `updateTimestamp`, the one with the later event
time is kept. If the schema has no event time, or the event times are equal too, the row in the later file is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.tables.data_lake.schemas import UPDATED, Schema

_FILE = " file"
"""The column with the number of a row's file. No column of a file has this name."""
_SEPARATOR = "\x1f"

Numbers = npt.NDArray[np.int64]


def concat_rows(files: Sequence[pa.Table]) -> pa.Table:
    """The rows of several files, in the order of the files, each with the number of its file."""
    numbered = [rows.append_column(_FILE, pa.array(np.full(len(rows), at))) for at, rows in enumerate(files)]
    return pa.concat_tables(numbered, promote_options="default") if numbered else pa.table({})


def newest(rows: pa.Table, schema: Schema) -> pa.Table:
    """The last emission of each key, in the order of `rows`, which are those of `concat_rows`."""
    if not len(rows):
        return rows
    keys = codes([rows[name] for name in schema.key])
    file = rows[_FILE].to_numpy()
    updated, event = _times(rows, UPDATED), _times(rows, schema.event_time)
    order = np.lexsort((np.arange(len(rows)), file, event, updated, keys))
    last = np.append(keys[order][1:] != keys[order][:-1], True)
    if schema.keeps_equals:
        # For every row the last emission of its key.
        of_key = np.cumsum(np.concatenate(([0], last[:-1])))
        latest = order[last]
        positions = order[(updated[order] == updated[latest][of_key]) & (file[order] == file[latest][of_key])]
    else:
        positions = order[last]
    return rows.take(pa.array(np.sort(positions)))


def codes(columns: Sequence[pa.ChunkedArray]) -> Numbers:
    """Equal numbers for rows with equal values in all columns, in the order of their first occurrence."""
    texts = [pc.fill_null(_text(column), "") for column in columns]
    joined = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, _SEPARATOR)
    encoded = joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
    return np.asarray(encoded.dictionary_encode().indices.to_numpy(), dtype=np.int64)


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).cast(pa.string())


def _times(rows: pa.Table, name: str | None) -> Numbers:
    """The instants of a column as milliseconds; rows without one count as the oldest."""
    if name is None or name not in rows.column_names:
        return np.zeros(len(rows), dtype=np.int64)
    return np.asarray(rows[name].cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy())
