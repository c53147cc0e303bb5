"""Published assets: the day's reports on S3, with a manifest.

How files look is in `publishing.report_files`, how they are uploaded and proven in `publishing.publisher`.
"""

import tempfile
from collections.abc import Sequence
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


def build_published_assets(calendar: Calendar, names: Sequence[str]) -> list[dg.AssetsDefinition]:
    """`names` are those of the reports to be published."""

    @dg.asset(
        key=asset_key("published", "reports"),
        deps=[*(asset_key("reports", name) for name in names), asset_key("tables", "conversations")],
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
            files, manifest = _publish_day(lake.lake, publisher, names, day, context.run.run_id)
            size = sum(file.bytes for file in files)
            context.log.info(f"{day}: {len(files)} files published and proven, {size} bytes")
            context.add_asset_metadata(_metadata(files, manifest) | window_metadata(*utc_day(day)), partition_key=day)
        return dg.MaterializeResult()

    return [reports]


def _publish_day(
    lake: Lake, publisher: Publisher, names: Sequence[str], day: str, run_id: str
) -> tuple[list[PublishedFile], PublishedFile]:
    """Every report of the day, then the manifest: until it is there, readers have that of before."""
    published: list[PublishedFile] = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="genesys_assets_") as folder:
            files = write_report_files(lake.read(f"reports/{name}", day), Path(folder), name)
            published += publisher.publish(name, date.fromisoformat(day), files)
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
