"""Days one after another: what happens, what Dagster does about it, what goes wrong, and a judgement each evening."""

from __future__ import annotations

import gc
import json
import logging
import os
import random
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from genesys_assets.assets import charts
from genesys_assets.lake import store
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.months import efficiency, judgement
from genesys_assets_tests.months.clock import Clock, simulated
from genesys_assets_tests.months.daemon import Daemon, instance_of_home
from genesys_assets_tests.months.databases import SETTINGS
from genesys_assets_tests.months.efficiency import layer
from genesys_assets_tests.months.faults import KINDS, Plan, may_die, planned
from genesys_assets_tests.months.history import DAY, HOUR, History, Past
from genesys_assets_tests.months.judgement import Case, Violation

DAGSTER_YAML = Path(__file__).parents[2] / "dagster.yaml"
_LOOKS = (0, 5, 20)
"""The hours of the day at which the daemon looks, and some minutes more, which the seed says: after midnight, after
details jobs have the day before, and late. Looking more often computes today more often, which takes its time.
"""
_MOST_ROUNDS = 24
_MOST_AT_ONCE, _MOST_OF_ONE = 24, 4
"""Runs that are no storm yet, in the half hour in which everything is asked for."""
_BETWEEN_RUNS, _LONGEST_INTERVAL = 61.0, 601.0
"""Seconds after which a sensor looks again: one that asked for something, and the slowest."""
_RECOVERY = timedelta(hours=2)
GRACE = timedelta(hours=6)
LAG = timedelta(hours=4)


@dataclass(frozen=True)
class Wanted:
    """What is simulated."""

    days: int
    seed: int
    zone: str = "UTC"
    first: date = date(2026, 3, 2)
    conversations: int = 30
    faults: tuple[str, ...] = KINDS
    folder: Path | None = None
    tell: Callable[[str], None] = lambda line: None


@dataclass
class Outcome:
    violations: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


