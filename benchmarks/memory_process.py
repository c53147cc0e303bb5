"""The process that `memory` measures: `python -m benchmarks.memory_process FOLDER DAY` makes the tables of one day and
prints as JSON how high its memory had risen by when.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

_QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}


def main(folder: str, day: str) -> None:
    peaks = Peaks()
    peaks.note("Python started")
    import dagster as dg
    import pyarrow as pa

    from benchmarks.stored_day import lake_at
    from genesys_assets.assets import tables as assets
    from genesys_assets.assets.pages import build_page_assets
    from genesys_assets.checks import table_checks
    from genesys_assets.partitions import Calendar
    from genesys_assets.resources import GenesysCloudResource, LakeResource
    from genesys_assets.tables import merge
    from genesys_assets.tables.conversation_model import CONVERSATION_TABLES

    peaks.note("packages imported")
    warnings.simplefilter("ignore", dg.BetaWarning)
    calendar = Calendar(date.fromisoformat(day), ZoneInfo("UTC"), 0)
    begun = time.perf_counter()
    with (
        dg.DagsterInstance.ephemeral() as instance,
        patch.object(merge, "plan", peaks.noting("page keys read", merge.plan)),
        patch.object(merge, "merged", peaks.noting("pages planned", merge.merged)),
        patch.object(assets, "check_table", peaks.noting("tables written", table_checks.check_table)),
    ):
        dg.materialize(
            [*build_page_assets(calendar), *assets.build_table_assets(calendar)],
            selection=[dg.AssetKey(["genesys", "tables", spec.name]) for spec in CONVERSATION_TABLES],
            partition_key=day,
            instance=instance,
            resources={"lake": LakeResource(location=folder), "genesys_cloud": GenesysCloudResource()},
            run_config=_QUIET,
        )
    peaks.note("tables checked")
    lake = lake_at(Path(folder))
    found = {
        "peaks": peaks.rows,
        "seconds": round(time.perf_counter() - begun, 1),
        "rows": sum(len(lake.read(f"tables/{spec.name}", day, columns=spec.key[:1])) for spec in CONVERSATION_TABLES),
        "arrow": round(pa.default_memory_pool().max_memory() / 1e6),
    }
    print(json.dumps(found))


class Peaks:
    """How high resident memory had risen by named moments."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def note(self, moment: str) -> None:
        self.rows.append({"until": moment, "peak MB": round(_peak_bytes() / 1e6)})

    def noting(self, moment: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with the moment noted before it is called for the first time."""

        def noted(*given: Any, **named: Any) -> Any:
            if all(row["until"] != moment for row in self.rows):
                self.note(moment)
            return function(*given, **named)

        return noted


def _peak_bytes() -> int:
    """Linux's own count of this program: its getrusage may begin with what the parent process used."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main(*sys.argv[1:])
