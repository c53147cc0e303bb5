"""Several writers and readers of one table at once: no wrong row, no lost or invented reading, no failed read, and
older pages never replace newer ones.

Seeds decide the interleavings of actors that take turns (`turns`); `test_races_of_processes` has real processes.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from genesys_assets.lake.changes import Change
from genesys_assets.lake.commit import ConcurrentCommit
from genesys_assets.lake.delta import DeltaLog
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.ledger import LEDGER, catch_up
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import LocalStore, Store
from genesys_assets.tables.restatements import RESTATEMENTS
from genesys_assets.tables.spec import TableSpec, columns
from genesys_assets_tests.lake.things import DAYS, HOURS, NOON, PAGES, PLACE, SPEC, page, things
from genesys_assets_tests.lake.thorough import seeds
from genesys_assets_tests.lake.turns import Turns, hooked

if TYPE_CHECKING:
    pass

__all__ = ["hooked"]

WIDER = TableSpec("things", SPEC.description, SPEC.key, (*SPEC.columns, *columns("later string a column that is new")))
_Rows = dict[str, int]
"""A partition's rows: number by id."""


@dataclass
class Write:
    """One run that writes some partitions: its rows, and the result of its commit. `may_add`: its rows are added to
    stored ones, if any exist; `adds` says whether any did.
    """

    run_id: str
    rows: Mapping[str, _Rows]
    newness: int
    is_read: bool
    may_add: bool = False
    adds: bool = False
    began_at: int = -1
    changes: dict[str, Change] = field(default_factory=dict)


@dataclass
class Glance:
    """The rows that a reader saw of a partition, and the versions of the table that it may have seen."""

    versions: tuple[int, int]
    partition: str
    rows: _Rows | None


@dataclass
class Race:
    """A table that actors write and read, and everything that they did."""

    lakes: Callable[[], Lake]
    place: str
    writes: list[Write] = field(default_factory=list)
    glances: list[Glance] = field(default_factory=list)

    def table_writer(self, writes: list[Write], wider: bool) -> Callable[[], None]:
        """An actor that computes days, one after the other, from inputs of a given newness."""
        self.writes += writes
        spec = WIDER if wider else SPEC

        def act() -> None:
            for write in writes:
                lake = self.lakes()
                (day,) = write.rows
                # Added rows build on the stored ones. They are not stored if others replaced these.
                with (
                    contextlib.suppress(ConcurrentCommit),
                    lake.table_writers({self.place: spec}, day, {"run_id": write.run_id}) as writing,
                ):
                    write.began_at = lake.log(self.place).version
                    write.adds = write.may_add and lake.has(self.place, day)
                    if write.adds:
                        writing.add_to_stored(lake)
                    writing.newness, writing.reach = write.newness, Reach(NOON)
                    rows = [{"id": id_, "n": n, "later": None} for id_, n in write.rows[day].items()]
                    writing[self.place].write(pa.Table.from_pylist(rows, spec.schema))
                if self.place in writing.changes:
                    write.changes[day] = writing.changes[self.place]

        return act

    def page_writer(self, writes: list[Write]) -> Callable[[], None]:
        """An actor that fetches hours, several at once, as of a given moment."""
        self.writes += writes

        def act() -> None:
            for write in writes:
                lake = self.lakes()
                with lake.page_writers(self.place, list(write.rows), {"run_id": write.run_id}) as writers:
                    for hour, rows in write.rows.items():
                        for number, (id_, n) in enumerate(rows.items(), start=1):
                            as_of = NOON + timedelta(milliseconds=write.newness)
                            writers[hour].write(page(f"{id_}={n}".encode(), number, as_of))
                write.changes = {hour: change for hour in write.rows if (change := writers[hour].change)}

        return act

    def reader(self, partitions: list[str], times: int) -> Callable[[], None]:
        """An actor that reads every partition again and again."""

        def act() -> None:
            for _ in range(times):
                lake = self.lakes()
                for partition in partitions:
                    before = lake.log(self.place).version
                    rows = self.rows(lake, partition)
                    self.glances.append(Glance((before, lake.log(self.place).version), partition, rows))

        return act

    def remover(self, partition: str) -> Callable[[], None]:
        """An actor that forgets a partition."""
        return lambda: self.lakes().remove(self.place, [partition])

    def rows(self, lake: Lake, partition: str) -> _Rows | None:
        if self.place == PAGES:
            pages = lake.pages(PAGES, partition)
            return None if pages is None else dict(_parsed(each.body) for each in pages)
        if not lake.has(self.place, partition):
            return None
        table = lake.read(self.place, partition)
        assert len(set(table["id"].to_pylist())) == len(table), "a row is there twice"
        return dict(zip(table["id"].to_pylist(), table["n"].to_pylist(), strict=True))

    def check(self, store: Store) -> None:
        """Replay the log in plain Python, and compare it with all results of commits, all readings, and the final
        state."""
        lake = Lake(store)
        history = list(self._replayed(lake))
        states = dict(history)
        for glance in self.glances:
            first, last = glance.versions
            seen = [_at(states, version).get(glance.partition) for version in range(first, last + 1)]
            assert glance.rows in seen
        final = history[-1][1]
        log = lake.log(self.place)
        assert log.partitions() == sorted(final)
        for partition, rows in final.items():
            assert self.rows(lake, partition) == rows
            assert len(log.files(partition)) == 1 or any(write.adds for write in self.writes)
        self._check_newness(lake)

    def _replayed(self, lake: Lake) -> Iterator[tuple[int, dict[str, _Rows]]]:
        """The rows of every partition after each version, according to the notes; checks the notes on the way."""
        by_run = {write.run_id: write for write in self.writes}
        told = {(w.run_id, key) for w in self.writes for key, change in w.changes.items() if not change.is_superseded}
        state: dict[str, _Rows] = {}
        yield -1, {}
        for version, note in lake.log(self.place).notes(0):
            if "removed" in note:
                for partition in note["removed"]:
                    del state[partition]
                yield version, dict(state)
                continue
            write = by_run[note["run_id"]]
            for partition, said in note["readings"].items():
                told.remove((write.run_id, partition))
                before, after = state.get(partition), write.rows[partition]
                if write.adds:
                    after = (before or {}) | after
                assert said == _expected(before, after, self.place == PAGES)
                assert write.changes[partition].figures() == {k: v for k, v in said.items() if k.startswith("rows_")}
                state[partition] = after
            yield version, dict(state)
        assert not told, "a reading that was reported as stored is in no commit"

    def _check_newness(self, lake: Lake) -> None:
        """Checks that nothing older replaced newer rows, unless the writer knew these rows and computed its own from
        fewer inputs."""
        newest: dict[str, tuple[int, int]] = {}
        by_run = {write.run_id: write for write in self.writes}
        removed: set[str] = set()
        for version, note in lake.log(self.place).notes(0):
            for partition in note.get("removed", ()):
                del newest[partition]
                removed.add(partition)
            for partition, said in note.get("readings", {}).items():
                write = by_run[note["run_id"]]
                newness, since = newest.get(partition, (0, -1))
                if newness > write.newness:
                    assert not write.is_read
                    assert since <= write.began_at
                counts = {said[name] for name in ("rows_added", "rows_changed", "rows_removed")}
                # The same rows with the same newness count as known.
                if counts != {0} or newness != write.newness:
                    newest[partition] = (write.newness, version)
        for write in self.writes:
            for partition, change in write.changes.items():
                assert not change.is_superseded or any(
                    other.newness > write.newness for other in self.writes if partition in other.rows
                )
        for partition, (newness, _) in newest.items():
            if partition not in removed and all(write.is_read for write in self.writes):
                assert newness == max(write.newness for write in self.writes if partition in write.rows)


