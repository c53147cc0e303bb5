"""The file of one commit: whole or absent, under a unique number; and the tables whose commits are left to delta-rs."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from genesys_assets.lake import log_entry
from genesys_assets.lake.delta import AddedFile, Conflict, DeltaLog, RemovedFile, new_path
from genesys_assets.lake.store import LocalStore, Store
from genesys_assets_tests.lake.things import DAYS, PLACE

ROWS = pa.schema([pa.field("a", pa.int64())])
PLAIN = "date=2026-01-31/hour=3/abc-def.parquet"


def log_with_files(store: Store, count: int = 1) -> DeltaLog:
    log = DeltaLog(store, PLACE)
    for number in range(count):
        commit(log, DAYS[0], newness=number)
    return log


def commit(log: DeltaLog, day: str, *removed: RemovedFile, newness: int = 1, modified_ms: int | None = None) -> None:
    added = AddedFile(day, new_path(day, "abc"), 10, 3, modified_ms=modified_ms)
    log.commit(ROWS, [added], removed, {"newness": newness}, {day: newness}, on_top_of=log.version)


def known(log: DeltaLog) -> object:
    """Everything that the log knows about the files."""
    return log.version, log.every_file(), log.files(DAYS[0]), log.partitions(), [log.newness(day) for day in DAYS]


def table_of(store: LocalStore) -> DeltaTable:
    return DeltaTable(str(store.folder / PLACE))


def test_of_many_that_write_one_number_at_once_one_succeeds_and_nothing_is_left_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "7.json"

    def write(value: int) -> bool:
        try:
            log_entry.write_new(path, [log_entry.number("name", value)] * 1_000)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as executor:
        wrote = list(executor.map(write, range(40)))
    assert sum(wrote) == 1
    assert {json.loads(line)["txn"]["version"] for line in path.read_text().splitlines()} == {wrote.index(True)}
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_known_after_a_commit_is_what_others_read(store: Store) -> None:
    log = log_with_files(store)
    commit(log, DAYS[1], newness=5)
    commit(log, DAYS[0], RemovedFile(log.files(DAYS[0])[0]), newness=7)
    commit(log, DAYS[0], newness=6, modified_ms=1)
    assert known(log) == known(DeltaLog(store, PLACE))
    log.refresh()
    assert known(log) == known(DeltaLog(store, PLACE))


def test_every_version_can_be_read_with_and_without_a_checkpoint(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    log_with_files(store, 25)
    versions = [DeltaTable(str(tmp_path / PLACE), version=version) for version in range(26)]
    assert [len(each.file_uris()) for each in versions] == list(range(26))
    assert len(list((tmp_path / PLACE / "_delta_log").glob("*.checkpoint.parquet"))) == 2


def test_another_table_with_as_many_commits_is_noticed_where_one_was_deleted(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    old = log_with_files(store)
    (tmp_path / PLACE).rename(tmp_path / "deleted")
    commit(DeltaLog(store, PLACE), DAYS[1])
    with pytest.raises(Conflict):
        commit(old, DAYS[0])
    assert known(old) == known(DeltaLog(store, PLACE))
    assert old.partitions() == [DAYS[1]]


@pytest.mark.parametrize("wish", ["delta.enableChangeDataFeed", "delta.appendOnly"])
def test_a_table_that_asks_more_of_its_writers_is_left_to_delta_rs(tmp_path: Path, wish: str) -> None:
    store = LocalStore(tmp_path)
    log = log_with_files(store)
    assert log_entry.is_simple(table_of(store), [PLAIN])
    table_of(store).alter.set_table_properties({wish: "true"})
    assert not log_entry.is_simple(table_of(store), [PLAIN])
    log.refresh()
    commit(log, DAYS[1], newness=9)
    assert known(log) == known(DeltaLog(store, PLACE))
    assert table_of(store).history(1)[0]["engineInfo"].startswith("delta-rs")


def test_what_a_table_asks_of_its_writers_is_seen_though_it_was_asked_meanwhile(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    log = log_with_files(store)
    table_of(store).alter.set_table_properties({"delta.appendOnly": "true"})
    with pytest.raises(Conflict):
        commit(log, DAYS[1])


def test_a_name_that_a_uri_writes_in_another_way_is_left_to_delta_rs(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    log = log_with_files(store)
    odd = "date=2026-01-31/a b%20c.parquet"
    log.commit(ROWS, [AddedFile(DAYS[0], odd, 1, 1)], [], {}, {}, on_top_of=log.version)
    commit(log, DAYS[0], *(RemovedFile(file) for file in log.files(DAYS[0]) if file.path == odd))
    assert known(log) == known(DeltaLog(store, PLACE))
    assert odd not in {file.path for _, file in log.every_file()}
