"""One client with several threads: logins, order, errors, closing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from genesys_assets.cloud import errors
from genesys_assets.cloud.http.regions import Hosts
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests.cloud.http.things import DONE, LIMIT, PATH, error_body
from genesys_assets_tests.cloud.platform import TOKEN_PATH, Clock, Platform, Reply, Request, client
from genesys_assets_tests.patience import PATIENCE_SECONDS, wait_for


def test_eight_threads_log_in_once(platform: Platform, clock: Clock) -> None:
    platform.on(PATH, DONE)
    start = threading.Barrier(8)
    with client(platform, clock) as cloud:

        def ask(_: int) -> bool:
            start.wait(PATIENCE_SECONDS)
            return bool(cloud.get(PATH).json()["done"])

        assert list(cloud.map_in_order(ask, range(8))) == [True] * 8
    assert len(platform.requests_to(TOKEN_PATH)) == 1


def test_eight_threads_with_a_rejected_token_log_in_once_more(platform: Platform, clock: Clock) -> None:
    arrived = threading.Barrier(8)

    def reject_the_first_token(request: Request) -> Reply:
        if request.headers["Authorization"] == "Bearer token-1":
            arrived.wait(PATIENCE_SECONDS)
            return Reply(401, error_body("Invalid login credentials.", "bad.credentials"))
        return DONE

    warm = "/api/v2/warm"
    platform.on(warm, DONE)
    platform.on(PATH, reject_the_first_token)
    with client(platform, clock) as cloud:
        cloud.get(warm)
        assert len(list(cloud.map_in_order(lambda _: cloud.get(PATH), range(8)))) == 8
    assert len(platform.requests_to(TOKEN_PATH)) == 2


def test_results_come_in_the_order_of_the_items(cloud: GenesysCloud) -> None:
    second_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert second_done.wait(PATIENCE_SECONDS)
        if item == 1:
            second_done.set()
        return item * 10

    assert list(cloud.map_in_order(work, range(5))) == [0, 10, 20, 30, 40]


def test_no_more_is_read_ahead_than_there_are_workers(platform: Platform, clock: Clock) -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for number in count():
            taken.append(number)
            yield number

    with client(platform, clock, workers=3) as cloud:
        results = cloud.map_in_order(lambda item: item, endless())
        assert taken == []
        assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
        assert len(taken) <= 4 + 3
        results.close()  # type: ignore[attr-defined]


def test_an_error_drops_what_has_not_begun(platform: Platform, clock: Clock) -> None:
    begun: list[int] = []
    release = threading.Event()

    def work(item: int) -> int:
        begun.append(item)
        if item == 0:
            raise KeyError("first")
        release.wait(PATIENCE_SECONDS)
        return item

    with client(platform, clock, workers=2) as cloud:
        with pytest.raises(KeyError, match="first"):
            list(cloud.map_in_order(work, range(100)))
        release.set()
    assert len(begun) <= 4


def test_closing_ends_a_wait(platform: Platform) -> None:
    platform.on(PATH, Reply(429, LIMIT, {"Retry-After": "100"}))
    with GenesysCloud(Hosts(platform.url, platform.url), "id", "secret") as cloud, ThreadPoolExecutor(1) as thread:
        answer = thread.submit(cloud.get, PATH)
        wait_for(lambda: cloud.usage.retries)
        assert not answer.done()
        cloud.close()
        with pytest.raises(errors.GenesysCloudError, match="closed"):
            answer.result(PATIENCE_SECONDS)
