"""A time limit for a command that reads from a place which may not answer."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import NoReturn, TypeVar

T = TypeVar("T")


class OutOfTime(Exception):
    """The lake did not answer within the time of the command."""


def run_within(work: Callable[[], T], seconds: float) -> T:
    """The result of `work`, or the error that it raises.

    Raises OutOfTime if it takes longer than `seconds`. `work` then continues in a thread, so it must only read, and
    the process should end by `leave`.

    >>> run_within(lambda: 42, seconds=60)
    42
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="run_within", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise OutOfTime
    if errors:
        raise errors[0]
    return results[0]


def leave(code: int) -> NoReturn:
    """End the process with an exit code while work that has run out of time goes on.

    The interpreter's own ending would abort the process, with another exit code, if that thread came back from native
    code meanwhile. So nothing is run but the flush of what was printed.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
