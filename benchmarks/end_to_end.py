"""From nothing to all tables of a day in Parquet: our assets, run by Dagster, beside dlt's rest_api source. Each is a
fresh process, against the same sandbox without a rate limit. Starting Python and importing count.
"""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

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


class Took(NamedTuple):
    seconds: float
    cpu: float


def run(*, conversations: int, repeats: int) -> Result:
    """The sandbox invents the day before the first round is timed."""
    day = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}"
    took: dict[Side, list[Took]] = {OURS: [], DLT: []}
    facts: dict[Side, dict[str, int]] = {}
    with sandbox(conversations_per_day=conversations, requests_per_minute=None) as settings:
        for side in [OURS, *(side for _ in range(repeats) for side in (OURS, DLT))]:
            with tempfile.TemporaryDirectory(prefix="genesys_assets_benchmark_") as folder:
                took[side].append(_run(side, day, Path(folder), settings))
                facts[side] = _facts(side, Path(folder))
    took[OURS].pop(0)
    rows = [_row(side, rounds, conversations) for side, rounds in took.items()]
    wrong = facts[OURS] != facts[DLT]
    return Result(
        name="end_to_end",
        sizes={"conversations": conversations, "repeats": repeats},
        rows=rows,
        figures=facts[OURS],
        targets=[Target("a day end to end, × dlt", round(rows[1]["seconds"] / rows[0]["seconds"], 2), at_least=3.5)],
        versions={"dlt": _version_of_dlt()},
        as_it_should=not wrong,
        remark=f"dlt has {facts[DLT]}, ours {facts[OURS]}." if wrong else "",
    )


def _run(side: Side, day: str, folder: Path, settings: dict[str, str]) -> Took:
    command = side.command(day, folder)
    # A deployment does not compile all modules each time.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begun, used = time.perf_counter(), _cpu_of_ended_processes()
    subprocess.run(command, cwd=peers.ROOT, env=inherited | settings, check=True, stdout=subprocess.DEVNULL)
    return Took(time.perf_counter() - begun, _cpu_of_ended_processes() - used)


def _cpu_of_ended_processes() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _row(side: Side, rounds: list[Took], conversations: int) -> dict[str, Any]:
    seconds = median(one.seconds for one in rounds)
    return {
        "what": side.name,
        "seconds": round(seconds, 2),
        "CPU s": round(median(one.cpu for one in rounds), 2),
        "conversations/s": round(conversations / seconds),
    }


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
