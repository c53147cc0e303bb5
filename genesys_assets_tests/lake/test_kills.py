"""Whenever a writing process is killed, readers see the state before or the state after, and reading the platform again
gives what it would have given without the kill: rows, reach and ledger.

Every work of `killed_process` is killed at steps that are spread over it: one in every run of the suite, many on demand
(`thorough`).
"""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.lake import opening
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.ledger import LEDGER
from genesys_assets.lake.opening import open_lake
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets.tables.restatements import RESTATEMENTS
from genesys_assets_tests.lake import killed_process
from genesys_assets_tests.lake.killed_process import (
    DAYS,
    LIVE,
    NEWNESS,
    PAGES,
    TABLES,
    WORKS,
    State,
    clean,
    keep_ledger,
    rows,
    steps_of,
    work_until_killed,
)
from genesys_assets_tests.lake.leftovers import leftovers, missing
from genesys_assets_tests.lake.thorough import is_thorough, kills
from genesys_assets_tests.processes import ended

_KILLS = kills(1)
_KILLS_ON_S3 = kills(1)
_WORKS_ON_S3 = ["read_pages", "compute_and_keep_ledger", "clean_up"] if is_thorough() else ["append_snapshot"]
_SIGKILL = -9
_BEFORE, _KILLED = 0, 1
"""The state that is stored, and the one that a killed process was writing."""

_AGAIN = ([_KILLED], [_BEFORE, _KILLED])
"""The platform is read again in the state that was killed, or in the one before and then in that."""


@dataclass(frozen=True)
class VisibleLake:
    """Everything that readers see of a lake, without times, run ids and version numbers."""

    pages: dict[str, Any]
    tables: dict[str, Any]
    snapshots: list[tuple[str, int]]
    ledger: list[tuple[Any, ...]]


def seen(location: str) -> VisibleLake:
    lake = open_lake(location)
    return VisibleLake(
        {hour: _pages(lake, hour) for hour in lake.page_partitions(PAGES)},
        {place: _table(lake, place) for place in TABLES},
        [(row["id"], row["n"]) for row in _rows(lake, LIVE, DAYS[1])],
        _ledger(lake),
    )


def _pages(lake: Lake, hour: str) -> Any:
    stored = lake.pages(PAGES, hour)
    assert stored is not None, "a partition that is stored can be read"
    return [(page.number, page.body, page.as_of) for page in stored], stored.reach


def _table(lake: Lake, place: str) -> Any:
    return _rows(lake, place, DAYS[0]), lake.reach(place, DAYS[0]), len(lake.log(place).files(DAYS[0]))


def _rows(lake: Lake, place: str, day: str) -> list[dict[str, Any]]:
    """The rows without null values: a column may have been added before any value of it was committed."""
    if not lake.has(place, day):
        return []
    return [{name: value for name, value in row.items() if value is not None} for row in _read(lake, place, day)]


