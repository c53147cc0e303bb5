"""What must be computed or published again, because its inputs changed since it was made. Functions of the lake, the
calendar and now; they write nothing.

    tables     days whose pages changed since their tables were computed; the table of open conversations each night
    checks     finished days whose tables changed since they were checked
    reports    days whose tables, names or definition changed since their reports were computed
    published  finished days of which a report, a table of the page or a failing check changed since they were published

`backlog` has what must be read from the platform.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from genesys_assets.automation.backlog import (
    INTERVALS,
    SETTLING,
    BacklogBuilder,
    days_until_today,
    is_stored,
    look_back_moments,
)
from genesys_assets.automation.next_run import CHECKS, Backlog, last_moment
from genesys_assets.checks.checked_tables import CHECKED
from genesys_assets.cloud.analytics.families import FAMILIES, AggregateFamily
from genesys_assets.days import DAY, LONGEST_OPEN_DAYS, Window, hours_of, made_of, utc_day, waits
from genesys_assets.days.data_lake import reach_of as lake_reach
from genesys_assets.days.families import has_answers
from genesys_assets.days.ledgered import ledgered_places
from genesys_assets.days.sources import (
    DAILY_AGGREGATES,
    DAILY_DETAILS,
    HOURLY_AGGREGATES,
    HOURLY_DETAILS,
    IMPORTED_DAILY,
    IMPORTED_DETAILS,
    IMPORTED_HOURLY,
)
from genesys_assets.days.users import USER_TABLES, has_status, of_user_tables
from genesys_assets.days.verdicts import PLACE as VERDICTS
from genesys_assets.days.verdicts import blocking_reason, checked_rows, verdicts
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.ledger import LEDGER, ledger_version
from genesys_assets.partitions import Calendar
from genesys_assets.publishing.business_day import BusinessDay
from genesys_assets.publishing.day import made_of as made_of_day
from genesys_assets.reports.engine.made_of import made_of as report_made_of
from genesys_assets.reports.engine.made_of import windows_of
from genesys_assets.reports.engine.stored import NotStored, StoredDay
from genesys_assets.reports.meaning.report import Report
from genesys_assets.settings import DataLakeSettings
from genesys_assets.spans import milliseconds
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tables.conversations.open import OPEN_CONVERSATIONS
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, FAMILY_METRICS, INTERVAL_METRICS, table_of

CONVERSATION_TABLES = tuple(f"tables/{spec.name}" for spec in DAY_TABLES)
DAYS = f"tables/{DAILY_METRICS.name}"
USER_PLACES = tuple(f"tables/{spec.name}" for spec in USER_TABLES)
_FAMILIES = {f"tables/{spec.name}": FAMILIES[name] for name, spec in FAMILY_METRICS.items()}
OPEN_CONVERSATIONS_PLACE = f"tables/{OPEN_CONVERSATIONS.name}"
OPEN_CONVERSATIONS_AT = (4, 0)
"""Hour and minute, UTC, from which the table of open conversations is computed again: the look-back has begun by then,
and the table waits for the tables of yesterday.
"""
PUBLISHED, INDEX = "published/reports", "published/index"


# -- tables ------------------------------------------------------------------------------------------------------------


def tables_backlog(
    lake: Lake, calendar: Calendar, now: datetime, families: Collection[AggregateFamily] = ()
) -> Backlog:
    """The stale tables by day, including those of `families`, if enough is stored to compute them. The ledger is wanted
    with them, because it lists their commits.
    """
    builder, specs = BacklogBuilder(), [table_of(family) for family in families]
    for day in days_until_today(calendar, now):
        numbers = {
            **made_of.of_conversations(lake, day, DAY_TABLES),
            INTERVALS: made_of.of_interval_metrics(lake, day, INTERVAL_METRICS),
            DAYS: made_of.of_daily_metrics(lake, day, DAILY_METRICS),
            **of_user_tables(lake, day),
            **(made_of.of_families(lake, day, specs) if specs else {}),
        }
        stale = [place for place, number in numbers.items() if not _is_made_of(lake, place, day, number)]
        computable = [place for place in stale if can_make_table(lake, place, day, now)]
        builder.add(day, *computable, *_waits_backlog(lake, day, now, computable))
    wanted = {key: assets | {LEDGER} for key, assets in builder.backlog.items() if assets}
    if not wanted and _is_ledger_behind(lake):
        return {f"{now:%Y-%m-%d}": frozenset([LEDGER])}
    return wanted


def _waits_backlog(lake: Lake, day: str, now: datetime, made: Collection[str]) -> list[str]:
    """The table of waits, if the day is over, and if the same run computes the legs or the waits themselves are stale.
    `made` are the tables that the run computes.
    """
    if utc_day(day)[1] > now:
        return []
    is_stale = is_stored(lake, waits.LEGS, day) and not _is_made_of(lake, waits.PLACE, day, waits.made_of(lake, day))
    return [waits.PLACE] if waits.LEGS in made or is_stale else []


def can_make_table(lake: Lake, place: str, day: str, now: datetime) -> bool:
    """Whether enough pages are stored to compute a table: pages of the whole day, or its hours. Of a finished day all
    hours are needed.
    """
    if place == LEDGER:
        return True
    if place == waits.PLACE:
        is_over = utc_day(day)[1] <= now
        return is_over and (is_stored(lake, waits.LEGS, day) or can_make_table(lake, waits.LEGS, day, now))
    if place in USER_PLACES:
        return has_status(lake, day)
    if place == DAYS:
        return _has_pages(lake, (DAILY_AGGREGATES, IMPORTED_DAILY), day)
    if place in _FAMILIES:
        every = utc_day(day)[1] <= now
        return _has_hours(lake, HOURLY_AGGREGATES, hours_of(day), every=every) and has_answers(
            lake, day, _FAMILIES[place]
        )
    whole, hours = (
        ((IMPORTED_HOURLY,), HOURLY_AGGREGATES)
        if place == INTERVALS
        else ((DAILY_DETAILS, IMPORTED_DETAILS), HOURLY_DETAILS)
    )
    is_over = utc_day(day)[1] <= now
    if _has_pages(lake, whole, day) or _has_hours(lake, hours, hours_of(day), every=is_over):
        return True
    return place != INTERVALS and lake_reach(lake, day, DataLakeSettings.load().lag) is not None


def _is_made_of(lake: Lake, place: str, day: str, number: int) -> bool:
    return day in lake.stored(place) and lake.made_of(place, day) == number


def _has_pages(lake: Lake, places: Iterable[str], day: str) -> bool:
    return any(is_stored(lake, place, day) for place in places)


def _has_hours(lake: Lake, place: str, hours: Sequence[str], *, every: bool) -> bool:
    stored = lake.stored(place)
    return (all if every else any)(hour in stored for hour in hours)


def _is_ledger_behind(lake: Lake) -> bool:
    """Whether tables have commits that are not in the ledger."""
    return any(lake.log(place).version > ledger_version(lake, place) for place in ledgered_places(lake))


def open_conversations_backlog(lake: Lake, now: datetime) -> Backlog:
    """The table of open conversations, keyed by the date of the night, if conversations are stored and the table was
    not computed since last night.
    """
    night, computed_at = last_moment(now, *OPEN_CONVERSATIONS_AT), lake.log(OPEN_CONVERSATIONS_PLACE).newness(None) or 0
    is_due = bool(lake.stored(f"tables/{CONVERSATIONS.name}")) and computed_at < milliseconds(night)
    return {f"{night:%Y-%m-%d}": frozenset([OPEN_CONVERSATIONS_PLACE])} if is_due else {}


# -- checks ------------------------------------------------------------------------------------------------------------


def checks_backlog(lake: Lake, calendar: Calendar, now: datetime, stale: Collection[str]) -> Backlog:
    """The finished days that may still change, if a check has no verdict on the rows that are stored now. Days in
    `stale` are left out: the run that computes their tables also checks them.
    """
    since = published_since(calendar, now)
    days = [
        day for day in days_until_today(calendar, now) if day >= since and utc_day(day)[1] <= now and day not in stale
    ]
    return {day: frozenset([CHECKS]) for day in days if is_unchecked(lake, day)}


def is_unchecked(lake: Lake, day: str) -> bool:
    """Whether a check of a day's stored tables has no verdict on their present rows."""
    known = verdicts(lake, day)
    for table, checked in CHECKED.items():
        if not is_stored(lake, f"tables/{table}", day):
            continue
        rows = checked_rows(lake, day, checked.places)
        if any((table, check) not in known or known[table, check][1] != rows for check in checked.checks):
            return True
    return False


