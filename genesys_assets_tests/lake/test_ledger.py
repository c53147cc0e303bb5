"""The ledger has each reading once, however often and by however many processes it is caught up, even after kills."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.lake import ledger
from genesys_assets.lake.commit import TableContended
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.ledger import LEDGER, catch_up, readings
from genesys_assets.lake.store import LocalStore
from genesys_assets.tables.restatements import RESTATEMENTS
from genesys_assets.tables.spec import TableSpec, columns
from genesys_assets_tests.lake.things import DAYS

CALLS, AGENTS = (
    TableSpec(name, "One row per thing.", ("id",), columns("id string its id\nn integer a number"))
    for name in ("calls", "agents")
)
PLACES = ["tables/calls", "tables/agents"]


def read_day(lake: Lake, day: str, number: int, spec: TableSpec = CALLS, run: str = "r") -> None:
    """Store a day of a table: one row, whose number identifies the reading."""
    rows = pa.table({"id": ["a"], "n": [number]}, spec.schema)
    lake.write(f"tables/{spec.name}", spec, rows, day, {"run_id": run})


def caught_up(lake: Lake, *days: str) -> dict[str, Any]:
    return dict(catch_up(lake.refreshed(), PLACES, days, {"run_id": "ledger"}, sleep=lambda _: None))


def entries(lake: Lake, *days: str) -> list[tuple[str, str, int]]:
    """Day, table and version of the ledger's entries."""
    rows = Lake(lake.store).read(LEDGER, days or DAYS, schema=RESTATEMENTS.schema).to_pylist()
    return [(f"{row['day']}", row["table"], row["version"]) for row in rows]


def test_the_first_reading_of_a_day_is_none(lake: Lake) -> None:
    read_day(lake, DAYS[0], 1)
    assert list(readings(lake, PLACES[0])) == []
    assert caught_up(lake) == {}
    assert entries(lake) == []


def test_a_later_reading_says_when_by_whom_and_what_changed(lake: Lake) -> None:
    before = datetime.now(UTC)
    for number in (1, 2):
        read_day(lake, DAYS[0], number, run=f"run {number}")
    caught_up(lake)
    (row,) = Lake(lake.store).read(LEDGER, DAYS[0], schema=RESTATEMENTS.schema).to_pylist()
    assert before.replace(microsecond=0) <= row.pop("read_at") <= datetime.now(UTC)
    assert row == {
        "day": date(2026, 1, 30),
        "table": "calls",
        "version": 2,
        "run_id": "run 2",
        "rows_before": 1,
        "rows_after": 1,
        "rows_added": 0,
        "rows_changed": 1,
        "rows_removed": 0,
    }


def test_a_reading_that_changed_nothing_is_a_reading(lake: Lake) -> None:
    for _ in range(3):
        read_day(lake, DAYS[0], 1)
    caught_up(lake)
    assert entries(lake) == [(DAYS[0], "calls", 2), (DAYS[0], "calls", 3)]


def test_the_version_before_has_the_rows_of_before(lake: Lake) -> None:
    from deltalake import DeltaTable

    for number in (1, 2):
        read_day(lake, DAYS[0], number)
    caught_up(lake)
    ((_, _, version),) = entries(lake)
    place = lake.store.uri(PLACES[0])
    assert [DeltaTable(place, version=each).to_pyarrow_table()["n"].to_pylist() for each in (version - 1, version)] == [
        [1],
        [2],
    ]


def test_readings_of_any_day_are_caught_up_and_each_is_there_once(lake: Lake) -> None:
    for number in range(3):
        for day in DAYS[:2]:
            read_day(lake, day, number)
        caught_up(lake, DAYS[0])
    for _ in range(2):
        caught_up(lake, *DAYS)
    found = entries(lake)
    assert len(found) == len(set(found)) == 4
    assert {day for day, _, _ in found} == set(DAYS[:2])


def test_changed_days_are_returned_with_their_changes(lake: Lake) -> None:
    for number in range(2):
        read_day(lake, DAYS[0], number)
    changes = caught_up(lake, DAYS[1])
    assert {day: (change.rows_after, change.is_new) for day, change in changes.items()} == {
        DAYS[0]: (1, True),
        DAYS[1]: (0, True),
    }
    again = caught_up(lake, DAYS[0], DAYS[1])
    assert {day: change.is_new for day, change in again.items()} == {DAYS[0]: False, DAYS[1]: False}


def test_all_tables_come_in_one_commit(lake: Lake) -> None:
    for spec in (CALLS, AGENTS):
        for number in range(2):
            for day in DAYS:
                read_day(lake, day, number, spec)
    caught_up(lake)
    assert [note["readings"].keys() for _, note in Lake(lake.store).log(LEDGER).notes(0)] == [set(DAYS)]
    assert {(day, table) for day, table, _ in entries(lake)} == {(d, t) for d in DAYS for t in ("calls", "agents")}


