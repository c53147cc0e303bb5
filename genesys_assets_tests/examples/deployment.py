"""Dagster as it is deployed: web server and daemon as processes of their own, over a workspace of code locations.

A test does through the same GraphQL what a person would click. The tests state the expected results.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import requests

from genesys_assets.sandbox.processes import guard
from genesys_assets_tests.patience import PATIENCE_SECONDS, wait_for
from genesys_assets_tests.ports import free_port

REPOSITORY = Path(__file__).parents[2]
# A run starts processes one after the other, each of which imports Dagster.
_PATIENCE_SECONDS = 2 * PATIENCE_SECONDS
_PATIENCE_ENDING_SECONDS = 30.0
_REPOSITORY_NAME = "__repository__"
SHARED_DATABASES = {"history/runs.db", "history/runs/index.db", "schedules/schedules.db"}
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
_BACKFILL = """
mutation ($backfill: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $backfill) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_BACKFILL_STATUS = """
query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"""
_RUNS = """
{ runsOrError(limit: 1000) { ... on Runs { results {
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
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Part:
    """The web server or the daemon, and the file that holds what it printed."""

    process: subprocess.Popen[bytes]
    log: Path


class WatchedProcess(Protocol):
    """A process that must keep running while a test waits."""

    @property
    def process(self) -> subprocess.Popen[bytes]: ...
    @property
    def log(self) -> Path: ...


@dataclass(frozen=True)
class Deployment:
    """A running web server and daemon."""

    url: str
    parts: Sequence[WatchedProcess]
    patience: float = _PATIENCE_SECONDS

    def wait_for(self, look: Callable[[], Seen | None]) -> Seen:
        """Waits until `look` returns something, and returns it. If a part ends meanwhile, fails at once with its
        log."""

        def look_while_all_run() -> Seen | None:
            for part in self.parts:
                assert part.process.poll() is None, part.log.read_text()
            return look()

        return wait_for(look_while_all_run, self.patience, pause=0.5)

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
        self.wait_for(lambda: self._ticks(where))

    def _ticks(self, sensor: Mapping[str, str]) -> list[str]:
        ticks = self._ask(_TICKS, sensor=sensor)["sensorOrError"]["sensorState"]["ticks"]
        assert not any(tick["error"] for tick in ticks), ticks
        return [tick["status"] for tick in ticks if tick["status"] != "STARTED"]

    def materialise(self, location: str, asset: str, partition: str, job: str = "__ASSET_JOB") -> Run:
        """Materialise one partition of one asset; returns when the run has ended."""
        launched = self.launch(location, asset, partition, job)
        return self.ended(lambda run: run.id == launched)

    def launch(self, location: str, asset: str, partition: str, job: str = "__ASSET_JOB") -> str:
        """Launch one partition of one asset; returns the id of the run."""
        run = {
            "selector": {
                "repositoryLocationName": location,
                "repositoryName": _REPOSITORY_NAME,
                "jobName": job,
                "assetSelection": [{"path": asset.split("/")}],
            },
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": partition}]},
        }
        answer = self._ask(_LAUNCH, run=run)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def backfill(self, asset: str, partitions: Sequence[str]) -> str:
        """Launch several partitions of one asset as a backfill; returns its id."""
        return self._backfill({"assetSelection": [{"path": asset.split("/")}], "partitionNames": list(partitions)})

    def backfill_ranges(self, ranges: Mapping[str, tuple[str, str] | None]) -> str:
        """Launch a range of partitions of each asset as one backfill; returns its id. None stands for an asset without
        partitions."""
        asked = [
            {
                "assetKey": {"path": asset.split("/")},
                "partitions": bounds and {"range": {"start": bounds[0], "end": bounds[1]}},
            }
            for asset, bounds in ranges.items()
        ]
        return self._backfill({"partitionsByAssets": asked})

    def _backfill(self, asked: Mapping[str, Any]) -> str:
        answer = self._ask(_BACKFILL, backfill=asked)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def backfill_ended(self, backfill: str) -> str:
        """Wait for the end of a backfill; returns its status."""

        def status() -> str | None:
            now = str(self._ask(_BACKFILL_STATUS, id=backfill)["partitionBackfillOrError"]["status"])
            return None if now in ("REQUESTED", "CANCELING", "FAILING") else now

        return self.wait_for(status)

    def ended(self, wanted: Callable[[Run], bool]) -> Run:
        """Wait for the first matching run to end."""
        return self.wait_for(
            lambda: next(
                (run for run in self.runs() if wanted(run) and run.status in ("SUCCESS", "FAILURE", "CANCELED")), None
            )
        )

    def runs(self) -> list[Run]:
        """Every run, the oldest first."""
        results = self._ask(_RUNS)["runsOrError"]["results"]
        return [_run(result) for result in reversed(results)]

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        answer = requests.post(f"{self.url}/graphql", json=body, timeout=PATIENCE_SECONDS).json()
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
        tags=tags,
    )


@contextlib.contextmanager
def deployed(
    home: Path,
    workspace: Path,
    settings: Mapping[str, str],
    configuration: str | None = None,
    *,
    has_daemon: bool = True,
) -> Iterator[Deployment]:
    """Web server and daemon, started from the checkout, until the block ends.

    `configuration`, if given, replaces the checkout's dagster.yaml.
    """
    home.mkdir()
    (home / "dagster.yaml").write_text(configuration or (REPOSITORY / "dagster.yaml").read_text())
    environment = _environment(home, settings)
    port = free_port()
    web = ["dagster-webserver", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]
    daemon = ["dagster-daemon", "run", "-w", str(workspace)]
    create_instance(environment)
    parts: list[Part] = []
    with guard() as watch, contextlib.ExitStack() as stack:
        stack.callback(_end, parts)
        wanted = [(web, home / "web.log"), *([(daemon, home / "daemon.log")] if has_daemon else [])]
        for command, log in wanted:
            parts.append(_started(command, environment, log))
            watch(parts[-1].process.pid)
        deployment = Deployment(f"http://127.0.0.1:{port}", parts)
        deployment.wait_for(lambda: _answers(deployment))
        yield deployment


@contextlib.contextmanager
def code_server(home: Path, settings: Mapping[str, str], port: int, log: Path) -> Iterator[Part]:
    """The code location genesys_assets served by a process of its own, until the block ends or it is killed.

    The runs that it started go on without it.
    """
    command = [
        "dagster",
        "code-server",
        "start",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "-m",
        "genesys_assets.definitions",
    ]
    with guard() as watch, contextlib.ExitStack() as stack:
        parts: list[Part] = []
        stack.callback(_end, parts)
        parts.append(_started(command, _environment(home, settings), log))
        watch(parts[0].process.pid)
        yield parts[0]


def _environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """The environment that README.md gives to services, and no other settings of the package."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    services = {"DAGSTER_HOME": str(home), "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1"}
    return {**inherited, **settings, **services, "PYTHONPATH": str(REPOSITORY)}


