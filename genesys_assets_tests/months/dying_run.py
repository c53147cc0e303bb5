"""A run in a process of its own that kills itself at a call of a function, as if the machine had died.

Its arguments are the run's id, the simulated time, the function as `module:Class.method`, the number of the call, and
optionally the asset whose calls count. A run that makes fewer calls goes on to its end. The settings and the instance
come from the environment.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from genesys_assets_tests.months.clock import simulated
from genesys_assets_tests.months.daemon import Daemon, instance_of_home


def in_new_process(arguments: Sequence[str]) -> int:
    """Let a run die in a new process; returns its exit code."""
    return subprocess.run([sys.executable, "-m", __name__, *arguments], capture_output=True, check=False).returncode


def main(run_id: str, now: str, function: str, call: str, about: str = "") -> None:
    with simulated(datetime.fromisoformat(now)), instance_of_home() as instance:
        daemon = Daemon(instance, off=None)
        daemon.reload()
        run = instance.get_run_by_id(run_id)
        assert run is not None
        arm(function, int(call), about)
        daemon.execute(run)
        daemon.close()


def arm(function: str, call: int, about: str = "") -> None:
    """Let the process die just before that call. If an asset is named, only calls about it count."""
    module, path = function.split(":")
    owner: Any = importlib.import_module(module)
    *owners, name = path.split(".")
    for part in owners:
        owner = getattr(owner, part)
    setattr(owner, name, _deadly(getattr(owner, name), call, about))


def _deadly(function: Callable[..., Any], call: int, about: str) -> Callable[..., Any]:
    counted, lock = itertools.count(1), threading.Lock()

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with lock:
            if _is_about(about, args) and next(counted) == call:
                os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return called


def _is_about(about: str, args: tuple[Any, ...]) -> bool:
    return not about or any(isinstance(each, dg.AssetKey) and "/".join(each.path[1:]) == about for each in args)


if __name__ == "__main__":
    main(*sys.argv[1:])
