"""Simulates days one after another: events, the reaction of Dagster, faults, and a judgement each evening."""

from __future__ import annotations

import gc
import json
import logging
import random
import signal
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from genesys_assets.assets import common, pages
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.publishing import day_page, index_page
from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.months import alerts, efficiency, judgement, shortcuts, storage
from genesys_assets_tests.months.alerts import LateAlerts
from genesys_assets_tests.months.clock import Clock, simulated
from genesys_assets_tests.months.daemon import Daemon, instance_of_home
from genesys_assets_tests.months.databases import SETTINGS
from genesys_assets_tests.months.dying_run import in_new_process
from genesys_assets_tests.months.faults import KINDS, Plan, Trouble, may_die, planned
from genesys_assets_tests.months.history import DAY, HOUR, History, Past
from genesys_assets_tests.months.judgement import Case, Violation
from genesys_assets_tests.months.own_reports import CustomReports
from genesys_assets_tests.webhooks import Hook, listening

DAGSTER_YAML = Path(__file__).parents[2] / "dagster.yaml"
_LOOKS = (5, 20)
"""The hours of the day at which the daemon looks, and some minutes more, which the seed says: after details jobs have
the day before, and late. Looking more often computes today more often, which takes its time.
"""
_AT_MIDNIGHT = 3
"""On one of three days it also looks after midnight. Jobs do not have the business day then, which has just ended."""
_MOST_ROUNDS, _LONGEST_LOOK = 60, timedelta(hours=4)
_MOST_AT_ONCE, _AT_ONCE, _MOST_OF_ONE = 3 * 10, timedelta(minutes=30), 4
"""Runs that are no storm yet, in any half hour: after an outage of a day each of the ten sensors that read or compute
asks for what has failed in two or three ranges. And those of one kind over the same days in a look, while nothing that
they are made of was new. Runs that were killed do not count as at once: Dagster itself launches them again.
"""
_BETWEEN_RUNS, _LONGEST_INTERVAL = 61.0, 601.0
"""Seconds after which sensors look again: the quick ones, and all of them (in half of the looks, runs take so long)."""
_RECOVERY = timedelta(hours=2)
GRACE = timedelta(hours=6)
LAG = timedelta(hours=4)


@dataclass(frozen=True)
class Simulation:
    """The parameters of a simulation. Sensors and schedules in `off` are never switched on. `troubles` replace those
    that the seed draws. `run_dying` runs a run that dies, and returns its exit code.
    """

    days: int
    seed: int
    zone: str = "UTC"
    first: date = date(2026, 3, 2)
    conversations: int = 30
    faults: tuple[str, ...] = KINDS
    off: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] | None = None
    tell: Callable[[str], None] = lambda line: None
    run_dying: Callable[[Sequence[str]], int] = in_new_process


@dataclass
class Outcome:
    violations: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


