"""What must be read from the platform: partitions that are missing, or due again. Functions of the lake, the calendar,
now and the settings; they write nothing.

    observed   today's members of queues and skills of users, because the platform keeps no history of them
    usage      the platform's own count of requests, of look-back days
    hours      pages of full hours; aggregates of look-back days again each night
    days       complete days and their overlaps, aggregates of business days; look-back days again each night
    users      pages of agents' status, of finished days and of today so far; look-back days again each night
    lake files days whose files of the data lake extraction may not all be stored

`stale` has what must be computed or published. `next_run` decides which of them run next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from genesys_assets.automation.next_run import Backlog, Run, last_moment
from genesys_assets.cloud.analytics.queries import AggregateQuestion
from genesys_assets.cloud.reference import LISTINGS
from genesys_assets.days import DAY, HOUR, LONGEST_OPEN_DAYS, hours_of, utc_day
from genesys_assets.days.data_lake import LAKE_FILES
from genesys_assets.days.families import has_answers, unanswered
from genesys_assets.days.observed import is_waiting, pages_of
from genesys_assets.days.sources import (
    DAILY_AGGREGATES,
    DAILY_DETAILS,
    HOURLY_AGGREGATES,
    HOURLY_DETAILS,
    IMPORTED_DAILY,
    IMPORTED_DETAILS,
    IMPORTED_HOURLY,
    OVERLAP,
)
from genesys_assets.days.users import USER_DETAILS
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.partitions import Calendar
from genesys_assets.reports.meaning.questions import key_of
from genesys_assets.settings import DataLakeSettings
from genesys_assets.tables.api_usage import API_USAGE
from genesys_assets.tables.entities import ENTITIES
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS, table_of
from genesys_assets.tables.observations import QUEUE_MEMBERS, USER_SKILLS

SETTLING = timedelta(minutes=10)
"""An hour is read this long after its end: by then the platform has its figures."""
_WHOLE_LISTING = SETTLING + timedelta(minutes=10)
"""The files of a day are all listed this long after its end: see `assets.lake_files.LISTED_LATE`."""
LOOK_BACK_AT = (3, 30)
"""Hour and minute, UTC, at which look-back days are read again."""
NIGHT_AT = (2, 0)
"""Hour and minute, UTC, at which listings are read and housekeeping is done."""

INTERVALS = f"tables/{INTERVAL_METRICS.name}"

OBSERVED = tuple(f"reference/{spec.name}" for spec in (QUEUE_MEMBERS, USER_SKILLS))
"""Observations: the platform keeps no history of them."""
USAGE = f"reference/{API_USAGE.name}"
COUNTING = timedelta(hours=6)
"""A day's usage is fetched this long after its end. We have not verified how long the platform goes on counting."""
REFERENCE = tuple(f"reference/{name}" for name in ENTITIES)
NEEDED = tuple(f"reference/{name}" for name in ENTITIES if LISTINGS[name].is_needed)
"""The listings that reports wait for. They do not wait for the others, which may be refused, or fail for days."""


@dataclass(slots=True)
class BacklogBuilder:
    """Collects the wanted assets by partition key."""

    assets: dict[str, set[str]] = field(default_factory=dict)

    def add(self, key: str, *assets: str) -> None:
        self.assets.setdefault(key, set()).update(assets)

    @property
    def backlog(self) -> Backlog:
        return {key: frozenset(assets) for key, assets in self.assets.items()}


# -- reference data ----------------------------------------------------------------------------------------------------


def is_reference_older(lake: Lake, since: datetime, listings: Collection[str] = REFERENCE) -> bool:
    """Whether any of the listings was last read before an instant, or never."""
    moment = since.timestamp() * 1000
    return any((lake.log(place).newness(None) or 0) < moment for place in listings)


# -- observations ------------------------------------------------------------------------------------------------------


