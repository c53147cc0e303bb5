"""What a look of the sensors costs on a lake with years of data: CPU seconds, where nothing is new and after an hour
has landed. A code server looks again and again, so the first look is not counted. It also measures `genesys-assets
status`, which looks once, in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import tempfile

from benchmarks import peers
from benchmarks.peers import Side
from benchmarks.results import Result, Target

OURS = Side("ours", "our_look")


def run(*, days: int) -> Result:
    with tempfile.TemporaryDirectory(prefix="genesys_assets_benchmark_") as folder:
        ended = subprocess.run(OURS.command(folder, str(days)), cwd=peers.ROOT, check=True, stdout=subprocess.PIPE)
    found: dict[str, dict[str, float]] = json.loads(ended.stdout)
    quiet, landed = found["quiet"], found["landed"]
    rows = [
        {
            "wanted of": name,
            "CPU s, nothing new": round(quiet[name], 3),
            "CPU s, an hour landed": round(landed[name], 3),
        }
        for name in quiet
    ]
    return Result(
        name="look",
        sizes={"days": days},
        rows=rows,
        figures={},
        targets=[
            Target("CPU s of all looks after an hour landed", round(sum(landed.values()), 2), at_most=1),
            Target("CPU s of genesys-assets status", round(found["status"]["genesys-assets status"], 2), at_most=2),
        ],
    )
