"""The client against a real server that fails in every way that a server can."""

from __future__ import annotations

import json
from datetime import UTC, timedelta

import pytest

from genesys_assets.cloud import errors
from genesys_assets.cloud.http.regions import Hosts
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests.cloud.http.things import BROKEN, DONE, LIMIT, PATH, error_body
from genesys_assets_tests.cloud.platform import NOON, Clock, Platform, Reply, Request, client, impatient
from genesys_assets_tests.ports import refusing_port


def test_an_answer_is_kept_as_it_came(platform: Platform, cloud: GenesysCloud) -> None:
    body = b'{ "b": 1.50,\n "a": "\\ud800 \xc3\xa9" }'
    platform.on(PATH, Reply(body=body, headers={"ININ-Correlation-Id": "corr-1"}))
    page = cloud.get(PATH, {"z": 1, "a": "x"})
    assert page.body == body
    assert page.json()["b"] == 1.5
    assert (page.number, page.correlation_id) == (1, "corr-1")
    assert page.request == '{"method":"GET","params":{"a":"x","z":1},"path":"/api/v2/things"}'
    assert page.fetched_at - NOON < timedelta(seconds=1)
    assert page.fetched_at.tzinfo is UTC
    assert page.fetched_at.microsecond % 1000 == 0


def test_a_packed_answer_is_unpacked(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Reply(body={"long": "x" * 10_000}, packed=True))
    assert cloud.get(PATH).json() == {"long": "x" * 10_000}
    assert platform.requests_to(PATH)[0].headers["Accept-Encoding"] == "gzip"


def test_a_post_carries_json_and_params(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, DONE)
    page = cloud.post(PATH, {"b": [1], "a": "é"}, {"pageSize": 5})
    asked = platform.requests_to(PATH)[0]
    assert asked.json() == {"b": [1], "a": "é"}
    assert asked.params == {"pageSize": "5"}
    assert asked.headers["Authorization"] == "Bearer token-1"
    assert json.loads(page.request) == {
        "method": "POST",
        "path": PATH,
        "params": {"pageSize": 5},
        "body": {"a": "é", "b": [1]},
    }


def test_a_delete_needs_no_body_in_return(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Reply(204, b""))
    cloud.delete(PATH)
    assert platform.requests_to(PATH)[0].method == "DELETE"


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_body_is_asked_for_again(platform: Platform, cloud: GenesysCloud, broken: Reply) -> None:
    platform.on(PATH, broken, DONE)
    assert cloud.get(PATH).json() == {"done": True}
    assert cloud.usage.retries == 1


@pytest.mark.parametrize("broken", BROKEN)
def test_a_body_that_stays_broken_is_an_error(platform: Platform, cloud: GenesysCloud, broken: Reply) -> None:
    platform.on(PATH, broken)
    with pytest.raises(errors.BrokenAnswer, match=PATH):
        cloud.get(PATH)
    assert len(platform.requests_to(PATH)) == 5


def test_html_is_called_html(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, BROKEN[3])
    with pytest.raises(errors.BrokenAnswer, match="answered with HTML instead of a JSON object"):
        cloud.get(PATH)


def test_a_connection_that_breaks_is_made_again(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Reply(fault="reset"), Reply(fault="reset"), DONE)
    assert cloud.get(PATH).json() == {"done": True}


def test_an_answer_that_does_not_come_is_an_error_that_names_the_host(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Reply(fault="silent"))
    with pytest.raises(errors.Unreachable, match=r"127\.0\.0\.1:\d+ cannot be reached \(no answer in time\)"):
        impatient(cloud).get(PATH)


def test_an_unreachable_host_is_named(clock: Clock) -> None:
    with refusing_port() as port:
        nowhere = Hosts(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}")
        with (
            GenesysCloud(nowhere, "id", "secret", clock=clock, sleep=clock.sleep) as cloud,
            pytest.raises(errors.Unreachable, match=rf"{port} cannot be reached \(connection refused\)") as raised,
        ):
            cloud.get(PATH)
    assert raised.value.host == f"127.0.0.1:{port}"


