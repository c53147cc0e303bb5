"""Sensors that complete days: they ask for a day's details jobs as soon as jobs have all of it, and compute the days
again on which conversations began that ended later.

What they decide is decided by pure functions; nothing here waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime

import dagster as dg

from genesys_assets.assets.pages import START_DAYS
from genesys_assets.automation.jobs import COMPLETE, RECOMPUTE
from genesys_assets.cloud import details_jobs
from genesys_assets.days.completeness import is_complete
from genesys_assets.keys import asset_key
from genesys_assets.partitions import DAY, REACH_DAYS, Calendar, days_around, utc_day
from genesys_assets.resources import GenesysCloudResource, LakeResource

_LOOK_EVERY_SECONDS = 600
_EVENTS_AT_ONCE = 100


def build_completing_sensors(calendar: Calendar) -> Sequence[dg.SensorDefinition]:
    return [_complete_days(calendar), _late_endings(calendar)]


def days_to_complete(
    available: datetime | None, complete: Iterable[str], calendar: Calendar, now: datetime
) -> list[str]:
    """The look-back days that jobs have all of by now and that are not stored so yet, oldest first."""
    if available is None:
        return []
    candidates = ((now - DAY * back).date() for back in range(calendar.look_back_days, 0, -1))
    known = set(complete)
    return [
        f"{day}"
        for day in candidates
        if day >= calendar.start_date and utc_day(f"{day}")[1] <= available and f"{day}" not in known
    ]


def _complete_days(calendar: Calendar) -> dg.SensorDefinition:
    @dg.sensor(name="complete_days", job=COMPLETE, minimum_interval_seconds=_LOOK_EVERY_SECONDS)
    def complete_days(
        context: dg.SensorEvaluationContext, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Asks for pages/daily_details and pages/daily_overlap of a day as soon as details jobs have all of it."""
        available = details_jobs.availability(genesys_cloud.client)
        now = datetime.now(UTC)
        stored = [day for day in _look_back_days(calendar, now) if is_complete(lake.lake, day)]
        wanted = days_to_complete(available, stored, calendar, now)
        if not wanted:
            yield dg.SkipReason(f"Jobs have all data up to {available}; every look-back day before it is complete.")
        for day in wanted:
            yield dg.RunRequest(run_key=f"complete {day} {now:%Y-%m-%dT%H}", partition_key=day)

    return complete_days


def _late_endings(calendar: Calendar) -> dg.SensorDefinition:
    @dg.sensor(name="late_endings", job=RECOMPUTE)
    def late_endings(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
        """Computes the stored days again on which conversations began that pages/daily_overlap found active later."""
        overlap = dg.AssetRecordsFilter(
            asset_key("pages", "daily_overlap"), after_storage_id=int(context.cursor) if context.cursor else None
        )
        records = context.instance.fetch_materializations(overlap, limit=_EVENTS_AT_ONCE, ascending=True).records
        days: set[str] = set()
        for record in records:
            materialization = record.asset_materialization
            found = materialization.metadata.get(START_DAYS) if materialization else None
            if found is not None and record.partition_key is not None:
                # Conversations that have been open for longer come into no table: see `tables`.
                within_reach = days_around(record.partition_key, before=REACH_DAYS, after=0)
                days |= set(found.value).intersection(within_reach)  # type: ignore[arg-type]
        newest = str(records[-1].storage_id) if records else context.cursor
        in_calendar = (day for day in days if date.fromisoformat(day) >= calendar.start_date)
        wanted = sorted(day for day in in_calendar if lake.lake.has("tables/conversations", day))
        requests = [dg.RunRequest(run_key=f"late {newest} {day}", partition_key=day) for day in wanted]
        return dg.SensorResult(run_requests=requests, cursor=newest)

    return late_endings


def _look_back_days(calendar: Calendar, now: datetime) -> list[str]:
    return [f"{(now - DAY * back).date()}" for back in range(calendar.look_back_days, 0, -1)]
