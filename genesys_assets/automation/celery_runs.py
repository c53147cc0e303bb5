"""A run launcher that detects runs whose Celery worker was lost. Dagster's own launcher trusts the task states in
Redis. With it such a run would stay in progress for ever, and a task that Redis delivers twice would count as done.

deploy/celery/dagster.yaml names the launcher. The daemon checks each run with it every `poll_interval_seconds` of
`run_monitoring`.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from celery.exceptions import DuplicateTaskNameWarning
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

if TYPE_CHECKING:
    from dagster import DagsterRun

# Dagster registers the same task again with each run that it launches.
warnings.filterwarnings("ignore", category=DuplicateTaskNameWarning)

SECONDS_A_TRY = 5.0
"""How long to wait for answers of workers. They answer even while they work, from their main process."""


class WatchedCeleryRunLauncher(CeleryRunLauncher):  # type: ignore[misc]
    """Launches runs on Celery workers, and asks the workers whether they still work on them."""

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """FAILED if no worker reports the run. Before Dagster fails the run, it checks once more whether the run has
        ended.
        """
        task = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task is None or self._is_worked_on(task):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"No worker works on task {task}: its worker was lost.")

    def _is_worked_on(self, task: str) -> bool:
        """Ask the worker that took the task, which answers at once. If it does not work on the task, ask all workers,
        up to twice. If it is unknown which worker took the task, ask all workers, up to three times.
        """
        taken = self.celery.AsyncResult(task).info
        worker = taken.get("hostname") if isinstance(taken, dict) else None
        return any(self._works_on(task, where) for where in ([worker] if worker else None, None, None))

    def _works_on(self, task: str, workers: list[str] | None) -> bool:
        answers = self.celery.control.inspect(workers, timeout=SECONDS_A_TRY).query_task(task) or {}
        return any(state == "active" for tasks in answers.values() for state, _ in tasks.values())
