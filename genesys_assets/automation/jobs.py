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
    | dg.AssetSelection.assets(
        ["genesys", "pages", "daily_aggregates"],
        ["genesys", "ops", "superseded_pages"],
        ["genesys", "ops", "housekeeping"],
        ["genesys", "ops", "reports_file"],
    ),
    description="Everything of a day whose hours have been fetched, from reference data to published reports. Removes "
    "older versions of tables, and superseded hours of older days where GENESYS_ASSETS_KEEP_SUPERSEDED_DAYS is set.",
)
_COMPLETE = [["genesys", "pages", "daily_details"], ["genesys", "pages", "daily_overlap"]]
COMPLETE = dg.define_asset_job(
    "complete",
    selection=dg.AssetSelection.assets(*_COMPLETE),
    description="Read a whole day by details jobs, and what began before it and was alive on it.",
)
LOOK_BACK = dg.define_asset_job(
    "look_back",
    selection=dg.AssetSelection.assets(*_COMPLETE, ["genesys", "pages", "daily_aggregates"]),
    description="Read days again, for the platform changes history.",
)
LOOK_BACK_HOURS = dg.define_asset_job(
    "look_back_hours",
    selection=dg.AssetSelection.assets(["genesys", "pages", "hourly_aggregates"]),
    description="Read the aggregates of hours again, for the platform changes history.",
)
RECOMPUTE = dg.define_asset_job(
    "recompute",
    selection=dg.AssetSelection.groups(*_LAYERS_OF_A_DAY)
    - dg.AssetSelection.assets(["genesys", "tables", "interval_metrics"], ["genesys", "tables", "daily_metrics"]),
    description="Compute the conversation tables, reports and published files of a day again.",
)
LIVE = dg.define_asset_job(
    "live",
    selection=dg.AssetSelection.groups("live"),
    description="Append a snapshot of what is going on now.",
)
