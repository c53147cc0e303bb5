"""The calendar: hourly and daily partitions in UTC, the business day, and how days depend on hours and on earlier days.

What an asset does with a partition is in `assets`; when it is asked to is in `automation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from genesys_assets.settings import CalendarSettings

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_UTC = ZoneInfo("UTC")

REACH_DAYS = 31
"""How many days before a day conversations may have begun that agents still handle on that day: e-mails stay open for
weeks.
"""


@dataclass(frozen=True)
class Calendar:
    """Partitions from the start date on. DAILY includes today, so that it can be refreshed each hour."""

    start_date: date
    zone: ZoneInfo
    look_back_days: int
    month_close_day: int | None = None

    @classmethod
    def from_environment(cls) -> Calendar:
        settings = CalendarSettings.load()
        return cls(settings.start_date, settings.zone, settings.look_back_days, settings.month_close_day)

    @property
    def hourly(self) -> dg.HourlyPartitionsDefinition:
        return dg.HourlyPartitionsDefinition(start_date=f"{self.start_date:%Y-%m-%d}-00:00", timezone="UTC")

    @property
    def daily(self) -> dg.DailyPartitionsDefinition:
        return dg.DailyPartitionsDefinition(start_date=f"{self.start_date:%Y-%m-%d}", timezone="UTC", end_offset=1)

    def business_day(self, key: str) -> tuple[datetime, datetime]:
        """UTC bounds of the business day of a daily key: 24 hours, or 23, 25 and so on where clocks change."""
        day = date.fromisoformat(key)
        return _midnight(day, self.zone), _midnight(day + DAY, self.zone)

    def last_to_finish(self, key: str) -> ZoneInfo:
        """The zone in which a day is over when both the UTC day and the business day are: west of UTC its own."""
        return self.zone if self.business_day(key)[1] > utc_day(key)[1] else _UTC


def utc_day(key: str) -> tuple[datetime, datetime]:
    """UTC bounds of a daily key."""
    start = _midnight(date.fromisoformat(key), _UTC)
    return start, start + DAY


def utc_hour(key: str) -> tuple[datetime, datetime]:
    """UTC bounds of an hourly key."""
    start = datetime.strptime(key, "%Y-%m-%d-%H:%M").replace(tzinfo=UTC)
    return start, start + HOUR


def hours_of(key: str) -> list[str]:
    """The 24 hourly keys of a daily key."""
    return [f"{key}-{hour:02d}:00" for hour in range(24)]


def days_around(key: str, before: int, after: int) -> list[str]:
    """Daily keys from `before` days before to `after` days after a daily key, in order."""
    day = date.fromisoformat(key)
    return [f"{day + DAY * offset:%Y-%m-%d}" for offset in range(-before, after + 1)]


def hours_to_days() -> dg.TimeWindowPartitionMapping:
    """A day depends on its hours, today on those there are so far."""
    return dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
