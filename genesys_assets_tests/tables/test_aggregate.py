"""Grouping of rows that come in pieces gives what loops over all of them give."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.tables.aggregate import Measure, aggregate

SCHEMA = pa.schema([("key", pa.string()), ("number", pa.int64()), ("text", pa.string())])
ROW = st.fixed_dictionaries(
    {
        "key": st.sampled_from(["a", "b", None]),
        "number": st.one_of(st.none(), st.integers(-1000, 1000)),
        "text": st.sampled_from(["x", "y", None]),
    }
)
MEASURES = [
    *(Measure(how, "number", how) for how in ("sum", "count", "min", "max")),
    Measure("distinct", "text", "distinct"),
    Measure("different", "text", "count_distinct"),
]


def plain(rows: list[dict[str, Any]]) -> dict[Any, list[Any]]:
    groups: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["key"]].append(row)
    found = {}
    for key, members in groups.items():
        numbers = [row["number"] for row in members if row["number"] is not None]
        texts = sorted({row["text"] for row in members if row["text"] is not None})
        extremes = [min(numbers), max(numbers)] if numbers else [None, None]
        found[key] = [sum(numbers) if numbers else None, len(numbers), *extremes, texts, len(texts)]
    return found


@given(st.lists(st.lists(ROW)))
def test_pieces_are_grouped_as_one(pieces: list[list[dict[str, Any]]]) -> None:
    parts = [SCHEMA.empty_table(), *(pa.Table.from_pylist(rows, SCHEMA) for rows in pieces)]
    table = aggregate(iter(parts), ["key"], MEASURES)
    assert table.schema.names == ["key", *(measure.name for measure in MEASURES)]
    found = {}
    for row in table.to_pylist():
        key, *values = row.values()
        found[key] = [sorted(value) if isinstance(value, list) else value for value in values]
    assert found == plain([row for rows in pieces for row in rows])


def test_a_part_without_a_column_has_nothing_there() -> None:
    one = pa.table({"key": ["a"], "number": [1]})
    other = pa.table({"key": ["a", "b"], "weight": [0.5, 2.0]})
    both = aggregate([one, other], ["key"], [Measure("n", "number", "sum"), Measure("w", "weight", "sum")])
    assert both.to_pylist() == [{"key": "a", "n": 1, "w": 0.5}, {"key": "b", "n": None, "w": 2.0}]


def test_without_measures_each_group_is_there_once() -> None:
    assert aggregate([pa.table({"key": ["a", "b", "a"]})], ["key"], []).to_pylist() == [{"key": "a"}, {"key": "b"}]
