"""Parses instants as tools write them: ISO 8601 with or without all its digits, Unix times, `/Date(…)/` of .NET,
`{"$date": …}` of MongoDB, RFC 1123. `buckets` knows what a date without a time means.

Nothing is guessed: a spelling that may mean two instants (01/02/2026, an hour that local clocks show twice) is refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from genesys_assets.importing.remarks import shown

_OFFSET = r"(?P<offset>[Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?(?:\[(?P<zone>[\w/+-]+)\])?"
_ISO = re.compile(
    r"(?P<year>\d{4})(?P<between>[-/])(?P<month>\d{1,2})(?P=between)(?P<day>\d{1,2})"
    r"[Tt ]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?\s*" + _OFFSET
)
_ISO_BASIC = re.compile(
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})[Tt](?P<hour>\d{2})(?P<minute>\d{2})"
    r"(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?\s*" + _OFFSET
)
_DOT_NET = re.compile(r"\\?/?Date\((-?\d{1,18})(?:[+-]\d{4})?\)\\?/?")
"""https://learn.microsoft.com/en-us/previous-versions/dotnet/articles/bb299886(v=msdn.10): the number is of UTC, the
offset only says what the clock showed."""
_RFC_1123 = re.compile(r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} (?:GMT|UTC|[+-]\d{4})")
_JAVASCRIPT = re.compile(
    r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) (?P<day>\d{2}) (?P<year>\d{4}) (?P<time>\d{2}:\d{2}:\d{2}) "
    r"(?:GMT|UTC)(?P<offset>[+-]\d{4})(?: \([^()]*\))?"
)
"""https://tc39.es/ecma262/#sec-todatestring"""
_SECONDS = (("seconds", "nanos"), ("_seconds", "_nanoseconds"), ("seconds", "nanoseconds"))
"""https://protobuf.dev/reference/protobuf/google.protobuf/#timestamp and how Firestore's clients write it."""
_NUMBER = re.compile(r"\d{9,19}(?:\.\d{1,9})?")

STARTS = ("timestamp", "intervalstart", "starttime", "start", "bucketstart", "date", "time")
ENDS = ("intervalend", "endtime", "end", "bucketend")
"""Names, in lower case, of the fields with the start and the end of figures."""

