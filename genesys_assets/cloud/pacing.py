"""Keeps the rate of requests just below what the API allows, by the API's own count.

Here is decided when a request may go out. What to do after a refusal belongs to `retry`.

The API counts requests per token in windows of about a minute and tells, with every answer, the count, the
allowed number and the seconds until the window ends. Others may use the same budget, so its count is trusted
over ours.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

WINDOW_SECONDS = 60.0
# Up to here requests go out as they come; the rest of the budget is spread over the rest of the window, so
# that each of those requests knows the count of the one before and several processes share the end of a
# budget without refusals.
UNHURRIED_SHARE = 0.9
# The API's seconds are whole; window ends that lie this close are one and the same.
SAME_WINDOW_SECONDS = 5.0


class Pacer:
    """`acquire()` before every request, `observe(headers)` after it, whatever became of it. Shared by
    threads.
    """

    def __init__(
        self, requests_per_minute: int, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        if requests_per_minute < 1:
            raise ValueError(f"{requests_per_minute} requests a minute: at least 1 is needed.")
        self._ceiling = requests_per_minute
        self._allowed = requests_per_minute
        self._clock = clock
        self._sleep = sleep
        self._changed = threading.Condition()
        self._window_end: float | None = None
        self._end_is_guessed = True
        self._scouting = False
        self._sent = 0
        self._counted = 0
        self._not_before = 0.0

    def acquire(self) -> float:
        """Waits until a request may go out; returns the seconds waited."""
        waited = 0.0
        while (delay := self._try()) > 0:
            self._sleep(delay)
            waited += delay
        return waited

    def observe(self, headers: Mapping[str, str]) -> None:
        """What the answer said of the budget; empty headers where there was no answer."""
        count = _whole(headers.get("inin-ratelimit-count"))
        allowed = _whole(headers.get("inin-ratelimit-allowed"))
        reset = _whole(headers.get("inin-ratelimit-reset"))
        with self._changed:
            now = self._clock()
            if allowed:
                self._allowed = allowed
            if count is not None and reset is not None:
                self._learn(count, now + reset, now)
            elif self._window_end is None:
                self._window_end, self._end_is_guessed = now + WINDOW_SECONDS, True
            self._scouting = False
            self._changed.notify_all()

    def hold(self, seconds: float) -> None:
        """Nothing goes out for so long: the API refused a request and said when to come back."""
        with self._changed:
            self._not_before = max(self._not_before, self._clock() + seconds)

    def _try(self) -> float:
        """Zero if the request may go out now, and then it is counted; else how long to wait before asking
        again.
        """
        with self._changed:
            now = self._clock()
            if self._window_end is not None and now >= self._window_end:
                self._window_end, self._sent, self._counted = None, 0, 0
            # The first request of a window goes alone: its answer tells whether the window is new, and what
            # is left of it.
            while self._window_end is None and self._scouting:
                self._changed.wait()
                now = self._clock()
            if now < self._not_before:
                return self._not_before - now
            if self._window_end is None:
                self._scouting = True
            elif self._left() <= 0:
                return max(self._window_end - now, 0.001)
            self._sent += 1
            self._counted += 1
            self._spread(now)
            return 0.0

    def _left(self) -> int:
        return min(self._ceiling - self._sent, self._allowed - self._counted)

    def _spread(self, now: float) -> None:
        """Near the end of the budget, the next request keeps its distance from this one."""
        left = self._left()
        unhurried = left > (1 - UNHURRIED_SHARE) * min(self._ceiling, self._allowed)
        if self._window_end is not None and left > 0 and not unhurried:
            self._not_before = max(self._not_before, now + (self._window_end - now) / (left + 1))

    def _learn(self, count: int, window_end: float, now: float) -> None:
        known = None if self._end_is_guessed else self._window_end
        if known is not None and abs(window_end - known) <= SAME_WINDOW_SECONDS:
            self._window_end = max(known, window_end)
            self._counted = max(self._counted, count)
        elif known is None or window_end > min(known, now + SAME_WINDOW_SECONDS):
            self._window_end, self._end_is_guessed = window_end, False
            self._counted = count
            self._sent = min(self._sent, count)
        # Else it is a late answer from the window before: it says nothing of this one.


def _whole(value: str | None) -> int | None:
    try:
        return max(0, int(value)) if value else None
    except ValueError:
        return None
