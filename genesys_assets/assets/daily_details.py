"""The complete day: conversations by details jobs, as far as jobs have them, and the tail by the details query.

A job's data is complete up to an instant that the platform tells, hours behind now. Up to it the day is read by a job,
after it by the query; the two meet at that instant. A second job finds conversations that were alive on the day and
began on an earlier one.
"""

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from genesys_assets.assets.common import (
    ONE_RUN,
    POOL,
    asking,
    asset_key,
    attributes,
    checked_keys,
    provenance,
)
from genesys_assets.assets.pages import A_LITTLE_AGO, Progress, describe_pages
from genesys_assets.cloud import details, details_jobs
from genesys_assets.cloud.details import first_and_last_start
from genesys_assets.cloud.errors import GenesysCloudError
from genesys_assets.cloud.page import Page
from genesys_assets.cloud.queries import DetailsJobQuery, Interval
from genesys_assets.cloud.transport import GenesysCloud
from genesys_assets.lake.job_book import LakeJobBook
from genesys_assets.lake.lake import Lake, PageWriter
from genesys_assets.partitions import Calendar, utc_day
from genesys_assets.resources import GenesysCloudResource, LakeResource

_JOBS = "POST /api/v2/analytics/conversations/details/jobs"
START_DAYS = "start_days"


class JobConfig(dg.Config):
    """How results of details jobs are read."""

    page_size: int = 1000


@dataclass(frozen=True)
class Reading:
    """How a day is read: by job up to `through`, by query from there on up to `until`."""

    by_job: Interval | None
    through: datetime
    until: datetime

    def by_query(self, through: datetime) -> Interval | None:
        """What is left to the query where the job turned out to have all data up to `through`."""
        return Interval(through, self.until) if self.until > through else None


def reading_of(day: str, available: datetime | None, now: datetime) -> Reading:
    """What to ask for, given up to when jobs have all data."""
    start, end = utc_day(day)
    until = min(end, now - A_LITTLE_AGO)
    through = min(max(available or start, start), until)
    return Reading(Interval(start, through) if through > start else None, through, until)


def build_daily_details_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    @dg.asset(
        key=asset_key("pages", "daily_details"),
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        pool=POOL,
        description=f"One row per page of conversations begun on the UTC day: results of `{_JOBS}` up to the instant "
        "that jobs have all data of, the details query after it. Once complete it supersedes the hours: a conversation "
        "that only they have was deleted. Only jobs bring participant attributes.",
        **attributes("pages", "genesys", "parquet"),
    )
    def daily_details(
        context: dg.AssetExecutionContext, config: JobConfig, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        cloud = genesys_cloud.client
        with asking(cloud) as spent:
            available = details_jobs.availability(cloud)
            for day in checked_keys(context, calendar.daily):
                reading = reading_of(day, available, datetime.now(UTC))
                with lake.lake.page_writers("pages/daily_details", [day], provenance(context, _JOBS)) as writers:
                    through = _read(context, cloud, lake.lake, reading, writers[day], config.page_size)
                    is_complete = through >= utc_day(day)[1]
                    known = {"data_available_through": through.isoformat(), "is_complete": is_complete}
                    writers[day].provenance.update(known)
                describe_pages(context, {day: utc_day(day)}, writers)
                seen = {
                    "data_available_through": dg.MetadataValue.timestamp(through),
                    "is_complete": is_complete,
                }
                context.add_asset_metadata(seen, partition_key=day)
        return dg.MaterializeResult(metadata=spent)

    @dg.asset(
        key=asset_key("pages", "daily_overlap"),
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        pool=POOL,
        description=f"One row per page of `{_JOBS}` with a conversation that was alive on the UTC day and began before "
        "it: how conversations that end days later, or open again, come into the day of their start.",
        **attributes("pages", "genesys", "parquet"),
    )
    def daily_overlap(
        context: dg.AssetExecutionContext, config: JobConfig, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        cloud = genesys_cloud.client
        with asking(cloud) as spent:
            available = details_jobs.availability(cloud)
            for day in checked_keys(context, calendar.daily):
                reading = reading_of(day, available, datetime.now(UTC))
                origin = provenance(context, _JOBS, data_available_through=reading.through.isoformat())
                days: set[str] = set()
                with lake.lake.page_writers("pages/daily_overlap", [day], origin) as writers:
                    if reading.by_job:
                        days = _read_overlap(cloud, lake.lake, reading.by_job, writers[day], config.page_size)
                describe_pages(context, {day: utc_day(day)}, writers)
                context.add_asset_metadata({START_DAYS: dg.MetadataValue.json(sorted(days))}, partition_key=day)
        return dg.MaterializeResult(metadata=spent)

    return [daily_details, daily_overlap]


def _read(
    context: dg.AssetExecutionContext,
    cloud: GenesysCloud,
    lake: Lake,
    reading: Reading,
    writer: PageWriter,
    page_size: int,
) -> datetime:
    """Write the day's pages; up to when the job itself says that it had all data."""
    through = reading.through
    if reading.by_job:
        query = DetailsJobQuery(interval=reading.by_job, start_of_day_interval_matching=True)
        progress = Progress(context, f"job of {reading.by_job}")
        book = LakeJobBook(lake.store)
        for page in details_jobs.fetch(cloud, query, book, page_size=page_size, on_progress=progress):
            if isinstance(page, details_jobs.Restarted):
                context.log.warning(page.reason)
                writer.restart()
                through = reading.through
            else:
                writer.write(page)
                known = details_jobs.available_through(page) or through
                through = max(reading.by_job.start, min(through, known))
    rest = reading.by_query(through)
    if rest:
        progress = Progress(context, str(rest))
        for page in details.fetch(cloud, rest, on_progress=progress):
            writer.write(page)
    return through


def _read_overlap(cloud: GenesysCloud, lake: Lake, interval: Interval, writer: PageWriter, page_size: int) -> set[str]:
    """Write the pages up to the first without an earlier conversation, for they ascend by conversationStart.

    Gives the days on which those conversations began.
    """
    query, book = DetailsJobQuery(interval=interval, start_of_day_interval_matching=False), LakeJobBook(lake.store)
    pages = details_jobs.fetch(cloud, query, book, page_size=page_size)
    days: set[str] = set()
    for page in pages:
        if isinstance(page, details_jobs.Restarted):
            writer.restart()
            days.clear()
            continue
        span = first_and_last_start(page)
        if span is None or span[0] >= interval.start:
            break
        writer.write(page)
        days |= {start for start in _start_days(page) if start < f"{interval.start:%Y-%m-%d}"}
    _abandon(cloud, query, book)
    return days


def _abandon(cloud: GenesysCloud, query: DetailsJobQuery, book: LakeJobBook) -> None:
    """Delete the job that was read only in part. One that cannot be deleted expires by itself."""
    noted = book.find(query.fingerprint)
    if noted and noted.job_id:
        with contextlib.suppress(GenesysCloudError):
            details_jobs.delete(cloud, noted.job_id)
        book.forget(query.fingerprint)


def _start_days(page: Page) -> set[str]:
    rows = page.json().get("conversations") or []
    return {str(row.get("conversationStart"))[:10] for row in rows if row and row.get("conversationStart")}
