"""A comparison of a column: whether the column's type allows it, and the values as the column has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.reports.language.conditions import TEXT_OPERATORS, Bound, Comparison, Value
from genesys_assets.reports.language.problems import Findings, quoted
from genesys_assets.reports.meaning.sources import is_instant, said
from genesys_assets.reports.meaning.values import allowed_value
from genesys_assets.tables.spec import INSTANT

_NUMBERS = (pa.int64(), pa.float64())
_MOST = 2**63 - 1
_SUCH = {INSTANT: "2026-01-31T00:00:00Z", pa.date32(): "2026-01-31"}

ValueOf = Callable[[Value, str, pa.DataType], Any]
"""A value as a column of a type has it. Raises InvalidQuery, ValueError or TypeError where it cannot have it."""


def compared(
    comparison: Comparison, column: str, type_: pa.DataType, findings: Findings, of: ValueOf | None = None
) -> Comparison:
    """The comparison with the column's name and values; what is wrong with it is added to `findings`."""
    if pa.types.is_list(type_):
        message = f"{column} is a list, which cannot be compared. Use `aggregates` with the dimension"
        findings.add(comparison.path, message, comparison.name)
    of_text, of_number = comparison.operator in TEXT_OPERATORS, comparison.operator == "range"
    if of_number and (type_ in _NUMBERS or _is_time(type_)):
        return replace(comparison, name=column, bounds=tuple(_bounds(comparison, column, type_, findings)))
    if of_number or (of_text and type_ != pa.string()):
        message = f"{column} is {said(type_)}, which has no {comparison.operator}. Compare it with values (in, ne)"
        findings.add(comparison.path, message, comparison.name)
    if of_text:
        return replace(comparison, name=column)
    values = []
    for value in comparison.values:
        try:
            values.append((of or value_of)(value, column, type_))
        except InvalidQuery as refused:
            findings.add(comparison.path, str(refused), value)
        except (ValueError, TypeError, OverflowError):
            message = f"{column} must be compared with {said(type_)}, got {quoted(value)}"
            findings.add(comparison.path, message, value)
    return replace(comparison, name=column, values=tuple(values))


def _bounds(comparison: Comparison, column: str, type_: pa.DataType, findings: Findings) -> Iterator[tuple[str, Bound]]:
    """The bounds of a range as the column has its values: numbers, instants or dates."""
    for name, bound in comparison.bounds:
        try:
            if isinstance(bound, str) != _is_time(type_):
                raise TypeError(bound)
            yield name, converted(bound, type_) if isinstance(bound, str) else bound
        except (ValueError, TypeError):
            such = f", such as {_SUCH[type_]}" if type_ in _SUCH else ""
            findings.add(comparison.path, f"{column} is {said(type_)}{such}, so {name} takes one", bound)


def _is_time(type_: pa.DataType) -> bool:
    return is_instant(type_) or bool(type_ == pa.date32())


def value_of(value: Value, column: str, type_: pa.DataType) -> Any:
    """The value as the column has it. Raises InvalidQuery, ValueError or TypeError where it is none of its values."""
    of_type = converted(value, type_)
    return allowed_value(column, of_type) if type_ == pa.string() else of_type


def converted(value: Value, type_: pa.DataType) -> Any:
    """The value as one of the type. Raises ValueError or TypeError where it is none."""
    if is_instant(type_):
        instant = datetime.fromisoformat(str(value))
        if instant.tzinfo is None:
            raise ValueError(value)
        return instant
    if type_ == pa.date32():
        return date.fromisoformat(str(value))
    if type_ == pa.bool_():
        if str(value).lower() not in ("true", "false"):
            raise ValueError(value)
        return str(value).lower() == "true"
    if type_ == pa.string():
        return str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, bool):
        raise TypeError(value)
    number = int(value) if isinstance(value, str) and type_ == pa.int64() else float(value)
    if not abs(number) <= _MOST or (type_ == pa.int64() and number != int(number)):
        raise ValueError(value)
    return int(value) if type_ == pa.int64() else number
