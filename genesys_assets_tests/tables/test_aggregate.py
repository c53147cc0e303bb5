from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.tables import aggregate as module
from genesys_assets.tables.aggregate import Measure, OutOfOrder, aggregate

SCHEMA = pa.schema([("hour", pa.int64()), ("queue", pa.string()), ("value", pa.int64()), ("code", pa.string())])
KEYS = ["hour", "queue"]
MEASURES = [
    Measure("total", "value", "sum"),
    Measure("rows", "value", "count"),
    Measure("least", "value", "min"),
    Measure("most", "value", "max"),
    Measure("codes", "code", "distinct"),
    Measure("different", "code", "count_distinct"),
]
Row = tuple[int, str | None, int | None, str | None]
ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.none() | st.sampled_from("qr"),
        st.none() | st.integers(-9, 9),
        st.none() | st.sampled_from("abc"),
    ),
    max_size=24,
)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Group only few rows at once, so that several pieces must be combined."""
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 4)


def table(rows: Sequence[Row]) -> pa.Table:
    return pa.table([list(column) for column in zip(*rows, strict=True)] or [[]] * 4, schema=SCHEMA)


def cut(rows: list[Row], cuts: list[int]) -> list[pa.Table]:
    bounds = [0, *sorted(min(at, len(rows)) for at in cuts), len(rows)]
    return [table(rows[start:end]) for start, end in pairwise(bounds)]


def plain(rows: list[Row]) -> dict[Any, dict[str, Any]]:
    groups: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[:2]].append(row)
    figures = {}
    for key, members in groups.items():
        values = [value for _, _, value, _ in members if value is not None]
        codes = sorted({code for *_, code in members if code is not None})
        figures[key] = {
            "total": sum(values) if values else None,
            "rows": len(values),
            "least": min(values, default=None),
            "most": max(values, default=None),
            "codes": codes,
            "different": len(codes),
        }
    return figures


def grouped(found: pa.Table) -> dict[Any, dict[str, Any]]:
    assert found.column_names == [*KEYS, *(measure.name for measure in MEASURES)]
    rows = {(row.pop("hour"), row.pop("queue")): row | {"codes": sorted(row["codes"])} for row in found.to_pylist()}
    assert len(rows) == len(found)
    return rows


@settings(deadline=None)
@given(ROWS, st.lists(st.integers(0, 24), max_size=5))
def test_however_rows_are_cut_into_parts_the_groups_are_the_same(rows: list[Row], cuts: list[int]) -> None:
    assert grouped(aggregate(cut(rows, cuts), KEYS, MEASURES)) == plain(rows)


@settings(deadline=None)
@given(ROWS, st.lists(st.integers(0, 24), max_size=5))
def test_parts_in_order_give_the_same(rows: list[Row], cuts: list[int]) -> None:
    rows.sort(key=lambda row: row[0])
    assert grouped(aggregate(cut(rows, cuts), KEYS, MEASURES, in_order_of="hour")) == plain(rows)


def test_a_row_that_comes_after_its_group_was_finished_is_refused() -> None:
    early, late = table([(1, "q", 1, None)] * 4), table([(2, "q", 1, None)] * 4)
    with pytest.raises(OutOfOrder, match="a row with hour 1 came after rows with 2"):
        aggregate([late, early], KEYS, MEASURES, in_order_of="hour")


def test_groups_that_are_finished_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    finish = module.Groups.finish

    def noting(groups: module.Groups, *given: Any) -> pa.Table:
        done = finish(groups, *given)
        kept.append(len(groups))
        return done

    monkeypatch.setattr(module.Groups, "finish", noting)
    hours = [table([(hour, queue, 1, "a") for queue in "qrqr"]) for hour in range(50)]
    assert len(aggregate(hours, KEYS, MEASURES, in_order_of="hour")) == 100
    assert max(kept) <= 4


@pytest.mark.parametrize("parts", [50, 500])
def test_what_is_kept_grows_with_the_groups_and_not_with_the_parts(parts: int) -> None:
    groups = module.Groups(KEYS, MEASURES)
    most = 0
    for number in range(parts):
        groups.add(table([(hour, queue, number, "ab"[number % 2]) for hour in range(10) for queue in "qr"]))
        most = max(most, len(groups))
    figures, values = 10 * 2, 10 * 2 * 2
    assert most <= 6 * (figures + values)
    assert grouped(groups.finish()) == plain(
        [(hour, queue, number, "ab"[number % 2]) for number in range(parts) for hour in range(10) for queue in "qr"]
    )


def test_few_rows_are_not_folded_though_they_are_many_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folding reads everything that is kept."""
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 1_000)
    groups = module.Groups(KEYS, MEASURES[:1])
    for _ in range(1_000):
        groups.add(table([(1, "q", 1, None)]))
    assert len(groups) == 1_000


def test_a_column_that_a_part_lacks_is_null_there() -> None:
    values = pa.table({"hour": [1], "queue": ["q"], "value": [5]})
    codes = pa.table({"hour": [1], "queue": ["q"], "code": ["a"]})
    assert grouped(aggregate([values, codes], KEYS, MEASURES)) == plain([(1, "q", 5, None), (1, "q", None, "a")])


@settings(deadline=None)
@given(ROWS, ROWS)
def test_parts_with_other_columns_may_come_in_any_number(values: list[Row], codes: list[Row]) -> None:
    parts = [
        table([]),
        *(table([row]).drop_columns("code") for row in values),
        *(table([row]).drop_columns("value") for row in codes),
    ]
    rows: list[Row] = [(hour, queue, value, None) for hour, queue, value, _ in values]
    rows += [(hour, queue, None, code) for hour, queue, _, code in codes]
    assert grouped(aggregate(parts, KEYS, MEASURES)) == plain(rows)


def test_of_no_rows_there_are_no_groups_but_all_columns() -> None:
    found = aggregate([table([])], KEYS, MEASURES)
    assert (len(found), found.column_names[-1]) == (0, "different")


def test_without_measures_each_group_is_there_once() -> None:
    assert aggregate([pa.table({"key": ["a", "b", "a"]})], ["key"], []).to_pylist() == [{"key": "a"}, {"key": "b"}]