def test_a_partition_that_could_not_be_read_any_more_has_null_counts(lake: Lake) -> None:
    read_day(lake, DAYS[0], 1)
    (file,) = lake.log(PLACES[0]).files(DAYS[0])
    lake.store.delete(f"{PLACES[0]}/{file.path}")
    read_day(lake, DAYS[0], 2)
    caught_up(lake)
    (row,) = Lake(lake.store).read(LEDGER, DAYS[0], schema=RESTATEMENTS.schema).to_pylist()
    assert (row["rows_before"], row["rows_after"], row["rows_changed"]) == (None, 1, None)


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b""), lambda path: path.unlink()])
def test_a_day_of_the_ledger_that_can_no_longer_be_read_is_made_again_from_the_commits(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    lake = Lake(LocalStore(tmp_path))
    for day in DAYS[:2]:
        for number in (1, 2, 3):
            read_day(lake, day, number)
    caught_up(lake)
    before = entries(lake)
    for file in lake.refreshed().log(LEDGER).files(DAYS[0]):
        damage(tmp_path / LEDGER / file.path)
    read_day(lake, DAYS[0], 4)
    caught_up(lake)
    assert sorted(entries(lake)) == sorted([*before, (DAYS[0], "calls", 7)])


def test_a_superseded_reading_is_none(lake: Lake) -> None:
    read_day(lake, DAYS[0], 1)
    stale = Lake(lake.store)
    stale.log(PLACES[0])
    with stale.table_writers({PLACES[0]: CALLS}, DAYS[0], {}) as writing:
        writing.newness = 1
        writing[PLACES[0]].write(pa.table({"id": ["a"], "n": [0]}, CALLS.schema))
        read_day(Lake(lake.store), DAYS[0], 2)
    assert writing.changes[PLACES[0]].is_superseded
    caught_up(lake)
    assert [version for _, _, version in entries(lake)] == [2]


def test_a_removed_day_that_is_read_again_is_read_for_the_first_time(lake: Lake) -> None:
    read_day(lake, DAYS[0], 1)
    lake.remove(PLACES[0], [DAYS[0]])
    read_day(lake, DAYS[0], 2)
    caught_up(lake)
    assert entries(lake) == []


def test_a_table_that_was_deleted_and_made_anew_loses_no_reading(lake: Lake) -> None:
    """As the error about a column of another type advises: delete the folder, and compute all days again."""
    for number in range(4):
        read_day(lake, DAYS[0], number)
    caught_up(lake)
    shutil.rmtree(lake.place(PLACES[0], None))
    for number in range(3):
        read_day(lake.refreshed(), DAYS[0], 10 * number)
        caught_up(lake)
    assert [version for _, _, version in entries(lake)] == [2, 2, 3, 3, 4]


def test_two_that_catch_up_at_once_have_each_reading_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        read_day(lake, DAYS[0], number)
    slow, fast = Lake(lake.store), Lake(lake.store)
    meanwhile: list[Callable[[], object]] = [
        lambda: catch_up(fast, PLACES, [], {"run_id": "fast"}),
    ]
    together = ledger._together

    def interrupted(known_rows: pa.Table, new: pa.Table) -> pa.Table:
        while meanwhile:
            meanwhile.pop()()
        return together(known_rows, new)

    monkeypatch.setattr(ledger, "_together", interrupted)
    catch_up(slow, PLACES, [], {"run_id": "slow"}, sleep=lambda _: None)
    assert entries(lake) == [(DAYS[0], "calls", 2), (DAYS[0], "calls", 3)]


def test_a_ledger_that_others_go_on_writing_ends_in_an_error(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        read_day(lake, DAYS[0], number)
    together = ledger._together

    def interrupted(known_rows: pa.Table, new: pa.Table) -> pa.Table:
        rows = RESTATEMENTS.empty()
        Lake(lake.store).write(LEDGER, RESTATEMENTS, rows, DAYS[0], {})
        return together(known_rows, new)

    monkeypatch.setattr(ledger, "_together", interrupted)
    with pytest.raises(TableContended, match=r"Other processes replaced .* 20 times in a row"):
        catch_up(lake.refreshed(), PLACES, [], {}, sleep=lambda _: None)


def test_a_lake_that_was_read_a_while_ago_does_not_take_readings_back(lake: Lake) -> None:
    for number in range(2):
        read_day(lake, DAYS[0], number)
    stale = Lake(lake.store)
    for place in PLACES:
        stale.log(place)
    for number in range(2, 5):
        read_day(lake, DAYS[0], number)
    caught_up(lake)
    catch_up(stale, PLACES, [DAYS[0]], {}, sleep=lambda _: None)
    read_day(lake, DAYS[0], 5)
    caught_up(lake)
    assert [version for _, _, version in entries(lake)] == [2, 3, 4, 5, 6]


def test_the_ledger_on_s3_is_the_ledger_on_a_disk(s3_store: Any, lake: Lake) -> None:
    on_s3 = Lake(s3_store)
    for each in (lake, on_s3):
        for number in range(3):
            read_day(each, DAYS[0], number)
        caught_up(each)
    assert entries(on_s3) == entries(lake) == [(DAYS[0], "calls", 2), (DAYS[0], "calls", 3)]
