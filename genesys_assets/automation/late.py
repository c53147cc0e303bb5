"""Which figures are late: functions of the lake, the calendar and now. `days.limits` has the limits.

A figure is late as long as one of its partitions is, not only the newest: a day that stays missing is not forgotten
because later ones are stored.

The freshness policies of the assets have the same limits, and show in the UI (`assets.common.due_every`). The sensor
`late` calls the webhook, even if no run is launched at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from genesys_assets.automation.backlog import (
    SETTLING,
    days_backlog,
    days_until_today,
    hours_backlog,
    is_complete,
    unobserved,
)
from genesys_assets.automation.next_run import ranges
from genesys_assets.automation.stale import PUBLISHED, published_since
from genesys_assets.days import DAY, Window, utc_day, utc_hour
from genesys_assets.days.limits import DAYS_LIMIT, HOURS_LIMIT, PUBLISHED_LIMIT
from genesys_assets.days.sources import DAILY_DETAILS, HOURLY_AGGREGATES, HOURLY_DETAILS
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import Calendar


@dataclass(frozen=True, slots=True)
class LateFigure:
    """Something that is late, since when, and a message about it. `newest_since`: since when its newest gap is late. An
    alert from before then does not count.
    """

    name: str
    since: datetime
    newest_since: datetime
    message: str


def find_late(
    lake: Lake,
    calendar: Calendar,
    now: datetime,
    published: Iterable[str] | None,
    observed: Iterable[str] = (),
    zones: Iterable[ZoneInfo] = (),
) -> Iterator[LateFigure]:
    """What is late now. `published` are the days that have been published; None if nothing should be. `observed` are
    the places of the daily observations, `zones` the time zones of reports that have their own.
    """
    # No sensor publishes earlier days. A first backfill may take long to reach them, and judging years takes long.
    since = date.fromisoformat(published_since(calendar, now))
    recent = replace(calendar, start_date=max(calendar.start_date, since))
    for place in (HOURLY_AGGREGATES, HOURLY_DETAILS):
        yield from _hours(lake, recent, now, place)
    yield from _days(lake, recent, now)
    if published is not None:
        yield from _published(recent, now, published, list(zones))
    for place in observed:
        yield from _observed(lake, calendar, now, place)


def _hours(lake: Lake, calendar: Calendar, now: datetime, place: str) -> Iterator[LateFigure]:
    """The hours that are not stored. Those of complete and imported days are not needed."""
    wanted = hours_backlog(lake, calendar, now - HOURS_LIMIT + SETTLING)
    missing = [hour for hour, places in wanted.items() if place in places and hour not in lake.stored(place)]
    yield from _missing(place, {hour: utc_hour(hour)[1] for hour in missing}, HOURS_LIMIT, now)


def _days(lake: Lake, calendar: Calendar, now: datetime) -> Iterator[LateFigure]:
    wanted = [day for day, places in days_backlog(lake, calendar, now, now).items() if DAILY_DETAILS in places]
    missing = [day for day in wanted if not is_complete(lake, DAILY_DETAILS, day)]
    yield from _missing(DAILY_DETAILS, {day: utc_day(day)[1] for day in missing}, DAYS_LIMIT, now)


def _published(
    calendar: Calendar, now: datetime, published: Iterable[str], zones: Iterable[ZoneInfo]
) -> Iterator[LateFigure]:
    """The days that are not published. A day is published once it is over in UTC and in the zone of each report too."""
    missing = {*days_until_today(calendar, now)}.difference(published)
    ends = {day: Window.of_day(day, calendar.last_to_finish(day, zones)).end for day in missing}
    yield from _missing(PUBLISHED, ends, PUBLISHED_LIMIT, now)


def _missing(place: str, ends: Mapping[str, datetime], limit: timedelta, now: datetime) -> Iterator[LateFigure]:
    """The figure, if one of its missing partitions is late. `ends` says when each is over."""
    late = sorted(key for key, end in ends.items() if now > end + limit)
    if late:
        which = late[0] if len(late) == 1 else f"{len(late)} partitions between {late[0]} and {late[-1]}"
        *_, (newest_gap, _) = ranges(late)
        yield LateFigure(place, ends[late[0]] + limit, ends[newest_gap] + limit, f"genesys/{place} lacks {which}")


def _observed(lake: Lake, calendar: Calendar, now: datetime, place: str) -> Iterator[LateFigure]:
    """Today's observation, which can still be made, and yesterday's, which is lost."""
    today = f"{now:%Y-%m-%d}"
    midnight, _ = utc_day(today)
    due, yesterday = midnight + HOURS_LIMIT, f"{midnight - DAY:%Y-%m-%d}"
    if now > due and today >= f"{calendar.start_date}" and today not in lake.stored(place):
        message = f"genesys/{place} of {today} is not stored. It can only be fetched until midnight UTC"
        yield LateFigure(place, due, due, message)
    if yesterday in unobserved(lake, calendar, now, place):
        message = f"genesys/{place} of {yesterday} was not fetched, and the platform keeps no history of it"
        yield LateFigure(f"{place} of {yesterday}", midnight, midnight, message)
