"""Bounds of UTC days, business days and hours, and the events between two instants."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests.months.history import DAY, HOUR
from genesys_assets_tests.plain_figures import Item, Row
from genesys_assets_tests.plain_reports import local_date


def utc_midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def window(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    bounds = (datetime(each.year, each.month, each.day, tzinfo=zone) for each in (day, day + DAY))
    start, end = (bound.astimezone(UTC) for bound in bounds)
    return start, end


def hours_begun_on(day: date) -> list[datetime]:
    return [utc_midnight(day) + HOUR * number for number in range(24)]


def touched(start: datetime, end: datetime) -> list[date]:
    last = (end - timedelta(milliseconds=1)).date()
    return [start.date() + DAY * number for number in range((last - start.date()).days + 1)]


def bounds(start: datetime, end: datetime, zone: ZoneInfo) -> Row:
    """The bounds and the date of a business day. Shorter intervals have no date."""
    return {"interval_start": start, "interval_end": end, "local_date": local_date(start, end, zone)}


def starting(items: Iterable[Item], start: datetime, end: datetime) -> list[Item]:
    return [item for item in items if start <= plain.moment(item["conversationStart"]) < end]


@lru_cache(1024)
def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def emits_within(item: Item, start: datetime, end: datetime) -> bool:
    first, last = _text(start), _text(end)
    return any(
        first <= metric["emitDate"] < last
        for participant in item.get("participants", ())
        for session in participant["sessions"]
        for metric in session.get("metrics", ())
    )
