"""Jobs that fail, and results that cannot be read to the end."""

from __future__ import annotations

import pytest

from genesys_assets.cloud import errors
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets_tests.cloud.job_book import JobBookInMemory
from genesys_assets_tests.cloud.jobs.job_archive import QUERY, JobArchive, Sinks, all_of, read, written
from genesys_assets_tests.cloud.platform import Reply

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


@pytest.mark.parametrize("state", ["FAILED", "EXPIRED"])
def test_a_job_that_fails_is_submitted_once_more(
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
def test_a_second_job_that_fails_is_an_error(
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
    with pytest.raises(errors.JobCancelled, match=r"job-1 of 2026-01-31T.*cancelled.*only one process reads"):
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
    with pytest.raises(errors.JobExpired, match=r"job-4 .*no longer exists"):
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
