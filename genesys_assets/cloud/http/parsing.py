"""Parses JSON, whole numbers, dates and ids from other machines. Any input is either parsed or refused, by None or by a
typed error.

The modules of an endpoint know what its fields mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from genesys_assets.cloud.http import limits

_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_PIECE = 1 << 15
_FEW = 200
# An expression, because its engine searches for the first byte, the rare backslash.
_ESCAPED = re.compile(rb'\\"')
_ESCAPES = re.compile(rb'\\["\\]')
_TEXT = re.compile(rb'"[^"]*"')
_WHOLE = re.compile(r"\s*(-?)0*(\d+)\s*", re.ASCII)
_MOST_DIGITS = 9
_LARGEST = 10**_MOST_DIGITS - 1


class UnreadableJson(ValueError):
    """Bytes are not JSON, or JSON that is not accepted. The message says why."""


class TooManyValues(UnreadableJson):
    """JSON holds more values than one answer may hold. It may be valid."""


_NO_IDS = ("", ".", "..")
"""Texts that are no ids. As a part of a path, the last two lead elsewhere, however they are written."""
LONGEST_ID = 200
"""Characters of an id: the platform's are UUIDs of 36."""


def parse_json(body: bytes) -> Any:
    """The JSON value of a body. Raises UnreadableJson if it is not JSON, holds NaN or infinite numbers, or is nested
    deeper than `limits.DEEPEST`; and TooManyValues.

    >>> parse_json(b'{"totalHits": 3}')
    {'totalHits': 3}
    """
    if len(body) >= limits.COUNT_VALUES_FROM and _values(body) > limits.MOST_VALUES:
        raise TooManyValues(f"more than {limits.MOST_VALUES:,} values")
    if _is_deep(body):
        raise UnreadableJson(f"JSON nested more than {limits.DEEPEST} deep")
    try:
        return _DECODER.decode(body.decode(encoding_of(body), "surrogatepass"))
    except (ValueError, RecursionError):
        raise UnreadableJson("broken JSON") from None


def repeated_name(body: bytes, names: Iterable[str]) -> str | None:
    """The first of these names that stands twice in a JSON object; None if none does. Objects inside it are not
    checked. Of two values, Python keeps the last.

    >>> repeated_name(b'{"entities": [{"id": 1}], "entities": []}', ["id", "entities"])
    'entities'
    >>> repeated_name(b'[{"total": 1}, {"total": 2}]', ["total"]) is None
    True
    """
    # Counting bytes costs next to nothing, parsing again as much as the first time.
    suspects = [name for name in names if body.count(b'"%s"' % name.encode()) > 1]
    found = json.loads(body, object_pairs_hook=lambda pairs: [name for name, _ in pairs]) if suspects else []
    return next((name for name in suspects if found.count(name) > 1), None)


def encoding_of(body: bytes) -> str:
    """The encoding of JSON, by its first bytes, in Python's words.

    >>> encoding_of(b"{}"), encoding_of("{}".encode("utf-16-le"))
    ('utf-8', 'utf-16-le')
    """
    return json.detect_encoding(body)


def whole_number(text: str | None) -> int | None:
    """The whole number in a header; None for anything else. A number of more than nine digits becomes 999,999,999,
    since no count and no wait is that large.

    >>> whole_number(" 300 "), whole_number("1e3"), whole_number("12345678901")
    (300, None, 999999999)
    """
    match = _WHOLE.fullmatch(text) if text and len(text) <= limits.LONGEST_URL else None
    if match is None:
        return None
    sign, digits = match.groups()
    size = int(digits) if len(digits) <= _MOST_DIGITS else _LARGEST
    return -size if sign else size


def read_count(value: object) -> int | None:
    """A count in an answer, a whole number of 0 or more; None for anything else.

    >>> read_count(7), read_count(True), read_count(-1), read_count("7")
    (7, None, None, None)
    """
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def read_whole_count(value: object) -> int | None:
    """A count in an answer like `read_count`, that may also be written as digits or as a whole float.

    >>> read_whole_count(7), read_whole_count("7"), read_whole_count(7.0)
    (7, 7, 7)
    >>> read_whole_count(True), read_whole_count("-1"), read_whole_count(7.5)
    (None, None, None)
    """
    if isinstance(value, str):
        value = whole_number(value)
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return read_count(value)


