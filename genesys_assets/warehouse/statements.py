"""SQL that registers the tables of the lake with a warehouse: pure functions of names and places.

Each statement may be run again; one of Trino then fails, because its table is registered already. None writes to the
lake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from genesys_assets.warehouse.tables import LakeTable


@dataclass(frozen=True, slots=True)
class Names:
    """Names in the warehouse, and the lake's `location` as the warehouse reaches it, without a slash at its end.

    `catalog` is Trino's catalogue of Delta Lake, or Databricks' catalogue of Unity Catalog; `volume` is Snowflake's
    external volume whose base URL is the location.
    """

    location: str
    schema: str = "genesys"
    catalog: str = "delta"
    volume: str = "genesys_lake"


def athena(tables: Iterable[LakeTable], names: Names) -> list[str]:
    """https://docs.aws.amazon.com/athena/latest/ug/delta-lake-tables-getting-started.html: a table of Delta Lake is
    declared without columns. Athena registers it with AWS Glue.
    """
    return [
        f"CREATE DATABASE IF NOT EXISTS {_backticked(names.schema)};",
        *(
            f"CREATE EXTERNAL TABLE IF NOT EXISTS {_backticked(names.schema)}.{_backticked(table.name)}\n"
            f"LOCATION {_text(_place(table, names) + '/')}\n"
            "TBLPROPERTIES ('table_type' = 'DELTA');"
            for table in tables
        ),
    ]


def trino(tables: Iterable[LakeTable], names: Names) -> list[str]:
    """https://trino.io/docs/current/connector/delta-lake.html#register-table: the catalogue needs
    delta.register-table-procedure.enabled=true. If a table is already registered, only its own statement fails.
    """
    catalog = _quoted(names.catalog)
    return [
        f"CREATE SCHEMA IF NOT EXISTS {catalog}.{_quoted(names.schema)};",
        *(
            f"CALL {catalog}.system.register_table(schema_name => {_text(names.schema)}, "
            f"table_name => {_text(table.name)}, table_location => {_text(_place(table, names))});"
            for table in tables
        ),
    ]


def snowflake(tables: Iterable[LakeTable], names: Names) -> list[str]:
    """https://docs.snowflake.com/en/sql-reference/sql/create-iceberg-table-delta: Snowflake reads the Delta log itself,
    through an external volume that an administrator creates.
    """
    schema, volume = _quoted(names.schema.upper()), names.volume
    integration = "GENESYS_DELTA"
    return [
        f"-- The external volume {volume} must exist, with STORAGE_BASE_URL = {_text(names.location + '/')}\n"
        f"CREATE CATALOG INTEGRATION IF NOT EXISTS {integration}\n"
        "  CATALOG_SOURCE = OBJECT_STORE\n  TABLE_FORMAT = DELTA\n  ENABLED = TRUE;",
        f"CREATE SCHEMA IF NOT EXISTS {schema};",
        *(
            f"CREATE ICEBERG TABLE IF NOT EXISTS {schema}.{_quoted(table.name.upper())}\n"
            f"  EXTERNAL_VOLUME = {_text(volume)}\n"
            f"  CATALOG = {_text(integration)}\n"
            f"  BASE_LOCATION = {_text(table.place)}\n"
            "  AUTO_REFRESH = TRUE\n"
            f"  COMMENT = {_text(table.spec.description)};"
            for table in tables
        ),
    ]


def databricks(tables: Iterable[LakeTable], names: Names) -> list[str]:
    """https://docs.databricks.com/en/tables/external.html: an external table of Unity Catalog, whose columns are those
    of the log. The location must lie in an external location that you may use.
    """
    schema = f"{_backticked(names.catalog)}.{_backticked(names.schema)}"
    return [
        f"CREATE SCHEMA IF NOT EXISTS {schema};",
        *(
            f"CREATE TABLE IF NOT EXISTS {schema}.{_backticked(table.name)}\n"
            f"USING DELTA\nLOCATION {_text(_place(table, names))};"
            for table in tables
        ),
    ]


STATEMENTS: dict[str, Callable[[Sequence[LakeTable], Names], list[str]]] = {
    "athena": athena,
    "trino": trino,
    "snowflake": snowflake,
    "databricks": databricks,
}


def _place(table: LakeTable, names: Names) -> str:
    return f"{names.location}/{table.place}"


def _text(value: str) -> str:
    """
    >>> _text("the caller's number")
    "'the caller''s number'"
    """
    return "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _backticked(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
