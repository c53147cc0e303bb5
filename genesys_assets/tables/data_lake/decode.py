"""One Parquet file of the data lake extraction to rows with our names and types.

Instants come as whole milliseconds since 1970 in INT64; Parquet's own timestamps are understood as well. A value that
does not fit its column is null and counted as a loss; a row without a key is left out and counted. Which of several
rows counts is decided in `newest`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genesys_assets.tables.conversations.decode_values import UnreadablePage
from genesys_assets.tables.data_lake.schemas import SCHEMAS, Names, Schema

MOST_UNPACKED = 4 << 30
"""Bytes that a file may have once it is unpacked."""


class UnreadableFile(UnreadablePage):
    """A stored file of the data lake extraction cannot be read: the message names it and says why."""


@dataclass(slots=True)
class FileRows:
    """The rows of one file, with those known columns that it has. `unknown` counts rows of columns that are not known,
    `losses` values and rows that could not be kept; both by schema and column.
    """

    rows: pa.Table
    unknown: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)


def decode(schema: str, body: bytes, names: Names | None = None, only: tuple[str, ...] | None = None) -> FileRows:
    """The rows of a file of a known schema; `only` these columns, where it has them.

    Raises UnreadableFile where the bytes are no Parquet, or lack a column that the schema must have.
    """
    of, names = SCHEMAS[schema], names or Names()
    file = open_parquet(schema, body)
    named = {names.of(of, name): name for name in file.schema_arrow.names}
    missing = [name for name in of.required if name not in named and (only is None or name in only)]
    if missing:
        raise UnreadableFile(
            f"A file of {schema} has no column {', '.join(missing)}; its columns are "
            f"{', '.join(file.schema_arrow.names)}. Say with GENESYS_ASSETS_DATA_LAKE_COLUMNS which of them it is: "
            f"{schema}.<its name>={missing[0]}"
        )
    known = {name: column for name, column in named.items() if name in of.columns and (only is None or name in only)}
    table = read_rows(schema, file, list(known.values()))
    found = FileRows(pa.table({}))
    if only is None:
        found.unknown.update(
            {
                f"{schema}.{column}": len(table)
                for name, column in named.items()
                if name not in of.columns and len(table)
            }
        )
    columns = {name: _typed(table[column], of, name, found.losses) for name, column in known.items()}
    found.rows = _with_keys(pa.table(columns), of, found.losses)
    return found


def open_parquet(schema: str, body: bytes) -> pq.ParquetFile:
    """A file, its footer read. Raises UnreadableFile."""
    try:
        file = pq.ParquetFile(pa.BufferReader(body))
        size = sum(file.metadata.row_group(index).total_byte_size for index in range(file.metadata.num_row_groups))
        names = file.schema_arrow.names
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableFile(f"A file of {schema} is no Parquet file that can be read: {error}") from error
    if size > MOST_UNPACKED:
        raise UnreadableFile(
            f"A file of {schema} would have {size:,} bytes unpacked; {MOST_UNPACKED:,} are the most that is read."
        )
    if len({*names}) < len(names):
        raise UnreadableFile(f"A file of {schema} has two columns of one name: {', '.join(names)}.")
    return file


def read_rows(schema: str, file: pq.ParquetFile, columns: list[str] | None = None) -> pa.Table:
    """The rows of an opened file, of these columns or of all. Raises UnreadableFile."""
    try:
        rows = file.read(columns, use_threads=False)
        # Arrow reads a text as it is. One that is no UTF-8 would stop whoever reads a stored table.
        rows.validate(full=True)
        return rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableFile(f"A file of {schema} cannot be read: {error}") from error


def _typed(values: pa.ChunkedArray, schema: Schema, name: str, losses: Counter[str]) -> pa.ChunkedArray:
    wanted = schema.columns[name].type
    try:
        return _cast(values, wanted)
    except (pa.ArrowException, OverflowError):
        kept = pa.chunked_array([pa.array(list(_one_by_one(values, wanted)), wanted)], wanted)
        losses[f"{schema.name}.{name}: values that are no {wanted}"] += kept.null_count - values.null_count
        return kept


def _cast(values: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if not pa.types.is_timestamp(wanted):
        return values.cast(wanted)
    if pa.types.is_integer(values.type):
        return values.cast(pa.int64()).cast(wanted)
    # A timestamp without a zone is UTC; of finer ones what is finer than a millisecond goes.
    return values.cast(wanted, safe=not pa.types.is_timestamp(values.type))


def _one_by_one(values: pa.ChunkedArray, wanted: pa.DataType) -> Iterator[object]:
    for value in values:
        try:
            yield _cast(pa.chunked_array([pa.array([value.as_py()], values.type)]), wanted)[0].as_py()
        except (pa.ArrowException, OverflowError):
            yield None


def _with_keys(rows: pa.Table, schema: Schema, losses: Counter[str]) -> pa.Table:
    keys = [name for name in schema.key if name in rows.column_names]
    if not keys or not any(rows[name].null_count for name in keys):
        return rows
    valid = rows[keys[0]].is_valid()
    for name in keys[1:]:
        valid = pc.and_(valid, rows[name].is_valid())
    kept = rows.filter(valid)
    losses[f"{schema.name}: rows without {', '.join(keys)}"] += len(rows) - len(kept)
    return kept
