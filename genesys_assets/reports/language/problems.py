"""What is wrong with a report, and where: collected, so that all of it is said at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

Path = tuple[str | int, ...]
"""Where something stands in an entry or file: keys and positions from the outside in."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where in the entry, what, the value that was given, and whether its key is meant."""

    path: Path
    message: str
    value: Any = None
    of_key: bool = False


@dataclass(slots=True)
class Findings:
    """All that is wrong with an entry so far."""

    found: list[Finding] = field(default_factory=list)

    def add(self, path: Path, message: str, value: Any = None) -> None:
        self.found.append(Finding(path, message, value))


_MOST_LISTED = 25
_LONGEST_SHOWN = 80
_LONGEST_COMPARED = 64
"""No known name is longer: what is longer is no misspelling of one."""


def quoted(value: Any) -> str:
    """A value as it is written in a message: no longer than helps, and nothing that a terminal would obey."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def shown(value: Any, message: str) -> str:
    """A value as far as it helps: no mapping or list, and nothing that the message says already."""
    text = quoted(value)
    return "" if value is None or isinstance(value, dict | list) or text in message else text


def one_of(names: Iterable[str], given: str) -> str:
    """What could have been meant by a name that is none of these: the nearest, else all of them."""
    known = list(names)
    by_folded = {_folded(name): name for name in known}
    folded = _folded(given)
    comparable = len(given) <= _LONGEST_COMPARED
    close = get_close_matches(folded, by_folded, n=3, cutoff=0.6) if comparable else []
    if not close and len(known) > _MOST_LISTED and comparable:
        close = [name for name in by_folded if folded and folded in name][:5]
    if close:
        return f"Closest: {', '.join(by_folded[name] for name in close)}."
    if len(known) > _MOST_LISTED:
        return f"Known are {', '.join(known[:_MOST_LISTED])} and {len(known) - _MOST_LISTED} more."
    return f"Known are {', '.join(known)}." if known else "There are none."


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
