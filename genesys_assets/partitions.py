"""The calendar: hourly and daily partitions in UTC, the business day, and how days depend on hours.

`assets` know what is done with a partition, `automation` when.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from genesys_assets.days import DAY, HOUR, LONGEST_OPEN_DAYS, Window, days_around, hours_of, utc_day, utc_hour
from genesys_assets.settings import CalendarSettings

if TYPE_CHECKING:
    import dagster as dg

__all__ = [
    "DAY",
    "HOUR",
    "LONGEST_OPEN_DAYS",
    "Calendar",
    "days_around",
    "hours_of",
    "hours_to_days",
    "utc_day",
    "utc_hour",
]

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class Calendar:
    """The partitions from the start date on. `daily` includes today, so that today can be refreshed each hour.

    `zone` is that of business days. `look_back_days`: how many days before today are read again each night.
    `month_close_day`: the day of the month on which the whole previous month is read again, None for never.
    `days_per_run`: the most days of one run, None for no limit.
    """

    start_date: date
    zone: ZoneInfo
    look_back_days: int
    month_close_day: int | None = None
    days_per_run: int | None = None

    @classmethod
    def from_environment(cls, **given: Any) -> Calendar:
        """The calendar of these settings; those not given come from the environment. Raises SettingError."""
        settings = CalendarSettings.load(**given)
        return cls(
            settings.start_date,
            settings.zone,
            settings.look_back_days,
            settings.month_close_day,
            settings.days_per_run,
        )

    @property
    def hourly(self) -> dg.HourlyPartitionsDefinition:
        import dagster as dg

        return dg.HourlyPartitionsDefinition(start_date=f"{self.start_date:%Y-%m-%d}-00:00", timezone="UTC")

    @property
    def daily(self) -> dg.DailyPartitionsDefinition:
        import dagster as dg

        return dg.DailyPartitionsDefinition(start_date=f"{self.start_date:%Y-%m-%d}", timezone="UTC", end_offset=1)

    @property
    def hourly_runs(self) -> dg.BackfillPolicy:
        """How a backfill of hours is cut into runs."""
        return _runs_of(self.days_per_run and self.days_per_run * 24)

    @property
    def daily_runs(self) -> dg.BackfillPolicy:
        """How a backfill of days is cut into runs."""
        return _runs_of(self.days_per_run)

    def has_day(self, key: str) -> bool:
        """Whether a daily key is a partition: from the start date to today."""
        first, last = self.daily.get_first_partition_key(), self.daily.get_last_partition_key()
        return first is not None and last is not None and first <= key <= last

    def business_day(self, key: str) -> tuple[datetime, datetime]:
        """UTC bounds of the business day of a daily key: 24 hours, or another length (mostly 23 or 25) where clocks
        change.
        """
        day = Window.of_day(key, self.zone)
        return day.start, day.end

    def last_to_finish(self, key: str, others: Iterable[ZoneInfo] = ()) -> ZoneInfo:
        """The zone whose day ends last: of UTC, the business day's zone and `others`."""
        return max([_UTC, self.zone, *others], key=lambda zone: Window.of_day(key, zone).end)


def hours_to_days() -> dg.TimeWindowPartitionMapping:
    """A day depends on its hours; today depends on the hours that exist so far."""
    import dagster as dg

    return dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)


def _runs_of(partitions: int | None) -> dg.BackfillPolicy:
    import dagster as dg

    return dg.BackfillPolicy.multi_run(partitions) if partitions else dg.BackfillPolicy.single_run()
