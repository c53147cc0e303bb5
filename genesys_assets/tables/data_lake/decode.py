"""One Parquet file of the data lake extraction to rows with our names and types.

Instants are whole milliseconds since 1970 in INT64; Parquet's own timestamps are understood as well. A value that does
not fit its column becomes null and is counted as a loss; a row without a key is left out and counted. `newest` decides
which of several rows with the same key counts.
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

LARGEST_FILE_UNPACKED = 4 << 30
"""The most bytes of a file after unpacking."""


class UnreadableFile(UnreadablePage):
    """A stored file of the data lake extraction cannot be read: the message names its schema and says why."""


@dataclass(slots=True)
class FileRows:
    """The rows of one file, with the known columns that it has. `unknown` has the number of rows for each unknown
    column, `losses` counts values and rows that could not be kept; both by schema and column.
    """

    rows: pa.Table
    unknown: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)


def decode(schema: str, body: bytes, names: Names | None = None, only: tuple[str, ...] | None = None) -> FileRows:
    """The rows of a file of a known schema. `names` says what its columns are called; `only`: read just these columns,
    as far as the file has them.

    Raises UnreadableFile if the bytes are not Parquet, or a required column is missing.
    """
    spec, names = SCHEMAS[schema], names or Names()
    file = open_parquet(schema, body)
    named = {names.of(spec, name): name for name in file.schema_arrow.names}
    missing = [name for name in spec.required if name not in named and (only is None or name in only)]
    if missing:
        raise UnreadableFile(
            f"A file of {schema} has no column {', '.join(missing)}; its columns are "
            f"{', '.join(file.schema_arrow.names)}. If one of them is {missing[0]} by another name, set "
            f"GENESYS_ASSETS_DATA_LAKE_COLUMNS to {schema}.<that name>={missing[0]}"
        )
    known = {name: column for name, column in named.items() if name in spec.columns and (only is None or name in only)}
    table = read_rows(schema, file, list(known.values()))
    result = FileRows(pa.table({}))
    if only is None:
        result.unknown.update(
            {
                f"{schema}.{column}": len(table)
                for name, column in named.items()
                if name not in spec.columns and len(table)
            }
        )
    columns = {name: _typed(table[column], spec, name, result.losses) for name, column in known.items()}
    result.rows = _with_keys(pa.table(columns), spec, result.losses)
    return result


def open_parquet(schema: str, body: bytes) -> pq.ParquetFile:
    """Opens a file and reads its footer. Raises UnreadableFile."""
    try:
        file = pq.ParquetFile(pa.BufferReader(body))
        size = sum(file.metadata.row_group(index).total_byte_size for index in range(file.metadata.num_row_groups))
        names = file.schema_arrow.names
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableFile(f"A file of {schema} is no Parquet file that can be read: {error}") from error
    if size > LARGEST_FILE_UNPACKED:
        raise UnreadableFile(
            f"A file of {schema} would have {size:,} bytes after unpacking; at most {LARGEST_FILE_UNPACKED:,} are read."
        )
    if len({*names}) < len(names):
        raise UnreadableFile(f"A file of {schema} has two columns with the same name: {', '.join(names)}.")
    return file


def read_rows(schema: str, file: pq.ParquetFile, columns: list[str] | None = None) -> pa.Table:
    """The rows of an opened file, with these columns or with all. Raises UnreadableFile."""
    try:
        rows = file.read(columns, use_threads=False)
        # Arrow does not check texts while it reads. One that is not UTF-8 would later fail every reader of the table.
        rows.validate(full=True)
        return rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableFile(f"A file of {schema} cannot be read: {error}") from error


def _typed(values: pa.ChunkedArray, schema: Schema, name: str, losses: Counter[str]) -> pa.ChunkedArray:
    wanted = schema.columns[name].type
    try:
        return _cast(values, wanted)
    except (pa.ArrowException, OverflowError):
        converted = pa.chunked_array([pa.array(list(_one_by_one(values, wanted)), wanted)], wanted)
        losses[f"{schema.name}.{name}: values that are no {wanted}"] += converted.null_count - values.null_count
        return converted


def _cast(values: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if not pa.types.is_timestamp(wanted):
        return values.cast(wanted)
    if pa.types.is_integer(values.type):
        return values.cast(pa.int64()).cast(wanted)
    # A timestamp without a zone is UTC; fractions of a millisecond are cut off.
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
    with_keys = rows.filter(valid)
    losses[f"{schema.name}: rows without {', '.join(keys)}"] += len(rows) - len(with_keys)
    return with_keys
