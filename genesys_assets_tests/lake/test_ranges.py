"""Days of one table may differ in columns and types; a range of them still reads as one table."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.lake.column_types import ColumnTypeChanged, DuplicateColumn, NoColumns, PartitionsChanged
from genesys_assets.lake.frames import as_table
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.tables.spec import Column, TableSpec

DAYS = [f"2026-01-{day:02d}" for day in range(1, 8)]
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def store(lake: Lake, day: str | None, frame: Any) -> None:
    table = as_table(frame)
    spec = TableSpec("mine", "", (), tuple(Column(field.name, field.type, "") for field in table.schema))
    lake.write("mine", spec, table, day, {})


def stored(lake: Lake, *frames: Any) -> pa.Table:
    """Store each day from a frame; returns all days as one table."""
    days = DAYS[: len(frames)]
    for day, frame in zip(days, frames, strict=True):
        store(lake, day, frame)
    return lake.read("mine", days)


# -- columns that come and go


def test_a_column_that_a_later_day_brings_is_null_before(lake: Lake) -> None:
    rows = stored(lake, pd.DataFrame({"a": ["x"]}), pd.DataFrame({"a": ["y"], "b": [7]}))
    assert rows.to_pylist() == [{"a": "x", "b": None}, {"a": "y", "b": 7}]
    assert lake.read("mine", DAYS[0]).to_pylist() == [{"a": "x", "b": None}]


def test_a_column_that_a_later_day_lacks_is_null_there(lake: Lake) -> None:
    rows = stored(lake, pd.DataFrame({"a": ["x"], "b": [7]}), pd.DataFrame({"a": ["y"]}))
    assert rows.to_pylist() == [{"a": "x", "b": 7}, {"a": "y", "b": None}]


def test_a_column_without_any_value_takes_the_type_of_the_day_that_has_one(lake: Lake) -> None:
    rows = stored(lake, *(pd.DataFrame({"a": ["x"], "b": [value]}) for value in (None, "code", None)))
    assert rows["b"].type == pa.string()
    assert rows["b"].to_pylist() == [None, "code", None]


@pytest.mark.parametrize(
    "ended",
    [
        pd.DataFrame({"ended": [pd.NaT]}),
        pd.DataFrame({"ended": pd.Series([None], dtype="timedelta64[ns]")}),
        pl.DataFrame({"ended": pl.Series([None], dtype=pl.Datetime)}),
        pa.table({"ended": pa.nulls(1, pa.timestamp("ns"))}),
    ],
)
def test_a_column_of_nulls_needs_no_type_that_the_lake_can_store(lake: Lake, ended: Any) -> None:
    rows = stored(lake, ended, pd.DataFrame({"ended": [NOON]}), ended)
    assert rows.to_pylist() == [{"ended": None}, {"ended": NOON}, {"ended": None}]


def test_a_column_that_is_null_on_every_day_is_a_column_of_nulls(lake: Lake) -> None:
    rows = stored(lake, *[pd.DataFrame({"a": ["x"], "b": [None]})] * 2)
    assert rows.to_pylist() == [{"a": "x", "b": None}] * 2
    assert rows["b"].type == pa.null()
    assert lake.read("mine", DAYS[1]).equals(rows.slice(1))
    assert lake.read("mine", DAYS, columns=["b"]).to_pylist() == [{"b": None}] * 2
    assert lake.read("mine", DAYS[0]).to_pylist() == [{"a": "x", "b": None}]
    assert lake.schema("mine", DAYS[0]).names == ["a", "b"]


def test_a_column_of_nulls_that_a_second_reading_brings_is_read(lake: Lake) -> None:
    store(lake, DAYS[0], pd.DataFrame({"a": ["x"]}))
    store(lake, DAYS[0], pd.DataFrame({"a": ["x"], "b": [None]}))
    assert lake.read("mine", DAYS[0]).column_names == ["a", "b"]


# -- empty days


@pytest.mark.parametrize(
    "empty",
    [
        pd.DataFrame({"agent": [], "n": []}),
        pd.DataFrame({"agent": pd.Series([], dtype=object), "n": pd.Series([], dtype=object)}),
        pd.DataFrame({"agent": pd.Series([], dtype=bool), "n": pd.Series([], dtype="datetime64[ns, UTC]")}),
        pd.DataFrame({"agent": pd.Series([], dtype="datetime64[ns]"), "n": pd.Series([], dtype="timedelta64[ns]")}),
        pl.DataFrame({"agent": [], "n": []}),
        pl.DataFrame({"agent": [None], "n": [None]}).clear(),
    ],
)
def test_an_empty_first_day_does_not_decide_types(lake: Lake, empty: Any) -> None:
    rows = stored(lake, empty, pd.DataFrame({"agent": ["a"], "n": [3]}), empty)
    assert rows.to_pylist() == [{"agent": "a", "n": 3}]
    assert rows.schema.types == [pa.string(), pa.int64()]


def test_a_first_day_of_nothing_but_nulls_keeps_its_rows(lake: Lake) -> None:
    nulls = pd.DataFrame({"a": [None, None], "b": [None, None]})
    assert stored(lake, nulls).to_pylist() == [{"a": None, "b": None}] * 2
    store(lake, DAYS[1], pd.DataFrame({"a": [[1]], "b": [NOON]}))
    rows = lake.read("mine", DAYS)
    assert rows.to_pylist() == [{"a": None, "b": None}] * 2 + [{"a": [1], "b": NOON}]
    assert rows.schema.types == [pa.list_(pa.int64()), pa.timestamp("us", tz="UTC")]


def test_a_day_without_columns_has_those_of_the_table(lake: Lake) -> None:
    rows = stored(lake, pd.DataFrame({"a": ["x"]}), pd.DataFrame([]))
    assert rows.to_pylist() == [{"a": "x"}]
    assert lake.read("mine", DAYS[1]).schema == pa.schema([("a", pa.string())])


def test_a_first_day_without_columns_is_refused(lake: Lake) -> None:
    with pytest.raises(NoColumns, match=r"mine would have no columns\. Give the table columns"):
        store(lake, DAYS[0], pd.DataFrame([]))
    assert not lake.has("mine", DAYS[0])


# -- types


@pytest.mark.parametrize(("first", "second"), [(1, 2.5), (1.5, 2)])
def test_whole_numbers_and_fractions_are_both_floats_in_either_order(lake: Lake, first: float, second: float) -> None:
    rows = stored(lake, pd.DataFrame({"n": [first]}), pd.DataFrame({"n": [second]}))
    assert rows["n"].type == pa.float64()
    assert rows["n"].to_pylist() == [first, second]


def test_decimals_take_the_digits_that_all_days_need(lake: Lake) -> None:
    prices = [Decimal("1.10"), Decimal("100.125"), Decimal("7.5")]
    rows = stored(lake, *(pd.DataFrame({"price": [price]}) for price in prices))
    assert rows["price"].type == pa.decimal128(6, 3)
    assert rows["price"].to_pylist() == prices


def test_lists_and_structs_become_one_inside_too(lake: Lake) -> None:
    rows = stored(
        lake,
        pd.DataFrame({"tags": [[]], "who": [{"id": "a"}]}),
        pd.DataFrame({"tags": [[1]], "who": [{"id": "b", "age": 40}]}),
        pd.DataFrame({"tags": [[0.5]], "who": [{"age": 41.5}]}),
        pd.DataFrame({"tags": [None], "who": [None]}),
    )
    assert rows["tags"].to_pylist() == [[], [1], [0.5], None]
    assert rows["who"].to_pylist() == [
        {"id": "a", "age": None},
        {"id": "b", "age": 40},
        {"id": None, "age": 41.5},
        None,
    ]


def test_text_beside_numbers_is_refused_with_what_to_do_and_nothing_is_stored(lake: Lake) -> None:
    store(lake, DAYS[0], pd.DataFrame({"n": [1]}))
    words = "mine has stored n as int64, but it would be string now. Cast it to int64, or give the column another name"
    with pytest.raises(ColumnTypeChanged, match=words):
        store(lake, DAYS[1], pd.DataFrame({"n": ["1"]}))
    assert not lake.has("mine", DAYS[1])
    assert lake.read("mine", DAYS).to_pylist() == [{"n": 1}]


def test_times_and_days_are_not_mixed(lake: Lake) -> None:
    store(lake, DAYS[0], pd.DataFrame({"t": [NOON]}))
    with pytest.raises(ColumnTypeChanged):
        store(lake, DAYS[1], pd.DataFrame({"t": [NOON.date()]}))


@pytest.mark.parametrize(("first", "second"), [*itertools.permutations([None, "2026-01-01", "2026-01-01-13:00"], 2)])
def test_partitions_of_another_kind_are_refused_and_the_table_stays_readable(
    lake: Lake, tmp_path: Path, first: str | None, second: str | None
) -> None:
    """Engines cannot read a table with days and hours, and would not find rows of a day in a table without
    partitions."""
    store(lake, first, pa.table({"n": [1]}))
    with pytest.raises(PartitionsChanged, match=r"mine has .*, and its asset has .* now\. Keep the partitions"):
        store(lake, second, pa.table({"n": [2]}))
    assert lake.refreshed().read("mine", first).to_pylist() == [{"n": 1}]
    assert pl.scan_delta(f"{tmp_path}/mine").collect()["n"].to_list() == [1]


def test_a_key_that_is_neither_a_day_nor_an_hour_is_refused_with_what_to_do(lake: Lake) -> None:
    with pytest.raises(ValueError, match=r"'2026-01-31\|eu' is neither a day .* into columns"):
        store(lake, "2026-01-31|eu", pa.table({"n": [1]}))


@pytest.mark.parametrize("days", [[{"a": 1, "A": 2}], [{"a": 1}, {"A": 2}]])
def test_fields_of_a_struct_that_differ_only_in_case_are_refused_as_columns_are(
    lake: Lake, days: list[dict[str, int]]
) -> None:
    with pytest.raises(DuplicateColumn, match="mine: column 'x' has the fields 'A', 'a'"):
        stored(lake, *(pa.table({"x": [each]}) for each in days))


def test_a_name_that_differs_from_a_stored_one_in_case_is_refused(lake: Lake) -> None:
    store(lake, DAYS[0], pd.DataFrame({"Agent": ["a"]}))
    with pytest.raises(DuplicateColumn, match="mine has the columns 'Agent', 'agent'"):
        store(lake, DAYS[1], pd.DataFrame({"agent": ["a"]}))


def test_rows_that_had_to_take_a_wider_type_are_known_again(lake: Lake) -> None:
    stored(lake, pd.DataFrame({"n": [1], "s": [None]}), pd.DataFrame({"n": [0.5], "s": ["x"]}))
    before = lake.log("mine").every_file()
    table = as_table(pd.DataFrame({"n": [1], "s": [None]}))
    spec = TableSpec("mine", "", (), tuple(Column(field.name, field.type, "") for field in table.schema))
    assert not lake.write("mine", spec, table, DAYS[0], {}).is_new
    assert lake.log("mine").every_file() == before


# -- random days

_values: dict[str, st.SearchStrategy[Any]] = {
    "number": st.integers(-(2**31), 2**31) | st.floats(allow_nan=False, allow_infinity=False, width=32),
    "whole": st.integers(-(2**63), 2**63 - 1),
    "text": st.text(max_size=3),
    "truth": st.booleans(),
    "moment": st.integers(0, 10**6).map(lambda microseconds: NOON + timedelta(microseconds=microseconds)),
    "numbers": st.lists(st.integers(0, 9) | st.none(), max_size=2),
    "fields": st.fixed_dictionaries({}, optional={"a": st.integers(0, 9), "b": st.text(max_size=1)}).filter(bool),
}


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """A day: some columns, some rows, some columns of nulls, and some of the null type."""
    names = draw(st.lists(st.sampled_from(sorted(_values)), min_size=1, unique=True))
    size = draw(st.integers(0, 3))
    columns = {}
    for name in names:
        if draw(st.booleans()):
            values = draw(st.lists(_values[name] | st.none(), min_size=size, max_size=size))
            columns[name] = pd.Series(values, dtype=object)
        else:
            columns[name] = pd.Series([None] * size, dtype=draw(st.sampled_from(["object", "float64", "str"])))
    return pd.DataFrame(columns)


def plain(days: Sequence[pd.DataFrame]) -> list[dict[str, Any]]:
    """The rows of all days one after the other, each with the columns of all days."""
    names = sorted({name for day in days for name in day.columns})
    rows = [row for day in days for row in day.astype(object).to_dict("records")]
    return [{name: _plain(row.get(name)) for name in names} for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {"a": value.get("a"), "b": value.get("b")}
    return None if not isinstance(value, list) and pd.isna(value) else value


def _known(value: Any) -> Any:
    """A struct has only the fields that were ever seen."""
    return {"a": None, "b": None, **value} if isinstance(value, dict) else value


@pytest.mark.long
@settings(max_examples=30, deadline=None)
@given(st.lists(frames(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_what_is_read_of_days_is_what_a_plain_union_says(
    tmp_path_factory: pytest.TempPathFactory, days: list[pd.DataFrame], random: Any
) -> None:
    lake = Lake(LocalStore(tmp_path_factory.mktemp("lake")))
    order = random.sample(range(len(days)), len(days))
    for index in order:
        store(lake, DAYS[index], days[index])
    rows = lake.read("mine", DAYS[: len(days)])
    read = [dict(sorted((name, _known(value)) for name, value in row.items())) for row in rows.to_pylist()]
    assert read == plain(days)
    for index, day in enumerate(days):
        alone = lake.read("mine", DAYS[index]).to_pylist()
        assert [{name: _known(row[name]) for name in day.columns} for row in alone] == [
            {name: _plain(row[name]) for name in day.columns} for row in day.astype(object).to_dict("records")
        ]
    numbers = [value for day in days for value in day.get("number", []) if value is not None]
    if pd.notna(numbers).any():
        has_fractions = any(isinstance(value, float) and pd.notna(value) for value in numbers)
        assert rows["number"].type == (pa.float64() if has_fractions else pa.int64())
