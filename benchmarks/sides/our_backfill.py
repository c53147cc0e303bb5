"""The package: a range of days through Dagster, a step at a time.

`python -m benchmarks.sides.our_backfill FIRST LAST LAKE REQUESTS_PER_MINUTE`; the environment says where the sandbox
is.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.sides.rounds import Figures, answer, timed

if TYPE_CHECKING:
    import dagster as dg


def main(first: str, last: str, lake: str, requests_per_minute: str) -> None:
    os.environ |= {
        "GENESYS_ASSETS_LAKE": lake,
        "GENESYS_ASSETS_START_DATE": first,
        "GENESYS_CLOUD_REQUESTS_PER_MINUTE": requests_per_minute,
    }
    import dagster as dg

    from genesys_assets.automation.progress import RANGE_END, RANGE_START
    from genesys_assets.definitions import build_definitions
    from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES

    definitions = build_definitions()
    hours = {RANGE_START: f"{first}-00:00", RANGE_END: f"{last}-23:00"}
    days = {RANGE_START: first, RANGE_END: last}
    steps = (
        ("hours' details", "hourly", hours, "pages", ["hourly_details"]),
        ("hours' aggregates", "hourly", hours, "pages", ["hourly_aggregates"]),
        ("conversation tables", "daily", days, "tables", [spec.name for spec in CONVERSATION_TABLES]),
        ("interval metrics", "daily", days, "tables", ["interval_metrics"]),
    )

    def run(job: str, tags: dict[str, str], layer: str, names: list[str]) -> Figures:
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=instance,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags=tags,
            asset_selection=[dg.AssetKey(["genesys", layer, name]) for name in names],
        )
        return Figures({name: _told(result, name) for name in ("requests", "rate_limited")})

    found = []
    with dg.DagsterInstance.ephemeral() as instance:
        for name, job, tags, layer, names in steps:
            measured = timed(partial(run, job, tags, layer, names))
            found.append({"step": name, **measured, **measured["told"]})
    answer({"steps": found})


def _told(result: dg.ExecuteInProcessResult, name: str) -> int:
    """What the assets say of themselves; each partition of one says it of all of them."""
    events = [event.materialization for event in result.get_asset_materialization_events()]
    told = {event.asset_key: event.metadata[name].value for event in events if name in event.metadata}
    counts: list[int] = [int(value) for value in told.values()]  # type: ignore[arg-type]
    return sum(counts)


if __name__ == "__main__":
    main(*sys.argv[1:])
