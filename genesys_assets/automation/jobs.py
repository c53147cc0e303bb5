"""Jobs: the selections of assets that schedules and people launch together."""

from __future__ import annotations

import dagster as dg

_LAYERS_OF_A_DAY = ("tables", "reports", "published")


HOURLY = dg.define_asset_job(
    "hourly",
    selection=dg.AssetSelection.assets(
        ["genesys", "pages", "hourly_aggregates"], ["genesys", "pages", "hourly_details"]
    ),
    description="Fetch the pages of an hour, or of a range of hours in one run.",
)
DAILY = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.groups("reference", *_LAYERS_OF_A_DAY)
    | dg.AssetSelection.assets(["genesys", "pages", "daily_aggregates"]),
    description="Everything of a day whose hours have been fetched, from reference data to published reports.",
)
LIVE = dg.define_asset_job(
    "live",
    selection=dg.AssetSelection.groups("live"),
    description="Append a snapshot of what is going on now.",
)
