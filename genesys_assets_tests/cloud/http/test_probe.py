"""What a client learns from the probe of an open circuit, and what it does not take for an outage."""

from __future__ import annotations

import pytest

from genesys_assets.cloud import errors
from genesys_assets.cloud.http import transport
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests.cloud.http.things import BROKEN, DONE, PATH
from genesys_assets_tests.cloud.platform import Clock, Platform, Reply


def opened(platform: Platform, cloud: GenesysCloud, clock: Clock) -> None:
    """Let the circuit open and cool, so that the next request is the probe."""
    platform.on(PATH, Reply(503, b""))
    with pytest.raises(errors.CircuitOpen):
        cloud.get(PATH)
    clock.pass_by(120)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, TypeError, SystemExit])
def test_a_probe_that_is_interrupted_does_not_pass_for_an_outage(
    platform: Platform,
    cloud: GenesysCloud,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    interruption: type[BaseException],
) -> None:
    opened(platform, cloud, clock)
    with monkeypatch.context() as patch:
        patch.setattr(transport, "read_object", lambda *_: (_ for _ in ()).throw(interruption))
        platform.on(PATH, DONE)
        with pytest.raises(interruption):
            cloud.get(PATH)
    assert cloud.get(PATH).json() == {"done": True}


def test_a_probe_that_was_never_sent_keeps_its_own_error(
    platform: Platform, cloud: GenesysCloud, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(platform, cloud, clock)
    sent = len(platform.requests_to(PATH))
    with monkeypatch.context() as patch:
        patch.setattr(cloud, "_gives_up_at", clock() + 1)
        patch.setattr(cloud._pacer, "acquire", lambda: cloud._sleep_for_rate_limit(60))
        with pytest.raises(errors.RateLimited, match="longer than this run may wait"):
            cloud.get(PATH)
    assert len(platform.requests_to(PATH)) == sent
    platform.on(PATH, DONE)
    assert cloud.get(PATH).json() == {"done": True}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_answer_to_the_probe_shows_that_the_platform_is_back(
    platform: Platform, cloud: GenesysCloud, clock: Clock, broken: Reply
) -> None:
    opened(platform, cloud, clock)
    platform.on(PATH, broken, DONE)
    assert cloud.get(PATH).json() == {"done": True}


def test_a_503_whose_body_breaks_off_counts_as_a_503(platform: Platform, cloud: GenesysCloud, clock: Clock) -> None:
    platform.on(PATH, Reply(503, body={"a": "x" * 1000}, fault="truncated"))
    with pytest.raises(errors.CircuitOpen):
        cloud.get(PATH)
    assert clock() - 1000 == pytest.approx(300)
