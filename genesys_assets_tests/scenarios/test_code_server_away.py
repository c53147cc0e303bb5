"""The code server is away, as after each deployment: what waits in the queue waits for it, with this dagster.yaml."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._grpc.client import DagsterGrpcClient

from genesys_assets_tests.patience import wait_for
from genesys_assets_tests.ports import free_port
from genesys_assets_tests.processes import beside

DAGSTER_YAML = Path(__file__).parents[2] / "dagster.yaml"
HOST = "127.0.0.1"
CODE = """
import dagster as dg

@dg.op
def step(): ...

@dg.job
def waiting():
    step()

defs = dg.Definitions(jobs=[waiting], executor=dg.in_process_executor)
"""


@dg.op
def step() -> None: ...


@dg.job
def waiting() -> None:
    step()


@contextmanager
def served(code: Path, port: int) -> Iterator[None]:
    """A code server on a port."""
    command = [sys.executable, "-m", "dagster", "api", "grpc", "--python-file", f"{code}"]
    where = ["--host", HOST, "--port", f"{port}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    client: Any = DagsterGrpcClient(host=HOST, port=port)
    with beside([*command, *where], **quiet) as process:

        def answers() -> bool:
            assert process.poll() is None
            return bool(client.health_check_query() == "SERVING")

        wait_for(answers)
        yield


@pytest.fixture
def home(tmp_path: Path) -> Path:
    shutil.copy(DAGSTER_YAML, tmp_path)
    (tmp_path / "code.py").write_text(CODE)
    return tmp_path


def queue(instance: dg.DagsterInstance, context: Any) -> str:
    """A run of the code server's job, in the queue."""
    workspace = context.create_request_context()
    job = workspace.get_code_location("code").get_repository("__repository__").get_full_job("waiting")
    run = instance.create_run_for_job(
        waiting, remote_job_origin=job.get_remote_origin(), job_code_origin=job.get_python_origin()
    )
    return instance.submit_run(run.run_id, workspace).run_id


def test_a_run_in_the_queue_waits_for_a_code_server_that_is_away_for_five_minutes(home: Path) -> None:
    port, coordinator = free_port(), QueuedRunCoordinatorDaemon(interval_seconds=1)
    target = GrpcServerTarget(host=HOST, port=port, socket=None, location_name="code")
    with dg.DagsterInstance.from_config(str(home)) as instance, ExitStack() as stack:
        with served(home / "code.py", port):
            context = stack.enter_context(create_test_daemon_workspace_context(target, instance))
            run = queue(instance, context)

        def status(minute: int) -> dg.DagsterRunStatus:
            """How the run stands when the queue was looked at in some minute."""
            list(coordinator.run_iteration(context, fixed_iteration_time=60.0 * minute))
            found = instance.get_run_by_id(run)
            assert found is not None
            return found.status

        assert {status(minute) for minute in range(6)} == {dg.DagsterRunStatus.QUEUED}
        with served(home / "code.py", port):
            wait_for(lambda: status(7) == dg.DagsterRunStatus.SUCCESS, pause=0.2)
