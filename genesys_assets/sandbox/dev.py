"""Starts the Dagster UI: on your organisation if GENESYS_CLOUD_CLIENT_ID is set, in the environment or in .env, else on
a sandbox.

`make dev` runs it. The two share nothing: lake, bucket and Dagster's databases of the sandbox are in `.sandbox`, and it
does not read .env. The sandbox and the S3 server run as long as the UI.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
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
    """The settings with which Dagster reaches your organisation; as in Dagster, .env takes precedence over the
    environment. Empty without an OAuth client.
    """
    from dotenv import dotenv_values

    in_file = {name: value for name, value in dotenv_values(home / ".env").items() if value}
    settings = {**os.environ, **in_file}
    return settings if settings.get(CLIENT_ID) else {}


@contextlib.contextmanager
def sandbox(home: Path) -> Iterator[Path]:
    """Starts a sandbox, and prepares an instance of Dagster in a folder of its own without a .env. Yields the
    folder.
    """
    from genesys_assets.sandbox.demo import surroundings

    folder = home / SANDBOX
    instance = folder / "dagster"
    instance.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(home / "dagster.yaml", instance / "dagster.yaml")
    (folder / WORKSPACE).write_text(_with_absolute_paths(home / WORKSPACE))
    # A link, so that a file that is added later is found when the code location is reloaded.
    link = instance / "reports.yaml"
    link.unlink(missing_ok=True)
    with contextlib.suppress(FileExistsError):  # Another `make dev` has just made it.
        link.symlink_to(home / "reports.yaml")
    week_ago = f"{datetime.now(UTC) - timedelta(days=7):%Y-%m-%d}"
    more = {"DAGSTER_HOME": str(instance)}
    with surroundings(folder, start_date=week_ago, conversations_per_day=400, more=more) as environment:
        _write_settings(instance / ".env", environment)
        print(
            f"{CLIENT_ID} is not set, neither in the environment nor in .env: running on the sandbox, from {week_ago}."
            f" Everything is in {folder}; {home / '.env'} is not read. For commands in another terminal: "
            f"export DAGSTER_HOME={instance}",
            flush=True,
        )
        yield folder


def _write_settings(file: Path, environment: Mapping[str, str]) -> None:
    """Writes the settings of the sandbox, for commands in another terminal. Only its owner can read the file."""
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={value}\n" for name, value in environment.items()))


def _with_absolute_paths(workspace: Path) -> str:
    """The workspace file, for a process that runs in another folder: Dagster resolves working directories from where it
    runs, not from where the file is.
    """
    import yaml

    content = yaml.safe_load(workspace.read_text())
    for location in content["load_from"]:
        for target in location.values():
            if isinstance(target, dict) and "working_directory" in target:
                target["working_directory"] = str(workspace.parent / target["working_directory"])
    return yaml.safe_dump(content)


def _dagster_dev(folder: Path, arguments: list[str]) -> int:
    """Runs `dagster dev` in a process group of its own, which is ended as a group when this process is asked to end. It
    reads the workspace and, if there is one, the .env of the folder.

    `dagster dev` creates the databases of a new DAGSTER_HOME before it starts the processes that share them.
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
    """Ends the process group: first with signals that let runs end properly, because the web server is slow to stop and
    leaves children behind.
    """
    for request, patience_seconds in ((signal.SIGINT, 8), (signal.SIGTERM, 4), (signal.SIGKILL, 2)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, request)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
