"""The package, as it is used: assets through Dagster. `python -m benchmarks.sides.our_day DAY FOLDER`.

Fetches the 24 hours' details of the day, in one run, and makes its conversation tables. The environment says where the
sandbox is.
"""

from __future__ import annotations

import os
import sys


def main(day: str, folder: str) -> None:
    os.environ |= {
        "GENESYS_ASSETS_LAKE": folder,
        "GENESYS_ASSETS_START_DATE": day,
        "GENESYS_CLOUD_REQUESTS_PER_MINUTE": "1000000",
    }
    import dagster as dg

    from genesys_assets.automation.progress import RANGE_END, RANGE_START
    from genesys_assets.definitions import defs
    from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES

    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    pages = [dg.AssetKey(["genesys", "pages", "hourly_details"])]
    tables = [dg.AssetKey(["genesys", "tables", spec.name]) for spec in CONVERSATION_TABLES]
    hours = {RANGE_START: f"{day}-00:00", RANGE_END: f"{day}-23:00"}
    definitions = defs()
    with dg.DagsterInstance.ephemeral() as instance:
        hourly, daily = definitions.resolve_job_def("hourly"), definitions.resolve_job_def("daily")
        hourly.execute_in_process(instance=instance, run_config=quiet, tags=hours, asset_selection=pages)
        daily.execute_in_process(instance=instance, run_config=quiet, partition_key=day, asset_selection=tables)


if __name__ == "__main__":
    main(*sys.argv[1:])
