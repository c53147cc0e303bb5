"""A run launcher that detects runs on this machine whose process died. Dagster's own launcher cannot, so such a run
would occupy its slot in the pool for hours.

dagster.yaml names the launcher. The daemon checks each run with it every `poll_interval_seconds` of `run_monitoring`.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from dagster import DagsterEventType, DagsterRun
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG

_STARTED = re.compile(r"Started process for run \(pid: (\d+)\)")


class WatchedRunLauncher(DefaultRunLauncher):
    """Starts each run in its own process on this machine, and checks whether that process is still alive."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """FAILED if the run's process is gone. A run on another machine counts as running."""
        process = self._process(run) if is_of_this_machine(run) else None
        if process is None or is_alive(process):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"Process {process} of the run is gone: it was killed.")

    def _process(self, run: DagsterRun) -> int | None:
        logged = self._instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT)
        started = [match for entry in logged if (match := _STARTED.search(entry.message))]
        return int(started[-1][1]) if started else None


def is_of_this_machine(run: DagsterRun) -> bool:
    """Whether the code server of a run is reached by a local socket, as with `dagster dev`."""
    server = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
    return bool(server.get("socket"))


def is_alive(process: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    if not Path("/proc/self/status").exists():
        return True
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
