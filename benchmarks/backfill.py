"""A backfill of whole days at the rate limit: how long it takes beside the time that the limit alone demands, and how
much of a core it uses. Dagster runs the assets in one process; the sandbox runs in another and answers 429 above the
limit.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import peers
from benchmarks.peers import Side
from benchmarks.results import Result, Target
from benchmarks.sandbox_process import sandbox

OURS = Side("ours", "our_backfill")
CAP = 300
"""Requests a minute of a token as the platform has it; CPU is reported at this rate."""


def run(*, days: int, conversations: int, requests_per_minute: int) -> Result:
    last = datetime.now(UTC).date() - timedelta(days=2)
    first = last - timedelta(days=days - 1)
    with (
        sandbox(conversations_per_day=conversations, requests_per_minute=requests_per_minute) as settings,
        tempfile.TemporaryDirectory(prefix="genesys_assets_benchmark_") as lake,
    ):
        answer = subprocess.run(
            OURS.command(str(first), str(last), lake, str(requests_per_minute)),
            cwd=peers.ROOT,
            env=os.environ | settings,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
    report = json.loads(answer)
    steps = {step["step"]: step for step in report["steps"]}
    requests, refused = (sum(step[name] for step in steps.values()) for name in ("requests", "rate_limited"))
    seconds, demanded = report["seconds"], 60 * requests / requests_per_minute
    details, pages = steps["hours' details"], steps["hours' details"]["requests"]
    with_tables = details["cpu"] + steps["conversation tables"]["cpu"]
    return Result(
        name="backfill",
        sizes={"days": days, "conversations": conversations, "requests_per_minute": requests_per_minute},
        rows=[_row(step) for step in steps.values()],
        figures={
            "seconds in all": round(seconds, 1),
            "seconds that the limit demands": round(demanded, 1),
            "answers 429": refused,
            "CPU s a page of details": round(details["cpu"] / pages, 4),
        },
        targets=[
            Target("backfill, × requests ÷ allowed per minute", round(seconds / demanded, 3), at_most=1.05),
            Target(f"CPU at {CAP}/min, details by query, % of a core", _share(details["cpu"], pages), at_most=12),
            Target(f"CPU at {CAP}/min, with their tables, % of a core", _share(with_tables, pages), at_most=12),
        ],
        as_it_should=refused == 0,
        remark="" if refused == 0 else f"{refused} requests were sent above the limit.",
    )


def _row(step: dict[str, Any]) -> dict[str, Any]:
    return {
        "step": step["step"],
        "requests": step["requests"],
        "seconds": round(step["seconds"], 1),
        "CPU s": round(step["cpu"], 1),
    }


def _share(cpu: float, requests: int) -> float:
    """The share of a core, in percent, that this CPU time takes up while these requests are sent at the rate limit."""
    return round(100 * cpu / (60 * requests / CAP), 1)
