"""Arithmetic of days: their bounds in UTC, their hours, the days around a day. `partitions` has Dagster's
partitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)
"""The resolution of the platform's instants."""

_CACHE_SIZE = 8_192
"""Enough for each day of some years, in each time zone that reports use."""
LONGEST_OPEN_DAYS = 31
"""How many days back to search for conversations that agents may still handle. E-mails stay open for weeks."""


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time, [start, end), in UTC."""

    start: datetime
    end: datetime

    @classmethod
    def of_utc_day(cls, key: str) -> Self:
        """The UTC day of a daily key."""
        return cls(*utc_day(key))

    def utc_days(self) -> list[str]:
        """The UTC days that the window touches, in order."""
        return list(_utc_days(self.start, self.end))

    @classmethod
    def of_day(cls, key: str, zone: ZoneInfo) -> Self:
        """The day of a daily key in a zone: 24 hours, or another length (mostly 23 or 25) where clocks change."""
        day = date.fromisoformat(key)
        return cls(_midnight(day, zone), _midnight(day + DAY, zone))


def milliseconds(instant: datetime) -> int:
    """The instant as milliseconds since 1970-01-01 UTC."""
    return round(instant.timestamp() * 1000)


def whole_milliseconds(instant: datetime) -> datetime:
    """The instant without its microseconds: the platform has whole milliseconds.

    >>> whole_milliseconds(datetime(2026, 1, 31, 12, 0, 0, 1999)).isoformat()
    '2026-01-31T12:00:00.001000'
    """
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


@lru_cache(maxsize=_CACHE_SIZE)
def utc_day(key: str) -> tuple[datetime, datetime]:
    """Start and end of the UTC day of a daily key, `YYYY-MM-DD`."""
    start = datetime.fromisoformat(key).replace(tzinfo=UTC)
    return start, start + DAY


def utc_hour(key: str) -> tuple[datetime, datetime]:
    """Start and end of the UTC hour of an hourly key, `YYYY-MM-DD-HH:00`."""
    start = datetime.strptime(key, "%Y-%m-%d-%H:%M").replace(tzinfo=UTC)
    return start, start + HOUR


def hours_of(key: str) -> list[str]:
    """The 24 hourly keys of a daily key."""
    return list(_hours_of(key))


@lru_cache(maxsize=_CACHE_SIZE)
def _hours_of(key: str) -> tuple[str, ...]:
    return tuple(f"{key}-{hour:02d}:00" for hour in range(24))


def days_around(key: str, before: int, after: int) -> list[str]:
    """Daily keys from `before` days before to `after` days after a daily key, in order."""
    return list(_days_around(key, before, after))


@lru_cache(maxsize=_CACHE_SIZE)
def _days_around(key: str, before: int, after: int) -> tuple[str, ...]:
    first = date.fromisoformat(key).toordinal() - before
    return tuple(date.fromordinal(first + offset).isoformat() for offset in range(before + after + 1))


@lru_cache(maxsize=_CACHE_SIZE)
def possible_start_days(key: str, window: Window) -> tuple[str, ...]:
    """The days on which a conversation that is alive in the window may have begun. The window begins on the day
    `key`.
    """
    days = (date.fromisoformat(window.utc_days()[-1]) - date.fromisoformat(key)).days
    return tuple(days_around(key, before=LONGEST_OPEN_DAYS, after=days))


@lru_cache(maxsize=_CACHE_SIZE)
def _utc_days(start: datetime, end: datetime) -> tuple[str, ...]:
    count = (end - MILLISECOND).date() - start.date()
    return tuple(f"{start.date() + DAY * offset}" for offset in range(count.days + 1))


@lru_cache(maxsize=_CACHE_SIZE)
def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
