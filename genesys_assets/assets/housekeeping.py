"""Housekeeping of the lake as an asset: older versions of tables and leftovers of killed runs go.

What goes when is decided in `lake.housekeeping`.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg
from tabulate import tabulate

from genesys_assets.assets.common import attributes, failing_by_name, provenance
from genesys_assets.assets.restatements import LEDGERED
from genesys_assets.keys import asset_key
from genesys_assets.lake.commit import TableContended
from genesys_assets.lake.housekeeping import keep_house
from genesys_assets.lake.ledger import catch_up
from genesys_assets.resources import LakeResource
from genesys_assets.settings import RetentionSettings

_DESCRIPTION = """One row per table of which files were removed, shown in the metadata.

Files go that no version of the last GENESYS_ASSETS_KEEP_VERSIONS_HOURS has: those of older versions, and what killed
runs left behind. Before that the ledger of restatements takes in every commit. Snapshots of finished days become one
file a day. Rows that readers see stay as they are."""


def build_housekeeping_asset() -> dg.AssetsDefinition:
    @dg.asset(key=asset_key("ops", "housekeeping"), description=_DESCRIPTION, **attributes("ops", "parquet"))
    def housekeeping(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
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
        return dg.MaterializeResult(
            metadata={
                "files_removed": done.files,
                "days_of_snapshots_put_together": done.days_put_together,
                **({"tables": dg.MetadataValue.md(listed)} if done.removed else {}),
            }
        )

    return housekeeping
