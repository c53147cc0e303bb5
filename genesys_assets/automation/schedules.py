"""Schedules: the hour at minute 10, the day at 02:00, the look-back at 03:30 UTC, the live snapshots every 5 minutes.

When a day is read by details jobs is no matter of the clock: see `sensors`.

All ship stopped: switch them on in the UI.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from genesys_assets.automation.jobs import DAILY, HOURLY, LIVE, LOOK_BACK, LOOK_BACK_HOURS
from genesys_assets.partitions import DAY, HOUR, Calendar

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def build_schedules(calendar: Calendar, zones: Iterable[ZoneInfo] = ()) -> Sequence[dg.ScheduleDefinition]:
    """`zones` are those of reports that have one of their own."""
    return [_hourly(calendar), _daily(calendar, zones), _look_back(calendar), _look_back_hours(calendar), _live()]


def last_full_hour(now: datetime) -> str:
    return f"{now - HOUR:%Y-%m-%d-%H:00}"


def day_before(now: datetime) -> str:
    return f"{now - DAY:%Y-%m-%d}"


def look_back_range(now: datetime, calendar: Calendar) -> tuple[str, str] | None:
    """First and last day to read again: D-look_back_days to D-1, once a month from the beginning of the month before;
    never before the start date.
    """
    first = (now - DAY * calendar.look_back_days).date()
    if now.day == calendar.month_close_day:
        first = min(first, (now.replace(day=1) - DAY).date().replace(day=1))
    first, last = max(first, calendar.start_date), (now - DAY).date()
    return None if first > last else (f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}")


def _hourly(calendar: Calendar) -> dg.ScheduleDefinition:
    @dg.schedule(cron_schedule="10 * * * *", job=HOURLY, name="hourly", execution_timezone="UTC")
    def hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Fetch the last full hour."""
        key = last_full_hour(_now(context))
        if key < f"{calendar.start_date:%Y-%m-%d}":
            return dg.SkipReason(f"{key} lies before GENESYS_ASSETS_START_DATE {calendar.start_date}.")
        return dg.RunRequest(run_key=key, partition_key=key)

    return hourly


def _daily(calendar: Calendar, zones: Iterable[ZoneInfo]) -> dg.ScheduleDefinition:
    zone = calendar.last_to_finish(f"{calendar.start_date:%Y-%m-%d}", zones).key

    @dg.schedule(cron_schedule="0 2 * * *", job=DAILY, name="daily", execution_timezone=zone)
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Compute and publish the day before: two hours after it is over in every zone that a report has."""
        key = day_before(_now(context))
        if key < f"{calendar.start_date:%Y-%m-%d}":
            return dg.SkipReason(f"{key} lies before GENESYS_ASSETS_START_DATE {calendar.start_date}.")
        return dg.RunRequest(run_key=key, partition_key=key)

    return daily


def _look_back(calendar: Calendar) -> dg.ScheduleDefinition:
    @dg.schedule(cron_schedule="30 3 * * *", job=LOOK_BACK, name="look_back", execution_timezone="UTC")
    def look_back(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Read the look-back days again, for the platform changes history; tables and reports follow by automation."""
        return _again("look_back", _now(context), calendar, "{}", "{}")

    return look_back


def _look_back_hours(calendar: Calendar) -> dg.ScheduleDefinition:
    @dg.schedule(cron_schedule="30 3 * * *", job=LOOK_BACK_HOURS, name="look_back_hours", execution_timezone="UTC")
    def look_back_hours(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Read the aggregates of the look-back days' hours again."""
        return _again("look_back_hours", _now(context), calendar, "{}-00:00", "{}-23:00")

    return look_back_hours


def _again(name: str, now: datetime, calendar: Calendar, first: str, last: str) -> dg.RunRequest | dg.SkipReason:
    bounds = look_back_range(now, calendar)
    if bounds is None:
        return dg.SkipReason("The start date is too recent for a look-back.")
    tags = {RANGE_START: first.format(bounds[0]), RANGE_END: last.format(bounds[1])}
    return dg.RunRequest(run_key=f"{name} {now:%Y-%m-%d}", tags=tags)


def _live() -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(name="live", job=LIVE, cron_schedule="*/5 * * * *", execution_timezone="UTC")


def _now(context: dg.ScheduleEvaluationContext) -> datetime:
    return context.scheduled_execution_time.astimezone(UTC)
