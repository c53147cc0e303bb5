"""Real processes write and read one table at once, on a disk and on S3; the checks of `Race` hold for them too."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.ledger import catch_up
from genesys_assets.lake.opening import open_lake
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import LocalStore
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets_tests.lake.test_races import Race, Write, check_ledger, some_rows
from genesys_assets_tests.lake.things import PLACE
from genesys_assets_tests.lake.thorough import seeds
from genesys_assets_tests.patience import PATIENCE_SECONDS
from genesys_assets_tests.processes import ended

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier, Event

_PAUSE_SECONDS = 0.05


@dataclass
class Share:
    """The task of one process: to write days, or to read all of them until the others are done."""

    location: str
    environment: dict[str, str]
    days: list[str]
    writes: list[Write] = field(default_factory=list)
    wider: bool = False

    def race(self) -> Race:
        """The process's part of the race, with a lake of its own."""
        os.environ.update(self.environment)
        store = open_lake(self.location).store
        return Race(lambda: Lake(store), PLACE)


def writing_process(share: Share, together: Barrier, results: Queue[Race | str]) -> None:
    """The main function of a writing process."""
    with _send_errors(results):
        race = share.race()
        act = race.table_writer(share.writes, share.wider)
        together.wait()
        act()
        catch_up(race.lakes(), [PLACE], [], {"run_id": "ledger"})
        results.put(Race(_no_lake, PLACE, race.writes, []))


def reading_process(share: Share, together: Barrier, results: Queue[Race | str], done: Event) -> None:
    """The main function of a reading process."""
    with _send_errors(results):
        race = share.race()
        act = race.reader(share.days, 1)
        together.wait()
        while not done.wait(_PAUSE_SECONDS):
            act()
        results.put(Race(_no_lake, PLACE, [], race.glances))


@contextlib.contextmanager
def _send_errors(results: Queue[Race | str]) -> Iterator[None]:
    """Send the error of a process as its result."""
    try:
        yield
    except Exception:
        results.put(traceback.format_exc())


def _result(results: Queue[Race | str]) -> Race:
    result = results.get(timeout=PATIENCE_SECONDS)
    assert isinstance(result, Race), result
    return result


def _no_lake() -> Lake:
    raise AssertionError


@dataclass(frozen=True)
class Place:
    """The place where processes meet, and the environment that leads there."""

    location: str
    environment: dict[str, str] = field(default_factory=dict)


def race_of_processes(place: Place, writers: int, times: int, disjoint: bool, seed: int) -> Race:
    """Processes that write the same day, or one day each, while another process reads."""
    chance, context = random.Random(seed), multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "dagster_aws.s3"])
    days = [f"2026-01-{day:02d}" for day in range(1, writers + 1 if disjoint else 2)]
    together, results, done = context.Barrier(writers + 1, timeout=PATIENCE_SECONDS), context.Queue(), context.Event()
    processes = []
    for number in range(writers):
        day = days[number % len(days)]
        writes = [
            Write(f"{number}-{time}", {day: some_rows(chance)}, chance.randint(1, 1000), is_read=False)
            for time in range(times)
        ]
        share = Share(place.location, place.environment, days, writes, wider=number == 1)
        processes.append(context.Process(target=writing_process, args=(share, together, results), daemon=True))
    share = Share(place.location, place.environment, days)
    reader = context.Process(target=reading_process, args=(share, together, results, done), daemon=True)
    for process in [*processes, reader]:
        process.start()
    parts = [_result(results) for _ in processes]
    done.set()
    parts.append(_result(results))
    for process in [*processes, reader]:
        assert ended(process) == 0
    return Race(
        lambda: open_lake(place.location),
        PLACE,
        [write for part in parts for write in part.writes],
        [glance for part in parts for glance in part.glances],
    )


@pytest.mark.long
@pytest.mark.parametrize(("writers", "disjoint"), [(2, False), (4, False), (4, True)])
def test_processes_that_write_at_once(tmp_path: Path, writers: int, disjoint: bool) -> None:
    race = race_of_processes(Place(str(tmp_path)), writers, 8, disjoint, seed=writers)
    race.check(LocalStore(tmp_path))
    check_ledger(LocalStore(tmp_path))
    assert len(race.writes) == writers * 8
    assert race.glances


@pytest.mark.parametrize("seed", seeds(1))
def test_processes_that_write_at_once_on_s3(moto: ObjectStore, moto_store: S3Store, seed: int) -> None:
    place = Place(moto_store.uri("").rstrip("/"), moto.environment())
    race = race_of_processes(place, writers=2, times=2, disjoint=False, seed=seed)
    race.check(moto_store)
    check_ledger(moto_store)
    assert len(race.writes) == 4
    assert race.glances
