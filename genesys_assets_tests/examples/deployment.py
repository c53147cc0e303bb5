"""Dagster as it is deployed: web server and daemon as processes of their own, over a workspace of code locations.

A test asks it for what a person would click, through the same GraphQL. What must come of it is in the tests.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import requests

REPOSITORY = Path(__file__).parents[2]
_PATIENCE_SECONDS = 240.0
_PATIENCE_ENDING_SECONDS = 30.0
_REPOSITORY_NAME = "__repository__"
_OURS = ("GENESYS_", "AWS_", "DAGSTER_")
Seen = TypeVar("Seen")

_LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { ... on PythonError { message } } } } } }"""
_START_SENSOR = """
mutation ($sensor: SensorSelector!) {
    startSensor(sensorSelector: $sensor) { __typename ... on PythonError { message } } }"""
_TICKS = """
query ($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) {
    ... on Sensor { sensorState { ticks(limit: 20) { status error { message } } } } } }"""
_LAUNCH = """
mutation ($run: ExecutionParams!) { launchRun(executionParams: $run) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_RUNS = """
{ runsOrError(limit: 50) { ... on Runs { results {
    runId status repositoryOrigin { repositoryLocationName } assetSelection { path } tags { key value } } } } }"""


@dataclass(frozen=True)
class Run:
    """A run as the UI shows it."""

    id: str
    status: str
    location: str
    assets: tuple[str, ...]
    partition: str | None
    by_itself: bool


@dataclass(frozen=True)
class Deployment:
    """A running web server and daemon."""

    url: str

    def locations(self) -> dict[str, str]:
        """Each code location with its state: LOADED, LOADING, or why it could not be loaded."""
        entries = self._ask(_LOCATIONS)["workspaceOrError"]["locationEntries"]
        return {
            entry["name"]: (entry["locationOrLoadError"] or {}).get("message") or entry["loadStatus"]
            for entry in entries
        }

    def switch_on(self, location: str, sensor: str) -> None:
        """Start a sensor; returns once it has ticked."""
        where = {"repositoryLocationName": location, "repositoryName": _REPOSITORY_NAME, "sensorName": sensor}
        answer = self._ask(_START_SENSOR, sensor=where)["startSensor"]
        assert answer["__typename"] == "Sensor", answer
        wait_for(lambda: self._ticks(where))

    def _ticks(self, sensor: Mapping[str, str]) -> list[str]:
        ticks = self._ask(_TICKS, sensor=sensor)["sensorOrError"]["sensorState"]["ticks"]
        assert not any(tick["error"] for tick in ticks), ticks
        return [tick["status"] for tick in ticks if tick["status"] != "STARTED"]

    def materialise(self, location: str, asset: str, partition: str, job: str = "__ASSET_JOB") -> Run:
        """One partition of one asset; returns when the run has ended."""
        run = {
            "selector": {
                "repositoryLocationName": location,
                "repositoryName": _REPOSITORY_NAME,
                "jobName": job,
                "assetSelection": [{"path": asset.split("/")}],
                "assetCheckSelection": [],
            },
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": partition}]},
        }
        answer = self._ask(_LAUNCH, run=run)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return self.ended(lambda run: run.id == answer["run"]["runId"])

    def ended(self, wanted: Callable[[Run], bool]) -> Run:
        """The first run that is as wanted, when it has ended."""
        return wait_for(
            lambda: next(
                (run for run in self.runs() if wanted(run) and run.status in ("SUCCESS", "FAILURE", "CANCELED")), None
            )
        )

    def runs(self) -> list[Run]:
        """Every run, the oldest first."""
        results = self._ask(_RUNS)["runsOrError"]["results"]
        return [_run(result) for result in reversed(results)]

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
        assert "errors" not in answer, answer["errors"]
        return dict(answer["data"])


def _run(result: dict[str, Any]) -> Run:
    tags = {tag["key"]: tag["value"] for tag in result["tags"]}
    return Run(
        id=result["runId"],
        status=result["status"],
        location=result["repositoryOrigin"]["repositoryLocationName"],
        assets=tuple("/".join(asset["path"]) for asset in result["assetSelection"] or []),
        partition=tags.get("dagster/partition"),
        by_itself=tags.get("dagster/from_automation_condition") == "true",
    )


@contextlib.contextmanager
def deployed(home: Path, workspace: Path, settings: Mapping[str, str]) -> Iterator[Deployment]:
    """Web server and daemon, started from the checkout with its dagster.yaml, until the block ends."""
    home.mkdir()
    shutil.copy(REPOSITORY / "dagster.yaml", home)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    environment = {**inherited, **settings, "DAGSTER_HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
    port = _free_port()
    web = ["dagster-webserver", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]
    daemon = ["dagster-daemon", "run", "-w", str(workspace)]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        processes.append(_started(web, environment, home / "web.log"))
        processes.append(_started(daemon, environment, home / "daemon.log"))
        deployment = Deployment(f"http://127.0.0.1:{port}")
        wait_for(lambda: processes[0].poll() is not None or _answers(deployment))
        assert processes[0].poll() is None, (home / "web.log").read_text()
        yield deployment
    finally:
        _end(processes)


def _started(command: list[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """A tool of this Python, in a process group of its own."""
    with log.open("wb") as output:
        return subprocess.Popen(
            [str(Path(sys.executable).with_name(command[0])), *command[1:]],
            cwd=REPOSITORY,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ask all at once, wait for them and for the code servers that they started, and kill what does not listen."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _PATIENCE_ENDING_SECONDS
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.killpg(process.pid, 0)
                time.sleep(0.1)
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(deployment: Deployment) -> bool:
    try:
        return "LOADING" not in deployment.locations().values()
    except requests.ConnectionError:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def wait_for(look: Callable[[], Seen | None]) -> Seen:
    """What `look` sees as soon as it sees something; fails when nothing comes of it."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (seen := look()):
        assert time.monotonic() < deadline, f"nothing came of it within {_PATIENCE_SECONDS:.0f} s"
        time.sleep(0.5)
    return seen
