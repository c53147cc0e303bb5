"""Commands that run beside a test and never outlive it, even if the test fails or the test run is killed. Also Python
processes that must end by themselves.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

from genesys_assets.sandbox.processes import guard
from genesys_assets_tests.patience import PATIENCE_SECONDS


@contextmanager
def beside(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """The command, in a process group of its own, until the block ends."""
    with guard() as watch, subprocess.Popen(command, text=True, start_new_session=True, **options) as process:
        watch(process.pid)
        try:
            yield process
        finally:
            process.kill()


def ended(process: BaseProcess) -> int | None:
    """The exit code of a process that ends by itself. Otherwise the process is killed, and the test fails."""
    process.join(PATIENCE_SECONDS)
    if process.is_alive():
        process.kill()
        raise AssertionError(f"{process.name} did not end within {PATIENCE_SECONDS:.0f} s")
    return process.exitcode
