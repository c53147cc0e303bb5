"""`track_requests` around calls of the API: if the platform cannot answer now, the run asks later, within its time."""

from __future__ import annotations

import math

import dagster as dg
import pytest

from genesys_assets.assets.common import track_requests
from genesys_assets.cloud import errors
from genesys_assets.cloud.http.regions import Hosts
from genesys_assets.cloud.http.transport import GenesysCloud


def limited(retry_after: float | None) -> errors.RateLimited:
    error = errors.RateLimited("The rate limit is used up.", status=429)
    error.retry_after = retry_after
    return error


def closed(seconds: float) -> errors.CircuitOpen:
    error = errors.CircuitOpen("Genesys Cloud has been unavailable for minutes.", status=503)
    error.retry_in = seconds
    return error


def raised(error: errors.GenesysCloudError, longest_life: float = math.inf) -> BaseException:
    here = "http://127.0.0.1:9"
    with (
        GenesysCloud(Hosts(here, here), "id", "secret", longest_life=longest_life) as cloud,
        pytest.raises((errors.GenesysCloudError, dg.RetryRequested)) as caught,
        track_requests(cloud),
    ):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(limited(None), 60), (limited(0.0), 60), (limited(90.0), 90), (limited(180.0), 180), (closed(120.0), 120)],
)
def test_a_platform_that_cannot_be_asked_now_is_asked_later(error: errors.GenesysCloudError, seconds: float) -> None:
    asked_for = raised(error)
    assert isinstance(asked_for, dg.RetryRequested)
    assert (asked_for.seconds_to_wait, asked_for.max_retries) == (seconds, 3)
    assert asked_for.__cause__ is error


@pytest.mark.parametrize("error", [limited(7200.0), errors.NotFound("x", status=404)])
def test_what_a_wait_of_minutes_does_not_end_is_an_error(error: errors.GenesysCloudError) -> None:
    assert raised(error) is error


@pytest.mark.parametrize("error", [limited(None), limited(90.0), closed(120.0)])
def test_no_run_waits_for_what_comes_after_its_end(error: errors.GenesysCloudError) -> None:
    assert raised(error, longest_life=50.0) is error
