"""The retry policy, without a network."""

from __future__ import annotations

import math

import pytest

from genesys_assets.automation import jobs
from genesys_assets.cloud import errors
from genesys_assets.cloud.errors import GenesysCloudError, RateLimited, ServerTrouble
from genesys_assets.cloud.http import limits, retry
from genesys_assets.cloud.http.retry import (
    POLICY,
    Jitter,
    call_with_retries,
    failure_kind,
    full_jitter,
    may_have_happened,
)


def trouble(status: int, retry_after: float | None = None) -> ServerTrouble:
    error = ServerTrouble("trouble", status=status)
    error.retry_after = retry_after
    return error


def limited(retry_after: float | None) -> RateLimited:
    error = RateLimited("limited", status=429)
    error.retry_after = retry_after
    return error


class Attempts:
    """Fails with each error in turn, then succeeds; records the waits between."""

    def __init__(self, *failures: GenesysCloudError) -> None:
        self.failures = list(failures)
        self.made = 0
        self.waits: list[float] = []

    def clock(self) -> float:
        return sum(self.waits)

    def __call__(self) -> str:
        self.made += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"

    def run(
        self, *, repeatable: bool = True, jitter: Jitter = lambda ceiling: ceiling, gives_up_at: float = math.inf
    ) -> str:
        return call_with_retries(
            self,
            repeatable=repeatable,
            clock=self.clock,
            gives_up_at=gives_up_at,
            sleep=self.waits.append,
            jitter=jitter,
        )


@pytest.mark.parametrize(
    ("failure", "tries"),
    [
        (trouble(408), 6),
        (trouble(500), 4),
        (trouble(502), 9),
        (trouble(504), 4),
        (errors.Unreachable("x"), 6),
        (errors.BrokenAnswer("x", status=200), 5),
    ],
)
def test_a_failure_that_persists_is_raised_after_its_tries(failure: GenesysCloudError, tries: int) -> None:
    attempts = Attempts(*[failure] * 50)
    with pytest.raises(type(failure)) as raised:
        attempts.run()
    assert raised.value is failure
    assert attempts.made == tries


@pytest.mark.parametrize(
    "failure",
    [
        errors.BadRequest("x", status=400),
        errors.Unauthorized("x", status=401),
        errors.MissingPermission("x", status=403),
        errors.NotFound("x", status=404),
        errors.TooLarge("x", status=413),
        errors.WrongClientId("x", status=400),
        errors.WrongClientSecret("x", status=401),
        errors.UnexpectedAnswer("x"),
        errors.InvalidQuery("x"),
        errors.CircuitOpen("x", status=503),
        errors.GenesysCloudError("x", status=409),
        ServerTrouble("x", status=501),
    ],
)
def test_what_would_fail_again_is_not_tried_again(failure: GenesysCloudError) -> None:
    attempts = Attempts(failure)
    with pytest.raises(type(failure)):
        attempts.run()
    assert attempts.made == 1
    assert attempts.waits == []


def test_one_line_of_the_policy_lets_a_status_be_tried_again_that_was_final(monkeypatch: pytest.MonkeyPatch) -> None:
    too_early = errors.GenesysCloudError("x", status=425)
    assert failure_kind(too_early) is None

    monkeypatch.setattr(retry, "POLICY", {**POLICY, 425: retry.RetryRule(2, 300, retry.backoff)})
    attempts = Attempts(*[too_early] * 2)
    assert attempts.run() == "done"
    assert attempts.made == 3


def test_the_wait_doubles_up_to_half_a_minute() -> None:
    attempts = Attempts(*[trouble(503)] * 7)
    assert attempts.run() == "done"
    assert attempts.waits == [1, 2, 4, 8, 16, 30, 30]


def test_the_wait_asked_for_comes_before_the_backoff() -> None:
    attempts = Attempts(trouble(503, 7.0), trouble(502, 900.0), trouble(503, 0.0))
    attempts.run()
    assert attempts.waits == [7.0, 180.0, 2.0]


@pytest.mark.parametrize("told", [None, 0.0, 0.1])
def test_no_failure_is_answered_at_once(told: float | None) -> None:
    attempts = Attempts(trouble(503, told), trouble(503, told), trouble(502, told))
    attempts.run(jitter=lambda ceiling: 0.0)
    assert attempts.waits == [0.5, 1.0, 0.5]


@pytest.mark.parametrize("drawn", [0.0, 0.5, 1.0])
def test_a_gateway_is_given_its_minute_however_the_waits_are_drawn(drawn: float) -> None:
    attempts = Attempts(*[trouble(502)] * 50)
    with pytest.raises(ServerTrouble):
        attempts.run(jitter=lambda ceiling: drawn * ceiling)
    assert 60 <= attempts.clock() <= 300