class Month:
    def __init__(
        self,
        wanted: Simulation,
        home: Path,
        clock: Clock,
        sandbox: Sandbox,
        daemon: Daemon,
        plan: Plan,
        own: CustomReports,
        hook: Hook,
    ) -> None:
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
        self._died: dict[Trouble, str] = {}
        """The run that each kill has hit. Where it is planned twice, it hits the run that tries again too."""
        self._random = Random(f"month {wanted.seed}")
        daemon.launcher.requests = lambda: len(sandbox.requests)
        daemon.launcher.dies = self._dies
        self._judged: dict[date, tuple[Any, ...]] = {}
        self._own = own
        self._hook = hook
        self._lake = Lake(LocalStore(home / "lake"))
        self._late = LateAlerts(self._posted, self._late_from)

    def run(self) -> None:
        start = datetime.combine(self.wanted.first, datetime.min.time(), UTC)
        for number in range(self.wanted.days):
            day = start + DAY * number
            at_midnight = number == 0 or self._random.randrange(_AT_MIDNIGHT) == 0
            for hour in [*([0] if at_midnight else []), *_LOOKS]:
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
        self.history.until(moment, self.clock.now())
        self.clock.move_to(moment)
        if self.plan.now("off", moment):
            return
        broken = self.plan.between("storage", self._looked, moment)
        self._late.begin(moment)
        with ExitStack() as stack:
            self._set_behaviour(moment)
            for trouble in broken:
                way, times = trouble.detail.split()
                stack.enter_context(storage.failing(way, Random(f"{trouble}{moment}"), int(times)))
            self._change_reports(moment)
            is_settled = self._settle(moment)
            self._report_storm(moment)
        # If the disk fails, the tick that would report late figures may fail too, and a later one finds nothing late
        # any more.
        for violation in self._late.end(self.clock.now(), is_settled=is_settled, is_judged=not broken):
            self._report(violation, moment)
        self._looked = self.clock.now()

    def _settle(self, moment: datetime) -> bool:
        """Go on until no sensor requests anything more; returns whether that was reached.

        After a failure this takes twice as long, because partitions that failed twice pause for a quarter of an hour.
        """
        rested, waited, between = 0, False, self._random.choice((_BETWEEN_RUNS, _LONGEST_INTERVAL))
        for _ in range(_MOST_ROUNDS):
            if self.clock.now() >= moment + _LONGEST_LOOK:
                break
            before = len(self.daemon.launcher.runs)
            self.daemon.evaluate()
            self.daemon.run_queued()
            rests = len(self.daemon.launcher.runs) == before
            rested = rested + 1 if rests and waited else 0
            if rested > self._has_failed_since(moment):
                return True
            pause = _LONGEST_INTERVAL if rests else between
            self.clock.sleep(pause)
            waited = pause == _LONGEST_INTERVAL
        return False

    def _has_failed_since(self, moment: datetime) -> bool:
        runs = (ran for ran in self.daemon.launcher.runs if ran.at >= moment)
        return any(ran.status != dg.DagsterRunStatus.SUCCESS for ran in runs)

    def _report_storm(self, moment: datetime) -> None:
        """Report too many runs at once, and runs that repeated although nothing was new. Runs that failed because the
        API was down may sometimes repeat."""
        runs = [ran for ran in self.daemon.launcher.runs if ran.at >= moment]
        times = efficiency.repeats(runs)
        often = [f"{which} {number}" for which, number in times.most_common(5)]
        at_once = efficiency.most_within([ran for ran in runs if ran.status != dg.DagsterRunStatus.STARTED], _AT_ONCE)
        if max(times.values(), default=0) > _MOST_OF_ONE or at_once > _MOST_AT_ONCE:
            limits = f"at most {_MOST_AT_ONCE} runs in half an hour, {_MOST_OF_ONE} the same"
            found = f"{at_once}, {len(runs)} in all: {', '.join(often)}"
            storm = Violation("storm", f"{moment:%Y-%m-%d %H:%M}", limits, found)
            self._report(storm, moment)

    def _set_behaviour(self, moment: datetime) -> None:
        behaviour = self.sandbox.behaviour
        behaviour.faults.clear()
        behaviour.availability_lag_seconds = self._lag(moment).total_seconds()
        if self.plan.now("token", moment):
            behaviour.fail_next(401, times=10**6)
        for trouble in self.plan.between("answers", self._looked, moment):
            times = 1 + self._random.randrange(40)
            is_cut, is_dropped = trouble.detail == "truncated", trouble.detail == "dropped"
            status = 200 if is_cut or is_dropped else int(trouble.detail)
            behaviour.fail_next(status, times=times, truncated=is_cut, dropped=is_dropped)

    def _lag(self, moment: datetime) -> timedelta:
        return max([LAG, *(HOUR * int(each.detail) for each in self.plan.now("lag", moment))])

    def _change_reports(self, moment: datetime) -> None:
        for trouble in self.plan.troubles:
            if trouble.kind == "reports" and self._looked < trouble.start <= moment:
                self._own.change()
                self.daemon.reload()

    # -- runs that die ---------------------------------------------------------------------------------------------

    def _dies(self, run: dg.DagsterRun) -> bool:
        now = self.clock.now()
        assets = self.daemon.assets_of(run)
        due = [
            each
            for each in self._kills_left
            if each.start <= now and may_die(each.detail, assets) and self._died.get(each) in (None, run.parent_run_id)
        ]
        if not due:
            return False
        self._kills_left.remove(due[0])
        self._died[due[0]] = run.run_id
        order = [run.run_id, now.isoformat(), *due[0].detail.split()]
        exit_code = self.wanted.run_dying(order)
        self.killed += exit_code == -signal.SIGKILL
        if exit_code not in (0, -signal.SIGKILL):
            self.daemon.errors.append(f"{now:%Y-%m-%d %H:%M} a run that was to die ended with exit code {exit_code}")
        return True

    # -- judgement -------------------------------------------------------------------------------------------------

    def judge(self, moment: datetime, *, everything: bool = False) -> None:
        self.history.until(moment, self.clock.now())
        self.clock.move_to(moment)
        since = self.plan.able_since(moment, _RECOVERY)
        if since is None or since > moment - GRACE:
            self.skipped.append(moment.date())
            return
        lake = self._lake.refreshed()
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
            lag=max(self._lag(moment - HOUR * back) for back in range(48)),
            own=self._own.by_name,
            reported=self.daemon.reported(),
            published=self._published(),
        )
        for violation in alerts.untrue(self.daemon.failed(), self._posted()):
            self._report(violation, moment)
        recent = [day for day in case.finished if everything or day >= moment.date() - DAY * 7]
        for violation in judgement.judged(case, recent):
            self._report(violation, moment)

    def _posted(self) -> list[Any]:
        return [message for _, _, message in self._hook.posted]

    def _late_from(self) -> dict[str, list[datetime]]:
        return alerts.late_from(
            self._lake.refreshed(), self._published(), self.wanted.first, self.zone, self.clock.now()
        )

    def _published(self) -> list[date]:
        """The days that have a manifest."""
        manifests = (self.home / "published/reports/manifest").glob("date=*/manifest.json")
        return sorted(date.fromisoformat(path.parent.name.removeprefix("date=")) for path in manifests)

    def _manifest(self, day: date) -> dict[str, Any] | None:
        path = self.home / f"published/reports/manifest/date={day}/manifest.json"
        return json.loads(path.read_text()) if path.exists() else None

    def _report(self, violation: Violation, moment: datetime) -> None:
        if (violation.what, violation.subject) not in self._seen:
            self._seen.add((violation.what, violation.subject))
            line = violation.line(self.wanted.seed, self.wanted.zone, moment)
            self.outcome.violations.append(line)
            self.wanted.tell(line)

    def _without_rule(self) -> list[str]:
        """Assets of pages without a rule that says when they must exist."""
        pages = (place for place, known in self.daemon.reported().items() if place.startswith("pages/") and known)
        return sorted(place for place in pages if place not in judgement.RULED)

    def figures(self) -> dict[str, Any]:
        runs = self.daemon.launcher.runs
        return {
            "runs": len(runs),
            "runs_by_job": dict(Counter(ran.job for ran in runs)),
            "needed": efficiency.needs(runs),
            "read_and_needed": efficiency.read_and_needed(runs, self.clock.now()),
            "failed": sum(ran.status == dg.DagsterRunStatus.FAILURE for ran in runs),
            "killed": self.killed,
            "requests": len(self.sandbox.requests),
            "not_judged": [f"{day}" for day in self.skipped],
            "daemon_errors": len(self.daemon.errors),
            "only_computed_anew": judgement.without_plain_figures(),
            "pages_without_rule": self._without_rule(),
        }


