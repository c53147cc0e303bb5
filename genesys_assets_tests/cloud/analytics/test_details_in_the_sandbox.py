"""Jobs and queries against the sandbox: both give the same conversations of a day, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from genesys_assets.cloud.analytics import details
from genesys_assets.cloud.analytics.fetch_progress import FetchProgress
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.analytics.queries import DetailsJobQuery
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.regions import Hosts
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.cloud.jobs.run import JobPage
from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets_tests.cloud.job_book import JobBookInMemory
from genesys_assets_tests.cloud.jobs.job_archive import Killed, leave_after
from genesys_assets_tests.cloud.platform import NOON, Clock

DAY = Interval(datetime(2026, 1, 28, tzinfo=UTC), datetime(2026, 1, 29, tzinfo=UTC))
QUERY = DetailsJobQuery(interval=DAY, start_of_day_interval_matching=True)
JOBS = "/details/jobs"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running(now=NOON, requests_per_minute=None, conversations_per_day=120) as sandbox:
        yield sandbox


@pytest.fixture
def cloud(sandbox: Sandbox, clock: Clock) -> Iterator[GenesysCloud]:
    hosts = Hosts(sandbox.url, sandbox.url)
    with GenesysCloud(
        hosts, sandbox.client_id, sandbox.client_secret, workers=1, clock=clock, now=clock.now, sleep=clock.sleep
    ) as cloud:
        yield cloud


def ids(pages: Sequence[Page]) -> list[str]:
    return [row["conversationId"] for page in pages for row in page.json().get("conversations", [])]


def by_job(cloud: GenesysCloud, book: JobBookInMemory | None = None) -> list[str]:
    """The pages that a writer has at the end."""
    return ids(details_jobs.read(cloud, QUERY, book or JobBookInMemory(), list, page_size=30))


def test_a_job_and_the_query_agree_on_a_day(cloud: GenesysCloud, sandbox: Sandbox) -> None:
    reading = FetchProgress()
    queried = ids(list(details.fetch(cloud, DAY, page_size=30, reading=reading)))
    assert by_job(cloud) == queried
    assert len(queried) == len(set(queried)) == reading.total_hits_last
    assert [job.deleted for job in sandbox.jobs] == [True]


@pytest.mark.parametrize("pages", [0, 1, 3])
@pytest.mark.parametrize("status", [400, 404, 410])
def test_results_that_expire_while_being_read_leave_no_gap(
    cloud: GenesysCloud, sandbox: Sandbox, pages: int, status: int
) -> None:
    expected = by_job(cloud)
    sandbox.behaviour.expired_results_status = status
    sandbox.behaviour.next_job(state="EXPIRED", after_pages=pages)
    assert by_job(cloud) == expected
    assert len(sandbox.jobs) == 3


def test_a_job_whose_answer_is_lost_is_not_submitted_a_third_time(
    cloud: GenesysCloud, sandbox: Sandbox, clock: Clock
) -> None:
    sandbox.behaviour.fail_next(502, path=JOBS, method="POST", takes_effect=True)
    assert len(by_job(cloud)) == len(set(by_job(cloud)))
    assert [job.deleted for job in sandbox.jobs] == [False, True, True]
    assert sum(clock.slept) >= details_jobs.GRACE.total_seconds()


def test_the_availability_is_that_of_the_results(cloud: GenesysCloud, sandbox: Sandbox) -> None:
    sandbox.behaviour.availability = NOON - timedelta(hours=16)
    page: JobPage = details_jobs.read(cloud, QUERY, JobBookInMemory(), next)
    assert details_jobs.availability(cloud) == page.available_through == NOON - timedelta(hours=16)


def test_a_conversation_that_goes_while_the_day_is_read_takes_none_with_it(
    cloud: GenesysCloud, sandbox: Sandbox
) -> None:
    expected = ids(list(details.fetch(cloud, DAY, page_size=30)))
    organisation = sandbox.organisation
    sandbox.behaviour.interrupt("details/query", lambda: organisation.delete(expected[3]), after=2)
    reading = FetchProgress()
    found = set(ids(list(details.fetch(cloud, DAY, page_size=30, reading=reading))))
    assert set(expected) - {expected[3]} <= found
    assert reading.rereads == 1


def test_a_job_submitted_before_a_conversation_ended_never_makes_it_open_again_once_pages_are_compared(
    clock: Clock, book: JobBookInMemory
) -> None:
    """The job is left over, the conversation ends, and the query reads it. Then a later try takes up the job and
    fetches it last."""
    morning = Interval(NOON - timedelta(hours=12), NOON)
    query = DetailsJobQuery(interval=morning, start_of_day_interval_matching=True)
    with running(now=clock.now, requests_per_minute=None, conversations_per_day=400) as sandbox:
        sandbox.behaviour.availability_lag_seconds = 0
        hosts = Hosts(sandbox.url, sandbox.url)
        with GenesysCloud(
            hosts, sandbox.client_id, sandbox.client_secret, clock=clock, now=clock.now, sleep=clock.sleep
        ) as cloud:
            with pytest.raises(Killed):
                details_jobs.read(cloud, query, book, leave_after(1), page_size=30)
            clock.pass_by(3 * 3600)
            queried = list(details.fetch(cloud, morning))
            clock.pass_by(3600)
            by_job = details_jobs.read(cloud, query, book, list, page_size=30)
        assert len(sandbox.jobs) == 1
    ended = ends(queried).keys()
    open_again = ended - ends(by_job).keys()
    assert open_again
    assert min(page.fetched_at for page in by_job) > max(page.fetched_at for page in queried)
    assert max(page.as_of for page in by_job) < min(page.as_of for page in queried)
    newest_last = sorted([*queried, *by_job], key=lambda page: page.as_of)
    assert ended <= ends(newest_last).keys()


def ends(pages: Sequence[Page]) -> dict[str, str]:
    """When each ended conversation ended, according to the last page that has it."""
    last = {item["conversationId"]: item for page in pages for item in page.json().get("conversations", ())}
    return {name: item["conversationEnd"] for name, item in last.items() if "conversationEnd" in item}
