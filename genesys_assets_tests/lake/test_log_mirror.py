"""A log on S3 through its mirror: each file is requested once, and a commit that S3 did not accept does not count."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from genesys_assets.lake import log_entry
from genesys_assets.lake import s3_store as s3_store_module
from genesys_assets.lake.delta import AddedFile, Conflict, DeltaLog, UnreadableLog
from genesys_assets.lake.housekeeping import clean_up
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.log_files import LOG
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import LakeUnreachable
from genesys_assets_tests.lake.things import DAYS, PLACE, SPEC, things

pytestmark = pytest.mark.long

_INTERVAL = 3
"""How many commits lie between checkpoints."""


@pytest.fixture
def reads(s3_client: Any) -> Iterator[Counter[str]]:
    """How often each key was read."""
    keys: Counter[str] = Counter()

    def note(params: dict[str, Any], **_: object) -> None:
        keys[params["url_path"].rsplit("/", 1)[-1]] += 1

    s3_client.meta.events.register("before-call.s3.GetObject", note)
    yield keys
    s3_client.meta.events.unregister("before-call.s3.GetObject", note)


def add(log: DeltaLog, name: str, note: str = "") -> None:
    """Commit one file, which does not exist."""
    added = [AddedFile(DAYS[0], f"date={DAYS[0]}/{name}.parquet", 10, 1)]
    log.commit(SPEC.schema, added, [], {"commit_id": note or name}, {DAYS[0]: 7}, on_top_of=log.version)


def names(log: DeltaLog) -> set[str]:
    return {file.path.rsplit("/", 1)[-1].removesuffix(".parquet") for file in log.files(DAYS[0])}


def hide_in_one_listing(store: S3Store, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Leave a file out of the next listing that has it."""
    objects, hidden = store._objects, [name]

    def listed(prefix: str, **start: str) -> Iterator[dict[str, Any]]:
        for each in objects(prefix, **start):
            if hidden and each["Key"].endswith(hidden[0]):
                hidden.clear()
            else:
                yield each

    monkeypatch.setattr(store, "_objects", listed)


def delta_rs(store: S3Store) -> DeltaTable:
    """The table as every engine reads it from S3."""
    endpoint = os.environ["AWS_ENDPOINT_URL_S3"]
    options = {"AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true"}
    return DeltaTable(store.uri(PLACE), storage_options=options)


def test_what_is_committed_is_on_s3_for_every_engine(s3_store: S3Store) -> None:
    log = DeltaLog(s3_store, PLACE)
    for number in range(_INTERVAL + 3):
        add(log, f"f{number}")
    table = delta_rs(s3_store)
    assert table.version() == log.version
    assert {path.rsplit("/", 1)[-1].removesuffix(".parquet") for path in table.file_uris()} == names(log)
    assert table.transaction_version(DAYS[0]) == 7


def test_a_log_with_a_checkpoint_is_read_with_one_request_a_file(s3_store: S3Store, reads: Counter[str]) -> None:
    log = DeltaLog(s3_store, PLACE)
    for number in range(_INTERVAL + 3):
        add(log, f"f{number}")
    reads.clear()
    again = DeltaLog(s3_store, PLACE)
    assert (names(again), again.newness(DAYS[0]), again.schema()) == (names(log), 7, log.schema())
    assert set(reads.values()) == {1}
    assert sum(name.endswith(".checkpoint.parquet") for name in reads) == 1
    assert f"{0:020d}.json" not in reads


@pytest.mark.parametrize("listed_at_once", [2, 1000])
def test_a_log_is_found_where_one_request_lists_it_and_where_it_is_longer(
    s3_store: S3Store, reads: Counter[str], monkeypatch: pytest.MonkeyPatch, listed_at_once: int
) -> None:
    monkeypatch.setattr(s3_store_module, "LISTED_AT_ONCE", listed_at_once)
    log = DeltaLog(s3_store, PLACE)
    for number in range(2 * _INTERVAL):
        reads.clear()
        add(log, f"f{number}")
        again = DeltaLog(s3_store, PLACE)
        assert (again.version, names(again)) == (log.version, names(log))
        assert (reads["_last_checkpoint"] > 0) == (listed_at_once == 2)