def create_instance(environment: Mapping[str, str]) -> None:
    """Create the databases of a new DAGSTER_HOME, as README.md says, before several processes open them at once."""
    done = subprocess.run(
        [_tool("dagster"), "instance", "info"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def databases(home: Path) -> set[str]:
    """The files in which a DAGSTER_HOME keeps its runs, events and schedules."""
    return {str(path.relative_to(home)) for path in home.rglob("*.db")}


def _started(command: list[str], environment: Mapping[str, str], log: Path) -> Part:
    """A tool of this Python, in a process group of its own."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [_tool(command[0]), *command[1:]],
            cwd=REPOSITORY,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Part(process, log)


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _end(parts: list[Part]) -> None:
    """Ask all processes to end at once, wait for them and their code servers, and kill those that do not react."""
    for part in parts:
        part.process.terminate()
    deadline = time.monotonic() + _PATIENCE_ENDING_SECONDS
    for part in parts:
        with contextlib.suppress(subprocess.TimeoutExpired):
            part.process.wait(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.killpg(part.process.pid, 0)
                time.sleep(0.1)
            os.killpg(part.process.pid, signal.SIGKILL)
        part.process.wait()


def _answers(deployment: Deployment) -> bool:
    try:
        return "LOADING" not in deployment.locations().values()
    except requests.ConnectionError:
        return False
