"""What a day costs in requests, by query and by details job, and what it costs to read it again when nothing changed.

Everything runs as assets through Dagster, against a sandbox without a rate limit. Traffic stays on the loopback.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from benchmarks.results import Result
from genesys_assets.automation.progress import RANGE_END, RANGE_START
from genesys_assets.definitions import build_definitions
from genesys_assets.sandbox.server import running

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_AGGREGATES = [dg.AssetKey(["genesys", "pages", "hourly_aggregates"])]
_TABLES = [
    dg.AssetKey(["genesys", "tables", name])
    for name in ("conversations", "sessions", "segments", "session_metrics", "interval_metrics", "daily_metrics")
]


def run(*, conversations: int) -> Result:
    """Reads one past day by query, by job, and by job again, with its tables."""
    day = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}"
    hours = {RANGE_START: f"{day}-00:00", RANGE_END: f"{day}-23:00"}
    with (
        tempfile.TemporaryDirectory() as lake,
        running(conversations_per_day=conversations, requests_per_minute=None) as sandbox,
    ):
        settings = sandbox.environment() | {
            "GENESYS_ASSETS_LAKE": lake,
            "GENESYS_ASSETS_START_DATE": day,
            "GENESYS_CLOUD_REQUESTS_PER_MINUTE": "1000000",
        }
        with _environment(settings), dg.DagsterInstance.ephemeral() as instance:
            definitions = build_definitions()
            steps: list[tuple[str, str, dict[str, Any]]] = [
                ("by query: 24 hours, details and aggregates", "hourly", {"tags": hours}),
                ("by job: the day, what reaches into it, aggregates", "complete", {"partition_key": day}),
                ("the tables of the day", "daily", {"partition_key": day, "asset_selection": _TABLES}),
                ("again by job, nothing changed", "complete", {"partition_key": day}),
                ("again the hours' aggregates", "hourly", {"tags": hours, "asset_selection": _AGGREGATES}),
                ("again the tables", "daily", {"partition_key": day, "asset_selection": _TABLES}),
            ]
            rows = [_step(definitions, instance, *step, conversations) for step in steps]
    changed = rows[-1].pop("changed partitions")
    for row in rows:
        row.pop("changed partitions", None)
    again = rows[3:]
    return Result(
        name="rereading",
        sizes={"conversations": conversations},
        rows=rows,
        figures={
            "requests of a look-back day on which nothing changed": sum(row["requests"] for row in again),
            "seconds of it": round(sum(row["seconds"] for row in again), 1),
            "partitions of tables it changed": changed,
        },
        as_it_should=changed == 0,
        remark="" if changed == 0 else "A day that did not change was written again.",
    )


def _step(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    name: str,
    job: str,
    how: dict[str, Any],
    conversations: int,
) -> dict[str, Any]:
    begun = time.monotonic()
    result = definitions.resolve_job_def(job).execute_in_process(instance=instance, run_config=_QUIET, **how)
    seconds = time.monotonic() - begun
    events = [event.materialization for event in result.get_asset_materialization_events()]
    per_step = {event.asset_key: _number(event, "requests") for event in events}
    requests = sum(per_step.values())
    return {
        "step": name,
        "seconds": round(seconds, 2),
        "requests": requests,
        "requests per 1,000 conversations": round(1000 * requests / conversations, 1),
        "changed partitions": sum(_number(event, "changed") for event in events if event.asset_key in _TABLES),
    }


def _number(event: dg.AssetMaterialization, name: str) -> int:
    found = event.metadata.get(name)
    return int(found.value) if found is not None else 0  # type: ignore[arg-type]


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
