"""Peak memory of making a day's conversation tables: the asset itself, run by Dagster in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.results import Result
from benchmarks.stored_day import DAY, stored_day

MOST_MEGABYTES = 500


def run(*, conversations: int) -> Result:
    with stored_day(conversations) as folder:
        asked = [sys.executable, "-m", "benchmarks.memory_process", str(folder), DAY]
        found = json.loads(subprocess.run(asked, check=True, stdout=subprocess.PIPE).stdout)
    peak = found["peaks"][-1]["peak MB"]
    return Result(
        name="memory",
        sizes={"conversations": conversations},
        rows=found["peaks"],
        figures={
            "seconds": found["seconds"],
            "rows": found["rows"],
            "Arrow's own peak MB": found["arrow"],
            "allowed MB": MOST_MEGABYTES,
        },
        as_it_should=peak < MOST_MEGABYTES,
        remark="" if peak < MOST_MEGABYTES else f"{peak:,} MB are more than the {MOST_MEGABYTES} MB allowed.",
    )
