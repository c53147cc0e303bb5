"""Housekeeping as an asset: older versions of tables, leftovers of killed runs, and published files that no manifest
names any more go.

What goes when is decided in `lake.housekeeping` and `publishing.garbage`.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster_aws.s3 import S3Resource

from genesys_assets.assets.common import attributes, failing_by_name, provenance
from genesys_assets.days.ledgered import ledgered_places
from genesys_assets.keys import asset_key
from genesys_assets.lake.housekeeping import keep_house
from genesys_assets.publishing.errors import PublishingError
from genesys_assets.publishing.garbage import remove_garbage
from genesys_assets.resources import LakeResource, PublishingResource
from genesys_assets.settings import RetentionSettings

_DESCRIPTION = """One row per table of how many files were removed, shown in the metadata.

Files go that no version of the last GENESYS_ASSETS_KEEP_VERSIONS_HOURS has: those of older versions, and what killed
runs left behind. So do the commits that only older versions are made of, once the ledger of restatements has them.
Snapshots of finished days become one file a day. Rows that readers see stay as they are. Published files go that no
manifest has named for seven days, the longest that a presigned URL works."""


def build_housekeeping_asset() -> dg.AssetsDefinition:
    @dg.asset(key=asset_key("ops", "housekeeping"), description=_DESCRIPTION, **attributes("ops", "parquet"))
    def housekeeping(
        context: dg.AssetExecutionContext, lake: LakeResource, publishing: PublishingResource, s3: S3Resource
    ) -> dg.MaterializeResult:
        done = keep_house(
            lake.lake,
            ledgered_places(lake.lake),
            keep=timedelta(hours=RetentionSettings.load().keep_versions_hours),
            now=datetime.now(UTC),
            provenance=provenance(context, "commits of tables"),
        )
        for place, why in done.problems.items():
            context.log.warning(f"{place} is left for the next time: {why}")
        from tabulate import tabulate

        listed = tabulate(sorted(done.removed.items()), headers=["table", "files removed"], tablefmt="github")
        with failing_by_name(PublishingError):
            unnamed = remove_garbage(publishing.publisher(s3.get_client), datetime.now(UTC))
        for problem in unnamed.unreadable:
            context.log.warning(f"Files of a published day are left alone: {problem}")
        return dg.MaterializeResult(
            metadata={
                "files_removed": done.files_removed,
                "bytes_removed": done.bytes_removed,
                "commits_removed": done.commits_removed,
                "drafts_removed": done.drafts_removed,
                "days_of_snapshots_joined": sum(map(len, done.days_joined.values())),
                "published_files_removed": len(unnamed.keys),
                **({"tables": dg.MetadataValue.md(listed)} if done.removed else {}),
            }
        )

    return housekeeping
