"""The asset that publishes a day's reports on S3 or in a folder, with an HTML page and a manifest.

`publishing.day` publishes a day, also if two runs do so at once; `assets.failed_reports` says which reports could not
be computed. `assets.published_index` is the list of days.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_aws.s3 import S3Resource

from genesys_assets.assets.common import (
    attributes,
    checked_keys,
    due_every,
    fail_without_retry,
    link_metadata,
    path_of,
    report_partition,
    window_metadata,
)
from genesys_assets.assets.failed_reports import failed_reports
from genesys_assets.days.limits import PUBLISHED_LIMIT
from genesys_assets.keys import asset_key
from genesys_assets.partitions import DAY, Calendar, utc_day
from genesys_assets.publishing.announcement import announcement
from genesys_assets.publishing.business_day import BusinessDay
from genesys_assets.publishing.day import NothingToPublish, PublishedDay, PublishRequest, publish_day
from genesys_assets.reports.meaning.report import Report
from genesys_assets.resources import LakeResource, PublishingResource
from genesys_assets.settings import PUBLISH_WEBHOOK, AnnouncementSettings, ReconciliationSettings, SettingError
from genesys_assets.webhook import NotDelivered, post

_AFTER_ALL_OTHERS = {"dagster/priority": "-10"}
"""In a run that also computes reports, publishing comes last."""
_TABLES = ("conversations", "interval_metrics", "restatements")


def build_published_assets(
    calendar: Calendar, reports: Sequence[Report], further: Sequence[Report] = ()
) -> list[dg.AssetsDefinition]:
    """`reports` are built in, `further` are custom reports: those of reports.yaml and of components.

    Custom reports are not dependencies, and neither are reports of figures that the platform may refuse: if one of them
    failed, Dagster would skip publishing, and so all other reports.
    """

    keys = {report.name: asset_key("reports", report.name) for report in [*reports, *further]}

    @dg.asset(
        key=asset_key("published", "reports"),
        deps=[
            *(keys[report.name] for report in reports if not report.may_be_refused),
            *(asset_key("tables", name) for name in _TABLES),
        ],
        description="One row per file that is published for the day, as listed in manifest.json: each report as "
        "Parquet, CSV and JSON, and one HTML page with the day's figures, each with rows, bytes, sha256 and a "
        "URL, presigned on S3. The manifest names every missing report, with the reason, and every failed check of "
        "the day. Your own reports are published too, if they are stored. "
        "The asset fails if anyone could read the bucket.",
        partitions_def=calendar.daily,
        freshness_policy=due_every(DAY, PUBLISHED_LIMIT),
        backfill_policy=calendar.daily_runs,
        op_tags=_AFTER_ALL_OTHERS,
        **attributes("published", "s3", "parquet", "csv", "html"),
    )
    def published(
        context: dg.AssetExecutionContext, lake: LakeResource, publishing: PublishingResource, s3: S3Resource
    ) -> dg.MaterializeResult:
        publisher = publishing.publisher(s3.get_client)
        for day in checked_keys(context, calendar.daily):
            wanted = _publish_request(context, calendar, [*reports, *further], keys, day)
            with fail_without_retry(NothingToPublish):
                published_day = publish_day(lake.lake, publisher, wanted)
            _log(context, day, published_day)
            if published_day.is_new:
                _announce(context, published_day)
            metadata = _metadata(published_day) | window_metadata(*utc_day(day))
            report_partition(context, context.asset_key, day, metadata)
        return dg.MaterializeResult()

    return [published]


def _publish_request(
    context: dg.AssetExecutionContext,
    calendar: Calendar,
    reports: Sequence[Report],
    keys: Mapping[str, dg.AssetKey],
    day: str,
) -> PublishRequest:
    reports = [report for report in reports if report.has_partition(day, calendar.start_date)]
    return PublishRequest(
        day=BusinessDay.of(day, calendar.zone),
        reports=reports,
        run_id=context.run.run_id,
        failed=failed_reports(context.instance, {report.name: keys[report.name] for report in reports}, day),
        start_date=calendar.start_date,
        is_blocking=ReconciliationSettings.load().is_blocking,
    )


def _log(context: dg.AssetExecutionContext, day: str, published: PublishedDay) -> None:
    size = sum(file.bytes for file in published.files)
    context.log.info(f"{day}: {len(published.files)} files published and checked by reading them back, {size} bytes")
    for name, reason in published.manifest.missing.items():
        context.log.warning(f"{day}: {name} is not published: {reason}")
    for failing in published.manifest.failing_checks:
        context.log.warning(f"{day}: the check {failing.check} of {failing.table} failed; the page says so")


def _announce(context: dg.AssetExecutionContext, published: PublishedDay) -> None:
    """Call the webhook, if one is set. An error is only logged: the day is published all the same."""
    try:
        url = AnnouncementSettings.load().url
        if url is not None:
            post(url, announcement(published), PUBLISH_WEBHOOK)
    except (SettingError, NotDelivered) as problem:
        context.log.warning(f"{published.manifest.date} is published, but was not announced. {problem}")


def _metadata(published: PublishedDay) -> dict[str, Any]:
    listed = "\n".join(
        f"| {file.report} | {file.format} | {'' if file.rows is None else file.rows} | {file.bytes} "
        f"| {_link(file.url)} | {f'{file.expires_at:%Y-%m-%d %H:%M}Z' if file.expires_at else ''} |"
        for file in published.files
    )
    table = f"| report | format | rows | bytes | URL | until |\n|---|---|---|---|---|---|\n{listed}"
    until = published.manifest_file.expires_at
    return {
        "files": dg.MetadataValue.md(table),
        "dagster/row_count": len(published.files),
        "bytes": sum(file.bytes for file in published.files),
        **({"page": link_metadata(published.page.url)} if published.page else {}),
        "manifest": link_metadata(published.manifest_file.url),
        **({"expires_at": dg.MetadataValue.timestamp(until)} if until else {}),
        **({"missing": _bullets(published.manifest.missing.items())} if published.manifest.missing else {}),
        **({"failing_checks": _bullets(_failing_checks(published))} if published.manifest.failing_checks else {}),
    }


def _link(url: str) -> str:
    """A file in the table of files, in Markdown: see `link_metadata`."""
    path = path_of(url)
    return f"[open]({url})" if path is None else f"`{path}`"


def _failing_checks(published: PublishedDay) -> list[tuple[str, str]]:
    return [(f"{failing.table} {failing.check}", failing.says) for failing in published.manifest.failing_checks]


def _bullets(lines: Any) -> dg.MetadataValue[Any]:
    return dg.MetadataValue.md("\n".join(f"- {name}: {text}" for name, text in lines))