def test_a_host_without_address_is_named(clock: Clock) -> None:
    nowhere = Hosts("https://api.invalid", "https://login.invalid")
    with (
        GenesysCloud(nowhere, "id", "secret", clock=clock, sleep=clock.sleep) as cloud,
        pytest.raises(errors.Unreachable, match=r"login\.invalid cannot be reached \(no such host\)"),
    ):
        cloud.get(PATH)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_trouble_that_passes_is_not_noticed(platform: Platform, cloud: GenesysCloud, status: int) -> None:
    trouble = Reply(status, b"<html>Bad</html>")
    platform.on(PATH, trouble, trouble, trouble, DONE)
    assert cloud.get(PATH).json() == {"done": True}
    assert cloud.usage.retries == 3
    assert cloud.usage.requests == 4


def test_trouble_that_stays_is_an_error_with_the_correlation_id(platform: Platform, cloud: GenesysCloud) -> None:
    said = error_body("The request timed out.", "request.timeout")
    platform.on(PATH, Reply(504, said, {"ININ-Correlation-Id": "corr-9"}))
    with pytest.raises(errors.ServerTrouble, match=r"The request timed out\..*HTTP 504.*correlation id corr-9"):
        cloud.get(PATH)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "bad.request", errors.BadRequest),
        (400, "response.entity.too.large", errors.AnswerTooLarge),
        (403, "missing.permissions", errors.MissingPermission),
        (404, "not.found", errors.NotFound),
        (413, "request.entity.too.large", errors.TooLarge),
        (409, "conflict", errors.GenesysCloudError),
        (415, "unsupported.media.type", errors.GenesysCloudError),
    ],
)
def test_a_refusal_is_final_and_carries_what_the_api_said(
    platform: Platform, cloud: GenesysCloud, status: int, code: str, expected: type[errors.GenesysCloudError]
) -> None:
    platform.on(PATH, Reply(status, error_body("Because of this.", code), {"ININ-Correlation-Id": "corr-2"}))
    with pytest.raises(expected, match="Because of this") as raised:
        cloud.get(PATH)
    assert type(raised.value) is expected
    assert (raised.value.status, raised.value.code, raised.value.correlation_id) == (status, code, "corr-2")
    assert str(raised.value).endswith(f"(HTTP {status}, {code}, correlation id corr-2)")
    assert len(platform.requests_to(PATH)) == 1


@pytest.mark.parametrize(
    "said",
    [
        error_body(
            "Unable to perform the requested action. You are missing the following permission(s):"
            " analytics:conversationDetail:view",
            "missing.permissions",
        ),
        error_body("Not allowed.", "x", messageParams={"permissions": "[analytics:conversationDetail:view]"}),
    ],
)
def test_a_missing_permission_is_named(platform: Platform, cloud: GenesysCloud, said: dict[str, object]) -> None:
    platform.on(PATH, Reply(403, said))
    with pytest.raises(errors.MissingPermission, match="add it to a role of the OAuth client") as raised:
        cloud.get(PATH)
    assert raised.value.permissions == ("analytics:conversationDetail:view",)
    assert raised.value.correlation_id == "ctx-1"


def test_a_403_that_names_no_permission_says_what_the_api_said(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Reply(403, error_body("You are not authorized.", "not.authorized")))
    with pytest.raises(errors.MissingPermission, match=r"You are not authorized\..*roles and divisions") as raised:
        cloud.get(PATH)
    assert raised.value.permissions == ()


def test_a_redirect_is_not_followed(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Reply(302, b"", {"Location": "https://sso.example.com/login"}))
    with pytest.raises(errors.UnexpectedAnswer, match=r"redirected to sso\.example\.com"):
        cloud.get(PATH)


