"""A small cluster on this machine: PostgreSQL, Redis, an S3 server, code server, web server, daemon and Celery workers.

It is configured by the files in `celery`, listens on loopback only, and reads the sandbox. `make cluster` runs it until
Ctrl-C. Each worker stands for a machine of its own: it has its own folder with a copy of `celery` and its own temporary
files, and shares with the others nothing but PostgreSQL, Redis and S3.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy import services
from genesys_assets.sandbox import object_store, server
from genesys_assets.sandbox.processes import Watch, guard

CHECKOUT = Path(__file__).parents[1]
BUCKET = "genesys-assets"
_CELERY = CHECKOUT / "deploy" / "celery"
_OURS = ("GENESYS_", "AWS_", "DAGSTER_")
_STARTUP_SECONDS = 180.0
_ENDING_SECONDS = 30.0
_CODE = ("-m", "genesys_assets.definitions")
_WORKSPACE = """\
load_from:
  - grpc_server:
      host: 127.0.0.1
      port: {port}
      location_name: genesys_assets
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A service of the cluster: its process group, its working folder, and the file of its output."""

    name: str
    process: subprocess.Popen[bytes]
    folder: Path
    log: Path

    def kill(self) -> None:
        """Kill it at once, as if its machine had lost power."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster. `url` is that of the web server, `settings` are the environment variables of every machine.
    `add_worker` starts another worker, on a machine of its own.
    """

    url: str
    settings: Mapping[str, str]
    services: Sequence[Part]
    workers: Sequence[Part]
    add_worker: Callable[[], Part]


def python() -> Path:
    """The interpreter for which PostgreSQL's driver and Celery are installed. Raises services.NotInstalled."""
    venv = os.environ.get("GENESYS_ASSETS_CLUSTER_VENV") or CHECKOUT / ".venv-cluster"
    interpreter = Path(venv).absolute() / "bin" / "python"
    if not interpreter.with_name("celery").exists():
        raise services.NotInstalled(
            f"PostgreSQL's driver and Celery are not installed in {interpreter.parents[1]}: run `make celery`"
        )
    return interpreter


