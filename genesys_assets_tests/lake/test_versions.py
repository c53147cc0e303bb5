from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.tables.spec import TableSpec, columns

DAY = "2026-01-31"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
SPEC = TableSpec(
    "calls",
    "One row per call.",
    ("id",),
    columns("id string its id\nbegan instant when\nn integer a number\ntags strings its tags"),
    partition_column="began",
)

Call = tuple[str, int, int | None, list[str] | None]
"""id, hour, number, tags"""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def calls(*rows: Call) -> pa.Table:
    listed = [{"id": i, "began": NOON + timedelta(hours=h), "n": n, "tags": t} for i, h, n, t in rows]
    return pa.Table.from_pylist(listed, SPEC.schema)


def write(lake: Lake, *rows: Call, run: str = "r") -> dict[str, Any]:
    change = lake.write("tables/calls", SPEC, calls(*rows), DAY, {"run_id": run})
    return change.figures() | {"is_new": change.is_new}


def test_a_first_version_is_new_and_has_nothing_before_it(lake: Lake) -> None:
    figures = write(lake, ("a", 0, 1, None))
    assert figures == {
        "rows_after": 1,
        "rows_before": None,
        "rows_added": None,
        "rows_changed": None,
        "rows_removed": None,
        "is_new": True,
    }
    assert lake.rereads("tables/calls", DAY) == []


def test_reading_the_same_again_leaves_the_file_untouched(lake: Lake, tmp_path: Path) -> None:
    write(lake, ("a", 0, 1, ["x"]), run="first")
    file = tmp_path / "tables/calls/date=2026-01-31/data.parquet"
    before = (file.stat().st_mtime_ns, file.read_bytes())
    figures = write(lake, ("a", 0, 1, ["x"]), run="second")
    assert (figures["is_new"], figures["rows_added"], figures["rows_changed"], figures["rows_removed"]) == (
        False,
        0,
        0,
        0,
    )
    assert (file.stat().st_mtime_ns, file.read_bytes()) == before
    assert lake.provenance("tables/calls", DAY)["run_id"] == "first"
    assert [reread["run_id"] for reread in lake.rereads("tables/calls", DAY)] == ["second"]


def test_a_reading_that_reaches_further_says_so_in_the_file_though_no_row_is_new(lake: Lake) -> None:
    noon, midnight = ({"data_available_through": f"2026-02-01T{hour}:00:00+00:00"} for hour in ("12", "00"))
    table = calls(("a", 0, 1, ["x"]))
    lake.write("tables/calls", SPEC, table, DAY, {"run_id": "r1", "is_complete": False, **noon})
    for known in ({"is_complete": False, **midnight}, {"is_complete": True, **midnight}):
        change = lake.write("tables/calls", SPEC, table, DAY, {"run_id": "r2", **known})
        assert not change.is_new
        assert known.items() <= lake.provenance("tables/calls", DAY).items()
        assert lake.read("tables/calls", DAY).equals(table)
    lake.write("tables/calls", SPEC, table, DAY, {"run_id": "r3", "is_complete": True, **midnight})
    assert lake.provenance("tables/calls", DAY)["run_id"] == "r2"


def test_a_table_that_gained_a_column_changed_in_every_row(lake: Lake) -> None:
    before = TableSpec("days", "One row per call.", ("id",), columns("id string its id"))
    after = TableSpec("days", "One row per call.", ("id",), columns("id string its id\nday day its date"), "day")
    days = pa.table({"id": ["a", "b"], "day": pa.array([date(2026, 1, 31)] * 2)})
    lake.write("tables/days", before, days.select(["id"]), DAY, {})
    change = lake.write("tables/days", after, days, DAY, {})
    assert (change.rows_added, change.rows_changed, change.rows_removed) == (0, 2, 0)


