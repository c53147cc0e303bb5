"""A process that has loaded everything and does nothing but fork for runs that die. To load takes two seconds of CPU.

It is forked from a process that has not used Arrow, delta-rs or threads yet: their threads would not exist in a fork.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from genesys_assets_tests.months import dying_run


class Nursery:
    """The process, as seen from outside: it gets orders, and answers each with the exit code of the run."""

    def __init__(self, orders: IO[str], ends: IO[str]) -> None:
        self._orders, self._ends = orders, ends

    def run(self, arguments: Sequence[str]) -> int:
        """Let `dying_run` run with these arguments in a fork, with the environment of this process; returns its exit
        code.
        """
        print(json.dumps([list(arguments), dict(os.environ)]), file=self._orders, flush=True)
        return int(self._ends.readline())


@contextmanager
def nursery() -> Iterator[Nursery]:
    """A nursery, which ends with the block: then its CPU counts as that of children of this process."""
    orders, to_nursery = os.pipe()
    from_nursery, ends = os.pipe()
    sys.stdout.flush()
    process = os.fork()
    if not process:
        os.close(to_nursery)
        os.close(from_nursery)
        _serve(orders, ends)
    os.close(orders)
    os.close(ends)
    try:
        with os.fdopen(to_nursery, "w") as told, os.fdopen(from_nursery) as said:
            yield Nursery(told, said)
    finally:
        os.waitpid(process, 0)


def _serve(orders: int, ends: int) -> None:
    """Fork for each order, until no more can come. Never returns."""
    try:
        with os.fdopen(orders) as told, os.fdopen(ends, "w") as said:
            for line in told:
                process = os.fork()
                if not process:
                    _run(*json.loads(line))
                _, status = os.waitpid(process, 0)
                print(os.waitstatus_to_exitcode(status), file=said, flush=True)
    finally:
        os._exit(0)


def _run(arguments: Sequence[str], environment: dict[str, str]) -> None:
    """Be the run. Never returns."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for output in (1, 2):
            os.dup2(nowhere, output)
        os.environ.clear()
        os.environ.update(environment)
        dying_run.main(*arguments)
        os._exit(0)
    finally:
        os._exit(1)