# -- reports -----------------------------------------------------------------------------------------------------------


def reports_backlog(
    lake: Lake, calendar: Calendar, now: datetime, reports: Sequence[Report], closed: Collection[str]
) -> Backlog:
    """The stale or missing reports by day, if enough is stored to compute them. A report over a week, a month or
    rolling days belongs to its last day, and is stale when one of its days has changed.

    `closed` are days from which no report is computed now, for example because their tables are stale, or because
    a blocking check failed on them.
    """
    builder = BacklogBuilder()
    for day in days_until_today(calendar, now):
        for report in reports:
            if not report.has_partition(day, calendar.start_date) or begins(report, day, calendar) >= now:
                continue
            if not days_touched(report, day, calendar).isdisjoint(closed):
                continue
            place = f"reports/{report.name}"
            number = report_made_of(lake, report, day, calendar.zone)
            if not _is_made_of(lake, place, day, number) and can_make_report(lake, calendar, report, day):
                builder.add(day, place)
    return builder.backlog


def days_touched(report: Report, day: str, calendar: Calendar) -> set[str]:
    """The UTC days that the periods of a report touch."""
    return {each for _, window in windows_of(report, day, calendar.zone) for each in window.utc_days()}


def closed_by_checks(lake: Lake, calendar: Calendar, now: datetime, stale: Collection[str] = ()) -> set[str]:
    """The days whose reports must wait if checks are blocking: a check failed on them, or has not run yet. Days in
    `stale` wait only if a check failed on them: the run that computes their tables also checks them.
    """
    checked = (str(day) for day in lake.stored(VERDICTS))
    failed = {day for day in checked if blocking_reason(lake, [day])}
    return failed.union(checks_backlog(lake, calendar, now, stale))


