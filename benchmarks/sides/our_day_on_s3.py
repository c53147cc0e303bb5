"""The package on S3: the conversation tables of a stored day as assets of Dagster, or small writes.

`python -m benchmarks.sides.our_day_on_s3 tables|write LAKE DAY`. The AWS environment says how the lake is reached.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
import warnings
from datetime import date
from zoneinfo import ZoneInfo

from benchmarks.sides.rounds import answer

_QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
_WRITES = 5


def materialise_tables(location: str, day: str) -> None:
    """Makes all of a day's tables in one run, and times the run."""
    import dagster as dg

    from genesys_assets.assets.pages import build_page_assets
    from genesys_assets.assets.tables import build_table_assets
    from genesys_assets.partitions import Calendar
    from genesys_assets.resources import GenesysCloudResource, LakeResource
    from genesys_assets.tables.conversations.day import DAY_TABLES

    warnings.simplefilter("ignore", dg.BetaWarning)
    calendar = Calendar(date.fromisoformat(day), ZoneInfo("UTC"), 0)
    begun, used = time.perf_counter(), time.process_time()
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize(
            [*build_page_assets(calendar), *build_table_assets(calendar)],
            selection=[dg.AssetKey(["genesys", "tables", spec.name]) for spec in DAY_TABLES],
            partition_key=day,
            instance=instance,
            resources={"lake": LakeResource(location=location), "genesys_cloud": GenesysCloudResource()},
            run_config=_QUIET,
        )
    answer({"seconds": time.perf_counter() - begun, "cpu": time.process_time() - used})


def write_rows(location: str, day: str) -> None:
    """Writes ten rows several times to a table that the lake knows; returns the median."""
    import pyarrow as pa

    from genesys_assets.lake.opening import open_lake
    from genesys_assets.tables.spec import TableSpec, columns

    spec = TableSpec("small", "One row per number.", ("number",), columns("number integer a number"))
    lake = open_lake(location)

    def write(first: int) -> None:
        rows = pa.table({"number": pa.array(range(first, first + 10), pa.int64())}, schema=spec.schema)
        lake.refreshed().write("tables/small", spec, rows, day, {})

    write(0)
    seconds, cpu = [], []
    for number in range(1, _WRITES + 1):
        gc.collect()
        begun, used = time.perf_counter(), time.process_time()
        write(number)
        seconds.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - used)
    answer({"seconds": statistics.median(seconds), "cpu": statistics.median(cpu), "writes": _WRITES + 1})


if __name__ == "__main__":
    {"tables": materialise_tables, "write": write_rows}[sys.argv[1]](*sys.argv[2:])
