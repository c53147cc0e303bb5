"""Details that the platform does not return at once: crowded days and queries that are too heavy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest

from genesys_assets.cloud.analytics import details
from genesys_assets.cloud.analytics.details import PATH
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.errors import (
    CircuitOpen,
    GenesysCloudError,
    ServerTrouble,
    TooLarge,
    UnexpectedAnswer,
)
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests.cloud.archive import DAY, MIDNIGHT, Archive, holds_all, hours, ids, spread
from genesys_assets_tests.cloud.platform import Platform, Reply, Request


@pytest.mark.parametrize("number", [99, 100, 101, 150, 199, 200])
@pytest.mark.parametrize(("first", "last"), [(0, 24), (0, 1), (11, 13), (12, 13), (22, 24), (6, 18)])
def test_a_crowded_day_is_read_from_both_ends(
    platform: Platform, cloud: GenesysCloud, small_reach: int, number: int, first: float, last: float
) -> None:
    archive = Archive(spread(number), limit=small_reach)
    platform.on(PATH, archive)
    interval = hours(first, last)
    holds_all(archive, interval, list(details.fetch(cloud, interval, page_size=10)))


def test_a_crowded_day_of_equal_starts_is_read_whole(platform: Platform, cloud: GenesysCloud, small_reach: int) -> None:
    noon = MIDNIGHT + timedelta(hours=12)
    archive = Archive([*spread(80), *[noon] * 100], limit=small_reach)
    platform.on(PATH, archive)
    holds_all(archive, DAY, list(details.fetch(cloud, DAY, page_size=10)))


@pytest.mark.parametrize("lost", [1, 2, 7])
def test_a_lost_page_of_the_late_end_of_a_crowded_day_is_an_error(
    platform: Platform, cloud: GenesysCloud, small_reach: int, lost: int
) -> None:
    archive = Archive(spread(170), limit=small_reach)

    def hollow(request: Request) -> Reply:
        asked = request.json()
        is_lost = asked["order"] == "desc" and asked["paging"] == {"pageSize": 10, "pageNumber": lost}
        return Reply(body={"totalHits": 170}) if is_lost else archive(request)

    platform.on(PATH, hollow)
    with pytest.raises(UnexpectedAnswer, match=f"Page {lost} .* came without conversations"):
        list(details.fetch(cloud, DAY, page_size=10))


def test_crowded_days_are_read_one_by_one(platform: Platform, cloud: GenesysCloud, small_reach: int) -> None:
    week = Interval(MIDNIGHT - timedelta(days=6), MIDNIGHT)
    archive = Archive(spread(500, week), limit=small_reach)
    platform.on(PATH, archive)
    pages = list(details.fetch(cloud, week, page_size=10))
    holds_all(archive, week, pages)
    assert len(ids(pages)) == len(set(ids(pages)))


def test_a_day_beyond_reach_is_an_error_that_names_the_job(
    platform: Platform, cloud: GenesysCloud, small_reach: int
) -> None:
    archive = Archive(spread(300), limit=small_reach)
    platform.on(PATH, archive)
    with pytest.raises(TooLarge, match=r"About 300 conversations started on 2026-01-31.*200 a day.*details job"):
        list(details.fetch(cloud, DAY, page_size=10))
    with pytest.raises(TooLarge):
        list(details.fetch(cloud, hours(11, 13), page_size=10))
    assert len(platform.requests_to(PATH)) == 2 * 3, "the error comes before anything is read"


def test_a_day_that_turns_out_crowded_is_read_from_both_ends(
    platform: Platform, cloud: GenesysCloud, small_reach: int
) -> None:
    archive = Archive(spread(150), limit=small_reach)
    first = count()

    def understated_at_first(request: Request) -> Reply:
        reply = archive(request)
        return Reply(body={**reply.body, "totalHits": 150 if next(first) else 100})

    platform.on(PATH, understated_at_first)
    holds_all(archive, DAY, list(details.fetch(cloud, DAY, page_size=10)))


@pytest.mark.parametrize(("first", "last"), [(0, 1), (23, 24)])
def test_the_ends_of_a_day_beyond_reach_are_still_read(
    platform: Platform, cloud: GenesysCloud, small_reach: int, first: float, last: float
) -> None:
    archive = Archive(spread(300), limit=small_reach)
    platform.on(PATH, archive)
    interval = hours(first, last)
    holds_all(archive, interval, list(details.fetch(cloud, interval, page_size=10)))


def too_heavy(longer_than: timedelta, status: int = 504) -> Callable[[Interval, int], Reply | None]:
    return lambda interval, number: Reply(status, b"") if interval.duration > longer_than else None


@pytest.mark.parametrize("status", [500, 504])
def test_a_question_too_heavy_is_halved(platform: Platform, cloud: GenesysCloud, status: int) -> None:
    archive = Archive(spread(100))
    archive.failing = too_heavy(timedelta(minutes=15), status)
    platform.on(PATH, archive)
    interval = hours(13, 14)
    holds_all(archive, interval, list(details.fetch(cloud, interval, page_size=10)))
    assert min(asked.duration for asked in archive.intervals) == timedelta(minutes=15)


def test_days_too_heavy_are_halved_at_midnight(platform: Platform, cloud: GenesysCloud) -> None:
    two_days = Interval(MIDNIGHT - timedelta(days=2), MIDNIGHT)
    archive = Archive(spread(100, two_days))
    archive.failing = too_heavy(timedelta(days=1))
    platform.on(PATH, archive)
    pages = list(details.fetch(cloud, two_days, page_size=10))
    holds_all(archive, two_days, pages)
    assert len(ids(pages)) == 100


def test_a_question_too_heavy_at_a_quarter_of_an_hour_is_an_error(platform: Platform, cloud: GenesysCloud) -> None:
    archive = Archive(spread(100))
    archive.failing = too_heavy(timedelta(0))
    platform.on(PATH, archive)
    with pytest.raises(ServerTrouble, match="HTTP 504"):
        list(details.fetch(cloud, hours(13, 14), page_size=10))
    assert min(asked.duration for asked in archive.intervals) == timedelta(minutes=15)


def test_what_was_read_before_the_trouble_is_not_read_again(platform: Platform, cloud: GenesysCloud) -> None:
    archive = Archive(spread(200))
    archive.failing = lambda interval, number: Reply(504, b"") if interval == DAY and number == 15 else None
    platform.on(PATH, archive)
    pages = list(details.fetch(cloud, DAY, page_size=10))
    holds_all(archive, DAY, pages)
    assert len(pages) <= 23


@pytest.mark.parametrize("status", [400, 403, 502, 503])
def test_other_failures_are_not_halved(platform: Platform, cloud: GenesysCloud, status: int) -> None:
    archive = Archive(spread(100))
    archive.failing = lambda interval, number: Reply(status, b"")
    platform.on(PATH, archive)
    with pytest.raises(GenesysCloudError) as raised:
        list(details.fetch(cloud, DAY, page_size=10))
    assert set(archive.intervals) == {DAY}
    assert isinstance(raised.value, CircuitOpen) == (status == 503)