def observations_backlog(
    lake: Lake, calendar: Calendar, now: datetime, observed: Collection[str] = OBSERVED
) -> Backlog:
    """The observations in `observed` that are not stored for today. They are due ten minutes after midnight UTC, so
    that clocks that differ a little agree on the day. Earlier days cannot be fetched; those are wanted whose pages are
    stored and whose tables were not made of them.
    """
    builder, today = BacklogBuilder(), f"{now - SETTLING:%Y-%m-%d}"
    for place in observed:
        if today == f"{now:%Y-%m-%d}" and not is_stored(lake, place, today):
            builder.add(today, place)
        for day in lake.page_partitions(pages_of(place)):
            if day < today and is_waiting(lake, place, day):
                builder.add(day, place)
    return {day: places for day, places in builder.backlog.items() if day >= f"{calendar.start_date}"}


def unobserved(lake: Lake, calendar: Calendar, now: datetime, place: str) -> list[str]:
    """The finished days after the first observation of a place that have no observation, not even stored pages. They
    are lost: the platform keeps no history.
    """
    stored = lake.stored(place)
    first = min((key for key in stored if key is not None), default=None)
    days = [day for day in days_until_today(calendar, now) if first is not None and first < day < f"{now:%Y-%m-%d}"]
    return [day for day in days if day not in stored and not is_waiting(lake, place, day)]


def usage_backlog(lake: Lake, calendar: Calendar, now: datetime) -> Backlog:
    """Look-back days whose API usage was not fetched yet. Each is due six hours after its end."""
    days = [f"{(now - COUNTING - DAY * back).date()}" for back in range(1, calendar.look_back_days + 1)]
    log = lake.log(USAGE)
    return {day: frozenset([USAGE]) for day in days if day >= f"{calendar.start_date}" and log.newness(day) is None}


# -- pages -------------------------------------------------------------------------------------------------------------


def hours_backlog(
    lake: Lake,
    calendar: Calendar,
    now: datetime,
    questions: Collection[AggregateQuestion] = (),
    available: datetime | None = None,
) -> Backlog:
    """The full hours whose pages are not stored, and those whose aggregates must be read again: for the look-back, or
    because they were read before one of the `questions` was asked.

    Details of an hour are not wanted if details jobs cover its whole day (`available`: up to when they have all data),
    because then a job reads the day. Imported days are left as they are.
    """
    builder, last_full_hour = BacklogBuilder(), f"{now - SETTLING - HOUR:%Y-%m-%d-%H:00}"
    aggregates, details = lake.stored(HOURLY_AGGREGATES), lake.stored(HOURLY_DETAILS)
    again, looked_back = reading_moments(calendar, now), look_back_moments(calendar, now)
    for day in days_until_today(calendar, now):
        hours = [hour for hour in hours_of(day) if hour <= last_full_hour]
        imported = _is_imported(lake, IMPORTED_HOURLY, day)
        unasked_until = _unasked_until(lake, day, questions) if day in looked_back else None
        read_since = max(filter(None, (unasked_until, again.get(day))), default=None)
        for hour in hours:
            if hour not in aggregates:
                if not imported:
                    builder.add(hour, HOURLY_AGGREGATES)
            elif _is_older(lake, HOURLY_AGGREGATES, hour, read_since):
                builder.add(hour, HOURLY_AGGREGATES)
        left_to_jobs = available is not None and utc_day(day)[1] <= available
        if not (left_to_jobs or is_complete(lake, DAILY_DETAILS, day) or _is_imported(lake, IMPORTED_DETAILS, day)):
            for hour in hours:
                if hour not in details:
                    builder.add(hour, HOURLY_DETAILS)
    return builder.backlog


def has_read_hours(lake: Lake, run: Run, day: str) -> bool:
    """Whether a run over hours has already stored all of its hours of a day. False for runs over whole days, which
    depend on each other: pages of a day also have conversations that began on other days.
    """
    hours = [hour for hour in hours_of(day) if run.first <= hour <= run.last]
    if run.created_at is None or not hours or not run.assets <= {HOURLY_DETAILS, HOURLY_AGGREGATES}:
        return False
    stored = [lake.stored(place).get(hour) for place in run.assets for hour in hours]
    return all(partition is not None and partition.written_at >= run.created_at for partition in stored)


