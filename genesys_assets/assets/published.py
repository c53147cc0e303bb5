"""Published assets: the day's reports on S3, with a manifest. How files are written and checked is in
`lake.publishing`.
"""

import dagster as dg
from dagster_aws.s3 import S3Resource

from genesys_assets.assets.common import ONE_RUN, asset_key, attributes
from genesys_assets.partitions import Calendar
from genesys_assets.resources import LakeResource, PublishingResource
from genesys_assets.tables.reports import REPORTS


def build_published_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    report_keys = [asset_key("reports", spec.name) for spec in REPORTS]

    @dg.asset(
        key=asset_key("published", "reports"),
        deps=report_keys,
        description="One row per file that stands on S3 for the day, as listed in manifest.json: each report as Parquet, CSV and JSON "
        "with rows, bytes, sha256 and a presigned URL. A bucket that anyone can read fails the asset.",
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        group_name="published",
        owners=attributes("published")["owners"],
        kinds={"s3", "json", "csv"},
        tags={"genesys/layer": "published"},
    )
    def reports(
        context: dg.AssetExecutionContext, lake: LakeResource, publishing: PublishingResource, s3: S3Resource
    ) -> dg.MaterializeResult:
        raise NotImplementedError

    return [reports]