@pytest.mark.parametrize("fault", ["", "truncated"])
def test_a_rejected_token_is_renewed_once(platform: Platform, cloud: GenesysCloud, fault: str) -> None:
    expired = Reply(401, error_body("Invalid login credentials.", "bad.credentials"), fault=fault)
    platform.on(PATH, DONE, expired, DONE)
    cloud.get(PATH)
    assert cloud.get(PATH).json() == {"done": True}
    assert [asked.headers["Authorization"] for asked in platform.requests_to(PATH)] == [
        "Bearer token-1",
        "Bearer token-1",
        "Bearer token-2",
    ]


def test_a_token_rejected_after_renewal_is_an_error(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Reply(401, error_body("Invalid login credentials.", "bad.credentials")))
    with pytest.raises(errors.Unauthorized, match="Invalid login credentials"):
        cloud.get(PATH)
    assert len(platform.requests_to(PATH)) == 2


@pytest.mark.parametrize(
    ("headers", "said", "seconds"),
    [
        ({"Retry-After": "11", "inin-ratelimit-reset": "22"}, LIMIT, 11),
        ({"inin-ratelimit-reset": "22"}, LIMIT, 22),
        ({}, LIMIT, 33),
        ({"Retry-After": "soon"}, LIMIT, 33),
        ({"Retry-After": "Sun, 01 Feb 2026 12:00:44 GMT"}, LIMIT, 44),
        ({}, error_body("Rate limit exceeded the maximum [300] requests within [60] seconds", "x"), 60),
    ],
)
def test_a_rate_limit_is_waited_for(
    platform: Platform,
    cloud: GenesysCloud,
    clock: Clock,
    headers: dict[str, str],
    said: object,
    seconds: float,
) -> None:
    platform.on(PATH, Reply(429, said, headers), DONE)
    assert cloud.get(PATH).json() == {"done": True}
    assert clock() - 1000 == pytest.approx(seconds + 1)
    assert cloud.usage.rate_limited == 1
    assert cloud.usage.waited_seconds == pytest.approx(seconds + 1)


@pytest.mark.parametrize(("fault", "encoding"), [("truncated", {}), ("", {"Content-Encoding": "br"})])
def test_a_refusal_whose_body_cannot_be_read_still_says_how_long_to_wait(
    platform: Platform, cloud: GenesysCloud, clock: Clock, fault: str, encoding: dict[str, str]
) -> None:
    platform.on(PATH, Reply(429, LIMIT, {"Retry-After": "40", **encoding}, fault), DONE)
    assert cloud.get(PATH).json() == {"done": True}
    assert clock() - 1000 == pytest.approx(41)
    assert cloud.usage.rate_limited == 1


def test_a_rate_limit_of_hours_says_when_to_come_back(platform: Platform, cloud: GenesysCloud, clock: Clock) -> None:
    platform.on(PATH, Reply(429, LIMIT, {"Retry-After": "7200"}))
    with pytest.raises(errors.RateLimited, match="Retry after 2026-02-01 14:00:00 UTC, in 7200 s") as raised:
        cloud.get(PATH)
    assert raised.value.retry_after == 7200
    assert clock.slept == []


def test_a_long_outage_opens_the_circuit(platform: Platform, cloud: GenesysCloud, clock: Clock) -> None:
    platform.on(PATH, Reply(503, b""))
    with pytest.raises(errors.CircuitOpen) as raised:
        cloud.get(PATH)
    assert raised.value.retry_in == 120
    assert clock() - 1000 == pytest.approx(300)
    asked = len(platform.requests_to(PATH))
    with pytest.raises(errors.CircuitOpen):
        cloud.get(PATH)
    assert len(platform.requests_to(PATH)) == asked


def test_the_circuit_closes_after_a_good_probe(platform: Platform, cloud: GenesysCloud, clock: Clock) -> None:
    platform.on(PATH, Reply(503, b""))
    with pytest.raises(errors.CircuitOpen):
        cloud.get(PATH)
    platform.on(PATH, DONE)
    clock.pass_by(120)
    assert cloud.get(PATH).json() == {"done": True}
    assert cloud.get(PATH).json() == {"done": True}


