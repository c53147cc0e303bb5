"""The life of a details job, on a platform that fails it at every turn."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from genesys_assets.cloud import errors
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs import endpoints as job_endpoints
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.cloud.jobs.run import PATH, DetailsJobQuery, JobPage, RecordedJob
from genesys_assets_tests.cloud.archive import DAY
from genesys_assets_tests.cloud.job_book import JobBookInMemory
from genesys_assets_tests.cloud.jobs.job_archive import AVAILABLE, QUERY, JobArchive, read, written
from genesys_assets_tests.cloud.platform import NOON, TOKEN_PATH, Clock, Platform, Reply, client

LOST = [Reply(fault="reset"), Reply(202, {"jobId": "x" * 99}, fault="truncated"), Reply(500, {}), Reply(502, b"<html>")]
EXPIRED = [
    Reply(404, {"message": "The requested resource was not found.", "code": "not.found"}),
    Reply(410, {"message": "Gone."}),
    Reply(400, {"message": "The job has expired.", "code": "bad.request"}),
]
BROKEN = [
    Reply(400, {"message": "Invalid cursor."}),
    Reply(500, {}),
    Reply(200, b"<html>"),
    Reply(body={"conversations": {"a": 1}}),
    Reply(body={"conversations": [], "cursor": 7}),
]


def all_of(archive: JobArchive) -> list[str]:
    return [row["conversationId"] for row in archive.rows]


class Sinks:
    """Takes pages into a sink of its own each time, and remembers all of them."""

    def __init__(self) -> None:
        self.filled: list[list[JobPage]] = []

    def __call__(self, pages: Iterator[JobPage]) -> list[JobPage]:
        self.filled.append([])
        for page in pages:
            self.filled[-1].append(page)
        return self.filled[-1]


# -- the common way ---------------------------------------------------------------------------------------------------


def test_the_availability_is_told(cloud: GenesysCloud, archive: JobArchive) -> None:
    assert details_jobs.availability(cloud) == AVAILABLE


@pytest.mark.parametrize("body", [{}, {"dataAvailabilityDate": None}])
def test_an_availability_that_is_not_told_is_none(platform: Platform, cloud: GenesysCloud, body: object) -> None:
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
    assert [asked.params for asked in archive.asked("job-1", "/results")] == [
        {"pageSize": "10"},
        {"pageSize": "10", "cursor": "10.0"},
        {"pageSize": "10", "cursor": "20.0"},
    ]
    assert clock.slept == [1, 2, 4]
    assert archive.deleted == ["job-1"]
    assert book.find(QUERY.fingerprint) is None
    assert [page.available_through for page in pages] == [AVAILABLE] * 3


def test_a_thousand_conversations_are_asked_for_unless_told_otherwise(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    details_jobs.read(cloud, QUERY, book, list)
    assert archive.asked("job-1", "/results")[0].params == {"pageSize": "1000"}


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


def test_empty_pages_that_go_on_for_ever_are_an_error(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_endpoints, "MOST_EMPTY_PAGES", 5)
    archive.empty = {10: 60}
    with pytest.raises(errors.EndlessPages, match=r"More than 5 pages of the details job job-2"):
        read(cloud, book)
    assert len(archive.asked("job-2", "/results")) == 7
    archive.empty = {10: 5, 20: 5}
    assert written(read(cloud, book)) == all_of(archive)


def test_progress_is_told(cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory) -> None:
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
        DetailsJobQuery(interval=DAY.until(NOON - timedelta(days=1)), start_of_day_interval_matching=True),
    ]
    assert same.fingerprint == QUERY.fingerprint
    assert len({query.fingerprint for query in [QUERY, *others]}) == 3
    # Notes of one version must be found by the next.
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
    with pytest.raises(errors.JobTooSlow, match=r"job-1 of 2026-01-31.* still PENDING at the deadline") as raised:
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


# -- starting over ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["FAILED", "EXPIRED"])
def test_a_job_that_comes_to_nothing_is_submitted_once_more(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, state: str
) -> None:
    archive.plan("PENDING", state)
    heard: list[str] = []
    assert written(read(cloud, book, on_restart=heard.append)) == all_of(archive)
    assert len(heard) == 1
    assert "The details job job-1 of 2026-01-31T" in heard[0]
    assert archive.deleted == ["job-1", "job-2"]
    assert book.find(QUERY.fingerprint) is None


@pytest.mark.parametrize(
    ("state", "kind"), [("FAILED", errors.JobFailed), ("EXPIRED", errors.JobExpired)], ids=["failed", "expired"]
)
def test_a_second_job_that_comes_to_nothing_is_an_error(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, state: str, kind: type[errors.JobError]
) -> None:
    archive.plan(state)
    archive.plan({"state": state, "errorMessage": "The cluster burnt down"})
    with pytest.raises(kind, match=r"job-2 of 2026-01-31T.*The cluster burnt down") as raised:
        read(cloud, book)
    assert (raised.value.job_id, raised.value.state) == ("job-2", state)
    assert len(archive.bodies) == 2
    assert archive.deleted == ["job-1", "job-2"]
    assert book.find(QUERY.fingerprint) is None


@pytest.mark.parametrize("states", [("CANCELLED",), ("FULFILLED", "CANCELLED")], ids=["waiting", "reading"])
def test_a_cancelled_job_is_an_error_and_forgotten(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, states: tuple[str, ...]
) -> None:
    archive.plan(*states)
    archive.in_place_of["job-1", 2] = Reply(400, {"message": "Invalid cursor."})
    with pytest.raises(errors.JobCancelled, match=r"job-1 of 2026-01-31T.*cancelled.*only one asks"):
        read(cloud, book)
    assert len(archive.bodies) == 1
    assert book.find(QUERY.fingerprint) is None


@pytest.mark.parametrize("failure", [*EXPIRED, *BROKEN])
@pytest.mark.parametrize("page", [1, 2, 3])
def test_results_that_cannot_be_read_to_their_end_are_read_anew_from_the_first_page_of_another_job(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, failure: Reply, page: int
) -> None:
    archive.in_place_of["job-1", page] = failure
    sinks = Sinks()
    pages = details_jobs.read(cloud, QUERY, book, sinks, page_size=10)
    assert written(pages) == all_of(archive)
    assert pages is sinks.filled[1]
    assert len(sinks.filled) == 2
    assert archive.deleted == ["job-1", "job-2"]
    assert book.find(QUERY.fingerprint) is None


@pytest.mark.parametrize("failure", [*EXPIRED, *BROKEN])
def test_results_that_fail_twice_are_an_error_and_their_job_is_not_taken_up_again(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, failure: Reply
) -> None:
    archive.in_place_of |= {("job-1", 2): failure, ("job-2", 2): failure}
    with pytest.raises(errors.GenesysCloudError):
        read(cloud, book)
    assert archive.deleted == ["job-1", "job-2"]
    assert book.find(QUERY.fingerprint) is None
    assert written(read(cloud, book)) == all_of(archive)
    assert archive.deleted == ["job-1", "job-2", "job-3"]


def test_the_error_of_results_that_fail_twice_is_the_platforms(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    refused = Reply(400, {"message": "Pagination may not exceed 400000 results."})
    archive.in_place_of |= {("job-1", 2): EXPIRED[0], ("job-2", 2): refused}
    with pytest.raises(errors.BadRequest, match="400000"):
        read(cloud, book)
    archive.in_place_of |= {("job-3", 2): refused, ("job-4", 2): EXPIRED[0]}
    with pytest.raises(errors.JobExpired, match=r"job-4 .*not there any more"):
        read(cloud, book)


def test_a_cursor_that_serves_only_once_and_whose_answer_was_lost_costs_a_job_and_not_the_day(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    archive.single_use = True
    archive.lost_once = {("job-1", 3)}
    assert written(read(cloud, book)) == all_of(archive)
    assert archive.deleted == ["job-1", "job-2"]


def test_a_cursor_refused_since_its_job_expired_is_such_a_case(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    archive.plan("FULFILLED", "EXPIRED")
    archive.in_place_of["job-1", 2] = Reply(400, {"message": "Invalid cursor."})
    heard: list[str] = []
    assert written(read(cloud, book, on_restart=heard.append)) == all_of(archive)
    assert "expired" in heard[0]


def test_results_that_end_in_nothing_since_the_job_expired_are_not_taken_for_the_end(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    archive.plan("FULFILLED", "EXPIRED")
    archive.ends_empty = True
    heard: list[str] = []
    assert written(read(cloud, book, on_restart=heard.append)) == all_of(archive)
    assert "expired" in heard[0]
    assert len(archive.bodies) == 2


@pytest.mark.parametrize("status", [408, 502, 504])
def test_a_gateways_trouble_ends_the_job_but_no_other_is_submitted_into_it(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory, status: int
) -> None:
    archive.in_place_of["job-1", 2] = Reply(status, {})
    with pytest.raises(errors.ServerTrouble):
        read(cloud, book)
    assert len(archive.bodies) == 1
    assert written(read(cloud, book)) == all_of(archive)
    assert archive.deleted == ["job-1", "job-2"]


# -- whoever takes the pages ------------------------------------------------------------------------------------------


def test_whoever_stops_early_just_returns_and_the_job_is_deleted(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    def first_two(pages: Iterator[JobPage]) -> int:
        return next(pages).rows + next(pages).rows

    assert details_jobs.read(cloud, QUERY, book, first_two, page_size=10) == 20
    assert len(archive.asked("job-1", "/results")) == 2
    assert archive.deleted == ["job-1"]
    assert book.find(QUERY.fingerprint) is None


def test_whoever_stops_early_hears_nothing_of_what_comes_behind(
    cloud: GenesysCloud, archive: JobArchive, book: JobBookInMemory
) -> None:
    archive.in_place_of["job-1", 2] = BROKEN[0]
    assert details_jobs.read(cloud, QUERY, book, lambda pages: next(pages).rows, page_size=10) == 10
    assert len(archive.bodies) == 1


def test_an_error_that_whoever_takes_the_pages_keeps_to_himself_voids_them_all_the_same(
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

    archive.in_place_of["job-1", 3] = BROKEN[0]
    assert written(details_jobs.read(cloud, QUERY, book, forgiving, page_size=10)) == all_of(archive)
    assert archive.deleted == ["job-1", "job-2"]


def test_whoever_finds_the_pages_wrong_ends_the_job_and_no_other_is_submitted_at_once(
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


def test_a_job_that_cannot_be_deleted_takes_nothing_away(
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
    assert "job-1 stays until it expires" in caplog.text
    assert book.find(QUERY.fingerprint) is None


def test_deleting_what_is_gone_is_no_error(cloud: GenesysCloud, archive: JobArchive) -> None:
    details_jobs.delete(cloud, "job-9")
    archive.start("job-1")
    details_jobs.delete(cloud, "job-1")
    assert archive.deleted == ["job-1"]


# -- submitting once --------------------------------------------------------------------------------------------------


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
    assert "It is submitted once more" in caplog.text


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
