"""Jobs: the selections of assets that sensors, schedules and people launch together."""

from __future__ import annotations

import dagster as dg

from genesys_assets.checks.completeness import AS_MANY, TABLE
from genesys_assets.checks.reconciliation import DAY_MATCHES, DAYS, OF_SESSIONS, SESSIONS

CHECKS_OF_DAYS = (
    dg.AssetCheckKey(TABLE, AS_MANY),
    *(dg.AssetCheckKey(SESSIONS, name) for name in OF_SESSIONS),
    dg.AssetCheckKey(DAYS, DAY_MATCHES),
)
_LAYERS_OF_A_DAY = ("tables", "reports", "published")
_OBSERVED = dg.AssetSelection.assets(["genesys", "reference", "queue_members"], ["genesys", "reference", "user_skills"])
_LISTED = dg.AssetSelection.groups("reference") - _OBSERVED
_OPS = dg.AssetSelection.assets(
    ["genesys", "ops", "superseded_pages"], ["genesys", "ops", "housekeeping"], ["genesys", "ops", "reports_file"]
)


def at_most(hours: float) -> dict[str, str]:
    """Tags of a job whose runs are ended where they take longer: they hold places in the queue and the pool."""
    return {"dagster/max_runtime": f"{hours * 3600:.0f}"}


HOURLY = dg.define_asset_job(
    "hourly",
    selection=dg.AssetSelection.assets(
        ["genesys", "pages", "hourly_aggregates"], ["genesys", "pages", "hourly_details"]
    ),
    tags=at_most(hours=3),
    description="Fetch the pages of an hour, or of a range of hours in one run.",
)
COMPLETE = dg.define_asset_job(
    "complete",
    selection=dg.AssetSelection.assets(
        ["genesys", "pages", "daily_details"],
        ["genesys", "pages", "daily_overlap"],
        ["genesys", "pages", "daily_aggregates"],
    ),
    tags=at_most(hours=4),
    description="Read a whole day: by details jobs, with what began before it and was alive on it, and its aggregates.",
)
DATA_LAKE = dg.define_asset_job(
    "data_lake",
    selection=dg.AssetSelection.assets(["genesys", "pages", "lake_files"]),
    tags=at_most(hours=4),
    description="Fetch the files of the data lake extraction that the platform made on a day, where "
    "GENESYS_ASSETS_DATA_LAKE is on.",
)
USERS = dg.define_asset_job(
    "users",
    selection=dg.AssetSelection.assets(["genesys", "pages", "daily_user_details"]),
    tags=at_most(hours=4),
    description="Read agents' presence and routing status of a day, or of a range of days in one run.",
)
RECOMPUTE = dg.define_asset_job(
    "recompute",
    selection=dg.AssetSelection.groups(*_LAYERS_OF_A_DAY),
    tags=at_most(hours=2),
    description="Compute the tables, reports and published files of a day again.",
)
CHECKS = dg.define_asset_job(
    "checks",
    selection=dg.AssetSelection.checks(*CHECKS_OF_DAYS),
    tags=at_most(hours=2),
    description="Compare what is stored of days again: the days between the tags genesys_assets/first_day and "
    "genesys_assets/last_day, or yesterday.",
)
UPKEEP = dg.define_asset_job(
    "upkeep",
    selection=_LISTED | _OPS,
    tags=at_most(hours=1),
    description="Read the reference data. Removes older versions of tables, and superseded hours of older days where "
    "GENESYS_ASSETS_KEEP_SUPERSEDED_DAYS is set.",
)
OBSERVE = dg.define_asset_job(
    "observe",
    selection=_OBSERVED,
    tags=at_most(hours=2),
    description="Ask for today's members of queues and skills of users, of which the platform keeps no history.",
)
DAILY = dg.define_asset_job(
    "daily",
    selection=_LISTED
    | dg.AssetSelection.groups(*_LAYERS_OF_A_DAY)
    | dg.AssetSelection.assets(["genesys", "pages", "daily_aggregates"], ["genesys", "pages", "daily_user_details"])
    | _OPS,
    tags=at_most(hours=4),
    description="Everything of a day whose hours have been fetched, from reference data to published reports: for "
    "people. Sensors ask for the parts.",
)
LIVE = dg.define_asset_job(
    "live",
    selection=dg.AssetSelection.groups("live"),
    tags=at_most(hours=0.25),
    description="Append a snapshot of what is going on now.",
)
