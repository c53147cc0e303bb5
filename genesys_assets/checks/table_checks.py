"""Checks of each table, derived from its TableSpec: columns and types, unique key, no nulls in the key, rows inside
the partition, parts that add up, and values that the platform is expected to fill.

They show what the audit of a file found before the file was committed (`lake.audit`). Checks that compare tables are in
other modules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from genesys_assets.lake.audit import COLUMNS, AuditFailed, checks_of
from genesys_assets.tables.spec import TYPES

if TYPE_CHECKING:
    from genesys_assets.tables.spec import TableSpec


EXPECTED = "expected_values_present"


def check_specs(spec: TableSpec, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of a table. Rows that fail a check of the audit are not stored, and the run fails. The check
    `expected_values_present` only warns.
    """
    descriptions = {
        "columns_and_types": "The rows have exactly the declared columns, of the declared types, in that order.",
        "key_is_unique": f"No two rows share {', '.join(spec.key)}.",
        "key_has_no_nulls": f"None of {', '.join(_never_null(spec))} is null.",
    }
    if spec.partition_column:
        is_date = spec.schema.field(spec.partition_column).type == TYPES["day"]
        condition = "is the partition's date" if is_date else "lies on the partition's UTC day"
        descriptions["rows_in_partition"] = f"{spec.partition_column} {condition} in every row."
    if spec.sums:
        descriptions["parts_add_up"] = "In every row " + "; ".join(
            f"{whole} is the sum of {', '.join(parts)}" for whole, parts in spec.sums
        )
        descriptions["parts_add_up"] += "."
    audited = [
        dg.AssetCheckSpec(name, asset=key, description=descriptions[name], blocking=True) for name in checks_of(spec)
    ]
    return [*audited, *([_expected_spec(spec, key)] if spec.expected else [])]


def passed_checks(
    spec: TableSpec, key: dg.AssetKey, absent: Mapping[str, int] | None = None
) -> list[dg.AssetCheckResult]:
    """Results for a table whose partitions were all committed, so that every check of the audit passed. `absent` says
    in how many rows each expected column is null, which is a warning.

    Yield them after the asset's MaterializeResult, not in it. Dagster looks up in its log which materialisation a check
    is about, and for checks in a result it does so twice.
    """
    audited = [dg.AssetCheckResult(check_name=name, asset_key=key, passed=True) for name in checks_of(spec)]
    return [*audited, *([_expected_result(key, absent or {})] if spec.expected else [])]


def _expected_spec(spec: TableSpec, key: dg.AssetKey) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        EXPECTED,
        asset=key,
        description=f"The platform filled {', '.join(spec.expected)} in every row. If it did not, the rows are stored "
        "all the same, and this check warns.",
    )


def _expected_result(key: dg.AssetKey, absent: Mapping[str, int]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=EXPECTED,
        asset_key=key,
        passed=not absent,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={f"rows_without_{name}": count for name, count in absent.items()},
    )


def failed_checks(
    failed: AuditFailed, tables: Mapping[str, tuple[TableSpec, dg.AssetKey]]
) -> Iterator[dg.AssetCheckResult]:
    """Results for tables after the audit refused a partition of one of them; `tables` are by place. The check for
    expected values has none, because it is no part of the audit.
    """
    for place, (spec, key) in tables.items():
        problems = failed.findings.get(place, {})
        # Rows with other columns than the declared ones are audited no further.
        for name in [COLUMNS] if COLUMNS in problems else checks_of(spec):
            prefix = f"{failed.key}: " if failed.key else ""
            metadata = {"problems": dg.MetadataValue.md(f"- {prefix}{problems[name]}")} if name in problems else {}
            yield dg.AssetCheckResult(check_name=name, asset_key=key, passed=name not in problems, metadata=metadata)


def _never_null(spec: TableSpec) -> list[str]:
    return [name for name in spec.key if name not in spec.null_in_key]
