"""Answers that are too large: the client asks the details query for smaller pages, and misses nothing."""

from __future__ import annotations

from typing import Any

import pytest

from genesys_assets.cloud.analytics import details, live
from genesys_assets.cloud.analytics.details_paging import PATH
from genesys_assets.cloud.analytics.fetch_progress import FetchProgress
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.errors import AnswerTooLarge
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests.cloud.archive import DAY, Archive, holds_all, hours, spread
from genesys_assets_tests.cloud.platform import Platform, Reply, Request

TOO_LARGE = Reply(400, {"message": "reduce pageSize", "code": "response.entity.too.large"})


def stingy(archive: Archive, most: int, after: int = 0) -> Any:
    """The archive. After this many requests it sends no more than `most` conversations at once."""
    asked: list[int] = []

    def answer(request: Request) -> Reply:
        asked.append(1)
        if len(asked) > after and request.json()["paging"]["pageSize"] > most:
            return TOO_LARGE
        return archive(request)

    return answer


@pytest.mark.parametrize("interval", [DAY, hours(3, 4), hours(0, 12), hours(23, 24)])
@pytest.mark.parametrize("most", [50, 30, 5, 1])
@pytest.mark.parametrize("after", [0, 2])
def test_pages_that_are_too_large_are_read_in_smaller_ones(
    platform: Platform, cloud: GenesysCloud, interval: Interval, most: int, after: int
) -> None:
    archive = Archive(spread(330))
    platform.on(PATH, stingy(archive, most, after))
    reading = FetchProgress()
    pages = list(details.fetch(cloud, interval, reading=reading))
    holds_all(archive, interval, pages)
    assert (reading.rereads, reading.moved_again) == (0, False)
    assert reading.missing in (0, None)


def test_a_conversation_that_is_too_large_alone_is_an_error(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, TOO_LARGE)
    with pytest.raises(AnswerTooLarge):
        list(details.fetch(cloud, DAY))
    assert [request.json()["paging"]["pageSize"] for request in platform.requests_to(PATH)] == [100, 50, 25, 5, 1]


def test_the_newest_start_is_found_by_smaller_pages(platform: Platform, cloud: GenesysCloud) -> None:
    archive = Archive(spread(120))
    platform.on(PATH, archive)
    newest = details.newest_start(cloud, hours(3, 9))
    platform.on(PATH, stingy(archive, 5))
    assert details.newest_start(cloud, hours(3, 9)) == newest is not None


def test_queues_are_observed_in_parts(platform: Platform, cloud: GenesysCloud) -> None:
    def answer(request: Request) -> Reply:
        ids = [predicate["value"] for predicate in request.json()["filter"]["predicates"]]
        return TOO_LARGE if len(ids) > 60 else Reply(body={"results": [{"group": {"queueId": id_}} for id_ in ids]})

    platform.on(live.OBSERVATIONS_PATH, answer)
    wanted = [f"q{number}" for number in range(230)]
    pages = list(live.queue_observations(cloud, wanted))
    assert [row["group"]["queueId"] for page in pages for row in page.json()["results"]] == wanted
