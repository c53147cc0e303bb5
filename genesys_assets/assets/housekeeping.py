"""Housekeeping as an asset: older versions of tables, leftovers of killed runs, and published files that no manifest
names any more go.

What goes when is decided in `lake.housekeeping` and `publishing.garbage`.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster_aws.s3 import S3Resource
from tabulate import tabulate

from genesys_assets.assets.common import attributes, failing_by_name, provenance
from genesys_assets.assets.restatements import LEDGERED
from genesys_assets.keys import asset_key
from genesys_assets.lake.commit import TableContended
from genesys_assets.lake.housekeeping import keep_house
from genesys_assets.lake.ledger import catch_up
from genesys_assets.publishing.errors import PublishingError
from genesys_assets.publishing.garbage import remove_garbage
from genesys_assets.resources import LakeResource, PublishingResource
from genesys_assets.settings import RetentionSettings

_DESCRIPTION = """One row per table of which files were removed, shown in the metadata.

Files go that no version of the last GENESYS_ASSETS_KEEP_VERSIONS_HOURS has: those of older versions, and what killed
runs left behind. Before that the ledger of restatements takes in every commit. Snapshots of finished days become one
file a day. Rows that readers see stay as they are. Published files go that no manifest has named for seven days, the
longest that a presigned URL works."""


def build_housekeeping_asset() -> dg.AssetsDefinition:
    @dg.asset(key=asset_key("ops", "housekeeping"), description=_DESCRIPTION, **attributes("ops", "parquet"))
    def housekeeping(
        context: dg.AssetExecutionContext, lake: LakeResource, publishing: PublishingResource, s3: S3Resource
    ) -> dg.MaterializeResult:
        stored = lake.lake
        with failing_by_name(TableContended):
            catch_up(stored, [f"tables/{spec.name}" for spec in LEDGERED], [], provenance(context, "commits of tables"))
        keep = timedelta(hours=RetentionSettings.load().keep_versions_hours)
        done = keep_house(stored, keep, datetime.now(UTC))
        for place in done.contended:
            context.log.warning(f"{place} was being written to, and is left for the next time.")
        listed = tabulate(
            [[place, len(names)] for place, names in sorted(done.removed.items())],
            headers=["table", "files removed"],
            tablefmt="github",
        )
        with failing_by_name(PublishingError):
            unnamed = remove_garbage(publishing.publisher(s3.get_client), datetime.now(UTC))
        for problem in unnamed.unreadable:
            context.log.warning(f"Files of a published day are left alone: {problem}")
        return dg.MaterializeResult(
            metadata={
                "files_removed": done.files,
                "published_files_removed": len(unnamed.keys),
                "days_of_snapshots_put_together": done.days_put_together,
                **({"tables": dg.MetadataValue.md(listed)} if done.removed else {}),
            }
        )

    return housekeeping
