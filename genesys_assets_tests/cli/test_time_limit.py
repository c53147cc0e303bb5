"""Work with a time limit."""

from __future__ import annotations

import doctest
import subprocess
import sys
import threading

import pytest

from genesys_assets.cli import time_limit as module
from genesys_assets.cli.time_limit import OutOfTime, run_within
from genesys_assets_tests.patience import PATIENCE_SECONDS

LEAVING = """
import threading
from genesys_assets.cli.time_limit import OutOfTime, leave, run_within
try:
    run_within(threading.Event().wait, seconds=0.01)
except OutOfTime:
    print("said before", end="")
    try:
        leave(2)
    finally:
        print("never said")
"""


def test_the_example_holds() -> None:
    assert doctest.testmod(module).failed == 0


def test_what_work_raises_is_raised() -> None:
    def work() -> None:
        raise KeyError("wrong")

    with pytest.raises(KeyError, match="wrong"):
        run_within(work, seconds=60)


def test_work_that_does_not_end_is_left_alone() -> None:
    end = threading.Event()
    try:
        with pytest.raises(OutOfTime):
            run_within(end.wait, seconds=0.01)
    finally:
        end.set()


def test_a_process_leaves_at_once_with_its_exit_code_while_the_work_goes_on() -> None:
    done = subprocess.run([sys.executable, "-c", LEAVING], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert (done.returncode, done.stdout, done.stderr) == (2, "said before", "")
