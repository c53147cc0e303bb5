"""Runs work on several threads and returns the results in order."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")


@contextlib.contextmanager
def at_once(most: int, items: int, name: str) -> Iterator[Callable[..., Iterator[Any]]]:
    """A `map` for this number of items. It works on up to `most` of them at once, on threads of this name. A single
    item needs no thread: to start one takes longer than most small work.
    """
    if items < 2:
        yield map
        return
    with ThreadPoolExecutor(min(most, items), thread_name_prefix=name) as executor:
        yield executor.map


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
