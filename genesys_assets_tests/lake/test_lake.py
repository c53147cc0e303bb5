"""The lake as assets use it: written rows are read back, whole or not at all, on a disk and on S3."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from genesys_assets.lake.commit import ConcurrentCommit
from genesys_assets.lake.lake import Lake, Unreadable
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import LocalStore, Store
from genesys_assets.tables.spec import TableSpec, columns
from genesys_assets_tests.lake.things import (
    DAYS,
    HOURS,
    NOON,
    PAGES,
    PLACE,
    SPEC,
    bodies,
    page,
    things,
    write_pages,
)

_REACH = Reach(NOON, is_complete=True)
OTHER = TableSpec("others", "One row per thing.", ("id",), SPEC.columns)


# -- pages -------------------------------------------------------------------------------------------------------------


def test_pages_come_back_byte_for_byte_one_at_a_time(store: Store) -> None:
    answers = [b'{"a": 1}', b"\xff\x00 anything", b""]
    lake = Lake(store)
    write_pages(lake, HOURS[0], answers)
    for each in (lake, Lake(store)):
        stored = each.pages(PAGES, HOURS[0])
        assert stored is not None
        assert [each.body for each in stored] == answers
        assert stored[1] == page(answers[1], 2)
        assert stored.provenance == {"partition": HOURS[0], "run_id": "r"}


def test_an_hour_without_pages_is_stored_and_differs_from_one_never_fetched(lake: Lake) -> None:
    write_pages(lake, HOURS[0], [])
    assert (bodies(lake, HOURS[0]), bodies(lake, HOURS[1])) == ([], None)
    assert (lake.has(PAGES, HOURS[0]), lake.has(PAGES, HOURS[1])) == (True, False)


def test_pages_of_several_hours_are_committed_together(lake: Lake) -> None:
    with lake.page_writers(PAGES, HOURS, {}) as writers:
        for hour in HOURS:
            writers[hour].write(page(hour.encode()))
            writers[hour].reach = _REACH
    now = Lake(lake.store)
    assert [bodies(now, hour) for hour in HOURS] == [[hour.encode()] for hour in HOURS]
    assert now.reach(PAGES, HOURS[0]) == _REACH
    assert now.page_partitions(PAGES) == HOURS
    assert now.log(PAGES).version == 1


def test_a_fetch_that_fails_replaces_no_partition_and_leaves_nothing(lake: Lake, tmp_path: Path) -> None:
    write_pages(lake, HOURS[0], [b"stored"])
    before = sorted(tmp_path.rglob("*"))
    with contextlib.suppress(ZeroDivisionError), lake.page_writers(PAGES, HOURS, {}) as writers:
        writers[HOURS[0]].write(page(b"new"))
        raise ZeroDivisionError
    assert bodies(Lake(lake.store), HOURS[0]) == [b"stored"]
    assert sorted(tmp_path.rglob("*")) == before


def test_of_pages_that_are_older_than_the_stored_ones_the_writer_says_so(lake: Lake) -> None:
    write_pages(lake, HOURS[0], [b"newer"], NOON + timedelta(hours=1))
    with lake.page_writers(PAGES, HOURS[:2], {}) as writers:
        for hour in HOURS[:2]:
            writers[hour].write(page(b"older"))
    changes = [writers[hour].change for hour in HOURS[:2]]
    assert [change is not None and change.is_superseded for change in changes] == [True, False]
    assert [bodies(lake, hour) for hour in HOURS[:2]] == [[b"newer"], [b"older"]]


def test_pages_that_build_on_the_stored_ones_replace_nothing_else(lake: Lake) -> None:
    write_pages(lake, DAYS[0], [b"one"])

    def build() -> None:
        with lake.page_writers(PAGES, [DAYS[0]], {}, builds_on_stored=True) as writers:
            writers[DAYS[0]].write(page(b"one and two"))
            write_pages(Lake(lake.store), DAYS[0], [b"other"], NOON + timedelta(hours=1))

    with pytest.raises(ConcurrentCommit):
        build()
    assert bodies(Lake(lake.store), DAYS[0]) == [b"other"]


def test_pages_that_cannot_be_read_any_more_count_as_absent(lake: Lake) -> None:
    write_pages(lake, HOURS[0], [b"{}"])
    (file,) = lake.log(PAGES).files(HOURS[0])
    lake.store.put(f"{PAGES}/{file.path}", b"")
    assert lake.pages(PAGES, HOURS[0]) is None
    assert lake.reach(PAGES, HOURS[0]) is None
    assert lake.provenance(PAGES, HOURS[0]) == {}


def test_stored_partitions_are_listed_and_one_can_be_removed(lake: Lake) -> None:
    for asset, keys in (("pages/hours", HOURS), ("pages/others", HOURS), ("pages/days", DAYS[:1])):
        with lake.page_writers(asset, keys, {}):
            pass
    lake.remove("pages/hours", HOURS[:1])
    assert lake.page_partitions("pages/hours") == HOURS[1:]
    assert lake.page_partitions("pages/others") == HOURS
    assert lake.page_partitions("pages/days") == DAYS[:1]
    assert lake.page_partitions("pages/none") == []


def test_the_last_partition_before_a_key_is_found(lake: Lake) -> None:
    write_pages(lake, DAYS[0], [b"{}"], NOON)
    assert [lake.last_before(PAGES, day) for day in ("2026-01-01", DAYS[0], DAYS[1], "2027-01-01")] == [
        None,
        None,
        DAYS[0],
        DAYS[0],
    ]
    assert lake.last_before("pages/none", DAYS[0]) is None


# -- newness -----------------------------------------------------------------------------------------------------------


def test_the_newness_of_pages_is_as_of_when_they_are_true(lake: Lake) -> None:
    write_pages(lake, HOURS[0], [b"{}"], NOON)
    assert lake.newness([(PAGES, HOURS[0])]) == NOON.timestamp() * 1000


def test_newness_grows_with_each_input_that_is_read_anew_or_added(lake: Lake) -> None:
    inputs = [(PAGES, hour) for hour in HOURS]
    found = [lake.newness(inputs)]
    for hour, minutes in ((HOURS[0], 0), (HOURS[1], 0), (HOURS[0], 1)):
        write_pages(lake, hour, [b"{}"], NOON + timedelta(minutes=minutes))
        found.append(lake.newness(inputs))
    assert found == sorted(set(found))
    assert found[0] == 0


# -- tables ------------------------------------------------------------------------------------------------------------


def test_tables_are_written_and_read_alike_on_a_disk_and_on_s3(store: Store) -> None:
    lake = Lake(store)
    lake.write(PLACE, SPEC, things(("a", 1)), DAYS[1], {"run_id": "r"}, reach=_REACH)
    for each in (lake, Lake(store)):
        assert each.read(PLACE, DAYS).equals(things(("a", 1)))
        assert each.reach(PLACE, DAYS[1]) == _REACH
        assert each.provenance(PLACE, DAYS[1])["run_id"] == "r"
        assert (each.has(PLACE, DAYS[1]), each.has(PLACE, DAYS[0]), each.rows(PLACE, DAYS[1])) == (True, False, 1)
    assert lake.place(PLACE, DAYS[1]).endswith(f"/{PLACE}/date=2026-01-31")
    assert lake.place(PLACE, None).endswith(f"/{PLACE}")


def test_a_write_that_fails_leaves_what_was_stored(lake: Lake, tmp_path: Path) -> None:
    lake.write(PLACE, SPEC, things(("a", 1)), DAYS[0], {})
    before = sorted(tmp_path.rglob("*"))
    with contextlib.suppress(ZeroDivisionError), lake.table_writers({PLACE: SPEC}, DAYS[0], {}) as writing:
        writing[PLACE].write(things(("b", 2)))
        raise ZeroDivisionError
    assert Lake(lake.store).read(PLACE, DAYS[0]).equals(things(("a", 1)))
    assert sorted(tmp_path.rglob("*")) == before


def test_the_content_is_another_where_rows_or_reach_are(lake: Lake) -> None:
    contents = []
    for number, reach in ((1, None), (1, None), (2, None), (2, _REACH)):
        lake.write(PLACE, SPEC, things(("a", number)), DAYS[0], {}, reach=reach)
        contents.append(lake.content(PLACE, DAYS[0]))
    assert contents[0] == contents[1]
    assert len(set(contents)) == 3
    assert lake.content(PLACE, DAYS[1]) is None


def test_several_tables_say_what_changed_in_each(lake: Lake) -> None:
    tables = {PLACE: SPEC, "tables/others": OTHER}
    for number in (1, 2):
        with lake.table_writers(tables, DAYS[0], {}) as writing:
            writing[PLACE].write(things(("a", number)))
            writing["tables/others"].write(things(("a", 0)))
            writing.provenance["source"], writing.reach = "said while writing", _REACH
    assert {place: change.is_new for place, change in writing.changes.items()} == {PLACE: True, "tables/others": False}
    assert lake.provenance(PLACE, DAYS[0])["source"] == "said while writing"
    assert lake.reach("tables/others", DAYS[0]) == _REACH


def test_what_others_commit_meanwhile_from_newer_inputs_stays(lake: Lake) -> None:
    lake.write(PLACE, SPEC, things(("a", 1)), DAYS[0], {}, newness=1)
    with lake.table_writers({PLACE: SPEC}, DAYS[0], {}) as writing:
        writing.newness = 2
        Lake(lake.store).write(PLACE, SPEC, things(("a", 3)), DAYS[0], {}, newness=3)
        writing[PLACE].write(things(("a", 2)))
    assert writing.changes[PLACE].is_superseded
    assert Lake(lake.store).read(PLACE, DAYS[0])["n"].to_pylist() == [3]


def test_a_lake_is_as_it_was_until_it_is_refreshed(lake: Lake) -> None:
    assert not lake.has(PLACE, DAYS[0])
    Lake(lake.store).write(PLACE, SPEC, things(("a", 1)), DAYS[0], {})
    assert not lake.has(PLACE, DAYS[0])
    assert lake.refreshed().has(PLACE, DAYS[0])


# -- reading -----------------------------------------------------------------------------------------------------------


def test_a_column_that_is_newer_than_a_partition_is_null_in_it(lake: Lake) -> None:
    wider = TableSpec("things", "", ("id",), (*SPEC.columns, *columns("source string where it is from")))
    new = pa.Table.from_pylist([{"id": "b", "n": 2, "source": "imported"}], wider.schema)
    lake.write(PLACE, SPEC, things(("a", 1)), DAYS[0], {})
    lake.write(PLACE, wider, new, DAYS[1], {})
    both = lake.read(PLACE, DAYS[:2], columns=["id", "source"], schema=wider.schema)
    assert both.to_pylist() == [{"id": "a", "source": None}, {"id": "b", "source": "imported"}]


def test_a_range_is_its_partitions_in_order_and_gaps_have_no_rows(lake: Lake) -> None:
    lake.write(PLACE, SPEC, things(("c", 3)), DAYS[2], {})
    lake.write(PLACE, SPEC, things(("a", 1)), DAYS[0], {})
    assert lake.read(PLACE, DAYS)["id"].to_pylist() == ["a", "c"]


def test_only_wanted_columns_and_rows_are_read(lake: Lake) -> None:
    lake.write(PLACE, SPEC, things(("a", 1), ("b", 2)), DAYS[0], {})
    assert lake.read(PLACE, DAYS, columns=["n"], where=pc.field("id") == "b").to_pylist() == [{"n": 2}]


def test_what_was_never_written_is_an_error_unless_a_shape_is_given(lake: Lake) -> None:
    with pytest.raises(FileNotFoundError, match="tables/things has no stored partition"):
        lake.read(PLACE, DAYS)
    assert lake.read(PLACE, DAYS, schema=SPEC.schema).schema == SPEC.schema


def test_pieces_are_the_wanted_rows_of_the_days_that_are_stored(lake: Lake) -> None:
    lake.write(PLACE, SPEC, things(("a", 1), ("b", 2)), DAYS[0], {})
    lake.write(PLACE, SPEC, things(("c", 3)), DAYS[2], {})
    found = lake.pieces(PLACE, DAYS, schema=SPEC.schema, columns=["id"], where=pc.field("n") > 1)
    assert [row for piece in found for row in piece.to_pylist()] == [{"id": "b"}, {"id": "c"}]


def test_a_row_group_that_can_hold_no_wanted_row_is_not_read(lake: Lake) -> None:
    lake.write(PLACE, SPEC, things(*((f"{n:06d}", n) for n in range(80_000))), DAYS[0], {})
    every, some = (
        list(lake.pieces(PLACE, DAYS, schema=SPEC.schema, columns=["n"], where=where))
        for where in (None, pc.field("n") == 79_999)
    )
    assert (len(every), len(some)) == (5, 1)
    assert some[0].to_pylist() == [{"n": 79_999}]


def test_a_column_that_a_file_does_not_have_yet_is_null_in_pieces(lake: Lake) -> None:
    lake.write(PLACE, SPEC, things(("a", 1)), DAYS[0], {})
    schema = SPEC.schema.append(pa.field("later", pa.string()))
    (piece,) = lake.pieces(PLACE, DAYS, schema=schema, columns=["id", "later"])
    assert piece.to_pylist() == [{"id": "a", "later": None}]


# -- snapshots ---------------------------------------------------------------------------------------------------------


def test_no_altered_byte_passes_for_rows_and_the_error_names_the_damaged_file(tmp_path: Path) -> None:
    disk = LocalStore(tmp_path)
    for day in DAYS:
        Lake(disk).write(PLACE, SPEC, things(*((f"{number}", number) for number in range(300))), day, {})
    damaged = Lake(disk).log(PLACE).files(DAYS[1])[0].path
    path = tmp_path / PLACE / damaged
    altered = bytearray(path.read_bytes())
    for at in range(50, 1000, 190):
        altered[at] ^= 1
        path.write_bytes(altered)
        for read in (
            lambda: Lake(disk).read(PLACE, DAYS),
            lambda: list(Lake(disk).pieces(PLACE, DAYS, schema=SPEC.schema, columns=SPEC.schema.names)),
        ):
            with pytest.raises(Unreadable, match=rf"{damaged} cannot be read .*: materialise its partition again"):
                read()
        altered[at] ^= 1


def test_snapshots_are_added_to_the_utc_day_of_their_observation_and_come_back_in_their_order(store: Store) -> None:
    lake = Lake(store)
    moments = [datetime(2026, 1, 30, 23, 59, tzinfo=UTC), NOON, NOON + timedelta(minutes=1)]
    for number, moment in enumerate(moments):
        lake.append("live/things", SPEC, things(("a", number)), moment, {})
    assert Lake(store).read("live/things", DAYS[1])["n"].to_pylist() == [1, 2]
    assert Lake(store).read("live/things", DAYS)["n"].to_pylist() == [0, 1, 2]


def test_a_lake_of_another_prefix_is_another_lake(s3_store: S3Store) -> None:
    other = S3Store(s3_store.bucket, "other", lambda: s3_store._client)
    Lake(s3_store).write(PLACE, SPEC, things(("a", 1)), DAYS[0], {})
    assert not Lake(other).has(PLACE, DAYS[0])
    assert other.keys("") == []


def test_a_relative_folder_is_a_lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Lake(LocalStore(Path("lake"))).write(PLACE, SPEC, things(("a", 1)), DAYS[0], {})
    monkeypatch.chdir("/")
    assert Lake(LocalStore(tmp_path / "lake")).has(PLACE, DAYS[0])


def test_a_reading_that_has_all_of_a_day_replaces_one_that_has_not_and_was_answered_later(lake: Lake) -> None:
    def read(body: bytes, minutes: int, *, is_complete: bool) -> None:
        with lake.refreshed().page_writers(PAGES, [DAYS[0]], {}) as writers:
            writers[DAYS[0]].write(page(body, as_of=NOON + timedelta(minutes=minutes)))
            writers[DAYS[0]].reach = Reach(NOON, is_complete)

    def stored() -> list[bytes] | None:
        return bodies(lake.refreshed(), DAYS[0])

    read(b"up to now, by query", 180, is_complete=False)
    read(b"all of it, by a job", 30, is_complete=True)
    assert stored() == [b"all of it, by a job"]
    read(b"all of it, by an older job", 20, is_complete=True)
    assert stored() == [b"all of it, by a job"]
    read(b"not all of it", 170, is_complete=False)
    assert stored() == [b"all of it, by a job"]
    read(b"all of it, by a newer job", 90, is_complete=True)
    assert stored() == [b"all of it, by a newer job"]
    read(b"all of it, by an older job", 89, is_complete=True)
    assert stored() == [b"all of it, by a newer job"]
    assert lake.refreshed().newness([(PAGES, DAYS[0])]) == (NOON + timedelta(minutes=180)).timestamp() * 1000


@pytest.mark.parametrize("last", [30, 90])
def test_of_two_readings_of_all_of_a_day_at_once_the_newer_one_stays(lake: Lake, last: int) -> None:
    """Though a still newer reading of a part of the day was stored before."""

    @contextlib.contextmanager
    def job(minutes: int) -> Iterator[None]:
        with Lake(lake.store).page_writers(PAGES, [DAYS[0]], {}) as writers:
            writers[DAYS[0]].write(page(b"%d" % minutes, as_of=NOON + timedelta(minutes=minutes)))
            writers[DAYS[0]].reach = Reach(NOON, is_complete=True)
            yield

    write_pages(lake, DAYS[0], [b"a part"], NOON + timedelta(minutes=180))
    with job(last), job(120 - last):
        pass
    assert bodies(lake.refreshed(), DAYS[0]) == [b"90"]


@pytest.mark.parametrize(("first", "last"), [("all of it", "a part"), ("a part", "all of it")])
def test_a_part_of_a_day_never_replaces_all_of_it_though_both_are_read_at_once(
    lake: Lake, first: str, last: str
) -> None:
    """A query that ended after a job was submitted is newer, whoever commits first."""

    @contextlib.contextmanager
    def reading(what: str, minutes: int) -> Iterator[None]:
        with Lake(lake.store).page_writers(PAGES, [DAYS[0]], {}) as writers:
            writers[DAYS[0]].write(page(what.encode(), as_of=NOON + timedelta(minutes=minutes)))
            writers[DAYS[0]].reach = Reach(NOON, is_complete=what == "all of it")
            yield

    minutes = {"all of it": 30, "a part": 180}
    write_pages(lake, DAYS[1], [b"of another day"])
    with reading(last, minutes[last]), reading(first, minutes[first]):
        pass
    assert bodies(lake.refreshed(), DAYS[0]) == [b"all of it"]


def test_a_lake_that_is_moved_to_a_bucket_and_back_is_gone_on_with(
    lake: Lake, s3_store: S3Store, tmp_path: Path
) -> None:
    def seen(lake: Lake) -> list[object]:
        rows = [lake.read(PLACE, day)["n"].to_pylist() for day in DAYS[:2]]
        return [rows, lake.log(PLACE).version, lake.newness([(PLACE, DAYS[1])]), lake.reach(PLACE, DAYS[1])]

    for number in range(10):
        lake.write(PLACE, SPEC, things(("a", number)), DAYS[number % 2], {}, reach=_REACH, newness=number + 1)
    write_pages(lake, HOURS[0], [b"first", b"second"])
    for number, store in enumerate((s3_store, LocalStore(tmp_path / "back")), start=20):
        _copy(lake.store, store)
        moved = Lake(store)
        assert seen(moved) == seen(lake)
        assert bodies(moved, HOURS[0]) == [b"first", b"second"]
        assert moved.write(PLACE, SPEC, things(("a", number)), DAYS[1], {}, newness=number).rows_changed == 1
        lake = Lake(store)
        assert lake.read(PLACE, DAYS[1])["n"].to_pylist() == [number]


def _copy(store: Store, other: Store) -> None:
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(lambda key: other.put(key, store.get(key) or b""), store.keys("")))


def test_what_is_read_about_a_partition_is_cached_until_the_partition_changes(tmp_path: Path) -> None:
    lake, reads = Lake(LocalStore(tmp_path)), []

    def rows() -> int:
        def read() -> int:
            reads.append(1)
            return fresh.rows(PLACE, DAYS[0])

        fresh = lake.refreshed()
        return fresh.once("rows", PLACE, DAYS[0], read)

    assert [rows(), rows(), len(reads)] == [0, 0, 1]
    lake.write(PLACE, SPEC, things(("a", 1)), DAYS[0], {})
    assert [rows(), rows(), len(reads)] == [1, 1, 2]
    lake.write(PLACE, SPEC, things(("b", 1)), DAYS[1], {})
    assert [rows(), rows(), len(reads)] == [1, 1, 2]
