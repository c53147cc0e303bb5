"""One table's log: partitions and their files, commits that are refused, columns that are added."""

from __future__ import annotations

import itertools
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from genesys_assets.lake.delta import (
    AddedFile,
    Conflict,
    DataFile,
    DeltaLog,
    Key,
    RemovedFile,
    ReservedColumn,
    UnreadableLog,
    partition_folder,
    partition_values,
)
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.log_files import LOG
from genesys_assets.lake.store import LocalStore, Store
from genesys_assets.tables.spec import TableSpec, columns
from genesys_assets_tests.lake.things import DAYS, HOURS, PLACE, SPEC

TABLE = SPEC.schema


def log_of(store: Store) -> DeltaLog:
    """The log as another process sees it now."""
    return DeltaLog(store, PLACE)


def commit(
    log: DeltaLog,
    *added: tuple[Key, str],
    removed: tuple[DataFile, ...] = (),
    schema: pa.Schema = TABLE,
    note: dict[str, Any] | None = None,
    newness: dict[Key, int] | None = None,
    on_top_of: int | None = None,
) -> None:
    """Add files by partition and name; the log does not check that they exist."""
    log.commit(
        schema,
        [AddedFile(key, f"{partition_folder(key)}/{name}.parquet".lstrip("/"), 10, 1) for key, name in added],
        [RemovedFile(file) for file in removed],
        note or {},
        newness or {},
        on_top_of=log.version if on_top_of is None else on_top_of,
    )


def names(log: DeltaLog, key: Key) -> list[str]:
    return [file.path.rsplit("/", 1)[-1].removesuffix(".parquet") for file in log.files(key)]


@pytest.fixture
def disk(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


# -- partitions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "folder"),
    [
        (None, ""),
        ("2026-01-31", "date=2026-01-31"),
        ("2026-01-31-13:00", "date=2026-01-31/hour=13"),
        ("2026-01-31-03:00", "date=2026-01-31/hour=3"),
    ],
)
def test_partitions_lie_in_hive_folders(key: Key, folder: str) -> None:
    assert partition_folder(key) == folder


_NO_PARTITIONS = [
    "january",
    "2026-01-31-13",
    "2026-01-31-13:30",
    "",
    "all",
    "2026-02-30",
    "0000-01-01",
    "2026-01-31-24:00",
]


@pytest.mark.parametrize("key", _NO_PARTITIONS)
def test_a_key_that_is_no_partition_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="is neither a day"):
        partition_values(key)


def test_a_table_that_does_not_exist_has_nothing(store: Store) -> None:
    log = log_of(store)
    assert (log.version, log.partitions(), log.newness(DAYS[0]), list(log.schema())) == (-1, [], None, [])
    for key in (None, DAYS[0], HOURS[0]):
        assert log.files(key) == []
    assert list(log.notes(-1)) == []
    assert list(log.actions([0])) == [[]]


def test_files_come_back_by_day_the_oldest_first(disk: LocalStore) -> None:
    log = log_of(disk)
    for name in ("first", "second", "third"):
        commit(log, (DAYS[0], name))
    commit(log, (DAYS[1], "other-1"))
    for each in (log, log_of(disk)):
        assert names(each, DAYS[0]) == ["first", "second", "third"]
        assert names(each, DAYS[1]) == ["other-1"]
        assert each.partitions() == DAYS[:2]
    assert [file.content for file in log.files(DAYS[1])] == ["other"]


def test_files_come_back_by_hour(disk: LocalStore) -> None:
    commit(log_of(disk), *((hour, hour[11:13]) for hour in reversed(HOURS)))
    log = log_of(disk)
    assert log.partitions() == HOURS
    assert [names(log, hour) for hour in HOURS] == [["12"], ["13"], ["14"]]
    assert names(log, "2026-01-30-12:00") == []


def test_a_day_of_a_table_of_hours_has_the_files_of_all_its_hours(disk: LocalStore) -> None:
    log = log_of(disk)
    commit(log, *((hour, hour[11:13]) for hour in HOURS), ("2026-01-30-12:00", "before"))
    for each in (log, log_of(disk)):
        assert (sorted(names(each, HOURS[0][:10])), len(names(each, None))) == (["12", "13", "14"], 4)


