"""The business day that a page and its reports are about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from genesys_assets.days import Window


@dataclass(frozen=True, slots=True)
class BusinessDay:
    """A date in a time zone, and its half-open bounds in UTC: 24 hours, or 23 or 25 when clocks change."""

    date: date
    zone: ZoneInfo
    start: datetime
    end: datetime

    @classmethod
    def of(cls, key: str, zone: ZoneInfo) -> BusinessDay:
        """The business day of a daily partition key, as `2026-01-31`."""
        window = Window.of_day(key, zone)
        return cls(date.fromisoformat(key), zone, window.start, window.end)

    @property
    def key(self) -> str:
        return f"{self.date}"

    @property
    def window(self) -> Window:
        return Window(self.start, self.end)

    @property
    def utc_days(self) -> list[str]:
        """Keys of the UTC days that it touches."""
        return self.window.utc_days()

    @property
    def is_utc(self) -> bool:
        return self.zone.key == "UTC"

    @property
    def clocks_change(self) -> bool:
        return self.end - self.start != timedelta(days=1)

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)
