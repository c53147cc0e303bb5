"""Values in conditions: checks that a column can be compared with them, and converts them to the form that the column
or the platform uses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from genesys_assets.cloud.analytics.values import BOOLEANS, ENUMERATIONS, IDS, PRESENCES, ROUTING_STATUSES, is_uuid
from genesys_assets.cloud.analytics.values import value_of as platform_value
from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.reports.language.conditions import TEXT_OPERATORS, Bound, Comparison, Value
from genesys_assets.reports.language.formulas import NUMBERS
from genesys_assets.reports.language.problems import Mistakes, quoted
from genesys_assets.reports.language.sources import is_instant, type_in_words
from genesys_assets.reports.meaning.figures import history_of
from genesys_assets.tables.conversations.legs import OUTCOMES
from genesys_assets.tables.conversations.model import snake_case
from genesys_assets.tables.sources import SOURCES
from genesys_assets.tables.spec import INSTANT

_MOST = 2**63 - 1
_EXAMPLES = {INSTANT: "2026-01-31T00:00:00Z", pa.date32(): "2026-01-31"}
_FIXED = {snake_case(name): name for name in (*ENUMERATIONS, *BOOLEANS, *IDS)}
_USERS = (*("assignee_id", "coached_user_id", "monitored_user_id", "screen_monitored_user_id", "overtaking_user_id"),)
_DIMENSIONS_BY_COLUMN = {"session_queue_id": "queueId", **dict.fromkeys(_USERS, "userId")}
_STATUSES = tuple(dict.fromkeys((*PRESENCES, *ROUTING_STATUSES)))
_WORDS = {
    "outcome": OUTCOMES,
    "known_by": ("external_contact", "address"),
    "kind": ("presence", "routing"),
    "source": SOURCES,
    "status": _STATUSES,
    "qualifier": _STATUSES,
    "unknown": ("queue_members", "user_status"),
}
_PRESENCES_OF_ORGANISATION = ("organization_presence_id", "qualifier")
"""Columns that hold ids of an organisation's own presences. `qualifier` does in figures of tOrganizationPresence."""

_EVERY_WORD = frozenset(
    word.lower() for words in (*ENUMERATIONS.values(), *_WORDS.values(), ("true", "false")) for word in words
)

ValueOf = Callable[[Value, str, pa.DataType], Any]
"""Converts a value to the form in which a column of a type has it. Raises InvalidQuery, ValueError or TypeError."""


def compared(
    comparison: Comparison, column: str, type_: pa.DataType, mistakes: Mistakes, of: ValueOf | None = None
) -> Comparison:
    """The comparison with the column's name, and with values of the column's type. Mistakes are added to `mistakes`.
    `of` converts values; the default is `value_of`.
    """
    named = replace(comparison, name=column)
    if pa.types.is_list(type_):
        message = f"{column} is a list, which cannot be compared. Use `aggregates` with the dimension"
        mistakes.add(comparison.path, message, comparison.name)
        return named
    of_text, of_number = comparison.operator in TEXT_OPERATORS, comparison.operator == "range"
    if of_number and (type_ in NUMBERS or _is_time(type_)):
        return replace(named, bounds=tuple(_bounds(comparison, column, type_, mistakes)))
    if of_number or (of_text and type_ != pa.string()):
        message = (
            f"{column} is {type_in_words(type_)}, which has no {comparison.operator}. Compare it with values (in, ne)"
        )
        mistakes.add(comparison.path, message, comparison.name)
        return named
    if of_text:
        return named
    values = []
    for value in comparison.values:
        try:
            values.append((of or value_of)(value, column, type_))
        except InvalidQuery as refused:
            mistakes.add(comparison.path, str(refused), value)
        except (ValueError, TypeError, OverflowError):
            message = f"{column} must be compared with {type_in_words(type_)}, got {quoted(value)}"
            mistakes.add(comparison.path, message, value)
    return replace(named, values=tuple(values))


