"""Whether the process of a run still exists."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus

from genesys_assets.automation.local_runs import WatchedRunLauncher, is_alive
from genesys_assets_tests.patience import wait_for

_HERE = {".dagster/grpc_info": json.dumps({"host": "localhost", "socket": "/tmp/socket"})}
_ELSEWHERE = {".dagster/grpc_info": json.dumps({"host": "code", "port": 4000})}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    launcher = {"module": WatchedRunLauncher.__module__, "class": WatchedRunLauncher.__name__}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides={"run_launcher": launcher}) as instance:
        yield instance


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    waiting = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield waiting
    waiting.kill()
    waiting.communicate()


def health(instance: dg.DagsterInstance, tags: dict[str, str], pid: int | None) -> WorkerStatus:
    @dg.job
    def waiting() -> None: ...

    run = instance.create_run_for_job(waiting, tags=tags, status=dg.DagsterRunStatus.STARTED)
    if pid is not None:
        # As Dagster's code server notes it for each run that it starts.
        instance.report_engine_event(f"Started process for run (pid: {pid}).", run)
    return instance.run_launcher.check_run_worker_health(run).status


def test_a_run_whose_process_lives_is_running(instance: dg.DagsterInstance, process: subprocess.Popen[bytes]) -> None:
    assert health(instance, _HERE, process.pid) == WorkerStatus.RUNNING


def test_a_run_whose_process_was_killed_has_failed(
    instance: dg.DagsterInstance, process: subprocess.Popen[bytes]
) -> None:
    process.kill()
    process.wait()
    assert health(instance, _HERE, process.pid) == WorkerStatus.FAILED


def test_a_killed_process_that_nobody_has_waited_for_is_dead(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    wait_for(lambda: not is_alive(process.pid))
    assert process.returncode is None


def test_the_health_of_a_run_that_has_not_begun_is_unknown(instance: dg.DagsterInstance) -> None:
    assert health(instance, _HERE, None) == WorkerStatus.RUNNING


def test_a_run_of_another_machine_is_not_judged(instance: dg.DagsterInstance, process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    assert health(instance, _ELSEWHERE, process.pid) == WorkerStatus.RUNNING


@pytest.mark.parametrize("error", [FileNotFoundError, ProcessLookupError])
def test_a_process_that_ends_while_it_is_looked_at_is_dead(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    def read_text(_: Path) -> str:
        raise error

    monkeypatch.setattr(Path, "read_text", read_text)
    assert not is_alive(process.pid)
