"""A Dagster run in a process of its own that kills itself at a chosen place, as if the machine had died.

Importing this module builds the definitions. A process that forks imports it once, so that each killed run starts at
once. The tests state what must be true after a kill.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import pandas as pd
from sqlalchemy import event
from sqlalchemy.engine import Engine

from genesys_assets.cloud.http import retry, transport
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.lake.request_log import RequestRecorder
from genesys_assets_tests.assets.world import RANGE, definitions, environment, key

START_DATE = "2026-01-26"
DOWNSTREAM = "downstream"


@dg.asset(
    key=key("downstream/durations"),
    ins={"conversations": dg.AssetIn(key("tables/conversations"))},
    partitions_def=dg.DailyPartitionsDefinition(START_DATE),
)
def durations(conversations: pd.DataFrame) -> pd.DataFrame:
    """A downstream asset, computed from a table and stored by the IO manager."""
    return conversations[["conversation_id", "conversation_end"]]


def _built() -> dg.Definitions:
    with_downstream = dg.Definitions(assets=[durations], jobs=[dg.define_asset_job(DOWNSTREAM, [durations])])
    return dg.Definitions.merge(definitions(START_DATE), with_downstream)


DEFINITIONS = _built()


def job_of(name: str) -> dg.JobDefinition:
    """A job as `dg.execute_job` finds it by name, for runs that continue another one."""
    return DEFINITIONS.resolve_job_def(name)


@dataclass(frozen=True)
class Kill:
    """Where a run dies: before or after the `call`-th call of a function, `module:Class.method`. Calls that store the
    log of requests do not count, because they happen beside the run.
    """

    function: str
    call: int = 1
    after: bool = False

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} call {self.call} of {self.function.split(':')[1]}"


@dataclass(frozen=True)
class Order:
    """A run, the place where it dies, and its present."""

    environment: Mapping[str, str]
    home: str
    job: str
    assets: tuple[str, ...]
    partition: str | None
    between: tuple[str, str] | None
    config: Mapping[str, Any] | None
    kill: Kill
    now: datetime


def unsynchronised(connection: Any, _: object) -> None:
    """Switch off waiting for the disk in connections with Dagster's databases. Data outlives the death of its process
    without it.
    """
    connection.execute("PRAGMA synchronous=OFF")


def without_waiting() -> None:
    """Remove waits, in processes without the patches of tests."""
    event.listen(Engine, "connect", unsynchronised)
    details_jobs.FIRST_WAIT, details_jobs.GRACE, retry.FIRST_BACKOFF = 0.001, timedelta(0), 0.0


def run(order: Order) -> None:
    """Execute the run. Does not return if the run reaches the place."""
    without_waiting()
    transport.GenesysCloud.now = lambda self: order.now  # type: ignore[method-assign]
    _arm(order.kill)
    with environment(order.environment), dg.DagsterInstance.local_temp(order.home) as instance:
        job_of(order.job).execute_in_process(
            instance=instance,
            partition_key=order.partition,
            tags=dict(zip(RANGE, order.between, strict=True)) if order.between else None,
            asset_selection=[key(name) for name in order.assets] or None,
            run_config=order.config,
            raise_on_error=False,
        )


_beside = threading.local()


def _arm(kill: Kill) -> None:
    RequestRecorder.store = _uncounted(RequestRecorder.store)  # type: ignore[method-assign]
    module, path = kill.function.split(":")
    owner: Any = importlib.import_module(module)
    *owners, name = path.split(".")
    for part in owners:
        owner = getattr(owner, part)
    setattr(owner, name, _deadly(getattr(owner, name), kill))


def _uncounted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the function, so that calls within it do not count."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        _beside.is_here = True
        try:
            return function(*args, **kwargs)
        finally:
            _beside.is_here = False

    return called


def _deadly(function: Callable[..., Any], kill: Kill) -> Callable[..., Any]:
    """Wrap the function, so that it kills the process. It allows one call at a time, so everything before is done."""
    lock, calls = threading.RLock(), 0

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        if getattr(_beside, "is_here", False):
            return function(*args, **kwargs)
        with lock:
            calls += 1
            is_the_one = calls == kill.call
            if is_the_one and not kill.after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*args, **kwargs)
            if is_the_one:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

    return called
