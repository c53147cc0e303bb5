"""Agents' status by query and by jobs, against the sandbox: short pages, repeated users, lost pages, left-over jobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from genesys_assets.cloud.analytics import user_details
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.analytics.queries import DetailsJobQuery, UserDetailsJobQuery, UserDetailsQuery
from genesys_assets.cloud.errors import EndlessPages, InvalidQuery, MissingPermission, UnexpectedAnswer
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.regions import Hosts
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.cloud.jobs.run import USERS
from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets_tests.cloud.job_book import JobBookInMemory
from genesys_assets_tests.cloud.platform import NOON, Clock

DAY = Interval(datetime(2026, 1, 28, tzinfo=UTC), datetime(2026, 1, 29, tzinfo=UTC))
QUERY = "/users/details/query"


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[Sandbox]:
    with running(now=NOON, requests_per_minute=None, conversations_per_day=20) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield running_sandbox
    running_sandbox.behaviour.reset()
    running_sandbox.requests.clear()


@pytest.fixture
def cloud(sandbox: Sandbox, clock: Clock) -> Iterator[GenesysCloud]:
    hosts = Hosts(sandbox.url, sandbox.url)
    with GenesysCloud(
        hosts, sandbox.client_id, sandbox.client_secret, workers=1, clock=clock, now=clock.now, sleep=clock.sleep
    ) as cloud:
        yield cloud


def spans(pages: Iterable[Page]) -> set[tuple[str, str, str]]:
    return {
        (user["userId"], kind, str(span))
        for page in pages
        for user in page.json()["userDetails"]
        for kind in ("primaryPresence", "routingStatus")
        for span in user.get(kind, ())
    }


def test_short_pages_are_not_the_end(cloud: GenesysCloud) -> None:
    pages = list(user_details.fetch(cloud, DAY, page_size=7))
    assert any(page.rows < 7 for page in pages[:-1])
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    assert spans(pages) == spans(user_details.fetch(cloud, DAY))
    assert len({user for user, _, _ in spans(pages)}) == 30


def test_a_job_gives_the_same_and_is_deleted(cloud: GenesysCloud, sandbox: Sandbox) -> None:
    pages = details_jobs.read(cloud, UserDetailsJobQuery(interval=DAY), JobBookInMemory(), list, page_size=7)
    assert len(pages) > 3
    assert spans(pages) == spans(user_details.fetch(cloud, DAY))
    assert sandbox.user_jobs[-1].deleted
    assert all(page.available_through == details_jobs.availability(cloud, USERS) for page in pages)


@pytest.mark.parametrize("pages", [0, 1, 3])
def test_a_job_whose_results_fail_is_submitted_again(cloud: GenesysCloud, sandbox: Sandbox, pages: int) -> None:
    sandbox.behaviour.next_job(state="EXPIRED", after_pages=pages)
    reasons: list[str] = []
    read = details_jobs.read(
        cloud, UserDetailsJobQuery(interval=DAY), JobBookInMemory(), list, page_size=7, on_restart=reasons.append
    )
    assert len(reasons) == 1
    assert spans(read) == spans(user_details.fetch(cloud, DAY))


def test_a_job_of_users_is_never_taken_for_one_of_conversations() -> None:
    of_users = UserDetailsJobQuery(interval=DAY).fingerprint
    assert of_users == UserDetailsJobQuery(interval=Interval.parse(str(DAY))).fingerprint
    assert of_users not in {
        DetailsJobQuery(interval=DAY, start_of_day_interval_matching=by_day).fingerprint for by_day in (True, False)
    }


def test_a_page_that_lost_its_users_is_an_error_and_no_end(cloud: GenesysCloud, sandbox: Sandbox) -> None:
    sandbox.behaviour.fail_next(200, path=QUERY, body={"totalHits": 33})
    with pytest.raises(UnexpectedAnswer, match="Page 1 of the users' details"):
        list(user_details.fetch(cloud, DAY, page_size=7))

    def lose() -> None:
        sandbox.behaviour.fail_next(200, path=QUERY, body={"totalHits": 33})

    sandbox.behaviour.interrupt(QUERY, lose, after=2)
    with pytest.raises(UnexpectedAnswer, match="Page 3 of the users' details"):
        list(user_details.fetch(cloud, DAY, page_size=7))


def test_a_page_that_comes_again_and_again_is_an_error(cloud: GenesysCloud, sandbox: Sandbox) -> None:
    page = {"userDetails": [{"userId": "a"}], "totalHits": 1}
    sandbox.behaviour.fail_next(200, path=QUERY, body=page, times=3)
    with pytest.raises(EndlessPages, match="Page 2"):
        list(user_details.fetch(cloud, DAY))


def test_days_before_anything_happened_have_no_pages(cloud: GenesysCloud, sandbox: Sandbox) -> None:
    sandbox.behaviour.fail_next(200, path=QUERY, body={"totalHits": 0}, times=2)
    assert list(user_details.fetch(cloud, DAY)) == []


def test_more_than_a_week_is_asked_for_in_parts(cloud: GenesysCloud, sandbox: Sandbox) -> None:
    weeks = Interval(DAY.start - timedelta(days=13), DAY.end)
    assert spans(user_details.fetch(cloud, weeks)) >= spans(user_details.fetch(cloud, DAY))
    with pytest.raises(InvalidQuery, match="longer than 7 days"):
        UserDetailsQuery(interval=weeks)
    with pytest.raises(InvalidQuery, match="future"):
        user_details.fetch(cloud, Interval(NOON, NOON + timedelta(hours=2)))


def test_a_missing_permission_is_named(cloud: GenesysCloud, sandbox: Sandbox) -> None:
    sandbox.behaviour.missing_permissions.add(user_details.PERMISSION)
    with pytest.raises(MissingPermission, match="analytics:userDetail:view"):
        list(user_details.fetch(cloud, DAY))
    with pytest.raises(MissingPermission, match="analytics:userDetail:view"):
        details_jobs.availability(cloud, USERS)