def test_commits_of_others_are_seen_after_a_refresh(s3_store: S3Store, reads: Counter[str]) -> None:
    one, other = DeltaLog(s3_store, PLACE), DeltaLog(s3_store, PLACE)
    add(one, "a")
    other.refresh()
    add(one, "b")
    reads.clear()
    other.refresh()
    assert names(other) == {"a", "b"}
    assert list(reads) == [f"{one.version:020d}.json"]


def test_of_two_commits_on_one_version_the_second_is_refused(s3_store: S3Store) -> None:
    one, other = DeltaLog(s3_store, PLACE), DeltaLog(s3_store, PLACE)
    add(one, "first")
    other.refresh()
    add(one, "theirs")
    with pytest.raises(Conflict):
        add(other, "ours")
    assert names(other) == names(DeltaLog(s3_store, PLACE)) == {"first", "theirs"}
    add(other, "ours")
    assert names(DeltaLog(s3_store, PLACE)) == {"first", "theirs", "ours"}


def test_a_refused_commit_leaves_no_checkpoint(s3_store: S3Store) -> None:
    one, other = DeltaLog(s3_store, PLACE), DeltaLog(s3_store, PLACE)
    add(one, "f")
    while one.version % _INTERVAL != _INTERVAL - 2:
        add(one, f"f{one.version}")
    other.refresh()
    add(one, "theirs")
    with pytest.raises(Conflict):
        add(other, "ours")
    assert "ours" not in names(other) | names(DeltaLog(s3_store, PLACE))


def test_a_table_that_replaces_another_is_read_anew(s3_store: S3Store) -> None:
    log = DeltaLog(s3_store, PLACE)
    for number in range(3):
        add(log, f"old{number}")
    for key in s3_store.keys(PLACE):
        s3_store.delete(key)
    add(DeltaLog(s3_store, PLACE), "new")
    log.refresh()
    assert names(log) == {"new"}


def test_a_table_that_was_deleted_is_there_no_more(s3_store: S3Store) -> None:
    log = DeltaLog(s3_store, PLACE)
    add(log, "a")
    for key in s3_store.keys(PLACE):
        s3_store.delete(key)
    log.refresh()
    assert (log.version, log.files(DAYS[0])) == (-1, [])


def test_a_log_whose_old_commits_were_removed_is_read_from_its_checkpoint(s3_store: S3Store) -> None:
    log, stale = DeltaLog(s3_store, PLACE), DeltaLog(s3_store, PLACE)
    add(log, "f")
    stale.refresh()
    while log.version < 2 * _INTERVAL + 1:
        add(log, f"f{log.version}")
    for version in range(2 * _INTERVAL - 2):
        s3_store.delete(f"{PLACE}/{LOG}/{version:020d}.json")
    stale.refresh()
    assert (stale.version, names(stale)) == (log.version, names(log))


def test_notes_of_commits_that_a_checkpoint_replaces_can_be_read(s3_store: S3Store) -> None:
    log = DeltaLog(s3_store, PLACE)
    for number in range(_INTERVAL + 3):
        add(log, f"f{number}")
    told = [note["commit_id"] for _, note in DeltaLog(s3_store, PLACE).notes(0)]
    assert told == [f"f{number}" for number in range(_INTERVAL + 3)]


@pytest.mark.parametrize(("listed_at_once", "commits"), [(2, 1), (1000, 1), (1000, _INTERVAL + 1)])
def test_a_log_that_was_listed_while_others_committed_is_listed_again(
    s3_store: S3Store, monkeypatch: pytest.MonkeyPatch, listed_at_once: int, commits: int
) -> None:
    monkeypatch.setattr(s3_store_module, "LISTED_AT_ONCE", listed_at_once)
    log = DeltaLog(s3_store, PLACE)
    for number in range(commits):
        add(log, f"f{number}")
    hide_in_one_listing(s3_store, monkeypatch, f"{log.version - 1:020d}.json")
    assert names(DeltaLog(s3_store, PLACE)) == names(log)