class Month:
    def __init__(self, wanted: Wanted, home: Path, clock: Clock, sandbox: Sandbox, daemon: Daemon, plan: Plan) -> None:
        self.wanted, self.home, self.clock, self.sandbox, self.daemon = wanted, home, clock, sandbox, daemon
        self.plan, self.zone = plan, ZoneInfo(wanted.zone)
        self.past = Past(sandbox.organisation)
        self.history = History(self.past, wanted.seed, wanted.first, wanted.days)
        self.outcome = Outcome()
        self.skipped: list[date] = []
        self.killed = 0
        self._looked = clock.now()
        self._seen: set[tuple[str, str]] = set()
        self._kills_left = [each for each in plan.troubles if each.kind == "killed"]
        self._random = Random(f"month {wanted.seed}")
        daemon.launcher.requests = lambda: len(sandbox.requests)
        daemon.launcher.dies = self._dies
        self._judged: dict[date, tuple[Any, ...]] = {}
        self._reports = Reports(Path(os.environ["GENESYS_ASSETS_REPORTS"]), Random(f"reports {wanted.seed}"))

    def run(self) -> None:
        start = datetime.combine(self.wanted.first, datetime.min.time(), UTC)
        for number in range(self.wanted.days):
            day = start + DAY * number
            for hour in _LOOKS:
                self._tick(day + timedelta(hours=hour, minutes=self._random.randrange(11, 35)))
            began = time.process_time()
            self.judge(day + timedelta(hours=23, minutes=50), everything=number == self.wanted.days - 1)
            self.daemon.cpu["judged"] = self.daemon.cpu.get("judged", 0) + time.process_time() - began
            runs, spent = len(self.daemon.launcher.runs), time.process_time()
            where = {name: round(seconds) for name, seconds in self.daemon.cpu.items() if seconds >= 1}
            asked = len(self.sandbox.requests)
            self.wanted.tell(f"  {day:%Y-%m-%d}: {runs} runs, {asked} requests, {spent:.0f} s CPU {where}")

        for violation in efficiency.wasted(self.daemon.launcher.runs, self.clock.now()):
            self._report(violation, self.clock.now())

    # -- one time of the clock -------------------------------------------------------------------------------------

    def _tick(self, moment: datetime) -> None:
        self.history.until(moment)
        self.clock.move_to(moment)
        if self.plan.now("off", moment):
            return
        with ExitStack() as stack:
            self._set_behaviour(moment)
            for trouble in self.plan.between("storage", self._looked, moment):
                stack.enter_context(failing_writes(Random(f"{trouble}{moment}"), int(trouble.detail)))
            self._change_reports(moment)
            self._settle(moment)
        self._looked = self.clock.now()

    def _settle(self, moment: datetime) -> None:
        """Until nothing more is asked for, by the slowest sensor either."""
        waited = False
        for _ in range(_MOST_ROUNDS):
            before = len(self.daemon.launcher.runs)
            self.daemon.evaluate()
            self.daemon.run_queued()
            rests = len(self.daemon.launcher.runs) == before
            if rests and waited:
                return
            self.clock.sleep(_LONGEST_INTERVAL if rests else _BETWEEN_RUNS)
            waited = rests
        self._report_storm(moment)

    def _report_storm(self, moment: datetime) -> None:
        """What ran again and again though nothing new was there; what failed for want of the API, once in a while."""
        runs = [ran for ran in self.daemon.launcher.runs if ran.at >= moment]
        times = Counter(f"{layer(ran)} {ran.partition} {ran.status.value}" for ran in runs)
        often = [f"{which} {number}" for which, number in times.most_common(5)]
        if times.most_common(1)[0][1] > _MOST_OF_ONE or len(runs) > _MOST_AT_ONCE:
            limits = f"at most {_MOST_AT_ONCE} runs, {_MOST_OF_ONE} of them the same"
            storm = Violation("storm", f"{moment:%Y-%m-%d %H:%M}", limits, f"{len(runs)} runs: {', '.join(often)}")
            self._report(storm, moment)

    def _set_behaviour(self, moment: datetime) -> None:
        behaviour = self.sandbox.behaviour
        behaviour.faults.clear()
        behaviour.availability_lag_seconds = self._lag(moment).total_seconds()
        if self.plan.now("token", moment):
            behaviour.fail_next(401, times=10**6)
        for trouble in self.plan.between("answers", self._looked, moment):
            if trouble.detail == "truncated":
                behaviour.fail_next(200, times=1 + self._random.randrange(40), truncated=True)
            else:
                behaviour.fail_next(int(trouble.detail), times=1 + self._random.randrange(40))

    def _lag(self, moment: datetime) -> timedelta:
        return max([LAG, *(HOUR * int(each.detail) for each in self.plan.now("lag", moment))])

    def _change_reports(self, moment: datetime) -> None:
        for trouble in self.plan.troubles:
            if trouble.kind == "reports" and self._looked < trouble.start <= moment:
                self._reports.change()
                self.daemon.reload()

    # -- runs that die ---------------------------------------------------------------------------------------------

    def _dies(self, run: dg.DagsterRun) -> bool:
        now = self.clock.now()
        assets = self.daemon.assets_of(run)
        due = [each for each in self._kills_left if each.start <= now and may_die(each.detail.split()[0], assets)]
        if not due:
            return False
        self._kills_left.remove(due[0])
        function, call = due[0].detail.split()
        order = [run.run_id, now.isoformat(), function, call]
        command = [sys.executable, "-m", "genesys_assets_tests.months.dying_run", *order]
        died = subprocess.run(command, capture_output=True, check=False)
        self.killed += died.returncode != 0
        return True

    # -- judgement -------------------------------------------------------------------------------------------------

    def judge(self, moment: datetime, *, everything: bool = False) -> None:
        self.history.until(moment)
        self.clock.move_to(moment)
        since = self.plan.able_since(moment, _RECOVERY)
        if since is None or since > moment - GRACE:
            self.skipped.append(moment.date())
            return
        lake = Lake(LocalStore(self.home / "lake"))
        lags = [self._lag(moment - HOUR * back) for back in range(48)]
        case = Case(
            past=self.past,
            lake=lake,
            manifest=self._manifest,
            file=lambda entry: self.home / "published" / entry["key"],
            first=self.wanted.first,
            zone=self.zone,
            now=moment,
            since=since,
            grace=GRACE,
            lag=max(lags),
        )
        recent = [day for day in case.finished if everything or day >= moment.date() - DAY * 7]
        for violation in judgement.judged(case, recent):
            self._report(violation, moment)

    def _manifest(self, day: date) -> dict[str, Any] | None:
        path = self.home / f"published/reports/manifest/date={day}/manifest.json"
        return json.loads(path.read_text()) if path.exists() else None

    def _report(self, violation: Violation, moment: datetime) -> None:
        if (violation.what, violation.subject) not in self._seen:
            self._seen.add((violation.what, violation.subject))
            line = violation.line(self.wanted.seed, self.wanted.zone, moment)
            self.outcome.violations.append(line)
            self.wanted.tell(line)

    def figures(self) -> dict[str, Any]:
        runs = self.daemon.launcher.runs
        return {
            "runs": len(runs),
            "runs_by_job": dict(Counter(ran.job for ran in runs)),
            "needed": efficiency.needs(runs),
            "failed": sum(ran.status == dg.DagsterRunStatus.FAILURE for ran in runs),
            "killed": self.killed,
            "requests": len(self.sandbox.requests),
            "not_judged": [f"{day}" for day in self.skipped],
            "daemon_errors": len(self.daemon.errors),
        }