def begins(report: Report, day: str, calendar: Calendar) -> datetime:
    """When a day begins in the time zone of a report."""
    return Window.of_day(day, report.zone or calendar.zone).start


def can_make_report(lake: Lake, calendar: Calendar, report: Report, day: str) -> bool:
    """Whether enough is stored to compute a report."""
    if not report.has_partition(day, calendar.start_date):
        return False
    try:
        StoredDay(lake, day, calendar.zone, calendar.start_date).require_data(report)
    except NotStored:
        return False
    return True


# -- published days ----------------------------------------------------------------------------------------------------


def published_backlog(
    lake: Lake,
    calendar: Calendar,
    now: datetime,
    reports: Sequence[Report],
    waiting: Collection[str],
    made_of_published: Callable[[str], Mapping[str, str] | None],
) -> Backlog:
    """The finished days of the last weeks whose published files are missing or stale.

    A day is finished when it is over in the time zone of each report, and its last hour can be read. `waiting` are UTC
    days that are about to change: a business day that touches one of them is not published yet. `made_of_published`
    returns what the published files of a day are made of; None if there are none. It is called for the newest day
    first, because it may give up after a few days whose manifests cannot be read.
    """
    builder = BacklogBuilder()
    zones = [report.zone for report in reports if report.zone]
    since = published_since(calendar, now)
    for day in reversed(days_until_today(calendar, now)):
        last = calendar.last_to_finish(day, zones)
        business = BusinessDay.of(day, calendar.zone)
        is_over = Window.of_day(day, last).end + SETTLING <= now
        if day < since or not is_over or not set(waiting).isdisjoint(business.utc_days):
            continue
        of_day = [report for report in reports if report.has_partition(day, calendar.start_date)]
        if not any(is_stored(lake, f"reports/{report.name}", day) for report in of_day):
            continue
        if made_of_published(day) != made_of_day(lake, business, of_day):
            builder.add(day, PUBLISHED, INDEX)
    return builder.backlog


def published_since(calendar: Calendar, now: datetime) -> str:
    """The first day that automation checks and publishes: no sensor reads older days again."""
    oldest = f"{(now - DAY * (LONGEST_OPEN_DAYS + calendar.look_back_days)).date()}"
    return min([oldest, *look_back_moments(calendar, now)])
