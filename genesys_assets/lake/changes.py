"""What changed between two readings of a partition: row by row, by key.

Genesys Cloud rewrites history, so partitions are read again and replaced. Here two files of a table are compared; when
that happens, and where the outcome is kept, is in `commit`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Required, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genesys_assets.tables.hashing import Hashes, hash_rows
from genesys_assets.tables.spec import TableSpec

_ROWS_AT_ONCE = 1_000_000
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Change:
    """What a reading changed in a partition.

    `content` identifies the rows and their reach: the same content, the same figures, whoever wrote them and when. The
    counts are null where nothing readable was stored before. `is_superseded`: a newer reading was committed meanwhile,
    and stays.
    """

    content: str
    rows_after: int
    rows_before: int | None = None
    rows_added: int | None = None
    rows_changed: int | None = None
    rows_removed: int | None = None
    previous_content: str | None = None
    is_superseded: bool = False

    @property
    def is_new(self) -> bool:
        """Whether readers see anything that they did not see before: other rows, or rows that reach elsewhere."""
        return self.content != self.previous_content and not self.is_superseded

    @property
    def same_rows(self) -> bool:
        return (self.rows_added, self.rows_changed, self.rows_removed) == (0, 0, 0)

    def figures(self) -> dict[str, int | None]:
        return {name: value for name, value in asdict(self).items() if name.startswith("rows_")}


class Counts(TypedDict, total=False):
    """How many rows two readings have, and how they differ; what was not compared is left out."""

    rows_before: Required[int]
    rows_after: Required[int]
    rows_added: int
    rows_changed: int
    rows_removed: int


def compare(before: pq.ParquetFile, after: pq.ParquetFile, spec: TableSpec) -> Counts:
    """How many rows were added, changed and removed, by the table's key. Without a key a row that differs is another.

    Of large files an hour's rows are in memory at a time.
    """
    old_rows, new_rows = before.metadata.num_rows, after.metadata.num_rows
    if not set(spec.key) <= set(before.schema_arrow.names):
        # Rows of another key are other rows.
        return Counts(
            rows_before=old_rows, rows_after=new_rows, rows_added=new_rows, rows_changed=0, rows_removed=old_rows
        )
    counts = Counts(rows_before=0, rows_after=0, rows_added=0, rows_changed=0, rows_removed=0)
    names = _comparable(before, after)
    for old, new in _pieces(before, after, spec, names):
        counts["rows_before"] += len(old)
        counts["rows_after"] += len(new)
        if not spec.key:
            added, removed = _multiset_difference(hash_rows(old), hash_rows(new))
            counts["rows_added"] += added
            counts["rows_removed"] += removed
            continue
        (old_keys, old_hashes), (new_keys, new_hashes) = (_hashed(rows, spec) for rows in (old, new))
        in_both, at_old, at_new = np.intersect1d(old_keys, new_keys, return_indices=True)
        counts["rows_added"] += len(new_keys) - len(in_both)
        counts["rows_removed"] += len(old_keys) - len(in_both)
        counts["rows_changed"] += int((old_hashes[at_old] != new_hashes[at_new]).sum())
    return counts


def _comparable(before: pq.ParquetFile, after: pq.ParquetFile) -> list[str]:
    """The columns of both, in one order; a column that only one has is null in the other."""
    return list(dict.fromkeys([*after.schema_arrow.names, *before.schema_arrow.names]))


def _pieces(
    before: pq.ParquetFile, after: pq.ParquetFile, spec: TableSpec, names: Sequence[str]
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Rows of both files that may have the same keys: all at once, or of large files hour by hour."""
    schema = _schema(before, after, names)
    largest = max(before.metadata.num_rows, after.metadata.num_rows)
    if spec.partition_column is None or largest <= _ROWS_AT_ONCE or not _goes_by_hour(spec):
        yield _rows(before, schema, None), _rows(after, schema, None)
        return
    for start in _hours(before, after, spec.partition_column):
        hour = (spec.partition_column, start)
        yield _rows(before, schema, hour), _rows(after, schema, hour)


def _schema(before: pq.ParquetFile, after: pq.ParquetFile, names: Sequence[str]) -> pa.Schema:
    of_before, of_after = (file.schema_arrow.remove_metadata() for file in (before, after))
    return pa.schema([of_after.field(name) if name in of_after.names else of_before.field(name) for name in names])


def _rows(file: pq.ParquetFile, schema: pa.Schema, hour: tuple[str, Any] | None) -> pa.Table:
    """The rows of a file, or those of an hour, with the columns of a schema."""
    parts = [schema.empty_table()]
    for index in range(file.num_row_groups):
        if hour is not None and not _may_hold(file, index, *hour):
            continue
        group = file.read_row_group(index, use_threads=False)
        if hour is not None:
            column, start = hour
            group = group.filter((pc.field(column) >= start) & (pc.field(column) < start + _HOUR))
        parts.append(_aligned(group, schema))
    return pa.concat_tables(parts)


def _aligned(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        rows[field.name] if field.name in rows.column_names else pa.nulls(len(rows), field.type) for field in schema
    ]
    kept = pa.schema([pa.field(f.name, column.type) for f, column in zip(schema, columns, strict=True)])
    table = pa.table(columns, schema=kept)
    try:
        return table.cast(schema)
    except pa.ArrowInvalid:
        # A column changed its type, and not all values fit: as texts they differ or not.
        return table.cast(pa.schema([pa.field(field.name, pa.string()) for field in schema]), safe=False).cast(schema)


def _may_hold(file: pq.ParquetFile, index: int, column: str, start: Any) -> bool:
    bounds = _bounds(file, index, column)
    return bounds is None or (bounds[0] < start + _HOUR and bounds[1] >= start)


def _bounds(file: pq.ParquetFile, index: int, column: str) -> tuple[Any, Any] | None:
    group = file.metadata.row_group(index).column(file.schema_arrow.get_field_index(column))
    statistics = group.statistics
    return (statistics.min, statistics.max) if statistics is not None and statistics.has_min_max else None


def _goes_by_hour(spec: TableSpec) -> bool:
    name = spec.partition_column
    return name is not None and bool(pa.types.is_timestamp(spec.schema.field(name).type))


def _hours(before: pq.ParquetFile, after: pq.ParquetFile, column: str) -> Iterator[Any]:
    """Each hour that either file may have rows of."""
    known = [
        bound
        for file in (before, after)
        for index in range(file.num_row_groups)
        if (bound := _bounds(file, index, column)) is not None
    ]
    if not known:
        return
    hour, last = min(first for first, _ in known), max(last for _, last in known)
    hour = hour.replace(minute=0, second=0, microsecond=0)
    while hour <= last:
        yield hour
        hour += _HOUR


def _hashed(rows: pa.Table, spec: TableSpec) -> tuple[Hashes, Hashes]:
    """A hash of each row's key, and one of the whole row. A key that repeats counts once."""
    keys = hash_rows(rows.select(list(spec.key)))
    unique, first = np.unique(keys, return_index=True)
    return unique, hash_rows(rows)[first]


def _multiset_difference(old: Hashes, new: Hashes) -> tuple[int, int]:
    """How many rows only the new have, and how many only the old, rows that repeat counted."""
    values, codes = np.unique(np.concatenate([old, new]), return_inverse=True)
    of_old = np.bincount(codes[: len(old)], minlength=len(values))
    of_new = np.bincount(codes[len(old) :], minlength=len(values))
    return int(np.maximum(of_new - of_old, 0).sum()), int(np.maximum(of_old - of_new, 0).sum())
