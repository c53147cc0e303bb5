"""A run whose process is killed, under a real daemon with the checkout's dagster.yaml."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from genesys_assets.automation.progress import runs_of
from genesys_assets.definitions import build_definitions
from genesys_assets_tests.examples.deployment import REPOSITORY, Deployment, Run, deployed

pytestmark = pytest.mark.long

HOURS = ["genesys", "pages", "hourly_aggregates"]


@pytest.fixture
def silent_host() -> Iterator[str]:
    """A host that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_it_is_found_tried_once_more_and_frees_its_place(silent_host: str, tmp_path: Path) -> None:
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    settings = {
        "GENESYS_CLOUD_API_URL": silent_host,
        "GENESYS_CLOUD_LOGIN_URL": silent_host,
        "GENESYS_CLOUD_CLIENT_ID": "an-id",
        "GENESYS_CLOUD_CLIENT_SECRET": "a-secret",
        "GENESYS_ASSETS_START_DATE": yesterday,
        "GENESYS_ASSETS_LAKE": str(tmp_path / "lake"),
    }
    home = tmp_path / "home"
    with deployed(home, REPOSITORY / "workspace.yaml", settings, with_one_place()) as deployment:
        run = deployment.launch("genesys_assets", "/".join(HOURS), f"{yesterday}-00:00", job="hourly")
        with dg.DagsterInstance.from_config(str(home)) as instance:
            os.kill(deployment.wait_for(lambda: process_of(instance, run)), signal.SIGKILL)
            failed = deployment.ended(lambda each: each.id == run)
            assert failed.status == "FAILURE"
            again = deployment.wait_for(lambda: tried_again(deployment, run))
            # The place in the pool is free again: the second try has come as far as the first.
            os.kill(deployment.wait_for(lambda: process_of(instance, again.id)), signal.SIGKILL)
            assert deployment.ended(lambda each: each.id == again.id).status == "FAILURE"
            # There is no automatic third try: the sensors see two failures, and pause after them.
            location = build_definitions().get_repository_def()
            known = runs_of(instance, location, datetime.now(UTC))
            assert [(each.failed, each.first, each.assets) for each in known] == [
                (True, f"{yesterday}-00:00", frozenset(["pages/hourly_aggregates"]))
            ] * 2


def with_one_place() -> str:
    """The checkout's dagster.yaml, with a single place in the pool."""
    text, places = (REPOSITORY / "dagster.yaml").read_text(), "default_limit: 2"
    assert places in text
    return text.replace(places, "default_limit: 1")


def process_of(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """The process of a run that is in its step, and holds a place in the pool."""
    logs = instance.all_logs(run_id)
    if not any(entry.dagster_event and entry.dagster_event.is_step_start for entry in logs):
        return None
    return next(
        int(entry.message.split("pid: ")[1].split(")")[0]) for entry in logs if "Started process" in entry.message
    )


def tried_again(deployment: Deployment, run_id: str) -> Run | None:
    return next((run for run in deployment.runs() if run.id != run_id), None)
