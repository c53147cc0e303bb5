"""Logging in, tokens and the request budget."""

from __future__ import annotations

import pytest
import requests

from genesys_assets.sandbox.behaviour import Behaviour
from genesys_assets.sandbox.server import running
from genesys_assets_tests.patience import PATIENCE_SECONDS
from genesys_assets_tests.sandbox.conftest import Client, client_of, log_in


class Clock:
    """Seconds that pass only when the test moves them."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_login_grants_a_bearer_token_for_a_day(at_noon: Client) -> None:
    answer = log_in(at_noon.sandbox)
    assert answer.status_code == 200
    granted = answer.json()
    assert granted["token_type"] == "bearer"
    assert granted["expires_in"] == 86_400


def test_a_wrong_secret_is_a_401_of_the_logins_own_shape(at_noon: Client) -> None:
    answer = log_in(at_noon.sandbox, secret="wrong")
    assert answer.status_code == 401
    assert answer.json() == {
        "error": "invalid_client",
        "description": "authentication failed",
        "error_description": "authentication failed",
    }


def test_an_unknown_client_is_a_400(at_noon: Client) -> None:
    answer = log_in(at_noon.sandbox, client_id="11111111-2222-4333-8444-555555555555")
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_client"
    assert answer.json()["description"] == "client not found"


def test_credentials_in_the_form_are_not_taken(at_noon: Client) -> None:
    sandbox = at_noon.sandbox
    form = {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
    }
    assert requests.post(f"{sandbox.url}/oauth/token", data=form, timeout=PATIENCE_SECONDS).status_code == 400


def test_only_the_client_credentials_grant_is_served(at_noon: Client) -> None:
    answer = requests.post(
        f"{at_noon.sandbox.url}/oauth/token",
        auth=(at_noon.sandbox.client_id, at_noon.sandbox.client_secret),
        data={"grant_type": "password"},
        timeout=PATIENCE_SECONDS,
    )
    assert answer.status_code == 400


def test_without_a_token_nothing_is_answered(at_noon: Client) -> None:
    answer = requests.get(f"{at_noon.sandbox.url}/api/v2/users", timeout=PATIENCE_SECONDS)
    assert answer.status_code == 401
    assert answer.json()["code"] == "authentication.required"


def test_garbage_for_a_token_is_bad_credentials(at_noon: Client) -> None:
    at_noon.session.headers["Authorization"] = "Bearer garbage"
    answer = at_noon.get("/api/v2/users")
    assert answer.status_code == 401
    body = answer.json()
    assert (body["code"], body["message"]) == ("bad.credentials", "Invalid login credentials.")


def test_a_token_expires_after_its_lifetime() -> None:
    clock = Clock()
    behaviour = Behaviour(token_lifetime_seconds=300)
    with running(clock=clock, behaviour=behaviour) as sandbox, requests.Session() as session:
        client = client_of(sandbox, session)
        clock.seconds += 299
        assert client.get("/api/v2/tokens/me").status_code == 200
        clock.seconds += 1
        assert client.get("/api/v2/tokens/me").json()["code"] == "bad.credentials"


def test_a_token_can_be_asked_about_and_revoked(at_noon: Client) -> None:
    url = f"{at_noon.sandbox.url}/api/v2/tokens/me"
    assert at_noon.get("/api/v2/tokens/me").json()["OAuthClient"]["id"] == at_noon.sandbox.client_id
    head = at_noon.session.head(url, timeout=PATIENCE_SECONDS)
    assert (head.status_code, head.content) == (200, b"")
    assert at_noon.session.delete(url, timeout=PATIENCE_SECONDS).status_code == 204
    assert at_noon.get("/api/v2/tokens/me").status_code == 401


def test_all_tokens_can_be_revoked_at_once(at_noon: Client) -> None:
    at_noon.sandbox.access.revoke_all()
    assert at_noon.get("/api/v2/users").status_code == 401


def test_every_answer_states_how_much_of_the_budget_is_used() -> None:
    clock = Clock()
    with running(clock=clock, requests_per_minute=5) as sandbox, requests.Session() as session:
        client = client_of(sandbox, session)
        client.get("/api/v2/users")
        clock.seconds += 15
        answer = client.get("/api/v2/users", state="nonsense")
        assert answer.status_code == 400
        told = {name: answer.headers[f"inin-ratelimit-{name}"] for name in ("count", "allowed", "reset")}
        assert told == {"count": "2", "allowed": "5", "reset": "45"}


def test_over_the_budget_requests_are_refused_until_the_window_ends() -> None:
    clock = Clock()
    with running(clock=clock, requests_per_minute=3) as sandbox, requests.Session() as session:
        client = client_of(sandbox, session)
        clock.seconds += 50
        assert [client.get("/api/v2/users").status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = client.get("/api/v2/users")
        assert refused.headers["Retry-After"] == "10"
        assert refused.json()["code"] == "too.many.requests.retry.after"
        wanted = "Rate limit exceeded the maximum. Retry the request in [10] seconds"
        assert refused.json()["message"] == wanted
        clock.seconds += 10
        answer = client.get("/api/v2/users")
        assert (answer.status_code, answer.headers["inin-ratelimit-count"]) == (200, "1")


def test_a_refusal_over_the_budget_may_lack_retry_after() -> None:
    behaviour = Behaviour(retry_after_header=False)
    with (
        running(clock=Clock(), requests_per_minute=1, behaviour=behaviour) as sandbox,
        requests.Session() as session,
    ):
        client = client_of(sandbox, session)
        client.get("/api/v2/users")
        refused = client.get("/api/v2/users")
        assert refused.status_code == 429
        assert "Retry-After" not in refused.headers
        assert refused.headers["inin-ratelimit-reset"] == "60"


def test_each_token_has_a_budget_of_its_own() -> None:
    with running(clock=Clock(), requests_per_minute=1) as sandbox:
        for _ in range(2):
            with requests.Session() as session:
                assert client_of(sandbox, session).get("/api/v2/users").status_code == 200


def test_tokens_may_share_one_budget_that_begins_with_the_first_request() -> None:
    clock = Clock()
    with running(requests_per_minute=2, clock=clock) as sandbox:
        sandbox.access.share_one_budget()
        clock.seconds += 45
        statuses = []
        for _ in range(3):
            with requests.Session() as session:
                answer = client_of(sandbox, session).get("/api/v2/users")
                statuses.append((answer.status_code, answer.headers["inin-ratelimit-reset"]))
                clock.seconds += 1
        assert statuses == [(200, "60"), (200, "59"), (429, "58")]


def test_without_a_limit_nothing_is_counted(at_noon: Client) -> None:
    assert "inin-ratelimit-count" not in at_noon.get("/api/v2/users").headers


PERMISSIONS = {
    "/api/v2/analytics/conversations/aggregates/query": {"analytics:conversationAggregate:view"},
    "/api/v2/analytics/conversations/details/query": {
        "analytics:conversationDetail:view",
        "analytics:agentConversationDetail:view",
    },
    "/api/v2/analytics/conversations/activity/query": {"analytics:queueObservation:view"},
    "/api/v2/analytics/queues/observations/query": {"analytics:queueObservation:view"},
    "/api/v2/routing/queues": {"routing:queue:view"},
    "/api/v2/routing/wrapupcodes": {"routing:wrapupCode:view"},
    "/api/v2/routing/skills": {"routing:skill:view"},
}


@pytest.mark.parametrize("path", PERMISSIONS)
def test_without_the_permission_an_endpoint_names_it(at_noon: Client, path: str) -> None:
    at_noon.sandbox.behaviour.missing_permissions |= PERMISSIONS[path]
    answer = at_noon.post(path, {}) if path.endswith("query") else at_noon.get(path)
    assert answer.status_code == 403
    assert answer.json()["code"] in ("missing.permissions", "missing.any.permissions")
    assert all(permission in answer.json()["message"] for permission in PERMISSIONS[path])


def test_one_of_two_permissions_is_enough_for_details(at_noon: Client) -> None:
    at_noon.sandbox.behaviour.missing_permissions.add("analytics:conversationDetail:view")
    assert at_noon.details(interval="2026-01-28T00:00:00Z/2026-01-29T00:00:00Z").status_code == 200
