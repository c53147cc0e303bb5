"""The audit of a finished file, before it is committed: what must hold of every table, derived from its TableSpec.

An audit only reports. `lake` does not commit a file with a finding, and the asset checks show the findings
(`checks.table_checks`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.spans import utc_day
from genesys_assets.tables.hashing import hash_rows
from genesys_assets.tables.spec import TableSpec

UNIQUE = "key_is_unique"
NO_NULLS = "key_has_no_nulls"
INSIDE = "rows_in_partition"
COLUMNS = "columns_and_types"
ADDS_UP = "parts_add_up"

Findings = Mapping[str, str]
"""What is wrong, by the name of the check."""


class AuditFailed(Exception):
    """The audit has findings about the rows. Nothing was committed, and the stored rows stay.

    `findings` has the findings of each table of the partition `key`, by the table's place.
    """

    def __init__(self, key: str | None, findings: Mapping[str, Findings]) -> None:
        self.key = key
        self.findings = findings
        problems = "; ".join(
            f"{place}: {name}: {problem}" for place, of_table in findings.items() for name, problem in of_table.items()
        )
        of_partition = f" of {key}" if key else ""
        super().__init__(f"The rows{of_partition} failed their audit and were not stored; nothing changed: {problems}")


def checks_of(spec: TableSpec) -> list[str]:
    """The names of the checks of a table."""
    return [COLUMNS, UNIQUE, NO_NULLS, *([INSIDE] if spec.partition_column else []), *([ADDS_UP] if spec.sums else [])]


def audit(spec: TableSpec, partition: str | None, pieces: Iterable[pa.Table]) -> dict[str, str]:
    """What is wrong with the rows, by the name of the check; empty if nothing is.

    `pieces` are the rows in order, a table each, with at least the columns of `audited_columns`.
    """
    nulls: dict[str, int] = {name: 0 for name in spec.key if name not in spec.null_in_key}
    hashes: list[Any] = []
    outside = 0
    unequal: Counter[str] = Counter()
    for rows in pieces:
        for name in nulls:
            nulls[name] += rows[name].null_count
        if spec.key:
            hashes.append(hash_rows(rows.select(list(spec.key))))
        if spec.partition_column and partition:
            outside += _outside(rows[spec.partition_column], partition)
        for whole, parts in spec.sums:
            unequal[whole] += _unequal(rows, whole, parts)
    missing = {name: count for name, count in nulls.items() if count}
    return dict(_problems(missing, _repeated(hashes), outside, +unequal))


def audited_columns(spec: TableSpec) -> list[str]:
    """The columns that an audit looks at."""
    summed = [name for whole, parts in spec.sums for name in (whole, *parts)]
    return list(dict.fromkeys([*spec.key, *([spec.partition_column] if spec.partition_column else []), *summed]))


def _problems(
    missing: Mapping[str, int], repeated: int, outside: int, unequal: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    if missing:
        yield NO_NULLS, ", ".join(f"{name} is null in {count} rows" for name, count in missing.items())
    if repeated:
        yield UNIQUE, f"{repeated} rows repeat a key"
    if outside:
        yield INSIDE, f"{outside} rows lie outside the partition"
    if unequal:
        yield (
            ADDS_UP,
            ", ".join(f"the parts of {name} do not add up in {count} rows" for name, count in unequal.items()),
        )


def _repeated(hashes: list[Any]) -> int:
    """How many rows repeat the key of another row. Empties `hashes` while it copies them, to halve the peak of
    memory.
    """
    import numpy as np

    every = np.empty(sum(map(len, hashes)), np.uint64)
    end = len(every)
    while hashes:
        part = hashes.pop()
        every[end - len(part) : end] = part
        end -= len(part)
    every.sort()
    return int(np.count_nonzero(every[1:] == every[:-1]))


def _unequal(rows: pa.Table, whole: str, parts: Iterable[str]) -> int:
    """In how many rows the parts do not add up to the whole. Null counts as 0. A negative part counts as wrong too:
    where the other parts are too large, a part computed as the remainder is negative.
    """
    rest = _or_zero(rows[whole])
    wrong = pc.less(rest, 0)
    for name in parts:
        part = _or_zero(rows[name])
        wrong, rest = pc.or_(wrong, pc.less(part, 0)), pc.subtract(rest, part)
    return int(pc.sum(pc.or_(wrong, pc.not_equal(rest, 0))).as_py() or 0)


def _or_zero(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(values, 0)


def _outside(column: pa.ChunkedArray, partition: str) -> int:
    inside = _on_date(column, partition) if pa.types.is_date(column.type) else _on_utc_day(column, partition)
    return len(column) - int(pc.sum(inside).as_py() or 0)


def _on_date(dates: pa.ChunkedArray, partition: str) -> pa.ChunkedArray:
    return pc.equal(dates, pa.scalar(date.fromisoformat(partition), dates.type))


def _on_utc_day(instants: pa.ChunkedArray, partition: str) -> pa.ChunkedArray:
    start, end = (pa.scalar(bound, instants.type) for bound in utc_day(partition[:10]))
    return pc.and_(pc.greater_equal(instants, start), pc.less(instants, end))


def difference(actual: pa.Schema, declared: pa.Schema) -> str | None:
    """How columns differ from the declared ones, in words; None if they do not."""
    if actual.equals(declared):
        return None
    missing = [name for name in declared.names if name not in actual.names]
    unknown = [name for name in actual.names if name not in declared.names]
    common = [name for name in declared.names if name in actual.names]
    changed = [name for name in common if actual.field(name).type != declared.field(name).type]
    words = [
        *(["missing: " + ", ".join(missing)] if missing else []),
        *(["not declared: " + ", ".join(unknown)] if unknown else []),
        *(f"{name} is {actual.field(name).type} instead of {declared.field(name).type}" for name in changed),
    ]
    return "; ".join(words) or f"the columns are the same but differ in order or nullability: {', '.join(actual.names)}"
