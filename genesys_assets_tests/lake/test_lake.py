from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from genesys_assets.cloud.page import Page
from genesys_assets.lake.lake import Lake, partition_folder
from genesys_assets.lake.store import LocalStore, open_store
from genesys_assets.tables.spec import TableSpec, columns

SPEC = TableSpec("things", "One row per thing.", ("id",), columns("id string its id\nn integer a number"))
DAYS = ["2026-01-30", "2026-01-31", "2026-02-01"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path / "lake"))


def things(*rows: tuple[str, int]) -> pa.Table:
    return pa.Table.from_pylist([{"id": id_, "n": n} for id_, n in rows], SPEC.schema)


def numbered(*bodies: bytes) -> Iterator[Page]:
    for number, body in enumerate(bodies, start=1):
        yield Page(number, "{}", datetime(2026, 1, 31, 12, tzinfo=UTC), "c", body)


@pytest.mark.parametrize(
    ("key", "folder"),
    [
        (None, "tables/x"),
        ("2026-01-31", "tables/x/date=2026-01-31"),
        ("2026-01-31-13:00", "tables/x/date=2026-01-31/hour=13"),
    ],
)
def test_partitions_lie_in_hive_folders(key: str | None, folder: str) -> None:
    assert partition_folder("tables/x", key) == folder


def test_a_key_that_is_no_partition_is_refused() -> None:
    with pytest.raises(ValueError, match="'january' is neither a day"):
        partition_folder("tables/x", "january")


def test_what_is_written_is_read_back(lake: Lake) -> None:
    lake.write("tables/things", SPEC, things(("a", 1)), DAYS[0], {"run_id": "r"})
    assert lake.read("tables/things", DAYS[0]).equals(things(("a", 1)))
    assert lake.provenance("tables/things", DAYS[0]) == {"run_id": "r", "schema_version": 1}


def test_a_column_that_is_newer_than_a_partition_is_null_in_it(lake: Lake) -> None:
    wider = TableSpec("things", "", ("id",), (*SPEC.columns, *columns("source string where it is from")))
    new = pa.Table.from_pylist([{"id": "b", "n": 2, "source": "imported"}], wider.schema)
    lake.write("tables/things", SPEC, things(("a", 1)), DAYS[0], {})
    lake.write("tables/things", wider, new, DAYS[1], {})
    both = lake.read("tables/things", DAYS[:2], columns=["id", "source"], schema=wider.schema)
    assert both.to_pylist() == [{"id": "a", "source": None}, {"id": "b", "source": "imported"}]


def test_a_range_is_its_partitions_in_order_and_gaps_have_no_rows(lake: Lake) -> None:
    lake.write("tables/things", SPEC, things(("c", 3)), DAYS[2], {})
    lake.write("tables/things", SPEC, things(("a", 1)), DAYS[0], {})
    assert lake.read("tables/things", DAYS)["id"].to_pylist() == ["a", "c"]


def test_only_wanted_columns_and_rows_are_read(lake: Lake) -> None:
    lake.write("tables/things", SPEC, things(("a", 1), ("b", 2)), DAYS[0], {})
    table = lake.read("tables/things", DAYS, columns=["n"], where=pc.field("id") == "b")
    assert table.to_pylist() == [{"n": 2}]


def test_what_was_never_written_is_an_error_unless_a_shape_is_given(lake: Lake) -> None:
    with pytest.raises(FileNotFoundError, match="tables/things has no stored partition"):
        lake.read("tables/things", DAYS)
    assert lake.read("tables/things", DAYS, schema=SPEC.schema).schema == SPEC.schema


def test_a_write_that_fails_leaves_what_was_there(lake: Lake) -> None:
    lake.write("tables/things", SPEC, things(("a", 1)), DAYS[0], {})
    with (
        contextlib.suppress(RuntimeError),
        lake.table_writers({"tables/things": SPEC}, DAYS[0], {}) as writers,
    ):
        writers["tables/things"].write(things(("b", 2)))
        raise RuntimeError
    assert lake.read("tables/things", DAYS[0])["id"].to_pylist() == ["a"]
    assert [key for key in lake.store.keys("") if "_versions" not in key] == [
        "tables/things/date=2026-01-30/data.parquet"
    ]


def test_the_same_rows_give_the_same_bytes_however_they_came(lake: Lake, tmp_path: Path) -> None:
    rows = things(*((f"{n:06d}", n) for n in range(70_000)))
    contents = []
    for size in (70_000, 999, 40_000):
        with lake.table_writers({"tables/things": SPEC}, DAYS[0], {"run_id": "same"}) as writers:
            for first in range(0, len(rows), size):
                writers["tables/things"].write(rows.slice(first, size))
        contents.append(writers["tables/things"].change.content)
    assert len(set(contents)) == 1
    assert lake.read("tables/things", DAYS[0]).equals(rows)


def test_equal_data_gives_equal_bytes(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "lake" / "tables/things/date=2026-01-30/data.parquet"
    contents = []
    for _ in range(2):
        lake.write("tables/things", SPEC, things(*((str(n), n) for n in range(1000))), DAYS[0], {"run_id": "same"})
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]


