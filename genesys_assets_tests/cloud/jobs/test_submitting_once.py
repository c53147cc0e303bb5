"""A job is submitted once, even if the answer to its submission is lost."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from genesys_assets.cloud import errors
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.cloud.jobs.book import RecordedJob
from genesys_assets.cloud.jobs.run import PATH, JobPage
from genesys_assets_tests.cloud.job_book import JobBookInMemory
from genesys_assets_tests.cloud.jobs.job_archive import QUERY, JobArchive, all_of, read, written
from genesys_assets_tests.cloud.platform import NOON, TOKEN_PATH, Clock, Platform, Reply, client

LOST = [Reply(fault="reset"), Reply(202, {"jobId": "x" * 99}, fault="truncated"), Reply(500, {}), Reply(502, b"<html>")]


def test_the_intent_is_recorded_before_the_request(
    platform: Platform, cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    noted: list[RecordedJob | None] = []

    def look(request: Any) -> Reply:
        noted.append(book.find(QUERY.fingerprint))
        archive.start("job-1")
        return Reply(202, {"jobId": "job-1"})

    def look_again(pages: Iterator[JobPage]) -> None:
        noted.append(book.find(QUERY.fingerprint))

    platform.on(PATH, look)
    details_jobs.read(cloud, QUERY, book, look_again)
    assert noted == [RecordedJob(QUERY.fingerprint, None, NOON), RecordedJob(QUERY.fingerprint, "job-1", NOON)]


@pytest.mark.parametrize("lost", [*LOST, Reply(202, {}), Reply(504, {}), Reply(408, {})])
def test_a_submission_whose_answer_is_lost_is_repeated_once_and_after_a_while(
    cloud: GenesysCloud,
    archive: JobArchive,
    book: JobBookInMemory,
    clock: Clock,
    lost: Reply,
    caplog: pytest.LogCaptureFixture,
) -> None:
    archive.submissions.append((lost, True))
    with caplog.at_level(logging.WARNING):
        assert written(read(cloud, book)) == all_of(archive)
    assert len(archive.bodies) == 2
    assert sum(clock.slept) >= details_jobs.GRACE.total_seconds()
    assert "The job is submitted once more" in caplog.text


@pytest.mark.parametrize("lost", LOST)
def test_a_submission_lost_twice_is_an_error_and_not_sent_a_third_time(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, lost: Reply
) -> None:
    archive.submissions += [(lost, True), (lost, True)]
    with pytest.raises(errors.SubmissionLost, match=r"2026-01-31T.*submitted twice, and both answers were lost"):
        read(cloud, book)
    assert len(archive.bodies) == 2
    noted = book.find(QUERY.fingerprint)
    assert noted is not None
    assert noted.job_id is None


def test_an_intent_left_behind_is_submitted_after_its_grace_and_once(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock
) -> None:
    book.record(RecordedJob(QUERY.fingerprint, None, clock.now() - timedelta(hours=1)))
    archive.submissions.append((Reply(fault="reset"), True))
    with pytest.raises(errors.SubmissionLost):
        read(cloud, book)
    assert len(archive.bodies) == 1
    assert clock.slept == []


def test_an_intent_of_a_clock_that_is_fast_is_not_waited_for_longer_than_any_other(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock
) -> None:
    book.record(RecordedJob(QUERY.fingerprint, None, clock.now() + timedelta(hours=5)))
    assert written(read(cloud, book)) == all_of(archive)
    assert sum(clock.slept) <= details_jobs.GRACE.total_seconds() + 5


def test_the_job_of_another_process_is_found_while_its_answer_is_awaited(
    platform: Platform, archive: JobArchive, clock: Clock
) -> None:
    class SharedBook(JobBookInMemory):
        looks = 0

        def find(self, fingerprint: str) -> RecordedJob | None:
            self.looks += 1
            if self.looks == 3:
                self.record(RecordedJob(fingerprint, "theirs", clock.now()))
            return super().find(fingerprint)

    archive.start("theirs")
    shared = SharedBook()
    shared.record(RecordedJob(QUERY.fingerprint, None, clock.now()))
    with client(platform, clock) as cloud:
        assert written(read(cloud, shared)) == all_of(archive)
    assert archive.bodies == []
    assert archive.deleted == ["theirs"]


@pytest.mark.parametrize(
    "refused", [Reply(429, {}, {"Retry-After": "7"}), Reply(503, {})], ids=["rate limit", "unavailable"]
)
def test_a_submission_that_was_not_begun_is_repeated_at_once(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, clock: Clock, refused: Reply
) -> None:
    archive.submissions += [(refused, False), (refused, False)]
    assert written(read(cloud, book)) == all_of(archive)
    assert len(archive.bodies) == 3
    assert sum(clock.slept) < 60


@pytest.mark.parametrize(
    ("refused", "kind"),
    [
        (Reply(400, {"message": "No."}), errors.BadRequest),
        (Reply(403, {"message": "No."}), errors.MissingPermission),
        (Reply(429, {}, {"Retry-After": "4000"}), errors.RateLimited),
    ],
    ids=["bad", "forbidden", "limited for long"],
)
def test_a_submission_refused_leaves_no_note(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, refused: Reply, kind: type[Exception]
) -> None:
    archive.submissions.append((refused, False))
    with pytest.raises(kind):
        read(cloud, book)
    assert book.find(QUERY.fingerprint) is None
    assert len(archive.bodies) == 1


def test_a_login_that_fails_is_not_taken_for_a_lost_submission(
    platform: Platform, cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    token = Reply(body={"access_token": "t", "expires_in": 86399})
    platform.on(TOKEN_PATH, Reply(500, {}), Reply(fault="reset"), token)
    assert written(read(cloud, book)) == all_of(archive)
    assert len(archive.bodies) == 1
