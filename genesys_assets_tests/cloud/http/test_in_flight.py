"""Threads that read ahead hold no more bytes together than the limit, and none waits forever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.cloud.errors import BrokenAnswer
from genesys_assets.cloud.http import limits
from genesys_assets.cloud.http.in_flight import InFlight, attempt, hold
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests.cloud.platform import Clock, Platform, Reply, client
from genesys_assets_tests.patience import PATIENCE_SECONDS, wait_for

PATH = "/api/v2/things"


def read(size: int, piece: int = 10) -> int:
    """Hold as many bytes as reading an answer would."""
    for begin in range(0, size, piece):
        hold(min(piece, size - begin), time.monotonic() + PATIENCE_SECONDS)
    return size


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as made:
        yield made


@settings(max_examples=40)
@given(st.lists(st.integers(0, 300), max_size=40), st.integers(1, 16))
def test_all_answers_come_in_order_and_only_the_awaited_one_goes_beyond_the_limit(sizes: list[int], ahead: int) -> None:
    flight = InFlight(most=100)
    with ThreadPoolExecutor(16) as executor:
        assert list(flight.map(executor, read, sizes, ahead=ahead)) == sizes
    assert flight.largest <= 100 + max(sizes, default=0)


def test_answers_of_usual_size_are_read_side_by_side(executor: ThreadPoolExecutor) -> None:
    flight, all_are_read = InFlight(most=160), threading.Barrier(16)

    def ask(size: int) -> int:
        read(size)
        all_are_read.wait(PATIENCE_SECONDS)
        return size

    assert list(flight.map(executor, ask, [10] * 16, ahead=16)) == [10] * 16
    assert flight.largest == 160


def test_large_answers_wait_until_earlier_ones_were_taken(executor: ThreadPoolExecutor) -> None:
    flight, done = InFlight(most=100), list[int]()

    def ask(number: int) -> int:
        read(90)
        done.append(number)
        return number

    results = flight.map(executor, ask, range(8), ahead=8)
    assert next(results) == 0
    assert len(done) <= 2
    assert list(results) == list(range(1, 8))


def test_an_answer_that_fails_holds_nothing(executor: ThreadPoolExecutor) -> None:
    flight = InFlight(most=100)

    def broken() -> None:
        with attempt():
            read(90)
            raise BrokenAnswer("cut")

    def ask(_: int) -> int:
        for _ in range(5):
            with pytest.raises(BrokenAnswer):
                broken()
        return read(90)

    assert list(flight.map(executor, ask, range(4), ahead=4)) == [90] * 4
    assert flight.largest <= 190


def test_nobody_waits_for_answers_that_nobody_takes(executor: ThreadPoolExecutor) -> None:
    flight, begun, done = InFlight(most=100), list[int](), list[int]()

    def ask(number: int) -> int:
        begun.append(number)
        read(90)
        done.append(number)
        return number

    results = flight.map(executor, ask, range(8), ahead=8)
    next(results)
    results.close()
    executor.shutdown(wait=True)
    assert sorted(done) == sorted(begun)


def test_no_wait_outlasts_its_exchange(executor: ThreadPoolExecutor) -> None:
    flight, the_last_was_read = InFlight(most=100), threading.Event()

    def ask(number: int) -> int:
        hold(90, time.monotonic())
        if number == 2:
            the_last_was_read.set()
        assert the_last_was_read.wait(PATIENCE_SECONDS)
        return number

    assert list(flight.map(executor, ask, range(3), ahead=3)) == [0, 1, 2]


@pytest.mark.parametrize("size", [600_000, limits.MOST_AHEAD, 2 * limits.MOST_AHEAD, 8 * limits.MOST_AHEAD])
def test_a_client_holds_no_more_than_the_limit_and_one_answer(
    platform: Platform, cloud: GenesysCloud, size: int
) -> None:
    platform.on(PATH, *[Reply(body={"long": "x" * size})] * 24)
    takes = (1 + limits.TIMES_PARSED) * (size + 100)
    assert [len(page.body) > size for page in cloud.map_in_order(lambda _: cloud.get(PATH), range(24))] == [True] * 24
    assert takes / 2 < cloud.in_flight.largest <= limits.MOST_IN_FLIGHT + takes


def test_a_very_large_answer_is_read_only_once_somebody_waits_for_it(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, *[Reply(body={"long": "x" * (4 * limits.MOST_AHEAD)})] * 4)
    read_whole: list[int] = []

    def ask(number: int) -> int:
        cloud.get(PATH)
        read_whole.append(number)
        return number

    results = cloud.map_in_order(ask, range(4))
    assert [(number, sorted(read_whole)) for number in results] == [(at, list(range(at + 1))) for at in range(4)]


@pytest.mark.parametrize("requests_per_minute", [1, 100_000])
def test_no_request_waits_for_the_whole_answer_of_another_that_waits_for_it(
    platform: Platform, clock: Clock, requests_per_minute: int
) -> None:
    """The first request of a window tells others how many are left, though its answer may have to wait for them."""
    platform.on(PATH, *[Reply(body={"long": "x" * (4 * limits.MOST_AHEAD)})] * 2)
    with client(platform, clock, requests_per_minute=requests_per_minute) as cloud:

        def ask(number: int) -> int:
            if number == 0:
                wait_for(lambda: platform.requests_to(PATH))
            cloud.get(PATH)
            return number

        assert list(cloud.map_in_order(ask, range(2))) == [0, 1]
        assert cloud.usage.retries == 0


def test_a_login_does_not_count_because_all_others_wait_for_it(platform: Platform, cloud: GenesysCloud) -> None:
    assert len({*cloud.map_in_order(lambda _: cloud._credentials.token(), range(2))}) == 1
    assert cloud.in_flight.largest == 0


def test_what_is_asked_for_alone_never_waits(platform: Platform, cloud: GenesysCloud) -> None:
    cloud.in_flight.most = 10
    platform.on(PATH, Reply(body={"long": "x" * 1000}))
    assert cloud.get(PATH).json() == {"long": "x" * 1000}
