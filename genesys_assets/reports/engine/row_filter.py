"""Evaluates a condition on stored rows, as an Arrow expression or on columns."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.reports.language.conditions import Bound, Comparison, Condition

_COMPARE = {"gt": pc.greater, "gte": pc.greater_equal, "lt": pc.less, "lte": pc.less_equal}


def holds(condition: Condition, column: Callable[[str], Any], type_of: Callable[[str], pa.DataType]) -> Any:
    """Whether the condition holds in each row. A comparison with a missing value does not hold, except that `missing`
    does.

    `column` gives the values of a field. If it gives expressions, so does this function; if it gives arrays, an array.
    """
    if isinstance(condition, Comparison):
        return _holds(condition, column(condition.name), type_of(condition.name))
    combine = pc.and_kleene if condition.type == "and" else pc.or_kleene
    return functools.reduce(combine, [holds(member, column, type_of) for member in condition.members])


def _holds(comparison: Comparison, values: Any, type_: pa.DataType) -> Any:
    match comparison.operator:
        case "exists":
            return pc.is_valid(values)
        case "missing":
            return pc.is_null(values)
        case "range":
            as_ = _compared_as(comparison, type_)
            compared = values if as_ == type_ else values.cast(as_)
            bounds = [(name, _scalar(bound, as_)) for name, bound in comparison.bounds]
            return functools.reduce(pc.and_kleene, [_COMPARE[name](compared, bound) for name, bound in bounds])
        case "contains":
            return functools.reduce(pc.or_kleene, [pc.match_substring(values, str(text)) for text in comparison.values])
        case "starts_with":
            return functools.reduce(pc.or_kleene, [pc.starts_with(values, str(text)) for text in comparison.values])
    wanted = pa.array(comparison.values if type_ != pa.string() else map(str, comparison.values), type_)
    among = pc.is_in(values, value_set=wanted)
    return among if comparison.operator == "any_of" else pc.and_kleene(pc.is_valid(values), pc.invert(among))


def _scalar(bound: Bound, type_: pa.DataType) -> pa.Scalar:
    if isinstance(bound, int | float) and type_ == pa.float64():
        return pa.scalar(float(bound), type_)
    return pa.scalar(bound, type_)


def _compared_as(comparison: Comparison, type_: pa.DataType) -> pa.DataType:
    """The type in which a column is compared with bounds: instants and dates as they are, whole numbers as whole
    numbers if all bounds are whole, everything else as floats.
    """
    bounds = [bound for _, bound in comparison.bounds if isinstance(bound, int | float)]
    if not bounds:
        return type_
    return pa.int64() if type_ == pa.int64() and all(float(bound).is_integer() for bound in bounds) else pa.float64()
