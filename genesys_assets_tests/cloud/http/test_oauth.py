"""Logging in: what the client sends, how long it keeps a token, and what each refusal means."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest

from genesys_assets.cloud import errors
from genesys_assets.cloud.http.regions import Hosts
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests import samples
from genesys_assets_tests.cloud.platform import TOKEN_PATH, Clock, Platform, Reply

PATH = "/api/v2/things"
BAD_SECRET = {
    "error": "invalid_client",
    "description": "authentication failed",
    "error_description": "authentication failed",
}
UNKNOWN_CLIENT = {
    "error": "invalid_client",
    "description": "client not found",
    "error_description": "client not found",
}


@pytest.fixture(autouse=True)
def _things(platform: Platform) -> None:
    platform.on(PATH, Reply(body={"done": True}))


def grant(token: str, seconds: object) -> Reply:
    return Reply(body={"access_token": token, "token_type": "bearer", "expires_in": seconds})


def tokens_used(platform: Platform) -> list[str]:
    return [request.headers["Authorization"] for request in platform.requests_to(PATH)]


def test_the_login_is_basic_with_a_form(platform: Platform, cloud: GenesysCloud) -> None:
    cloud.get(PATH)
    (login,) = platform.requests_to(TOKEN_PATH)
    scheme, encoded = login.headers["Authorization"].split()
    assert (scheme, b64decode(encoded)) == ("Basic", b"my-client:my-secret")
    assert login.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert login.body == b"grant_type=client_credentials"


def test_a_token_is_kept_until_a_minute_before_it_expires(
    platform: Platform, cloud: GenesysCloud, clock: Clock
) -> None:
    platform.on(TOKEN_PATH, grant("first", 300), grant("second", 300))
    cloud.get(PATH)
    clock.pass_by(239)
    cloud.get(PATH)
    clock.pass_by(1)
    cloud.get(PATH)
    assert tokens_used(platform) == ["Bearer first", "Bearer first", "Bearer second"]


def test_a_token_of_a_short_life_is_used_for_half_of_it(platform: Platform, cloud: GenesysCloud, clock: Clock) -> None:
    platform.on(TOKEN_PATH, grant("first", 10), grant("second", 10))
    cloud.get(PATH)
    clock.pass_by(4.9)
    cloud.get(PATH)
    clock.pass_by(0.2)
    cloud.get(PATH)
    assert tokens_used(platform) == ["Bearer first", "Bearer first", "Bearer second"]


@pytest.mark.parametrize("lifetime", [None, "soon", 0, -5])
def test_a_token_without_a_sound_lifetime_is_taken_for_the_shortest(
    platform: Platform, cloud: GenesysCloud, clock: Clock, lifetime: object
) -> None:
    platform.on(TOKEN_PATH, grant("first", lifetime), grant("second", lifetime))
    cloud.get(PATH)
    clock.pass_by(239)
    cloud.get(PATH)
    assert tokens_used(platform) == ["Bearer first", "Bearer first"]


def test_an_unknown_client_is_named_as_such(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(TOKEN_PATH, Reply(400, UNKNOWN_CLIENT))
    with pytest.raises(errors.WrongClientId, match=r"does not know the OAuth client 'my-client'.*region"):
        cloud.get(PATH)
    assert len(platform.requests_to(TOKEN_PATH)) == 1
    assert platform.requests_to(PATH) == []
    assert cloud.usage.requests == 0


def test_a_wrong_secret_is_named_as_such(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(TOKEN_PATH, Reply(401, BAD_SECRET))
    with pytest.raises(errors.WrongClientSecret, match=r"secret of the OAuth client 'my-client'") as raised:
        cloud.get(PATH)
    assert isinstance(raised.value, errors.LoginRefused)
    assert "my-secret" not in str(raised.value)
    assert len(platform.requests_to(TOKEN_PATH)) == 1


def test_the_recorded_body_is_the_one_tested_with() -> None:
    assert json.loads(samples.body("oauth_401_bad_secret")) == BAD_SECRET


def test_a_client_of_another_grant_type_is_named_as_such(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(TOKEN_PATH, Reply(400, {"error": "unauthorized_client", "description": "not this grant"}))
    with pytest.raises(errors.LoginRefused, match=r"not this grant.*grant type is client credentials"):
        cloud.get(PATH)


def test_a_wrong_login_url_is_an_error(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(TOKEN_PATH, Reply(404, b"<html>nothing here</html>"))
    with pytest.raises(errors.LoginRefused, match=r"the answer was HTML.*Check GENESYS_CLOUD_LOGIN_URL"):
        cloud.get(PATH)


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b"{}", b"[]", b'{"access_token": 7}'])
def test_a_login_without_a_token_is_an_error(platform: Platform, cloud: GenesysCloud, body: bytes) -> None:
    platform.on(TOKEN_PATH, Reply(200, body))
    with pytest.raises(errors.UnexpectedAnswer, match="without a token"):
        cloud.get(PATH)


@pytest.mark.parametrize(
    "failure",
    [
        Reply(503, b""),
        Reply(429, {"error": "slow down"}, {"Retry-After": "2"}),
        Reply(fault="reset"),
        Reply(500, b""),
    ],
)
def test_a_login_that_fails_for_a_moment_is_tried_again(
    platform: Platform, cloud: GenesysCloud, failure: Reply
) -> None:
    platform.on(TOKEN_PATH, failure, grant("first", 300))
    assert cloud.get(PATH).json() == {"done": True}


def test_a_secret_may_hold_any_character(platform: Platform, clock: Clock) -> None:
    hosts = Hosts(platform.url, platform.url)
    with GenesysCloud(hosts, "id", "ключ", clock=clock, sleep=clock.sleep) as cloud:
        cloud.get(PATH)
    encoded = platform.requests_to(TOKEN_PATH)[0].headers["Authorization"].split()[1]
    assert b64decode(encoded).decode() == "id:ключ"
