"""Jobs that an earlier try left over: which of them a later try takes up, and as of when their pages are true."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from genesys_assets.cloud import errors
from genesys_assets.cloud.analytics.interval import Interval, iso
from genesys_assets.cloud.http.regions import Hosts
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.cloud.jobs.book import RecordedJob
from genesys_assets.cloud.jobs.run import PATH, JobPage
from genesys_assets.lake.job_book import LakeJobBook
from genesys_assets.lake.store import LocalStore
from genesys_assets_tests.cloud.job_book import JobBookInMemory
from genesys_assets_tests.cloud.jobs.job_archive import (
    AVAILABLE,
    QUERY,
    JobArchive,
    Killed,
    all_of,
    leave_after,
    read,
    written,
)
from genesys_assets_tests.cloud.platform import NOON, Clock, Platform, Reply, Request

HOUR = timedelta(hours=1)
LATER = NOON + HOUR
"""An availability that is no limit, where a test is about when jobs were submitted: clocks may differ by as much."""
_ROOT = Path(__file__).parents[3]


def named(reply: Reply) -> str:
    return f"{reply.fault or reply.status}"


def kill_after(pages: int, cloud: GenesysCloud, book: JobBookInMemory) -> None:
    """Let a try read that many pages and die."""
    with pytest.raises(Killed):
        details_jobs.read(cloud, QUERY, book, leave_after(pages), page_size=10)


# -- as of when -------------------------------------------------------------------------------------------------------


def test_the_pages_of_a_job_are_true_as_of_what_jobs_had(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    assert {page.as_of for page in read(cloud, book)} == {AVAILABLE}


def test_the_pages_of_a_job_are_true_as_of_its_submission(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock
) -> None:
    archive.available = LATER
    archive.plan("PENDING", "PENDING", "FULFILLED")
    pages = read(cloud, book)
    assert [page.as_of for page in pages] == [NOON] * 3
    assert all(page.fetched_at > NOON for page in pages)


def test_the_pages_of_a_job_that_is_taken_up_again_are_true_as_of_its_first_submission(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock
) -> None:
    archive.available = LATER
    kill_after(2, cloud, book)
    clock.pass_by(5 * 3600)
    pages = read(cloud, book)
    assert written(pages) == all_of(archive)
    assert {page.as_of for page in pages} == {NOON}
    assert all(page.fetched_at >= NOON + 5 * HOUR for page in pages)
    assert len(archive.bodies) == 1


def test_where_the_platform_does_not_say_when_a_job_was_submitted_its_note_does(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock
) -> None:
    archive.available = LATER
    archive.plan({"state": "FULFILLED", "submissionDate": None})
    kill_after(1, cloud, book)
    clock.pass_by(3600)
    assert {page.as_of for page in read(cloud, book)} == {NOON}


def test_the_platforms_time_of_submission_takes_precedence_over_the_note(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    archive.available = LATER
    archive.plan({"state": "FULFILLED", "submissionDate": "2026-02-01T11:58:00.1239Z"})
    assert {iso(page.as_of) for page in read(cloud, book)} == {"2026-02-01T11:58:00.123Z"}


def test_a_platform_whose_clock_is_fast_makes_no_page_of_the_future(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    archive.available = LATER
    archive.plan({"state": "FULFILLED", "submissionDate": iso(NOON + HOUR)})
    assert all(page.as_of == page.fetched_at for page in read(cloud, book))


def test_another_job_in_place_of_one_that_failed_is_newer(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock
) -> None:
    archive.available = LATER
    kill_after(2, cloud, book)
    clock.pass_by(3600)
    archive.in_place_of["job-1", 3] = Reply(400, {"message": "Invalid cursor."})
    assert {page.as_of >= NOON + HOUR for page in read(cloud, book)} == {True}


# -- taken up again ---------------------------------------------------------------------------------------------------


def test_a_process_that_is_killed_while_it_reads_leaves_its_job_to_the_next_one(
    platform: Platform, cloud: GenesysCloud, archive: JobArchive, tmp_path: Path
) -> None:
    """The process is really killed, in the middle of its third page."""
    asked, answered = threading.Event(), threading.Event()

    def hold(request: Request) -> Reply:
        if request.params.get("cursor") == "20.0" and not asked.is_set():
            asked.set()
            answered.wait(60)
        return archive.results(request, "job-1")

    platform.on(PATH, lambda request: hold_results(archive.submit(request), platform, hold))
    process = subprocess.Popen([sys.executable, "-c", _READER, platform.url, str(tmp_path)], cwd=_ROOT)
    try:
        assert asked.wait(60)
    finally:
        process.kill()
        process.wait()
        answered.set()
    book = LakeJobBook(LocalStore(tmp_path))
    noted = book.find(QUERY.fingerprint)
    assert noted is not None
    assert noted.job_id == "job-1"
    pages = read(cloud, book)
    assert written(pages) == all_of(archive)
    assert len(archive.bodies) == 1
    assert archive.deleted == ["job-1"]
    assert book.find(QUERY.fingerprint) is None


def hold_results(reply: Reply, platform: Platform, answer: object) -> Reply:
    platform.on(f"{PATH}/job-1/results", answer)  # type: ignore[arg-type]
    return reply


_READER = """
import sys
from pathlib import Path

