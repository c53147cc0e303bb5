from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from genesys_assets.threads import at_once, map_in_order, read_ahead


def test_results_come_in_the_order_of_the_items() -> None:
    with ThreadPoolExecutor(4) as executor:
        assert list(map_in_order(executor, lambda n: n * n, range(50), ahead=8)) == [n * n for n in range(50)]


def test_no_more_items_are_taken_than_may_be_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with ThreadPoolExecutor(4) as executor:
        results = map_in_order(executor, str, items(), ahead=5)
        assert next(results) == "0"
        assert len(taken) == 5
        results.close()


def test_an_error_comes_in_its_turn_and_drops_what_has_not_begun() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 1:
            raise ValueError("one is refused")
        return number

    with ThreadPoolExecutor(1) as executor:
        results = map_in_order(executor, work, range(10), ahead=4)
        assert next(results) == 0
        with pytest.raises(ValueError, match="one is refused"):
            next(results)
    assert max(begun) < 6


def test_reading_ahead_gives_every_item_in_order_and_stops_where_it_is_left() -> None:
    assert list(read_ahead(iter(range(50)))) == list(range(50))
    assert list(read_ahead([])) == []
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    items = read_ahead(numbers())
    assert next(items) == 0
    items.close()
    assert len(made) <= 2


def test_an_error_in_reading_ahead_reaches_the_reader() -> None:
    items = read_ahead(1 // number for number in (1, 0))
    assert next(items) == 1
    with pytest.raises(ZeroDivisionError):
        next(items)


def test_several_items_are_worked_on_at_once_and_a_single_one_by_the_caller() -> None:
    both = threading.Barrier(2, timeout=60)

    def meet(item: str) -> tuple[str, int]:
        both.wait()
        return item, threading.get_ident()

    with at_once(8, 2, "pair") as map_:
        found = dict(map_(meet, ["one", "other"]))
    assert list(found) == ["one", "other"]
    assert len({*found.values(), threading.get_ident()}) == 3
    with at_once(8, 1, "single") as map_:
        assert list(map_(lambda _: threading.get_ident(), ["one"])) == [threading.get_ident()]