def read_id(value: object) -> str | None:
    """An id in an answer; None for anything that cannot be an id, such as an empty or unprintable text.

    >>> read_id("5a0c"), read_id(""), read_id(7), read_id("a\\r\\nX: y"), read_id("..")
    ('5a0c', None, None, None, None)
    """
    is_id = isinstance(value, str) and value not in _NO_IDS and len(value) <= LONGEST_ID and value.isprintable()
    return str(value) if is_id else None


def http_date(text: str | None) -> datetime | None:
    """The instant of a Date or Retry-After header, UTC; None for anything else.

    >>> http_date("Sat, 31 Jan 2026 12:00:00 GMT")
    datetime.datetime(2026, 1, 31, 12, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        return in_utc(parsedate_to_datetime(text)) if text else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def instant(text: object) -> datetime | None:
    """An ISO 8601 instant, in UTC; None for anything else. Without an offset it counts as UTC.

    >>> instant("2026-01-31T13:00:00+01:00")
    datetime.datetime(2026, 1, 31, 12, 0, tzinfo=datetime.timezone.utc)
    """
    if not isinstance(text, str):
        return None
    try:
        return in_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def in_utc(moment: datetime) -> datetime:
    """The instant in UTC; one without a time zone is taken as UTC. Raises OverflowError if its year is out of range."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def words(text: object) -> str:
    """A foreign text as it may appear in messages: on one line, without control characters, and cut to
    `limits.LONGEST_WORDS` characters.

    >>> words("not\\n  allowed\\x1b[2J")
    'not allowed?[2J'
    """
    line = " ".join(str(text)[: 4 * limits.LONGEST_WORDS].split())
    line = "".join(character if character.isprintable() else "?" for character in line)
    return line if len(line) <= limits.LONGEST_WORDS else f"{line[: limits.LONGEST_WORDS]} …"


def _values(body: bytes) -> int:
    return body.count(b",") + body.count(b"{") + body.count(b"[")


def _is_deep(body: bytes) -> bool:
    """Whether JSON is nested deeper than allowed, without parsing it: pairs of brackets are removed, innermost first,
    one level at a time. Mismatched brackets are left to the parser.
    """
    if _has_escaped_quote(body):
        body = _ESCAPES.sub(b"", body)
    # In pieces, because large buffers cost more than the work.
    pieces = (body[at : at + _PIECE].translate(_ONE_KIND, _NOT_STRUCTURE) for at in range(0, len(body), _PIECE))
    brackets = _without_pairs(b"".join(pieces))
    if b'"' in brackets:
        brackets = _TEXT.sub(b"", brackets)
    for _ in range(limits.DEEPEST):
        remaining = brackets.replace(b"[]", b"")
        if len(remaining) == len(brackets):
            # No bracket is left, or the rest have no partner, which the parser reports.
            return len(brackets) > limits.DEEPEST
        brackets = remaining
    return bool(brackets)


def _has_escaped_quote(body: bytes) -> bool:
    """Whether it holds `\\"`. Most pages have few backslashes, and finding one costs next to nothing."""
    at = -1
    for _ in range(_FEW):
        at = body.find(b"\\", at + 1)
        if at < 0 or body[at + 1 : at + 2] == b'"':
            return at >= 0
    return _ESCAPED.search(body, at) is not None


def _without_pairs(marks: bytes) -> bytes:
    """Brackets and quotes, without pairs of neighbouring quotes: these do not change whether a bracket is in a text."""
    # If each run of quotes is even, all of them go. Counting them costs half of replacing them.
    brackets = marks.translate(None, b'"')
    if 2 * marks.count(b'""') == len(marks) - len(brackets):
        return brackets
    return marks.replace(b'""', b"")


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_number)
