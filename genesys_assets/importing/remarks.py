"""Remarks on a file: what was read under another name, and what was left out. The difference matters: it is unknown
which day a left-out value belongs to, so if anything was left out, no day can be complete.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_DIFFERENT = 200
"""A file may have any number of unknown names. Beyond this many different remarks, only their number is kept."""
_FURTHER = "further remarks of other kinds"
_LETTERS = 300


@dataclass(slots=True)
class Remarks:
    """Counts of remarks, by their text."""

    read: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    _first: dict[str, str] = field(default_factory=dict)

    def note(self, text: str, count: int = 1) -> None:
        """Note that something was read under another name, or that no table has a column for it."""
        _add(self.read, text, count)

    def leave_out(self, text: str, count: int = 1, kind: str | None = None) -> None:
        """Note that something that a table should have could not be read. Remarks of one `kind` count under the text of
        the first.
        """
        if kind is not None and (kind in self._first or len(self._first) < _DIFFERENT):
            text = self._first.setdefault(kind, text)
        _add(self.left_out, text, count)


def counted(text: str, count: int) -> str:
    """A remark with its count, if that is more than one: `a remark (2 times)`."""
    return f"{text} ({count} times)" if count > 1 else text


def printable(value: Any, letters: int = _LETTERS) -> str:
    """A text of a file without control characters, and cut to `letters` characters."""
    text = "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(value)[: letters + 1])
    return text if len(text) <= letters else f"{text[:letters]}…"


def shown(value: Any, letters: int = 60) -> str:
    """A value of a file for a message. An object or a list is not shown, because it may hold personal data, and
    messages are stored.

    >>> shown("01/02/2026"), shown({"id": 1, "name": "Ann Example"}), shown(["Ann Example"]), shown(True)
    ("'01/02/2026'", 'an object', 'a list', 'true')
    """
    is_shown = isinstance(value, str | int | float) and not isinstance(value, bool)
    return printable(repr(value), letters) if is_shown else json_kind(value)


def json_kind(value: Any) -> str:
    """What a value is in JSON.

    >>> json_kind({}), json_kind("x"), json_kind(1.5), json_kind(False), json_kind(None)
    ('an object', 'a text', 'a number', 'false', 'null')
    """
    if value is None or isinstance(value, bool):
        return "null" if value is None else f"{value}".lower()
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return "a text" if isinstance(value, str) else "a number"


def misplaced(value: Any, wanted: str) -> str:
    """Says that a value is of another kind than the wanted one.

    >>> misplaced([1], "a whole number")
    'a list stands where a whole number belongs'
    """
    return f"{json_kind(value)} stands where {wanted} belongs"


def _add(counts: Counter[str], text: str, count: int) -> None:
    text = printable(text)
    counts[text if text in counts or len(counts) < _DIFFERENT else _FURTHER] += count
