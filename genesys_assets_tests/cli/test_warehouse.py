"""The command `genesys-assets warehouse`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from genesys_assets.cli.app import app
from genesys_assets_tests.assets.world import environment


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path) -> Iterator[None]:
    with environment({"DAGSTER_HOME": str(tmp_path), "GENESYS_ASSETS_LAKE": "s3://bucket/lake/"}):
        yield


def warehouse(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["warehouse", *arguments])


@pytest.mark.parametrize("target", ["athena", "trino", "snowflake", "databricks"])
def test_it_prints_statements_for_each_warehouse(target: str) -> None:
    ended = warehouse(target)
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.startswith(("CREATE ", "-- "))
    assert ended.stdout.endswith(";\n")


def test_it_prints_sources_for_dbt() -> None:
    document = yaml.safe_load(warehouse("dbt", "--schema", "calls").stdout)
    assert [source["name"] for source in document["sources"]] == ["calls"]


@pytest.mark.parametrize("target", ["athena", "dbt"])
def test_two_reports_that_would_share_one_name_are_named_and_nothing_is_printed(target: str, tmp_path: Path) -> None:
    entry = "{description: x, aggregates: {metrics: {handled: tHandle.count}}}"
    (tmp_path / "reports.yaml").write_text(f"reports:\n  conversations: {entry}\n  reports_conversations: {entry}\n")
    ended = warehouse(target)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "reports/conversations and reports/reports_conversations would both be called" in ended.stderr


def test_reports_of_ones_own_are_tables_too(tmp_path: Path) -> None:
    (tmp_path / "reports.yaml").write_text(
        "reports:\n  mine:\n    description: One row per queue.\n    group_by: [queueId]\n"
        "    aggregates: {metrics: {handled: tHandle.count}}\n    columns: {handled: }\n"
    )
    assert "'s3://bucket/lake/reports/mine/'" in warehouse("athena").stdout


def test_a_lake_in_a_folder_needs_a_location_that_the_warehouse_reaches(tmp_path: Path) -> None:
    with environment({"DAGSTER_HOME": str(tmp_path)}):
        ended = warehouse("trino")
        assert (ended.exit_code, ended.stdout) == (1, "")
        assert "which trino cannot read. Pass the URL at which it reaches the lake" in ended.stderr
        assert "'s3://other/lake/tables/sessions'" in warehouse("trino", "--location", "s3://other/lake").stdout


def test_an_unknown_warehouse_is_not_understood() -> None:
    ended = warehouse("oracle")
    assert ended.exit_code == 2
    assert "'snowflake'" in ended.stderr