def _parsed(body: bytes) -> tuple[str, int]:
    id_, n = body.decode().split("=")
    return id_, int(n)


def _at(states: Mapping[int, dict[str, _Rows]], version: int) -> dict[str, _Rows]:
    """The state after a version. Versions that only make a table or add a column change nothing."""
    while version not in states:
        version -= 1
    return states[version]


def _expected(before: _Rows | None, after: _Rows, pages: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"first": before is None, "rows_before": None, "rows_after": len(after)}
    counts = dict.fromkeys(("rows_added", "rows_changed", "rows_removed"))
    if before is None:
        return said | counts
    said["rows_before"] = len(before)
    if pages:
        return said | counts
    return said | {
        "rows_added": len(after.keys() - before.keys()),
        "rows_changed": sum(before[key] != after[key] for key in before.keys() & after.keys()),
        "rows_removed": len(before.keys() - after.keys()),
    }


def some_rows(chance: random.Random) -> _Rows:
    """A few rows; some readings have the same rows."""
    return {id_: chance.randrange(3) for id_ in sorted(chance.sample("abcd", chance.randrange(4)))}


def _lakes(store: Store, shared: bool) -> Callable[[], Lake]:
    """Makes the lake of each run: with a log of its own, or with a shared log, like threads of one process."""
    if not shared:
        return lambda: Lake(store)
    one = Lake(store)
    return one.refreshed


def race_of_tables(store: Store, shared: bool, seed: int, times: int = 6) -> Turns:
    """Two to four writers, of the same day or different ones, a reader, and one or two bookkeepers that catch up the
    ledger."""
    chance = random.Random(seed)
    race = Race(_lakes(store, shared), PLACE)
    days = DAYS[: chance.randint(1, 3)]
    bookkeepers = [_bookkeeper(race.lakes, times) for _ in range(chance.randint(1, 2))]
    actors: list[Callable[[], Any]] = [race.reader(days, 3), *bookkeepers]
    for actor in range(chance.randint(2, 4)):
        writes = [_write(chance, f"{actor}-{number}", chance.choice(days)) for number in range(chance.randint(1, 2))]
        actors.append(race.table_writer(writes, wider=chance.random() < 0.3))
    turns = Turns(seed)
    turns.run(actors)
    race.check(store)
    check_ledger(store)
    return turns


