"""Which failures are worth another try, how often, and after how long a wait.

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
    Unreachable,
)

T = TypeVar("T")
Jitter = Callable[[float], float]
Wait = Callable[[GenesysCloudError, int, Jitter], float]

LONGEST_TOLD_WAIT = 180.0
FIRST_BACKOFF = 1.0
LONGEST_BACKOFF = 30.0
NO_CONNECTION = "no connection"
BROKEN_BODY = "broken body"
PRACTICALLY_FOR_EVER = 1000


def full_jitter(ceiling: float) -> float:
    """A random number from 0 to the ceiling."""
    return random.uniform(0.0, ceiling)


def backoff(error: GenesysCloudError, tries: int, jitter: Jitter) -> float:
    """An exponential wait, or the platform's if that is longer. Half of it is random, so that threads that failed
    together do not retry together, and none retries at once.
    """
    told = min(float(getattr(error, "retry_after", None) or 0.0), LONGEST_TOLD_WAIT)
    half = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(tries - 1, 10)) / 2
    return max(told, half + jitter(half))


def after_requested_wait(error: GenesysCloudError, tries: int, jitter: Jitter) -> float:
    """The platform's wait plus up to a second, because its seconds are rounded, but at least the backoff. Without a
    wait of the platform: backoff plus a second.
    """
    told = getattr(error, "retry_after", None)
    if told is not None:
        return max(float(told) + jitter(1.0), backoff(error, tries, jitter))
    return 1.0 + backoff(error, tries, jitter)


@dataclass(frozen=True, slots=True)
class Clause:
    """How often a failure is answered by another try, for how many seconds since the first failure of its kind, and the
    wait before the next try. Whichever ends first ends it.
    """

    retries: int
    seconds: float
    wait: Wait


POLICY: Mapping[int | str, Clause] = {
    # The request is right, but too early: waiting as the platform says helps. If the limit of a minute is still used up
    # after ten, somebody else uses it, and the caller should try again later. (A wait above 180 s is final at once: see
    # `kind_of`.)
    429: Clause(PRACTICALLY_FOR_EVER, 600, after_requested_wait),
    # The platform did not get the request in time; the next attempt usually gets through. Each takes up to a minute.
    408: Clause(5, 600, backoff),
    # Perhaps a passing fault, perhaps one that this query causes: three tries show it.
    500: Clause(3, 300, backoff),
    # A gateway between two deployments; over within a minute, which eight waits outlast however they are drawn.
    502: Clause(8, 300, backoff),
    # Overload or maintenance. Timed over all threads together as well: the circuit opens after 5 minutes.
    503: Clause(PRACTICALLY_FOR_EVER, 600, backoff),
    # Perhaps the query is too heavy to answer in time. Callers then ask for less, so they learn it soon.
    504: Clause(3, 600, backoff),
    # A short failure of the network, or a wrong URL. More tries would only delay the message.
    NO_CONNECTION: Clause(5, 300, backoff),
    # Cut off under way, or a gateway's HTML in place of the API's JSON.
    BROKEN_BODY: Clause(4, 300, backoff),
    # All else is final, since the same request gets the same answer: 400, 403, 404, 413, and 401 after its
    # one refresh.
}


def kind_of(error: BaseException) -> int | str | None:
    """The clause of the policy an error falls under; None if it is final."""
    match error:
        case CircuitOpen():
            return None
        case RateLimited(retry_after=told) if told is not None and told > LONGEST_TOLD_WAIT:
            return None
        case RateLimited():
            return 429
        case GenesysCloudError(status=int(status)) if status in POLICY:
            return status
        case Unreachable():
            return NO_CONNECTION
        case BrokenAnswer():
            return BROKEN_BODY
        case _:
            return None


def may_have_happened(error: BaseException) -> bool:
    """Whether a failed request may have had its effect: its answer was lost, or says nothing about it."""
    match error:
        case CircuitOpen():
            # What made the circuit open again may be this very request, sent as its probe.
            return error.__context__ is not None and may_have_happened(error.__context__)
        case Unreachable(may_have_arrived=arrived):
            return arrived
        case ServerTrouble(status=status):
            # 503 is a refusal: overloaded or in maintenance, the platform did not begin.
            return status != 503
        case BrokenAnswer():
            return True
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
    """The result of `attempt`, which is tried again as the policy says. Raises its last error unchanged.

    If it is not `repeatable`, it is tried again only if it cannot have happened. No wait ends after `gives_up_at`, by
    `clock`. `longest_wait` caps a wait (the circuit's patience), `on_retry` is called for every retry before its wait.
    """
    failures: Counter[int | str] = Counter()
    first: dict[int | str, float] = {}

    def worth_it(error: BaseException) -> bool:
        return kind_of(error) is not None and (repeatable or not may_have_happened(error))

    def count(state: tenacity.RetryCallState) -> None:
        failures[_kind(state)] += 1
        first.setdefault(_kind(state), clock())

    def exhausted(state: tenacity.RetryCallState) -> bool:
        kind = _kind(state)
        clause, back_at = POLICY[kind], clock() + state.upcoming_sleep
        return failures[kind] > clause.retries or back_at > min(first[kind] + clause.seconds, gives_up_at)

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
    kind = kind_of(_error(state))
    assert kind is not None
    return kind
