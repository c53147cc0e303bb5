"""The package: the tables of a stored day and the reports on them, assets run by Dagster with their checks.

`python -m benchmarks.sides.our_stored_day LAKE DAY` prints the peak of its memory at named moments.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from benchmarks.sides.rounds import answer, peak_megabytes

REPORTS = ("conversation_type", "conversation_quality")
_QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}


def main(folder: str, day: str) -> None:
    peaks = Peaks()
    peaks.note("Python started")
    import dagster as dg
    import pyarrow as pa

    from benchmarks.stored_day import lake_at
    from genesys_assets.assets import tables as assets
    from genesys_assets.assets.pages import build_page_assets
    from genesys_assets.assets.reports import build_report_assets
    from genesys_assets.lake.lake import Lake, Writing
    from genesys_assets.partitions import Calendar
    from genesys_assets.reports.built_in import built_in_reports
    from genesys_assets.resources import GenesysCloudResource, LakeResource
    from genesys_assets.tables.conversations import merge
    from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES

    peaks.note("packages imported")
    warnings.simplefilter("ignore", dg.BetaWarning)
    calendar = Calendar(date.fromisoformat(day), ZoneInfo("UTC"), 0)
    reports = [report for report in built_in_reports() if report.name in REPORTS]
    definitions = [
        *build_page_assets(calendar),
        *assets.build_table_assets(calendar),
        *build_report_assets(calendar, reports),
    ]
    resources = {"lake": LakeResource(location=folder), "genesys_cloud": GenesysCloudResource()}
    keys = {
        "tables": [spec.name for spec in CONVERSATION_TABLES],
        "reports": list(REPORTS),
    }
    begun = time.perf_counter()
    with (
        dg.DagsterInstance.ephemeral() as instance,
        patch.object(merge, "plan", peaks.noting("page keys read", merge.plan)),
        patch.object(Lake, "table_writers", peaks.noting("pages planned", Lake.table_writers)),
        patch.object(Writing, "audit", peaks.noting("tables written", Writing.audit)),
    ):
        for layer, names in keys.items():
            dg.materialize(
                definitions,
                selection=[dg.AssetKey(["genesys", layer, name]) for name in names],
                partition_key=day,
                instance=instance,
                resources=resources,
                run_config=_QUIET,
            )
            peaks.note(f"{layer} checked")
    seconds, lake = time.perf_counter() - begun, lake_at(Path(folder))
    answer(
        {
            "peaks": peaks.rows,
            "seconds": round(seconds, 1),
            "rows": sum(lake.rows(f"tables/{spec.name}", day) for spec in CONVERSATION_TABLES),
            "arrow": round(pa.default_memory_pool().max_memory() / 1e6),
        }
    )


class Peaks:
    """The peak of resident memory up to each named moment."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def note(self, moment: str) -> None:
        self.rows.append({"until": moment, "peak MB": peak_megabytes()})

    def noting(self, moment: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with the moment noted before it is called for the first time."""

        def noted(*given: Any, **named: Any) -> Any:
            if all(row["until"] != moment for row in self.rows):
                self.note(moment)
            return function(*given, **named)

        return noted


if __name__ == "__main__":
    main(*sys.argv[1:])
