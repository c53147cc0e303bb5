"""Work that has a limit of time."""

from __future__ import annotations

import doctest
import threading

import pytest

from genesys_assets.cli import bounded as module
from genesys_assets.cli.bounded import OutOfTime, bounded


def test_the_example_holds() -> None:
    assert doctest.testmod(module).failed == 0


def test_what_work_raises_is_raised() -> None:
    def work() -> None:
        raise KeyError("wrong")

    with pytest.raises(KeyError, match="wrong"):
        bounded(work, seconds=60)


def test_work_that_does_not_end_is_left_alone() -> None:
    end = threading.Event()
    try:
        with pytest.raises(OutOfTime):
            bounded(end.wait, seconds=0.01)
    finally:
        end.set()
