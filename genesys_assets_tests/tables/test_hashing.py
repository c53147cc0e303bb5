from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.tables.hashing import hash_rows
from genesys_assets.tables.spec import INSTANT


@pytest.mark.parametrize(
    ("type_", "zero", "other"),
    [
        (pa.string(), "", "a"),
        (pa.large_string(), "", "a"),
        (pa.binary(), b"", b"a"),
        (pa.int64(), 0, 2**60),
        (pa.float64(), 0.0, 0.5),
        (pa.bool_(), False, True),
        (pa.date32(), date(1970, 1, 1), date(2026, 1, 31)),
        (INSTANT, datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC)),
        (pa.list_(pa.string()), [], ["a", None]),
    ],
)
def test_a_null_a_zero_and_a_value_of_any_type_are_three_different_rows(type_: Any, zero: Any, other: Any) -> None:
    values = [None, zero, other]
    hashes = hash_rows(pa.table({"value": pa.array([*values, *values], type_)}))
    assert list(hashes[:3]) == list(hashes[3:])
    assert len(set(hashes)) == 3