def test_no_error_shows_the_secret_or_the_token(platform: Platform, clock: Clock) -> None:
    replies = [Reply(status, error_body("No.", "no")) for status in (400, 401, 403, 404, 409, 413, 500)]
    for reply in [*replies, *BROKEN, Reply(fault="reset")]:
        platform.on(PATH, reply)
        with client(platform, clock) as cloud, pytest.raises(errors.GenesysCloudError) as raised:
            cloud.get(PATH)
        told = f"{raised.value} {raised.value!r} {raised.value.__dict__}"
        assert "my-secret" not in told
        assert "token-" not in told


def test_usage_is_counted_and_subtracted(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, DONE)
    cloud.get(PATH)
    before = cloud.usage.snapshot()
    platform.on(PATH, Reply(502, b""), DONE)
    cloud.get(PATH)
    spent = cloud.usage.snapshot() - before
    assert (spent.requests, spent.retries, spent.rate_limited, spent.waited_seconds) == (2, 1, 0, 0.0)
    assert before.requests == 1


def test_the_real_rate_limit_of_a_server_is_kept(platform: Platform, clock: Clock) -> None:
    asked: list[float] = []

    def counted(request: Request) -> Reply:
        asked.append(clock())
        window = [at for at in asked if at // 60 == clock() // 60]
        reset = 60 - clock() % 60
        headers = {
            "inin-ratelimit-count": str(len(window)),
            "inin-ratelimit-allowed": "20",
            "inin-ratelimit-reset": str(int(-(-reset // 1))),
        }
        return Reply(200, {}, headers) if len(window) <= 20 else Reply(429, LIMIT, headers)

    platform.on(PATH, counted)
    with client(platform, clock, requests_per_minute=300, workers=1) as cloud:
        list(cloud.map_in_order(lambda _: cloud.get(PATH), range(100)))
        assert cloud.usage.rate_limited == 0
        assert cloud.usage.waited_seconds <= 5 * 60


def test_a_client_without_time_does_not_wait_for_the_rate_limit(platform: Platform, clock: Clock) -> None:
    used_up = {"inin-ratelimit-count": "300", "inin-ratelimit-allowed": "300", "inin-ratelimit-reset": "50"}
    platform.on(PATH, Reply(body={}, headers=used_up))
    hosts = Hosts(platform.url, platform.url)
    with GenesysCloud(hosts, "id", "secret", longest_life=30.0, clock=clock, sleep=clock.sleep) as cloud:
        cloud.get(PATH)
        with pytest.raises(errors.RateLimited, match="longer than this run may wait"):
            cloud.get(PATH)
    assert clock.slept == []
    assert len(platform.requests_to(PATH)) == 1


def test_no_answer_takes_longer_than_the_client_has_time(platform: Platform) -> None:
    platform.on(PATH, Reply(fault="silent"))
    hosts = Hosts(platform.url, platform.url)
    with (
        GenesysCloud(hosts, "id", "secret", timeout=(600.0, 600.0), longest_life=1.0) as cloud,
        pytest.raises(errors.Unreachable, match="no whole answer within 1 s"),
    ):
        cloud.get(PATH)
    assert len(platform.requests_to(PATH)) == 1


def test_an_exchange_that_begins_late_gets_only_what_time_is_left(platform: Platform, clock: Clock) -> None:
    platform.on(PATH, DONE, Reply(fault="silent"))
    hosts = Hosts(platform.url, platform.url)
    with GenesysCloud(hosts, "id", "secret", longest_life=600.0, clock=clock, sleep=clock.sleep) as cloud:
        cloud.get(PATH)
        clock.sleep(599.5)
        with pytest.raises(errors.Unreachable, match="no whole answer within 1 s"):
            cloud.get(PATH)


def test_a_login_takes_no_longer_than_the_client_has_time(platform: Platform) -> None:
    platform.on("/oauth/token", Reply(fault="silent"))
    hosts = Hosts(platform.url, platform.url)
    with (
        GenesysCloud(hosts, "id", "secret", longest_life=1.0) as cloud,
        pytest.raises(errors.Unreachable, match="no whole answer within 1 s"),
    ):
        cloud.get(PATH)