@pytest.mark.parametrize("is_alone", [True, False])
def test_a_checkpoint_knows_what_is_stored_without_reading_it_again(
    disk: LocalStore, monkeypatch: pytest.MonkeyPatch, *, is_alone: bool
) -> None:
    log = log_of(disk)
    commit(log, (DAYS[0], "a"), newness={DAYS[0]: 7})
    assert (names(log, DAYS[0]), log.newness(DAYS[0])) == (["a"], 7)
    if not is_alone:
        commit(log_of(disk), (DAYS[0], "b"), newness={DAYS[0]: 8})
    times, read = itertools.count(), DeltaTable.get_add_actions
    monkeypatch.setattr(DeltaTable, "get_add_actions", lambda *a, **k: (next(times), read(*a, **k))[1])
    log.checkpoint()
    found = names(log, DAYS[0]), log.newness(DAYS[0]), next(times)
    assert found == ((["a"], 7, 0) if is_alone else (["a", "b"], 8, 1))


def test_a_table_without_partitions_has_one(disk: LocalStore) -> None:
    log = log_of(disk)
    commit(log, (None, "a"), newness={None: 7})
    assert (names(log_of(disk), None), log.partitions(), log.newness(None)) == (["a"], [], 7)
    assert log.files(DAYS[0]) == []


def test_the_content_is_the_part_of_a_files_name_that_is_not_unique() -> None:
    assert DataFile("date=2026-01-31/abc-def.parquet", 1, 1, 1).content == "abc"
    assert DataFile("abc-def.parquet", 1, 1, 1).content == "abc"


# -- commits -----------------------------------------------------------------------------------------------------------


def test_one_commit_adds_and_removes_in_several_partitions(store: Store) -> None:
    log = log_of(store)
    commit(log, (DAYS[0], "a"), (DAYS[1], "b"))
    before = log.version
    removed = (*log.files(DAYS[0]), *log.files(DAYS[1]))
    commit(log, (DAYS[0], "a2"), (DAYS[2], "c"), removed=removed)
    assert log.version == before + 1
    assert [names(log_of(store), day) for day in DAYS] == [["a2"], [], ["c"]]


def test_a_log_is_as_it_was_read_until_it_is_refreshed(disk: LocalStore) -> None:
    first, second = log_of(disk), log_of(disk)
    commit(first, (DAYS[0], "a"))
    assert second.files(DAYS[0]) == []
    second.refresh()
    assert names(second, DAYS[0]) == ["a"]
    commit(first, (DAYS[0], "b"))
    assert names(second, DAYS[0]) == ["a"]
    second.refresh()
    assert names(second, DAYS[0]) == ["a", "b"]


