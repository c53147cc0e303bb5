"""The client repeats a POST that must not happen twice only if it certainly did not happen."""

from __future__ import annotations

import pytest

from genesys_assets.cloud import errors
from genesys_assets.cloud.http.retry import may_have_happened
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests.cloud.http.things import BROKEN, DONE, LIMIT, PATH, error_body
from genesys_assets_tests.cloud.platform import Clock, Platform, Reply, client, impatient
from genesys_assets_tests.patience import wait_for
from genesys_assets_tests.ports import refusing_port


@pytest.mark.parametrize("lost", [Reply(fault="reset"), Reply(500, {}), Reply(504, {}), *BROKEN])
def test_a_post_that_must_not_happen_twice_is_not_sent_again_if_it_may_have_happened(
    platform: Platform, cloud: GenesysCloud, lost: Reply
) -> None:
    platform.on(PATH, lost, DONE)
    with pytest.raises(errors.GenesysCloudError) as raised:
        cloud.post(PATH, {}, repeatable=False)
    assert len(platform.requests_to(PATH)) == 1
    assert may_have_happened(raised.value)


def test_a_post_that_must_not_happen_twice_is_sent_again_if_it_did_not_happen(
    platform: Platform, cloud: GenesysCloud
) -> None:
    expired = Reply(401, error_body("Invalid login credentials.", "bad.credentials"))
    platform.on(PATH, Reply(429, LIMIT), Reply(503, {}), expired, DONE)
    assert cloud.post(PATH, {}, repeatable=False).json() == {"done": True}
    assert len(platform.requests_to(PATH)) == 4


def test_a_post_that_reaches_nobody_did_not_happen(clock: Clock, platform: Platform) -> None:
    with (
        refusing_port() as port,
        client(platform, clock, api_url=f"http://127.0.0.1:{port}") as cloud,
        pytest.raises(errors.Unreachable) as raised,
    ):
        cloud.post(PATH, {}, repeatable=False)
    assert not may_have_happened(raised.value)
    assert cloud.usage.retries == 5


def test_a_post_whose_answer_never_comes_may_have_happened(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Reply(fault="silent"))
    with pytest.raises(errors.Unreachable) as raised:
        impatient(cloud).post(PATH, {}, repeatable=False)
    assert cloud.usage.requests == len(wait_for(lambda: platform.requests_to(PATH))) == 1
    assert may_have_happened(raised.value)


def test_a_post_lost_as_the_probe_of_the_circuit_may_have_happened(platform: Platform, clock: Clock) -> None:
    platform.on(PATH, Reply(503, {}))
    with client(platform, clock) as cloud:
        with pytest.raises(errors.CircuitOpen) as opened:
            cloud.get(PATH)
        assert not may_have_happened(opened.value)
        clock.pass_by(121)
        platform.on(PATH, Reply(fault="reset"))
        with pytest.raises(errors.CircuitOpen) as raised:
            cloud.post(PATH, {}, repeatable=False)
    assert may_have_happened(raised.value)
