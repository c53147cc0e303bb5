"""Instants as integer milliseconds since 1970 and as the platform's ISO-8601 texts.

`validation` knows what a valid interval is.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DATE = date(1970, 1, 1)


@lru_cache(maxsize=256)
def _date_text(days: int) -> str:
    return (_EPOCH_DATE + timedelta(days=days)).isoformat()


def iso(instant: int) -> str:
    """1769860800000 -> `2026-01-31T12:00:00.000Z`. Texts of this one form sort like the instants."""
    days, rest = divmod(instant, DAY)
    minutes, rest = divmod(rest, MINUTE)
    hour, minute = divmod(minutes, 60)
    second, fraction = divmod(rest, SECOND)
    return f"{_date_text(days)}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z"


def millis(text: str) -> int:
    """The instant of an ISO-8601 text with an offset or Z; one without is taken as UTC."""
    moment = datetime.fromisoformat(text)
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def from_datetime(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def to_datetime(instant: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=instant)


def day_start(day: date) -> int:
    return (day - _EPOCH_DATE).days * DAY


def day_of(instant: int) -> date:
    return _EPOCH_DATE + timedelta(days=instant // DAY)
