"""One number a row: equal rows give equal numbers, and two different rows practically never do."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Hashes = npt.NDArray[np.uint64]


def hash_rows(rows: pa.Table | pa.RecordBatch) -> Hashes:
    """A 64-bit hash of each row, the same in every process.

    A null is a column of its own beside the value, for it would turn the integers beside it into floats, but only in
    the tables that have one.
    """
    import pandas as pd

    columns: dict[str, pa.Array | pa.ChunkedArray] = {}
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        columns[name] = _without_nulls(_as_text(column) if pa.types.is_nested(column.type) else column)
        columns[f"{name} is null"] = pc.is_null(column)
    return np.asarray(pd.util.hash_pandas_object(pa.table(columns).to_pandas(), index=False), dtype=np.uint64)


def _without_nulls(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    if not column.null_count:
        return column
    return pc.fill_null(column, _zero(column.type))


def _zero(type_: pa.DataType) -> pa.Scalar:
    if pa.types.is_decimal(type_):
        return pa.scalar(Decimal(0), type_)
    if not pa.types.is_primitive(type_):
        return pa.scalar("").cast(type_)
    # Days are cast from integers of their own size only.
    return pa.scalar(0, pa.int32() if pa.types.is_date32(type_) else pa.int64()).cast(type_)


def _as_text(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    texts = [None if value is None else json.dumps(value, default=str) for value in column.to_pylist()]
    return pa.array(texts, pa.string())
