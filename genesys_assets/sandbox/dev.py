"""The Dagster UI: on your organisation when GENESYS_CLOUD_CLIENT_ID is set, there or in .env, else on a sandbox started
for it.

`make dev` runs it. The two share nothing: what the sandbox brings lies in `.sandbox`, lake, bucket and Dagster's own
databases, and of .env it sees nothing. The sandbox and the S3 server live as long as the UI does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

CLIENT_ID = "GENESYS_CLOUD_CLIENT_ID"
SANDBOX = ".sandbox"
WORKSPACE = "workspace.yaml"


def main() -> int:
    home = Path(os.environ.get("DAGSTER_HOME", ".")).absolute()
    with contextlib.ExitStack() as stack:
        if settings := of_your_organisation(home):
            place = settings.get("GENESYS_ASSETS_LAKE") or home / "lake"
            print(f"Running on the organisation of the OAuth client {settings[CLIENT_ID]}, lake {place}", flush=True)
            folder = home
        else:
            folder = stack.enter_context(sandbox(home))
        return _dagster_dev(folder, sys.argv[1:])


def of_your_organisation(home: Path) -> dict[str, str]:
    """The settings by which Dagster reaches your organisation, .env before the environment as it does; none without an
    OAuth client.
    """
    from dotenv import dotenv_values

    in_file = {name: value for name, value in dotenv_values(home / ".env").items() if value}
    settings = {**os.environ, **in_file}
    return settings if settings.get(CLIENT_ID) else {}


@contextlib.contextmanager
def sandbox(home: Path) -> Iterator[Path]:
    """A sandbox and an instance of Dagster in a folder of their own, in which there is no .env."""
    from genesys_assets.sandbox.demo import surroundings

    folder = home / SANDBOX
    instance = folder / "dagster"
    instance.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(home / "dagster.yaml", instance / "dagster.yaml")
    (folder / WORKSPACE).write_text(_seen_from_elsewhere(home / WORKSPACE))
    reports = os.environ.get("GENESYS_ASSETS_REPORTS") or str(home / "reports.yaml")
    week_ago = f"{datetime.now(UTC) - timedelta(days=7):%Y-%m-%d}"
    more = {"DAGSTER_HOME": str(instance)}
    if Path(reports).is_file():
        more["GENESYS_ASSETS_REPORTS"] = reports
    with surroundings(folder, start_date=week_ago, conversations_per_day=400, more=more):
        print(
            f"{CLIENT_ID} is not set, neither in the environment nor in .env: running on the sandbox, from {week_ago}."
            f" All of it lies in {folder}; of .env nothing is read.",
            flush=True,
        )
        yield folder


def _seen_from_elsewhere(workspace: Path) -> str:
    """The same code locations: Dagster takes a working directory from where it runs, not from where its file lies."""
    import yaml

    told = yaml.safe_load(workspace.read_text())
    for location in told["load_from"]:
        for target in location.values():
            if isinstance(target, dict) and "working_directory" in target:
                target["working_directory"] = str(workspace.parent / target["working_directory"])
    return yaml.safe_dump(told)


def _dagster_dev(folder: Path, arguments: list[str]) -> int:
    """`dagster dev` in a process group of its own, ended as a group when this process is asked to end. It reads
    workspace and .env of the folder, if there is one.

    It creates the databases of a new DAGSTER_HOME by itself, before it starts the processes that share them.
    """
    for request in (signal.SIGINT, signal.SIGTERM):
        signal.signal(request, _interrupt)
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster", "dev", "-w", WORKSPACE, *arguments],
        cwd=folder,
        start_new_session=True,
    )
    try:
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _end_group(process)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask first, so that runs end well; the web server is slow to let go and leaves children behind."""
    for request, patience_seconds in ((signal.SIGINT, 8), (signal.SIGTERM, 4), (signal.SIGKILL, 2)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, request)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
