"""The changes between two readings: the counts equal those of plain Python, however large the files are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.lake.changes import Change, Counts, Rows, compare
from genesys_assets.tables.spec import TableSpec, columns

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
SPEC = TableSpec(
    "calls",
    "One row per call and queue.",
    ("id", "queue"),
    columns("id string its id\nqueue string its queue\nbegan instant when\nn integer a number\ntags strings its tags"),
    partition_column="began",
    null_in_key=("queue",),
)
WITHOUT_KEY = TableSpec("calls", "One row per anything.", (), SPEC.columns)

_Key = tuple[str, str | None]
_Values = tuple[int, int | None, list[str] | None]


def table(rows: Mapping[_Key, _Values] | list[tuple[_Key, _Values]]) -> pa.Table:
    """Rows by key: hours from noon, a number, tags."""
    pairs = rows.items() if isinstance(rows, Mapping) else rows
    return pa.Table.from_pylist(
        [
            {"id": i, "queue": q, "began": NOON + timedelta(hours=hours), "n": n, "tags": tags}
            for (i, q), (hours, n, tags) in pairs
        ],
        SPEC.schema,
    )


def in_pieces(rows: pa.Table, size: int = 3) -> Rows:
    def pieces() -> Iterator[pa.Table]:
        for first in range(0, len(rows), size):
            yield rows.slice(first, size)

    return Rows(len(rows), rows.schema, pieces())


def counts(before: pa.Table, after: pa.Table, spec: TableSpec = SPEC, rows_at_once: int = 10**6) -> Counts:
    return compare(in_pieces(before), in_pieces(after, 4), spec, rows_at_once=rows_at_once)


def changed(before: pa.Table, after: pa.Table, spec: TableSpec = SPEC) -> tuple[int, int, int]:
    """Rows added, changed, removed."""
    found = counts(before, after, spec)
    return found["rows_added"], found["rows_changed"], found["rows_removed"]


_keys = st.tuples(st.sampled_from("abcdef"), st.sampled_from("xy") | st.none())
_values = st.tuples(st.integers(-12, 11), st.integers(0, 2) | st.none(), st.none() | st.just([]) | st.just(["x"]))
_readings = st.dictionaries(_keys, _values)
_ROWS_AT_ONCE = (1, 2, 5, 10**6)


@settings(max_examples=60, deadline=None)
@given(_readings, _readings, st.sampled_from(_ROWS_AT_ONCE))
def test_any_two_readings_differ_as_their_keys_and_rows_do(
    old: dict[_Key, _Values], new: dict[_Key, _Values], rows_at_once: int
) -> None:
    assert counts(table(old), table(new), rows_at_once=rows_at_once) == {
        "rows_before": len(old),
        "rows_after": len(new),
        "rows_added": len(new.keys() - old.keys()),
        "rows_changed": sum(old[key] != new[key] for key in old.keys() & new.keys()),
        "rows_removed": len(old.keys() - new.keys()),
    }


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(_keys, _values)), st.lists(st.tuples(_keys, _values)), st.sampled_from(_ROWS_AT_ONCE))
def test_without_a_key_each_row_counts_as_often_as_it_is_there(
    old: list[tuple[_Key, _Values]], new: list[tuple[_Key, _Values]], rows_at_once: int
) -> None:
    before, after = (Counter(map(repr, rows)) for rows in (old, new))
    assert counts(table(old), table(new), WITHOUT_KEY, rows_at_once) == {
        "rows_before": len(old),
        "rows_after": len(new),
        "rows_added": (after - before).total(),
        "rows_changed": 0,
        "rows_removed": (before - after).total(),
    }


@settings(max_examples=25, deadline=None)
@given(_readings, st.randoms())
def test_the_order_of_rows_is_no_change(rows: dict[_Key, _Values], random: Any) -> None:
    shuffled = list(rows.items())
    random.shuffle(shuffled)
    for spec in (SPEC, WITHOUT_KEY):
        assert changed(table(rows), table(shuffled), spec) == (0, 0, 0)


BEFORE: dict[_Key, _Values] = {("a", "x"): (0, 1, None), ("b", None): (1, 2, ["t"])}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (BEFORE, (0, 0, 0)),
        ({}, (0, 0, 2)),
        (BEFORE | {("c", "x"): (5, 3, None)}, (1, 0, 0)),
        (BEFORE | {("a", "x"): (0, None, None)}, (0, 1, 0)),
        (BEFORE | {("a", "x"): (0, 1, [])}, (0, 1, 0)),
        (BEFORE | {("a", "x"): (7, 1, None)}, (0, 1, 0)),
        (BEFORE | {("a", None): (0, 1, None)}, (1, 0, 0)),
    ],
)
def test_rows_are_distinguished_by_key(after: dict[_Key, _Values], expected: tuple[int, int, int]) -> None:
    assert changed(table(BEFORE), table(after)) == expected


def test_a_row_that_moves_to_another_hour_is_changed_in_large_files_too() -> None:
    after = BEFORE | {("a", "x"): (7, 1, None)}
    assert counts(table(BEFORE), table(after), rows_at_once=1)["rows_changed"] == 1


def test_an_instant_that_differs_by_a_microsecond_is_another() -> None:
    spec = TableSpec("t", "", ("id",), columns("id string its id\nat instant when"))
    at_rest = pa.schema({"id": pa.string(), "at": pa.timestamp("us", "UTC")})
    old, new = (pa.table({"id": ["a"], "at": [microsecond]}, at_rest) for microsecond in (1_000, 1_001))
    assert (changed(old, old, spec), changed(old, new, spec)) == ((0, 0, 0), (0, 1, 0))


def test_a_column_that_one_reading_does_not_have_is_null_in_it() -> None:
    rows = table(BEFORE)
    assert changed(rows.drop_columns(["tags"]), rows) == (0, 1, 0)
    assert changed(rows, rows.drop_columns(["tags"])) == (0, 1, 0)


def test_columns_in_another_order_are_no_change() -> None:
    rows = table(BEFORE)
    assert changed(rows.select(rows.column_names[::-1]), rows) == (0, 0, 0)


def test_a_renamed_column_changes_every_row_that_has_a_value_in_it() -> None:
    rows = table(BEFORE)
    assert changed(rows, rows.rename_columns(["id", "queue", "began", "number", "tags"])) == (0, 2, 0)


def test_rows_of_another_key_are_other_rows() -> None:
    other = TableSpec("calls", "One row per kind.", ("kind",), columns("kind string its kind"))
    after = pa.table({"kind": ["x"]}, other.schema)
    assert counts(table(BEFORE), after, other) == {
        "rows_before": 2,
        "rows_after": 1,
        "rows_added": 1,
        "rows_changed": 0,
        "rows_removed": 2,
    }


def test_a_column_whose_values_cannot_be_of_the_new_type_is_a_change_and_no_error() -> None:
    words, numbers = (pa.table({"id": ["a", "b"], "n": values}) for values in (["one", "2"], [1, 2]))
    assert changed(words, numbers, TableSpec("t", "", ("id",), ())) == (0, 2, 0)


# -- how changes are described
# ------------------------------------------------------------------------------------------------


def test_a_change_is_new_where_rows_or_reach_are_and_no_newer_reading_stays() -> None:
    assert Change("a", 1).is_new
    assert Change("b", 1, 1, 0, 0, 0, previous_content="a").is_new
    assert not Change("a", 1, 1, 0, 0, 0, previous_content="a").is_new
    assert not Change("b", 1, previous_content="a", is_superseded=True).is_new


def test_rows_are_the_same_only_where_they_were_compared() -> None:
    assert Change("b", 1, 1, 0, 0, 0, "a").same_rows
    assert not Change("b", 1, 1, 0, 1, 0, "a").same_rows
    assert not Change("b", 1, 1, previous_content="a").same_rows
    assert not Change("a", 1).same_rows


def test_the_figures_are_the_counts() -> None:
    assert Change("b", 3, 2, 1, 0, 0, "a").figures() == {
        "rows_before": 2,
        "rows_after": 3,
        "rows_added": 1,
        "rows_changed": 0,
        "rows_removed": 0,
    }
