"""Temporary folders that are removed after their process has ended, even if it was killed.

A process that ends removes its folder. A killed process cannot, so the next process that uses this module removes the
leftover. Each process holds a lock on its folder, and the kernel releases the lock when the process dies: a folder
without a lock is a leftover.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from multiprocessing.util import Finalize
from pathlib import Path

_PREFIX = "genesys_assets_process_"
_lock = threading.Lock()
_folders: dict[int, Path] = {}
"""The folder of this process, by process id: a forked child does not find its parent's."""


def new_folder(owner: object, name: str) -> Path:
    """An empty folder that is removed when `owner` is garbage-collected, or when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}_", dir=_process_folder()))
    weakref.finalize(owner, _remove, folder, os.getpid())
    return folder


@contextlib.contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """An empty folder that is removed when the `with` block ends, or when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}_", dir=_process_folder()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _process_folder() -> Path:
    with _lock:
        if os.getpid() not in _folders:
            _remove_leftovers()
            _folders[os.getpid()] = folder = _new_locked_folder()
            # Processes of `multiprocessing` end without running `atexit`.
            Finalize(None, _remove, (folder, os.getpid()), exitpriority=0)
        return _folders[os.getpid()]


def _new_locked_folder() -> Path:
    """A new folder that this process has locked until it ends. Before the lock is taken, another process may mistake
    the folder for a leftover and remove it. Then another folder is made.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue
        if _try_lock(descriptor) is not False and folder.exists():
            return folder
        os.close(descriptor)


def _remove_leftovers() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                if _try_lock(descriptor):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


def _try_lock(descriptor: int) -> bool | None:
    """Whether the lock was free and is ours now; None if the file system has no locks, so that leftovers cannot be
    recognised.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _remove(folder: Path, owner_pid: int) -> None:
    """Removes the folder, except in a forked child, where it is the parent's."""
    if os.getpid() == owner_pid:
        shutil.rmtree(folder, ignore_errors=True)
