"""Jobs: the selections of assets that sensors, schedules and people launch together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce
from operator import or_

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from genesys_assets.checks.completeness import TABLE
from genesys_assets.checks.looked_at import AS_MANY, DAY_MATCHES, OF_SESSIONS
from genesys_assets.checks.reconciliation import DAYS, SESSIONS
from genesys_assets.keys import LAYER, LAYERS, asset_key, named

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
"""A run is ended after this many hours, because it holds a place in the queue and the pool."""

_DESCRIPTIONS = {
    "hourly": "Fetch the pages of an hour, or of a range of hours in one run.",
    "complete": "Read a whole day: by details jobs, with what began before it and was alive on it, and its aggregates.",
    "data_lake": "Fetch the files of the data lake extraction that the platform made on a day, where "
    "GENESYS_ASSETS_DATA_LAKE is on.",
    "users": "Read agents' presence and routing status of a day, or of a range of days in one run.",
    "recompute": "Compute the tables, reports and published files of a day again.",
    "checks": "Compare what is stored of days again: the days between the tags genesys_assets/first_day and "
    "genesys_assets/last_day, or yesterday.",
    "upkeep": "Read the reference data. Remove older versions of tables, and superseded hours where "
    "GENESYS_ASSETS_KEEP_SUPERSEDED_DAYS is set.",
    "observe": "Fetch today's members of queues and skills of users, which the platform keeps no history of; or its "
    "own count of a finished day's requests.",
    "daily": "Everything of a day whose hours have been fetched, from reference data to published reports: for "
    "people. Sensors launch the parts.",
    "live": "Append a snapshot of what is going on now.",
}


def build_jobs(layers: Collection[str] = LAYERS) -> list[UnresolvedAssetJobDefinition]:
    """The jobs over what the layers have; no job over nothing. Runs execute their steps in their own process."""
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
    """The tags of a job whose runs are ended after this many hours."""
    return {"dagster/max_runtime": f"{hours * 3600:.0f}"}


def _selections() -> Mapping[str, Mapping[str, dg.AssetSelection]]:
    """What each job is over, by layer."""
    observed = _assets("reference", "queue_members", "user_skills", "api_usage")
    listed = _layer("reference") - observed
    ops = _assets("ops", "superseded_pages", "housekeeping", "reports_file")
    of_a_day = {layer: _layer(layer) for layer in ("tables", "reports", "published")}
    checks = [check.replace_asset_key(named(check.asset_key)) for check in CHECKS_OF_DAYS]
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
