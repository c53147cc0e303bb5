"""Commands that run beside a test and never outlive it: not when it fails, nor when the test run is killed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from genesys_assets.sandbox.processes import guard


@contextmanager
def beside(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """The command, in a process group of its own, until the block ends."""
    with guard() as watch, subprocess.Popen(command, text=True, start_new_session=True, **options) as process:
        watch(process.pid)
        try:
            yield process
        finally:
            process.kill()
