"""Work on several threads, with results in order. The caller decides what is done and how many threads there are."""

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
    """`function` of each item, in the items' order, computed before it is asked for, but no more than `ahead` items.

    An error, or closing the iterator, drops what has not begun.
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
    """The items. While one is used, the next is made on another thread."""
    iterator, end = iter(items), object()
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as executor:
        coming: Future[T | object] = executor.submit(next, iterator, end)
        while (item := coming.result()) is not end:
            coming = executor.submit(next, iterator, end)
            yield cast(T, item)
