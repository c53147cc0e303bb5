"""Mistakes in a report: what is wrong and where. They are collected first, and then all reported at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from genesys_assets.cloud.analytics.catalogue import close_matches

Path = tuple[str | int, ...]
"""The place of a value in an entry or file: keys and list positions, from the outside in."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake: where it is, what is wrong, and the value there. `of_key`: the key is wrong, not its value."""

    path: Path
    message: str
    value: Any = None
    of_key: bool = False


@dataclass(slots=True)
class Unknown:
    """What cannot be known of an entry, because a part of it has a mistake: `names` of figures and columns; with
    `any_name` of all of them, with `keys` of those that rows are grouped by, with `compared` of compared columns.

    Nothing is reported about such a name, so that one mistake is one message, and all others are reported with it.
    """

    names: set[str] = field(default_factory=set)
    any_name: bool = False
    keys: bool = False
    compared: bool = False

    def __contains__(self, name: str) -> bool:
        is_key = self.keys and name.endswith(("_id", "_name"))
        is_compared = self.compared and ("_before" in name or "_change" in name)
        return self.any_name or name in self.names or is_key or is_compared


@dataclass(slots=True)
class Mistakes:
    """All mistakes of an entry so far, and what cannot be known because of them."""

    items: list[Mistake] = field(default_factory=list)
    unknown: Unknown = field(default_factory=Unknown)

    def add(self, path: Path, message: str, value: Any = None) -> None:
        self.items.append(Mistake(path, message, value))


_MOST_LISTED = 25
_LONGEST_SHOWN = 80
_LONGEST_COMPARED = 64
"""No known name is longer, so a longer text is no misspelling of one."""


_WORDS = {True: "true", False: "false"}
"""How YAML writes truth values."""


def quoted(value: Any) -> str:
    """A value as messages show it: not too long, and without control characters.

    >>> quoted("not\\x1b[2Jallowed")
    "'not\\\\x1b[2Jallowed'"
    >>> quoted(True)
    'true'
    """
    text = _WORDS.get(value, repr(value)) if isinstance(value, bool) else repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def format_value(value: Any, message: str) -> str:
    """A value to show after a message; empty for a mapping or list, and if the message already shows it."""
    text = quoted(value)
    return "" if value is None or isinstance(value, dict | list) or text in message else text


def one_of(names: Iterable[str], given: str) -> str:
    """A sentence with the closest known names to an unknown one, or, if none is close, with all of them.

    >>> one_of(["handled", "media_type"], "handeld")
    'Closest: handled.'
    >>> one_of(["handled", "abandoned"], "x")
    'Known are handled, abandoned.'
    """
    known = list(names)
    if close := closest(known, given):
        return f"Closest: {', '.join(close)}."
    if len(known) > _MOST_LISTED:
        return f"Known are {', '.join(known[:_MOST_LISTED])} and {len(known) - _MOST_LISTED} more."
    return f"Known are {', '.join(known)}." if known else "There are none."


def closest(names: Iterable[str], given: str) -> list[str]:
    """The known names that are close to an unknown one."""
    by_folded = {_folded(name): name for name in names}
    folded = _folded(given)
    comparable = len(given) <= _LONGEST_COMPARED
    close = close_matches(folded, by_folded) if comparable else []
    if not close and len(by_folded) > _MOST_LISTED and comparable:
        close = [name for name in by_folded if folded and folded in name][:5]
    return [by_folded[name] for name in close]


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
