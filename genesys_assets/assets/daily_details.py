"""The complete day: a details job reads its conversations as far as jobs have data, the details query reads the rest.

Jobs have all data up to an instant hours before now, which the platform reports (dataAvailabilityDate). A job reads the
day up to this instant, the query reads it from there on. A second job reads conversations that began on an earlier day
and were still alive on this one.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import dagster as dg

from genesys_assets.assets.common import (
    POOL,
    attributes,
    checked_keys,
    due_every,
    fail_without_retry,
    provenance,
    track_requests,
)
from genesys_assets.assets.pages import (
    A_LITTLE_AGO,
    Progress,
    reach_metadata,
    report_if_fetched,
    report_pages,
)
from genesys_assets.cloud.analytics import details
from genesys_assets.cloud.analytics.queries import DetailsJobQuery, Interval
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.cloud.jobs.run import JobPage
from genesys_assets.days.completeness import (
    CONVERSATIONS,
    COUNT_BEFORE,
    DAILY_DETAILS,
    MISSING,
    DayRefused,
    Figures,
    PageCounts,
    conversations_before,
    counted_by_position,
    figures_of_both,
    figures_of_job,
    require_not_emptied,
    require_still_complete,
)
from genesys_assets.days.limits import DAYS_LIMIT
from genesys_assets.days.sources import OVERLAP, START_DAYS
from genesys_assets.keys import asset_key
from genesys_assets.lake.job_book import LakeJobBook
from genesys_assets.lake.lake import Lake, PageWriter, Reach
from genesys_assets.partitions import DAY, Calendar, utc_day
from genesys_assets.privacy.answers import CannotDrop
from genesys_assets.resources import GenesysCloudResource, LakeResource

_JOBS = "POST /api/v2/analytics/conversations/details/jobs"


class JobConfig(dg.Config):
    """`page_size`: how many conversations a page of a job's results has."""

    page_size: int = 1000


class DayConfig(JobConfig):
    """`allow_emptied`: accept it if the platform returns no conversations, or no agents' status, of a day that had
    some. For one run only.
    """

    allow_emptied: bool = False


@dataclass(frozen=True)
class ReadingPlan:
    """How a day is read: by job up to `through`, by query from there on up to `until`."""

    by_job: Interval | None
    through: datetime
    until: datetime

    def by_query(self, through: datetime) -> Interval | None:
        """What the query must read if the job had all data up to `through`; None if nothing is left."""
        return Interval(through, self.until) if self.until > through else None


def plan_reading(day: str, available: datetime | None, now: datetime) -> ReadingPlan:
    """How to read a day, if jobs have all data up to `available`."""
    start, end = utc_day(day)
    until = min(end, now - A_LITTLE_AGO)
    through = min(max(available or start, start), until)
    return ReadingPlan(Interval(start, through) if through > start else None, through, until)


def read_days(
    context: dg.AssetExecutionContext,
    lake: Lake,
    place: str,
    source: str,
    days: Sequence[str],
    available: datetime | None,
    read: Callable[[str, ReadingPlan, PageWriter], dict[str, Any]],
) -> None:
    """Store the pages of some days, if jobs have all data up to `available`. `read` writes the pages of a day and
    returns its metadata.

    If `read` refuses a day, the other days are stored all the same, and the run fails in the end. Raises Failure.
    """
    refused: list[str] = []
    for day in days:
        window = {day: utc_day(day)}
        if report_if_fetched(context, lake, place, window):
            continue
        plan = plan_reading(day, available, datetime.now(UTC))
        try:
            with (
                fail_without_retry(CannotDrop),
                lake.page_writers(place, [day], provenance(context, source)) as writers,
            ):
                metadata = read(day, plan, writers[day])
        except DayRefused as reason:
            refused.append(str(reason))
        else:
            # In a run of several days each is reported to Dagster as soon as it is stored.
            report_pages(context, window, writers, {day: metadata})
    if refused:
        raise dg.Failure("\n".join(refused), allow_retries=False)


