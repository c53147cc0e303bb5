"""Published assets: the day's reports on S3, with a page to look at and a manifest.

How files look is in `publishing.report_files`, the page in `publishing.day_page`, how they are uploaded and proven in
`publishing.publisher`. The list of days is `assets.published_index`.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import dagster as dg
from dagster_aws.s3 import S3Resource

from genesys_assets.assets.common import ONE_RUN, attributes, checked_keys, report_partition, window_metadata
from genesys_assets.keys import asset_key
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.partitions import Calendar, utc_day
from genesys_assets.process_folder import scratch_folder
from genesys_assets.publishing.day_figures import BusinessDay
from genesys_assets.publishing.day_page import DAY_PAGE, day_page, reach_of
from genesys_assets.publishing.html import write_page
from genesys_assets.publishing.publisher import PublishedFile, Publisher
from genesys_assets.publishing.report_files import write_report_files
from genesys_assets.resources import LakeResource, PublishingResource

_REPORTS_AT_ONCE = 4


def build_published_assets(calendar: Calendar, names: Sequence[str]) -> list[dg.AssetsDefinition]:
    """`names` are those of the reports to be published."""

    @dg.asset(
        key=asset_key("published", "reports"),
        deps=[
            *(asset_key("reports", name) for name in names),
            *(asset_key("tables", name) for name in ("conversations", "interval_metrics", "restatements")),
        ],
        description="One row per file that stands on S3 for the day, as listed in manifest.json: each report as "
        "Parquet, CSV and JSON, and one HTML page with the day's figures, each with rows, bytes, sha256 and a "
        "presigned URL. A bucket that anyone can read fails the asset.",
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        **attributes("published", "s3", "parquet", "csv", "html"),
    )
    def reports(
        context: dg.AssetExecutionContext, lake: LakeResource, publishing: PublishingResource, s3: S3Resource
    ) -> dg.MaterializeResult:
        days, stored = list(checked_keys(context, calendar.daily)), lake.lake
        publisher = publishing.publisher(s3.get_client())
        for day in days:
            of_day = _business_day(calendar, day)
            files, manifest = _publish_day(stored, publisher, names, of_day, context.run.run_id)
            size = sum(file.bytes for file in files)
            context.log.info(f"{day}: {len(files)} files published and proven, {size} bytes")
            said = _metadata(files, manifest) | window_metadata(*utc_day(day))
            report_partition(context, context.asset_key, day, said)
        return dg.MaterializeResult()

    return [reports]


def _business_day(calendar: Calendar, key: str) -> BusinessDay:
    return BusinessDay(date.fromisoformat(key), calendar.zone, *calendar.business_day(key))


def _publish_day(
    lake: Lake, publisher: Publisher, names: Sequence[str], business_day: BusinessDay, run_id: str
) -> tuple[list[PublishedFile], PublishedFile]:
    """Every report of the day and its page, then the manifest: until it is there, readers have that of before."""
    day = f"{business_day.date}"
    with ThreadPoolExecutor(_REPORTS_AT_ONCE, thread_name_prefix="publish") as executor:
        of_reports = executor.map(lambda name: _publish_report(lake, publisher, name, day), names)
        published = [file for files in of_reports for file in files]
    if not lake.has("tables/conversations", day):
        raise dg.Failure(
            f"genesys/tables/conversations has no partition {day}: materialise it first.", allow_retries=False
        )
    reach = _reach(lake, names, business_day)
    page = day_page(lake, business_day, reach)
    with scratch_folder("published") as folder:
        file = write_page(page.html, folder / f"{DAY_PAGE}.html")
        published += publisher.publish(DAY_PAGE, business_day.date, [file])
    manifest = publisher.publish_manifest(
        business_day.date,
        published,
        data_available_through=reach.through,
        is_complete=reach.is_complete,
        run_id=run_id,
        headline=page.headline,
    )
    return published, manifest


def _reach(lake: Lake, names: Sequence[str], business_day: BusinessDay) -> Reach:
    """How far the business day is known: the least of all that its reports and its page read."""
    reaches = [lake.reach(f"reports/{name}", f"{business_day.date}") for name in names]
    return Reach.least(reach_of(lake, business_day), *(reach for reach in reaches if reach is not None))


def _publish_report(lake: Lake, publisher: Publisher, name: str, day: str) -> list[PublishedFile]:
    asset = f"reports/{name}"
    with scratch_folder("published") as folder:
        files = write_report_files(lake.row_groups(asset, day), lake.schema(asset, day), folder, name)
        return publisher.publish(name, date.fromisoformat(day), files)


def _metadata(files: list[PublishedFile], manifest: PublishedFile) -> dict[str, Any]:
    page = next(file for file in files if file.report == DAY_PAGE)
    listed = "\n".join(
        f"| {file.report} | {file.format} | {'' if file.rows is None else file.rows} | {file.bytes} "
        f"| [open]({file.url}) | {file.expires_at:%Y-%m-%d %H:%M}Z |"
        for file in files
    )
    table = f"| report | format | rows | bytes | address | until |\n|---|---|---|---|---|---|\n{listed}"
    return {
        "files": dg.MetadataValue.md(table),
        "dagster/row_count": len(files),
        "bytes": sum(file.bytes for file in files),
        "page": dg.MetadataValue.url(page.url),
        "manifest": dg.MetadataValue.url(manifest.url),
        "expires_at": dg.MetadataValue.timestamp(manifest.expires_at),
    }
