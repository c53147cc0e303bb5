"""Published assets: the day's reports on S3, with a manifest.

How files look is in `publishing.report_files`, how they are uploaded and proven in `publishing.publisher`.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_aws.s3 import S3Resource

from genesys_assets.assets.common import ONE_RUN, asset_key, attributes, checked_keys, window_metadata
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import Calendar, utc_day
from genesys_assets.publishing.publisher import PublishedFile, Publisher
from genesys_assets.publishing.report_files import write_report_files
from genesys_assets.resources import LakeResource, PublishingResource
from genesys_assets.tables.reports import REPORTS

_REPORTS_AT_ONCE = 4


def build_published_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    @dg.asset(
        key=asset_key("published", "reports"),
        deps=[*(asset_key("reports", spec.name) for spec in REPORTS), asset_key("tables", "conversations")],
        description="One row per file that stands on S3 for the day, as listed in manifest.json: each report as "
        "Parquet, CSV and JSON with rows, bytes, sha256 and a presigned URL. A bucket that anyone can read fails "
        "the asset.",
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        **attributes("published", "s3", "parquet", "csv"),
    )
    def reports(
        context: dg.AssetExecutionContext, lake: LakeResource, publishing: PublishingResource, s3: S3Resource
    ) -> dg.MaterializeResult:
        days = list(checked_keys(context, calendar.daily))
        publisher = publishing.publisher(s3.get_client())
        for day in days:
            files, manifest = _publish_day(lake.lake, publisher, day, context.run.run_id)
            size = sum(file.bytes for file in files)
            context.log.info(f"{day}: {len(files)} files published and proven, {size} bytes")
            context.add_asset_metadata(_metadata(files, manifest) | window_metadata(*utc_day(day)), partition_key=day)
        return dg.MaterializeResult()

    return [reports]


def _publish_day(lake: Lake, publisher: Publisher, day: str, run_id: str) -> tuple[list[PublishedFile], PublishedFile]:
    """Every report of the day, then the manifest: until it is there, readers have that of before."""
    with ThreadPoolExecutor(_REPORTS_AT_ONCE, thread_name_prefix="publish") as executor:
        of_reports = executor.map(lambda spec: _publish_report(lake, publisher, spec.name, day), REPORTS)
        published = [file for files in of_reports for file in files]
    reading = lake.last_reading("tables/conversations", day)
    if not reading:
        raise dg.Failure(
            f"genesys/tables/conversations has no partition {day}: materialise it first.", allow_retries=False
        )
    manifest = publisher.publish_manifest(
        date.fromisoformat(day),
        published,
        data_available_through=datetime.fromisoformat(reading["data_available_through"]),
        is_complete=reading["is_complete"],
        run_id=run_id,
    )
    return published, manifest


def _publish_report(lake: Lake, publisher: Publisher, name: str, day: str) -> list[PublishedFile]:
    asset = f"reports/{name}"
    with tempfile.TemporaryDirectory(prefix="genesys_assets_") as folder:
        files = write_report_files(lake.row_groups(asset, day), lake.schema(asset, day), Path(folder), name)
        return publisher.publish(name, date.fromisoformat(day), files)


def _metadata(files: list[PublishedFile], manifest: PublishedFile) -> dict[str, Any]:
    listed = "\n".join(
        f"| {file.report} | {file.format} | {file.rows} | {file.bytes} "
        f"| [open]({file.url}) | {file.expires_at:%Y-%m-%d %H:%M}Z |"
        for file in files
    )
    table = f"| report | format | rows | bytes | address | until |\n|---|---|---|---|---|---|\n{listed}"
    return {
        "files": dg.MetadataValue.md(table),
        "dagster/row_count": len(files),
        "bytes": sum(file.bytes for file in files),
        "manifest": dg.MetadataValue.url(manifest.url),
        "expires_at": dg.MetadataValue.timestamp(manifest.expires_at),
    }
