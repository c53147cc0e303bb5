"""Keeps the rate of requests just below what the API allows, by the API's own count.

Here is decided when a request may go out. What to do after a refusal belongs to `retry`.

The API counts requests per token in windows of about a minute and tells, with every answer, the count, the
allowed number and the seconds until the window ends. Others may use the same budget, so its count is trusted
over ours.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping

WINDOW_SECONDS = 60.0
# Up to here requests go out as they come; the rest of the budget is spread over the rest of the window, so
# that each of those requests knows the count of the one before and several processes share the end of a
# budget without refusals.
UNHURRIED_SHARE = 0.9
# The API's seconds are whole; window ends that lie this close are one and the same.
SAME_WINDOW_SECONDS = 5.0
AFTER_THE_NEXT_ANSWER = math.inf


class Budget:
    """The arithmetic of the rate limit: no clock, no threads. All times are seconds on one clock."""

    def __init__(self, requests_per_minute: int) -> None:
        if requests_per_minute < 1:
            raise ValueError(f"{requests_per_minute} requests a minute are too few: at least 1 is needed.")
        self._ceiling = requests_per_minute
        self._allowed = requests_per_minute
        self._window_end: float | None = None
        self._end_is_guessed = True
        self._scouting = False
        self._sent = 0
        self._counted = 0
        self._not_before = 0.0

    def take(self, now: float) -> float:
        """Zero if a request may go out now, and then it is taken; else the seconds after which to ask again.

        AFTER_THE_NEXT_ANSWER where only the next answer can tell: the first request of a window goes alone,
        since its answer says whether the window is new and what is left of it.
        """
        if self._window_end is not None and now >= self._window_end:
            self._window_end, self._end_is_guessed = None, True
            self._sent = self._counted = 0
        if now < self._not_before:
            return self._not_before - now
        if self._window_end is None:
            if self._scouting:
                return AFTER_THE_NEXT_ANSWER
            self._scouting = True
        elif self._left() <= 0:
            return self._window_end - now
        self._sent += 1
        self._counted += 1
        self._keep_distance(now)
        return 0.0

    def learn(self, headers: Mapping[str, str], now: float) -> None:
        """What an answer says of the budget; empty headers where there was no answer."""
        count = _whole(headers.get("inin-ratelimit-count"))
        allowed = _whole(headers.get("inin-ratelimit-allowed"))
        reset = _whole(headers.get("inin-ratelimit-reset"))
        self._scouting = False
        if allowed:
            self._allowed = allowed
        if count is not None and reset is not None:
            self._learn_count(count, now + reset, now)
        elif self._window_end is None:
            self._window_end = now + WINDOW_SECONDS

    def hold(self, until: float) -> None:
        """Nothing goes out before: the API refused a request and said when to come back."""
        self._not_before = max(self._not_before, until)

    def _left(self) -> int:
        return min(self._ceiling - self._sent, self._allowed - self._counted)

    def _keep_distance(self, now: float) -> None:
        """Near the end of the budget, the next request waits its share of what remains of the window."""
        left = self._left()
        unhurried = left > (1 - UNHURRIED_SHARE) * min(self._ceiling, self._allowed)
        if self._window_end is not None and left > 0 and not unhurried:
            self.hold(now + (self._window_end - now) / (left + 1))

    def _learn_count(self, count: int, window_end: float, now: float) -> None:
        known = None if self._end_is_guessed else self._window_end
        if known is not None and abs(window_end - known) <= SAME_WINDOW_SECONDS:
            self._window_end = max(known, window_end)
            self._counted = max(self._counted, count)
        elif known is None or window_end > min(known, now + SAME_WINDOW_SECONDS):
            self._window_end, self._end_is_guessed = window_end, False
            self._counted = count
            self._sent = min(self._sent, count)
        # Else it is a late answer from the window before: it says nothing of this one.


class Pacer:
    """One budget, shared by threads: `acquire()` before every request, `observe(headers)` after each."""

    def __init__(self, requests_per_minute: int, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._budget = Budget(requests_per_minute)
        self._clock = clock
        self._sleep = sleep
        self._answered = threading.Condition()

    def acquire(self) -> float:
        """Waits until a request may go out; returns the seconds slept for that."""
        waited = 0.0
        while (delay := self._take()) > 0:
            self._sleep(delay)
            waited += delay
        return waited

    def observe(self, headers: Mapping[str, str]) -> None:
        """What the answer said of the budget; empty headers where there was no answer."""
        with self._answered:
            self._budget.learn(headers, self._clock())
            self._answered.notify_all()

    def hold(self, seconds: float) -> None:
        """Nothing goes out for so long."""
        with self._answered:
            self._budget.hold(self._clock() + seconds)

    def _take(self) -> float:
        with self._answered:
            while (delay := self._budget.take(self._clock())) == AFTER_THE_NEXT_ANSWER:
                self._answered.wait()
            return delay


def _whole(value: str | None) -> int | None:
    try:
        return max(0, int(value)) if value else None
    except ValueError:
        return None
