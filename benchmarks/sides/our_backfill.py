"""The package: a range of days through Dagster, a step at a time.

`python -m benchmarks.sides.our_backfill FIRST LAST LAKE REQUESTS_PER_MINUTE`; the sandbox is told by the environment.
"""

from __future__ import annotations

import os
import sys

from benchmarks.sides.rounds import Figures, answer, timed


def main(first: str, last: str, lake: str, requests_per_minute: str) -> None:
    os.environ |= {
        "GENESYS_ASSETS_LAKE": lake,
        "GENESYS_ASSETS_START_DATE": first,
        "GENESYS_CLOUD_REQUESTS_PER_MINUTE": requests_per_minute,
    }
    import dagster as dg

    from genesys_assets.automation.schedules import RANGE_END, RANGE_START
    from genesys_assets.definitions import build_definitions
    from genesys_assets.tables.conversation_model import CONVERSATION_TABLES

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
        return Figures({name: spent(result, name) for name in ("requests", "rate_limited")})

    def spent(result: dg.ExecuteInProcessResult, name: str) -> int:
        """Of the whole step; each of its partitions tells it."""
        told = {
            event.asset_key: event.materialization.metadata[name].value
            for event in result.get_asset_materialization_events()
            if name in event.materialization.metadata
        }
        return sum(told.values())

    with dg.DagsterInstance.ephemeral() as instance:
        found = []
        for name, *how in steps:
            measured = timed(lambda how=how: run(*how))
            found.append({"step": name, **measured, **measured["told"]})
    answer({"steps": found})


if __name__ == "__main__":
    main(*sys.argv[1:])