def simulate(wanted: Simulation, home: Path, after: Callable[[Month], None] = lambda month: None) -> Outcome:
    """Simulate one month from an empty lake, in `home`; then call `after` while everything still exists."""
    random.seed(wanted.seed)
    start = datetime.combine(wanted.first, datetime.min.time(), UTC)
    drawn = planned(wanted.seed, wanted.first, wanted.days, wanted.faults)
    plan = drawn if wanted.troubles is None else Plan(wanted.troubles)
    for trouble in sorted(plan.troubles, key=lambda each: each.start):
        wanted.tell(f"  trouble: {trouble}")
    (home / "dagster.yaml").write_text(DAGSTER_YAML.read_text() + SETTINGS.format(home=home / "instance"))
    own = CustomReports(home / "reports.yaml", Random(f"reports {wanted.seed}"))
    own.begin()
    with ExitStack() as stack:
        stack.enter_context(quiet())
        stack.enter_context(without_pictures())
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
        hook = stack.enter_context(listening())
        stack.enter_context(environment(settings(wanted, home, sandbox, hook)))
        instance = stack.enter_context(instance_of_home())
        shortcuts.store_no_unread(instance)
        shortcuts.keep_states_in_memory(instance)
        daemon = Daemon(instance, off=("live", *wanted.off))
        stack.callback(daemon.close)
        daemon.reload()
        # Loading leaves a million permanent objects. Searching them for garbage again and again takes a tenth of the
        # time.
        gc.freeze()
        gc.set_threshold(100_000, 20, 20)
        month = Month(wanted, home, clock, sandbox, daemon, plan, own, hook)
        try:
            month.run()
            after(month)
        finally:
            month.outcome.figures = month.figures()
            month.outcome.figures["cpu_of_daemon"] = {name: round(value, 1) for name, value in daemon.cpu.items()}
            month.outcome.figures["history"] = month.history.log
            month.outcome.figures["errors"] = daemon.errors
            month.outcome.figures["all_runs"] = daemon.launcher.runs
    return month.outcome


def settings(wanted: Simulation, home: Path, sandbox: Sandbox, hook: Hook) -> dict[str, str]:
    return {
        **sandbox.environment(),
        "DAGSTER_HOME": str(home),
        "GENESYS_CLOUD_REQUESTS_PER_MINUTE": "1000000",
        "GENESYS_ASSETS_LAKE": str(home / "lake"),
        "GENESYS_ASSETS_PUBLISH_URL": f"file://{home / 'published'}",
        "GENESYS_ASSETS_REPORTS": str(home / "reports.yaml"),
        "GENESYS_ASSETS_START_DATE": f"{wanted.first}",
        "GENESYS_ASSETS_TIME_ZONE": wanted.zone,
        "GENESYS_ASSETS_ALERT_WEBHOOK": hook.url,
    }


@contextmanager
def without_pictures() -> Iterator[None]:
    """Skip charts and previews: they take longer than the figures, and no test looks at them."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (common, pages):
            patch.setattr(module, "preview_metadata", lambda *args: dg.MetadataValue.null())
        for page in (day_page, index_page):
            patch.setattr(page, "_charts", lambda *args: {})
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Dagster's errors out of the terminal; they are in the event log."""
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