from genesys_assets.lake.job_book import LakeJobBook
from genesys_assets.lake.store import LocalStore
from genesys_assets_tests.cloud.jobs.job_archive import read
from genesys_assets_tests.cloud.platform import Clock, Platform, client

with client(Platform(sys.argv[1]), Clock()) as cloud:
    read(cloud, LakeJobBook(LocalStore(Path(sys.argv[2]))))
"""


@pytest.mark.parametrize("error", [RuntimeError("The disk is full."), KeyboardInterrupt()], ids=["fault", "interrupt"])
def test_a_fault_that_is_not_the_platforms_leaves_the_job_to_the_next_try(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, error: BaseException
) -> None:
    def take(pages: Iterator[JobPage]) -> None:
        next(pages)
        raise error

    with pytest.raises(type(error)):
        details_jobs.read(cloud, QUERY, book, take, page_size=10)
    assert archive.deleted == []
    assert written(read(cloud, book)) == all_of(archive)
    assert archive.deleted == ["job-1"]


@pytest.mark.parametrize(
    "unanswered", [Reply(429, {}, {"Retry-After": "4000"}), Reply(fault="reset"), Reply(503, {})], ids=named
)
def test_a_platform_that_cannot_be_asked_leaves_the_job_to_the_next_try(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock, unanswered: Reply
) -> None:
    archive.available = LATER
    archive.in_place_of["job-1", 2] = unanswered
    with pytest.raises((errors.RateLimited, errors.Unreachable, errors.CircuitOpen)):
        read(cloud, book)
    assert archive.deleted == []
    archive.in_place_of.clear()
    clock.pass_by(3600)
    pages = read(cloud, book)
    assert written(pages) == all_of(archive)
    assert {page.as_of for page in pages} == {NOON}
    assert len(archive.bodies) == 1


def test_a_client_that_is_closed_while_it_reads_leaves_its_job_to_the_next_one(
    platform: Platform,
    cloud: GenesysCloud,
    archive: JobArchive,
    book: JobBookInMemory,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)
    archive.in_place_of["job-1", 2] = Reply(503, {})
    hosts = Hosts(platform.url, platform.url)
    with GenesysCloud(hosts, "my-client", "my-secret", clock=clock, now=clock.now) as closing:

        def take(pages: Iterator[JobPage]) -> None:
            next(pages)
            closing.close()
            next(pages)

        with pytest.raises(errors.GenesysCloudError, match="client was closed"):
            details_jobs.read(closing, QUERY, book, take, page_size=10)
    archive.in_place_of.clear()
    assert written(read(cloud, book)) == all_of(archive)
    assert archive.deleted == ["job-1"]


@pytest.mark.parametrize("state", ["QUEUED", "PENDING", "FULFILLED"])
def test_a_recorded_job_that_may_still_be_read_is_reused(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock, state: str
) -> None:
    archive.plan(state, "FULFILLED")
    archive.start("old")
    book.record(RecordedJob(QUERY.fingerprint, "old", clock.now()))
    assert written(read(cloud, book)) == all_of(archive)
    assert archive.bodies == []
    assert archive.deleted == ["old"]


def test_a_day_that_is_not_complete_yet_is_taken_up_again_where_the_same_part_of_it_is_asked_for(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock
) -> None:
    so_far = replace(QUERY, interval=Interval(QUERY.interval.start, AVAILABLE - 9 * HOUR))
    with pytest.raises(Killed):
        details_jobs.read(cloud, so_far, book, leave_after(1), page_size=10)
    clock.pass_by(600)
    again = replace(QUERY, interval=Interval(QUERY.interval.start, AVAILABLE - 9 * HOUR))
    assert written(details_jobs.read(cloud, again, book, list, page_size=10)) == all_of(archive)
    assert len(archive.bodies) == 1
    assert book.find(so_far.fingerprint) is None


# -- not taken up again -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "EXPIRED"])
def test_a_recorded_job_that_came_to_nothing_is_deleted_and_another_submitted(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock, state: str
) -> None:
    archive.plan(state)
    archive.start("old")
    book.record(RecordedJob(QUERY.fingerprint, "old", clock.now()))
    heard: list[str] = []
    assert written(read(cloud, book, on_restart=heard.append)) == all_of(archive)
    assert heard == []
    assert len(archive.bodies) == 1
    assert archive.deleted == ["old", "job-1"]


@pytest.mark.parametrize("age", [2 * HOUR, 6.5 * HOUR])
def test_a_recorded_job_past_its_expiry_or_too_old_to_be_today_is_not_reused(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock, age: timedelta
) -> None:
    archive.lifetime = HOUR if age < 6 * HOUR else 24 * HOUR
    archive.start("old")
    book.record(RecordedJob(QUERY.fingerprint, "old", clock.now()))
    clock.pass_by(age.total_seconds())
    assert written(read(cloud, book)) == all_of(archive)
    assert archive.deleted == ["old", "job-1"]


def test_a_recorded_job_that_is_gone_is_forgotten(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock
) -> None:
    book.record(RecordedJob(QUERY.fingerprint, "vanished", clock.now()))
    assert written(read(cloud, book)) == all_of(archive)
    assert len(archive.bodies) == 1


@pytest.mark.parametrize("status", [Reply(body={}), Reply(500, {}), Reply(200, b"<html>"), Reply(400, {})], ids=named)
def test_a_recorded_job_without_a_state_is_not_polled_forever(
    platform: Platform,
    cloud: GenesysCloud,
    archive: JobArchive,
    book: JobBookInMemory,
    clock: Clock,
    status: Reply,
) -> None:
    archive.start("old")
    book.record(RecordedJob(QUERY.fingerprint, "old", clock.now()))
    platform.on(f"{PATH}/old", status)
    assert written(read(cloud, book)) == all_of(archive)
    assert len(archive.bodies) == 1


def test_a_gateways_trouble_is_no_reason_to_drop_a_recorded_job(
    platform: Platform, cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    kill_after(1, cloud, book)
    platform.on(f"{PATH}/job-1", Reply(502, b"<html>"))
    with pytest.raises(errors.ServerTrouble):
        read(cloud, book)
    assert book.find(QUERY.fingerprint) == RecordedJob(QUERY.fingerprint, "job-1", NOON)
    assert len(archive.bodies) == 1


@pytest.mark.parametrize(
    "failure", [Reply(400, {"message": "Invalid cursor."}), Reply(504, {}), Reply(404, {})], ids=named
)
@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_recorded_job_that_cannot_be_read_again_is_replaced_by_another_in_the_same_call(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, page: int, failure: Reply
) -> None:
    kill_after(3, cloud, book)
    archive.in_place_of["job-1", page] = failure
    assert written(read(cloud, book)) == all_of(archive)
    assert archive.deleted == ["job-1", "job-2"]


def test_a_recorded_job_whose_cursors_serve_only_once_is_replaced_by_another_in_the_same_call(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    archive.single_use = True
    kill_after(3, cloud, book)
    assert written(read(cloud, book)) == all_of(archive)
    assert archive.deleted == ["job-1", "job-2"]


def test_a_recorded_job_that_goes_on_where_a_killed_process_stopped_is_replaced_by_another(
    platform: Platform, cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    """The job's first page is now empty, though the day is not."""
    kill_after(3, cloud, book)
    archive.in_place_of["job-1", 1] = Reply(body={})
    assert written(read(cloud, book)) == all_of(archive)
    assert archive.deleted == ["job-1", "job-2"]


# -- the notes --------------------------------------------------------------------------------------------------------


def test_outdated_notes_are_removed_whenever_the_book_is_used(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock
) -> None:
    so_far = replace(QUERY, interval=Interval(QUERY.interval.start, AVAILABLE - 9 * HOUR))
    with pytest.raises(Killed):
        details_jobs.read(cloud, so_far, book, leave_after(1))
    clock.pass_by(details_jobs.NOTE_LIFETIME.total_seconds() - 60)
    read(cloud, book)
    assert book.find(so_far.fingerprint) is not None
    clock.pass_by(60)
    read(cloud, book)
    assert book.find(so_far.fingerprint) is None
    assert details_jobs.NOTE_LIFETIME > details_jobs.REUSABLE


def test_a_process_that_ends_its_job_leaves_the_note_of_another_process_alone(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock
) -> None:
    theirs = RecordedJob(QUERY.fingerprint, "theirs", clock.now())

    def take(pages: Iterator[JobPage]) -> None:
        book.record(theirs)

    details_jobs.read(cloud, QUERY, book, take)
    assert archive.deleted == ["job-1"]
    assert book.find(QUERY.fingerprint) == theirs
