"""The Dagster UI: on the real organisation when GENESYS_CLOUD_CLIENT_ID is set, else on a sandbox started for it.

`make dev` runs it. The sandbox and the S3 server live as long as the UI does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path


def main() -> int:
    with contextlib.ExitStack() as stack:
        if not os.environ.get("GENESYS_CLOUD_CLIENT_ID"):
            from genesys_assets.sandbox.demo import surroundings

            week_ago = f"{datetime.now(UTC) - timedelta(days=7):%Y-%m-%d}"
            home = Path(os.environ.get("DAGSTER_HOME", "."))
            stack.enter_context(surroundings(home / ".demo", start_date=week_ago, conversations_per_day=400))
            print("GENESYS_CLOUD_CLIENT_ID is not set: running on the sandbox, from", week_ago, flush=True)
        return _dagster_dev(sys.argv[1:])


def _dagster_dev(arguments: list[str]) -> int:
    """`dagster dev` in a process group of its own, ended as a group when this process is asked to end.

    It creates the databases of a new DAGSTER_HOME by itself, before it starts the processes that share them.
    """
    for request in (signal.SIGINT, signal.SIGTERM):
        signal.signal(request, _interrupt)
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", *arguments], start_new_session=True
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
