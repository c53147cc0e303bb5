"""Dagster's own scheduler, sensors, queue and monitoring, evaluated at simulated times, and runs executed in turn.

This module does not know which schedules and sensors exist.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.launcher import LaunchRunContext, RunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.asset_daemon import AssetDaemon
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon
from dagster._daemon.monitoring.concurrency import execute_concurrency_slots_iteration
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._daemon.sensor import execute_sensor_iteration
from dagster._scheduler.scheduler import launch_scheduled_runs

from genesys_assets_tests.months import location, shortcuts
from genesys_assets_tests.months.clock import the_clock
from genesys_assets_tests.months.databases import one_engine_each

UNFINISHED = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]
_LOG = logging.getLogger("months")


@dataclass(frozen=True)
class Ran:
    """A run that ended, or that died."""

    at: datetime
    job: str
    partition: str | None
    assets: tuple[str, ...]
    status: dg.DagsterRunStatus
    run_id: str
    requests: int
    seconds: float
    tags: dict[str, str]

    def __str__(self) -> str:
        made = " ".join(self.assets[:4]) + (f" and {len(self.assets) - 4} more" if len(self.assets) > 4 else "")
        took = f"{self.requests} requests {self.seconds:.2f} s"
        return f"{self.at:%m-%d %H:%M} {self.job} {self.partition} {self.status.value} {took} {self.run_id[:8]} {made}"


@dataclass
class Launcher(RunLauncher):
    """Executes each run at once in this process. If `dies` says so, it lets the run die in a process of its own."""

    execute: Callable[[dg.DagsterRun], None]
    runs: list[Ran] = field(default_factory=list)
    requests: Callable[[], int] = lambda: 0
    dies: Callable[[dg.DagsterRun], bool] = lambda run: False
    assets: Callable[[dg.DagsterRun], list[str]] = lambda run: []
    executing: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def launch_run(self, context: LaunchRunContext) -> None:
        run, began, asked = context.dagster_run, time.process_time(), self.requests()
        at = datetime.now(UTC)
        if not self.dies(run):
            self.execute(run)
        self.note(run, at, asked, time.process_time() - began)

    def note(self, run: dg.DagsterRun, at: datetime, asked: int, seconds: float) -> None:
        ended = self._instance.get_run_by_id(run.run_id)
        assert ended is not None
        self.runs.append(
            Ran(
                at,
                run.job_name,
                partition_of(run.tags),
                tuple(sorted(self.assets(run))),
                ended.status,
                run.run_id,
                self.requests() - asked,
                seconds,
                dict(run.tags),
            )
        )

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """A run that this launcher no longer executes has lost its process."""
        if run.run_id in self.executing:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "its process is gone")

    def terminate(self, run_id: str) -> bool:
        """No process is left to terminate."""
        return False

    def join(self, timeout: float = 30) -> None:
        """Nothing runs in the background."""


def partition_of(tags: Mapping[str, str]) -> str | None:
    first = tags.get("dagster/asset_partition_range_start")
    if first is None:
        return tags.get("dagster/partition")
    return f"{first}...{tags.get('dagster/asset_partition_range_end')}"


class Daemon:
    """One code location and an instance. All its sensors and schedules are switched on except those in `off`; with
    None, none are.
    """

    def __init__(self, instance: dg.DagsterInstance, off: Iterable[str] | None = ("live",)) -> None:
        self.instance, self.off = instance, None if off is None else set(off)
        self.launcher = Launcher(self.execute, assets=self.assets_of)
        self.launcher.register_instance(instance)
        instance._run_launcher = self.launcher
        _keep_no_evaluations(instance)
        _share(instance)
        self.errors: list[str] = []
        self.cpu: dict[str, float] = {}
        self._queue = QueuedRunCoordinatorDaemon(interval_seconds=1)
        self._retries = EventLogConsumerDaemon()
        self._conditions = AssetDaemon({}, 30)
        self._iterations: dict[str, Any] = {}
        self._open = ExitStack()

    def reload(self) -> None:
        """Load the code location as it is defined now."""
        self.close()
        location.built.cache_clear()
        self._open.enter_context(self._loaded())

    def close(self) -> None:
        self._open.close()

    @contextmanager
    def _loaded(self) -> Iterator[None]:
        target = LoadableTargetOrigin(module_name=location.__name__, attribute="defs")
        origin = InProcessCodeLocationOrigin(target, location_name="genesys_assets")
        with create_test_daemon_workspace_context(InProcessWorkspaceLoadTarget(origin), self.instance) as context:
            self._context = context
            loaded: Any = context.create_request_context().code_locations[0]
            (repository,) = loaded.get_repositories().values()
            self._repository = loaded._get_repo_def(repository.name)
            for schedule in filter(self._is_to_start, repository.get_schedules()):
                self.instance.start_schedule(schedule)
            for sensor in filter(self._is_to_start, repository.get_sensors()):
                self.instance.start_sensor(sensor)
            yield

    def _is_to_start(self, instigator: Any) -> bool:
        origin = instigator.get_remote_origin_id()
        is_off = self.off is None or instigator.name in self.off
        return not is_off and self.instance.get_instigator_state(origin, instigator.selector_id) is None

    def evaluate(self) -> int:
        """Do everything that the daemon does at this time, except executing runs; returns how many runs wait in the
        queue."""
        context = self._context
        self.watch()
        self._do("retries", self._retries.run_iteration(context))
        self._do("schedules", launch_scheduled_runs(context, _LOG, datetime.now(UTC), self._iterations))
        self._do("sensors", execute_sensor_iteration(context, _LOG, None, None))
        began = time.process_time()
        self._conditions._run_iteration_impl(context, None, {}, {})
        self._note("conditions", began)
        return self.queued()

    def run_queued(self) -> None:
        """Execute the queued runs that may start, one after another."""
        left = self.queued()
        while left:
            self._do("queue", self._queue.run_iteration(self._context))
            left, before = self.queued(), left
            if left == before:
                return

    def queued(self) -> int:
        return self.instance.get_runs_count(dg.RunsFilter(statuses=UNFINISHED))

    def execute(self, run: dg.DagsterRun) -> None:
        job = self._repository.get_job(run.job_name)
        if run.asset_selection is not None or run.asset_check_selection is not None:
            job = job.get_subset(asset_selection=run.asset_selection, asset_check_selection=run.asset_check_selection)
        elif run.resolved_op_selection:
            job = job.get_subset(op_selection=run.resolved_op_selection)
        the_clock().meanwhile = self.watch
        self.launcher.executing.add(run.run_id)
        try:
            execute_run(InMemoryJob(job), run, self.instance)
        finally:
            self.launcher.executing.remove(run.run_id)

    def watch(self) -> None:
        """Find runs that died, and free their places in pools, even while another run waits for a place."""
        self._do("monitoring", execute_run_monitoring_iteration(self._context, _LOG))
        self._do("slots", execute_concurrency_slots_iteration(self._context, _LOG))

    def assets_of(self, run: dg.DagsterRun) -> list[str]:
        """The assets that a run makes, such as `pages/hourly_details`."""
        selected = run.asset_selection
        if selected is None:
            selected = self._repository.get_job(run.job_name).asset_layer.selected_asset_keys
        return ["/".join(key.path[1:]) for key in selected]

    def failed(self) -> set[str]:
        """The runs that failed."""
        runs = self.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        return {run.run_id for run in runs}

    def reported(self) -> dict[str, set[str]]:
        """The partitions that Dagster knows, for each partitioned asset."""
        graph = self._repository.asset_graph
        keys = [key for key in graph.materializable_asset_keys if graph.get(key).partitions_def is not None]
        return {"/".join(key.path[1:]): self.instance.get_materialized_partitions(key) for key in keys}

    def _do(self, what: str, steps: Iterable[Any]) -> None:
        began = time.process_time()
        for problem in steps:
            if problem is not None:
                self.errors.append(f"{datetime.now(UTC):%Y-%m-%d %H:%M} {what}: {_innermost_message(problem)}")
        self._note(what, began)

    def _note(self, what: str, began: float) -> None:
        self.cpu[what] = self.cpu.get(what, 0.0) + time.process_time() - began


def _innermost_message(problem: Any) -> str:
    while getattr(problem, "cause", None) is not None:
        problem = problem.cause
    return str(getattr(problem, "message", problem)).strip().splitlines()[0][:300]


@contextmanager
def instance_of_home() -> Iterator[dg.DagsterInstance]:
    """The instance of DAGSTER_HOME, with databases that are opened only once."""
    one_engine_each()
    shortcuts.take()
    with dg.DagsterInstance.get() as instance:
        yield instance


def _share(instance: dg.DagsterInstance) -> None:
    """Share the databases. Otherwise each tick of a sensor or schedule would open them again, which is most of a tick's
    cost."""
    dispose = instance.dispose
    instance.dispose = lambda: None  # type: ignore[method-assign]
    instance.close = dispose  # type: ignore[attr-defined]
    dg.DagsterInstance.from_ref = staticmethod(lambda ref: instance)  # type: ignore[method-assign,assignment]


def _keep_no_evaluations(instance: dg.DagsterInstance) -> None:
    """Do not store evaluations of conditions for the UI: storing them is most of their cost."""
    storage: Any = instance.schedule_storage
    storage.add_auto_materialize_asset_evaluations = lambda *args, **kwargs: None
