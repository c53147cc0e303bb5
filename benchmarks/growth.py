"""What ten times the conversations cost: seconds and peak memory of making a day's conversation tables and the reports
on them, assets run by Dagster with their checks, in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from benchmarks import peers
from benchmarks.peers import Side
from benchmarks.results import Result, Target
from benchmarks.stored_day import DAY, stored_day

OURS = Side("ours", "our_stored_day")
TIMES = 10
MOST_MEGABYTES = 600
POOL = {"ARROW_DEFAULT_MEMORY_POOL": "jemalloc"}
"""As .env.example has it."""


def run(*, conversations: int) -> Result:
    """A day of this many conversations, and one of ten times as many."""
    small, large = (_day(count) for count in (conversations, TIMES * conversations))
    peaks = [
        {"until": one["until"], f"peak MB of {conversations:,}": one["peak MB"], "of ten times": other["peak MB"]}
        for one, other in zip(small["peaks"], large["peaks"], strict=True)
    ]
    peak = large["peaks"][-1]["peak MB"]
    return Result(
        name="growth",
        sizes={"conversations": conversations},
        rows=peaks,
        figures={
            "rows": f"{small['rows']:,} and {large['rows']:,}",
            "seconds": f"{small['seconds']:,} and {large['seconds']:,}",
            "conversations/s": f"{_rate(conversations, small):,} and {_rate(TIMES * conversations, large):,}",
            "Arrow's own peak MB": f"{small['arrow']:,} and {large['arrow']:,}",
        },
        targets=[
            Target(
                "ten times the conversations, × the time", round(large["seconds"] / small["seconds"], 2), at_most=10.5
            ),
            Target(
                "ten times the conversations, × the memory", round(peak / small["peaks"][-1]["peak MB"], 2), at_most=1.2
            ),
            Target("peak MB", peak, at_most=MOST_MEGABYTES),
        ],
        as_it_should=peak <= MOST_MEGABYTES,
        remark="" if peak <= MOST_MEGABYTES else f"{peak:,} MB are more than the {MOST_MEGABYTES} MB allowed.",
    )


def _day(conversations: int) -> dict[str, Any]:
    with stored_day(conversations) as folder:
        command = OURS.command(folder, DAY)
        ended = subprocess.run(command, cwd=peers.ROOT, env=os.environ | POOL, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def _rate(conversations: int, day: dict[str, Any]) -> int:
    return round(conversations / float(day["seconds"]))
