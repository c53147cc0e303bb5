"""Processes and folders that go when the process that made them ends, even when that one is killed outright.

This is only the guard. When all goes well, `object_store` ends the processes that it starts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

Watch = Callable[[int], None]
_GUARD = 'groups=; while read -r group; do groups="$groups -$group"; done; kill -KILL $groups; rm -rf -- "$@"'


@contextlib.contextmanager
def guard(*folders: Path) -> Iterator[Watch]:
    """Remove the folders when the block ends. Process groups that are handed to `watch` must have ended by then.

    If this process ends within the block, the groups are killed and the folders removed all the same. A shell in a
    session of its own does that: it waits for a pipe that closes when this process ends, however it ends.
    """
    with subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, "sh", *map(str, folders)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as shell:

        def watch(group: int) -> None:
            assert shell.stdin is not None
            shell.stdin.write(f"{group}\n".encode())
            shell.stdin.flush()

        try:
            yield watch
        finally:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
            os.killpg(shell.pid, signal.SIGKILL)
