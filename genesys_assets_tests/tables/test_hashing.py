"""Each row has a number that distinguishes it, whatever columns it has, even if values are missing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.tables.hashing import hash_rows
from genesys_assets.tables.spec import INSTANT

VALUES: list[tuple[pa.DataType, list[Any]]] = [
    (pa.int64(), [0, 1, None]),
    (pa.float64(), [0.0, 0.5, None]),
    (pa.bool_(), [False, True, None]),
    (pa.string(), ["", "a", None]),
    (pa.large_string(), ["", "a", None]),
    (pa.binary(), [b"", b"a", None]),
    (pa.date32(), [date(1970, 1, 1), date(2026, 1, 29), None]),
    (INSTANT, [datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 1, 29, 13, tzinfo=UTC), None]),
    (pa.decimal128(5, 2), [Decimal("0.00"), Decimal("0.01"), None]),
    (pa.decimal128(38, 37), [Decimal(0), Decimal(1), None]),
    (pa.list_(pa.string()), [[], ["a"], None]),
    (pa.struct([("a", pa.int64())]), [{"a": 0}, {"a": None}, None]),
]


@pytest.mark.parametrize(("type_", "values"), VALUES, ids=[str(type_) for type_, _ in VALUES])
def test_different_values_of_every_type_differ_and_equal_ones_do_not(type_: pa.DataType, values: list[Any]) -> None:
    hashes = hash_rows(pa.table({"value": pa.array([*values, *values], type_)})).tolist()
    assert hashes[: len(values)] == hashes[len(values) :]
    assert len(set(hashes)) == len(values)


@pytest.mark.parametrize(("type_", "values"), VALUES, ids=[str(type_) for type_, _ in VALUES])
def test_a_row_has_its_number_whether_or_not_others_lack_the_value(type_: pa.DataType, values: list[Any]) -> None:
    among_nulls = hash_rows(pa.table({"value": pa.array(values, type_)}))
    alone = hash_rows(pa.table({"value": pa.array(values[:2], type_)}))
    assert among_nulls[:2].tolist() == alone.tolist()


def test_texts_of_different_lengths_differ_where_some_end_in_zeros() -> None:
    texts = [chr(letter) + "\0" * zeros for letter in range(1, 128) for zeros in range(12)]
    assert len(set(hash_rows(pa.table({"value": texts})).tolist())) == len(texts)


def test_texts_of_every_length_differ_wherever_they_lie_in_their_column() -> None:
    texts = [
        *("a" * length for length in range(40)),
        *("a" * 20 + "b" + "a" * length for length in range(20)),
        "\0",
        "é",
    ]
    column = pa.array(["before", *texts, "after" * 1_000])
    hashes = hash_rows(pa.table({"value": column}))
    assert len(set(hashes.tolist())) == len(column)
    assert hash_rows(pa.table({"value": column[1:-1]})).tolist() == hashes[1:-1].tolist()
    chunks = pa.chunked_array([column[:7], column[7:]])
    assert hash_rows(pa.table({"value": chunks})).tolist() == hashes.tolist()
    assert hash_rows(pa.table({"value": column.dictionary_encode()})).tolist() == hashes.tolist()


def test_the_same_values_in_other_columns_are_another_row() -> None:
    rows = [("a", "b", 1), ("b", "a", 1), ("ab", "", 1), ("", "ab", 1), (None, "ab", 1), ("ab", None, 1), ("a", "b", 0)]
    table = pa.table([pa.array(column) for column in zip(*rows, strict=True)], ["x", "y", "z"])
    assert len(set(hash_rows(table).tolist())) == len(rows)


def test_numbers_do_not_collide_where_they_are_many_and_alike() -> None:
    rows = pa.table({"x": pa.array(range(300_000), pa.int64()), "y": pa.array([value % 2 for value in range(300_000)])})
    assert len(set(hash_rows(rows).tolist())) == 300_000


def test_a_row_has_the_same_number_in_every_process_and_none_has_none() -> None:
    rows = pa.table({"id": ["00a1f3a8-7f6c-4a44-a5a1-5a51e6f0c5d2", None], "number": [1, 2]})
    assert hash_rows(rows).tolist() == [1052122770636328627, 586788476610179990]
    assert hash_rows(rows.slice(0, 0)).tolist() == []
