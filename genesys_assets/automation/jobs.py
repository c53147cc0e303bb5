"""Jobs: the selections of assets that sensors, schedules and people launch together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce
from operator import or_

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from genesys_assets.checks.checked_tables import AS_MANY, DAY_MATCHES, OF_SESSIONS
from genesys_assets.checks.completeness import TABLE
from genesys_assets.checks.reconciliation import DAYS, SESSIONS
from genesys_assets.keys import LAYER, LAYERS, asset_key, translated_key

CHECKS_OF_DAYS = (
    dg.AssetCheckKey(TABLE, AS_MANY),
    *(dg.AssetCheckKey(SESSIONS, name) for name in OF_SESSIONS),
    dg.AssetCheckKey(DAYS, DAY_MATCHES),
)

_LONGEST_HOURS = {
    "hourly": 3,
    "complete": 4,
    "data_lake": 4,
    "users": 4,
    "recompute": 2,
    "checks": 2,
    "upkeep": 1,
    "observe": 2,
    "daily": 4,
    "live": 0.25,
}
"""Dagster terminates a run after this many hours: a run that hangs would occupy its slot in the queue and the pool."""

_DESCRIPTIONS = {
    "hourly": "Fetch the pages of an hour, or of a range of hours in one run.",
    "complete": "Read a whole day: its conversations by details jobs, earlier ones that were alive on it, and its "
    "aggregates.",
    "data_lake": "Fetch the files of the data lake extraction that the platform created on a day, if "
    "GENESYS_ASSETS_DATA_LAKE is on.",
    "users": "Read agents' presence and routing status of a day, or of a range of days in one run.",
    "recompute": "Compute the tables, reports and published files of a day again.",
    "checks": "Run the checks of stored days again: from the day in the tag genesys_assets/first_day to the one in "
    "genesys_assets/last_day, or of yesterday.",
    "upkeep": "Read the reference data. Remove older versions of tables, and superseded hours if "
    "GENESYS_ASSETS_KEEP_SUPERSEDED_DAYS is set.",
    "observe": "Fetch today's members of queues and skills of users, of which the platform keeps no history; or its "
    "own count of a finished day's requests.",
    "daily": "Everything of a day whose hours have been fetched, from reference data to published reports. For people "
    "to launch; sensors launch the parts.",
    "live": "Append a snapshot of the present.",
}


def build_jobs(layers: Collection[str] = LAYERS) -> list[UnresolvedAssetJobDefinition]:
    """The jobs over the assets of these layers, without jobs that would be empty. A run executes its steps in one
    process.
    """
    return [
        dg.define_asset_job(
            name,
            selection=reduce(or_, parts),
            tags=at_most(_LONGEST_HOURS[name]),
            description=_DESCRIPTIONS[name],
            executor_def=dg.in_process_executor,
        )
        for name, by_layer in _selections().items()
        if (parts := [selection for layer, selection in by_layer.items() if layer in layers])
    ]


def at_most(hours: float) -> dict[str, str]:
    """The tags of a job whose runs Dagster terminates after this many hours."""
    return {"dagster/max_runtime": f"{hours * 3600:.0f}"}


def _selections() -> Mapping[str, Mapping[str, dg.AssetSelection]]:
    """The assets and checks of each job, by layer."""
    observed = _assets("reference", "queue_members", "user_skills", "api_usage")
    listed = _layer("reference") - observed
    ops = _assets("ops", "superseded_pages", "housekeeping", "reports_file")
    of_a_day = {layer: _layer(layer) for layer in ("tables", "reports", "published")}
    checks = [check.replace_asset_key(translated_key(check.asset_key)) for check in CHECKS_OF_DAYS]
    return {
        "hourly": {"pages": _assets("pages", "hourly_aggregates", "hourly_details")},
        "complete": {"pages": _assets("pages", "daily_details", "daily_overlap", "daily_aggregates")},
        "data_lake": {"pages": _assets("pages", "lake_files")},
        "users": {"pages": _assets("pages", "daily_user_details")},
        "recompute": of_a_day,
        "checks": {"tables": dg.AssetSelection.checks(*checks)},
        "upkeep": {"reference": listed, "ops": ops},
        "observe": {"reference": observed},
        "daily": {
            "reference": listed,
            **of_a_day,
            "pages": _assets("pages", "daily_aggregates", "daily_user_details"),
            "ops": ops,
        },
        "live": {"live": _layer("live")},
    }


def _layer(layer: str) -> dg.AssetSelection:
    return dg.AssetSelection.tag(LAYER, layer)


def _assets(layer: str, *names: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*(asset_key(layer, name) for name in names))
