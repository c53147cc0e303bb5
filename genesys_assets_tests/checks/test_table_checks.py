"""The asset checks of a table show what its audit found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import pyarrow as pa
import pytest

from genesys_assets.checks.table_checks import EXPECTED, check_specs, failed_checks, passed_checks
from genesys_assets.lake.audit import AuditFailed
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES
from genesys_assets.tables.entities import ENTITIES
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, INTERVAL_METRICS
from genesys_assets.tables.spec import TableSpec, columns

DAY = "2026-01-31"
CALLS = TableSpec(
    "calls",
    "One row per call.",
    ("call_id", "queue_id"),
    columns("call_id string the call\nqueue_id string its queue\nstarted instant when it began"),
    partition_column="started",
    null_in_key=("queue_id",),
)
QUEUES = TableSpec("queues", "One row per queue.", ("queue_id",), columns("queue_id string the queue"))
CALLS_KEY, QUEUES_KEY = (dg.AssetKey(["genesys", "tables", spec.name]) for spec in (CALLS, QUEUES))
TABLES = {"tables/calls": (CALLS, CALLS_KEY), "tables/queues": (QUEUES, QUEUES_KEY)}
NAMES = {"columns_and_types", "key_is_unique", "key_has_no_nulls", "rows_in_partition"}


def write(lake: Lake, rows: Mapping[str, pa.Table]) -> None:
    with lake.table_writers({place: spec for place, (spec, _) in TABLES.items()}, DAY, {}) as writing:
        for place, table in rows.items():
            writing[place].write(table)


@pytest.fixture
def failure(tmp_path_factory: pytest.TempPathFactory) -> AuditFailed:
    """The error for calls that repeat a key and lie outside the partition, while the queues are correct."""
    lake = Lake(LocalStore(tmp_path_factory.mktemp("lake")))
    calls = [{"call_id": "C1", "queue_id": None, "started": datetime(2026, 2, day, tzinfo=UTC)} for day in (1, 2)]
    rows = {"tables/calls": pa.Table.from_pylist(calls, CALLS.schema), "tables/queues": pa.table({"queue_id": ["Q1"]})}
    with pytest.raises(AuditFailed) as failed:
        write(lake, rows)
    return failed.value


def test_a_table_has_a_check_for_each_rule_that_it_declares() -> None:
    described = {check.name: str(check.description) for check in check_specs(CALLS, CALLS_KEY)}
    assert described.keys() == NAMES
    assert described["key_is_unique"] == "No two rows share call_id, queue_id."
    assert described["key_has_no_nulls"] == "None of call_id is null."
    assert described["rows_in_partition"] == "started lies on the partition's UTC day in every row."
    assert {check.name for check in check_specs(QUEUES, QUEUES_KEY)} == NAMES - {"rows_in_partition"}


def test_a_date_that_is_the_partition_is_described_as_one() -> None:
    dated = TableSpec("x", "", ("day",), columns("day day its date"), "day")
    (described,) = (c.description for c in check_specs(dated, CALLS_KEY) if c.name == "rows_in_partition")
    assert described == "day is the partition's date in every row."


def test_a_table_that_was_committed_passed_all_its_checks() -> None:
    results = passed_checks(CALLS, CALLS_KEY)
    assert {result.check_name for result in results} == NAMES
    assert all(result.passed and result.asset_key == CALLS_KEY for result in results)


def test_the_checks_that_failed_say_of_which_partition_and_how_often(failure: AuditFailed) -> None:
    said = {
        (result.asset_key, result.check_name): str(result.metadata["problems"].value)
        for result in failed_checks(failure, TABLES)
        if not result.passed
    }
    assert said == {
        (CALLS_KEY, "key_is_unique"): f"- {DAY}: 1 rows repeat a key",
        (CALLS_KEY, "rows_in_partition"): f"- {DAY}: 2 rows lie outside the partition",
    }


def test_every_check_of_every_table_that_was_written_has_a_result(failure: AuditFailed) -> None:
    results = list(failed_checks(failure, TABLES))
    assert {result.check_name for result in results if result.asset_key == CALLS_KEY} == NAMES
    assert {result.check_name for result in results if result.asset_key == QUEUES_KEY} == NAMES - {"rows_in_partition"}
    assert all(result.passed == ("problems" not in result.metadata) for result in results)


def test_expected_values_that_nobody_looked_for_are_not_reported_as_present(failure: AuditFailed) -> None:
    expecting = replace(CALLS, expected=("queue_id",))
    tables = {**TABLES, "tables/calls": (expecting, CALLS_KEY)}
    assert EXPECTED in {check.name for check in check_specs(expecting, CALLS_KEY)}
    assert EXPECTED not in {result.check_name for result in failed_checks(failure, tables)}


def test_rows_with_other_columns_pass_no_check_that_needs_the_columns(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(AuditFailed) as failed:
        write(Lake(LocalStore(tmp_path_factory.mktemp("lake"))), {"tables/calls": pa.table({"call_id": ["C1"]})})
    of_calls = [each for each in failed_checks(failed.value, TABLES) if each.asset_key == CALLS_KEY]
    assert [(each.check_name, each.passed) for each in of_calls] == [("columns_and_types", False)]


def test_a_table_without_partitions_names_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    lake = Lake(LocalStore(tmp_path_factory.mktemp("lake")))
    with pytest.raises(AuditFailed) as failed:
        lake.write("tables/queues", QUEUES, pa.table({"queue_id": ["Q1", "Q1"]}), None, {})
    only = {"tables/queues": (QUEUES, QUEUES_KEY)}
    (result,) = (result for result in failed_checks(failed.value, only) if not result.passed)
    assert result.metadata["problems"].value == "- 1 rows repeat a key"


def test_a_failed_check_stops_what_comes_after_it() -> None:
    reports = [report.spec for report in built_in_reports()]
    for spec in (*CONVERSATION_TABLES, INTERVAL_METRICS, DAILY_METRICS, *reports, *ENTITIES.values()):
        checks = list(check_specs(spec, CALLS_KEY))
        assert checks, spec.name
        for check in checks:
            assert check.blocking == (check.name != EXPECTED)
            assert check.description
