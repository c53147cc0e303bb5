"""A process that writes to a lake and kills itself at some step, as the kernel or a power cut would.

A step is the moment before or after something is written or removed; delta-rs commits at once or not at all.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from unittest.mock import patch

import pyarrow as pa

from genesys_assets.cloud.http.page import Page
from genesys_assets.lake import delta, housekeeping, ledger, log_mirror, s3_store, store
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.opening import open_lake
from genesys_assets.lake.reach import Reach
from genesys_assets.tables.spec import TableSpec, columns

DAYS = ["2026-01-30", "2026-01-31"]
HOURS = [f"2026-01-31-{hour:02d}:00" for hour in (12, 13, 14)]
PAGES = "pages/hourly"
LIVE = "live/things"
NEWNESS = 1000
"""The newness of the first reading of a table."""
START = datetime(2026, 1, 31, tzinfo=UTC)
_COLUMNS = columns("id string its id\nn integer a number")
_WIDER = (*_COLUMNS, *columns("later string a column that is new"))
TABLES = {f"tables/{name}": TableSpec(name, "One row per thing.", ("id",), _COLUMNS) for name in ("a", "b", "c")}

State = int
"""Which state of the platform is read: 0 is the first, rows and reach differ between any two."""


def rows(state: State) -> dict[str, list[Any]]:
    """Three rows, by column. Each state changes one, adds one and removes one."""
    numbers = {f"{number}": 0 for number in range(state, state + 3)} | {f"{state + 1}": state}
    return {"id": list(numbers), "n": list(numbers.values())}


def table(state: State, spec: TableSpec) -> pa.Table:
    columns = {**rows(state), "later": [f"{state}"] * 3}
    return pa.table({name: columns[name] for name in spec.schema.names}, spec.schema)


def reach(state: State) -> Reach:
    return Reach(START + timedelta(hours=state), is_complete=state % 2 == 1)


def read_pages(lake: Lake, state: State, reading: int) -> None:
    """Fetch several hours together; `reading` counts how often the platform was read."""
    with lake.page_writers(PAGES, HOURS, {"run_id": "r"}) as writers:
        for hour in HOURS:
            writers[hour].reach = reach(state)
            for number in (1, 2):
                as_of = START + timedelta(minutes=reading)
                body = f"{hour} {state} {number}".encode() * 50
                writers[hour].write(Page(number, "{}", as_of, "c", body, as_of=as_of))


def compute_tables(lake: Lake, state: State, reading: int) -> None:
    """Compute several tables of a day together."""
    with lake.table_writers(TABLES, DAYS[0], {"run_id": "r"}) as writing:
        writing.reach, writing.newness = reach(state), NEWNESS + reading
        for place, spec in TABLES.items():
            writing[place].write(table(state, spec))


def compute_wider(lake: Lake, state: State, reading: int) -> None:
    """Compute one table, which has one more column in all states after the first."""
    spec = TableSpec("a", "One row per thing.", ("id",), _WIDER if state else _COLUMNS)
    with lake.table_writers({"tables/a": spec}, DAYS[0], {"run_id": "r"}) as writing:
        writing.reach, writing.newness = reach(state), NEWNESS + reading
        writing["tables/a"].write(table(state, spec))


def keep_ledger(lake: Lake, state: State, reading: int) -> None:
    """Catch up the ledger with what was computed before."""
    ledger.catch_up(lake, list(TABLES), [DAYS[0]], {"run_id": "ledger"})


def compute_and_keep_ledger(lake: Lake, state: State, reading: int) -> None:
    compute_tables(lake, state, reading)
    keep_ledger(lake.refreshed(), state, reading)


def append_snapshot(lake: Lake, state: State, reading: int) -> None:
    """Add a snapshot that says which reading it is."""
    spec = TableSpec("things", "One row per thing.", (), _COLUMNS)
    snapshot = pa.table({"id": [f"{reading}"], "n": [state]}, spec.schema)
    lake.append(LIVE, spec, snapshot, START + timedelta(minutes=reading), {"run_id": "r"})


def read_or_forget_pages(lake: Lake, state: State, reading: int) -> None:
    """In some states, fetch the hours; in the others, remove them."""
    if state % 2:
        lake.remove(PAGES, HOURS[:2])
    else:
        read_pages(lake, state, reading)


def clean_up(lake: Lake, state: State, reading: int) -> None:
    """Compute, add a snapshot and clean up all that is not current."""
    compute_and_keep_ledger(lake, state, reading)
    append_snapshot(lake.refreshed(), state, reading)
    clean(lake)


def clean(lake: Lake) -> housekeeping.HousekeepingResult:
    """Remove all that is not current."""
    now = datetime.now(UTC) + timedelta(minutes=1)
    return housekeeping.clean_up(lake, list(TABLES), keep=timedelta(0), now=now)


Work = Callable[[Lake, State, int], None]
WORKS: dict[str, Work] = {
    work.__name__: work
    for work in (
        read_pages,
        compute_tables,
        compute_wider,
        compute_and_keep_ledger,
        append_snapshot,
        read_or_forget_pages,
        clean_up,
    )
}

_WRITING = [
    (store._LocalDraft, "__init__"),
    (store._LocalDraft, "publish"),
    (store._LocalDraft, "discard"),
    (s3_store._S3Draft, "publish"),
    (store.LocalStore, "put"),
    (store.LocalStore, "delete"),
    (store.LocalStore, "remove_drafts"),
    (s3_store.S3Store, "put"),
    (s3_store.S3Store, "put_new"),
    (s3_store.S3Store, "delete"),
    (delta.DeltaLog, "_create"),
    (delta.DeltaLog, "_widen"),
    (delta.DeltaLog, "_write"),
    (delta.DeltaLog, "checkpoint"),
    (log_mirror.LogMirror, "push"),
]
"""All that writes to a lake or removes from it."""


class Steps:
    """Counts steps in all threads while a block runs, and kills this process at one of them."""

    def __init__(self, kill_at: int | None) -> None:
        self.count = 0
        self._kill_at = kill_at
        self._lock = threading.Lock()
        self._patches = contextlib.ExitStack()

    def __enter__(self) -> Self:
        for owner, name in _WRITING:
            self._patches.enter_context(patch.object(owner, name, self._stepping(getattr(owner, name))))
        return self

    def __exit__(self, *_: object) -> None:
        self._patches.close()

    def _stepping(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*args: Any, **named: Any) -> Any:
            self._step()
            try:
                return write(*args, **named)
            finally:
                self._step()

        return stepping

    def _step(self) -> None:
        with self._lock:
            self.count += 1
            if self.count == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


def work_until_killed(
    location: str, environment: dict[str, str], work: str, state: State, reading: int, kill_at: int
) -> None:
    """The main function of the process."""
    os.environ.update(environment)
    with Steps(kill_at):
        WORKS[work](open_lake(location), state, reading)


def steps_of(location: str, work: str, state: State, reading: int) -> int:
    """How many steps a piece of work takes if it is not killed."""
    with Steps(None) as steps:
        WORKS[work](open_lake(location), state, reading)
    return steps.count