@pytest.mark.parametrize(
    "failure",
    [
        limited(None),
        limited(0.0),
        limited(30.0),
        limited(170.0),
        trouble(503),
        trouble(503, 170.0),
        trouble(500, 170.0),
    ],
)
def test_no_kind_of_failure_is_repeated_for_longer_than_its_budget(failure: GenesysCloudError) -> None:
    attempts = Attempts(*[failure] * 5000)
    with pytest.raises(type(failure)) as raised:
        attempts.run()
    assert raised.value is failure
    kind = failure_kind(failure)
    assert kind is not None
    assert attempts.clock() <= POLICY[kind].seconds


@pytest.mark.parametrize("failure", [limited(30.0), trouble(502), trouble(503), errors.Unreachable("x")])
def test_no_wait_ends_after_the_run_has_to(failure: GenesysCloudError) -> None:
    attempts = Attempts(*[failure] * 50)
    with pytest.raises(type(failure)):
        attempts.run(gives_up_at=20.0)
    assert attempts.clock() <= 20


def test_every_budget_is_shorter_than_the_shortest_job() -> None:
    shortest = min(float((job.tags or {})["dagster/max_runtime"]) for job in jobs.build_jobs())
    assert max(clause.seconds for clause in POLICY.values()) + limits.LONGEST_EXCHANGE < shortest


def test_a_rate_limit_is_waited_for_as_long_as_retry_after_says() -> None:
    attempts = Attempts(limited(12.0), limited(180.0))
    assert attempts.run() == "done"
    assert attempts.waits == [13.0, 181.0]


def test_a_rate_limit_without_retry_after_is_waited_for_longer_and_longer() -> None:
    attempts = Attempts(*[limited(None)] * 4)
    attempts.run()
    assert attempts.waits == [2, 3, 5, 9]


def test_a_wait_above_three_minutes_is_left_to_the_caller() -> None:
    failure = limited(180.5)
    with pytest.raises(RateLimited):
        Attempts(failure).run()
    assert failure_kind(failure) is None


def test_each_kind_of_failure_is_counted_for_itself() -> None:
    attempts = Attempts(*[trouble(500)] * 3, *[limited(1.0)] * 20, *[trouble(504)] * 3)
    assert attempts.run() == "done"


def test_other_exceptions_pass_through() -> None:
    def fail() -> None:
        raise KeyError("a defect of ours")

    with pytest.raises(KeyError):
        call_with_retries(fail, sleep=lambda seconds: None)


def test_a_wait_can_be_capped_and_is_announced() -> None:
    heard: list[float] = []
    attempts = Attempts(trouble(503, 100.0))
    call_with_retries(
        attempts,
        sleep=attempts.waits.append,
        longest_wait=lambda error: 5.0,
        on_retry=lambda error, wait: heard.append(wait),
    )
    assert attempts.waits == heard == [5.0]


def test_jitter_is_full() -> None:
    drawn = [full_jitter(10.0) for _ in range(500)]
    assert min(drawn) >= 0
    assert max(drawn) <= 10
    assert max(drawn) - min(drawn) > 5


def test_these_statuses_and_no_others_are_retried() -> None:
    assert {status for status in POLICY if isinstance(status, int)} == {408, 429, 500, 502, 503, 504}


def not_even_connected() -> errors.Unreachable:
    error = errors.Unreachable("x")
    error.may_have_arrived = False
    return error


@pytest.mark.parametrize(
    "failure",
    [
        trouble(408),
        trouble(500),
        trouble(502),
        trouble(504),
        errors.Unreachable("x"),
        errors.BrokenAnswer("x"),
        errors.UnexpectedAnswer("x", status=200),
    ],
)
def test_what_must_not_happen_twice_is_not_tried_again_if_it_may_have_happened(failure: GenesysCloudError) -> None:
    attempts = Attempts(failure)
    with pytest.raises(type(failure)):
        attempts.run(repeatable=False)
    assert attempts.made == 1
    assert may_have_happened(failure)


@pytest.mark.parametrize("failure", [limited(30.0), limited(None), trouble(503), not_even_connected()])
def test_what_must_not_happen_twice_is_tried_again_if_it_surely_did_not_happen(failure: GenesysCloudError) -> None:
    attempts = Attempts(failure, failure)
    assert attempts.run(repeatable=False) == "done"
    assert not may_have_happened(failure)


@pytest.mark.parametrize(
    "failure",
    [
        errors.BadRequest("x", status=400),
        errors.MissingPermission("x", status=403),
        errors.CircuitOpen("x", status=503),
        errors.InvalidQuery("x"),
        errors.UnexpectedAnswer("x", status=302),
        limited(4000.0),
    ],
)
def test_what_was_refused_did_not_happen(failure: GenesysCloudError) -> None:
    assert not may_have_happened(failure)
