"""The life of a details job, on a platform that can fail at every step."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest

from genesys_assets.cloud import errors
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.analytics.queries import DetailsJobQuery
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs import endpoints as job_endpoints
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.cloud.jobs.run import PATH, JobPage
from genesys_assets_tests.cloud.archive import DAY
from genesys_assets_tests.cloud.job_book import JobBookInMemory
from genesys_assets_tests.cloud.jobs.job_archive import AVAILABLE, QUERY, JobArchive, all_of, read, written
from genesys_assets_tests.cloud.platform import NOON, Clock, Platform, Reply

# -- the normal case ---------------------------------------------------------------------------------------------------


def test_the_availability_is_read(cloud: GenesysCloud, archive: JobArchive) -> None:
    assert details_jobs.availability(cloud) == AVAILABLE


@pytest.mark.parametrize("body", [{}, {"dataAvailabilityDate": None}])
def test_a_missing_availability_is_none(platform: Platform, cloud: GenesysCloud, body: object) -> None:
    platform.on(f"{PATH}/availability", Reply(body=body))
    assert details_jobs.availability(cloud) is None


@pytest.mark.parametrize("told", ["soon", 5])
def test_an_availability_that_is_no_instant_is_an_error(platform: Platform, cloud: GenesysCloud, told: object) -> None:
    platform.on(f"{PATH}/availability", Reply(body={"dataAvailabilityDate": told}))
    with pytest.raises(errors.UnexpectedAnswer, match="dataAvailabilityDate"):
        details_jobs.availability(cloud)


def test_a_job_is_submitted_waited_for_read_and_deleted(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock
) -> None:
    archive.plan("QUEUED", "PENDING", "FULFILLED")
    pages = read(cloud, book)
    assert written(pages) == all_of(archive)
    assert archive.bodies == [
        {
            "interval": "2026-01-31T00:00:00.000Z/2026-02-01T00:00:00.000Z",
            "order": "asc",
            "orderBy": "conversationStart",
            "startOfDayIntervalMatching": True,
        }
    ]
    assert [asked.params for asked in archive.requests_to("job-1", "/results")] == [
        {"pageSize": "10"},
        {"pageSize": "10", "cursor": "10.0"},
        {"pageSize": "10", "cursor": "20.0"},
    ]
    assert clock.slept == [1, 2, 4]
    assert archive.deleted == ["job-1"]
    assert book.find(QUERY.fingerprint) is None
    assert [page.available_through for page in pages] == [AVAILABLE] * 3


def test_a_page_has_a_thousand_conversations_by_default(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    details_jobs.read(cloud, QUERY, book, list)
    assert archive.requests_to("job-1", "/results")[0].params == {"pageSize": "1000"}


def test_a_quiet_day_has_one_page_without_conversations(
    platform: Platform, cloud: GenesysCloud, clock: Clock, book: JobBookInMemory
) -> None:
    quiet = JobArchive(platform, clock, rows=0)
    assert [page.number for page in read(cloud, book)] == [1]
    assert quiet.deleted == ["job-1"]


@pytest.mark.parametrize("empty", [{0: 1}, {10: 1}, {20: 3}, {0: 2, 10: 2, 20: 2}, {10: 100}])
def test_a_day_whose_job_answers_an_empty_page_in_the_middle_is_read_whole(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, empty: dict[int, int]
) -> None:
    archive.empty = empty
    pages = read(cloud, book)
    assert written(pages) == all_of(archive)
    assert len(pages) == 3 + sum(empty.values())
    assert len(archive.bodies) == 1


def test_empty_pages_without_end_are_an_error(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_endpoints, "MOST_EMPTY_PAGES", 5)
    archive.empty = {10: 60}
    with pytest.raises(errors.EndlessPages, match=r"More than 5 pages of the details job job-2"):
        read(cloud, book)
    assert len(archive.requests_to("job-2", "/results")) == 7
    archive.empty = {10: 5, 20: 5}
    assert written(read(cloud, book)) == all_of(archive)


def test_progress_is_reported(cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory) -> None:
    told: list[tuple[int, int | None, int | None]] = []
    read(cloud, book, on_progress=lambda *progress: told.append(progress))
    assert told == [(1, None, 10), (2, None, 20), (3, None, 25)]


def test_nothing_is_asked_for_an_invalid_question(
    platform: Platform, cloud: GenesysCloud, book: JobBookInMemory
) -> None:
    ahead = DetailsJobQuery(interval=Interval(NOON, NOON + timedelta(hours=1)), start_of_day_interval_matching=True)
    with pytest.raises(errors.InvalidQuery, match="ends in the future"):
        details_jobs.read(cloud, ahead, book, list)
    with pytest.raises(errors.InvalidQuery, match="1 to 10,000"):
        details_jobs.read(cloud, QUERY, book, list, page_size=0)
    assert platform.requests == []


def test_the_fingerprint_is_that_of_the_question() -> None:
    same = DetailsJobQuery(interval=Interval.parse(str(DAY)), start_of_day_interval_matching=True)
    others = [
        DetailsJobQuery(interval=DAY, start_of_day_interval_matching=False),
        DetailsJobQuery(interval=Interval(DAY.start, NOON - timedelta(days=1)), start_of_day_interval_matching=True),
    ]
    assert same.fingerprint == QUERY.fingerprint
    assert len({query.fingerprint for query in [QUERY, *others]}) == 3
    # A new version of the package must find the notes of an old one.
    assert QUERY.fingerprint == "8df5b46ae1f086a6826a02aaa6deb83c23941b420dffd337a0b9b1a868c105eb"


# -- waiting ----------------------------------------------------------------------------------------------------------


def test_the_wait_doubles_up_to_half_a_minute(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock
) -> None:
    archive.plan(*["PENDING"] * 8, "FULFILLED")
    read(cloud, book)
    assert clock.slept == [1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_a_state_of_tomorrow_is_waited_for(cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory) -> None:
    archive.plan("RESHUFFLING", "FULFILLED")
    assert written(read(cloud, book)) == all_of(archive)


def test_a_job_that_is_not_done_by_the_deadline_is_named_and_taken_up_by_the_next_try(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock
) -> None:
    archive.plan(*["PENDING"] * 7, "FULFILLED")
    with pytest.raises(errors.JobTooSlow, match=r"job-1 of 2026-01-31.* was still PENDING at the deadline") as raised:
        read(cloud, book, deadline=timedelta(seconds=60))
    assert (raised.value.job_id, raised.value.state) == ("job-1", "PENDING")
    assert sum(clock.slept) == 60
    assert archive.deleted == []
    assert written(read(cloud, book)) == all_of(archive)
    assert list(archive.bodies) == archive.bodies[:1]


def test_a_state_that_is_missing_is_an_error(cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory) -> None:
    archive.plan({"status": "PENDING"})
    with pytest.raises(errors.UnexpectedAnswer, match="job-1 has no state"):
        read(cloud, book)


# -- the reader of the pages ------------------------------------------------------------------------------------------


def test_a_reader_that_stops_early_just_returns_and_the_job_is_deleted(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    def first_two(pages: Iterator[JobPage]) -> int:
        return next(pages).rows + next(pages).rows

    assert details_jobs.read(cloud, QUERY, book, first_two, page_size=10) == 20
    assert len(archive.requests_to("job-1", "/results")) == 2
    assert archive.deleted == ["job-1"]
    assert book.find(QUERY.fingerprint) is None


def test_a_reader_that_stops_early_gets_no_error_of_later_pages(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    archive.in_place_of["job-1", 2] = Reply(400, {"message": "Invalid cursor."})
    assert details_jobs.read(cloud, QUERY, book, lambda pages: next(pages).rows, page_size=10) == 10
    assert len(archive.bodies) == 1


def test_an_error_that_the_reader_of_pages_swallows_still_voids_them(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    def forgiving(pages: Iterator[JobPage]) -> list[JobPage]:
        taken: list[JobPage] = []
        try:
            for page in pages:
                taken.append(page)
        except errors.GenesysCloudError:
            pass
        return taken

    archive.in_place_of["job-1", 3] = Reply(400, {"message": "Invalid cursor."})
    assert written(details_jobs.read(cloud, QUERY, book, forgiving, page_size=10)) == all_of(archive)
    assert archive.deleted == ["job-1", "job-2"]


def test_a_reader_that_rejects_the_pages_ends_the_job_and_no_other_is_submitted_at_once(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    def refusing(pages: Iterator[JobPage]) -> None:
        raise errors.UnexpectedAnswer(f"Page {next(pages).number} is about another day.")

    with pytest.raises(errors.UnexpectedAnswer, match="about another day"):
        details_jobs.read(cloud, QUERY, book, refusing)
    assert len(archive.bodies) == 1
    assert archive.deleted == ["job-1"]
    assert book.find(QUERY.fingerprint) is None


# -- deleting ---------------------------------------------------------------------------------------------------------


def test_a_job_that_cannot_be_deleted_does_no_harm(
    platform: Platform,
    cloud: GenesysCloud,
    archive: JobArchive,
    book: JobBookInMemory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def take(pages: Iterator[JobPage]) -> list[JobPage]:
        taken = list(pages)
        platform.on(f"{PATH}/job-1", Reply(403, {"message": "No."}))
        return taken

    with caplog.at_level(logging.WARNING):
        assert written(details_jobs.read(cloud, QUERY, book, take, page_size=10)) == all_of(archive)
    assert "job-1 cannot be deleted and stays until it expires" in caplog.text
    assert book.find(QUERY.fingerprint) is None


def test_deleting_what_is_gone_is_no_error(cloud: GenesysCloud, archive: JobArchive) -> None:
    job_endpoints.delete(cloud, "job-9")
    archive.start("job-1")
    job_endpoints.delete(cloud, "job-1")
    assert archive.deleted == ["job-1"]
