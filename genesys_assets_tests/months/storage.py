"""A disk that fails: some of the next calls of the lake's store end in an error of the operating system.

The seed decides which calls fail, and how many succeed before. `faults` plans when.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from genesys_assets.lake import log_entry, store

_FULL, _BROKEN = errno.ENOSPC, errno.EIO
WAYS: dict[str, tuple[Any, str, int, bool, int]] = {
    "full": (store._LocalDraft, "publish", _FULL, False, 6),
    "rename": (store._LocalDraft, "publish", _BROKEN, False, 6),
    "renamed": (store._LocalDraft, "publish", _BROKEN, True, 6),
    "link": (log_entry, "write_new", _BROKEN, False, 3),
    "linked": (log_entry, "write_new", _BROKEN, True, 3),
    "open": (store.LocalStore, "open", _BROKEN, False, 30),
    "tail": (store.LocalStore, "tail", _BROKEN, False, 30),
    "get": (store.LocalStore, "get", _BROKEN, False, 10),
}
"""By name: the function that fails, the error, whether what it does is done all the same, and how many calls may go
well before.
"""


@contextmanager
def failing(way: str, draw: Random, times: int) -> Iterator[None]:
    """Let this many of the next calls fail, in one of the WAYS."""
    owner, name, error, is_done, most = WAYS[way]
    before = getattr(owner, name)
    setattr(owner, name, _faulty(before, error, is_done, [draw.randrange(most) for _ in range(times)]))
    try:
        yield
    finally:
        setattr(owner, name, before)


def _faulty(function: Callable[..., Any], error: int, is_done: bool, left: list[int]) -> Callable[..., Any]:
    lock = threading.Lock()

    def is_due() -> bool:
        with lock:
            if not left:
                return False
            left[0] -= 1
            if left[0] >= 0:
                return False
            left.pop(0)
            return True

    def called(*args: Any, **kwargs: Any) -> Any:
        due = is_due()
        if due and not is_done:
            raise OSError(error, os.strerror(error))
        result = function(*args, **kwargs)
        if due:
            raise OSError(error, os.strerror(error))
        return result

    return called