def days_backlog(lake: Lake, calendar: Calendar, now: datetime, available: datetime | None) -> Backlog:
    """Days that details jobs cover (`available`: up to when they have all data) and that are not complete in the lake;
    finished business days without complete aggregates; look-back days not read since the last look-back.
    """
    builder, again = BacklogBuilder(), reading_moments(calendar, now)
    for day in days_until_today(calendar, now):
        since = again.get(day)
        if available is not None and utc_day(day)[1] <= available:
            imported = _is_imported(lake, IMPORTED_DETAILS, day)
            if not (imported or is_complete(lake, DAILY_DETAILS, day)) or _is_due(
                lake, DAILY_DETAILS, day, since, available
            ):
                builder.add(day, DAILY_DETAILS)
            if not (imported or _reaches(lake, OVERLAP, day)) or _is_due(lake, OVERLAP, day, since, available):
                builder.add(day, OVERLAP)
        end = calendar.business_day(day)[1]
        if end + SETTLING <= now:
            known = _reach(lake, DAILY_AGGREGATES, day)
            # They reach further or less far if GENESYS_ASSETS_TIME_ZONE was another one when they were read.
            is_whole = known is not None and known.through == end
            is_known = is_whole or _is_imported(lake, IMPORTED_DAILY, day)
            if not is_known or _is_older(lake, DAILY_AGGREGATES, day, since):
                builder.add(day, DAILY_AGGREGATES)
    return builder.backlog


def look_back_moments(calendar: Calendar, now: datetime) -> dict[str, datetime]:
    """The days that a look-back reads again, each with an instant: a reading before it is too old."""
    night = last_moment(now, *LOOK_BACK_AT)
    moments = {f"{(night - DAY * back).date()}": night for back in range(1, calendar.look_back_days + 1)}
    closing = calendar.month_close_day
    if closing is not None:
        while night.day != closing:
            night -= DAY
        day = (night.replace(day=1) - DAY).date().replace(day=1)
        while day < night.date():
            moments.setdefault(f"{day}", night)
            day += DAY
    return {day: moment for day, moment in moments.items() if day >= f"{calendar.start_date}"}


def reading_moments(calendar: Calendar, now: datetime) -> dict[str, datetime]:
    """The days of the last weeks that must have been read since an instant: those that a look-back reads again, and
    earlier ones, whose last look-back may have been missed.
    """
    moments, hour_and_minute = look_back_moments(calendar, now), time(*LOOK_BACK_AT, tzinfo=UTC)
    if not calendar.look_back_days:
        return moments
    last = last_moment(now, *LOOK_BACK_AT).date() - DAY * calendar.look_back_days
    for day in (last - DAY * back for back in range(1, LONGEST_OPEN_DAYS)):
        if day >= calendar.start_date:
            moment = datetime.combine(day + DAY * calendar.look_back_days, hour_and_minute)
            moments[f"{day}"] = max(moment, moments.get(f"{day}", moment))
    return moments


def _unasked_until(lake: Lake, day: str, questions: Iterable[AggregateQuestion]) -> datetime | None:
    """Until when hours of a day were read without one of the questions; None if all were asked. Families that the
    platform refused do not count: only the look-back asks them again.
    """
    if _reach(lake, INTERVALS, day) is None:
        return None
    refused = unanswered(lake, [day])
    asked = (_missing_until(lake, day, question) for question in questions if question.family.name not in refused)
    return max(filter(None, asked), default=None)


def _missing_until(lake: Lake, day: str, question: AggregateQuestion) -> datetime | None:
    """When the table that lacks answers to a question was computed; None if it has them. Hours that were read later may
    have answers: then the table must be computed first. Pages are checked if the family's table is not computed.
    """
    place = f"tables/{table_of(question.family).name}"
    reach = _reach(lake, place, day)
    if reach is None:
        return None if has_answers(lake, day, question.family) else datetime.max.replace(tzinfo=UTC)
    is_asked = reach.has_asked(key_of(question), question.metrics)
    return None if is_asked else lake.stored(place)[day].written_at


