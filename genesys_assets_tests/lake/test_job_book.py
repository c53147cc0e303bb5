"""The job book in the lake: the next process finds the notes of a process; on a disk and on S3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.cloud.jobs.book import JobBook, RecordedJob
from genesys_assets.lake.job_book import LakeJobBook
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import LocalStore, Store
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets_tests.cloud.job_book import JobBookInMemory

QUERY, OTHER = "a" * 64, "b" * 64
THEN = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


@pytest.fixture(params=["disk", "s3"])
def store(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    object_store: ObjectStore,
    s3_client: Any,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Store]:
    if request.param == "disk":
        yield LocalStore(tmp_path / "lake")
        return
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)
    yield S3Store(bucket, "some/prefix", lambda: s3_client)


def test_a_note_is_found_by_the_next_process_as_it_was_written(store: Store) -> None:
    noted = RecordedJob(QUERY, "J1", THEN)
    LakeJobBook(store).record(noted)
    assert LakeJobBook(store).find(QUERY) == noted
    assert LakeJobBook(store).find(OTHER) is None


def test_a_submission_whose_answer_never_came_is_noted_without_an_id(store: Store) -> None:
    LakeJobBook(store).record(RecordedJob(QUERY, None, THEN))
    assert LakeJobBook(store).find(QUERY) == RecordedJob(QUERY, None, THEN)


def test_there_is_one_note_for_each_query(store: Store) -> None:
    book = LakeJobBook(store)
    book.record(RecordedJob(QUERY, None, THEN))
    book.record(RecordedJob(OTHER, "J9", THEN))
    book.record(RecordedJob(QUERY, "J1", THEN))
    assert book.find(QUERY) == RecordedJob(QUERY, "J1", THEN)
    assert store.keys("") == [f"jobs/{QUERY}.json", f"jobs/{OTHER}.json"]


def test_what_is_forgotten_leaves_nothing_behind(store: Store) -> None:
    book = LakeJobBook(store)
    book.forget(QUERY)
    book.record(RecordedJob(QUERY, "J1", THEN))
    book.forget(QUERY)
    book.forget(QUERY)
    assert book.find(QUERY) is None
    assert store.keys("") == []


def test_notes_of_long_ago_are_removed_and_all_others_stay(store: Store) -> None:
    book = LakeJobBook(store)
    book.record(RecordedJob(QUERY, "J1", THEN))
    book.record(RecordedJob(OTHER, None, THEN - timedelta(milliseconds=1)))
    book.record(RecordedJob("c" * 64, "J3", THEN - timedelta(days=9)))
    book.forget_older_than(THEN)
    assert store.keys("") == [f"jobs/{QUERY}.json"]
    assert book.find(QUERY) == RecordedJob(QUERY, "J1", THEN)


def test_a_book_without_notes_has_none_to_remove(store: Store) -> None:
    LakeJobBook(store).forget_older_than(THEN)
    assert store.keys("") == []


class SharedFolder(LocalStore):
    """A folder in which another process acts right after a process has listed the notes."""

    def __init__(self, folder: Path, meanwhile: Callable[[], None]) -> None:
        super().__init__(folder)
        self._meanwhile = meanwhile

    def keys(self, prefix: str) -> list[str]:
        found = super().keys(prefix)
        self._meanwhile()
        return found


def test_a_note_that_another_process_replaces_meanwhile_stays(tmp_path: Path) -> None:
    theirs = LakeJobBook(LocalStore(tmp_path))
    theirs.record(RecordedJob(QUERY, "J1", THEN - timedelta(hours=9)))
    fresh = RecordedJob(QUERY, "J2", THEN)
    LakeJobBook(SharedFolder(tmp_path, lambda: theirs.record(fresh))).forget_older_than(THEN)
    assert theirs.find(QUERY) == fresh


def test_a_note_that_another_process_removes_meanwhile_is_no_error(tmp_path: Path) -> None:
    theirs = LakeJobBook(LocalStore(tmp_path))
    for fingerprint in (QUERY, OTHER):
        theirs.record(RecordedJob(fingerprint, "J1", THEN - timedelta(hours=9)))
    LakeJobBook(SharedFolder(tmp_path, lambda: theirs.forget(QUERY))).forget_older_than(THEN)
    assert theirs.find(QUERY) is theirs.find(OTHER) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"job_id": "J1", "submitted_at": "soon"}'])
def test_a_note_that_cannot_be_read_does_not_stop_the_reading_of_a_day(tmp_path: Path, content: str) -> None:
    book = LakeJobBook(LocalStore(tmp_path))
    book.record(RecordedJob(OTHER, "J9", THEN - timedelta(days=1)))
    (tmp_path / "jobs" / f"{QUERY}.json").write_text(content)
    (tmp_path / "jobs" / "notes.txt").write_text("not ours")
    book.forget_older_than(THEN)
    assert book.find(QUERY) is book.find(OTHER) is None
    book.record(RecordedJob(QUERY, "J1", THEN))
    assert book.find(QUERY) == RecordedJob(QUERY, "J1", THEN)


def test_the_lakes_book_and_the_one_in_memory_behave_the_same(tmp_path: Path) -> None:
    books: list[JobBook] = [LakeJobBook(LocalStore(tmp_path)), JobBookInMemory()]
    for book in books:
        book.record(RecordedJob(QUERY, "J1", THEN))
        book.record(RecordedJob(OTHER, "J2", THEN - timedelta(days=1)))
        book.forget_older_than(THEN)
    assert books[0].find(QUERY) == books[1].find(QUERY) == RecordedJob(QUERY, "J1", THEN)
    assert books[0].find(OTHER) is books[1].find(OTHER) is None
