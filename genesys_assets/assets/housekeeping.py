"""Housekeeping as an asset: removes old versions of tables, leftovers of killed runs, and published files that no
manifest names any more.

`lake.housekeeping` and `publishing.garbage` decide what is removed when.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster_aws.s3 import S3Resource

from genesys_assets.assets.common import attributes, fail_without_retry, provenance
from genesys_assets.days.ledgered import ledgered_places
from genesys_assets.keys import asset_key
from genesys_assets.lake.housekeeping import clean_up
from genesys_assets.publishing.errors import PublishingError
from genesys_assets.publishing.garbage import remove_garbage
from genesys_assets.resources import LakeResource, PublishingResource
from genesys_assets.settings import RetentionSettings

_DESCRIPTION = """One row per table with the number of files that were removed, shown in the metadata.

It removes files that no version of the last GENESYS_ASSETS_KEEP_VERSIONS_HOURS needs: files of older versions, and
leftovers of killed runs. It also removes the commits that only older versions need, once the ledger of restatements has
them. It joins the files of each finished day of genesys/live and of genesys/tables/api_requests to one file. Readers
see the same rows as before. Published files are
removed when no manifest has named them for seven days, the longest time that a presigned URL works."""


def build_housekeeping_asset() -> dg.AssetsDefinition:
    @dg.asset(key=asset_key("ops", "housekeeping"), description=_DESCRIPTION, **attributes("ops", "parquet"))
    def housekeeping(
        context: dg.AssetExecutionContext, lake: LakeResource, publishing: PublishingResource, s3: S3Resource
    ) -> dg.MaterializeResult:
        result = clean_up(
            lake.lake,
            ledgered_places(lake.lake),
            keep=timedelta(hours=RetentionSettings.load().keep_versions_hours),
            now=datetime.now(UTC),
            provenance=provenance(context, "commits of tables"),
        )
        for place, why in result.problems.items():
            context.log.warning(f"{place} is left for the next run: {why}")
        from tabulate import tabulate

        by_table = tabulate(sorted(result.removed.items()), headers=["table", "files removed"], tablefmt="github")
        with fail_without_retry(PublishingError):
            garbage = remove_garbage(publishing.publisher(s3.get_client), datetime.now(UTC))
        for problem in garbage.unreadable:
            context.log.warning(f"Files of a published day are left alone: {problem}")
        return dg.MaterializeResult(
            metadata={
                "files_removed": result.files_removed,
                "bytes_removed": result.bytes_removed,
                "commits_removed": result.commits_removed,
                "drafts_removed": result.drafts_removed,
                "days_of_snapshots_joined": sum(map(len, result.days_joined.values())),
                "published_files_removed": len(garbage.keys),
                **({"tables": dg.MetadataValue.md(by_table)} if result.removed else {}),
            }
        )

    return housekeeping
