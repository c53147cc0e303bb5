"""`python -m genesys_assets_tests.months.weeks`: many short simulations and a month in each zone, two at a time.

Each runs in a process of its own. Its output goes to a file in `--folder`, and one line of it to the terminal.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ZONES = ("UTC", "Europe/Zurich", "America/Los_Angeles", "Australia/Lord_Howe")


def orders(seeds: int, days: int, month: int) -> Iterator[tuple[int, int, str]]:
    """Days, seed and zone of each simulation: `seeds` short ones over the zones in turn, and a month in each zone."""
    for seed in range(1, seeds + 1):
        yield days, seed, ZONES[seed % len(ZONES)]
    if month:
        for number, zone in enumerate(ZONES):
            yield month, 1000 + number, zone


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m genesys_assets_tests.months.weeks", description=__doc__)
    asked.add_argument("--seeds", type=int, default=40)
    asked.add_argument("--days", type=int, default=5)
    asked.add_argument("--month", type=int, default=30, help="the days of a month; 0 for none")
    asked.add_argument("--at-once", type=int, default=2)
    asked.add_argument("--folder", type=Path, default=Path(".weeks"))
    said = asked.parse_args()
    said.folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(said.at_once) as executor:
        ended = list(executor.map(lambda order: _run(said.folder, *order), orders(said.seeds, said.days, said.month)))
    print(f"{len(ended)} simulations, {sum(ended)} with violations")
    return 1 if any(ended) else 0


def _run(folder: Path, days: int, seed: int, zone: str) -> bool:
    command = ["-m", "genesys_assets_tests.months", "--days", f"{days}", "--seed", f"{seed}", "--zone", zone]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    told = folder / f"{zone.replace('/', '_')}-{days}-{seed}.txt"
    told.write_text(done.stdout + done.stderr)
    last = (done.stdout.strip().splitlines() or [f"seed {seed} in {zone}: {done.stderr.strip()[-300:]}"])[-1]
    print(last, flush=True)
    return done.returncode != 0


if __name__ == "__main__":
    sys.exit(main())
