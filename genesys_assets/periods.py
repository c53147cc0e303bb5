"""Periods of several days: ISO weeks, calendar months and the last n days, each identified by the key of its last day.

    day        the day itself
    week       Monday to Sunday, as ISO 8601 counts weeks
    month      the days of a calendar month
    rolling    a number of days up to the day, the day included

Dates here are local dates of the report's zone; `spans` has their bounds in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal
from zoneinfo import ZoneInfo

from genesys_assets.spans import DAY, Window

Unit = Literal["day", "week", "month", "rolling"]
WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class Period:
    """A kind of period. `count` is the number of days of rolling periods, and 1 for all others."""

    unit: Unit = "day"
    count: int = 1

    @property
    def is_day(self) -> bool:
        return self.unit == "day"

    def ends_on(self, key: str) -> bool:
        """Whether a period ends on a day: every day, every Sunday, or the last day of a month.

        >>> [Period("week").ends_on(key) for key in ("2026-02-28", "2026-03-01")], Period("month").ends_on("2026-02-28")
        ([False, True], True)
        """
        day = date.fromisoformat(key)
        if self.unit == "week":
            return day.isoweekday() == WEEK_DAYS
        return self.unit != "month" or (day + DAY).day == 1

    def last(self, key: str) -> str:
        """The last day of the period that a day belongs to; of rolling days the day itself.

        >>> Period("week").last("2026-03-01"), Period("week").last("2026-03-02"), Period("month").last("2026-02-03")
        ('2026-03-01', '2026-03-08', '2026-02-28')
        """
        day = date.fromisoformat(key)
        while not self.ends_on(f"{day}"):
            day += DAY
        return f"{day}"

    def first(self, key: str) -> date:
        """The first day of the period that ends on a day."""
        day = date.fromisoformat(key)
        if self.unit == "month":
            return day.replace(day=1)
        return day - DAY * ((WEEK_DAYS if self.unit == "week" else self.count) - 1)

    def days(self, key: str) -> tuple[str, ...]:
        """The daily keys of the period that ends on a day, in order."""
        first, last = self.first(key), date.fromisoformat(key)
        return tuple(f"{first + DAY * offset}" for offset in range((last - first).days + 1))

    def before(self, key: str) -> str:
        """The last day of the period before the one that ends on a day.

        >>> Period("month").before("2026-03-31"), Period("rolling", 28).before("2026-03-31")
        ('2026-02-28', '2026-03-03')
        """
        return f"{self.first(key) - DAY}"

    def window(self, key: str, zone: ZoneInfo) -> Window:
        """UTC bounds of the period that ends on a day."""
        days = self.days(key)
        return Window(Window.of_day(days[0], zone).start, Window.of_day(days[-1], zone).end)


def week_before(key: str) -> str:
    """The same weekday a week before a day."""
    return f"{date.fromisoformat(key) - DAY * WEEK_DAYS}"
