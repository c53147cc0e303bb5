"""Checks that every table gets from its TableSpec: columns and types, unique key, no nulls in the key, rows inside
the partition.

They read back what was stored. What must hold between tables belongs in a module of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from genesys_assets.partitions import utc_day
from genesys_assets.tables.hashing import hash_rows
from genesys_assets.tables.spec import TYPES

if TYPE_CHECKING:
    import pyarrow as pa

    from genesys_assets.lake.lake import Lake
    from genesys_assets.tables.spec import TableSpec


def check_specs(spec: TableSpec, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of a table; a failing one stops what comes after it."""
    described = {
        "columns_and_types": "The file has exactly the declared columns, of the declared types, in that order.",
        "key_is_unique": f"No two rows share {', '.join(spec.key)}.",
        "key_has_no_nulls": f"None of {', '.join(_never_null(spec))} is null.",
    }
    if spec.partition_column:
        is_date = spec.schema.field(spec.partition_column).type == TYPES["day"]
        lies = "is the partition's date" if is_date else "lies on the partition's UTC day"
        described["rows_in_partition"] = f"{spec.partition_column} {lies} in every row."
    return [dg.AssetCheckSpec(name, asset=key, description=text, blocking=True) for name, text in described.items()]


def check_table(
    lake: Lake, place: str, partitions: Sequence[str | None], spec: TableSpec, key: dg.AssetKey
) -> list[dg.AssetCheckResult]:
    """Read the partitions back and check each; a check passes if it does for all of them."""
    problems: dict[str, list[str]] = {check.name: [] for check in check_specs(spec, key)}
    for partition in partitions:
        for name, problem in _problems(lake, place, spec, partition):
            problems[name].append(f"{partition}: {problem}" if partition else problem)
    return [
        dg.AssetCheckResult(
            check_name=name,
            asset_key=key,
            passed=not found,
            metadata={"problems": dg.MetadataValue.md("\n".join(f"- {problem}" for problem in found))} if found else {},
        )
        for name, found in problems.items()
    ]


def _problems(lake: Lake, place: str, spec: TableSpec, partition: str | None) -> Iterator[tuple[str, str]]:
    dataset = lake.dataset(place, partition)
    if dataset is None:
        yield "columns_and_types", "there is no file"
        return
    if not dataset.schema.equals(spec.schema):
        yield "columns_and_types", _difference(dataset.schema, spec.schema)
        return
    nulls: dict[str, int] = dict.fromkeys(_never_null(spec), 0)
    hashes: list[Any] = []
    outside = 0
    columns = list(dict.fromkeys([*spec.key, *([spec.partition_column] if spec.partition_column else [])]))
    for rows in lake.row_groups(place, partition, columns):
        for name in nulls:
            nulls[name] += rows.column(name).null_count
        hashes.append(hash_rows(rows.select(list(spec.key))))
        if spec.partition_column and partition:
            outside += _outside(rows.column(spec.partition_column), partition)
    missing = {name: count for name, count in nulls.items() if count}
    if missing:
        yield (
            "key_has_no_nulls",
            ", ".join(f"{name} is null in {count} rows" for name, count in missing.items()),
        )
    repeated = _repeated(hashes)
    if repeated:
        yield "key_is_unique", f"{repeated} rows repeat a key"
    if outside:
        yield "rows_in_partition", f"{outside} rows lie outside"


def _difference(found: pa.Schema, declared: pa.Schema) -> str:
    """What is wrong with the columns, in words."""
    missing = [name for name in declared.names if name not in found.names]
    unknown = [name for name in found.names if name not in declared.names]
    common = [name for name in declared.names if name in found.names]
    changed = [name for name in common if found.field(name).type != declared.field(name).type]
    words = [
        *(["missing: " + ", ".join(missing)] if missing else []),
        *(["not declared: " + ", ".join(unknown)] if unknown else []),
        *(f"{name} is {found.field(name).type} instead of {declared.field(name).type}" for name in changed),
    ]
    return "; ".join(words) or f"the columns are the same but differ in order or nullability: {', '.join(found.names)}"


def _never_null(spec: TableSpec) -> list[str]:
    return [name for name in spec.key if name not in spec.null_in_key]


def _repeated(hashes: list[Any]) -> int:
    """How many rows have the key of another; the hashes are taken out of the list, for they may be many."""
    import numpy as np

    every = np.empty(sum(map(len, hashes)), np.uint64)
    end = len(every)
    while hashes:
        part = hashes.pop()
        every[end - len(part) : end] = part
        end -= len(part)
    every.sort()
    return int(np.count_nonzero(every[1:] == every[:-1]))


def _outside(column: pa.ChunkedArray, partition: str) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    inside = _on_date(column, partition) if pa.types.is_date(column.type) else _on_utc_day(column, partition)
    return len(column) - int(pc.sum(inside).as_py() or 0)


def _on_date(dates: pa.ChunkedArray, partition: str) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.equal(dates, pa.scalar(date.fromisoformat(partition), dates.type))


def _on_utc_day(instants: pa.ChunkedArray, partition: str) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    start, end = (pa.scalar(bound, instants.type) for bound in utc_day(partition[:10]))
    return pc.and_(pc.greater_equal(instants, start), pc.less(instants, end))
