"""Files of the lake: their content comes back unchanged, and a damaged file is never taken for something else."""

from __future__ import annotations

import json
import random
import resource
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.cloud.http.page import Page
from genesys_assets.lake.delta import DataFile
from genesys_assets.lake.files import PAGES, StoredFile, StoredPages, Unreadable, open_files
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import LocalStore, Store, drafts
from genesys_assets.lake.writers import PageWriter, TableWriter
from genesys_assets.tables.spec import Column, TableSpec, columns
from genesys_assets_tests.lake.things import NOON, SPEC, page, things

_PLACE = "tables/things"
_REACH = Reach(NOON, is_complete=True, fetched_hours=3, questions={"agents": ["tTalk", "nError"]})


@pytest.fixture
def disk(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def publish(store: Store, writer: PageWriter | TableWriter) -> DataFile:
    path = f"{writer.content}-1.parquet"
    writer.draft.publish(f"{_PLACE}/{path}")
    return DataFile(path, writer.size, writer.rows, 0)


def stored_pages(store: Store, *pages: Page, reach: Reach | None = None) -> DataFile:
    with drafts(store) as begin:
        with PageWriter(begin(), {"run_id": "r"}) as writer:
            writer.reach = reach
            for each in pages:
                writer.write(each)
        return publish(store, writer)


def stored_table(store: Store, *tables: pa.Table, reach: Reach | None = None, spec: TableSpec = SPEC) -> DataFile:
    with drafts(store) as begin:
        with TableWriter(begin(), spec, {"run_id": "r"}) as writer:
            writer.reach = reach
            for each in tables:
                writer.write(each)
        return publish(store, writer)


def content_of(store: Store, *tables: pa.Table, spec: TableSpec = SPEC, reach: Reach | None = None, **said: Any) -> str:
    with drafts(store) as begin:
        with TableWriter(begin(), spec, said) as writer:
            writer.reach = reach
            for each in tables:
                writer.write(each)
        return writer.content


def opened(store: Store, file: DataFile) -> StoredFile:
    (only,) = open_files(store, _PLACE, [file])
    return only


# -- pages -------------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=200), st.integers(0, 10**9), st.text(max_size=5) | st.none())))
def test_pages_come_back_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, answers: list[tuple[bytes, int, str | None]]
) -> None:
    store = LocalStore(tmp_path_factory.mktemp("lake"))
    written = [
        Page(number, '{"method":"GET"}', NOON + timedelta(milliseconds=ms), correlation_id, body, as_of=NOON)
        for number, (body, ms, correlation_id) in enumerate(answers, start=1)
    ]
    pages = StoredPages([opened(store, stored_pages(store, *written))])
    assert list(pages) == written
    assert len(pages) == len(written)


def test_any_page_is_read_alone(store: Store) -> None:
    written = [page(bytes([number]) * 1000, number) for number in (1, 2, 3)]
    pages = StoredPages([opened(store, stored_pages(store, *written))])
    assert pages[1] == written[1]
    assert (pages.about(2).number, pages.about(2).body) == (3, b"")


def test_threads_may_read_the_pages_of_one_file_at_once(store: Store) -> None:
    """Without a lock Arrow's reader fails, or ends the process."""
    bodies = [f"{number}".encode() * 500 for number in range(40)]
    file = stored_pages(store, *(page(body, number) for number, body in enumerate(bodies, start=1)))
    with ThreadPoolExecutor(4) as executor:
        for _ in range(20):
            pages = StoredPages(open_files(store, _PLACE, [file]))
            assert list(executor.map(lambda index, of=pages: of[index].body, range(40))) == bodies


def test_pages_know_as_of_when_they_are(disk: LocalStore) -> None:
    moments = [NOON, NOON + timedelta(hours=2), NOON + timedelta(hours=1)]
    with drafts(disk) as begin, PageWriter(begin(), {}) as writer:
        for number, moment in enumerate(moments, start=1):
            writer.write(page(b"", number, moment))
        assert writer.as_of == moments[1]
        assert writer.pages == 3


def test_pages_that_are_begun_again_hold_only_what_came_then(disk: LocalStore) -> None:
    with drafts(disk) as begin:
        with PageWriter(begin(), {}) as writer:
            writer.write(page(b"a much longer answer than the next one", 1, NOON + timedelta(days=1)))
            writer.restart()
            assert (writer.pages, writer.bytes, writer.as_of) == (0, 0, None)
            writer.write(page(b"new"))
        file = publish(disk, writer)
    assert [each.body for each in StoredPages([opened(disk, file)])] == [b"new"]
    assert writer.as_of == NOON


