"""Which figures are late: functions of the lake, the calendar and now. `days.limits` has the limits.

The freshness policies of the assets have the same limits, and show in the UI (`assets.common.due_every`). The sensor
`late` calls the webhook, even if no run is launched at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from genesys_assets.automation.backlog import unobserved
from genesys_assets.days import DAY, HOUR, utc_day, utc_hour
from genesys_assets.days.limits import DAYS_LIMIT, HOURS_LIMIT, PUBLISHED_LIMIT
from genesys_assets.days.sources import DAILY_DETAILS, HOURLY_AGGREGATES, HOURLY_DETAILS
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import Calendar


@dataclass(frozen=True, slots=True)
class LateFigure:
    """Something that is late, since when, and a message about it."""

    name: str
    since: datetime
    message: str


def find_late(
    lake: Lake, calendar: Calendar, now: datetime, published: Iterable[str] | None, observed: Iterable[str] = ()
) -> Iterator[LateFigure]:
    """What is late now. `published` are the days that have been published; None if nothing should be. `observed` are
    the places of the daily observations.
    """
    for place in (HOURLY_AGGREGATES, HOURLY_DETAILS):
        yield from _hours(lake, calendar, now, place)
    yield from _days(lake, calendar, now)
    if published is not None:
        yield from _published(calendar, now, published)
    for place in observed:
        yield from _observed(lake, calendar, now, place)


def _hours(lake: Lake, calendar: Calendar, now: datetime, place: str) -> Iterator[LateFigure]:
    newest = max((key for key in lake.stored(place) if key), default=None)
    known = utc_hour(newest)[1] if newest else _start(calendar)
    if now > known + HOUR + HOURS_LIMIT:
        message = f"the newest hour of genesys/{place} ends at {known:%Y-%m-%d %H:%M} UTC"
        yield LateFigure(place, known + HOUR + HOURS_LIMIT, message)


def _days(lake: Lake, calendar: Calendar, now: datetime) -> Iterator[LateFigure]:
    complete = (
        key for key in sorted(filter(None, lake.stored(DAILY_DETAILS)), reverse=True) if _is_complete(lake, key)
    )
    newest = next(complete, None)
    known = utc_day(newest)[1] if newest else _start(calendar)
    if now > known + DAY + DAYS_LIMIT:
        message = (
            f"the newest complete day of genesys/{DAILY_DETAILS} is {newest}" if newest else "no day is complete yet"
        )
        yield LateFigure(DAILY_DETAILS, known + DAY + DAYS_LIMIT, message)


def _published(calendar: Calendar, now: datetime, published: Iterable[str]) -> Iterator[LateFigure]:
    newest = max(published, default=None)
    known = calendar.business_day(newest)[1] if newest else calendar.business_day(f"{calendar.start_date}")[0]
    if now > known + DAY + PUBLISHED_LIMIT:
        message = f"the newest published day is {newest}" if newest else "no day has been published yet"
        yield LateFigure("published/reports", known + DAY + PUBLISHED_LIMIT, message)


def _observed(lake: Lake, calendar: Calendar, now: datetime, place: str) -> Iterator[LateFigure]:
    """Today's observation, which can still be made, and yesterday's, which is lost."""
    today = f"{now:%Y-%m-%d}"
    midnight, _ = utc_day(today)
    due, yesterday = midnight + HOURS_LIMIT, f"{midnight - DAY:%Y-%m-%d}"
    if now > due and today >= f"{calendar.start_date}" and today not in lake.stored(place):
        message = f"genesys/{place} of {today} is not stored. It can only be fetched until midnight UTC"
        yield LateFigure(place, due, message)
    if yesterday in unobserved(lake, calendar, now, place):
        message = f"genesys/{place} of {yesterday} was not fetched, and the platform keeps no history of it"
        yield LateFigure(f"{place} of {yesterday}", midnight, message)


def _start(calendar: Calendar) -> datetime:
    return utc_day(f"{calendar.start_date}")[0]


def _is_complete(lake: Lake, day: str) -> bool:
    footer = lake.footer(DAILY_DETAILS, day)
    return footer is not None and footer.reach is not None and footer.reach.is_complete
