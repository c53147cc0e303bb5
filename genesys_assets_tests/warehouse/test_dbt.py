"""The sources.yml: its form, and that its types are valid."""

from __future__ import annotations

import doctest
from typing import Any

import duckdb
import jsonschema

from genesys_assets.reports.built_in import built_in_reports, operating_reports
from genesys_assets.warehouse import dbt as module
from genesys_assets.warehouse.dbt import sources
from genesys_assets.warehouse.statements import Names
from genesys_assets.warehouse.tables import lake_tables
from genesys_assets_tests.warehouse.test_tables import FAMILIES

TABLES = lake_tables((*built_in_reports(), *operating_reports()), FAMILIES)
_NAME = {"type": "string", "pattern": r"^[a-z_][a-z0-9_]*$"}
_META = {
    "type": "object",
    "properties": {"meta": {"type": "object"}},
    "required": ["meta"],
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "required": ["version", "sources"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": 2},
        "sources": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "schema", "tables"],
                "additionalProperties": False,
                "properties": {
                    "name": _NAME,
                    "description": {"type": "string"},
                    "schema": _NAME,
                    "tables": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["name", "columns"],
                            "additionalProperties": False,
                            "properties": {
                                "name": _NAME,
                                "description": {"type": "string", "minLength": 1},
                                "config": _META,
                                "columns": {
                                    "type": "array",
                                    "minItems": 1,
                                    "items": {
                                        "type": "object",
                                        "required": ["name", "description", "data_type"],
                                        "additionalProperties": False,
                                        "properties": {
                                            "name": _NAME,
                                            "description": {"type": "string"},
                                            "data_type": {"type": "string"},
                                            "config": _META,
                                            "data_tests": {"type": "array", "items": {"enum": ["not_null", "unique"]}},
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""What https://docs.getdbt.com/reference/source-properties lets stand where, as far as it is used."""


def made() -> dict[str, dict[str, Any]]:
    document = sources(TABLES, Names("s3://bucket/lake"))
    jsonschema.validate(document, SCHEMA)
    return {table["name"]: table for table in document["sources"][0]["tables"]}


def test_the_example_holds() -> None:
    assert doctest.testmod(module).failed == 0


def test_it_has_every_table_with_every_column() -> None:
    tables = made()
    assert {name: [column["name"] for column in table["columns"]] for name, table in tables.items()} == {
        table.name: [column.name for column in table.columns] for table in TABLES
    }


def test_every_type_is_one() -> None:
    with duckdb.connect() as connection:
        for name, table in made().items():
            declared = ", ".join(f'"{column["name"]}" {column["data_type"]}' for column in table["columns"])
            connection.execute(f'CREATE TABLE "{name}" ({declared})')


def test_columns_of_the_key_have_the_right_tests() -> None:
    tables = made()
    tests = {
        (name, column["name"]): column.get("data_tests", [])
        for name, table in tables.items()
        for column in table["columns"]
    }
    assert tests["conversations", "conversation_id"] == ["not_null", "unique"]
    assert tests["queue_members", "queue_id"] == ["not_null"]
    # In this column null has a meaning: a queue without members.
    assert tests["queue_members", "user_id"] == []


def test_it_gives_duckdb_the_place_of_each_table_and_marks_personal_columns() -> None:
    sessions = made()["sessions"]
    assert sessions["config"]["meta"]["external_location"] == "delta_scan('s3://bucket/lake/tables/sessions')"
    classes = {column["name"]: column.get("config", {}).get("meta", {}) for column in sessions["columns"]}
    assert classes["ani"] == {"personal_data": "contact"}