def _write(chance: random.Random, run_id: str, day: str) -> Write:
    """A day computed again, or unique rows that a run adds to it."""
    may_add = chance.random() < 0.4
    rows = {run_id: chance.randrange(3)} if may_add else some_rows(chance)
    return Write(run_id, {day: rows}, chance.randint(1, 20), is_read=False, may_add=may_add)


def _bookkeeper(lakes: Callable[[], Lake], times: int) -> Callable[[], None]:
    def act() -> None:
        for _ in range(times):
            catch_up(lakes(), [PLACE], [], {"run_id": "ledger"}, sleep=lambda _: None)

    return act


def check_ledger(store: Store) -> None:
    """Checks that after one more catch-up the ledger has each reading of the commits exactly once."""
    lake = Lake(store)
    catch_up(lake, [PLACE], [], {}, sleep=lambda _: None)
    expected = {
        (partition, version): {name: value for name, value in said.items() if name.startswith("rows_")}
        for version, note in lake.log(PLACE).notes(0)
        for partition, said in note["readings"].items()
        if not said["first"]
    }
    now = Lake(store)
    rows = now.read(LEDGER, now.page_partitions(LEDGER), schema=RESTATEMENTS.schema).to_pylist()
    found = {
        (f"{row['day']}", row["version"]): {name: value for name, value in row.items() if name.startswith("rows_")}
        for row in rows
    }
    assert len(found) == len(rows), "a reading is there twice"
    assert found == expected


def race_of_pages(store: Store, shared: bool, seed: int) -> Turns:
    """Two to four fetches of several hours together, as of different moments; a reader; maybe an actor that forgets an
    hour."""
    chance = random.Random(seed)
    race = Race(_lakes(store, shared), PAGES)
    actors: list[Callable[[], Any]] = [race.reader(HOURS[:2], 3)]
    moments = chance.sample(range(1, 50), 8)
    for actor in range(chance.randint(2, 4)):
        writes = []
        for number in range(chance.randint(1, 2)):
            newness = moments.pop()
            hours = chance.sample(HOURS[:2], chance.randint(1, 2))
            writes.append(Write(f"{actor}-{number}", {hour: {hour: newness} for hour in hours}, newness, is_read=True))
        actors.append(race.page_writer(writes))
    if chance.random() < 0.3:
        actors.append(race.remover(HOURS[0]))
    turns = Turns(seed)
    turns.run(actors)
    race.check(store)
    return turns


@pytest.mark.parametrize("seed", seeds(15))
def test_tables_that_several_write_at_once(hooked: str, tmp_path: Path, seed: int) -> None:
    assert race_of_tables(LocalStore(tmp_path), hooked == "threads", seed).steps > 10


@pytest.mark.parametrize("seed", seeds(15))
def test_pages_that_several_fetch_at_once(hooked: str, tmp_path: Path, seed: int) -> None:
    assert race_of_pages(LocalStore(tmp_path), hooked == "threads", seed).steps > 10


@pytest.mark.parametrize("seed", seeds(1))
@pytest.mark.parametrize("hooked", ["processes"], indirect=True)
@pytest.mark.parametrize("server", ["s3_store", "moto_store"])
def test_what_several_write_at_once_on_s3(hooked: str, server: str, seed: int, request: pytest.FixtureRequest) -> None:
    store: S3Store = request.getfixturevalue(server)
    assert race_of_tables(store, shared=False, seed=seed, times=1).steps > 10


def test_a_lake_sees_its_own_commit_though_another_thread_read_the_log_for_the_first_time_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(LocalStore(tmp_path))
    Lake(lake.store).write(PLACE, SPEC, things(("a", 1)), DAYS[0], {})
    other, has_read, is_written = lake.refreshed(), threading.Event(), threading.Event()

    def read_and_wait(store: Store, place: str) -> DeltaLog:
        log = DeltaLog(store, place)
        if threading.current_thread() is thread:
            has_read.set()
            is_written.wait()
        return log

    monkeypatch.setattr("genesys_assets.lake.lake.DeltaLog", read_and_wait)
    thread = threading.Thread(target=other.log, args=(PLACE,))
    thread.start()
    has_read.wait()
    lake.write(PLACE, SPEC, things(("b", 2)), DAYS[1], {})
    is_written.set()
    thread.join()
    assert lake.has(PLACE, DAYS[1])
    assert other.has(PLACE, DAYS[1])