@contextmanager
def running(
    settings: Mapping[str, str], *, workers: int = 2, edited: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """A cluster until the block ends. Then everything that it wrote is removed.

    `settings` are environment variables that lead to the platform. `edited` replaces texts in
    deploy/celery/dagster.yaml. Raises services.NotInstalled if a server or tool is missing on this machine.
    """
    interpreter, folder = python(), Path(tempfile.mkdtemp(prefix="genesys_assets_cluster_"))
    with guard(folder) as watch, ExitStack() as stack:
        database = stack.enter_context(services.postgres())
        broker = stack.enter_context(services.redis())
        store = stack.enter_context(object_store.running())
        store.create_bucket(BUCKET)
        every = {
            **database.settings,
            **store.environment(),
            "DAGSTER_CELERY_BROKER": broker,
            "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1",
            "GENESYS_ASSETS_LAKE": f"s3://{BUCKET}/lake",
            "GENESYS_ASSETS_PUBLISH_URL": f"s3://{BUCKET}/published",
            "GENESYS_ASSETS_COMPUTE_LOGS_BUCKET": BUCKET,
            "GENESYS_ASSETS_DAYS_PER_RUN": "1",
            "ARROW_DEFAULT_MEMORY_POOL": "jemalloc",
            **settings,
        }
        own = {
            "port: 5432": f"port: {database.port}",
            # One per worker, because each worker has one run at a time.
            "max_concurrent_runs: 4": f"max_concurrent_runs: {workers}",
        }
        configuration = _edited((_CELERY / "dagster.yaml").read_text(), {**own, **(edited or {})})
        machines = _Machines(folder, interpreter.parent, every, configuration, watch, stack)
        yield _start(machines, workers)


@dataclass(frozen=True, slots=True)
class _Machines:
    """Starts the services of a cluster, each on a machine of its own, and ends them when `stack` is closed."""

    folder: Path
    tools: Path
    settings: Mapping[str, str]
    configuration: str
    watch: Watch
    stack: ExitStack

    def prepare(self, name: str) -> tuple[Path, dict[str, str]]:
        """A new folder with the files that an operator copies to a machine, and the environment variables there."""
        folder = self.folder / name
        (folder / "tmp").mkdir(parents=True)
        (folder / "dagster.yaml").write_text(self.configuration)
        shutil.copy(_CELERY / "worker.py", folder)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
        own = {"DAGSTER_HOME": f"{folder}", "TMPDIR": f"{folder / 'tmp'}", "PYTHONPATH": f"{CHECKOUT}"}
        return folder, {**inherited, **self.settings, **own}

    def run(self, name: str, *command: str) -> None:
        """Run a command on a machine to its end. Raises RuntimeError if it fails."""
        folder, environment = self.prepare(name)
        completed = subprocess.run(
            [self.tools / command[0], *command[1:]], cwd=folder, env=environment, capture_output=True, check=False
        )
        if completed.returncode:
            raise RuntimeError(f"{' '.join(command)} failed: {completed.stderr.decode(errors='replace')[-2000:]}")

    def start(self, name: str, *command: str, workspace: str | None = None) -> Part:
        """Start a service on a machine, in a process group of its own."""
        folder, environment = self.prepare(name)
        if workspace:
            (folder / "workspace.yaml").write_text(workspace)
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [self.tools / command[0], *command[1:]],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.watch(process.pid)
        return Part(name, process, folder, log)


def _start(machines: _Machines, workers: int) -> Cluster:
    # This creates the tables of the database before several processes need them.
    machines.run("first", "dagster", "instance", "info")
    code, web = services.free_port(), services.free_port()
    workspace, loopback = _WORKSPACE.format(port=code), ("-h", "127.0.0.1", "-p")
    started: list[Part] = []
    machines.stack.callback(_end, started)
    started.append(machines.start("code", "dagster", "api", "grpc", *loopback, f"{code}", *_CODE))
    _wait(started[:1], lambda: services.listens(code))
    started.append(
        machines.start("web", "dagster-webserver", *loopback, f"{web}", "-w", "workspace.yaml", workspace=workspace)
    )
    started.append(machines.start("daemon", "dagster-daemon", "run", "-w", "workspace.yaml", workspace=workspace))
    working: list[Part] = []

    def add_worker() -> Part:
        working.append(machines.start(f"worker_{len(working) + 1}", *_worker(len(working) + 1)))
        started.append(working[-1])
        return working[-1]

    for _ in range(workers):
        add_worker()
    _wait(started, lambda: services.listens(web) and all(" ready." in each.log.read_text() for each in working))
    return Cluster(f"http://127.0.0.1:{web}", machines.settings, started[:3], working, add_worker)


def _worker(number: int) -> tuple[str, ...]:
    """The command of a worker. Its name has a number, because all workers have the host name of this machine."""
    options = ("--concurrency", "1", "--queues", "dagster", "--loglevel", "INFO")
    return ("celery", "-A", "worker", "worker", *options, "-n", f"worker_{number}@localhost")


def _edited(text: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        if old not in text:
            raise ValueError(f"{old!r} is not in deploy/celery/dagster.yaml")
        text = text.replace(old, new)
    return text


def _wait(parts: Sequence[Part], is_ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _STARTUP_SECONDS
    while not is_ready():
        for part in parts:
            if part.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{part.name} did not start: {part.log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _end(parts: Sequence[Part]) -> None:
    """Ask all parts to end, wait, and kill those that do not."""
    for part in parts:
        with suppress(ProcessLookupError):
            os.killpg(part.process.pid, signal.SIGTERM)
    deadline = time.monotonic() + _ENDING_SECONDS
    for part in parts:
        with suppress(subprocess.TimeoutExpired):
            part.process.wait(max(0.0, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(part.process.pid, signal.SIGKILL)
        part.process.wait()


def main() -> int:
    arguments = _arguments()
    for request in (signal.SIGINT, signal.SIGTERM):
        signal.signal(request, _interrupt)
    sandbox = server.running(
        conversations_per_day=arguments.conversations, requests_per_minute=arguments.requests_per_minute
    )
    try:
        with sandbox as platform:
            settings = {**platform.environment(), "GENESYS_ASSETS_START_DATE": arguments.start_date}
            with running(settings, workers=arguments.workers) as cluster:
                print(f"The UI is at {cluster.url}. Ctrl-C stops all of it and removes what it wrote.", flush=True)
                for part in (*cluster.services, *cluster.workers):
                    print(f"  {part.name:10} process {part.process.pid}, log {part.log}", flush=True)
                signal.pause()
    except KeyboardInterrupt:
        return 0
    except services.NotInstalled as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _arguments() -> argparse.Namespace:
    week_ago = f"{datetime.now(UTC) - timedelta(days=7):%Y-%m-%d}"
    parser = argparse.ArgumentParser(description="A small cluster on this machine, on the sandbox, until Ctrl-C.")
    parser.add_argument("--workers", type=int, default=2, help="workers of Celery (default: %(default)s)")
    parser.add_argument("--start-date", metavar="YYYY-MM-DD", default=week_ago, help="first day (default: a week ago)")
    parser.add_argument("--conversations", type=int, default=400, help="conversations a day (default: %(default)s)")
    parser.add_argument(
        "--requests-per-minute", type=int, default=300, help="what the sandbox allows (default: %(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
