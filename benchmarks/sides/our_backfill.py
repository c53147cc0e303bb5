"""The package: a range of days through Dagster. Two processes fetch the details and the aggregates of hours at the same
time. Days are computed as soon as their hours are stored, as the sensors would request them.

`python -m benchmarks.sides.our_backfill FIRST LAST LAKE REQUESTS_PER_MINUTE`; the environment says where the sandbox
is.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import date, timedelta
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from benchmarks.sides.rounds import Figures, answer, timed

if TYPE_CHECKING:
    import dagster as dg

FETCHED = {"hours' details": "hourly_details", "hours' aggregates": "hourly_aggregates"}
_LOOK_EVERY_SECONDS = 0.5


def main(first: str, last: str, lake: str, requests_per_minute: str) -> None:
    os.environ |= {
        "GENESYS_ASSETS_LAKE": lake,
        "GENESYS_ASSETS_START_DATE": first,
        "GENESYS_CLOUD_REQUESTS_PER_MINUTE": requests_per_minute,
    }
    from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES

    computed = {
        "conversation tables": [spec.name for spec in CONVERSATION_TABLES],
        "interval metrics": ["interval_metrics"],
    }
    steps: dict[str, dict[str, Any]] = {
        name: {"requests": 0, "rate_limited": 0, "seconds": 0.0, "cpu": 0.0} for name in computed
    }
    with ProcessPoolExecutor(len(FETCHED), mp_context=get_context("spawn")) as pool:
        list(pool.map(prepare, FETCHED))
        begun = time.perf_counter()
        fetching = {name: pool.submit(fetch, asset, first, last) for name, asset in FETCHED.items()}
        days = [f"{date.fromisoformat(first) + timedelta(days=number)}" for number in range(_days(first, last))]
        while days:
            ready = wait_for_days(days, list(fetching.values()))
            for name, assets in computed.items():
                measured = timed(partial(run, "daily", ready[0], ready[-1], "tables", assets))
                for figure in ("seconds", "cpu"):
                    steps[name][figure] += measured[figure]
            days = days[len(ready) :]
        seconds = time.perf_counter() - begun
        fetched = {name: future.result() for name, future in fetching.items()}
    answer({"seconds": seconds, "steps": [{"step": name, **figures} for name, figures in (fetched | steps).items()]})


def _days(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days + 1


def prepare(_: str) -> None:
    """Import the modules that a run needs, so that the import is not measured."""
    import genesys_assets.definitions  # noqa: F401


def fetch(asset: str, first: str, last: str) -> dict[str, Any]:
    """The hours of one of the two assets."""
    measured = timed(partial(run, "hourly", f"{first}-00:00", f"{last}-23:00", "pages", [asset]))
    return {"seconds": measured["seconds"], "cpu": measured["cpu"], **measured["reported"]}


def wait_for_days(days: Sequence[str], fetching: Sequence[Future[dict[str, Any]]]) -> list[str]:
    """Waits until the first of these days have all their hours stored, and returns them. Raises the error that ended
    the fetching."""
    from genesys_assets.lake.opening import open_lake

    while True:
        ended = all(future.done() for future in fetching)
        lake = open_lake()
        stored = [lake.stored(f"pages/{asset}") for asset in FETCHED.values()]
        ready = []
        for day in days:
            if not all(f"{day}-{hour:02d}:00" in hours for hour in range(24) for hours in stored):
                break
            ready.append(day)
        if ready:
            return ready
        if ended:
            raise SystemExit(
                f"All hours were fetched, but those of {days[0]} are not stored: {[f.exception() for f in fetching]}"
            )
        time.sleep(_LOOK_EVERY_SECONDS)


def run(job: str, start: str, end: str, layer: str, names: list[str]) -> Figures:
    """A run of some of a job's assets over a range of partitions, in this process."""
    import dagster as dg

    from genesys_assets.automation.progress import RANGE_END, RANGE_START
    from genesys_assets.definitions import build_definitions

    with dg.DagsterInstance.ephemeral() as instance:
        result = (
            build_definitions()
            .resolve_job_def(job)
            .execute_in_process(
                instance=instance,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                tags={RANGE_START: start, RANGE_END: end},
                asset_selection=[dg.AssetKey(["genesys", layer, name]) for name in names],
            )
        )
    return Figures({name: _total(result, name) for name in ("requests", "rate_limited")})


def _total(result: dg.ExecuteInProcessResult, name: str) -> int:
    """The metadata of the assets; each partition of an asset repeats the metadata of all its partitions."""
    events = [event.materialization for event in result.get_asset_materialization_events()]
    reported = {event.asset_key: event.metadata[name].value for event in events if name in event.metadata}
    counts: list[int] = [int(value) for value in reported.values()]  # type: ignore[arg-type]
    return sum(counts)


if __name__ == "__main__":
    main(*sys.argv[1:])
