"""A sources.yml for dbt: every table with its columns, types and descriptions, and tests of its key.

Properties: https://docs.getdbt.com/reference/source-properties, for dbt 1.10 and newer. With dbt-duckdb, DuckDB's
extension `delta` reads the tables from the lake. With other adapters they must be registered by the SQL of
`statements`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from genesys_assets.tables.spec import INSTANT, Column
from genesys_assets.warehouse.statements import Names
from genesys_assets.warehouse.tables import LakeTable

_TYPES = {
    pa.string(): "varchar",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.binary(): "varbinary",
    INSTANT: "timestamp with time zone",
    pa.date32(): "date",
}


def sources(tables: Iterable[LakeTable], names: Names) -> dict[str, Any]:
    """The document, to be written as YAML."""
    source = {
        "name": names.schema,
        "description": "Genesys Cloud analytics. Times are UTC, columns that end in _ms are milliseconds, a missing "
        "value is null and never 0.",
        "schema": names.schema,
        "tables": [_table(table, names) for table in tables],
    }
    return {"version": 2, "sources": [source]}


def _table(table: LakeTable, names: Names) -> dict[str, Any]:
    location = f"{names.location}/{table.place}".replace("'", "''")
    return {
        "name": table.name,
        "description": f"{table.spec.description} Key: {', '.join(table.spec.key)}.",
        "config": {"meta": {"place": table.place, "external_location": f"delta_scan('{location}')"}},
        "columns": [_column(table, column) for column in table.columns],
    }


def _column(table: LakeTable, column: Column) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "name": column.name,
        "description": column.description,
        "data_type": data_type(column.type),
    }
    if column in table.spec.columns:
        fields["config"] = {"meta": {"personal_data": str(table.spec.personal(column))}}
    tests = list(_tests(table, column.name))
    return {**fields, "data_tests": tests} if tests else fields


def _tests(table: LakeTable, column: str) -> Iterator[str]:
    key = table.spec.key
    if column in key and column not in table.spec.null_in_key:
        yield "not_null"
        if len(key) == 1:
            yield "unique"


def data_type(type_: pa.DataType) -> str:
    """The type in SQL, as DuckDB and Trino write it.

    >>> data_type(pa.list_(pa.string()))
    'varchar[]'
    """
    if pa.types.is_list(type_):
        return f"{data_type(type_.value_type)}[]"
    if pa.types.is_struct(type_):
        fields = (f'"{field.name}" {data_type(field.type)}' for field in type_.fields)
        return f"struct({', '.join(fields)})"
    return _TYPES[type_]
