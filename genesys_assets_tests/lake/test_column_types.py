"""Stored types, and how two types become one: pure functions. Each law holds for all types of Delta Lake."""

from __future__ import annotations

import doctest
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from deltalake import Schema
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.lake import column_types
from genesys_assets.lake.column_types import (
    DuplicateColumn,
    ReservedColumn,
    UnstorableColumn,
    at_rest,
    needed_type,
    retyped,
    unified_type,
)

_LEAVES = [
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.bool_(), pa.date32()),
    *(pa.string(), pa.binary(), pa.timestamp("us", tz="UTC"), pa.decimal128(5, 2), pa.decimal128(38, 10)),
]
types = st.recursive(
    st.sampled_from(_LEAVES),
    lambda inner: st.one_of(
        inner.map(pa.list_),
        st.dictionaries(st.sampled_from("abc"), inner, min_size=1).map(lambda fields: pa.struct(list(fields.items()))),
    ),
    max_leaves=4,
)


def kept_as(type_: pa.DataType) -> pa.DataType:
    return at_rest(pa.schema([("x", type_), ("y", pa.int64())]), "t").field("x").type


def test_the_examples_in_the_docstrings_are_right() -> None:
    assert doctest.testmod(column_types).failed == 0


@given(types)
def test_a_type_at_rest_is_one_that_delta_lake_gives_back(type_: pa.DataType) -> None:
    assert kept_as(type_) == type_
    assert pa.schema(Schema.from_arrow(pa.schema([("x", type_)])).to_arrow()).field("x").type == type_


@pytest.mark.parametrize(
    ("type_", "at_rest_type"),
    [
        (pa.timestamp("ns", tz="Europe/London"), pa.timestamp("us", tz="UTC")),
        (pa.timestamp("s", tz="UTC"), pa.timestamp("us", tz="UTC")),
        (pa.dictionary(pa.int8(), pa.large_string()), pa.string()),
        (pa.large_list(pa.large_string()), pa.list_(pa.string())),
        (pa.list_(pa.float16(), 2), pa.list_(pa.float32())),
        (pa.struct([("a", pa.uint8())]), pa.struct([("a", pa.int64())])),
        (pa.list_(pa.null()), pa.list_(pa.string())),
        (pa.date64(), pa.date32()),
        (pa.decimal32(5, 2), pa.decimal128(5, 2)),
        (pa.string_view(), pa.string()),
        (pa.binary(4), pa.binary()),
    ],
)
def test_other_types_are_kept_as_the_nearest_that_delta_lake_has(type_: pa.DataType, at_rest_type: pa.DataType) -> None:
    assert kept_as(type_) == at_rest_type


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        (pa.timestamp("us"), "times without a time zone. Say which zone"),
        (pa.list_(pa.timestamp("us")), "times without a time zone. Say which zone"),
        (pa.duration("us"), "milliseconds or seconds"),
        (pa.time64("us"), "as text or as a number"),
        (pa.decimal256(50, 2), "at most 38 digits"),
        (pa.map_(pa.string(), pa.int64()), "as text or as a number"),
        (pa.uuid(), "as text or as a number"),
        (pa.struct([]), "as text or as a number"),
    ],
)
def test_a_type_that_would_not_come_back_is_refused_with_the_name_of_its_column(type_: pa.DataType, words: str) -> None:
    with pytest.raises(UnstorableColumn, match=rf"t: column 'x' .*{words}"):
        kept_as(type_)


def test_names_that_partitions_have_are_refused() -> None:
    for name in ("date", "hour", "Date"):
        with pytest.raises(ReservedColumn, match=f"t has a column '{name}'.*give it another name"):
            at_rest(pa.schema([(name, pa.int64())]), "t")


def test_names_that_differ_only_in_case_are_refused() -> None:
    with pytest.raises(DuplicateColumn, match="t has the columns 'Agent', 'agent'"):
        at_rest(pa.schema([("Agent", pa.int64()), ("n", pa.int64()), ("agent", pa.int64())]), "t")


def test_columns_of_nulls_are_left_out_but_where_there_are_no_others() -> None:
    with_others = pa.schema([("a", pa.null()), ("n", pa.int64())])
    assert at_rest(with_others, "t") == pa.schema([("n", pa.int64())])
    assert at_rest(pa.schema([("a", pa.null())]), "t") == pa.schema([("a", pa.string())])


@given(types, types)
def test_two_types_become_one_in_either_order_and_once(first: pa.DataType, second: pa.DataType) -> None:
    one = unified_type(first, second)
    other = unified_type(second, first)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert _unordered(one) == _unordered(other)
        assert unified_type(one, first) == unified_type(one, second) == one


