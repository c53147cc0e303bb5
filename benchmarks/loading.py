"""What Dagster costs before anything runs: loading the definitions beside importing what they are made with.

Each side is a fresh process, started in turn. It measures CPU seconds, since seconds by the clock mean little on a busy
machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median

from benchmarks.peers import ROOT
from benchmarks.results import Result, Target

_SIDES = {
    "import dagster, dagster_aws": "import dagster, dagster_aws",
    "import genesys_assets.definitions": "import genesys_assets.definitions",
    "load the definitions": (
        "from genesys_assets.definitions import build_definitions; build_definitions().get_repository_def()"
    ),
}
_TIMED = "import resource, time\n{}\nprint(time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


def run(*, repeats: int) -> Result:
    """Starts every side `repeats` times. One start before these does not count: it loads files into memory and compiles
    them."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in _SIDES}
    for turn in range(repeats + 1):
        for name, code in _SIDES.items():
            measured = _measured(code)
            if turn:
                found[name].append(measured)
    seconds = {name: median(cpu for cpu, _ in measured) for name, measured in found.items()}
    base, _, loaded = seconds.values()
    return Result(
        name="loading",
        sizes={"repeats": repeats},
        rows=[
            {
                "what": name,
                "CPU s": round(seconds[name], 2),
                "× dagster": round(seconds[name] / base, 2),
                "MB": round(median(peak for _, peak in measured) / 1024),
            }
            for name, measured in found.items()
        ],
        figures={},
        targets=[Target("definitions, × import dagster, dagster_aws", round(loaded / base, 2), at_most=1.3)],
    )


def _measured(code: str) -> tuple[float, float]:
    # A deployment does not compile all modules each time.
    unset = ("GENESYS_", "PYTHONDONTWRITEBYTECODE")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    ended = subprocess.run(
        [sys.executable, "-c", _TIMED.format(code)], cwd=ROOT, env=clean, check=True, stdout=subprocess.PIPE, text=True
    )
    cpu, peak = ended.stdout.split()[-2:]
    return float(cpu), float(peak)
