"""A job's pages without conversations are compared with the details query."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from genesys_assets.cloud import errors
from genesys_assets.cloud.analytics import details
from genesys_assets.cloud.analytics.interval import Interval, iso
from genesys_assets.cloud.http import limits
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets_tests.cloud.archive import DAY, Archive, spread
from genesys_assets_tests.cloud.job_book import JobBookInMemory
from genesys_assets_tests.cloud.jobs.job_archive import QUERY, JobArchive, all_of, read, written
from genesys_assets_tests.cloud.platform import Clock, Platform, Reply


def start(archive: JobArchive, number: int) -> datetime:
    return datetime.fromisoformat(archive.query.rows[number]["conversationStart"])


def lose(archive: JobArchive, job: str, number: int, *, of: int = 10) -> None:
    """Let a page of the job come without its conversations."""
    last = number * of >= len(archive.rows)
    archive.in_place_of[job, number] = Reply(body={} if last else {"cursor": f"{number * of}.0"})


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_page_that_came_without_its_conversations_is_an_error(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, number: int
) -> None:
    lose(archive, "job-1", number)
    newest = iso(start(archive, min(number * 10, 25) - 1))
    expected = (
        f"Page {number} of the details job of {DAY} came without conversations.* knows one that began at {newest}"
    )
    with pytest.raises(errors.UnexpectedAnswer, match=expected):
        read(cloud, book)
    assert archive.deleted == ["job-1"]
    assert book.find(QUERY.fingerprint) is None
    assert written(read(cloud, book)) == all_of(archive)


def test_a_page_that_was_lost_behind_empty_ones_is_an_error(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    archive.empty = {0: 2, 20: 1}
    lose(archive, "job-1", 2)
    with pytest.raises(errors.UnexpectedAnswer, match="Page 4 of the details job"):
        read(cloud, book)


def test_a_last_page_that_was_lost_before_the_empty_one_that_ends_the_results_is_an_error(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    archive.ends_empty = True
    archive.in_place_of["job-1", 3] = Reply(body={"cursor": "30.0"})
    with pytest.raises(errors.UnexpectedAnswer, match="Page 3 of the details job"):
        read(cloud, book)


def test_results_that_end_with_an_empty_page_are_whole_though_the_estimate_is_higher(
    platform: Platform, cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    def estimate(request: object) -> Reply:
        body = archive.query(request).body  # type: ignore[arg-type]
        return Reply(body=body | {"totalHits": body["totalHits"] + 2})

    platform.on(details.PATH, estimate)
    archive.ends_empty = True
    assert written(read(cloud, book)) == all_of(archive)


def test_a_day_that_the_query_knows_and_the_job_does_not_is_an_error(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    archive.rows = []
    with pytest.raises(errors.UnexpectedAnswer, match=f"knows one that began at {iso(start(archive, 24))}"):
        read(cloud, book)


def test_nothing_is_compared_as_long_as_no_page_is_empty(
    platform: Platform, cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    del archive.rows[3]
    assert written(read(cloud, book)) == all_of(archive)
    assert platform.requests_to(details.PATH) == []


def test_an_empty_page_where_the_query_knows_nothing_either_takes_few_requests(
    platform: Platform, cloud: GenesysCloud, clock: Clock, book: JobBookInMemory
) -> None:
    archive = JobArchive(platform, clock, rows=5000)
    archive.empty = {2000: 1}
    assert len(written(details_jobs.read(cloud, QUERY, book, list, page_size=1000))) == 5000
    assert len(platform.requests_to(details.PATH)) <= 8


def test_a_part_of_a_day_is_compared_up_to_its_end_only(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    end = start(archive, 20)
    so_far = replace(QUERY, interval=Interval(DAY.start, end))
    archive.rows = archive.rows[:20]
    archive.ends_empty = True
    assert written(details_jobs.read(cloud, so_far, book, list, page_size=10)) == all_of(archive)
    further = replace(QUERY, interval=Interval(DAY.start, end + timedelta(milliseconds=1)))
    with pytest.raises(errors.UnexpectedAnswer, match="came without conversations"):
        details_jobs.read(cloud, further, book, list, page_size=10)


def test_what_began_after_the_instant_up_to_which_the_job_has_all_data_is_not_compared(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    archive.ends_empty = True
    archive.rows = archive.rows[:20]
    archive.in_place_of["job-1", 3] = Reply(body={"dataAvailabilityDate": iso(start(archive, 20))})
    assert written(read(cloud, book)) == all_of(archive)


def test_what_began_before_the_interval_is_not_compared(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    """A job without matching by the day returns only those conversations of earlier days that were still alive."""
    overlap = replace(QUERY, interval=Interval(start(archive, 20), DAY.end), start_of_day_interval_matching=False)
    archive.empty = {10: 1}
    archive.rows = [archive.rows[number] for number in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 19, 20, 21, 22, 23, 24)]
    assert written(details_jobs.read(cloud, overlap, book, list, page_size=10)) == all_of(archive)
    lose(archive, "job-2", 2)
    with pytest.raises(errors.UnexpectedAnswer, match="Page 2 of the details job"):
        details_jobs.read(cloud, overlap, book, list, page_size=10)


def test_where_the_query_does_not_reach_the_job_is_believed(
    platform: Platform,
    cloud: GenesysCloud,
    archive: JobArchive,
    book: JobBookInMemory,
    small_reach: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    platform.on(details.PATH, Archive(spread(400), limit=small_reach))
    archive.empty = {10: 1}
    with caplog.at_level(logging.WARNING):
        assert written(read(cloud, book)) == all_of(archive)
    assert "cannot be compared with the details query" in caplog.text


def test_an_answer_that_is_too_large_to_be_read_is_not_taken_for_a_gap_that_is_too_long(
    platform: Platform, cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_RECEIVED", 10_000)
    platform.on(details.PATH, Reply(body={"padding": "x" * 10_000}))
    archive.empty = {10: 1}
    with pytest.raises(errors.AnswerTooLarge):
        read(cloud, book)
