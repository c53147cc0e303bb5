"""Grouping: many rows that come in pieces to one row a group, with sums, counts, extremes and distinct values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

How = Literal["sum", "count", "min", "max", "distinct", "count_distinct"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a group: what is done with which column, and what the result is called.

    sum, min and max of nothing but nulls are null; count and count_distinct, of the values that are not null, are then
    0, and distinct, the list of these values in no order, is empty.
    """

    name: str
    column: str
    how: How


def aggregate(parts: Iterable[pa.Table], keys: Sequence[str], measures: Sequence[Measure]) -> pa.Table:
    """One row per group over all parts: `keys`, then the measures in their order. A null in a key is a value.

    A part that lacks a column has null there. There must be at least one part, which may have no rows; among them the
    parts must have every column, and those of the same name the same type.
    """
    stacked = pa.concat_tables(parts, promote_options="default")
    grouped = stacked.group_by(list(keys)).aggregate(
        [(measure.column, measure.how, _OPTIONS[measure.how]) for measure in measures]
    )
    return grouped.rename_columns([*keys, *(measure.name for measure in measures)])


_AT_LEAST_ONE = pc.ScalarAggregateOptions(skip_nulls=True, min_count=1)
_ONLY_VALID = pc.CountOptions(mode="only_valid")
_OPTIONS: dict[How, Any] = {
    "sum": _AT_LEAST_ONE,
    "min": _AT_LEAST_ONE,
    "max": _AT_LEAST_ONE,
    "count": _ONLY_VALID,
    "distinct": _ONLY_VALID,
    "count_distinct": _ONLY_VALID,
}
