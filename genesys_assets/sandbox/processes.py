"""Processes that end with the one that started them, even when that one is killed outright.

Only this guard belongs here. Whoever starts a process also ends it when all goes well: `object_store`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

_WHEN_THE_PIPE_CLOSES = 'read -r _; kill -KILL $1; shift; rm -rf -- "$@"'


@contextlib.contextmanager
def ending_with_this_process(groups: Sequence[int], *folders: Path) -> Iterator[None]:
    """If this process ends within the block, these process groups are killed and these folders removed.

    A shell in a session of its own does it: it waits for a pipe that closes when this process ends, however it ends.
    """
    with subprocess.Popen(
        ["/bin/sh", "-c", _WHEN_THE_PIPE_CLOSES, "sh", " ".join(f"-{group}" for group in groups), *map(str, folders)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as guard:
        try:
            yield
        finally:
            os.killpg(guard.pid, signal.SIGKILL)
