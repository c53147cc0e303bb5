"""The package: `metric_rows`. `python -m benchmarks.sides.our_aggregates FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.sides.rounds import page_bodies, serve
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS, metric_rows


def main(folder: str) -> None:
    requests = [path.read_text() for path in sorted(Path(folder).glob("*.request"))]
    answers = list(zip(requests, page_bodies(folder), strict=True))

    def rows() -> pa.Table:
        return metric_rows(INTERVAL_METRICS, answers).table

    serve({"rows": rows}, packages=["pyarrow"], facts=lambda: facts(rows()))


def facts(table: pa.Table) -> dict[str, Any]:
    return {
        "rows": len(table),
        "sum of counts": pc.sum(table["count"]).as_py(),
        "sum of sums": pc.sum(table["sum"]).as_py(),
        "sum of numerators": pc.sum(table["numerator"]).as_py(),
        "rows with a queue": len(table) - table["queue_id"].null_count,
        "buckets": len(pc.unique(table["interval_start"])),
    }


if __name__ == "__main__":
    main(sys.argv[1])
