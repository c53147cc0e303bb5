"""Frames that downstream assets return: each comes back unchanged, or is refused with the name of the problem."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.lake.column_types import DuplicateColumn, NoColumns, ReservedColumn, UnstorableColumn
from genesys_assets.lake.frames import UnnamedIndex, as_table, convert, leaves_out_index
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.tables.spec import Column, TableSpec

DAY = "2026-01-31"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")
INSTANT = pa.timestamp("us", tz="UTC")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def store(lake: Lake, frame: Any, day: str = DAY) -> pa.Table:
    """The frame as it comes back."""
    table = as_table(frame)
    spec = TableSpec("mine", "", (), tuple(Column(field.name, field.type, "") for field in table.schema))
    lake.write("mine", spec, table, day, {})
    return lake.read("mine", day)


# -- values


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (pd.Series(["a", "b", "a"], dtype="category"), pa.string()),
        (pd.Series([True, False]), pa.bool_()),
        (pd.Series([True, None], dtype=object), pa.bool_()),
        (pd.Series([1, None], dtype="Int64"), pa.int64()),
        (pd.Series([1, 2], dtype="uint8"), pa.int64()),
        (pd.Series([1.5, None]), pa.float64()),
        (pd.Series(["a", None], dtype="string[pyarrow]"), pa.string()),
        (pd.Series(["a", None], dtype="str"), pa.string()),
        (pd.Series([1, 2.5], dtype=object), pa.float64()),
        (pd.Series([b"a", None], dtype=object), pa.binary()),
        (pd.Series([date(2026, 1, 31), None], dtype=object), pa.date32()),
        (pd.Series([Decimal("1.10"), Decimal("22.345"), None]), pa.decimal128(5, 3)),
        (pd.Series([["a"], [], None]), pa.list_(pa.string())),
        (pd.Series([[], None]), pa.list_(pa.string())),
        (pd.Series([{"a": 1, "b": ["x"]}, None]), pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))])),
        (pd.Series([[{"a": 1}]]), pa.list_(pa.struct([("a", pa.int64())]))),
        (pd.Series([[NOON, None], [NOON]]), pa.list_(pa.timestamp("us", tz="UTC"))),
        (pd.Series([NOON, None]), pa.timestamp("us", tz="UTC")),
        (pd.Series([NOON + timedelta(microseconds=1)]), pa.timestamp("us", tz="UTC")),
        (pd.Series([NOON]).dt.as_unit("ns"), pa.timestamp("us", tz="UTC")),
        (pd.Series([NOON]).dt.tz_convert("Europe/London"), pa.timestamp("us", tz="UTC")),
        (pd.Series([NOON, NOON.astimezone(LONDON)], dtype=object), pa.timestamp("us", tz="UTC")),
    ],
)
def test_a_column_of_pandas_comes_back_as_it_was(lake: Lake, values: pd.Series[Any], type_: pa.DataType) -> None:
    column = store(lake, pd.DataFrame({"x": values}))["x"]
    assert column.type == type_
    assert column.to_pylist() == [None if _is_missing(value) else value for value in values]


def _is_missing(value: Any) -> bool:
    return not isinstance(value, list | dict) and bool(pd.isna(value))


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (pl.Series(["a", None], dtype=pl.Categorical), pa.string()),
        (pl.Series(["a", None], dtype=pl.Enum(["a"])), pa.string()),
        (pl.Series([1, None], dtype=pl.Int16), pa.int16()),
        (pl.Series([1, None], dtype=pl.UInt32), pa.int64()),
        (pl.Series([1.5], dtype=pl.Float32), pa.float32()),
        (pl.Series([Decimal("1.5"), None]), pa.decimal128(38, 1)),
        (pl.Series([[1], [], None]), pa.list_(pa.int64())),
        (pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2)), pa.list_(pa.int64())),
        (pl.Series([{"a": 1}, None]), pa.struct([("a", pa.int64())])),
        (pl.Series([NOON, None]), pa.timestamp("us", tz="UTC")),
        (pl.Series([date(2026, 1, 31)]), pa.date32()),
        (pl.Series([b"x"]), pa.binary()),
    ],
)
def test_a_column_of_polars_comes_back_as_it_was(lake: Lake, values: pl.Series, type_: pa.DataType) -> None:
    column = store(lake, pl.DataFrame({"x": values}))["x"]
    assert column.type == type_
    assert column.to_pylist() == values.to_list()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1, "a"], "mixes values of the types number, str"),
        (["a", b"b"], "mixes values of the types str, bytes"),
        ([True, 1], "mixes values of the types bool, number"),
        ([date(2026, 1, 31), NOON], "mixes values of the types date, datetime"),
        ([NOON, NOON.replace(tzinfo=None)], "mixes values of the types datetime, datetime without a time zone"),
        ([NOON.replace(tzinfo=None), NOON], "mixes values of the types datetime without a time zone, datetime"),
        ([[1], ["a"]], "cannot be stored: inside \\[\\] it mixes values of the types number, str"),
        ([[date(2026, 1, 31), NOON]], "cannot be stored: inside \\[\\] it mixes values of the types date, datetime"),
        ([{"a": {"b": NOON}}, {"a": {"b": date(2026, 1, 31)}}], "cannot be stored: inside b it mixes"),
        ([[NOON, NOON.replace(tzinfo=None)]], "cannot be stored: inside"),
        ([[b"a"], ["b"]], "cannot be stored: inside"),
        ([2**70], "cannot be stored"),
        ([{1}], "holds sets"),
        ([object()], "cannot be stored"),
        ([UUID(int=1)], "the lake cannot store|cannot be stored"),
        (pd.Series([NOON.replace(tzinfo=None)]), "times without a time zone"),
        (pd.Series([timedelta(1)]), "Store a duration as a number"),
        (pd.Series(pd.period_range("2026-01", periods=1, freq="M")), "cannot store"),
        (pd.Series([1j]), "cannot be stored"),
        (pd.Series(pd.to_datetime([1], unit="ns", utc=True)), "has a value that timestamp.* cannot hold"),
    ],
)
def test_a_column_that_would_not_come_back_is_refused_with_its_name(lake: Lake, values: Any, words: str) -> None:
    values = values if isinstance(values, pd.Series) else pd.Series(values, dtype=object)
    with pytest.raises(UnstorableColumn, match=rf"column 'x'.* ({words})"):
        store(lake, pd.DataFrame({"n": 1, "x": values}))
    assert not lake.has("mine", DAY)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["a", b"b"], "bytes, str"),
        ([date(2026, 1, 31), NOON], "date, datetime"),
        ([NOON, NOON.replace(tzinfo=None)], "datetime, datetime without a time zone"),
        ([1, Decimal("1.5")], "number, Decimal"),
    ],
)
def test_categories_of_several_types_are_refused_as_values_are(lake: Lake, values: list[Any], words: str) -> None:
    with pytest.raises(UnstorableColumn, match=f"column 'x' mixes values of the types {words}"):
        store(lake, pd.DataFrame({"x": pd.Categorical(values)}))


def test_a_category_that_no_row_has_does_not_decide_the_type_of_the_others(lake: Lake) -> None:
    values = pd.Categorical([NOON, None], categories=pd.Index([date(2026, 1, 31), NOON], dtype=object))
    assert store(lake, pd.DataFrame({"x": values})).to_pylist() == [{"x": NOON}, {"x": None}]


def test_python_objects_of_polars_are_refused_with_the_name_of_their_column(lake: Lake) -> None:
    with pytest.raises(UnstorableColumn, match="column 'x' holds Python objects"):
        store(lake, pl.DataFrame({"x": [object()]}))


def test_a_type_of_polars_that_arrow_lacks_is_refused_with_the_name_of_its_column(lake: Lake) -> None:
    with pytest.raises(UnstorableColumn, match="'x': Int128"):
        store(lake, pl.DataFrame({"x": pl.Series([1], dtype=pl.Int128)}))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (pl.Series([2**63], dtype=pl.UInt64), "has a value that int64 cannot hold"),
        (pl.Series([time(12)]), "of the type time64"),
        (pl.Series([timedelta(1)]), "Store a duration as a number"),
        (pl.Series([NOON.replace(tzinfo=None)]), "times without a time zone"),
    ],
)
def test_a_column_of_polars_that_would_not_come_back_is_refused_with_its_name(
    lake: Lake, values: pl.Series, words: str
) -> None:
    with pytest.raises(UnstorableColumn, match=rf"column 'x' .*{words}"):
        store(lake, pl.DataFrame({"x": values}))


def test_a_column_of_arrow_that_may_not_be_null_is_stored(lake: Lake) -> None:
    rows = pa.table({"x": [1]}, schema=pa.schema([pa.field("x", pa.int64(), nullable=False)]))
    assert store(lake, rows).to_pylist() == [{"x": 1}]


def test_microseconds_come_back_after_a_second_reading(lake: Lake) -> None:
    for microseconds in (1, 2):
        moment = NOON + timedelta(microseconds=microseconds)
        store(lake, pd.DataFrame({"x": [moment]}))
        assert lake.read("mine", DAY)["x"].to_pylist() == [moment]
        assert lake.schema("mine", DAY).field("x").type == pa.timestamp("us", tz="UTC")


# -- index and names


FRAME = pd.DataFrame({"team": ["b", "a", "a"], "queue": ["x", "y", "y"], "n": [1, 2, 4]})


def test_the_index_of_groups_is_kept_as_columns(lake: Lake) -> None:
    assert store(lake, FRAME.groupby("team")[["n"]].sum()).to_pylist() == [{"team": "a", "n": 6}, {"team": "b", "n": 1}]


def test_each_level_of_an_index_is_a_column(lake: Lake) -> None:
    assert store(lake, FRAME.groupby(["team", "queue"])[["n"]].sum()).to_pylist() == [
        {"team": "a", "queue": "y", "n": 6},
        {"team": "b", "queue": "x", "n": 1},
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame,
        lambda frame: frame[frame["n"] > 1],
        lambda frame: frame.sort_values("n", ascending=False),
        lambda frame: pd.concat([frame, frame]),
        lambda frame: frame[frame["n"] > 9],
        lambda frame: frame[["n"]][:0].set_index(pd.Index([], dtype=object)),
    ],
)
def test_an_index_that_only_counts_rows_is_left_out(lake: Lake, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    frame = change(FRAME)
    assert store(lake, frame).to_pylist() == frame.to_dict("records")


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"n": [1, 2]}, index=["p", "q"]),
        pd.DataFrame({"n": [1]}, index=pd.DatetimeIndex([NOON])),
        FRAME.set_index(["team", "queue"]).rename_axis(["team", None]),
        FRAME.set_index(["team", "queue"]).rename_axis([None, None]),
    ],
)
def test_an_index_without_a_name_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(UnnamedIndex, match=r"frame\.rename_axis\(.*reset_index\(drop=True\)"):
        as_table(frame)


HOURS = FRAME.groupby(np.array([9, 17, 17]))[["n"]].sum()


@pytest.mark.parametrize(
    ("frame", "is_left_out"),
    [
        (HOURS, True),
        (pd.concat([FRAME, FRAME]), True),
        (HOURS.rename_axis("hour_of_day"), False),
        (HOURS.reset_index(drop=True), False),
        (HOURS[:0], False),
        (FRAME, False),
        (FRAME.set_index(["team", "queue"]), False),
        (pl.DataFrame({"n": [1]}), False),
        (pa.table({"n": [1]}), False),
    ],
)
def test_an_index_that_may_hold_values_is_told_from_one_that_only_counts(frame: Any, is_left_out: bool) -> None:
    assert leaves_out_index(frame) == is_left_out


@pytest.mark.parametrize(
    "frame",
    [
        FRAME.set_index("team", drop=False),
        pd.DataFrame([[1, 2]], columns=["n", "n"]),
        pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["n", "n"]),
        pl.DataFrame({"n": [1], "N": [2]}),
    ],
)
def test_two_columns_of_one_name_are_refused(lake: Lake, frame: Any) -> None:
    with pytest.raises(DuplicateColumn, match=r"team|'n'"):
        store(lake, frame)


@pytest.mark.parametrize("name", ["date", "hour"])
def test_names_that_partitions_have_are_refused(lake: Lake, name: str) -> None:
    with pytest.raises(ReservedColumn, match=f"mine has a column '{name}'"):
        store(lake, pd.DataFrame({name: [1]}))


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame([[1, 2]]), r"named \[0, 1\]"),
        (pd.DataFrame({"": [1]}), "named"),
        (FRAME.groupby("team").agg({"n": ["sum", "mean"]}), "columns of 2 levels"),
    ],
)
def test_columns_without_a_name_of_their_own_are_refused(frame: pd.DataFrame, words: str) -> None:
    with pytest.raises(UnstorableColumn, match=words):
        as_table(frame)


def test_rows_without_columns_are_refused() -> None:
    with pytest.raises(NoColumns, match="3 rows and no columns"):
        as_table(pd.DataFrame(index=range(3)))


# -- values that are no frame


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (pd.Series([1], name="n"), r"a Series\. Return a pandas\.DataFrame, .*\.to_frame\(\)"),
        (pl.Series([1]), r"a Series\. .*\.to_frame\(\)"),
        (pl.DataFrame({"a": [1]}).lazy(), r"a LazyFrame\. .*\.collect\(\)"),
        ([1], "a list. Return a pandas.DataFrame, pyarrow.Table or polars.DataFrame$"),
        ({"a": [1]}, "a dict"),
        (np.zeros(2), "a ndarray"),
        (pa.array([1]), "a Int64Array"),
        ("a", "a str"),
    ],
)
def test_what_is_no_frame_is_refused_with_what_to_return(value: Any, words: str) -> None:
    with pytest.raises(TypeError, match=f"cannot store {words}"):
        as_table(value)


class Agents(pd.DataFrame):
    """A frame of a class derived by a user."""


def test_a_class_derived_of_a_frame_is_a_frame() -> None:
    assert as_table(Agents({"n": [1]})).to_pylist() == [{"n": 1}]


@pytest.mark.parametrize("wanted", [pd.DataFrame, pl.DataFrame, pa.Table, Any])
def test_a_table_is_loaded_as_annotated(wanted: Any) -> None:
    loaded = convert(pa.table({"n": [1]}), wanted)
    assert isinstance(loaded, pa.Table if wanted is Any else wanted)
    assert as_table(loaded).to_pylist() == [{"n": 1}]


def test_a_whole_number_too_large_for_a_fraction_is_the_same_in_pandas_beside_nulls(lake: Lake) -> None:
    large = 2**60 + 1
    table = store(lake, pd.DataFrame({"x": pd.array([large, -large, None], dtype="Int64"), "n": [1, 2, None]}))
    frame = convert(table, pd.DataFrame)
    assert frame["x"].tolist() == [large, -large, pd.NA]
    assert frame["n"].dtype == "float64"
    assert store(lake, frame).equals(table)


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([[2**60 + 1, None], [1]], pa.list_(pa.int64())),
        ([[NOON, None], [], None], pa.list_(INSTANT)),
        ([{"at": NOON, "n": 3}, {"at": None, "n": None}], pa.struct([("at", INSTANT), ("n", pa.int64())])),
        ([[{"n": [1, None]}, {"n": None}], None], pa.list_(pa.struct([("n", pa.list_(pa.int64()))]))),
    ],
)
def test_values_in_lists_and_structs_are_the_same_in_pandas_and_may_be_stored_again(
    lake: Lake, values: list[Any], type_: pa.DataType
) -> None:
    table = store(lake, pa.table({"x": pa.array(values, type_)}))
    frame = convert(table, pd.DataFrame)
    assert frame["x"].tolist() == values
    assert store(lake, frame).equals(table)


def test_lists_that_numpy_can_hold_are_arrays_of_numpy() -> None:
    frame = convert(pa.table({"x": [[1, 2], None], "names": [["a", None], []]}), pd.DataFrame)
    assert frame["x"][0].dtype == "int64"
    assert frame["names"][0].tolist() == ["a", None]


LEAVES = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=3),
    pa.binary(): st.binary(max_size=3),
    pa.date32(): st.dates(),
    INSTANT: st.datetimes(timezones=st.just(UTC)),
    pa.decimal128(5, 2): st.decimals(-999, 999, places=2),
}
Kind = tuple[pa.DataType, st.SearchStrategy[Any]]
"""A type of Arrow, and values of it."""


def list_of(kind: Kind) -> Kind:
    return pa.list_(kind[0]), st.lists(st.none() | kind[1], max_size=3)


def struct_of(kinds: list[Kind]) -> Kind:
    fields = {f"f{number}": kind for number, kind in enumerate(kinds)}
    type_ = pa.struct([(name, field_type) for name, (field_type, _) in fields.items()])
    return type_, st.fixed_dictionaries({name: st.none() | values for name, (_, values) in fields.items()})


def around(kinds: st.SearchStrategy[Kind]) -> st.SearchStrategy[Kind]:
    return kinds.map(list_of) | st.lists(kinds, min_size=1, max_size=3).map(struct_of)


@given(st.data())
def test_whatever_lists_and_structs_hold_comes_back_from_pandas_as_it_was(data: st.DataObject) -> None:
    type_, values = data.draw(around(st.recursive(st.sampled_from(list(LEAVES.items())), around, max_leaves=4)))
    table = pa.table({"x": pa.array(data.draw(st.lists(st.none() | values, min_size=1, max_size=4)), type_)})
    # 1 == 1.0, and their texts differ.
    assert f"{as_table(convert(table, pd.DataFrame)).to_pylist()}" == f"{table.to_pylist()}"


def test_a_decimal_without_its_last_digits_comes_back_as_it_was(lake: Lake) -> None:
    column = pa.array([Decimal("1E+3"), None], pa.decimal128(5, -3))
    assert store(lake, pa.table({"x": column}))["x"].to_pylist() == [Decimal(1000), None]


def test_another_annotation_is_refused() -> None:
    with pytest.raises(TypeError, match="annotate the input as pandas"):
        convert(pa.table({"n": [1]}), dict)
