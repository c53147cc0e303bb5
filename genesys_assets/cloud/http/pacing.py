"""Keeps the rate of requests just below what the API allows, by the API's own count.

This module decides when a request may be sent; `retry` decides what happens after a refusal.

The API counts requests per token in windows of about a minute. Headers of every answer give the count, the allowed
number and the seconds until the window ends. Other processes, here or on other machines, may share the limit. They
learn of each other only through that count, so each process leaves room for what the others may have sent since.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping

from genesys_assets.cloud.http.parsing import whole_number

WINDOW_SECONDS = 60.0
"""The platform counts requests by the minute. Source: client.credentials.token.rate.per.minute in
https://developer.genesys.cloud/organization/organization/limits#platform-api.
"""
REQUESTS_PER_NEWCOMER = 50
NEWCOMERS_AT_LEAST = 2
NEWCOMERS_AT_MOST_ONE_IN = 10
"""A process that starts mid-window sends one request to learn the count. Of every 50 allowed requests, 1 is kept free
for such newcomers. A budget of less than 100 keeps 2 free, but at most a tenth of it.
"""
CAUTION = 3
"""While one of our requests is under way, other processes may get answers and ask again. So each of ours that is under
way counts three times.
"""
SHARED_SECONDS = 40.0
"""If other processes use the same limit, requests are spread over these seconds of a window. So the window is not used
up before all processes have begun.
"""
OTHERS_AT_FIRST, PRIOR_REQUESTS = 3.0, 4
"""Until a window shows how many requests others send for each of ours, the ratio of the window before is assumed, but
at most three. This assumption weighs as much as four requests.
"""
SAME_WINDOW_SECONDS = 5.0
"""Ends of windows that are this close together are the same end: the API gives whole seconds, and answers take time."""
AFTER_THE_NEXT_ANSWER = math.inf


class Budget:
    """The arithmetic of the rate limit: no clock, no threads. All times are seconds on one clock."""

    def __init__(self, requests_per_minute: int) -> None:
        if requests_per_minute < 1:
            raise ValueError(f"{requests_per_minute} requests a minute are too few: at least 1 is needed.")
        self._ceiling = requests_per_minute
        self._allowed = requests_per_minute
        self._window_end: float | None = None
        self._end_is_known = False  # whether the API said when the window ends
        self._scouting = False
        self._in_flight = 0
        self._sent = 0  # ours in this window, at most
        self._count = 0  # everybody's in this window, at least; ours are surely among them once they are answered
        self._count_at_first = 0
        self._answered = 0
        self._others = self._others_before = 0  # others' in this window and in the one before, at least
        self._others_per_own = self._others_per_own_before = 0.0
        self._next_at = 0.0
        self._not_before = 0.0

    def take(self, now: float) -> float:
        """Zero if a request may go out now; then it is counted. Otherwise the seconds after which to ask again.

        AFTER_THE_NEXT_ANSWER if only the next answer can tell. If no other request is under way, the first request of a
        window is sent alone: its answer says whether the window is new and how much of it is left.
        """
        if now < self._not_before:
            return self._not_before - now
        if self._scouting:
            return AFTER_THE_NEXT_ANSWER
        if self._window_end is None or (now >= self._window_end and not self._in_flight):
            self._scouting = True
        elif not self._fits():
            return AFTER_THE_NEXT_ANSWER if self._in_flight else self._window_end - now
        elif now < self._next_at:
            return self._next_at - now
        self._in_flight += 1
        self._sent += 1
        if self._others or self._others_before:
            self._next_at = now + SHARED_SECONDS / min(self._ceiling, self._allowed)
        return 0.0

    def learn(self, headers: Mapping[str, str], now: float, sent_at: float | None = None) -> None:
        """Learns the budget from the answer to a request sent at `sent_at`; headers are empty if there was no answer.
        Call it exactly once for each request that was taken.
        """
        count = _whole(headers.get("inin-ratelimit-count"))
        allowed = _whole(headers.get("inin-ratelimit-allowed"))
        reset = _whole(headers.get("inin-ratelimit-reset"))
        self._scouting = False
        self._in_flight -= 1
        if allowed:
            self._allowed = allowed
        if count is not None and reset is not None:
            self._learn_count(count, reset, now, now if sent_at is None else sent_at)
        elif self._window_end is None or now >= self._window_end:
            self._begin(1, now + WINDOW_SECONDS, end_is_known=False)
        else:
            self._count += 1

    def hold(self, until: float) -> None:
        """Sends nothing before this time: the API refused a request and asked to wait."""
        self._not_before = max(self._not_before, until)

    def _fits(self) -> bool:
        """Whether there is room for one more request, allowing for those sent since the newest known count."""
        if not self._end_is_known:
            return max(self._sent, self._count + self._in_flight) < min(self._ceiling, self._allowed)
        unknown = (1 + self._others_per_own) * (1 + CAUTION * self._in_flight)
        at_least = min(NEWCOMERS_AT_LEAST, self._allowed // NEWCOMERS_AT_MOST_ONE_IN)
        spared = max(at_least, self._allowed // REQUESTS_PER_NEWCOMER)
        return self._sent < self._ceiling and self._count + unknown + spared <= self._allowed

    def _learn_count(self, count: int, reset: int, now: float, sent_at: float) -> None:
        # The seconds are rounded down, so 0 means that the window still lasts. A window lasts about a minute, even if a
        # header says otherwise.
        reset = min(reset, int(2 * WINDOW_SECONDS))
        window_end = now + max(1, reset)
        known_end = self._window_end if self._end_is_known else None
        if known_end is None or sent_at + reset > known_end + SAME_WINDOW_SECONDS:
            self._begin(count, window_end, end_is_known=True)
        elif window_end >= known_end - SAME_WINDOW_SECONDS:
            self._window_end = window_end if now >= known_end else min(known_end, window_end)
            self._answered += 1
            self._count = max(self._count, count)
            self._estimate_others()
        # Otherwise it is a late answer from the window before, which says nothing about this one.

    def _begin(self, count: int, window_end: float, *, end_is_known: bool) -> None:
        others_per_own = self._others_per_own if self._end_is_known else max(0, count - 1)
        self._others_per_own = self._others_per_own_before = min(others_per_own, OTHERS_AT_FIRST)
        self._window_end, self._end_is_known = window_end, end_is_known
        self._answered, self._sent = 1, 1 + self._in_flight
        self._count = self._count_at_first = count
        self._others_before, self._others = self._others, max(0, count - self._sent)

    def _estimate_others(self) -> None:
        """Estimates the least number of others' requests, and how many they send for each of ours."""
        self._others = max(self._others, self._count - self._sent)
        own_answers = self._answered - 1
        others = max(0, self._count - self._count_at_first - own_answers)
        before = PRIOR_REQUESTS * self._others_per_own_before
        self._others_per_own = (others + before) / (own_answers + PRIOR_REQUESTS)


class Pacer:
    """One budget, shared by threads: `acquire()` before every request, and `observe(…)` once for each.

    `observe` needs only the headers of an answer. Its body may have to wait for other requests.
    """

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

    def observe(self, headers: Mapping[str, str], sent_at: float | None = None) -> None:
        """Passes on the answer to a request sent at `sent_at`; headers are empty if there was no answer."""
        with self._answered:
            self._budget.learn(headers, self._clock(), sent_at)
            self._answered.notify_all()

    def hold(self, seconds: float) -> None:
        """Sends nothing for these seconds."""
        with self._answered:
            self._budget.hold(self._clock() + seconds)

    def _take(self) -> float:
        with self._answered:
            while (delay := self._budget.take(self._clock())) == AFTER_THE_NEXT_ANSWER:
                self._answered.wait()
            return delay


def _whole(value: str | None) -> int | None:
    number = whole_number(value)
    return None if number is None else max(0, number)
