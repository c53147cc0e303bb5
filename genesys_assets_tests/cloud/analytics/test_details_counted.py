"""What the details query tells without reading all pages: the number of conversations, and when the newest began."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from genesys_assets.cloud.analytics import details
from genesys_assets.cloud.analytics.details import PATH
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.errors import InvalidQuery, TooLarge, UnexpectedAnswer
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests.cloud.archive import DAY, MIDNIGHT, Archive, hours, spread
from genesys_assets_tests.cloud.platform import NOON, Platform, Reply


def newest(archive: Archive, interval: Interval) -> datetime | None:
    """The newest start, found by looking at each conversation."""
    starts = (datetime.fromisoformat(row["conversationStart"]) for row in archive.rows)
    return max((start for start in starts if start in interval), default=None)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("first", "last"), [(0, 24), (0, 9), (9.25, 9.26), (23, 24), (0, 0.01)])
def test_the_newest_start_is_that_of_the_interval_whatever_began_after_it(
    platform: Platform, cloud: GenesysCloud, first: float, last: float, seed: int
) -> None:
    archive = Archive(spread(random.Random(seed).randrange(2000), seed=seed))
    platform.on(PATH, archive)
    assert details.newest_start(cloud, hours(first, last)) == newest(archive, hours(first, last))
    assert len(platform.requests_to(PATH)) <= 8


def test_the_newest_start_of_a_whole_day_takes_one_request(platform: Platform, cloud: GenesysCloud) -> None:
    archive = Archive(spread(1000))
    platform.on(PATH, archive)
    assert details.newest_start(cloud, DAY) == newest(archive, DAY)
    assert len(platform.requests_to(PATH)) == 1


def test_the_newest_start_of_several_days_may_lie_on_any_of_them(platform: Platform, cloud: GenesysCloud) -> None:
    archive = Archive(spread(300, Interval(MIDNIGHT - timedelta(days=9), MIDNIGHT - timedelta(days=8))))
    platform.on(PATH, archive)
    week = Interval(MIDNIGHT - timedelta(days=10), MIDNIGHT)
    assert details.newest_start(cloud, week) == newest(archive, week) is not None


@pytest.mark.parametrize("body", [{}, {"totalHits": 0}, {"conversations": []}])
def test_a_quiet_day_has_no_newest_start(platform: Platform, cloud: GenesysCloud, body: Any) -> None:
    platform.on(PATH, Reply(body=body))
    assert details.newest_start(cloud, DAY) is None


@pytest.mark.parametrize("too_few", [1, 950])
def test_a_total_that_is_too_low_hides_no_newest_start(platform: Platform, cloud: GenesysCloud, too_few: int) -> None:
    archive = Archive(spread(1000))

    def estimate(request: Any) -> Reply:
        body = archive(request).body
        return Reply(body=body | {"totalHits": body["totalHits"] - too_few})

    platform.on(PATH, estimate)
    assert details.newest_start(cloud, hours(0, 3)) == newest(archive, hours(0, 3))


def test_a_page_without_conversations_is_not_taken_for_a_day_without_any(
    platform: Platform, cloud: GenesysCloud
) -> None:
    platform.on(PATH, Reply(body={"totalHits": 3}))
    with pytest.raises(UnexpectedAnswer, match="came without conversations"):
        details.newest_start(cloud, DAY)


def test_a_newest_start_that_the_query_does_not_reach_is_an_error(
    platform: Platform, cloud: GenesysCloud, small_reach: int
) -> None:
    platform.on(PATH, Archive(spread(400), limit=small_reach))
    with pytest.raises(TooLarge, match=r"100 conversations or more began after 2026-01-31T03:00"):
        details.newest_start(cloud, hours(0, 3))
    assert details.newest_start(cloud, hours(0, 24)) is not None


def test_total_hits_are_those_of_all_days_that_the_interval_touches(platform: Platform, cloud: GenesysCloud) -> None:
    fortnight = Interval(MIDNIGHT - timedelta(days=13), MIDNIGHT + timedelta(days=1))
    platform.on(PATH, Archive(spread(300, fortnight)))
    assert details.total_hits(cloud, fortnight) == 300
    assert len(platform.requests_to(PATH)) == 2
    assert details.total_hits(cloud, hours(3, 4)) == details.total_hits(cloud, DAY)


def test_total_hits_that_the_platform_does_not_say_are_unknown_and_not_0(
    platform: Platform, cloud: GenesysCloud
) -> None:
    platform.on(PATH, Reply(body={"totalHits": 4}), Reply(body={}))
    assert details.total_hits(cloud, DAY) == 4
    assert details.total_hits(cloud, DAY) is None
    fortnight = Interval(MIDNIGHT - timedelta(days=13), MIDNIGHT + timedelta(days=1))
    platform.on(PATH, Reply(body={"totalHits": 4}), Reply(body={}))
    assert details.total_hits(cloud, fortnight) is None


@pytest.mark.parametrize("there", [1, 2, 59, 1_000])
@pytest.mark.parametrize("too_many", [0, 1, 2, 7, 400])
def test_the_last_place_tells_how_many_there_are_whatever_the_estimate(
    platform: Platform, cloud: GenesysCloud, there: int, too_many: int
) -> None:
    platform.on(PATH, Archive(spread(there)))
    assert details.exact_total(cloud, DAY, there + too_many) == there
    assert len(platform.requests_to(PATH)) <= (2 * too_many.bit_length() + 2 if too_many else 1)


def test_a_page_that_came_without_its_conversation_is_not_taken_for_the_end(
    platform: Platform, cloud: GenesysCloud
) -> None:
    platform.on(PATH, Reply(body={"totalHits": 60}), Archive(spread(60)))
    assert details.exact_total(cloud, DAY, 60) is None


def test_more_than_the_query_reaches_are_not_counted_by_position(platform: Platform, cloud: GenesysCloud) -> None:
    assert details.exact_total(cloud, DAY, 100_001) is None
    assert platform.requests == []


def test_nothing_is_asked_of_the_future(platform: Platform, cloud: GenesysCloud) -> None:
    ahead = Interval(NOON, NOON + timedelta(hours=1))
    for ask in (details.total_hits, details.newest_start):
        with pytest.raises(InvalidQuery, match="ends in the future"):
            ask(cloud, ahead)
    assert platform.requests == []