def _unordered(type_: pa.DataType) -> Any:
    """The type without the order of its fields, which depends on which field came first."""
    if pa.types.is_list(type_):
        return [_unordered(type_.value_type)]
    return {field.name: _unordered(field.type) for field in type_.fields} if pa.types.is_struct(type_) else type_


@given(types)
def test_a_type_goes_with_itself_and_with_null(type_: pa.DataType) -> None:
    assert unified_type(type_, type_) == unified_type(pa.null(), type_) == unified_type(type_, pa.null()) == type_


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (pa.int64(), pa.float64(), pa.float64()),
        (pa.int8(), pa.int32(), pa.int32()),
        (pa.float32(), pa.int8(), pa.float64()),
        (pa.decimal128(5, 2), pa.decimal128(5, 4), pa.decimal128(7, 4)),
        (pa.decimal128(38, 0), pa.decimal128(5, 4), None),
        (pa.list_(pa.int64()), pa.list_(pa.float64()), pa.list_(pa.float64())),
        (
            pa.struct([("a", pa.int64()), ("b", pa.string())]),
            pa.struct([("c", pa.bool_()), ("a", pa.float64())]),
            pa.struct([("a", pa.float64()), ("b", pa.string()), ("c", pa.bool_())]),
        ),
        (pa.struct([("a", pa.int64())]), pa.struct([("a", pa.string())]), None),
        (pa.string(), pa.int64(), None),
        (pa.bool_(), pa.int64(), None),
        (pa.date32(), pa.timestamp("us", tz="UTC"), None),
        (pa.list_(pa.int64()), pa.int64(), None),
    ],
)
def test_two_types_become_the_one_that_holds_both(
    first: pa.DataType, second: pa.DataType, both: pa.DataType | None
) -> None:
    assert unified_type(first, second) == both


@pytest.mark.parametrize(
    ("values", "type_", "needs"),
    [
        ([], pa.int64(), pa.null()),
        ([None, None], pa.float64(), pa.null()),
        ([None, 1], pa.int64(), pa.int64()),
        ([[], None], pa.list_(pa.string()), pa.list_(pa.null())),
        ([[None]], pa.list_(pa.string()), pa.list_(pa.null())),
        (
            [{"a": 1, "b": None}],
            pa.struct([("a", pa.int64()), ("b", pa.string())]),
            pa.struct([("a", pa.int64()), ("b", pa.null())]),
        ),
        (
            [[{"a": None}], []],
            pa.list_(pa.struct([("a", pa.int64())])),
            pa.list_(pa.struct([("a", pa.null())])),
        ),
    ],
)
def test_a_column_needs_no_type_where_it_has_no_value(
    values: list[Any], type_: pa.DataType, needs: pa.DataType
) -> None:
    assert needed_type(pa.chunked_array([pa.array(values, type_)])) == needs


@pytest.mark.parametrize(
    ("values", "from_type", "to_type"),
    [
        ([1, None], pa.int64(), pa.float64()),
        ([None], pa.float64(), pa.timestamp("us", tz="UTC")),
        ([None], pa.string(), pa.struct([("a", pa.int64())])),
        ([{"a": 1}], pa.struct([("a", pa.int64())]), pa.struct([("a", pa.float64()), ("b", pa.string())])),
        ([[], None, [None]], pa.list_(pa.string()), pa.list_(pa.struct([("a", pa.int64())]))),
        ([Decimal("1.10")], pa.decimal128(3, 2), pa.decimal128(6, 3)),
    ],
)
def test_values_stay_what_they_are_in_another_type(
    values: list[Any], from_type: pa.DataType, to_type: pa.DataType
) -> None:
    rows = retyped(pa.table({"x": pa.array(values, from_type)}), pa.schema([("x", to_type)]), "t")
    assert rows["x"].type == to_type
    assert rows["x"].to_pylist() == [{"b": None, **v} if isinstance(v, dict) else v for v in values]


@pytest.mark.parametrize(
    ("values", "to_type"),
    [
        (pa.array([2**53 + 1]), pa.float64()),
        (pa.array([2**63], pa.uint64()), pa.int64()),
        (pa.array([1], pa.timestamp("ns", tz="UTC")), pa.timestamp("us", tz="UTC")),
        (pa.array([[1]], pa.list_(pa.timestamp("ns", tz="UTC"))), pa.list_(pa.timestamp("us", tz="UTC"))),
    ],
)
def test_a_value_that_would_change_is_refused_with_the_name_of_its_column(
    values: pa.Array, to_type: pa.DataType
) -> None:
    with pytest.raises(UnstorableColumn, match=r"t: column 'x' has a value that .* cannot hold .*Round it"):
        retyped(pa.table({"x": values}), pa.schema([("x", to_type)]), "t")