@dataclass
class Reports:
    """The file of a person's own reports, in which they come, change and go."""

    file: Path
    random: Random
    there: dict[str, str] = field(default_factory=dict)
    made: int = 0

    def change(self) -> None:
        if self.there and self.random.random() < 0.6:
            name = self.random.choice(sorted(self.there))
            if self.random.random() < 0.5:
                del self.there[name]
            else:
                self.there[name] = self._one()
        else:
            self.made += 1
            self.there[f"own_{self.made}"] = self._one()
        lines = [f"  {name}:\n{text}" for name, text in self.there.items()]
        self.file.write_text("reports:\n" + "".join(lines) if lines else "reports: {}\n")

    def _one(self) -> str:
        metric, statistic = self.random.choice((("nOffered", "count"), ("tHandle", "sum"), ("tAcw", "count")))
        return (
            "    description: One row per queue.\n"
            "    group_by: [queueId]\n"
            "    aggregates:\n"
            f"      metrics: {{figure: {metric}.{statistic}}}\n"
            "    columns:\n"
            "      figure:\n"
        )


@contextmanager
def failing_writes(draw: Random, times: int) -> Iterator[None]:
    """So many of the next writes of the lake find the disk full."""
    publish = store._LocalDraft.publish
    left = [draw.randrange(0, 6) for _ in range(times)]

    def failing(self: Any, key: str) -> None:
        if left:
            left[0] -= 1
            if left[0] < 0:
                left.pop(0)
                raise OSError(28, "No space left on device")
        publish(self, key)

    store._LocalDraft.publish = failing  # type: ignore[method-assign]
    try:
        yield
    finally:
        store._LocalDraft.publish = publish  # type: ignore[method-assign]


def simulate(wanted: Wanted, home: Path, after: Callable[[Month], None] = lambda month: None) -> Outcome:
    """One month from an empty lake, in `home`; then whatever `after` does while everything is still there."""
    random.seed(wanted.seed)
    start = datetime.combine(wanted.first, datetime.min.time(), UTC)
    plan = planned(wanted.seed, wanted.first, wanted.days, wanted.faults)
    for trouble in sorted(plan.troubles, key=lambda each: each.start):
        wanted.tell(f"  trouble: {trouble}")
    (home / "dagster.yaml").write_text(DAGSTER_YAML.read_text() + SETTINGS.format(home=home / "instance"))
    (home / "reports.yaml").write_text("reports: {}\n")
    with ExitStack() as stack:
        stack.enter_context(quiet())
        stack.enter_context(without_charts())
        clock = stack.enter_context(simulated(start))
        sandbox = stack.enter_context(
            running(
                seed=wanted.seed,
                conversations_per_day=wanted.conversations,
                now=clock.now,
                requests_per_minute=None,
                clock=clock.seconds,
            )
        )
        stack.enter_context(environment(settings(wanted, home, sandbox)))
        instance = stack.enter_context(instance_of_home())
        daemon = Daemon(instance)
        stack.callback(daemon.close)
        daemon.reload()
        # Loading leaves a million objects that stay: looking through them again and again takes a tenth of the time.
        gc.freeze()
        month = Month(wanted, home, clock, sandbox, daemon, plan)
        try:
            month.run()
            after(month)
        finally:
            month.outcome.figures = month.figures()
            month.outcome.figures["cpu_of_daemon"] = {name: round(value, 1) for name, value in daemon.cpu.items()}
            month.outcome.figures["history"] = month.history.told
            month.outcome.figures["errors"] = daemon.errors
            month.outcome.figures["all_runs"] = daemon.launcher.runs
    return month.outcome


def settings(wanted: Wanted, home: Path, sandbox: Sandbox) -> dict[str, str]:
    return {
        **sandbox.environment(),
        "DAGSTER_HOME": str(home),
        "GENESYS_CLOUD_REQUESTS_PER_MINUTE": "1000000",
        "GENESYS_ASSETS_LAKE": str(home / "lake"),
        "GENESYS_ASSETS_PUBLISH_URL": f"file://{home / 'published'}",
        "GENESYS_ASSETS_REPORTS": str(home / "reports.yaml"),
        "GENESYS_ASSETS_START_DATE": f"{wanted.first}",
        "GENESYS_ASSETS_TIME_ZONE": wanted.zone,
    }


@contextmanager
def without_charts() -> Iterator[None]:
    """Nobody looks at them here, and they take longer than the figures."""
    draw = charts._png
    charts._png = lambda *args, **kwargs: b""
    try:
        yield
    finally:
        charts._png = draw


@contextmanager
def quiet() -> Iterator[None]:
    """Dagster tells the event log what went wrong: the terminal needs not know."""
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
