"""`python -m genesys_assets_tests.months --days 5 --seed 3 --zone Europe/Zurich`: one line a violation, and exit 1.

The exit code is 0 without violations, and 2 if an argument is wrong.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from genesys_assets_tests.months.calendar import first_day
from genesys_assets_tests.months.faults import KINDS
from genesys_assets_tests.months.month import Simulation, simulate
from genesys_assets_tests.months.nursery import nursery


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def _zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise argparse.ArgumentTypeError(f"{text!r} is not an IANA time zone name. Example: Europe/Zurich.") from None


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(filter(None, text.split(",")))
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise argparse.ArgumentTypeError(f"knows only {', '.join(KINDS)}, got {', '.join(unknown)}")
    return kinds


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m genesys_assets_tests.months", description=__doc__)
    asked.add_argument("--days", type=_at_least_one, default=5)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--zone", type=_zone, default="UTC")
    asked.add_argument("--first", type=date.fromisoformat, default=None)
    asked.add_argument("--conversations", type=_at_least_one, default=15)
    asked.add_argument(
        "--faults", type=_kinds, default=KINDS, help=f"which of {','.join(KINDS)}, by commas; none is allowed"
    )
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
        () if said.quiet else said.faults,
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