def user_days_backlog(lake: Lake, calendar: Calendar, now: datetime, available: datetime | None) -> Backlog:
    """Days whose agents' status is not stored as far as it can be: the whole day once details jobs cover it
    (`available`: up to when they have all data), until then up to the last full hour. Also look-back days not read
    since the last look-back.
    """
    builder, again = BacklogBuilder(), reading_moments(calendar, now)
    full = (now - SETTLING).replace(minute=0, second=0, microsecond=0)
    for day in days_until_today(calendar, now):
        start, end = utc_day(day)
        if available is not None and end <= available:
            is_due = _is_due(lake, USER_DETAILS, day, again.get(day), available)
            if not is_complete(lake, USER_DETAILS, day) or is_due:
                builder.add(day, USER_DETAILS)
        elif start < full:
            reach = _reach(lake, USER_DETAILS, day)
            if reach is None or reach.through < min(end, full):
                builder.add(day, USER_DETAILS)
    return builder.backlog


def lake_files_backlog(lake: Lake, calendar: Calendar, now: datetime, settings: DataLakeSettings) -> Backlog:
    """Those of the last `settings.days` days whose files of the data lake extraction were not listed up to the end of
    the day. Empty if the source is off. A day is due at once if it was never listed, or if it ended after it was last
    listed; otherwise every few hours.
    """
    builder = BacklogBuilder()
    if not settings.is_on:
        return builder.backlog
    first = f"{(now - DAY * settings.days).date()}"
    for day in days_until_today(calendar, now):
        reach, over = _reach(lake, LAKE_FILES, day), utc_day(day)[1] + _WHOLE_LISTING
        if day < first or (reach is not None and reach.is_complete):
            continue
        since = max(now - HOUR * settings.every_hours, over if over <= now else utc_day(day)[0])
        if reach is None or _is_older(lake, LAKE_FILES, day, since):
            builder.add(day, LAKE_FILES)
    return builder.backlog


# -- stored partitions -------------------------------------------------------------------------------------------------


def days_until_today(calendar: Calendar, now: datetime) -> list[str]:
    """All days from the start date to today."""
    count = (now.astimezone(UTC).date() - calendar.start_date).days
    return [f"{calendar.start_date + DAY * offset}" for offset in range(count + 1)]


def _is_imported(lake: Lake, place: str, day: str) -> bool:
    """Whether a day has imported pages, or was said to be complete without any. A day whose files were taken back has
    an empty partition: it is fetched like any other.
    """
    partition = lake.stored(place).get(day)
    if partition is None:
        return False
    reach = _reach(lake, place, day)
    return partition.newest.rows > 0 or reach is None or reach.is_complete


def is_stored(lake: Lake, place: str, key: str) -> bool:
    return key in lake.stored(place)


def _is_older(lake: Lake, place: str, key: str, since: datetime | None) -> bool:
    partition = lake.stored(place).get(key)
    return since is not None and partition is not None and partition.written_at < since


def _is_due(lake: Lake, place: str, day: str, since: datetime | None, available: datetime) -> bool:
    """Whether a look-back is due, and jobs have newer data than the stored reading. (A reading that is not newer would
    not replace it.)
    """
    is_newer = lake.newness([(place, day)]) < available.timestamp() * 1000
    return is_newer and _is_older(lake, place, day, since)


def _reach(lake: Lake, place: str, key: str) -> Reach | None:
    footer = lake.footer(place, key)
    return footer.reach if footer else None


def _reaches(lake: Lake, place: str, day: str) -> bool:
    reach = _reach(lake, place, day)
    return reach is not None and reach.covers_day(day)


def is_complete(lake: Lake, place: str, day: str) -> bool:
    """Whether the stored partition of a day is complete."""
    reach = _reach(lake, place, day)
    return reach is not None and reach.is_complete
