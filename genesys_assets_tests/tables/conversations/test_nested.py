from __future__ import annotations

import pyarrow as pa

from genesys_assets.tables.conversations.nested import concatenated

LEAVES = {"a": pa.int64(), "b": pa.string(), "c": pa.string()}


def struct(*names: str) -> pa.StructType:
    return pa.struct([(name, LEAVES[name]) for name in names])


MODEL = pa.struct([*struct("a", "b", "c"), ("d", pa.list_(struct("a", "b", "c")))])


def test_parts_of_different_types_have_the_fields_of_all_of_them_and_no_others() -> None:
    """Fields that no part has cost nothing."""
    first = pa.array([{"a": 1, "d": [{"a": 2}]}], pa.struct([*struct("a"), ("d", pa.list_(struct("a")))]))
    second = pa.array([{"b": "x", "d": [{"b": "y"}, None]}], pa.struct([*struct("b"), ("d", pa.list_(struct("b")))]))
    found = concatenated([first, second, first], MODEL)
    assert found.type == pa.struct([*struct("a", "b"), ("d", pa.list_(struct("a", "b")))])
    assert found.to_pylist() == [
        {"a": 1, "b": None, "d": [{"a": 2, "b": None}]},
        {"a": None, "b": "x", "d": [{"a": None, "b": "y"}, None]},
        {"a": 1, "b": None, "d": [{"a": 2, "b": None}]},
    ]


def test_parts_of_one_type_keep_it() -> None:
    part = pa.array([{"c": "x"}], struct("c"))
    assert concatenated([part, part], MODEL).type == part.type
