"""Which failures are retried, how often, and after how long a wait.

The table `POLICY` is the whole policy for requests that read: repeating them is always safe. A request that must not
happen twice is repeated by the same table, but only after failures that prove it did not happen (`may_have_happened`).
`answers` and `exchange` make the errors; `circuit` gives up for minutes after a long outage.
"""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from genesys_assets.cloud.errors import (
    BrokenAnswer,
    CircuitOpen,
    GenesysCloudError,
    RateLimited,
    ServerTrouble,
    UnexpectedAnswer,
    Unreachable,
)

T = TypeVar("T")
Jitter = Callable[[float], float]
Wait = Callable[[GenesysCloudError, int, Jitter], float]

LONGEST_REQUESTED_WAIT = 180.0
"""Seconds. If the platform asks for a longer wait, the request is not retried. Source: the platform's own SDKs, see
https://developer.genesys.cloud/platform/api/rate-limits#retrying-429-responses.
"""
FIRST_BACKOFF = 1.0
LONGEST_BACKOFF = 30.0
NO_ANSWER = "no answer"
BROKEN_BODY = "broken body"
WITHOUT_LIMIT = 1000
"""Retries that are limited by their seconds alone."""


def full_jitter(ceiling: float) -> float:
    """A random number from 0 to the ceiling."""
    return random.uniform(0.0, ceiling)


def backoff(error: GenesysCloudError, tries: int, jitter: Jitter) -> float:
    """Seconds before the next try: an exponential wait, or the platform's if that is longer. Half of the exponential
    wait is random, so that threads that failed together do not retry together.
    """
    requested = min(float(getattr(error, "retry_after", None) or 0.0), LONGEST_REQUESTED_WAIT)
    half = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(tries - 1, 10)) / 2
    return max(requested, half + jitter(half))


def after_requested_wait(error: GenesysCloudError, tries: int, jitter: Jitter) -> float:
    """Seconds before the next try: the wait that the platform asked for plus up to a second, because its seconds are
    rounded, but at least the backoff. If it asked for none, the backoff plus a second.
    """
    requested = getattr(error, "retry_after", None)
    if requested is not None:
        return max(float(requested) + jitter(1.0), backoff(error, tries, jitter))
    return 1.0 + backoff(error, tries, jitter)


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How one kind of failure is retried: at most `retries` times, and for at most `seconds` since the first failure of
    this kind, whichever limit is reached first. `wait` computes the wait before the next try.
    """

    retries: int
    seconds: float
    wait: Wait


POLICY: Mapping[int | str, RetryRule] = {
    # The request is valid but too early: waiting as long as the platform says helps. If the limit is still used up
    # after ten minutes, another process uses it, and the caller should retry later. (A wait above 180 s is final at
    # once: see `failure_kind`.)
    429: RetryRule(WITHOUT_LIMIT, 600, after_requested_wait),
    # The platform did not get the request in time; the next attempt usually gets through. Each takes up to a minute.
    408: RetryRule(5, 600, backoff),
    # Either a temporary fault or one that this query causes: three retries show which.
    500: RetryRule(3, 300, backoff),
    # A gateway during a deployment. It is over within a minute; eight waits take longer, even at their shortest.
    502: RetryRule(8, 300, backoff),
    # Overload or maintenance. In addition, the circuit opens after 5 minutes of 503, counted over all threads.
    503: RetryRule(WITHOUT_LIMIT, 600, backoff),
    # The query may be too heavy to answer in time. Callers then ask for less, so they should learn it soon.
    504: RetryRule(3, 600, backoff),
    # A short network failure, or a wrong URL. More retries would only delay the message.
    NO_ANSWER: RetryRule(5, 300, backoff),
    # The answer was cut short, or is a gateway's HTML instead of the API's JSON.
    BROKEN_BODY: RetryRule(4, 300, backoff),
    # All else is final, since the same request gets the same answer: 400, 403, 404, 413, and 401 after the token was
    # renewed once.
}


def failure_kind(error: BaseException) -> int | str | None:
    """The key of the rule in `POLICY` for an error; None if the error is final."""
    match error:
        case CircuitOpen():
            return None
        case RateLimited(retry_after=requested) if requested is not None and requested > LONGEST_REQUESTED_WAIT:
            return None
        case RateLimited():
            return 429
        case GenesysCloudError(status=int(status)) if status in POLICY:
            return status
        case Unreachable():
            return NO_ANSWER
        case BrokenAnswer():
            return BROKEN_BODY
        case _:
            return None


def may_have_happened(error: BaseException) -> bool:
    """Whether a failed request may have had its effect, because the answer was lost or does not say."""
    match error:
        case CircuitOpen():
            # This very request, sent as the probe, may have opened the circuit again.
            return error.__context__ is not None and may_have_happened(error.__context__)
        case Unreachable(may_have_arrived=arrived):
            return arrived
        case ServerTrouble(status=status):
            # 503 is a refusal: overloaded or in maintenance, the platform did not begin.
            return status != 503
        case BrokenAnswer():
            return True
        case UnexpectedAnswer(status=int(status)):
            # A success that does not hold what it should.
            return 200 <= status < 300
        case _:
            return False


def call_with_retries(
    attempt: Callable[[], T],
    *,
    repeatable: bool = True,
    clock: Callable[[], float] = time.monotonic,
    gives_up_at: float = math.inf,
    sleep: Callable[[float], None],
    jitter: Jitter = full_jitter,
    longest_wait: Callable[[GenesysCloudError], float] = lambda error: float("inf"),
    on_retry: Callable[[GenesysCloudError, float], None] = lambda error, wait: None,
) -> T:
    """The result of `attempt`, which is retried by `POLICY`. Raises its last error unchanged.

    An attempt that is not `repeatable` is retried only if the failed one cannot have had an effect. No wait ends after
    `gives_up_at`, by `clock`. `longest_wait` caps a wait (the circuit's patience). `on_retry(error, wait)` is called
    before the wait of every retry.
    """
    failures: Counter[int | str] = Counter()
    first: dict[int | str, float] = {}

    def worth_it(error: BaseException) -> bool:
        return failure_kind(error) is not None and (repeatable or not may_have_happened(error))

    def count(state: tenacity.RetryCallState) -> None:
        failures[_kind(state)] += 1
        first.setdefault(_kind(state), clock())

    def exhausted(state: tenacity.RetryCallState) -> bool:
        kind = _kind(state)
        rule, back_at = POLICY[kind], clock() + state.upcoming_sleep
        return failures[kind] > rule.retries or back_at > min(first[kind] + rule.seconds, gives_up_at)

    def wait(state: tenacity.RetryCallState) -> float:
        error = _error(state)
        return min(POLICY[_kind(state)].wait(error, failures[_kind(state)], jitter), longest_wait(error))

    def announce(state: tenacity.RetryCallState) -> None:
        on_retry(_error(state), state.upcoming_sleep)

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(worth_it),
        after=count,
        stop=exhausted,
        wait=wait,
        before_sleep=announce,
        sleep=sleep,
        reraise=True,
    )(attempt)


def _error(state: tenacity.RetryCallState) -> GenesysCloudError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, GenesysCloudError)
    return error


def _kind(state: tenacity.RetryCallState) -> int | str:
    kind = failure_kind(_error(state))
    assert kind is not None
    return kind
