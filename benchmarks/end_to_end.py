"""From nothing to all tables of a day in Parquet: ours through Dagster beside dlt's rest_api source, each a fresh
process, against the same sandbox without a rate limit. Starting Python and importing count.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import peers
from benchmarks.peers import Side
from benchmarks.results import Result, Target
from benchmarks.sandbox_process import sandbox

OURS = Side("ours", "our_day")
DLT = Side("dlt rest_api", "dlt_rest_api", "dlt")
_OUR_TABLES = ("conversations", "participants", "sessions", "segments", "session_metrics", "media_endpoint_stats")
_DLT_TABLES = (
    "conversations",
    "conversations__participants",
    "conversations__participants__sessions",
    "conversations__participants__sessions__segments",
    "conversations__participants__sessions__metrics",
    "conversations__participants__sessions__media_endpoint_stats",
)


def run(*, conversations: int, repeats: int) -> Result:
    """The sandbox invents the day before the first round is timed."""
    day = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}"
    seconds: dict[Side, list[float]] = {OURS: [], DLT: []}
    facts: dict[Side, dict[str, int]] = {}
    with sandbox(conversations_per_day=conversations, requests_per_minute=None) as settings:
        for round_ in range(repeats + 1):
            for side, rounds in seconds.items():
                if not round_ and side is DLT:
                    continue
                with tempfile.TemporaryDirectory(prefix="genesys_assets_benchmark_") as folder:
                    rounds.append(_run(side, day, Path(folder), settings))
                    facts[side] = _facts(side, Path(folder))
    seconds[OURS].pop(0)
    took = {side: median(rounds) for side, rounds in seconds.items()}
    wrong = facts[OURS] != facts[DLT]
    return Result(
        name="end_to_end",
        sizes={"conversations": conversations, "repeats": repeats},
        rows=[
            {"what": side.name, "seconds": round(took[side], 2), "conversations/s": round(conversations / took[side])}
            for side in took
        ],
        figures=facts[OURS],
        targets=[Target("a day end to end, × dlt", round(took[DLT] / took[OURS], 2), at_least=20)],
        versions={"dlt": _version_of_dlt()},
        as_it_should=not wrong,
        remark=f"dlt has {facts[DLT]}, ours {facts[OURS]}." if wrong else "",
    )


def _run(side: Side, day: str, folder: Path, settings: dict[str, str]) -> float:
    command = side.command(day, folder)
    begun = time.perf_counter()
    subprocess.run(command, cwd=peers.ROOT, env=peers.environment() | settings, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def _facts(side: Side, folder: Path) -> dict[str, int]:
    """Rows of each table, and the sum of tHandle."""
    names = dict(zip(_OUR_TABLES, _OUR_TABLES if side is OURS else _DLT_TABLES, strict=True))
    rows = {table: sum(len(part) for part in _parts(side, folder, name)) for table, name in names.items()}
    metric = "metric" if side is OURS else "name"
    handled = (
        pc.sum(part.filter(pc.equal(part[metric], "tHandle"))["value"]).as_py() or 0
        for part in _parts(side, folder, names["session_metrics"])
    )
    return {**rows, "sum of tHandle": sum(handled)}


def _parts(side: Side, folder: Path, table: str) -> Iterator[Any]:
    below = folder / ("tables" if side is OURS else "dataset") / table
    return (pq.ParquetFile(path).read() for path in sorted(below.rglob("*.parquet")))


def _version_of_dlt() -> str:
    asked = [str(peers.python_of("dlt")), "-c", "import importlib.metadata as m; print(m.version('dlt'))"]
    return subprocess.run(asked, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
