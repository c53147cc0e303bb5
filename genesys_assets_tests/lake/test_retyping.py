"""A stored column gets a wider type: one commit rewrites all files, and nothing else changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from genesys_assets.lake import log_entry, retyping
from genesys_assets.lake.column_types import UnstorableColumn
from genesys_assets.lake.delta import Conflict, DeltaLog
from genesys_assets.lake.files import Unreadable
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.ledger import readings
from genesys_assets.lake.opening import s3_client
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.retyping import Retyping
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import LocalStore
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets.tables.spec import TableSpec, columns
from genesys_assets_tests.assets.world import environment

PLACE = "reports/mine"
DAYS = ("2026-01-30", "2026-01-31", "2026-02-01")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
WHOLE = TableSpec("mine", "One row per id.", ("id",), columns("id string its id\nn integer a number"))
FRACTIONS = TableSpec("mine", "One row per id.", ("id",), columns("id string its id\nn number a number"))
FLOATS = pa.schema([("id", pa.string()), ("n", pa.float64())])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def lake(folder: Path) -> Lake:
    return Lake(LocalStore(folder))


def write(lake: Lake, spec: TableSpec, day: str, *numbers: float | None, **more: Any) -> dict[str, Any]:
    rows = [{"id": f"{index}", "n": number} for index, number in enumerate(numbers)]
    return lake.write(PLACE, spec, pa.Table.from_pylist(rows, spec.schema), day, {"run_id": "r"}, **more).figures()


def numbers(lake: Lake, *days: str) -> list[float | None]:
    column: list[float | None] = lake.read(PLACE, days)["n"].to_pylist()
    return column


def types_of_files(lake: Lake, folder: Path) -> set[pa.DataType]:
    paths = [folder / PLACE / file.path for _, file in lake.log(PLACE).every_file()]
    return {pq.read_schema(path).field("n").type for path in paths}


def files_on_disk(folder: Path) -> int:
    """The number of data files, in use or not; checkpoints of the log do not count."""
    return len(list((folder / PLACE).glob("date=*/*.parquet")))


def test_every_file_takes_the_type_in_one_commit_before_that_of_the_rows(lake: Lake, folder: Path) -> None:
    for day in DAYS[:2]:
        write(lake, WHOLE, day, 1, None)
    before = lake.log(PLACE).version
    write(lake, FRACTIONS, DAYS[2], 0.5)
    assert lake.log(PLACE).version == before + 2
    assert types_of_files(lake, folder) == {pa.float64()}
    assert lake.log(PLACE).schema() == FLOATS
    assert numbers(lake, *DAYS) == [1, None, 1, None, 0.5]
    notes = dict(lake.log(PLACE).notes(before))
    assert notes[before + 1] == {"retyped": {"n": "double"}}
    assert set(notes[before + 2]["readings"]) == {DAYS[2]}


def test_old_versions_stay_as_they_were(lake: Lake, folder: Path) -> None:
    write(lake, WHOLE, DAYS[0], 1)
    before = lake.log(PLACE).version
    write(lake, FRACTIONS, DAYS[1], 0.5)
    old = DeltaTable(folder / PLACE, version=before).to_pyarrow_table()
    assert old["n"].type == pa.int64()
    assert old["n"].to_pylist() == [1]


def test_provenance_reach_and_newness_of_each_partition_stay(lake: Lake) -> None:
    reach = Reach(NOON, imported=True)
    write(lake, WHOLE, DAYS[0], 1, reach=reach, newness=7)
    said = lake.provenance(PLACE, DAYS[0])
    write(lake, FRACTIONS, DAYS[1], 0.5)
    assert lake.reach(PLACE, DAYS[0]) == reach
    assert lake.provenance(PLACE, DAYS[0]) == said
    assert lake.newness([(PLACE, DAYS[0])]) == 7
    assert lake.rows(PLACE, DAYS[0]) == 1


def test_the_readings_stay_and_the_new_type_is_none(lake: Lake) -> None:
    write(lake, WHOLE, DAYS[0], 1, 2)
    write(lake, WHOLE, DAYS[0], 1, 3)
    write(lake, FRACTIONS, DAYS[1], 0.5)
    (reading,) = readings(lake, PLACE)
    assert (reading.partition, reading.figures["rows_changed"]) == (DAYS[0], 1)


def test_a_number_that_is_the_same_in_the_new_type_did_not_change(lake: Lake) -> None:
    write(lake, WHOLE, DAYS[0], 1, 2, 3)
    figures = write(lake, FRACTIONS, DAYS[0], 1, 2.5, 3)
    assert (figures["rows_added"], figures["rows_changed"], figures["rows_removed"]) == (0, 1, 0)


def test_whole_numbers_are_written_as_fractions_where_the_table_has_these(lake: Lake, folder: Path) -> None:
    write(lake, FRACTIONS, DAYS[0], 0.5)
    before = lake.log(PLACE).version
    write(lake, WHOLE, DAYS[1], 1)
    assert lake.log(PLACE).version == before + 1
    assert types_of_files(lake, folder) == {pa.float64()}


def test_snapshots_keep_their_order(lake: Lake) -> None:
    for number in range(5):
        lake.append(PLACE, WHOLE, pa.Table.from_pylist([{"id": "a", "n": number}], WHOLE.schema), NOON, {})
    lake.append(PLACE, FRACTIONS, pa.Table.from_pylist([{"id": "a", "n": 5.5}], FRACTIONS.schema), NOON, {})
    lake.append(PLACE, WHOLE, pa.Table.from_pylist([{"id": "a", "n": 6}], WHOLE.schema), NOON, {})
    assert numbers(lake, DAYS[1]) == [0, 1, 2, 3, 4, 5.5, 6]


def test_snapshots_keep_their_order_though_the_clock_stands_still_or_goes_back(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, now_ms in enumerate([1_000, 1_000, 1_000, 500, 500]):
        monkeypatch.setattr(log_entry, "now_ms", lambda now_ms=now_ms: now_ms)
        lake.append(PLACE, WHOLE, pa.Table.from_pylist([{"id": "a", "n": number}], WHOLE.schema), NOON, {})
    assert [file.modified_ms for file in lake.log(PLACE).files(DAYS[1])] == [1_000, 1_001, 1_002, 1_003, 1_004]
    assert numbers(lake, DAYS[1]) == [0, 1, 2, 3, 4]


def test_a_stored_number_that_would_change_keeps_the_table_as_it_is(lake: Lake) -> None:
    write(lake, WHOLE, DAYS[0], 2**53 + 1)
    with pytest.raises(UnstorableColumn, match="column 'n' has a value that double cannot hold"):
        write(lake, FRACTIONS, DAYS[1], 0.5)
    assert lake.refreshed().log(PLACE).schema().field("n").type == pa.int64()
    assert numbers(lake, *DAYS) == [2**53 + 1]


def test_rows_made_of_the_stored_ones_are_not_overtaken_by_their_own_type(lake: Lake) -> None:
    write(lake, WHOLE, DAYS[0], 1)
    with lake.table_writers({PLACE: FRACTIONS}, DAYS[0], {}, builds_on_stored=True) as writing:
        writing[PLACE].write(pa.Table.from_pylist([{"id": "0", "n": 1.5}], FRACTIONS.schema))
    assert numbers(lake, DAYS[0]) == [1.5]


# -- damaged files


def snapshot(lake: Lake, number: int) -> None:
    lake.append(PLACE, WHOLE, pa.Table.from_pylist([{"id": "a", "n": number}], WHOLE.schema), NOON, {})


def damage(lake: Lake, folder: Path, day: str, number: int = 0) -> tuple[Path, bytes]:
    """Damage one file of a day; returns its path and its bytes."""
    path = folder / PLACE / lake.refreshed().log(PLACE).files(day)[number].path
    content = path.read_bytes()
    path.write_bytes(b"PAR1")
    return path, content


def test_a_damaged_day_is_unreadable_until_it_is_written_again_which_is_a_reading(lake: Lake, folder: Path) -> None:
    for day in DAYS[:2]:
        write(lake, WHOLE, day, 1)
    damage(lake, folder, DAYS[0])
    write(lake, FRACTIONS, DAYS[2], 0.5)
    assert lake.log(PLACE).schema() == FLOATS
    assert numbers(lake, *DAYS[1:]) == [1, 0.5]
    with pytest.raises(Unreadable):
        lake.read(PLACE, DAYS[0])
    write(lake, WHOLE, DAYS[0], 1)
    assert numbers(lake, *DAYS) == [1, 1, 0.5]
    assert [reading.partition for reading in readings(lake, PLACE)] == [DAYS[0]]


def test_the_day_that_brings_the_type_may_be_the_damaged_one(lake: Lake, folder: Path) -> None:
    write(lake, WHOLE, DAYS[0], 1)
    write(lake, WHOLE, DAYS[1], 2)
    damage(lake, folder, DAYS[0])
    write(lake, FRACTIONS, DAYS[0], 0.5)
    assert numbers(lake, *DAYS) == [0.5, 2]


def test_a_day_of_several_files_of_which_one_is_damaged_loses_no_rows(lake: Lake, folder: Path) -> None:
    for number in range(3):
        snapshot(lake, number)
    path, content = damage(lake, folder, DAYS[1], 1)
    write(lake, FRACTIONS, DAYS[2], 0.5)
    with pytest.raises(Unreadable, match=path.name):
        lake.read(PLACE, DAYS[1])
    path.write_bytes(content)
    assert numbers(lake, DAYS[1]) == [0, 1, 2]


def test_a_damaged_file_is_named_in_the_log_and_other_engines_read_the_other_days(lake: Lake, folder: Path) -> None:
    for day in DAYS[:2]:
        write(lake, WHOLE, day, 1)
    path, _ = damage(lake, folder, DAYS[0])
    before = DeltaTable(folder / PLACE)
    write(lake, FRACTIONS, DAYS[2], 0.5)
    now = DeltaTable(folder / PLACE)
    assert dict(lake.log(PLACE).notes(before.version()))[before.version() + 1] == {
        "retyped": {"n": "double"},
        "unreadable": [f"date={DAYS[0]}/{path.name}"],
    }
    others = now.to_pyarrow_table(filters=[("date", ">", date.fromisoformat(DAYS[0]))])["n"]
    assert sorted(others.to_pylist()) == [0.5, 1]
    assert (now.metadata().id, now.metadata().configuration, now.metadata().created_time) == (
        before.metadata().id,
        before.metadata().configuration,
        before.metadata().created_time,
    )


def test_a_table_with_features_of_others_takes_the_type_unless_a_file_is_damaged(lake: Lake, folder: Path) -> None:
    for day in DAYS[:2]:
        write(lake, WHOLE, day, 1)
    DeltaTable(folder / PLACE).alter.set_table_properties({"delta.enableChangeDataFeed": "true"})
    path, content = damage(lake, folder, DAYS[0])
    with pytest.raises(Unreadable, match=f"{path.name} cannot be read"):
        write(lake.refreshed(), FRACTIONS, DAYS[2], 0.5)
    assert lake.refreshed().log(PLACE).schema().field("n").type == pa.int64()
    path.write_bytes(content)
    write(lake.refreshed(), FRACTIONS, DAYS[2], 0.5)
    assert numbers(lake.refreshed(), *DAYS) == [1, 1, 0.5]


# -- others commit meanwhile


def test_a_commit_meanwhile_is_a_conflict_and_the_next_try_writes_only_what_is_new(lake: Lake, folder: Path) -> None:
    for day in DAYS[:2]:
        write(lake, WHOLE, day, 1)
    stale = DeltaLog(lake.store, PLACE)
    write(lake, WHOLE, DAYS[2], 2)
    retyping = Retyping(stale)
    with pytest.raises(Conflict):
        retyping.fit(FLOATS)
    assert (stale.schema().field("n").type, files_on_disk(folder)) == (pa.int64(), 3 + 2)
    with pytest.raises(Conflict, match="has other column types now: n is double"):
        retyping.fit(FLOATS)
    assert (stale.schema().field("n").type, files_on_disk(folder)) == (pa.float64(), 3 + 2 + 1)
    assert numbers(lake.refreshed(), *DAYS) == [1, 1, 2]
    retyping.fit(FLOATS)


def test_the_partition_that_others_gave_another_type_meanwhile_is_not_lost(lake: Lake, folder: Path) -> None:
    write(lake, WHOLE, DAYS[0], 1)
    with lake.table_writers({PLACE: WHOLE}, DAYS[1], {}) as writing:
        writing[PLACE].write(pa.Table.from_pylist([{"id": "0", "n": 7}], WHOLE.schema))
        write(Lake(lake.store), FRACTIONS, DAYS[2], 0.5)
    assert numbers(lake.refreshed(), *DAYS) == [1, 7, 0.5]
    assert types_of_files(lake.refreshed(), folder) == {pa.float64()}


def test_a_table_that_others_make_meanwhile_with_another_type_is_none_that_changed(lake: Lake) -> None:
    with lake.table_writers({PLACE: FRACTIONS}, DAYS[0], {}) as writing:
        writing[PLACE].write(pa.Table.from_pylist([{"id": "0", "n": 0.5}], FRACTIONS.schema))
        write(Lake(lake.store), WHOLE, DAYS[1], 7)
    assert numbers(lake.refreshed(), *DAYS) == [0.5, 7]


def test_many_writers_at_once_lose_no_row(lake: Lake, folder: Path) -> None:
    days = [f"2026-03-{day:02d}" for day in range(1, 13)]

    def work(index: int) -> None:
        spec = FRACTIONS if index % 3 == 2 else WHOLE
        write(Lake(LocalStore(folder)), spec, days[index], index + 0.5 if spec is FRACTIONS else index)

    with ThreadPoolExecutor(4) as executor:
        list(executor.map(work, range(len(days))))
    assert numbers(lake, *days) == [index + 0.5 if index % 3 == 2 else index for index in range(len(days))]
    assert types_of_files(lake, folder) == {pa.float64()}


def test_a_lake_on_s3_takes_the_type_too(object_store: ObjectStore, bucket: str) -> None:
    with environment(object_store.environment()):
        lake = Lake(S3Store(bucket, "lake", s3_client))
        write(lake, WHOLE, DAYS[0], 1)
        write(lake, FRACTIONS, DAYS[1], 0.5)
        write(lake, WHOLE, DAYS[2], 2)
        assert numbers(lake, *DAYS) == [1, 0.5, 2]
        assert lake.provenance(PLACE, DAYS[0])["run_id"] == "r"


@pytest.mark.parametrize("commits", range(1, S3Store.commits_between_checkpoints + 1))
def test_a_lake_on_s3_takes_the_type_wherever_its_log_ends(
    object_store: ObjectStore, bucket: str, commits: int
) -> None:
    with environment(object_store.environment()):
        lake = Lake(S3Store(bucket, "lake", s3_client))
        for number in range(commits):
            write(lake, WHOLE, DAYS[0], number)
        write(lake, FRACTIONS, DAYS[1], 0.5)
        other = Lake(S3Store(bucket, "lake", s3_client))
        assert other.log(PLACE).schema() == lake.log(PLACE).schema() == FLOATS
        assert numbers(other, *DAYS) == numbers(lake, *DAYS) == [commits - 1, 0.5]


def test_rows_that_another_thread_commits_while_files_are_rewritten_stay(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(lake, WHOLE, DAYS[0], 1)
    other, rewritten = lake.refreshed(), retyping._rewritten
    waiting = [1.0]

    def write_and_rewrite(*args: Any) -> Any:
        while waiting:
            write(other, WHOLE, DAYS[1], waiting.pop())
        return rewritten(*args)

    monkeypatch.setattr(retyping, "_rewritten", write_and_rewrite)
    write(lake, FRACTIONS, DAYS[2], 0.5)
    assert numbers(lake, *DAYS) == numbers(Lake(lake.store), *DAYS) == [1, 1, 0.5]
