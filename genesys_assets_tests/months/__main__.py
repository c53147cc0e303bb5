"""`python -m genesys_assets_tests.months --days 5 --seed 3 --zone Europe/Zurich`: one line a violation, and exit 1."""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

from genesys_assets_tests.months.calendar import first_day
from genesys_assets_tests.months.faults import KINDS
from genesys_assets_tests.months.month import Simulation, simulate
from genesys_assets_tests.months.nursery import nursery


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m genesys_assets_tests.months", description=__doc__)
    asked.add_argument("--days", type=int, default=5)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--zone", default="UTC")
    asked.add_argument("--first", type=date.fromisoformat, default=None)
    asked.add_argument("--conversations", type=int, default=15)
    asked.add_argument("--faults", default=",".join(KINDS), help="which kinds of trouble, by commas; none is allowed")
    asked.add_argument("--quiet", action="store_true", help="without any trouble; the organisation lives all the same")
    asked.add_argument("--off", default="", help="sensors and schedules that are never switched on, by commas")
    asked.add_argument("--keep", type=Path, help="a folder in which lake and instance stay")
    asked.add_argument("--verbose", action="store_true")
    said = asked.parse_args()
    wanted = Simulation(
        said.days,
        said.seed,
        said.zone,
        said.first or first_day(said.zone, said.days, said.seed),
        said.conversations,
        () if said.quiet else tuple(filter(None, said.faults.split(","))),
        tuple(filter(None, said.off.split(","))),
        tell=lambda line: print(line, flush=True),
    )
    with nursery() as forks, tempfile.TemporaryDirectory(prefix="months_") as folder:
        home = said.keep or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        outcome = simulate(replace(wanted, run_dying=forks.run), home)
    figures = outcome.figures
    runs = figures.pop("all_runs")
    for name in ("history", "errors"):
        lines = figures.pop(name)
        if said.verbose:
            print(*(f"  {name}: {line}" for line in lines), sep="\n")
    for ran in runs if said.verbose else ():
        print(f"  run: {ran}")
    users = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    spent = sum(sum(resource.getrusage(who)[:2]) for who in users) / said.days
    found = f"{len(outcome.violations)} violations, {spent:.1f} s CPU a day"
    print(f"seed {said.seed}, {said.days} days in {said.zone}: {found}, {figures}")
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main())