def test_a_log_whose_folder_was_listed_while_others_committed_is_read_again(
    disk: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_of(disk)
    for name in ("a", "b"):
        commit(log, (DAYS[0], name))
    unlisted, aside = tmp_path / PLACE / LOG / f"{1:020d}.json", tmp_path / "aside"
    unlisted.rename(aside)

    def opened(uri: str) -> DeltaTable:
        try:
            return DeltaTable(uri)
        finally:
            if aside.exists():
                aside.rename(unlisted)

    monkeypatch.setattr("deltalake.DeltaTable", opened)
    assert names(log_of(disk), DAYS[0]) == ["a", "b"]


def test_a_log_in_which_a_commit_is_missing_is_damaged(disk: LocalStore, tmp_path: Path) -> None:
    log = log_of(disk)
    for name in ("a", "b"):
        commit(log, (DAYS[0], name))
    (tmp_path / PLACE / LOG / f"{1:020d}.json").unlink()
    with pytest.raises(UnreadableLog, match="cannot be read"):
        log_of(disk)


def test_notes_and_newness_stay_with_the_commit(store: Store) -> None:
    log = log_of(store)
    for number in range(1, 4):
        commit(log, (DAYS[0], f"{number}"), note={"number": number, "of": None}, newness={DAYS[0]: number * 10**12})
    for each in (log, log_of(store)):
        assert [note for _, note in each.notes(0)] == [{"number": number, "of": None} for number in (1, 2, 3)]
        assert list(each.notes(2)) == [(3, {"number": 3, "of": None})]
        assert list(each.notes(3)) == []
        assert each.newness(DAYS[0]) == 3 * 10**12
        assert each.newness(DAYS[1]) is None


def test_notes_are_those_of_their_version_though_others_commit_meanwhile(disk: LocalStore) -> None:
    log = log_of(disk)
    for number in (1, 2):
        commit(log, (DAYS[0], f"{number}"), note={"number": number})
    stale = log_of(disk)
    for number in (3, 4):
        commit(log, (DAYS[0], f"{number}"), note={"number": number})
    assert list(stale.notes(0)) == [(1, {"number": 1}), (2, {"number": 2})]
    assert list(stale.notes(1)) == [(2, {"number": 2})]


def test_notes_and_newness_outlast_checkpoints(disk: LocalStore) -> None:
    log = log_of(disk)
    for number in range(25):
        commit(log, (DAYS[0], f"{number:02d}"), note={"number": number}, newness={DAYS[0]: number, f"mark{number}": 1})
    assert sorted((disk.folder / PLACE / "_delta_log").glob("*.checkpoint.parquet")), (
        "there is no checkpoint to outlast"
    )
    other = log_of(disk)
    assert [note["number"] for _, note in other.notes(0)] == list(range(25))
    assert (other.newness(DAYS[0]), other.newness("mark3")) == (24, 1)
    assert names(other, DAYS[0]) == [f"{number:02d}" for number in range(25)]


def test_a_commit_on_top_of_what_others_have_replaced_is_refused(store: Store) -> None:
    first, second = log_of(store), log_of(store)
    commit(first, (DAYS[0], "a"))
    second.refresh()
    commit(first, (DAYS[1], "b"))
    with pytest.raises(Conflict, match=PLACE):
        commit(second, (DAYS[2], "c"))
    assert (second.version, names(second, DAYS[1]), names(second, DAYS[2])) == (2, ["b"], [])
    commit(second, (DAYS[2], "c"))
    assert [names(log_of(store), day) for day in DAYS] == [["a"], ["b"], ["c"]]


def test_of_two_that_make_the_same_table_the_second_is_refused(store: Store) -> None:
    first, second = log_of(store), log_of(store)
    commit(first, (DAYS[0], "a"))
    with pytest.raises(Conflict):
        commit(second, (DAYS[0], "b"))
    assert names(second, DAYS[0]) == names(log_of(store), DAYS[0]) == ["a"]


def test_a_commit_is_refused_though_another_thread_has_refreshed_the_log_since(disk: LocalStore) -> None:
    log = log_of(disk)
    commit(log, (DAYS[0], "a"))
    looked_at = log.version
    commit(log_of(disk), (DAYS[0], "b"))
    log.refresh()
    with pytest.raises(Conflict, match="was at version 1 and is at 2 now"):
        commit(log, (DAYS[0], "c"), on_top_of=looked_at)
    assert names(log_of(disk), DAYS[0]) == ["a", "b"]


@pytest.mark.parametrize("commits", [5, 15])
def test_a_table_that_was_deleted_and_made_again_is_read_anew_at_the_next_commit(
    disk: LocalStore, commits: int
) -> None:
    old = log_of(disk)
    for number in range(commits):
        commit(old, (DAYS[0], f"{number}"))
    shutil.rmtree(disk.folder / PLACE)
    commit(log_of(disk), (DAYS[1], "new"))
    with pytest.raises(Conflict):
        commit(old, (DAYS[0], "a"))
    assert (names(old, DAYS[0]), names(old, DAYS[1])) == ([], ["new"])
    commit(old, (DAYS[0], "a"))
    assert [names(log_of(disk), day) for day in DAYS[:2]] == [["a"], ["new"]]


def test_what_is_no_conflict_is_no_reason_to_try_again(disk: LocalStore) -> None:
    (disk.folder / PLACE / "_delta_log" / f"{0:020d}.json").mkdir(parents=True)
    with pytest.raises(DeltaError, match="Invalid table version"):
        commit(log_of(disk), (DAYS[0], "a"))


def test_threads_that_share_a_log_lose_nothing(disk: LocalStore) -> None:
    log, together = log_of(disk), threading.Barrier(4)

    def add(thread: int) -> None:
        together.wait()
        for number in range(8):
            while True:
                try:
                    commit(log, (DAYS[0], f"{thread}-{number}"))
                    break
                except Conflict:
                    log.refresh()

    with ThreadPoolExecutor(4) as executor:
        list(executor.map(add, range(4)))
    added = {f"{thread}-{number}" for thread in range(4) for number in range(8)}
    assert set(names(log, DAYS[0])) == set(names(log_of(disk), DAYS[0])) == added
    assert log_of(disk).version == len(added)


# -- columns -----------------------------------------------------------------------------------------------------------


def test_columns_at_rest_are_those_of_delta_lake(disk: LocalStore) -> None:
    schema = pa.schema(
        {
            "at": pa.timestamp("ms", "UTC"),
            "words": pa.list_(pa.string()),
            "text": pa.large_string(),
            "code": pa.dictionary(pa.int32(), pa.string()),
            "count": pa.uint32(),
            "unknown": pa.null(),
        }
    )
    log = log_of(disk)
    commit(log, (DAYS[0], "a"), schema=schema)
    assert {field.name: field.type for field in log_of(disk).schema()} == {
        "at": pa.timestamp("us", "UTC"),
        "words": pa.list_(pa.string()),
        "text": pa.string(),
        "code": pa.string(),
        "count": pa.int64(),
    }


def test_a_column_that_is_new_is_added_before_its_rows_and_what_others_did_is_looked_at_again(disk: LocalStore) -> None:
    log = log_of(disk)
    commit(log, (DAYS[0], "a"))
    wider = TABLE.append(pa.field("later", pa.string()))
    with pytest.raises(Conflict, match="new columns now: later"):
        commit(log, (DAYS[1], "b"), schema=wider)
    assert names(log, DAYS[1]) == []
    commit(log, (DAYS[1], "b"), schema=wider)
    commit(log, (DAYS[2], "c"), schema=TABLE)
    assert log_of(disk).schema().names == [*TABLE.names, "later"]
    assert [names(log_of(disk), day) for day in DAYS] == [["a"], ["b"], ["c"]]


def test_two_that_add_the_same_column_at_once_have_it_once(disk: LocalStore) -> None:
    first, second = log_of(disk), log_of(disk)
    commit(first, (DAYS[0], "a"))
    second.refresh()
    wider = TABLE.append(pa.field("later", pa.string()))
    for log in (first, second):
        with pytest.raises(Conflict):
            commit(log, (DAYS[1], "b"), schema=wider)
    assert log_of(disk).schema().names == [*TABLE.names, "later"]


@pytest.mark.parametrize(
    ("refused", "error", "said"),
    [
        (pa.schema({"id": pa.int64()}), Conflict, "has id as string, the rows as int64"),
        (pa.schema({"date": pa.date32()}), ReservedColumn, "has a column 'date'"),
        (pa.schema({"hour": pa.int64()}), ReservedColumn, "has a column 'hour'"),
    ],
)
def test_columns_that_cannot_be_stored_are_named(
    disk: LocalStore, refused: pa.Schema, error: type[Exception], said: str
) -> None:
    log = log_of(disk)
    commit(log, (DAYS[0], "a"))
    with pytest.raises(error, match=said):
        commit(log, (DAYS[1], "b"), schema=refused)
    assert (log.version, names(log_of(disk), DAYS[1])) == (1, [])


def test_whatever_a_commit_names_is_on_the_disk_before_it_and_so_is_all_of_the_log(
    disk: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file with a name but without bytes on the disk is empty after a power cut, which may destroy the whole
    table."""
    on_disk: set[int] = set()
    sync, link, replace = os.fsync, os.link, os.replace

    def syncing(descriptor: int) -> None:
        sync(descriptor)
        on_disk.add(os.fstat(descriptor).st_ino)

    def naming(name: Callable[..., None]) -> Callable[..., None]:
        def named(before: Path, after: Path) -> None:
            assert before.stat().st_ino in on_disk
            name(before, after)

        return named

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "link", naming(link))
    monkeypatch.setattr(os, "replace", naming(replace))
    spec = TableSpec("x", "", ("id",), columns("id string its id\nlater integer comes later"))
    for number in range(12):
        table = SPEC if number < 5 else spec
        rows = pa.Table.from_pylist([{"id": f"{number}"}], table.schema)
        Lake(disk).write(PLACE, table, rows, DAYS[0], {})
    log = [path for path in (disk.folder / PLACE / LOG).iterdir() if path.is_file()]
    assert {path.suffix for path in log} == {".json", ".parquet", ""}
    assert {path.stat().st_ino for path in log} <= on_disk


def test_the_log_is_what_other_engines_read(disk: LocalStore) -> None:
    from deltalake import DeltaTable

    commit(log_of(disk), (HOURS[0], "a"), newness={HOURS[0]: 5})
    table = DeltaTable(disk.uri(PLACE))
    assert table.metadata().partition_columns == ["date", "hour"]
    assert table.transaction_version(HOURS[0]) == 5
    assert [path.rsplit("/", 3)[-3:] for path in table.file_uris()] == [["date=2026-01-31", "hour=12", "a.parquet"]]
