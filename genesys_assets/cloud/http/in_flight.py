"""Limits the memory of answers that threads read ahead.

Pages of the usual size never wait: each worker may hold one. If pages are larger, fewer are read ahead. Of a very large
answer only the beginning is read ahead. The rest is read when the answer is needed next, so only one very large answer
is in memory at a time. The answer that is needed next never waits, so there is always progress. Requests outside of
`InFlight.map` never wait, and are not counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple, TypeVar

from genesys_assets.cloud.http import limits
from genesys_assets.threads import map_in_order

T = TypeVar("T")
R = TypeVar("R")


class _Ticket(NamedTuple):
    """Identifies the item that a thread works on among all items of a client."""

    flight: InFlight
    number: int


_ticket: ContextVar[_Ticket | None] = ContextVar("ticket", default=None)


@dataclass(slots=True)
class InFlight:
    """Counts the bytes that a client's answers hold in memory. Threads may share it."""

    most: int = limits.MOST_IN_FLIGHT
    largest: int = 0
    """The most that was ever held at once, for tests and for debugging."""
    _held: dict[int, int] = field(default_factory=dict)
    _awaited: set[int] = field(default_factory=set)
    _abandoned: set[int] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=count)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def map(
        self, executor: Executor, function: Callable[[T], R], items: Iterable[T], *, ahead: int
    ) -> Generator[R, None, None]:
        """As `threads.map_in_order`, but the memory of an item's answers counts until the next result is requested."""
        numbers: list[int] = []

        def numbered() -> Iterator[tuple[int, T]]:
            for item in items:
                numbers.append(next(self._numbers))
                self._await(numbers[0])
                yield numbers[-1], item

        def work(numbered_item: tuple[int, T]) -> R:
            number, item = numbered_item
            before = _ticket.set(_Ticket(self, number))
            try:
                return function(item)
            finally:
                _ticket.reset(before)

        try:
            for result in map_in_order(executor, work, numbered(), ahead=ahead):
                yield result
                self._release(numbers.pop(0))
                if numbers:
                    self._await(numbers[0])
        finally:
            self._abandon(numbers)

    def grow(self, number: int, size: int, until: float) -> None:
        """Counts `size` more bytes for an item. Waits while other items hold too many, but no longer than `until`, by
        `time.monotonic()`.
        """
        with self._changed:
            self._wait(lambda: self._has_turn(number) or sum(self._held.values()) + size <= self.most, until)
            if number in self._abandoned:
                return
            self._held[number] = self._held.get(number, 0) + size
            self.largest = max(self.largest, sum(self._held.values()))

    def held(self, number: int) -> int:
        """The bytes of an item's answers so far."""
        with self._changed:
            return self._held.get(number, 0)

    def give_back(self, number: int, size: int) -> None:
        """Sets an item's count back to `size`: the rest belonged to an answer that failed."""
        with self._changed:
            if number in self._held:
                self._held[number] = size
            self._changed.notify_all()

    def wait_for_turn(self, number: int, until: float) -> None:
        """Wait until this item is needed next, but no longer than `until`."""
        with self._changed:
            self._wait(lambda: self._has_turn(number), until)

    def _wait(self, may_go_on: Callable[[], bool], until: float) -> None:
        while not may_go_on() and (seconds_left := until - time.monotonic()) > 0:
            self._changed.wait(seconds_left)

    def _has_turn(self, number: int) -> bool:
        return number in self._awaited or number in self._abandoned

    def _await(self, number: int) -> None:
        with self._changed:
            self._awaited.add(number)
            self._changed.notify_all()

    def _release(self, number: int) -> None:
        with self._changed:
            self._held.pop(number, None)
            self._awaited.discard(number)
            self._changed.notify_all()

    def _abandon(self, numbers: Iterable[int]) -> None:
        """The results of these items will not be used, so no thread may go on waiting for the turn of one of them."""
        with self._changed:
            for number in numbers:
                self._abandoned.add(number)
                self._held.pop(number, None)
                self._awaited.discard(number)
            self._changed.notify_all()


@contextmanager
def attempt() -> Iterator[None]:
    """Wraps one try of a request: if it fails, the bytes of its answer no longer count."""
    ticket = _ticket.get()
    before = ticket.flight.held(ticket.number) if ticket else 0
    try:
        yield
    except BaseException:
        if ticket:
            ticket.flight.give_back(ticket.number, before)
        raise


@contextmanager
def uncounted() -> Iterator[None]:
    """Within the block, nothing is counted and nothing waits: other threads need what this one is about to read."""
    before = _ticket.set(None)
    try:
        yield
    finally:
        _ticket.reset(before)


def hold(size: int, until: float) -> None:
    """Counts `size` more bytes for the item that this thread works on; waits as `InFlight.grow` does."""
    ticket = _ticket.get()
    if ticket:
        ticket.flight.grow(ticket.number, size, until)


def hold_parsed(body: bytes) -> None:
    """Counts the bytes that a body will take once it is parsed."""
    hold(limits.TIMES_PARSED * len(body), time.monotonic() + limits.LONGEST_EXCHANGE)


def wait_for_turn(until: float) -> None:
    """Wait until the item of this thread is needed next."""
    ticket = _ticket.get()
    if ticket:
        ticket.flight.wait_for_turn(ticket.number, until)
