"""Validates parts of requests that several endpoints share: intervals, granularities, paging, names.

Invalid parts are refused; `refusals` has the texts.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from genesys_assets.sandbox import refusals
from genesys_assets.sandbox.times import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    day_of,
    from_datetime,
    iso,
    millis,
    to_datetime,
)

Item = dict[str, Any]

_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_MOST_BUCKETS = 50_000


@dataclass(frozen=True, slots=True)
class Interval:
    """[start, end) in ms."""

    start: int
    end: int

    def days(self) -> list[date]:
        """The UTC days that the interval touches."""
        first, last = day_of(self.start), day_of(self.end - 1)
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]

    def __str__(self) -> str:
        return f"{iso(self.start)}/{iso(self.end)}"


def known_properties(body: Any, properties: Collection[str], of: str) -> Item:
    """The body. Raises RefusedRequest unless it is an object without unknown properties; `of` is the object's name in
    messages.
    """
    if not isinstance(body, dict):
        raise refusals.of_status(400)
    for name in body:
        if name not in properties:
            raise refusals.invalid_property(name, of)
    return body


def interval(body: Item) -> Interval:
    text = body.get("interval")
    if not isinstance(text, str) or not text:
        raise refusals.bad_request("An interval is required, in the form of two ISO-8601 dates separated by a slash.")
    parts = text.split("/")
    if len(parts) != 2:
        raise refusals.invalid_date()
    try:
        start, end = (millis(part) for part in parts)
    except ValueError:
        raise refusals.invalid_date() from None
    if start >= end:
        raise refusals.bad_request(f"The interval [{text}] is not valid: the start must be before the end.")
    return Interval(start, end)


def names(value: Any, allowed: Collection[str], field_type: str) -> list[str]:
    """The names of a list, each once; none without a list. Raises RefusedRequest for an unknown name."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise refusals.of_status(400)
    for name in value:
        one_of(name, allowed, field_type)
    return list(dict.fromkeys(value))


def one_of(value: Any, allowed: Collection[str], field_type: str) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise refusals.invalid_value(value, field_type, sorted(allowed))
    return value


def zone(body: Item) -> ZoneInfo:
    name = body.get("timeZone")
    try:
        return ZoneInfo("UTC" if name is None else name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise refusals.invalid_value(name, "TimeZone") from None


def buckets(body: Item, whole: Interval) -> list[Interval]:
    """The interval cut into buckets of the granularity, from its start on; whole days are days of the time zone."""
    local = zone(body)
    granularity = body.get("granularity")
    if granularity is None:
        return [whole]
    days, rest = _granularity(granularity)
    edges = [whole.start]
    step = 0
    began = to_datetime(whole.start).astimezone(local).replace(tzinfo=None)
    while edges[-1] < whole.end:
        step += 1
        moved = (began + timedelta(days=days * step)).replace(tzinfo=local) if days else None
        edge = whole.start if moved is None else from_datetime(moved.astimezone(UTC))
        edges.append(min(edge + rest * step, whole.end))
        if step > _MOST_BUCKETS:
            raise refusals.bad_request(f"The granularity [{granularity}] is too fine for the interval [{whole}].")
    return [Interval(start, end) for start, end in pairwise(edges)]


def _granularity(text: Any) -> tuple[int, int]:
    """Whole days, and the rest in ms."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0,) * 5
    whole_days, rest = weeks * 7 + days, hours * HOUR + minutes * MINUTE + seconds * SECOND
    if not (whole_days or rest):
        raise refusals.invalid_value(text, "Granularity")
    if rest % DAY == 0:
        return whole_days + rest // DAY, 0
    return whole_days, rest


def paging(value: Any) -> tuple[int, int]:
    """Page size and number of a details query's body."""
    if value is None:
        return 25, 1
    known_properties(value, ("pageSize", "pageNumber"), "PagingSpec")
    size, number = value.get("pageSize", 25), value.get("pageNumber", 1)
    if not _whole(size) or not 1 <= size <= 100:
        raise refusals.invalid_value(size, "pageSize", ["1 to 100"])
    if not _whole(number) or number < 1:
        raise refusals.invalid_value(number, "pageNumber", ["1 and above"])
    if size * number > refusals.MAXIMUM_RESULTS:
        raise refusals.too_many_results()
    return size, number


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def number_parameter(parameters: dict[str, str], name: str, default: int, most: int | None = None) -> int:
    """A whole number of the URL's query, 1 or above."""
    text = parameters.get(name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1 or (most is not None and number > most):
        raise refusals.invalid_parameter(text, name, "1 and above" if most is None else f"1 to {most}")
    return number