def _bounds(comparison: Comparison, column: str, type_: pa.DataType, mistakes: Mistakes) -> Iterator[tuple[str, Bound]]:
    """The bounds of a range, as numbers, instants or dates: whatever the column holds."""
    for name, bound in comparison.bounds:
        try:
            if isinstance(bound, str) != _is_time(type_):
                raise TypeError(bound)
            yield name, converted(bound, type_) if isinstance(bound, str) else bound
        except (ValueError, TypeError, OverflowError):
            example = f", such as {_EXAMPLES[type_]}" if type_ in _EXAMPLES else ""
            mistakes.add(
                comparison.path, f"{column} is {type_in_words(type_)}, so {name} must be one too{example}", bound
            )


def _is_time(type_: pa.DataType) -> bool:
    return is_instant(type_) or bool(type_ == pa.date32())


def value_of(value: Value, column: str, type_: pa.DataType) -> Any:
    """The value in the form that the column stores. Raises InvalidQuery, ValueError or TypeError if the column cannot
    hold it.
    """
    of_type = converted(value, type_)
    return allowed_value(column, of_type) if type_ == pa.string() else of_type


def converted(value: Value, type_: pa.DataType) -> Any:
    """The value converted to a type. Raises ValueError or TypeError if that is impossible.

    >>> converted("true", pa.bool_()), converted("12", pa.int64())
    (True, 12)
    """
    if is_instant(type_):
        instant = datetime.fromisoformat(str(value))
        if instant.tzinfo is None:
            raise ValueError(value)
        return instant.astimezone(UTC)
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


def allowed_value(column: str, value: str) -> str:
    """A value of a column in the platform's spelling. If the column has fixed values or ids, raises InvalidQuery for
    any other value.

    >>> allowed_value("media_type", "Voice")
    'voice'
    """
    if not value.strip():
        raise InvalidQuery(f"{column} is compared with an empty text. To ask for no value write {{exists: false}}.")
    name = column.rpartition(".")[2]
    if name in _PRESENCES_OF_ORGANISATION and is_uuid(value.strip().lower()):
        return value.strip().lower()
    if name in _WORDS:
        return _word(name, value)
    if name in _PRESENCES_OF_ORGANISATION:
        raise InvalidQuery(f"{name} must be an id of genesys/reference/presence_definitions, got {value!r}.")
    fixed = _DIMENSIONS_BY_COLUMN.get(name) or _FIXED.get(name)
    if fixed is None:
        return value
    try:
        return platform_value(fixed, value)
    except InvalidQuery as refused:
        hint = f" Find the id of a name with: genesys-assets reports ids {_in_shell(value)}" if history_of(name) else ""
        raise InvalidQuery(f"{refused}{hint if fixed in IDS else ''}") from None


def is_fixed(column: str) -> bool:
    """Whether a column holds ids or values of a fixed list, which have no order."""
    name = column.rpartition(".")[2]
    return name in _FIXED or name in _DIMENSIONS_BY_COLUMN or name in _WORDS


def is_word(text: str) -> bool:
    """Whether a text is a value of a fixed list, in any case or as the platform's UI shows it: agent, On Queue."""
    return _spelling(text) in _EVERY_WORD


def _word(name: str, value: str) -> str:
    """The word of a column's fixed list, from the same word in any case, or as the platform's UI shows it: On Queue.
    Raises InvalidQuery.
    """
    listed = next((word for word in _WORDS[name] if word.lower() == _spelling(value)), None)
    if listed is None:
        or_an_id = ", or the id of a presence of the organisation" if name in _PRESENCES_OF_ORGANISATION else ""
        raise InvalidQuery(f"{name} has no value {value!r}. Known are {', '.join(_WORDS[name])}{or_an_id}.")
    return listed


def _spelling(value: str) -> str:
    return re.sub("[ _-]+", "_", value.strip().lower())


def _in_shell(value: str) -> str:
    import shlex

    return shlex.quote(value if len(value) <= 80 else f"{value[:80]}…")