def test_the_first_pages_are_shown_with_their_size_in_place_of_the_body(disk: LocalStore) -> None:
    with drafts(disk) as begin, PageWriter(begin(), {}) as writer:
        for number in range(1, 9):
            writer.write(page(b"x" * number, number))
        shown = writer.first_pages.to_pylist()
    assert [row["body_bytes"] for row in shown] == [1, 2, 3, 4, 5]
    assert "body" not in shown[0]


def test_a_partition_without_pages_is_a_file_without_rows(disk: LocalStore) -> None:
    assert list(StoredPages([opened(disk, stored_pages(disk))])) == []


# -- tables ------------------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=6))
def test_the_same_rows_give_the_same_content_however_they_came(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    store = LocalStore(tmp_path_factory.mktemp("lake"))
    rows = things(*((f"{number:06d}", number) for number in range(sum(sizes))))
    parts, first = [], 0
    for size in sizes:
        parts.append(rows.slice(first, size))
        first += size
    assert content_of(store, *parts, run_id="one") == content_of(store, rows, run_id="another")
    assert StoredFile(store, _PLACE, stored_table(store, *parts)).parquet.read().equals(rows)


def test_another_row_another_column_and_another_reach_give_another_content(disk: LocalStore) -> None:
    rows = things(("a", 1))
    wider = TableSpec("things", "", ("id",), (*SPEC.columns, *columns("more string more")))
    contents = {
        content_of(disk, rows),
        content_of(disk, things(("a", 2))),
        content_of(disk, rows, reach=_REACH),
        content_of(disk, rows, reach=Reach(NOON)),
        content_of(disk, rows.append_column("more", pa.nulls(1, pa.string())), spec=wider),
        content_of(disk),
    }
    assert len(contents) == 6


def test_reach_and_provenance_come_back(store: Store) -> None:
    file = opened(store, stored_table(store, things(("a", 1)), reach=_REACH))
    assert file.reach == _REACH
    assert file.provenance["run_id"] == "r"
    assert file.provenance["schema_version"] == 1
    pages = StoredPages([opened(store, stored_pages(store, page(b"{}"), reach=_REACH))])
    assert (pages.reach, pages.provenance["run_id"]) == (_REACH, "r")
    assert opened(store, stored_table(store, things(("a", 1)))).reach is None


def test_what_is_said_of_a_file_may_change_until_it_is_closed(disk: LocalStore) -> None:
    with drafts(disk) as begin:
        with TableWriter(begin(), SPEC, {"run_id": "r"}) as writer:
            writer.write(things(("a", 1)))
            writer.provenance, writer.reach = {"run_id": "other"}, _REACH
        file = opened(disk, publish(disk, writer))
    assert (file.provenance["run_id"], file.reach) == ("other", _REACH)


def test_instants_come_back_in_milliseconds_and_lie_in_microseconds(disk: LocalStore) -> None:
    spec = TableSpec("t", "", (), columns("at instant when"))
    at = datetime(2026, 1, 31, 12, 0, 0, 123_000, UTC)
    file = opened(disk, stored_table(disk, pa.table({"at": [at]}, spec.schema), spec=spec))
    assert file.parquet.schema_arrow.field("at").type == pa.timestamp("us", "UTC")
    (rows,) = file.row_groups()
    assert rows.equals(pa.table({"at": [at]}, spec.schema))


def test_only_the_wanted_columns_are_read(disk: LocalStore) -> None:
    (rows,) = opened(disk, stored_table(disk, things(("a", 1)))).row_groups(["n"])
    assert rows.to_pylist() == [{"n": 1}]


def test_a_column_of_which_no_value_is_known_is_left_out(disk: LocalStore) -> None:
    spec = TableSpec("things", "", (), (*SPEC.columns, Column("later", pa.null(), "not known yet")))
    file = opened(disk, stored_table(disk, things(("a", 1)).append_column("later", pa.nulls(1)), spec=spec))
    assert file.parquet.schema_arrow.names == SPEC.schema.names


def test_rows_with_other_columns_are_a_finding_and_not_written(disk: LocalStore) -> None:
    with drafts(disk) as begin:
        with TableWriter(begin(), SPEC, {}) as writer:
            writer.write(things(("a", 1)))
            writer.write(pa.table({"id": ["b"], "m": [2]}))
        assert writer.audit("2026-01-31") == {"columns_and_types": "missing: n; not declared: m"}
        assert writer.rows == 1


def test_the_head_is_the_first_rows_however_they_came(disk: LocalStore) -> None:
    with drafts(disk) as begin, TableWriter(begin(), SPEC, {}, head_rows=3) as writer:
        for number in range(5):
            writer.write(things((f"{number}", number)))
        assert writer.head.equals(things(("0", 0), ("1", 1), ("2", 2)))


def test_row_groups_are_of_one_size(disk: LocalStore) -> None:
    rows = things(*((f"{number}", number) for number in range(70_000)))
    parquet = opened(disk, stored_table(disk, rows.slice(0, 100), rows.slice(100))).parquet
    assert [parquet.metadata.row_group(group).num_rows for group in range(5)] == [16_384] * 4 + [4_464]


# -- damage ------------------------------------------------------------------------------------------------------------


def damage(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(change(path.read_bytes()))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "lost": lambda path: path.unlink(),
    "emptied": damage(lambda _: b""),
    "truncated by a byte": damage(lambda whole: whole[:-1]),
    "truncated in the middle": damage(lambda whole: whole[: len(whole) // 2]),
    "other bytes": damage(lambda whole: b"<html>Sign in to the hotel's network</html>"),
    "zeros": damage(lambda whole: bytes(len(whole))),
    "zeros in the rows": damage(lambda whole: whole[:200] + bytes(300) + whole[500:]),
    "zeros in the footer": damage(lambda whole: whole[:-200] + bytes(150) + whole[-50:]),
}


def everything(store: Store, file: DataFile) -> list[bytes]:
    pages = StoredPages(open_files(store, _PLACE, [file]))
    return [each.body for each in pages]


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_file_is_unreadable(disk: LocalStore, how: str) -> None:
    file = stored_pages(disk, *(page(random.Random(number).randbytes(2000), number) for number in (1, 2, 3)))
    DAMAGES[how](disk.folder / _PLACE / file.path)
    with pytest.raises(Unreadable, match=rf"{file.path} cannot be read .*: materialise its partition again"):
        everything(disk, file)


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_table_is_unreadable(disk: LocalStore, how: str) -> None:
    file = stored_table(disk, things(*((f"{number}", number * 10**12) for number in range(500))))
    DAMAGES[how](disk.folder / _PLACE / file.path)
    with pytest.raises(Unreadable):
        list(opened(disk, file).row_groups())
    with pytest.raises(Unreadable):
        list(opened(disk, file).at_rest().pieces)


def test_a_file_that_s3_has_lost_is_unreadable(s3_store: S3Store) -> None:
    file = stored_pages(s3_store, page(b"{}"))
    s3_store.delete(f"{_PLACE}/{file.path}")
    with pytest.raises(Unreadable):
        everything(s3_store, file)


def test_no_altered_byte_passes_for_what_the_api_said(disk: LocalStore) -> None:
    random_ = random.Random(1)
    bodies = [json.dumps([random_.random() for _ in range(50)]).encode() for _ in range(3)]
    file = stored_pages(disk, *(page(body, number) for number, body in enumerate(bodies, start=1)))
    path = disk.folder / _PLACE / file.path
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    unreadable = 0
    for _ in range(150):
        altered, at = bytearray(whole), random_.randrange(4, footer)
        altered[at] ^= 1 << random_.randrange(8)
        path.write_bytes(altered)
        try:
            assert everything(disk, file) == bodies
        except Unreadable:
            unreadable += 1
    assert unreadable > 100


def test_a_process_with_too_many_open_files_takes_none_for_damaged(disk: LocalStore) -> None:
    file = stored_pages(disk, page(b"{}"))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            opened(disk, file)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert everything(disk, file) == [b"{}"]


@pytest.mark.parametrize(
    "error",
    [
        OSError("When reading information for key 'magic/corrupt' in bucket 'thrift': AWS Error NETWORK_CONNECTION"),
        OSError(5, "Input/output error"),
        ConnectionResetError("Connection reset by peer"),
        TimeoutError("timed out"),
        pa.ArrowMemoryError("malloc of size 1000 failed"),
        pa.ArrowCancelled("Operation cancelled"),
    ],
)
def test_trouble_on_the_way_is_no_damaged_file(disk: LocalStore, error: Exception) -> None:
    file = opened(disk, stored_pages(disk, page(b"{}")))
    with pytest.raises(type(error)) as raised, file.raising_unreadable():
        raise error
    assert raised.value is error


def test_a_file_of_an_older_kind_without_metadata_says_nothing_of_itself(disk: LocalStore) -> None:
    path = disk.folder / _PLACE / "x-1.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(things(("a", 1)), path)
    file = opened(disk, DataFile("x-1.parquet", path.stat().st_size, 1, 0))
    assert (file.provenance, file.reach) == ({}, None)


def test_pages_are_the_declared_columns(disk: LocalStore) -> None:
    parquet = opened(disk, stored_pages(disk, page(b"{}"))).parquet
    assert parquet.schema_arrow.names == PAGES.schema.names
