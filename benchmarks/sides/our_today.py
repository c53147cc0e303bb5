"""The package: today's tables after each hour that lands, assets run by Dagster. `python -m benchmarks.sides.our_today
CONVERSATIONS HOUR …` prints the cost of the refresh at each of these hours. Fetching is not timed.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

from benchmarks.sides.rounds import answer

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class FixedNow:
    """The clock of the day: a few minutes after the end of the last hour that was read."""

    def __init__(self, day: datetime) -> None:
        self.day = day
        self.moment = day

    def __call__(self) -> datetime:
        return self.moment

    def after(self, hour: int) -> None:
        self.moment = self.day + timedelta(hours=hour, minutes=10)


def main(conversations: int, hours: Sequence[int]) -> None:
    import dagster as dg

    from genesys_assets.assets.tables import DAY_TABLES, INTERVAL_METRICS
    from genesys_assets.days import sources
    from genesys_assets.definitions import build_definitions
    from genesys_assets.sandbox.server import running

    warnings.simplefilter("ignore", dg.BetaWarning)
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    present, names = FixedNow(day), {"conversations": [spec.name for spec in DAY_TABLES]}
    names["interval metrics"] = [INTERVAL_METRICS.name]
    clock = type("FixedNow", (datetime,), {"now": classmethod(lambda cls, tz=None: present())})
    rows: list[dict[str, Any]] = []
    with (
        tempfile.TemporaryDirectory(prefix="genesys_assets_benchmark_") as folder,
        running(conversations_per_day=conversations, now=present, requests_per_minute=None) as sandbox,
        dg.DagsterInstance.ephemeral() as instance,
        patch.object(sources, "datetime", clock),
    ):
        os.environ |= sandbox.environment() | {
            "GENESYS_ASSETS_LAKE": f"{folder}/lake",
            "GENESYS_ASSETS_START_DATE": f"{day:%Y-%m-%d}",
            "GENESYS_CLOUD_REQUESTS_PER_MINUTE": "1000000",
        }
        definitions = build_definitions()

        def run(job: str, partition: str, assets: Sequence[str]) -> None:
            chosen = [dg.AssetKey(["genesys", *name.split("/")]) for name in assets]
            definitions.resolve_job_def(job).execute_in_process(
                instance=instance, run_config=_QUIET, partition_key=partition, asset_selection=chosen
            )

        for hour in range(max(hours)):
            present.after(hour + 1)
            run("hourly", f"{day:%Y-%m-%d}-{hour:02d}:00", ["pages/hourly_details", "pages/hourly_aggregates"])
            costs = {}
            for what, tables in names.items():
                places = [f"tables/{name}" for name in tables]
                costs[f"{what}, CPU s"] = _cpu(partial(run, "daily", f"{day:%Y-%m-%d}", places))
            if hour + 1 in hours:
                rows.append({"at": f"{hour + 1:02d}:00", **costs})
        answer({"rows": rows})


def _cpu(work: Callable[[], object]) -> float:
    gc.collect()
    used = time.process_time()
    work()
    return time.process_time() - used


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(hour) for hour in sys.argv[2:]])