_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""Instants outside of this range are not real: some programs write such a value for a missing one (0001-01-01 in .NET),
or the number counts something else.
"""
_FIRST_SECOND, _LAST_SECOND = int(_FIRST.timestamp()), int(_LAST.timestamp())
_PER_SECOND = (1, 10**3, 10**6, 10**9)
"""Unix times come in seconds, milliseconds (JavaScript), microseconds (Spark) and nanoseconds (pandas). For one number
only one of these units gives an instant between 2000 and 2100.
"""
_LEAST_OFFSET, _LARGEST_OFFSET = timedelta(hours=-12), timedelta(hours=14)
"""The offsets of all time zones lie between these."""
_EXAMPLE = "2026-01-31T13:00:00Z"


class NoInstant(ValueError):
    """A value is not an instant. The message shows the value and the reason."""


class NoOffset(NoInstant):
    """An instant has no offset, and no time zone was given for it."""


def instant(value: Any, zone: ZoneInfo | None) -> datetime:
    """Parse the instant in a JSON value; the result is in UTC and whole milliseconds. `zone` is the time zone of
    instants without an offset. Raises NoInstant, NoOffset.

    >>> instant("/Date(1769600400000)/", None).isoformat()
    '2026-01-28T11:40:00+00:00'
    """
    if isinstance(value, dict):
        return _of_object(value, zone)
    if isinstance(value, str):
        return _of_text(value, zone)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NoInstant(f"{shown(value)} is no instant: write it like {_EXAMPLE}")
    return _of_number(value, value)


def _of_object(value: dict[str, Any], zone: ZoneInfo | None) -> datetime:
    """`{"$date": …}`; and `{"value": "/Date(…)/", "DateTime": …}`, as PowerShell writes a moment with notes to it."""
    inner = value.get("$date", value.get("value") if "DateTime" in value else None)
    for seconds, nanoseconds in _SECONDS:
        if value.keys() == {seconds, nanoseconds}:
            return _of_seconds(value[seconds], value[nanoseconds], value)
    if isinstance(inner, dict) and set(inner) == {"$numberLong"}:
        inner = inner["$numberLong"]
    if inner is None or isinstance(inner, dict):
        raise NoInstant(f"{shown(value)} is no instant: write it like {_EXAMPLE}")
    return instant(inner, zone)


def _of_seconds(seconds: Any, nanoseconds: Any, written: Any) -> datetime:
    seconds = int(seconds) if isinstance(seconds, str) and re.fullmatch(r"\d{1,12}", seconds) else seconds
    if type(seconds) is not int or type(nanoseconds) is not int or not 0 <= nanoseconds < 10**9:
        raise NoInstant(f"{shown(written)} is no instant: write it like {_EXAMPLE}")
    return _of_number(seconds * 1000 + nanoseconds // 10**6, written, (10**3,))


@lru_cache(maxsize=1_024)
def _of_text(text: str, zone: ZoneInfo | None) -> datetime:
    text = text.strip()
    if match := _ISO.fullmatch(text) or _ISO_BASIC.fullmatch(text):
        return _plausible(_of_parts(match, zone), text)
    if match := _DOT_NET.fullmatch(text):
        return _of_number(int(match[1]), text, (10**3,))
    if _NUMBER.fullmatch(text):
        return _of_number(float(text) if "." in text else int(text), text)
    if match := _JAVASCRIPT.fullmatch(text):
        text = f"{match['day']} {match['month']} {match['year']} {match['time']} {match['offset']}"
    if match or _RFC_1123.fullmatch(text):
        try:
            return _plausible(parsedate_to_datetime(text).astimezone(UTC), text)
        except ValueError:
            pass
    raise NoInstant(f"{shown(text)} is no instant: write it like {_EXAMPLE}")


def _of_parts(match: re.Match[str], zone: ZoneInfo | None) -> datetime:
    text = match.string
    fields = ("year", "month", "day", "hour", "minute", "second")
    year, month, day, hour, minute, second = (int(match[name] or 0) for name in fields)
    milliseconds = int((match["fraction"] or "").ljust(3, "0")[:3])
    try:
        local = datetime(year, month, day, hour, minute, second, milliseconds * 1000)
        if match["offset"] is None:
            return _of_local_clocks(local, _zone_named(match["zone"], text) or zone, text)
        return local.replace(tzinfo=_offset(match["offset"])).astimezone(UTC)
    except NoInstant:
        raise
    except (ValueError, OverflowError):
        raise NoInstant(f"{shown(text)} is no instant: no calendar or clock shows it") from None


def _zone_named(name: str | None, text: str) -> ZoneInfo | None:
    """The time zone in brackets after a time, as Java writes it."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        raise NoInstant(f"{shown(text)} is no instant: {name!r} is not a time zone") from None


def _offset(text: str) -> timezone:
    if text[0] not in "+-":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:]) if len(text) > 3 else 0
    offset = (-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or not _LEAST_OFFSET <= offset <= _LARGEST_OFFSET:
        raise ValueError(text)
    return timezone(offset)


def _of_local_clocks(local: datetime, zone: ZoneInfo | None, text: str) -> datetime:
    if zone is None:
        raise NoOffset(
            f"{shown(text)} has no offset: say with --time-zone in which zone it is, for example --time-zone UTC"
        )
    first, second = local.replace(tzinfo=zone), local.replace(tzinfo=zone, fold=1)
    if first.utcoffset() != second.utcoffset():
        times = "never" if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local else "twice"
        raise NoInstant(f"{shown(text)} is shown {times} by the clocks of {zone.key}: write it with its offset")
    return first.astimezone(UTC)


def _of_number(number: float, written: Any, units: tuple[int, ...] = _PER_SECOND) -> datetime:
    for per_second in units:
        if _FIRST_SECOND * per_second <= number < _LAST_SECOND * per_second:
            # Integers are divided as integers: of 19 digits a float has no milliseconds.
            milliseconds = number * 1000 // per_second if isinstance(number, int) else round(number * 1000 / per_second)
            return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    raise NoInstant(f"{shown(written)} is no Unix time between {_FIRST.year} and {_LAST.year}")


def _plausible(instant_: datetime, text: str) -> datetime:
    if not _FIRST <= instant_ < _LAST:
        raise NoInstant(f"{shown(text)} is no instant between {_FIRST.year} and {_LAST.year}")
    return instant_