def test_a_log_in_which_a_commit_is_missing_is_damaged(s3_store: S3Store) -> None:
    log = DeltaLog(s3_store, PLACE)
    add(log, "a")
    s3_store.delete(f"{PLACE}/{LOG}/{0:020d}.json")
    with pytest.raises(UnreadableLog, match="cannot be read"):
        DeltaLog(s3_store, PLACE)


# -- what goes wrong ---------------------------------------------------------------------------------------------------


def test_a_log_that_ends_with_a_checkpoint_is_gone_on_with(s3_store: S3Store) -> None:
    for number in range(2 * _INTERVAL + 1):
        add(DeltaLog(s3_store, PLACE), f"f{number}")
    assert len(names(DeltaLog(s3_store, PLACE))) == 2 * _INTERVAL + 1


@pytest.mark.parametrize("commits", range(1, _INTERVAL + 1))
def test_a_table_gets_a_new_column_wherever_its_log_ends(s3_store: S3Store, commits: int) -> None:
    log = DeltaLog(s3_store, PLACE)
    for number in range(commits):
        add(log, f"f{number}")
    wider = pa.schema([*SPEC.schema, pa.field("later", pa.string())])
    for writer in (DeltaLog(s3_store, PLACE), log):
        with contextlib.suppress(Conflict):
            writer.commit(wider, [], [], {}, {DAYS[0]: 8}, on_top_of=writer.version)
        assert writer.schema().names == wider.names
    assert len(names(DeltaLog(s3_store, PLACE))) == commits


def test_a_commit_stands_whose_checkpoint_s3_does_not_take(
    s3_store: S3Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(key: str, data: bytes) -> None:
        raise LakeUnreachable("S3 is in trouble")

    log = DeltaLog(s3_store, PLACE)
    with monkeypatch.context() as patched:
        patched.setattr(s3_store, "put", refused)
        for number in range(_INTERVAL + 1):
            add(log, f"f{number}")
    assert "no checkpoint of version 2: S3 is in trouble" in caplog.text
    assert names(log) == names(DeltaLog(s3_store, PLACE)) == {f"f{number}" for number in range(_INTERVAL + 1)}
    assert not any(".checkpoint." in key for key in s3_store.keys(PLACE))
    while log.version < 2 * _INTERVAL:
        add(log, f"f{log.version}")
    assert delta_rs(s3_store).version() == log.version
    assert any(".checkpoint." in key for key in s3_store.keys(PLACE))


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_commit_that_broke_off_before_s3_was_asked_was_not_made(
    s3_store: S3Store, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    log, write = DeltaLog(s3_store, PLACE), log_entry.write_new
    add(log, "first")

    def broken_off(*arguments: Any, **named: Any) -> None:
        write(*arguments, **named)
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(log_entry, "write_new", broken_off)
        with pytest.raises(error):
            add(log, "broken")
    assert (names(log), log.version) == ({"first"}, 1)
    assert [note["commit_id"] for _, note in log.notes(0)] == ["first"]
    add(log, "second")
    assert names(log) == names(DeltaLog(s3_store, PLACE)) == {"first", "second"}


def test_a_table_whose_first_commit_broke_off_was_not_made(s3_store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    log = DeltaLog(s3_store, PLACE)

    def broken_off() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(log._log, "push", broken_off)
        with pytest.raises(KeyboardInterrupt):
            add(log, "broken")
    assert log.version == -1
    add(log, "first")
    assert names(log) == names(DeltaLog(s3_store, PLACE)) == {"first"}


def test_a_commit_does_not_take_a_number_that_housekeeping_made_free(s3_store: S3Store) -> None:
    stale = Lake(s3_store)
    stale.write(PLACE, SPEC, things(("a", 1)), DAYS[0], {})
    for number in range(3):
        Lake(s3_store).write(PLACE, SPEC, things(("b", number)), DAYS[1], {})
    clean_up(Lake(s3_store), [], keep=timedelta(0), now=datetime.now(UTC) + timedelta(minutes=1))
    stale.write(PLACE, SPEC, things(("c", 1)), DAYS[2], {})
    assert Lake(s3_store).log(PLACE).partitions() == DAYS
