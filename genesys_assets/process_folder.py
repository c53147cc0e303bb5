"""A folder on this machine that goes with the process that made it, also where that was killed.

A process that ends removes its folder. One that is killed cannot: the next process that makes a folder removes it. It
knows a living process by the lock that this one holds on its folder, which the kernel takes back from the dead.
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
"""The folder of this process, by its id: a process that was forked has none yet."""


def new_folder(owner: object, name: str) -> Path:
    """An empty folder that is gone with its owner, and with this process."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}_", dir=_of_this_process()))
    weakref.finalize(owner, _remove, folder, os.getpid())
    return folder


@contextlib.contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """An empty folder that is gone when the block ends, or this process."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}_", dir=_of_this_process()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _of_this_process() -> Path:
    with _lock:
        if os.getpid() not in _folders:
            _remove_those_of_the_dead()
            _folders[os.getpid()] = folder = _locked()
            # Those of `multiprocessing` end without `atexit`.
            Finalize(None, _remove, (folder, os.getpid()), exitpriority=0)
        return _folders[os.getpid()]


def _locked() -> Path:
    """A new folder with our lock on it, which is held until the process ends. Before it has the lock, another process
    may take it for a leftover and remove it. Then another one is made.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        held = os.open(folder, os.O_RDONLY)
        if _lock_at_once(held) is not False and folder.exists():
            return folder
        os.close(held)


def _remove_those_of_the_dead() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            held = os.open(folder, os.O_RDONLY)
            try:
                if _lock_at_once(held):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(held)


def _lock_at_once(held: int) -> bool | None:
    """Whether we have the lock now; None if the file system has no locks, so that leftovers cannot be recognised."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _remove(folder: Path, made_by: int) -> None:
    """A process that was forked leaves alone what is its parent's."""
    if os.getpid() == made_by:
        shutil.rmtree(folder, ignore_errors=True)
