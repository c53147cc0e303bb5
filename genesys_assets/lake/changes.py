"""What changed between two readings of a partition: row by row, by key.

Genesys Cloud rewrites history, so partitions are read again and replaced. This module compares the rows of two
readings. `commit` decides when, and stores the outcome.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Required, Self, TypedDict

import numpy as np
import pyarrow as pa

from genesys_assets.tables.hashing import Hashes, hash_rows
from genesys_assets.tables.spec import TableSpec

_ROWS_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True)
class Change:
    """What a reading changed in a partition.

    `content` identifies the rows and their reach: equal content means equal figures, no matter who wrote them and when.
    Counts are None if nothing readable was stored before. `is_superseded`: a newer reading was committed meanwhile,
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
        """Whether readers see anything new: other rows, or another reach."""
        return self.content != self.previous_content and not self.is_superseded

    @property
    def same_rows(self) -> bool:
        """Whether the rows were compared and none differed."""
        return (self.rows_added, self.rows_changed, self.rows_removed) == (0, 0, 0)

    def figures(self) -> dict[str, int | None]:
        """The counts by name, `rows_…`."""
        return {name: value for name, value in asdict(self).items() if name.startswith("rows_")}


class Counts(TypedDict, total=False):
    """How many rows two readings have, and how many differ; counts of a difference are left out if nothing was
    compared.
    """

    rows_before: Required[int]
    rows_after: Required[int]
    rows_added: int
    rows_changed: int
    rows_removed: int


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file in pieces, with their count and their columns at rest."""

    count: int
    schema: pa.Schema
    pieces: Iterable[pa.Table]


def compare(before: Rows, after: Rows, spec: TableSpec, *, rows_at_once: int = _ROWS_AT_ONCE) -> Counts:
    """How many rows were added, changed and removed, by the table's key. In a table without a key no row is changed: a
    row that differs counts as removed and added.

    Two hashes of each row are in memory (16 bytes). About `rows_at_once` rows are compared at a time, because comparing
    takes several times that.
    """
    if not set(spec.key) <= set(before.schema.names):
        # The key has changed, so no stored row has the key of a new one.
        return Counts(
            rows_before=before.count,
            rows_after=after.count,
            rows_added=after.count,
            rows_changed=0,
            rows_removed=before.count,
        )
    schema = _together(before.schema, after.schema)
    shares = -(-max(before.count, after.count, 1) // rows_at_once)
    old, new = (_hashed(rows, schema, spec.key, shares) for rows in (before, after))
    counts = Counts(rows_before=before.count, rows_after=after.count, rows_added=0, rows_changed=0, rows_removed=0)
    for of_old, of_new in zip(old, new, strict=True):
        differ = _differences_by_key if spec.key else _differences
        added, changed, removed = differ(_HashedRows.of(of_old), _HashedRows.of(of_new))
        counts["rows_added"] += added
        counts["rows_changed"] += changed
        counts["rows_removed"] += removed
    return counts


@dataclass(frozen=True, slots=True)
class _HashedRows:
    """A hash of each row's key, and one of the whole row."""

    keys: Hashes
    rows: Hashes

    @classmethod
    def of(cls, parts: list[Self]) -> Self:
        """All parts as one. Empties the list, so that its memory can be freed."""
        keys, rows = ([getattr(part, name) for part in parts] for name in ("keys", "rows"))
        parts.clear()
        nothing = np.empty(0, np.uint64)
        return cls(np.concatenate([nothing, *keys]), np.concatenate([nothing, *rows]))

    def share(self, index: int, shares: int) -> Self:
        """The rows whose key belongs to one of several shares."""
        in_share = self.keys % np.uint64(shares) == index
        return type(self)(self.keys[in_share], self.rows[in_share])


def _hashed(rows: Rows, schema: pa.Schema, key: Sequence[str], shares: int) -> list[list[_HashedRows]]:
    """The hashes of the rows, by share. Rows with the same key are in the same share."""
    parts: list[list[_HashedRows]] = [[] for _ in range(shares)]
    for piece in rows.pieces:
        aligned = _aligned(piece, schema)
        of_rows = hash_rows(aligned)
        hashed = _HashedRows(hash_rows(aligned.select(list(key))) if key else of_rows, of_rows)
        for index, part in enumerate(parts):
            part.append(hashed if shares == 1 else hashed.share(index, shares))
    return parts


def _together(before: pa.Schema, after: pa.Schema) -> pa.Schema:
    """The columns of both, in one order; a column that only one has is null in the other."""
    return pa.schema([*after, *(field for field in before if field.name not in after.names)])


def _aligned(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    return pa.table([_column(rows, field) for field in schema], schema=schema)


def _column(rows: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    """Null if there is no such column, or if it cannot have this type."""
    if field.name in rows.column_names:
        with contextlib.suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return rows[field.name].cast(field.type)
    return pa.chunked_array([pa.nulls(len(rows), field.type)])


def _differences_by_key(old: _HashedRows, new: _HashedRows) -> tuple[int, int, int]:
    """How many rows were added, changed and removed. A key that repeats counts once."""
    (old_keys, at_old), (new_keys, at_new) = (np.unique(each.keys, return_index=True) for each in (old, new))
    in_both, in_old, in_new = np.intersect1d(old_keys, new_keys, assume_unique=True, return_indices=True)
    changed = old.rows[at_old[in_old]] != new.rows[at_new[in_new]]
    return len(new_keys) - len(in_both), int(changed.sum()), len(old_keys) - len(in_both)


def _differences(old: _HashedRows, new: _HashedRows) -> tuple[int, int, int]:
    """How many rows were added and removed (none is changed). A row that repeats counts each time."""
    values, codes = np.unique(np.concatenate([old.rows, new.rows]), return_inverse=True)
    of_old = np.bincount(codes[: len(old.rows)], minlength=len(values))
    of_new = np.bincount(codes[len(old.rows) :], minlength=len(values))
    return int(np.maximum(of_new - of_old, 0).sum()), 0, int(np.maximum(of_old - of_new, 0).sum())
