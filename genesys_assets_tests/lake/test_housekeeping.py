"""Housekeeping takes away what no reader sees, and nothing else."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from genesys_assets.lake.housekeeping import keep_house
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import DRAFTS, LocalStore
from genesys_assets.tables.spec import TableSpec, columns

DAY = "2026-01-31"
NOW = datetime.now(UTC)
AT_ONCE, A_DAY = timedelta(0), timedelta(days=1)
SPEC = TableSpec("things", "One row per thing.", ("id",), columns("id string its id\nn integer a number"))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def things(*rows: tuple[str, int]) -> pa.Table:
    return pa.Table.from_pylist([{"id": id_, "n": n} for id_, n in rows], SPEC.schema)


def data_files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts}


def in_use(lake: Lake, *places: str) -> set[str]:
    return {f"{place}/{file.path}" for place in places for _, file in lake.log(place).every_file()}


def leftovers(folder: Path, age: timedelta) -> list[Path]:
    """What killed runs leave: a draft, a published file of a table, and one of a table that was never made."""
    found = [
        folder / DRAFTS / "draft",
        folder / f"tables/things/date={DAY}/killed.parquet",
        folder / f"tables/never/date={DAY}/killed.parquet",
    ]
    then = (NOW - age).timestamp()
    for path in found:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half a file")
        os.utime(path, (then, then))
    return found


def test_older_versions_go_once_they_are_old_enough(lake: Lake, tmp_path: Path) -> None:
    for n in range(4):
        lake.write("tables/things", SPEC, things(("a", n)), DAY, {})
    assert keep_house(lake, A_DAY, NOW).files == 0
    assert len(data_files(tmp_path)) == 4
    done = keep_house(lake, AT_ONCE, NOW)
    assert (done.files, done.contended) == (3, [])
    assert data_files(tmp_path) == in_use(lake.refreshed(), "tables/things")
    assert lake.refreshed().read("tables/things", DAY)["n"].to_pylist() == [3]


def test_leftovers_of_killed_runs_go_once_they_are_old_enough(lake: Lake, tmp_path: Path) -> None:
    lake.write("tables/things", SPEC, things(("a", 1)), DAY, {})
    young = leftovers(tmp_path, timedelta(hours=1))
    assert keep_house(lake, A_DAY, NOW).files == 0
    assert all(path.exists() for path in young)
    old = leftovers(tmp_path, timedelta(days=2))
    assert keep_house(lake, A_DAY, NOW).files == 3
    assert not any(path.exists() for path in old)
    assert data_files(tmp_path) == in_use(lake.refreshed(), "tables/things")


def test_writing_goes_on_afterwards_and_the_ledger_keeps_its_count(lake: Lake) -> None:
    for n in range(3):
        lake.write("tables/things", SPEC, things(("a", n)), DAY, {})
    keep_house(lake, AT_ONCE, NOW)
    later = lake.refreshed()
    change = later.write("tables/things", SPEC, things(("a", 2), ("b", 1)), DAY, {})
    assert (change.rows_before, change.rows_added, change.rows_changed) == (1, 1, 0)
    said = [note["readings"][DAY]["first"] for _, note in later.log("tables/things").notes(0)]
    assert said == [True, False, False, False]


def test_snapshots_of_finished_days_become_one_file_a_day_and_keep_their_rows(lake: Lake, tmp_path: Path) -> None:
    yesterday, today = NOW - A_DAY, NOW
    for moment in (yesterday, yesterday, yesterday, today, today):
        lake.append("live/things", SPEC, things((f"{moment}", 1)), moment, {"run_id": "r"})
    before = {key: lake.read("live/things", f"{key:%Y-%m-%d}") for key in (yesterday, today)}
    assert keep_house(lake, AT_ONCE, NOW).days_put_together == 1
    after = lake.refreshed()
    assert [len(after.log("live/things").files(f"{key:%Y-%m-%d}")) for key in (yesterday, today)] == [1, 2]
    for key, rows in before.items():
        assert after.read("live/things", f"{key:%Y-%m-%d}").equals(rows)
    assert data_files(tmp_path) == in_use(after, "live/things")
    assert keep_house(after, AT_ONCE, NOW).days_put_together == 0


def test_a_lake_without_tables_needs_no_keeping(lake: Lake) -> None:
    assert keep_house(lake, AT_ONCE, NOW).files == 0
