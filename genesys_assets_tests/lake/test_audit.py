"""Each check finds only what breaks it. Rows that fail the audit are not stored, nor other tables written with them."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.lake.audit import AuditFailed, audit, audited_columns, checks_of, difference
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.tables.spec import TableSpec, columns

DAY, NEXT_DAY = "2026-01-31", "2026-02-01"
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
QUEUES = TableSpec("queues", "One row per queue.", ("queue_id",), columns("queue_id string the queue"))
PASSED: dict[str, str] = {}


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


def problems(*parts: pa.Table, spec: TableSpec = CALLS, day: str | None = DAY) -> dict[str, str]:
    """The problems of rows that come in parts."""
    return audit(spec, day, (part.select(audited_columns(spec)) for part in parts))


SHIFTS = TableSpec(
    "shifts",
    "One row per shift.",
    ("shift_id",),
    columns("""
shift_id integer the shift
all_ms integer all of it
work_ms integer work
rest_ms integer rest
"""),
    sums=(("all_ms", ("work_ms", "rest_ms")),),
)


def shifts(*rows: tuple[int | None, int | None, int | None]) -> pa.Table:
    names = ("shift_id", "all_ms", "work_ms", "rest_ms")
    return table(*(dict(zip(names, (nth, *row), strict=True)) for nth, row in enumerate(rows)), schema=SHIFTS.schema)


# -- which problems are found
# -----------------------------------------------------------------------------------------------------


def test_good_rows_pass_all_checks() -> None:
    rows = [call(), call(call_id="C2"), call(queue_id="Q2"), call(attempt=2), call(answered=False)]
    assert problems(table(*rows)) == PASSED


def test_no_rows_pass_all_checks() -> None:
    assert problems(table()) == problems() == PASSED


def test_parts_that_do_not_add_up_are_found_to_the_last_millisecond() -> None:
    assert problems(shifts((10, 7, 3), (10, 10, None), (None, None, None)), spec=SHIFTS) == PASSED
    wrong = {"parts_add_up": "the parts of all_ms do not add up in 3 rows"}
    assert problems(shifts((10, 7, 3), (10, 7, 2), (10, 7, 4), (None, 1, None)), spec=SHIFTS) == wrong
    assert problems(shifts((10, 17, -7)), spec=SHIFTS) == {
        "parts_add_up": "the parts of all_ms do not add up in 1 rows"
    }
    assert "parts_add_up" in checks_of(SHIFTS)
    assert "parts_add_up" not in checks_of(QUEUES)


def test_a_repeated_key_is_found_whatever_else_is_in_the_row() -> None:
    assert problems(table(call(words=["a"]), call(call_id="C2"), call(words=["b"]))) == {
        "key_is_unique": "1 rows repeat a key"
    }


def test_a_key_that_comes_thrice_is_counted_twice() -> None:
    assert problems(table(call(), call(), call())) == {"key_is_unique": "2 rows repeat a key"}


def test_a_repeated_key_is_found_across_parts() -> None:
    rows = [call(call_id=f"C{number}") for number in range(10)]
    assert problems(*(table(row) for row in [*rows, call(call_id="C0")])) == {"key_is_unique": "1 rows repeat a key"}


@pytest.mark.parametrize("missing", ["queue_id", "attempt", "answered"])
def test_null_is_a_value_of_its_own_in_a_key(missing: str) -> None:
    assert problems(table(call(), call(**{missing: None}))) == PASSED
    repeated = table(call(**{missing: None}), call(), call(**{missing: None}))
    assert problems(repeated) == {"key_is_unique": "1 rows repeat a key"}


@pytest.mark.parametrize(("column", "blank"), [("queue_id", ""), ("attempt", 0), ("answered", False)])
def test_null_is_not_the_same_as_nothing(column: str, blank: object) -> None:
    assert problems(table(call(**{column: None}), call(**{column: blank}))) == PASSED


def test_a_null_in_one_part_does_not_change_the_keys_of_that_part() -> None:
    rows = [call(attempt=2), call(attempt=3), call(attempt=2), call(attempt=None)]
    assert problems(table(*rows[:2]), table(*rows[2:])) == {"key_is_unique": "1 rows repeat a key"}


def test_integers_beside_a_null_are_distinguished_to_the_last_digit() -> None:
    assert problems(table(call(attempt=2**53), call(attempt=2**53 + 1), call(attempt=None))) == PASSED


def test_keys_are_not_the_same_because_their_parts_run_together() -> None:
    assert problems(table(call(call_id="ab", queue_id="c"), call(call_id="a", queue_id="bc"))) == PASSED


def test_a_null_where_the_key_allows_none_is_counted() -> None:
    assert problems(table(call(call_id=None), call(call_id=None, queue_id="Q2"), call())) == {
        "key_has_no_nulls": "call_id is null in 2 rows"
    }


@pytest.mark.parametrize(
    "started",
    [datetime(2026, 1, 30, 23, 59, 59, 999_000, UTC), datetime(2026, 2, 1, tzinfo=UTC), None],
)
def test_a_row_outside_the_partition_is_counted(started: datetime | None) -> None:
    rows = table(call(), call(call_id="C2", started=started))
    assert problems(rows) == {"rows_in_partition": "1 rows lie outside the partition"}


def test_the_first_and_last_millisecond_of_the_day_are_inside() -> None:
    bounds = [datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 1, 31, 23, 59, 59, 999_000, UTC)]
    assert problems(table(*(call(call_id=f"C{n}", started=started) for n, started in enumerate(bounds)))) == PASSED


def test_a_row_of_another_date_than_the_partitions_is_counted() -> None:
    """For a business day the local date counts, whatever UTC day it begins on."""
    dated = TableSpec(
        "calls", "One row per call.", ("call_id",), columns("call_id string the call\nday day its date"), "day"
    )
    dates = [date(2026, 1, 31), date(2026, 2, 1), None]
    rows = [{"call_id": f"C{number}", "day": day} for number, day in enumerate(dates)]
    assert problems(table(*rows[:1], schema=dated.schema), spec=dated) == PASSED
    outside = {"rows_in_partition": "2 rows lie outside the partition"}
    assert problems(table(*rows, schema=dated.schema), spec=dated) == outside


def test_a_table_without_partitions_is_audited_too() -> None:
    rows = table({"queue_id": "Q1"}, {"queue_id": "Q1"}, schema=QUEUES.schema)
    assert problems(rows, spec=QUEUES, day=None) == {"key_is_unique": "1 rows repeat a key"}


def test_all_that_is_wrong_is_found_at_once() -> None:
    rows = table(call(), call(), call(call_id=None, started=None))
    assert problems(rows).keys() == {"key_is_unique", "key_has_no_nulls", "rows_in_partition"}


def test_rows_are_looked_for_outside_only_where_a_column_says_when() -> None:
    assert checks_of(CALLS) == ["columns_and_types", "key_is_unique", "key_has_no_nulls", "rows_in_partition"]
    assert checks_of(QUEUES) == ["columns_and_types", "key_is_unique", "key_has_no_nulls"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (CALLS.schema, None),
        (CALLS.schema.remove(4), "missing: started"),
        (CALLS.schema.append(pa.field("began", pa.int64())), "not declared: began"),
        (CALLS.schema.set(2, pa.field("attempt", pa.float64())), "attempt is double instead of int64"),
    ],
)
def test_columns_that_differ_are_named(found: pa.Schema, said: str | None) -> None:
    assert difference(found, CALLS.schema) == said


def test_columns_in_another_order_differ() -> None:
    said = difference(pa.schema(list(CALLS.schema)[::-1]), CALLS.schema)
    assert said is not None
    assert said.startswith("the columns are the same but differ in order")


# -- the effect of a failed audit
# ------------------------------------------------------------------------------------------------------

BAD: dict[str, pa.Table] = {
    "key_is_unique": table(call(), call()),
    "key_has_no_nulls": table(call(call_id=None)),
    "rows_in_partition": table(call(started=None)),
    "columns_and_types": table(call()).drop_columns(["words"]),
}
GOOD = table(call(call_id="stored"))
PLACES = {"tables/calls": CALLS, "tables/queues": QUEUES}


def store_both(lake: Lake, calls: pa.Table, *queues: str | None, reach: Reach | None = None) -> None:
    with lake.table_writers(PLACES, DAY, {"run_id": "r"}) as writing:
        writing.reach = reach
        writing["tables/calls"].write(calls)
        writing["tables/queues"].write(pa.table({"queue_id": queues}, QUEUES.schema))


def state(lake: Lake) -> dict[str, object]:
    """Everything that a reader could see, and every file."""
    now = Lake(lake.store)
    return {
        "rows": {place: now.read(place, DAY, schema=spec.schema).to_pylist() for place, spec in PLACES.items()},
        "reach": {place: now.reach(place, DAY) for place in PLACES},
        "versions": {place: now.log(place).version for place in PLACES},
        "files": lake.store.keys(""),
    }


@pytest.mark.parametrize("check", BAD)
def test_what_fails_its_audit_leaves_all_tables_as_they_were(lake: Lake, check: str) -> None:
    reach = Reach(datetime(2026, 2, 1, tzinfo=UTC), is_complete=True)
    store_both(lake, GOOD, "Q-stored", reach=reach)
    before = state(lake)
    with pytest.raises(AuditFailed, match=rf"of {DAY} failed their audit .*nothing changed: .*{check}") as failed:
        store_both(lake, BAD[check], "Q-new")
    assert state(lake) == before
    assert failed.value.key == DAY
    assert list(failed.value.findings) == ["tables/calls"]
    assert check in failed.value.findings["tables/calls"]


@pytest.mark.parametrize("check", BAD)
def test_what_fails_its_audit_is_not_stored_for_the_first_time_either(lake: Lake, check: str) -> None:
    with pytest.raises(AuditFailed):
        store_both(lake, BAD[check], "Q-new")
    assert lake.store.keys("") == []
    assert not lake.refreshed().has("tables/queues", DAY)


def test_the_findings_of_all_tables_are_named(lake: Lake) -> None:
    with pytest.raises(AuditFailed) as failed:
        store_both(lake, BAD["key_is_unique"], None, None)
    assert failed.value.findings == {
        "tables/calls": {"key_is_unique": "1 rows repeat a key"},
        "tables/queues": {"key_has_no_nulls": "queue_id is null in 2 rows", "key_is_unique": "1 rows repeat a key"},
    }


def test_the_same_key_in_two_partitions_is_no_repetition(lake: Lake) -> None:
    lake.write("tables/calls", CALLS, table(call()), DAY, {})
    lake.write("tables/calls", CALLS, table(call(started=datetime(2026, 2, 1, tzinfo=UTC))), NEXT_DAY, {})
    assert lake.page_partitions("tables/calls") == [DAY, NEXT_DAY]


def test_a_large_table_is_audited_in_pieces(lake: Lake) -> None:
    rows = [call(call_id=f"C{number}") for number in range(40_000)]
    with contextlib.suppress(AuditFailed):
        lake.write("tables/calls", CALLS, table(*rows, rows[0]), DAY, {})
        raise AssertionError("the repeated key was not found")
    lake.write("tables/calls", CALLS, table(*rows), DAY, {})
    assert lake.rows("tables/calls", DAY) == 40_000


def test_a_snapshot_with_other_columns_is_not_added(lake: Lake) -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    with pytest.raises(AuditFailed, match="not declared: began"):
        lake.append("live/queues", QUEUES, pa.table({"began": ["x"]}), noon, {})
    assert not lake.refreshed().has("live/queues", DAY)
