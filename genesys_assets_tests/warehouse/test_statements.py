"""SQL that registers the tables. The engines do not run here, so the tests check its form."""

from __future__ import annotations

import doctest
import re

import pytest

from genesys_assets.reports.built_in import built_in_reports, operating_reports
from genesys_assets.warehouse import statements as module
from genesys_assets.warehouse.statements import STATEMENTS, Names
from genesys_assets.warehouse.tables import lake_tables
from genesys_assets_tests.warehouse.test_tables import FAMILIES

TABLES = lake_tables((*built_in_reports(), *operating_reports()), FAMILIES)
NAMES = Names("s3://bucket/o'brien/lake")
_NAME = r"`(?:[^`]|``)+`"
_QUOTED = r'"(?:[^"]|"")+"'
_TEXT = r"'(?:[^']|'')*'"

GRAMMAR = {
    "athena": [
        rf"CREATE DATABASE IF NOT EXISTS {_NAME};",
        rf"CREATE EXTERNAL TABLE IF NOT EXISTS {_NAME}\.{_NAME}\nLOCATION {_TEXT}\n"
        rf"TBLPROPERTIES \('table_type' = 'DELTA'\);",
    ],
    "trino": [
        rf"CREATE SCHEMA IF NOT EXISTS {_QUOTED}\.{_QUOTED};",
        rf"CALL {_QUOTED}\.system\.register_table\(schema_name => {_TEXT}, table_name => {_TEXT}, "
        rf"table_location => {_TEXT}\);",
    ],
    "snowflake": [
        r"-- [^\n]+\nCREATE CATALOG INTEGRATION IF NOT EXISTS \w+\n  CATALOG_SOURCE = OBJECT_STORE\n"
        r"  TABLE_FORMAT = DELTA\n  ENABLED = TRUE;",
        rf"CREATE SCHEMA IF NOT EXISTS {_QUOTED};",
        rf"CREATE ICEBERG TABLE IF NOT EXISTS {_QUOTED}\.{_QUOTED}\n  EXTERNAL_VOLUME = {_TEXT}\n  CATALOG = {_TEXT}\n"
        rf"  BASE_LOCATION = {_TEXT}\n  AUTO_REFRESH = TRUE\n  COMMENT = {_TEXT};",
    ],
    "databricks": [
        rf"CREATE SCHEMA IF NOT EXISTS {_NAME}\.{_NAME};",
        rf"CREATE TABLE IF NOT EXISTS {_NAME}\.{_NAME}\.{_NAME}\nUSING DELTA\nLOCATION {_TEXT};",
    ],
}
"""The forms that the engines' manuals give: see the docstrings of the functions."""


def test_the_examples_hold() -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("target", STATEMENTS)
def test_every_statement_has_a_form_of_the_manual_and_there_is_one_for_each_table(target: str) -> None:
    made = STATEMENTS[target](TABLES, NAMES)
    forms = GRAMMAR[target]
    for statement in made:
        assert any(re.fullmatch(form, statement) for form in forms), statement
    assert sum(bool(re.fullmatch(forms[-1], statement)) for statement in made) == len(TABLES)


@pytest.mark.parametrize(("target", "slash"), [("athena", "/"), ("trino", ""), ("databricks", "")])
def test_each_table_is_at_its_place_of_the_lake(target: str, slash: str) -> None:
    made = "\n".join(STATEMENTS[target](TABLES, NAMES))
    places = set(re.findall(r"'(s3://(?:[^']|'')+)'", made))
    assert places == {f"s3://bucket/o''brien/lake/{table.place}{slash}" for table in TABLES}


def test_snowflake_finds_each_table_below_its_external_volume() -> None:
    made = "\n".join(STATEMENTS["snowflake"](TABLES, Names("s3://bucket/lake", volume="mine")))
    assert set(re.findall(r"BASE_LOCATION = '([^']+)'", made)) == {table.place for table in TABLES}
    assert set(re.findall(r"EXTERNAL_VOLUME = '([^']+)'", made)) == {"mine"}
    assert "STORAGE_BASE_URL = 's3://bucket/lake/'" in made
    assert '"GENESYS"."AGENT_DAILY"' in made


def test_names_of_schema_and_catalogue_are_those_given() -> None:
    names = Names("s3://bucket/lake", schema="calls", catalog="main")
    assert "`main`.`calls`.`agent_daily`" in "\n".join(STATEMENTS["databricks"](TABLES, names))
    assert "CALL \"main\".system.register_table(schema_name => 'calls'" in "\n".join(STATEMENTS["trino"](TABLES, names))