def build_daily_details_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    @dg.asset(
        key=asset_key("pages", "daily_details"),
        partitions_def=calendar.daily,
        freshness_policy=due_every(DAY, DAYS_LIMIT),
        backfill_policy=calendar.daily_runs,
        pool=POOL,
        description=f"One row per page of conversations that began on the UTC day: results of `{_JOBS}` as far as "
        "jobs have all data, and of the details query after that. Once the day is complete, it supersedes the hours: a "
        "conversation that only the hours have was deleted. Only jobs return participant attributes.",
        **attributes("pages", "genesys", "parquet"),
    )
    def daily_details(
        context: dg.AssetExecutionContext, config: DayConfig, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        cloud, stored = genesys_cloud.client, lake.lake
        with track_requests(cloud) as spent:
            available = details_jobs.availability(cloud)

            def read(day: str, plan: ReadingPlan, writer: PageWriter) -> dict[str, Any]:
                return _read_day(context, cloud, stored, day, plan, writer, config)

            read_days(context, stored, DAILY_DETAILS, _JOBS, checked_keys(context, calendar.daily), available, read)
        return dg.MaterializeResult(metadata=spent)

    @dg.asset(
        key=asset_key("pages", "daily_overlap"),
        partitions_def=calendar.daily,
        backfill_policy=calendar.daily_runs,
        pool=POOL,
        description=f"One row per page of `{_JOBS}` with a conversation that was alive on the UTC day and began before "
        "it. These pages complete the tables of the day on which a conversation began: they have its end, even if it "
        "ends days later or opens again.",
        **attributes("pages", "genesys", "parquet"),
    )
    def daily_overlap(
        context: dg.AssetExecutionContext, config: JobConfig, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        cloud, stored = genesys_cloud.client, lake.lake
        with track_requests(cloud) as spent:
            available = details_jobs.availability(cloud)
            for day in checked_keys(context, calendar.daily):
                window = {day: utc_day(day)}
                if report_if_fetched(context, stored, OVERLAP, window):
                    continue
                plan = plan_reading(day, available, datetime.now(UTC))
                through, days = plan.through, dict[str, str]()
                _require_reach(stored, day, through)
                with stored.page_writers(OVERLAP, [day], provenance(context, _JOBS)) as writers:
                    # A day without pages is known as of the end of the jobs' data: later readings are newer.
                    writers[day].as_of = through
                    if plan.by_job:
                        through, days = _read_overlap(cloud, stored, plan.by_job, writers[day], config.page_size)
                    _require_reach(stored, day, through)
                    writers[day].reach = Reach(through)
                    writers[day].provenance[START_DAYS] = days
                report_pages(context, window, writers, {day: {START_DAYS: dg.MetadataValue.json(days)}})
        return dg.MaterializeResult(metadata=spent)

    return [daily_details, daily_overlap]


def _require_reach(lake: Lake, day: str, through: datetime) -> None:
    """Raises Failure if stored pages reach farther than `through`. Only this asset has the ends of conversations that
    end on a later day, so they must not be lost.
    """
    reach = lake.reach(OVERLAP, day)
    if reach is not None and through < reach.through:
        raise dg.Failure(
            f"Details jobs reach only to {through:%Y-%m-%d %H:%M} UTC, but the stored pages of {day} reach to "
            f"{reach.through:%Y-%m-%d %H:%M}. The stored pages are kept. Materialise the day again later; "
            "`genesys-assets preflight` shows how far jobs reach.",
            allow_retries=False,
        )


def _read_day(
    context: dg.AssetExecutionContext,
    cloud: GenesysCloud,
    lake: Lake,
    day: str,
    plan: ReadingPlan,
    writer: PageWriter,
    config: DayConfig,
) -> dict[str, Any]:
    """Write the day's pages with their reach and figures; returns these as metadata. Raises DayRefused."""
    before = conversations_before(lake, day)
    through, figures = _read(context, cloud, lake, plan, writer, config.page_size)
    require_still_complete(lake, day, through)
    if not config.allow_emptied:
        require_not_emptied(day, figures[CONVERSATIONS], before, DAILY_DETAILS)
    if before is not None:
        figures[COUNT_BEFORE] = before
    end = utc_day(day)[1]
    if plan.until < end:
        # The platform's total counts conversations up to now, but the day was only read up to `until`.
        figures.pop(MISSING, None)
    figures |= counted_by_position(cloud, day, figures)
    is_complete = through >= end
    writer.provenance.update(figures)
    writer.reach = Reach(through, is_complete)
    return reach_metadata(writer.reach) | figures


def _read(
    context: dg.AssetExecutionContext,
    cloud: GenesysCloud,
    lake: Lake,
    plan: ReadingPlan,
    writer: PageWriter,
    page_size: int,
) -> tuple[datetime, Figures]:
    """Write the day's pages; returns up to when the job has all data, and counts of what was read."""
    through, counts = plan.through, PageCounts()
    if plan.by_job:
        through, counts = details_jobs.read(
            cloud,
            DetailsJobQuery(interval=plan.by_job, start_of_day_interval_matching=True),
            LakeJobBook(lake.store),
            partial(_write_job, writer, plan.by_job),
            page_size=page_size,
            on_progress=Progress(context, f"job of {plan.by_job}"),
            on_restart=context.log.warning,
        )
    rest = plan.by_query(through)
    if rest is None:
        total = None if plan.by_job is None else details.total_hits(cloud, plan.by_job)
        return through, figures_of_job(counts, cloud.now(), total, page_size)
    progress, fetched = Progress(context, str(rest)), details.FetchProgress()
    for page in details.fetch(cloud, rest, on_progress=progress, reading=fetched):
        counts.take(page)
        writer.write(page)
    return through, figures_of_both(counts, cloud.now(), fetched)


def _write_job(writer: PageWriter, interval: Interval, pages: Iterator[JobPage]) -> tuple[datetime, PageCounts]:
    """Write every page of one job; returns up to when the job has all data, and counts of what was read."""
    writer.restart()
    through, counts = interval.end, PageCounts()
    for page in pages:
        counts.take(page)
        writer.write(page)
        through = _still_available(page, interval, through)
    return through, counts


def _still_available(page: JobPage, interval: Interval, through: datetime) -> datetime:
    """Up to when a job has all data, if its earlier pages said `through`: the earliest instant of all pages counts."""
    return max(interval.start, min(through, page.available_through or through))


def _read_overlap(
    cloud: GenesysCloud, lake: Lake, interval: Interval, writer: PageWriter, page_size: int
) -> tuple[datetime, dict[str, str]]:
    """Write the pages of conversations that began before the interval. Returns what `_write_earlier` does."""
    query = DetailsJobQuery(interval=interval, start_of_day_interval_matching=False)
    write = partial(_write_earlier, writer, interval)
    return details_jobs.read(cloud, query, LakeJobBook(lake.store), write, page_size=page_size)


def _write_earlier(writer: PageWriter, interval: Interval, pages: Iterator[JobPage]) -> tuple[datetime, dict[str, str]]:
    """Write the pages of one job up to the first one without an earlier conversation: pages are ordered by
    conversationStart. Empty pages are not written.

    Returns up to when the job has all data, and the start days of the earlier conversations that were active in the
    interval, each with a hexadecimal number that identifies these conversations.
    """
    writer.restart()
    through, days = interval.end, Counter[str]()
    for page in pages:
        through = _still_available(page, interval, through)
        writer.as_of = writer.as_of or page.as_of
        if not page.rows:
            continue
        if page.span is None or page.span[0] >= interval.start:
            break
        writer.write(page)
        days.update(_start_days(page, interval.start))
    return through, {day: f"{identity % 2**64:016x}" for day, identity in sorted(days.items())}


def _start_days(page: Page, since: datetime) -> Counter[str]:
    """The earlier start days of the page's conversations that were active since `since`, each with the sum of the
    hashes of these conversations.
    """
    days: Counter[str] = Counter()
    for row in page.json().get("conversations") or []:
        day = (row or {}).get("conversationStart", "")[:10]
        if day and day < f"{since:%Y-%m-%d}" and _was_active(row, since):
            days[day] += _identity(row)
    return days


def _identity(conversation: dict[str, Any]) -> int:
    """A hash of the conversation, never 0."""
    content = json.dumps(conversation, sort_keys=True).encode()
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") or 1


def _was_active(conversation: dict[str, Any], since: datetime) -> bool:
    """Whether the conversation ended or emitted a metric since `since`. One that is merely still open changes no
    figure.
    """
    begin = f"{since:%Y-%m-%dT%H:%M:%S}"
    moments = [conversation.get("conversationEnd")]
    for participant in conversation.get("participants") or ():
        for session in (participant or {}).get("sessions") or ():
            moments += [(metric or {}).get("emitDate") for metric in (session or {}).get("metrics") or ()]
    return any(isinstance(moment, str) and moment >= begin for moment in moments)