def test_pages_come_back_byte_for_byte_one_at_a_time(lake: Lake) -> None:
    bodies = [b'{"a": 1}', b"\xff\x00 anything", b""]
    with lake.page_writers("pages/x", ["2026-01-31-13:00"], {"run_id": "r"}) as writers:
        for page in numbered(*bodies):
            writers["2026-01-31-13:00"].write(page)
    stored = lake.pages("pages/x", "2026-01-31-13:00")
    assert stored is not None
    assert [page.body for page in stored] == bodies
    assert stored[1] == list(numbered(*bodies))[1]
    assert stored.provenance == {"partition": "2026-01-31-13:00", "run_id": "r"}


def test_an_hour_without_pages_is_stored_and_differs_from_one_never_fetched(lake: Lake) -> None:
    with lake.page_writers("pages/x", ["2026-01-31-13:00"], {}):
        pass
    empty = lake.pages("pages/x", "2026-01-31-13:00")
    assert empty is not None
    assert len(empty) == 0
    assert lake.pages("pages/x", "2026-01-31-14:00") is None


def test_stored_partitions_are_listed_and_one_can_be_removed(lake: Lake) -> None:
    hours, days = [f"2026-01-{day}-13:00" for day in (30, 31)], ["2026-01-31"]
    for asset, keys in (("pages/hours", hours), ("pages/hours_of_others", hours), ("pages/days", days)):
        with lake.page_writers(asset, keys, {}):
            pass
    assert lake.page_partitions("pages/hours") == hours
    assert lake.page_partitions("pages/days") == days
    assert lake.page_partitions("pages/none") == []
    lake.remove("pages/hours", hours[0])
    assert lake.page_partitions("pages/hours") == hours[1:]
    assert lake.pages("pages/hours", hours[0]) is None
    assert lake.page_partitions("pages/hours_of_others") == hours


def test_a_fetch_that_fails_replaces_no_partition(lake: Lake) -> None:
    keys = ["2026-01-31-13:00", "2026-01-31-14:00"]
    with contextlib.suppress(RuntimeError), lake.page_writers("pages/x", keys, {}) as writers:
        writers[keys[0]].write(next(numbered(b"{}")))
        raise RuntimeError
    assert lake.store.keys("") == []


def test_snapshots_are_added_and_never_replaced(lake: Lake) -> None:
    moments = [datetime(2026, 1, 31, 12, 0, second, 5000, tzinfo=UTC) for second in (1, 2)]
    places = [lake.append("live/things", things(("a", 1)), moment, {}) for moment in moments]
    assert places == [
        "live/things/date=2026-01-31/120001005.parquet",
        "live/things/date=2026-01-31/120002005.parquet",
    ]
    assert lake.store.keys("live") == places


def test_a_folder_and_a_bucket_are_both_a_lake(tmp_path: Path) -> None:
    assert open_store(str(tmp_path), lambda: None).uri("x") == f"{tmp_path}/x"
    assert open_store("s3://bucket/some/prefix", lambda: None).uri("x") == "s3://bucket/some/prefix/x"


def test_pieces_are_the_wanted_rows_of_the_days_that_are_there(lake: Lake) -> None:
    lake.write("tables/things", SPEC, things(("a", 1), ("b", 2)), DAYS[0], {})
    lake.write("tables/things", SPEC, things(("c", 3)), DAYS[2], {})
    found = lake.pieces("tables/things", DAYS, schema=SPEC.schema, columns=["id"], where=pc.field("n") > 1)
    assert [row for piece in found for row in piece.to_pylist()] == [{"id": "b"}, {"id": "c"}]


def test_a_row_group_that_can_hold_no_wanted_row_is_not_read(lake: Lake) -> None:
    with lake.table_writers({"tables/things": SPEC}, DAYS[0], {}) as writers:
        for first in (0, 100_000):
            writers["tables/things"].write(things(*((f"{n:06d}", n) for n in range(first, first + 40_000))))
    wanted = {"schema": SPEC.schema, "columns": ["n"]}
    every = list(lake.pieces("tables/things", DAYS, **wanted, where=None))
    some = list(lake.pieces("tables/things", DAYS, **wanted, where=pc.field("n") == 139_999))
    assert (len(every), len(some)) == (3, 1)
    assert some[0].to_pylist() == [{"n": 139_999}]


def test_a_column_that_a_file_does_not_have_yet_is_null_in_pieces(lake: Lake) -> None:
    lake.write("tables/things", SPEC, things(("a", 1)), DAYS[0], {})
    schema = SPEC.schema.append(pa.field("later", pa.string()))
    (piece,) = lake.pieces("tables/things", DAYS, schema=schema, columns=["id", "later"])
    assert piece.to_pylist() == [{"id": "a", "later": None}]


def test_snapshots_of_a_day_come_back_in_their_order(lake: Lake) -> None:
    for day, minute, n in ((30, 0, 0), (31, 5, 2), (31, 0, 1)):
        lake.append("live/things", things(("a", n)), datetime(2026, 1, day, 12, minute, tzinfo=UTC), {})
    everything = pc.field("n") >= 0
    found = lake.snapshots("live/things", DAYS[1:], schema=SPEC.schema, columns=["n"], where=everything)
    assert [row["n"] for piece in found for row in piece.to_pylist()] == [1, 2]
