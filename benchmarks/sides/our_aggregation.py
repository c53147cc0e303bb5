"""The package: the sums behind the reports. `python -m benchmarks.sides.our_aggregation PARQUET`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.sides.rounds import answer, peak_megabytes, timed, versions_of
from genesys_assets.tables.aggregate import Measure, aggregate

KEYS = ["hour", "media_type", "session_queue_id"]
_HOUR_MS = 3_600_000
MEASURES = [
    Measure("segments", "duration_ms", "count"),
    Measure("duration_ms", "duration_ms", "sum"),
    Measure("wrap_up_code", "wrap_up_code", "distinct"),
]


def main(parquet: str) -> None:
    before, made = peak_megabytes(), []
    measured = timed(lambda: made.append(aggregated(parquet)))
    peak = peak_megabytes()
    answer({**measured, "before": before, "peak": peak, "versions": versions_of("pyarrow"), "facts": facts(made[0])})


def aggregated(parquet: str) -> pa.Table:
    """One row per hour, media type and queue: `segments`, `duration_ms` and the distinct `wrap_up_code`."""
    return aggregate(_pieces(parquet), KEYS, MEASURES, in_order_of="hour")


def _pieces(parquet: str) -> Iterator[pa.Table]:
    columns = ["conversation_start", *KEYS[1:], "wrap_up_code", "duration_ms"]
    with pq.ParquetFile(parquet) as file:
        for index in range(file.num_row_groups):
            piece = file.read_row_group(index, columns=columns)
            hour = pc.divide(piece["conversation_start"].cast(pa.int64()), _HOUR_MS)
            yield piece.append_column("hour", hour).drop_columns("conversation_start")


def facts(report: pa.Table) -> dict[str, int]:
    return {
        "groups": len(report),
        "segments": pc.sum(report["segments"]).as_py(),
        "milliseconds": pc.sum(report["duration_ms"]).as_py(),
        "distinct codes": pc.sum(pc.list_value_length(report["wrap_up_code"])).as_py(),
        "most codes in a group": pc.max(pc.list_value_length(report["wrap_up_code"])).as_py(),
    }


if __name__ == "__main__":
    main(sys.argv[1])
