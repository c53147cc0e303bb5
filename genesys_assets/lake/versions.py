"""What changed between two versions of a partition: row by row, by key.

Genesys Cloud rewrites history, so partitions are read again and replaced. Here two versions of a table's file are
compared; when that happens and where the outcome is kept is `lake.lake`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genesys_assets.tables.hashing import Hashes, hash_rows
from genesys_assets.tables.spec import TableSpec

if TYPE_CHECKING:
    import pyarrow.dataset as pads

_FOOTER_LENGTH_BYTES = 8
_CHUNK = 1 << 20
# Reading ahead would hold hundreds of megabytes for nothing.
_ONE_BY_ONE: dict[str, Any] = {"use_threads": False, "batch_readahead": 1, "fragment_readahead": 1}


@dataclass(frozen=True, slots=True)
class Change:
    """A new version of a partition against the one before. Without one before, the row counts of before are None.

    `content` identifies the rows: equal rows give equal content, whoever wrote them and when.
    """

    content: str
    rows_after: int
    rows_before: int | None = None
    rows_added: int | None = None
    rows_changed: int | None = None
    rows_removed: int | None = None
    previous_content: str | None = None

    @property
    def is_new(self) -> bool:
        """Whether readers see anything they did not see before."""
        return self.content != self.previous_content

    def figures(self) -> dict[str, int | None]:
        return {name: value for name, value in asdict(self).items() if name.startswith("rows_")}


def content_of(parquet: Path) -> str:
    """A digest of a Parquet file's rows and columns: of its bytes up to the footer, which alone holds what differs by
    run, and of its schema.
    """
    size = parquet.stat().st_size
    with parquet.open("rb") as file:
        file.seek(size - _FOOTER_LENGTH_BYTES)
        footer = int.from_bytes(file.read(4), "little")
        file.seek(0)
        remaining, digest = size - _FOOTER_LENGTH_BYTES - footer, hashlib.sha256()
        while remaining > 0:
            chunk = file.read(min(_CHUNK, remaining))
            digest.update(chunk)
            remaining -= len(chunk)
    # Columns that are renamed leave the bytes before the footer as they were.
    digest.update(pq.read_schema(parquet).remove_metadata().serialize())
    return digest.hexdigest()


def compare(before: pads.Dataset, after: pads.Dataset, spec: TableSpec) -> dict[str, int]:
    """How many rows were added, changed and removed, by the table's key. Memory holds an hour's rows at a time."""
    counts = dict.fromkeys(("rows_before", "rows_after", "rows_added", "rows_changed", "rows_removed"), 0)
    needed = {*spec.key, *([spec.partition_column] if _goes_by_hour(spec) else [])}
    if not needed <= set(before.schema.names):
        # Rows of another key are other rows.
        old, new = before.count_rows(), after.count_rows()
        return counts | {"rows_before": old, "rows_after": new, "rows_added": new, "rows_removed": old}
    for where in _hours(before, after, spec):
        old, new = (_hashed(dataset, spec, where) for dataset in (before, after))
        in_both, at_old, at_new = np.intersect1d(old[0], new[0], return_indices=True)
        counts["rows_before"] += len(old[0])
        counts["rows_after"] += len(new[0])
        counts["rows_added"] += len(new[0]) - len(in_both)
        counts["rows_removed"] += len(old[0]) - len(in_both)
        counts["rows_changed"] += int((old[1][at_old] != new[1][at_new]).sum())
    return counts


def _goes_by_hour(spec: TableSpec) -> bool:
    name = spec.partition_column
    return name is not None and bool(pa.types.is_timestamp(spec.schema.field(name).type))


def _hours(before: pads.Dataset, after: pads.Dataset, spec: TableSpec) -> Iterator[pc.Expression | None]:
    """A filter for each hour that either version may have rows of; none where the table has no instant to go by."""
    if spec.partition_column is None or not _goes_by_hour(spec):
        yield None
        return
    column = pc.field(spec.partition_column)
    bounds = [_bounds(dataset, spec.partition_column) for dataset in (before, after)]
    known = [bound for bound in bounds if bound is not None]
    if not known:
        return
    hour, last = min(first for first, _ in known), max(last for _, last in known)
    hour = hour.replace(minute=0, second=0, microsecond=0)
    while hour <= last:
        yield (column >= hour) & (column < hour + timedelta(hours=1))
        hour += timedelta(hours=1)


def _bounds(dataset: pads.Dataset, column: str) -> tuple[Any, Any] | None:
    instants = dataset.to_table(columns=[column], **_ONE_BY_ONE)[column]
    bounds = pc.min_max(instants).as_py()
    return None if bounds["min"] is None else (bounds["min"], bounds["max"])


def _hashed(dataset: pads.Dataset, spec: TableSpec, where: pc.Expression | None) -> tuple[Hashes, Hashes]:
    """A hash of each row's key, and one of the whole row. A key that repeats counts once."""
    table = dataset.to_table(filter=where, **_ONE_BY_ONE)
    keys = hash_rows(table.select(list(spec.key)))
    unique, first = np.unique(keys, return_index=True)
    return unique, hash_rows(table)[first]
