"""Agents' presence and routing status as assets: the pages of a day, and the tables that are made from them.

A details job reads a day as far as jobs have all data; the query reads the rest. `days.users` knows
which pages belong to a day's tables; `tables.users` declares the tables.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any

import dagster as dg

from genesys_assets.assets.common import (
    POOL,
    attributes,
    checked_keys,
    description,
    due_every,
    fail_without_retry,
    provenance,
    report_table,
    track_requests,
)
from genesys_assets.assets.daily_details import DayConfig, ReadingPlan, read_days
from genesys_assets.assets.pages import Progress, reach_metadata
from genesys_assets.checks.table_checks import check_specs, failed_checks, passed_checks
from genesys_assets.cloud.analytics import user_details
from genesys_assets.cloud.analytics.queries import UserDetailsJobQuery
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.cloud.jobs.run import JobPage
from genesys_assets.days.data_lake import LAKE_FILES
from genesys_assets.days.limits import DAYS_LIMIT
from genesys_assets.days.sources import NotFetched
from genesys_assets.days.users import (
    SPAN_DAYS,
    USER_DETAILS,
    USER_TABLES,
    SpanCounts,
    has_status,
    of_user_tables,
    require_not_worse,
    spans_stored_under,
    spans_within,
    user_pages_of,
)
from genesys_assets.keys import asset_key
from genesys_assets.lake.job_book import LakeJobBook
from genesys_assets.lake.lake import AuditFailed, Lake, PageWriter, Reach, StoredPages, Writing
from genesys_assets.partitions import DAY, Calendar, utc_day
from genesys_assets.resources import GenesysCloudResource, LakeResource
from genesys_assets.tables.spec import TableSpec
from genesys_assets.tables.users.spans import SPAN_TABLES, Span, decode_spans, span_table
from genesys_assets.tables.users.time import USER_TIME, time_table

_JOBS = "POST /api/v2/analytics/users/details/jobs"
_NEVER_READ = (
    f"genesys/{USER_DETAILS} was never fetched, so there are no tables and reports of agents' status. To get them, "
    f"materialise it first; it needs the permission {user_details.PERMISSION}."
)
_KINDS = {spec.name: kind for kind, spec in SPAN_TABLES.items()}


# -- pages -------------------------------------------------------------------------------------------------------------


def build_user_pages(calendar: Calendar) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(*USER_DETAILS.split("/")),
        partitions_def=calendar.daily,
        freshness_policy=due_every(DAY, DAYS_LIMIT),
        backfill_policy=calendar.daily_runs,
        pool=POOL,
        description="One row per page of users' presence and routing status in the UTC day: results of "
        f"`{_JOBS}` as far as jobs have all data, and of the details query after that. Each day that a span "
        f"touches has the whole span. Needs the permission {user_details.PERMISSION}.",
        **attributes("pages", "genesys", "parquet"),
    )
    def daily_user_details(
        context: dg.AssetExecutionContext, config: DayConfig, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        cloud, stored = genesys_cloud.client, lake.lake
        with track_requests(cloud) as spent:
            available = details_jobs.availability(cloud, details_jobs.USERS)

            def read(day: str, plan: ReadingPlan, writer: PageWriter) -> dict[str, Any]:
                return _read_day(context, cloud, stored, day, plan, writer, config)

            read_days(context, stored, USER_DETAILS, _JOBS, checked_keys(context, calendar.daily), available, read)
        return dg.MaterializeResult(metadata=spent)

    return daily_user_details


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
    through, spans = plan.through, SpanCounts(day)
    if plan.by_job:
        through, spans = details_jobs.read(
            cloud,
            UserDetailsJobQuery(interval=plan.by_job),
            LakeJobBook(lake.store),
            partial(_write_job, writer, day, plan),
            page_size=config.page_size,
            on_progress=Progress(context, f"job of users, {plan.by_job}"),
            on_restart=context.log.warning,
        )
    rest = plan.by_query(through)
    if rest is not None:
        for page in user_details.fetch(cloud, rest, on_progress=Progress(context, f"users, {rest}")):
            spans.take(page)
            writer.write(page)
    writer.reach = Reach(plan.until, is_complete=through >= utc_day(day)[1])
    # A day without pages is known as of the end of the plan.
    writer.as_of = writer.as_of or plan.until
    figures = spans.figures
    require_not_worse(lake, day, writer.reach, figures["users_read"], allow_emptied=config.allow_emptied)
    writer.provenance |= {**figures, SPAN_DAYS: spans.span_days}
    return reach_metadata(writer.reach) | figures


def _write_job(
    writer: PageWriter, day: str, plan: ReadingPlan, pages: Iterator[JobPage]
) -> tuple[datetime, SpanCounts]:
    """Write every page of one job; returns up to when the job has all data, and the spans that were read."""
    writer.restart()
    through, spans = plan.through, SpanCounts(day)
    for page in pages:
        spans.take(page)
        writer.write(page)
        through = max(utc_day(day)[0], min(through, page.available_through or through))
    return through, spans


# -- tables ------------------------------------------------------------------------------------------------------------


def build_user_tables(calendar: Calendar) -> dg.AssetsDefinition:
    source = "Source: genesys/pages/daily_user_details and, after its reach, genesys/pages/lake_files"
    keys = {spec.name: asset_key("tables", spec.name) for spec in USER_TABLES}
    sources = {
        spec.name: f"{source}." if spec is USER_TIME else f"{source}; of the day, and of later days for ends of spans."
        for spec in USER_TABLES
    }

    @dg.multi_asset(
        name="user_tables",
        specs=[
            dg.AssetSpec(
                keys[spec.name],
                deps=[asset_key(*USER_DETAILS.split("/")), asset_key(*LAKE_FILES.split("/"))],
                description=description(spec, sources[spec.name]),
                skippable=True,
                **attributes("tables", "arrow", "parquet"),
            )
            for spec in USER_TABLES
        ],
        partitions_def=calendar.daily,
        backfill_policy=calendar.daily_runs,
        can_subset=True,
        check_specs=[check for spec in USER_TABLES for check in check_specs(spec, keys[spec.name])],
    )
    def user_tables(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        stored = lake.lake
        tables = {
            f"tables/{spec.name}": (spec, keys[spec.name])
            for spec in USER_TABLES
            if keys[spec.name] in context.selected_asset_keys
        }
        days = checked_keys(context, calendar.daily)
        if not stored.stored(USER_DETAILS) and not any(has_status(stored, day) for day in days):
            context.log.warning(_NEVER_READ)
            return
        for day in days:
            try:
                with fail_without_retry(NotFetched):
                    writing, metadata = _write_tables(context, stored, day, [spec for spec, _ in tables.values()])
            except AuditFailed as failed:
                yield from failed_checks(failed, tables)
                raise dg.Failure(str(failed), allow_retries=False) from failed
            for place, (_, key) in tables.items():
                report_table(context, stored, writing, place, key, day, metadata)
        for spec, key in tables.values():
            yield dg.MaterializeResult(asset_key=key)
            yield from passed_checks(spec, key)

    return user_tables


def _write_tables(
    context: dg.AssetExecutionContext, lake: Lake, day: str, selected: Sequence[TableSpec]
) -> tuple[Writing, dict[str, Any]]:
    origin = provenance(context, "pages of users' details", partition=day)
    lake.look_again()
    with lake.table_writers({f"tables/{spec.name}": spec for spec in selected}, day, origin) as writing:
        pages = user_pages_of(lake, day)
        writing.reach = replace(pages.reach)
        writing.newness = lake.newness(pages.inputs)
        writing.made_of = of_user_tables(lake, day, selected)
        unknown: Counter[str] = Counter()
        losses: Counter[str] = Counter()

        def read(stored: StoredPages | None) -> list[tuple[datetime, list[Span]]]:
            return [(page.as_of, _spans(page, unknown, losses)) for page in stored or ()]

        own = read(pages.own)
        if any(spec is not USER_TIME for spec in selected):
            later = [reading for stored in pages.later.values() for reading in read(stored)]
            by_start, of_data_lake = spans_stored_under(pages, [*own, *later])
        for spec in selected:
            writer = writing[f"tables/{spec.name}"]
            if spec is USER_TIME:
                writer.write(time_table(spans_within(pages, own), pages.known))
            else:
                writer.write(span_table(_KINDS[spec.name], by_start, date.fromisoformat(day), of_data_lake))
    metadata: dict[str, Any] = {"pages": len(own), **reach_metadata(pages.reach)}
    if pages.data_lake is not None:
        unknown += pages.data_lake.unknown
        losses += pages.data_lake.losses
    if pages.data_lake_problem:
        metadata["data_lake_problem"] = pages.data_lake_problem
        context.log.warning(f"{day} is made without the data lake: {pages.data_lake_problem}")
    problems = (("unknown_fields", unknown), ("values_lost", losses))
    return writing, metadata | {name: dg.MetadataValue.json(dict(counts)) for name, counts in problems if counts}


def _spans(page: Page, unknown: Counter[str], losses: Counter[str]) -> list[Span]:
    decoded = decode_spans(page.body)
    unknown.update(decoded.unknown)
    losses.update(decoded.losses)
    return decoded.spans