@pytest.mark.parametrize(
    ("after", "added", "changed", "removed"),
    [
        ([("a", 0, 1, None), ("b", 1, 2, None), ("c", 5, 3, None)], 1, 0, 0),
        ([("a", 0, 1, None)], 0, 0, 1),
        ([("a", 0, 9, None), ("b", 1, 2, None)], 0, 1, 0),
        ([("a", 0, None, None), ("b", 1, 2, None)], 0, 1, 0),
        ([("a", 0, 1, []), ("b", 1, 2, None)], 0, 1, 0),
        ([("a", 0, 1, None), ("d", 1, 2, None)], 1, 0, 1),
        ([], 0, 0, 2),
    ],
)
def test_rows_are_told_apart_by_key(lake: Lake, after: list[Call], added: int, changed: int, removed: int) -> None:
    write(lake, ("a", 0, 1, None), ("b", 1, 2, None))
    figures = write(lake, *after)
    assert (figures["rows_added"], figures["rows_changed"], figures["rows_removed"]) == (added, changed, removed)
    assert (figures["rows_before"], figures["rows_after"]) == (2, len(after))
    assert figures["is_new"]
    assert lake.read("tables/calls", DAY).equals(calls(*after))


def test_every_reading_is_remembered_in_order(lake: Lake) -> None:
    for run, number in (("one", 1), ("two", 2), ("three", 2)):
        write(lake, ("a", 0, number, None), run=run)
    assert [(reread["run_id"], reread["rows_changed"]) for reread in lake.rereads("tables/calls", DAY)] == [
        ("two", 1),
        ("three", 0),
    ]


_versions = st.dictionaries(
    st.sampled_from("abcdef"),
    st.tuples(st.integers(-12, 11), st.integers(0, 2) | st.none(), st.none() | st.just(["x"])),
)


@settings(max_examples=40)
@given(_versions, _versions)
def test_any_two_versions_are_compared_as_sets_of_keys_would_be(
    tmp_path_factory: pytest.TempPathFactory, old: dict[str, Any], new: dict[str, Any]
) -> None:
    # A row that moves to another hour has left one and come into another.
    moved = {key for key in old.keys() & new.keys() if old[key][0] != new[key][0]}
    lake = Lake(LocalStore(tmp_path_factory.mktemp("lake")))
    write(lake, *((key, *row) for key, row in sorted(old.items())))
    figures = write(lake, *((key, *row) for key, row in sorted(new.items())))
    assert figures["rows_added"] == len(new.keys() - old.keys()) + len(moved)
    assert figures["rows_removed"] == len(old.keys() - new.keys()) + len(moved)
    assert figures["rows_changed"] == sum(old[key] != new[key] for key in old.keys() & new.keys() - moved)
    assert figures["is_new"] == (old != new)


def test_rows_of_another_key_are_other_rows(lake: Lake) -> None:
    write(lake, ("a", 0, 1, None), ("b", 0, 2, None))
    by_kind = TableSpec("calls", "One row per kind.", ("kind",), columns("kind string its kind\nn integer a number"))
    change = lake.write("tables/calls", by_kind, pa.table({"kind": ["x"], "n": [3]}, by_kind.schema), DAY, {})
    assert (change.rows_before, change.rows_after, change.rows_added, change.rows_removed) == (2, 1, 1, 2)
    assert lake.read("tables/calls", DAY).column_names == ["kind", "n"]


def test_a_column_that_is_only_renamed_is_stored_under_its_new_name(lake: Lake) -> None:
    write(lake, ("a", 0, 1, None))
    renamed = TableSpec(
        "calls",
        SPEC.description,
        SPEC.key,
        columns("id string its id\nbegan instant when\nnumber integer a number\ntags strings its tags"),
        partition_column="began",
    )
    rows = calls(("a", 0, 1, None)).rename_columns(renamed.schema.names)
    assert lake.write("tables/calls", renamed, rows, DAY, {}).is_new
    assert lake.read("tables/calls", DAY).column_names == renamed.schema.names
