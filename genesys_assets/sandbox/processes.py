"""Ends processes and removes folders when the process that made them ends, even if it is killed.

This is only the safeguard. In the normal case `object_store` ends the processes that it starts.
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
    """Removes the folders when the block ends. Process groups that are passed to `watch` must have ended by then.

    If this process dies within the block, a shell in a session of its own kills the groups and removes the folders: it
    waits for the end of a pipe, which closes when this process ends, however it ends.
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
