"""Each check fails on a file that breaks it, and only that one; all pass on a good file."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genesys_assets.checks.table_checks import check_specs, check_table
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.tables.conversation_model import CONVERSATION_TABLES
from genesys_assets.tables.entities import ENTITIES
from genesys_assets.tables.metrics import DAILY_METRICS, INTERVAL_METRICS
from genesys_assets.tables.spec import TableSpec, columns

DAY, NEXT_DAY = "2026-01-31", "2026-02-01"
KEY = dg.AssetKey(["genesys", "tables", "calls"])
CALLS = TableSpec(
    "calls",
    "One row per call of a queue; without a queue, queue null.",
    ("call_id", "queue_id", "attempt", "answered"),
    columns(
        """
        call_id string the call
        queue_id string its queue
        attempt integer which one
        answered boolean whether anyone did
        started instant when it began
        words strings what was said
        """
    ),
    partition_column="started",
    null_in_key=("queue_id", "attempt", "answered"),
)
PASSED: dict[str, list[str]] = {}


def call(**values: Any) -> dict[str, Any]:
    usual = {
        "call_id": "C1",
        "queue_id": "Q1",
        "attempt": 1,
        "answered": True,
        "started": datetime(2026, 1, 31, 12, tzinfo=UTC),
        "words": ["hello"],
    }
    return usual | values


def table(*rows: dict[str, Any], schema: pa.Schema = CALLS.schema) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def store(lake: Lake, stored: pa.Table, day: str | None = DAY, **how: Any) -> None:
    """Whatever it is, straight to where the table lies: the lake itself writes no wrong columns."""
    target = Path(lake.place("tables/calls", day))
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(stored, target, **how)


def problems(lake: Lake, *days: str | None, spec: TableSpec = CALLS) -> dict[str, list[str]]:
    """What each failed check says, by its name."""
    results = check_table(lake, "tables/calls", days or (DAY,), spec, KEY)
    assert {result.check_name for result in results} == {check.name for check in check_specs(spec, KEY)}
    assert {result.asset_key for result in results} == {KEY}
    assert all(result.passed == ("problems" not in result.metadata) for result in results)
    return {
        str(result.check_name): str(result.metadata["problems"].value).splitlines()
        for result in results
        if not result.passed
    }


def test_a_good_file_passes_all_checks(lake: Lake) -> None:
    rows = [call(), call(call_id="C2"), call(queue_id="Q2"), call(attempt=2), call(answered=False)]
    store(lake, table(*rows))
    assert problems(lake) == PASSED


def test_an_empty_file_passes_all_checks(lake: Lake) -> None:
    store(lake, table())
    assert problems(lake) == PASSED


def test_a_file_with_provenance_passes(lake: Lake) -> None:
    lake.write("tables/calls", CALLS, table(call()), DAY, {"run_id": "R1"})
    assert problems(lake) == PASSED


def test_a_file_that_is_not_there_fails(lake: Lake) -> None:
    assert problems(lake) == {"columns_and_types": [f"- {DAY}: there is no file"]}


def test_a_missing_and_an_undeclared_column_are_named(lake: Lake) -> None:
    stored = table(call()).rename_columns(["call_id", "queue_id", "attempt", "answered", "began", "words"])
    store(lake, stored)
    assert problems(lake) == {"columns_and_types": [f"- {DAY}: missing: started; not declared: began"]}


def test_a_column_of_another_type_is_named_with_both_types(lake: Lake) -> None:
    stored = table(call()).set_column(2, "attempt", pa.array([1.0]))
    store(lake, stored)
    assert problems(lake) == {"columns_and_types": [f"- {DAY}: attempt is double instead of int64"]}


def test_columns_in_another_order_fail(lake: Lake) -> None:
    store(lake, table(call()).select(["words", "call_id", "queue_id", "attempt", "answered", "started"]))
    [problem] = problems(lake)["columns_and_types"]
    assert problem.startswith(f"- {DAY}: the columns are the same but differ in order")


def test_a_repeated_key_fails(lake: Lake) -> None:
    store(lake, table(call(words=["a"]), call(call_id="C2"), call(words=["b"])))
    assert problems(lake) == {"key_is_unique": [f"- {DAY}: 1 rows repeat a key"]}


def test_a_repeated_key_is_found_across_row_groups(lake: Lake) -> None:
    rows = [call(call_id=f"C{number}") for number in range(10)]
    store(lake, table(*rows, call(call_id="C0")), row_group_size=2)
    assert problems(lake) == {"key_is_unique": [f"- {DAY}: 1 rows repeat a key"]}


@pytest.mark.parametrize("missing", ["queue_id", "attempt", "answered"])
def test_null_is_a_value_of_its_own_in_a_key(lake: Lake, missing: str) -> None:
    store(lake, table(call(), call(**{missing: None})))
    assert problems(lake) == PASSED
    store(lake, table(call(**{missing: None}), call(), call(**{missing: None})))
    assert problems(lake) == {"key_is_unique": [f"- {DAY}: 1 rows repeat a key"]}


@pytest.mark.parametrize(("column", "blank"), [("queue_id", ""), ("attempt", 0), ("answered", False)])
def test_null_is_not_the_same_as_nothing(lake: Lake, column: str, blank: object) -> None:
    store(lake, table(call(**{column: None}), call(**{column: blank})))
    assert problems(lake) == PASSED


def test_a_null_in_one_row_group_does_not_change_the_keys_of_that_group(lake: Lake) -> None:
    rows = [call(attempt=2), call(attempt=3), call(attempt=2), call(attempt=None)]
    store(lake, table(*rows), row_group_size=2)
    assert problems(lake) == {"key_is_unique": [f"- {DAY}: 1 rows repeat a key"]}


def test_integers_beside_a_null_are_told_apart_to_the_last_digit(lake: Lake) -> None:
    store(lake, table(call(attempt=2**53), call(attempt=2**53 + 1), call(attempt=None)))
    assert problems(lake) == PASSED


def test_keys_are_not_the_same_because_their_parts_run_together(lake: Lake) -> None:
    store(lake, table(call(call_id="ab", queue_id="c"), call(call_id="a", queue_id="bc")))
    assert problems(lake) == PASSED


def test_a_null_where_the_key_allows_none_is_counted(lake: Lake) -> None:
    store(lake, table(call(call_id=None), call(call_id=None, queue_id="Q2"), call()))
    assert problems(lake) == {"key_has_no_nulls": [f"- {DAY}: call_id is null in 2 rows"]}


@pytest.mark.parametrize(
    "started",
    [datetime(2026, 1, 30, 23, 59, 59, 999_000, UTC), datetime(2026, 2, 1, tzinfo=UTC), None],
)
def test_a_row_outside_the_partition_fails(lake: Lake, started: datetime | None) -> None:
    store(lake, table(call(), call(call_id="C2", started=started)))
    assert problems(lake) == {"rows_in_partition": [f"- {DAY}: 1 rows lie outside"]}


def test_the_first_and_last_millisecond_of_the_day_are_inside(lake: Lake) -> None:
    bounds = [datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 1, 31, 23, 59, 59, 999_000, UTC)]
    store(lake, table(*(call(call_id=f"C{number}", started=started) for number, started in enumerate(bounds))))
    assert problems(lake) == PASSED


def test_a_row_of_another_date_than_the_partitions_fails(lake: Lake) -> None:
    """Of a business day it is the local date that counts, whatever UTC day it begins on."""
    dated = TableSpec(
        "calls", "One row per call.", ("call_id",), columns("call_id string the call\nday day its date"), "day"
    )
    dates = [date(2026, 1, 31), date(2026, 2, 1), None]
    rows = [{"call_id": f"C{number}", "day": day} for number, day in enumerate(dates)]
    store(lake, table(*rows[:1], schema=dated.schema))
    assert problems(lake, spec=dated) == PASSED
    store(lake, table(*rows, schema=dated.schema))
    assert problems(lake, spec=dated) == {"rows_in_partition": [f"- {DAY}: 2 rows lie outside"]}


def test_of_a_range_the_bad_partition_is_named(lake: Lake) -> None:
    store(lake, table(call()))
    store(lake, table(call(), call()), NEXT_DAY)
    assert problems(lake, DAY, NEXT_DAY) == {
        "key_is_unique": [f"- {NEXT_DAY}: 1 rows repeat a key"],
        "rows_in_partition": [f"- {NEXT_DAY}: 2 rows lie outside"],
    }


def test_the_same_key_in_two_partitions_is_no_repetition(lake: Lake) -> None:
    store(lake, table(call()))
    store(lake, table(call(started=datetime(2026, 2, 1, tzinfo=UTC))), NEXT_DAY)
    assert problems(lake, DAY, NEXT_DAY) == PASSED


def test_a_table_without_partitions_is_checked_too(lake: Lake) -> None:
    entities = TableSpec("queues", "One row per queue.", ("call_id",), CALLS.columns)
    store(lake, table(call(started=None), call()), None)
    assert problems(lake, None, spec=entities) == {"key_is_unique": ["- 1 rows repeat a key"]}


def test_rows_are_checked_against_the_partition_only_where_a_column_says_when() -> None:
    names = {check.name for check in check_specs(CALLS, KEY)}
    assert names == {"columns_and_types", "key_is_unique", "key_has_no_nulls", "rows_in_partition"}
    undated = TableSpec("queues", "One row per queue.", ("call_id",), CALLS.columns)
    assert {check.name for check in check_specs(undated, KEY)} == names - {"rows_in_partition"}


def test_a_failed_check_stops_what_comes_after_it() -> None:
    reports = [report.spec for report in built_in_reports()]
    for spec in (*CONVERSATION_TABLES, INTERVAL_METRICS, DAILY_METRICS, *reports, *ENTITIES.values()):
        for check in check_specs(spec, KEY):
            assert check.blocking
            assert check.description
