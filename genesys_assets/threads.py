"""Runs work on several threads and returns the results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")


def map_in_order(
    executor: Executor, function: Callable[[T], R], items: Iterable[T], *, ahead: int
) -> Generator[R, None, None]:
    """The result of `function` for each item, in the items' order. Up to `ahead` results are computed before the caller
    takes them.

    An error, or closing the iterator, cancels the calls that have not begun.
    """
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(executor.submit(function, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def read_ahead(items: Iterable[T]) -> Generator[T, None, None]:
    """The same items. While the caller uses one, another thread computes the next."""
    iterator, end = iter(items), object()
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as executor:
        next_item: Future[T | object] = executor.submit(next, iterator, end)
        while (item := next_item.result()) is not end:
            next_item = executor.submit(next, iterator, end)
            yield cast(T, item)