def _read(lake: Lake, place: str, day: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lake.read(place, day).to_pylist()
    return rows


def _ledger(lake: Lake) -> list[tuple[Any, ...]]:
    """The readings of each table in their order."""
    entries = lake.read(LEDGER, DAYS, schema=RESTATEMENTS.schema).to_pylist()
    keys = [(entry["day"], entry["table"], entry["version"]) for entry in entries]
    assert len(set(keys)) == len(keys), "a reading is there twice"
    figures = [name for name in RESTATEMENTS.schema.names if name.startswith("rows_")]
    entries.sort(key=lambda entry: (entry["day"], entry["table"], entry["version"]))
    return [(entry["table"], *(entry[name] for name in figures)) for entry in entries]


# -- separate lakes ------------------------------------------------------------------------------------------------


class Lakes:
    """Folders or prefixes for lakes, each used once."""

    def __init__(self, root: str, environment: dict[str, str]) -> None:
        self.root = root
        self.environment = environment
        self._made = 0

    def new(self) -> str:
        self._made += 1
        return f"{self.root}/{self._made}"

    def copy(self, location: str) -> str:
        """A lake with the same files."""
        other = self.new()
        if location.startswith("s3://"):
            before, after = open_lake(location).store, open_lake(other).store
            for key in before.keys(""):
                after.put(key, before.get(key) or b"")
        elif Path(location).exists():
            shutil.copytree(location, other)
        return other


@pytest.fixture
def on_disk(tmp_path: Path) -> Lakes:
    return Lakes(str(tmp_path), {})


@pytest.fixture
def on_s3(
    object_store: ObjectStore, s3_environment: None, s3_client: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> Lakes:
    monkeypatch.setattr(opening, "s3_client", lambda: s3_client)
    return Lakes(f"s3://{bucket}", object_store.environment())


def do(location: str, work: str, readings: list[State], first: int) -> None:
    """Do the work in several states, one after the other, without kills."""
    for reading, state in enumerate(readings, start=first):
        WORKS[work](open_lake(location), state, reading)


# -- kills -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nursery() -> Any:
    """A process that has imported everything, and from which the processes to be killed are forked."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([killed_process.__name__])
    return context


@dataclass
class Victim:
    """A piece of work that is killed at some steps: after a first reading of `stored`, while it writes `_KILLED`."""

    nursery: Any
    lakes: Lakes
    work: str
    stored: list[State]
    agains: Sequence[list[State]] = _AGAIN
    killed: int = 0

    def check(self, kills: int) -> None:
        """Kill the work at steps from the first to the last, each time on a lake of its own."""
        before = self.lakes.new()
        do(before, self.work, self.stored, first=0)
        after = self.lakes.copy(before)
        steps = steps_of(after, self.work, _KILLED, 1)
        bounds, expected = (seen(before), seen(after)), [self._without_kill(again) for again in self.agains]
        points = _spread(steps, kills)
        for at in points:
            location = self.lakes.copy(before)
            self._kill(location, at)
            _is_one_or_the_other(seen(location), *bounds)
            assert missing(open_lake(location).store) == []
            for again, end in zip(self.agains, expected, strict=True):
                self._check_reading_again(self.lakes.copy(location), again, end)
        assert self.killed > len(points) // 2, "most processes should be killed before they are done"

    def _without_kill(self, again: list[State]) -> VisibleLake:
        """What readers see at the end without a kill. The killed reading must make no difference to it."""
        location = self.lakes.new()
        do(location, self.work, self.stored, first=0)
        do(location, self.work, again, first=2)
        return seen(location)

    def _kill(self, location: str, at: int) -> None:
        arguments = (location, self.lakes.environment, self.work, _KILLED, 1, at)
        process = self.nursery.Process(target=work_until_killed, args=arguments, daemon=True)
        process.start()
        exit_code = ended(process)
        assert exit_code in (0, _SIGKILL)
        self.killed += exit_code == _SIGKILL

    def _check_reading_again(self, location: str, again: list[State], end: VisibleLake) -> None:
        snapshots, entries = seen(location).snapshots, self._entries(location, again)
        do(location, self.work, again, first=2)
        keep_ledger(open_lake(location), 0, 0)
        expected = replace(end, snapshots=snapshots + end.snapshots[len(self.stored) :], ledger=entries)
        assert seen(location) == expected
        clean(open_lake(location))
        assert (leftovers(open_lake(location).store), missing(open_lake(location).store)) == ([], [])
        assert seen(location) == expected

    def _entries(self, location: str, again: list[State]) -> list[tuple[Any, ...]]:
        """The entries that the ledger must have after more readings: one for each reading of each table except the
        first.

        The reading of the killed process counts for the tables that it committed.
        """
        lake, entries = open_lake(location), []
        for place in _COMPUTED.get(self.work, ()):
            is_committed = lake.log(place).newness(DAYS[0]) == NEWNESS + 1
            states = [*self.stored, *([_KILLED] if is_committed else []), *again]
            name = place.rsplit("/", 1)[-1]
            entries += [(name, *_counts(old, new, self.work == "compute_wider")) for old, new in pairwise(states)]
        return entries


def _spread(steps: int, count: int) -> list[int]:
    """Some steps, spread evenly from the first to the last; all of them if they are few."""
    if count >= steps:
        return list(range(1, steps + 1))
    return [1 + steps * (2 * number + 1) // (2 * count) for number in range(count)]


def _is_one_or_the_other(now: VisibleLake, before: VisibleLake, after: VisibleLake) -> None:
    """Checks that the pages of all hours together, each table, and the snapshots are in the state before or the state
    after."""
    assert now.pages in (before.pages, after.pages)
    assert now.snapshots in (before.snapshots, after.snapshots)
    for place in TABLES:
        assert now.tables[place] in (before.tables[place], after.tables[place])
    assert set(before.ledger) <= set(now.ledger) <= set(after.ledger)


def _counts(old: State, new: State, is_wider: bool) -> tuple[int, ...]:
    """Rows before, after, added, changed and removed."""
    before, after = (_numbers(state, is_wider) for state in (old, new))
    changed = sum(before[key] != after[key] for key in before.keys() & after.keys())
    added, removed = after.keys() - before.keys(), before.keys() - after.keys()
    return len(before), len(after), len(added), changed, len(removed)


def _numbers(state: State, is_wider: bool) -> dict[str, tuple[int, State]]:
    """The other values of each row by its id. The new column has the state in all rows."""
    ids, numbers = rows(state).values()
    return {id_: (number, state if is_wider else 0) for id_, number in zip(ids, numbers, strict=True)}


_COMPUTED = {
    "compute_tables": list(TABLES),
    "compute_wider": ["tables/a"],
    "compute_and_keep_ledger": list(TABLES),
    "clean_up": list(TABLES),
}
"""The tables that a work computes, in their order."""


@pytest.mark.parametrize("work", WORKS)
def test_a_work_that_is_killed_is_done_or_not_done(nursery: Any, on_disk: Lakes, work: str) -> None:
    Victim(nursery, on_disk, work, [_BEFORE]).check(_KILLS)


@pytest.mark.parametrize("work", ["read_pages", "compute_and_keep_ledger"])
def test_a_work_that_is_killed_in_an_empty_lake_is_done_or_not_done(nursery: Any, on_disk: Lakes, work: str) -> None:
    Victim(nursery, on_disk, work, []).check(_KILLS)


@pytest.mark.parametrize("work", _WORKS_ON_S3)
def test_a_work_that_is_killed_on_s3_is_done_or_not_done(nursery: Any, on_s3: Lakes, work: str) -> None:
    Victim(nursery, on_s3, work, [_BEFORE], _AGAIN if is_thorough() else _AGAIN[:1]).check(_KILLS_ON_S3)
