"""Rows are told apart by one number each, whatever columns they have and whether values are missing."""

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
