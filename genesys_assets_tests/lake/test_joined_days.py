"""Snapshots of a day that is over become one file, and readers see no difference."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.lake import housekeeping
from genesys_assets.lake.commit import join
from genesys_assets.lake.housekeeping import clean_up
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore, Store
from genesys_assets.tables.spec import Column, TableSpec, columns
from genesys_assets_tests.lake.test_housekeeping import DAY, LIVE, disk, house, rows, write
from genesys_assets_tests.lake.things import DAYS, NOON, PLACE, SPEC, things

__all__ = ["disk"]


def snapshots(store: Store, *moments: datetime) -> None:
    for number, moment in enumerate(moments):
        Lake(store).append(LIVE, SPEC, things((f"{moment:%H:%M}", number)), moment, {"run_id": f"{number}"})


@pytest.mark.long
def test_the_snapshots_of_a_day_that_is_over_become_one_file_in_one_commit(store: Store) -> None:
    snapshots(store, *(NOON + timedelta(minutes=minute) for minute in range(6)))
    before, version = rows(store), Lake(store).log(LIVE).version
    report = house(store, keep=DAY)
    assert report.days_joined == {LIVE: [DAYS[1]]}
    log = Lake(store).log(LIVE)
    assert (len(log.files(DAYS[1])), log.version) == (1, version + 1)
    assert rows(store) == before
    assert Lake(store).rows(LIVE, DAYS[1]) == 6
    assert Lake(store).provenance(LIVE, DAYS[1])["joined_files"] == 6
    assert house(store, keep=DAY).days_joined == {}


def test_nobody_who_reads_changes_sees_that_snapshots_were_joined(disk: LocalStore) -> None:
    snapshots(disk, NOON, NOON + timedelta(minutes=1))
    house(disk, keep=DAY)
    log = Lake(disk).log(LIVE)
    (actions,) = log.actions([log.version])
    changes = [next(iter(action.values())) for action in actions if "commitInfo" not in action]
    assert [change["dataChange"] for change in changes] == [False, False, False]


def test_a_day_that_goes_on_keeps_its_snapshots(disk: LocalStore) -> None:
    snapshots(disk, NOON, NOON + timedelta(minutes=1))
    for now, joined in ((NOON + timedelta(hours=11, minutes=59), {}), (NOON + DAY, {LIVE: [DAYS[1]]})):
        assert clean_up(Lake(disk), [], keep=DAY, now=now).days_joined == joined


def test_only_tables_that_are_added_to_are_joined(disk: LocalStore) -> None:
    for number in range(3):
        Lake(disk).append(PLACE, SPEC, things(("a", number)), NOON, {})
    assert house(disk).days_joined == {}
    assert len(Lake(disk).log(PLACE).files(DAYS[1])) == 3


def test_snapshots_that_were_stored_before_a_column_was_added_have_none_in_it(disk: LocalStore) -> None:
    snapshots(disk, NOON)
    wider = TableSpec("things", "", ("id",), (*SPEC.columns, *columns("at instant when")))
    later = pa.Table.from_pylist([{"id": "b", "n": 2, "at": NOON}], wider.schema)
    Lake(disk).append(LIVE, wider, later, NOON, {})
    before = rows(disk)
    house(disk)
    assert rows(disk) == before
    assert [row["at"] for row in before] == [None, NOON]


def test_microseconds_and_columns_of_nulls_stay_what_they_were(disk: LocalStore) -> None:
    fine = (Column("at", pa.timestamp("us", "UTC"), "when"), Column("nothing", pa.null(), "not known"))
    spec = TableSpec("things", "", ("id",), (*SPEC.columns, *fine))
    for microsecond in (1, 2):
        at = NOON + timedelta(microseconds=microsecond)
        snapshot = pa.Table.from_pylist([{"id": "a", "n": 1, "at": at, "nothing": None}], spec.schema)
        Lake(disk).append(LIVE, spec, snapshot, NOON, {})
    before, schema = rows(disk), Lake(disk).schema(LIVE, DAYS[1])
    assert house(disk).days_joined == {LIVE: [DAYS[1]]}
    assert (rows(disk), Lake(disk).schema(LIVE, DAYS[1])) == (before, schema)
    assert len({row["at"] for row in before}) == 2


def test_a_snapshot_that_comes_while_a_day_is_joined_stays_beside_and_after_it(
    disk: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots(disk, NOON, NOON + timedelta(minutes=1))

    def late(*args: Any, **named: Any) -> bool:
        snapshots(disk, NOON + timedelta(minutes=2))
        return join(*args, **named)

    monkeypatch.setattr(housekeeping, "join", late)
    house(disk, keep=DAY)
    assert [row["id"] for row in rows(disk)] == ["12:00", "12:01", "12:02"]
    assert len(Lake(disk).log(LIVE).files(DAYS[1])) == 2


def test_a_day_that_somebody_else_joins_is_joined_once(disk: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshots(disk, NOON, NOON + timedelta(minutes=1))
    before = rows(disk)

    def late(*args: Any, **named: Any) -> bool:
        monkeypatch.setattr(housekeeping, "join", join)
        house(disk, keep=DAY)
        return join(*args, **named)

    monkeypatch.setattr(housekeeping, "join", late)
    assert house(disk, keep=DAY).days_joined == {}
    assert rows(disk) == before
    assert len(Lake(disk).log(LIVE).files(DAYS[1])) == 1


def test_a_day_with_a_snapshot_that_cannot_be_read_keeps_no_other_from_being_joined_and_cleaned(
    disk: LocalStore,
) -> None:
    for day in (NOON, NOON + DAY):
        snapshots(disk, day, day + timedelta(minutes=1))
    (broken, _) = Lake(disk).log(LIVE).files(DAYS[1])
    disk.put(f"{LIVE}/{broken.path}", b"")
    report = house(disk)
    assert (list(report.problems), report.days_joined) == ([LIVE], {LIVE: [DAYS[2]]})
    assert report.removed == {LIVE: 2}
    assert len(Lake(disk).log(LIVE).files(DAYS[1])) == 2


def test_a_snapshot_that_cannot_be_read_is_a_problem_of_its_table_alone(disk: LocalStore) -> None:
    snapshots(disk, NOON, NOON + timedelta(minutes=1))
    write(disk, 1)
    write(disk, 2)
    (broken, _) = Lake(disk).log(LIVE).files(DAYS[1])
    disk.put(f"{LIVE}/{broken.path}", b"")
    report = house(disk)
    assert list(report.problems) == [LIVE]
    assert "cannot be read" in report.problems[LIVE]
    assert (report.days_joined, report.files_removed) == ({}, 1)
