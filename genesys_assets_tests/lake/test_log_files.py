"""The files of a log say what delta-rs says, with fewer requests, and say so where they are gone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from deltalake import DeltaTable

from genesys_assets.lake.delta import DeltaLog
from genesys_assets.lake.log_files import LOG, LogCleaned, LogFiles
from genesys_assets.lake.store import LocalStore, S3Store, Store
from genesys_assets_tests.lake.test_delta import commit, log_of
from genesys_assets_tests.lake.things import DAYS, PLACE


@pytest.fixture
def disk(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def committed(store: Store, versions: int) -> DeltaLog:
    """A table with some commits, each of which sets some numbers."""
    log, chance = log_of(store), random.Random(versions)
    for version in range(versions):
        names = chance.sample([*DAYS, "mark", "x y/z"], chance.randint(0, 3))
        commit(log, (DAYS[0], f"{version}"), newness=dict.fromkeys(names, version * 10**12))
    return log


def test_commits_and_checkpoints_are_found_by_their_version(disk: LocalStore) -> None:
    committed(disk, 21)
    files = LogFiles(disk, PLACE)
    assert [version for version, _ in files.commits()] == list(range(22))
    assert [version for version, _ in files.checkpoints()] == [9, 19]
    assert files.unfinished() == []


def test_a_table_that_does_not_exist_has_no_files(store: Store) -> None:
    files = LogFiles(store, PLACE)
    assert (files.commits(), files.checkpoints(), files.unfinished()) == ([], [], [])
    assert list(files.actions([0])) == [None]


def test_the_numbers_of_every_version_are_those_that_delta_rs_reads(disk: LocalStore) -> None:
    committed(disk, 25)
    files = LogFiles(disk, PLACE)
    for version in range(26):
        table = DeltaTable(disk.uri(PLACE), version=version)
        names = [*DAYS, "mark", "x y/z", "never set"]
        expected = {name: table.transaction_version(name) for name in names}
        found = files.transactions(version)
        assert {name: found.get(name) for name in names} == expected


def test_numbers_are_read_on_from_what_is_known(disk: LocalStore) -> None:
    committed(disk, 15)
    files = LogFiles(disk, PLACE)
    for since in range(16):
        assert files.transactions(15, since, files.transactions(since)) == files.transactions(15)


def test_numbers_on_s3_are_those_on_a_disk(s3_store: S3Store, disk: LocalStore) -> None:
    for store in (s3_store, disk):
        committed(store, 12)
    assert LogFiles(s3_store, PLACE).transactions(12) == LogFiles(disk, PLACE).transactions(12) != {}


def test_numbers_of_which_commits_are_gone_are_an_error_and_not_older_ones(disk: LocalStore) -> None:
    committed(disk, 15)
    files = LogFiles(disk, PLACE)
    before = files.transactions(5)
    disk.delete(f"{PLACE}/{LOG}/{7:020d}.json")
    with pytest.raises(LogCleaned, match="version 8"):
        files.transactions(8, 5, before)
    with pytest.raises(LogCleaned):
        files.transactions(8)
    assert files.transactions(15), "they are in the checkpoint"


def test_a_log_whose_commits_were_removed_meanwhile_is_read_anew(disk: LocalStore) -> None:
    committed(disk, 3)
    stale = log_of(disk)
    committed(disk, 12)
    for version in range(9):
        disk.delete(f"{PLACE}/{LOG}/{version:020d}.json")
    assert {day: stale.newness(day) for day in DAYS} == {day: log_of(disk).newness(day) for day in DAYS}
    assert stale.version == log_of(disk).version


def test_the_newness_of_many_partitions_is_read_once(disk: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(disk, 15)
    log, get = log_of(disk), disk.get
    asked: list[str] = []

    def counting(key: str) -> bytes | None:
        asked.append(key)
        return get(key)

    monkeypatch.setattr(disk, "get", counting)
    for day in DAYS * 10:
        log.newness(day)
    assert len(asked) == 15 - 9
    commit(log, (DAYS[0], "more"), newness={DAYS[0]: 7})
    assert log.newness(DAYS[0]) == 7
    assert len(asked) == 15 - 9 + 1
