"""A code server that goes away and comes back, under a real daemon: nothing that waits in the queue is lost.

GENESYS_ASSETS_TESTS_AWAY_SECONDS=300     away for this long, with the checkout's own dagster.yaml; otherwise until the
daemon has missed it twice, with pauses of two seconds instead of sixty
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from genesys_assets.sandbox.server import running
from genesys_assets_tests.assets.world import World, definitions
from genesys_assets_tests.examples.deployment import REPOSITORY, Deployment, Run, code_server, deployed
from genesys_assets_tests.ports import free_port

pytestmark = pytest.mark.long

AGGREGATES = "genesys/pages/hourly_aggregates"
DAY = "2026-01-29"
QUEUED = [f"{DAY}-{hour:02d}:00" for hour in range(3)]
OF_THE_BACKFILL = [f"{DAY}-{hour:02d}:00" for hour in range(10, 14)]
AWAY_SECONDS = float(os.environ.get("GENESYS_ASSETS_TESTS_AWAY_SECONDS", "0"))
PAUSE = "user_code_failure_retry_delay: 60"
MISSED = "Caught an error dequeuing run"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An organisation on an evening in January, and an empty lake."""
    now = datetime(2026, 1, 30, 18, 17, tzinfo=UTC)
    with running(seed=3, conversations_per_day=20, now=now, requests_per_minute=None) as sandbox:
        yield World(sandbox, tmp_path / "lake", definitions(DAY), {"GENESYS_ASSETS_START_DATE": DAY})


def test_what_was_queued_and_what_a_backfill_asked_for_runs_once_it_is_back(world: World, tmp_path: Path) -> None:
    home, port, log = tmp_path / "home", free_port(), tmp_path / "code_server.log"
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text(
        f"load_from:\n- grpc_server: {{host: 127.0.0.1, port: {port}, location_name: genesys_assets}}\n"
    )
    with deployed(home, workspace, world.environment, configuration()) as deployment:
        with code_server(home, world.environment, port, log) as server:
            deployment.wait_for(lambda: deployment.locations() == {"genesys_assets": "LOADED"})
            with stopped_daemon(deployment):
                runs = [deployment.launch("genesys_assets", AGGREGATES, hour, job="hourly") for hour in QUEUED]
                backfill = deployment.backfill(AGGREGATES, OF_THE_BACKFILL)
                os.killpg(server.process.pid, signal.SIGKILL)
                server.process.wait()
            until = time.monotonic() + AWAY_SECONDS
            deployment.wait_for(lambda: time.monotonic() > until and missed(deployment) > 1)
        with code_server(home, world.environment, port, log):
            assert {deployment.ended(is_run(run)).status for run in runs} == {"SUCCESS"}
            assert deployment.backfill_ended(backfill) == "COMPLETED_SUCCESS"
    assert sorted(world.lake.log("pages/hourly_aggregates").partitions()) == [*QUEUED, *OF_THE_BACKFILL]


def configuration() -> str:
    """The checkout's dagster.yaml, or with short pauses."""
    text = (REPOSITORY / "dagster.yaml").read_text()
    assert PAUSE in text
    return text if AWAY_SECONDS else text.replace(PAUSE, "user_code_failure_retry_delay: 2")


@contextmanager
def stopped_daemon(deployment: Deployment) -> Iterator[None]:
    """Stop the daemon meanwhile, so that launched runs stay in the queue."""
    daemon = deployment.parts[1].process.pid
    os.kill(daemon, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(daemon, signal.SIGCONT)


def missed(deployment: Deployment) -> int:
    """How often the daemon tried to start a run and did not reach the code server."""
    return deployment.parts[1].log.read_text().count(MISSED)


def is_run(run_id: str) -> Callable[[Run], bool]:
    return lambda run: run.id == run_id
