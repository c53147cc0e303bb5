"""What a new hour costs: CPU seconds of the run that adds it to today's tables, late in the day beside early in it. One
process fetches and adds every hour of the day, against a sandbox whose clock follows.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

from benchmarks import peers
from benchmarks.peers import Side
from benchmarks.results import Result, Target

OURS = Side("ours", "our_today")
HOURS = (1, 6, 12, 18, 23)


def run(*, conversations: int) -> Result:
    command = OURS.command(str(conversations), *map(str, HOURS))
    ended = subprocess.run(command, cwd=peers.ROOT, check=True, stdout=subprocess.PIPE)
    rows: list[dict[str, Any]] = json.loads(ended.stdout)["rows"]
    first, last = (sum(value for name, value in row.items() if name.endswith("CPU s")) for row in (rows[0], rows[-1]))
    return Result(
        name="today",
        sizes={"conversations": conversations},
        rows=rows,
        figures={},
        targets=[Target("CPU of a refresh at 23:00, × at 01:00", round(last / first, 2), at_most=2)],
    )
