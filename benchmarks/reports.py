"""Aggregates many segments for a report: per hour, media type and queue, their number, time and distinct wrap-up codes.
Our code beside pandas, each in a fresh process, on the same Parquet file in the same run.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import peers
from benchmarks.peers import Side
from benchmarks.results import Result, Target
from genesys_assets.tables.conversations.flat_tables import SEGMENTS

OURS = Side("ours", "our_aggregation")
PANDAS = Side("pandas groupby", "pandas_aggregation", "pandas")
MOST_MEGABYTES = 400
MEDIA = {"voice": 0.6, "message": 0.2, "chat": 0.1, "email": 0.06, "callback": 0.04}
QUEUES, CODES = 50, 200
WITHOUT_CODE = 0.7
_DAY_MS, _FIRST_MS = 86_400_000, 1_769_558_400_000
_ROWS_PER_GROUP = 32_768


def run(*, rows: int, repeats: int) -> Result:
    with _segments(rows) as parquet:
        found: dict[Side, list[dict[str, Any]]] = {OURS: [], PANDAS: []}
        for _ in range(repeats):
            for side, rounds in found.items():
                rounds.append(_run(side, parquet))
        megabytes = parquet.stat().st_size / 1e6
    ours, pandas = (_middle(side, rounds) for side, rounds in found.items())
    agree = found[OURS][0]["facts"] == found[PANDAS][0]["facts"]
    times = round(pandas["seconds"] / ours["seconds"], 2)
    return Result(
        name="reports",
        sizes={"rows": rows, "repeats": repeats},
        rows=[ours, pandas],
        figures={"megabytes of Parquet": round(megabytes), **found[OURS][0]["facts"]},
        targets=[
            Target("segments → report, × pandas", times, at_least=2),
            Target("peak MB", ours["peak MB"], at_most=MOST_MEGABYTES),
        ],
        versions=found[OURS][0]["versions"] | found[PANDAS][0]["versions"],
        as_it_should=agree,
        remark="" if agree else f"pandas has {found[PANDAS][0]['facts']}.",
    )


def _run(side: Side, parquet: Path) -> dict[str, Any]:
    command = side.command(parquet)
    ended = subprocess.run(command, cwd=peers.ROOT, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def _middle(side: Side, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "what": side.name,
        "seconds": round(median(one["seconds"] for one in rounds), 2),
        "CPU s": round(median(one["cpu"] for one in rounds), 2),
        "peak MB": round(median(one["peak"] for one in rounds)),
        "before reading MB": round(median(one["before"] for one in rounds)),
    }


@contextmanager
def _segments(rows: int) -> Iterator[Path]:
    """A day of segments in the order of time, in row groups as the lake writes them; drawn from a seed."""
    draw = np.random.default_rng(1)
    columns = ["conversation_start", "segment_start", "media_type", "session_queue_id", "wrap_up_code", "duration_ms"]
    schema = pa.schema([SEGMENTS.schema.field(name) for name in columns])
    queues, codes = _ids(draw, QUEUES), _ids(draw, CODES)
    with tempfile.TemporaryDirectory(prefix="genesys_assets_benchmark_") as folder:
        path = Path(folder) / "segments.parquet"
        with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
            for first in range(0, rows, _ROWS_PER_GROUP):
                count = min(_ROWS_PER_GROUP, rows - first)
                start = _FIRST_MS + np.arange(first, first + count) * _DAY_MS // rows
                arrays = [
                    pa.array(start).cast(schema.field("conversation_start").type),
                    pa.array(start + draw.integers(0, 600_000, count)).cast(schema.field("segment_start").type),
                    _drawn(draw, list(MEDIA), count, p=list(MEDIA.values())),
                    _drawn(draw, queues, count),
                    _drawn(draw, codes, count, missing=WITHOUT_CODE),
                    pa.array(draw.integers(0, 900_000, count)),
                ]
                writer.write_batch(pa.record_batch(arrays, schema=schema), row_group_size=count)
        yield path


def _ids(draw: np.random.Generator, count: int) -> list[str]:
    return [f"{low:08x}-0000-4000-8000-{high:012x}" for low, high in draw.integers(0, 2**32, (count, 2))]


def _drawn(draw: np.random.Generator, values: list[str], count: int, *, missing: float = 0, p: Any = None) -> pa.Array:
    chosen = pa.array(draw.choice(len(values), count, p=p), mask=draw.random(count) < missing)
    return pa.array(values).take(chosen)
