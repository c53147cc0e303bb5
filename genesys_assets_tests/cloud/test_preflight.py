from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from genesys_assets.cloud.analytics.families import FAMILIES, AggregateFamily
from genesys_assets.cloud.http.regions import Hosts
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.preflight import NEEDED_SCHEMAS, Preflight, PreflightResult, preflight
from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets.tables.data_lake.schemas import NEEDED
from genesys_assets_tests.cloud.platform import Clock
from genesys_assets_tests.ports import refusing_port

DETAIL, AGENT_DETAIL = "analytics:conversationDetail:view", "analytics:agentConversationDetail:view"
AGGREGATE, OBSERVATION = "analytics:conversationAggregate:view", "analytics:queueObservation:view"
LOOKED_AT = [
    "login",
    "divisions",
    "queues",
    "users",
    "wrap-up codes",
    "skills",
    "conversation aggregates",
    "conversation details",
    "details jobs",
    "users' status",
    "queue observations",
    "conversation activity",
    *("presence definitions", "teams", "groups", "languages", "locations", "flows", "flow outcomes"),
    *("flow milestones", "campaigns", "external organisations"),
    *(f"aggregates: {name}" for name in FAMILIES if name != "conversations"),
    "clock",
    "rate limit",
]


PRESENT = datetime(2026, 2, 1, 12, 34, 56, tzinfo=UTC)


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[Sandbox]:
    """A sandbox at PRESENT; the minute of its request budget never ends."""
    with running(conversations_per_day=20, now=PRESENT, clock=lambda: 0.0) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The sandbox, with normal behaviour before and after each test."""
    yield running_sandbox
    running_sandbox.behaviour.reset()


def look(
    sandbox: Sandbox,
    expected_queues: int | None = None,
    families: Collection[AggregateFamily] = (),
    usage: bool = False,
    **client: Any,
) -> Preflight:
    secret = client.pop("client_secret", sandbox.client_secret)
    client_id = client.pop("client_id", sandbox.client_id)
    url = client.pop("url", sandbox.url)
    options: dict[str, Any] = {"sleep": lambda seconds: None, "now": lambda: PRESENT, **client}
    with GenesysCloud(Hosts(url, url), client_id, secret, **options) as cloud:
        return preflight(cloud, expected_queues=expected_queues, families=families, usage=usage)


def result(found: Preflight, what: str) -> PreflightResult:
    (one,) = (result for result in found.results if result.what == what)
    return one


def levels(found: Preflight) -> dict[str, str]:
    return {result.what: result.level for result in found.results}


def test_it_looks_for_files_of_exactly_the_schemas_that_tables_of_conversations_need() -> None:
    assert set(NEEDED_SCHEMAS) == set(NEEDED)


def test_a_healthy_organisation_passes_with_every_thing_looked_at_once(sandbox: Sandbox) -> None:
    before = len(sandbox.requests)
    found = look(sandbox, expected_queues=10)
    assert found.passed
    assert levels(found) == dict.fromkeys(LOOKED_AT, "ok")
    assert not any(result.advice for result in found.results)
    assert len(sandbox.requests) - before == 24 + len(FAMILIES) - 1


def test_it_names_the_organisation_and_how_much_of_it_is_visible(sandbox: Sandbox) -> None:
    found = look(sandbox)
    assert result(found, "login").value == "organisation Sandbox, OAuth client genesys_assets"
    assert result(found, "divisions").value == "2 visible: Home, Switzerland"
    assert result(found, "queues").value == "10 visible: 6 in Home, 4 in Switzerland"
    assert result(found, "users").value == "30 visible"
    assert result(found, "wrap-up codes").value == "12 visible"


@pytest.mark.parametrize(
    ("missing", "refused", "needed"),
    [
        ({"routing:queue:view"}, ["queues"], "routing:queue:view"),
        ({"routing:wrapupCode:view"}, ["wrap-up codes"], "routing:wrapupCode:view"),
        ({"routing:skill:view"}, ["skills"], "routing:skill:view"),
        ({AGGREGATE}, ["conversation aggregates"], AGGREGATE),
        ({DETAIL}, ["details jobs"], DETAIL),
        ({DETAIL, AGENT_DETAIL}, ["conversation details", "details jobs"], DETAIL),
        ({OBSERVATION}, ["queue observations", "conversation activity"], OBSERVATION),
    ],
)
def test_a_missing_permission_is_named_with_the_role_to_give_and_the_rest_is_tried(
    sandbox: Sandbox, missing: set[str], refused: list[str], needed: str
) -> None:
    sandbox.behaviour.missing_permissions = missing
    found = look(sandbox)
    assert [result.what for result in found.failures] == refused
    assert not found.passed
    assert found.missing_permissions == (needed,)
    for failure in found.failures:
        assert failure.value == "not permitted"
        assert "a role with the permission" in failure.advice
        assert f"({needed}), in every division" in failure.advice
    assert [result.what for result in found.results] == LOOKED_AT


@pytest.mark.parametrize(
    ("what", "permission"),
    [
        ("presence definitions", "presence:presenceDefinition:view"),
        ("teams", "groups:team:view"),
        ("flows", "architect:flow:view"),
        ("flow outcomes", "architect:flowOutcome:view"),
        ("flow milestones", "architect:flowMilestone:view"),
        ("campaigns", "outbound:campaign:view"),
        ("external organisations", "externalContacts:externalOrganization:view"),
    ],
)
def test_a_listing_that_figures_can_do_without_is_a_warning_where_it_is_refused(
    sandbox: Sandbox, what: str, permission: str
) -> None:
    sandbox.behaviour.missing_permissions = {permission}
    found = look(sandbox)
    assert found.passed
    assert (result(found, what).level, result(found, what).value) == ("warn", "not permitted")
    assert f"({permission})" in result(found, what).advice
    assert [result.what for result in found.results] == LOOKED_AT


def test_a_permission_that_nothing_else_needs_is_a_warning(sandbox: Sandbox) -> None:
    sandbox.behaviour.missing_permissions = {"analytics:userDetail:view"}
    found = look(sandbox)
    assert found.passed
    assert result(found, "users' status").level == "warn"
    assert "Runs cannot fetch this data. Give the OAuth client" in result(found, "users' status").advice
    assert found.missing_permissions == ("analytics:userDetail:view",)


def test_a_family_that_a_report_wants_and_may_not_read_is_a_warning(sandbox: Sandbox) -> None:
    flows, bots = FAMILIES["flows"], FAMILIES["bots"]
    sandbox.behaviour.missing_permissions = {flows.permission, bots.permission}
    found = look(sandbox, families=[flows])
    assert found.passed
    assert result(found, "aggregates: flows").level == "warn"
    assert flows.permission in result(found, "aggregates: flows").advice
    assert result(found, "aggregates: bots").value == "not permitted, not used by any report or setting"
    assert result(found, "aggregates: surveys").value == "permitted, not used by any report or setting"
    assert found.missing_permissions == (flows.permission,)


@pytest.mark.parametrize(("status", "said"), [(403, "not permitted"), (404, "not there"), (400, "not understood")])
def test_a_family_that_nothing_asks_for_is_reported_by_the_platforms_answer(
    sandbox: Sandbox, status: int, said: str
) -> None:
    sandbox.behaviour.fail_next(status, path="/analytics/bots/aggregates")
    found = look(sandbox)
    assert found.passed
    assert result(found, "aggregates: bots") == PreflightResult(
        "ok", "aggregates: bots", f"{said}, not used by any report or setting"
    )


def test_jobs_of_users_are_looked_at_beside_their_query(sandbox: Sandbox) -> None:
    status = result(look(sandbox), "users' status")
    assert (status.level, status.value) == ("ok", "data until 2026-02-01 08:34 UTC, 4.0 hours ago")
    sandbox.behaviour.fail_next(403, path="/users/details/jobs/availability")
    found = look(sandbox)
    assert (result(found, "users' status").level, result(found, "users' status").value) == ("warn", "not permitted")
    assert found.missing_permissions == ("analytics:userDetail:view",)
    assert found.passed


def test_the_count_of_requests_is_looked_at_where_it_is_wanted(sandbox: Sandbox) -> None:
    assert result(look(sandbox, usage=True), "count of requests") == PreflightResult(
        "ok", "count of requests", "permitted"
    )
    sandbox.behaviour.missing_permissions = {"usage:client:view"}
    found = look(sandbox, usage=True)
    assert (result(found, "count of requests").level, found.passed) == ("warn", True)
    assert found.missing_permissions == ("usage:client:view",)
    assert "count of requests" not in levels(look(sandbox))


def test_permissions_are_named_as_the_role_editor_shows_them(sandbox: Sandbox) -> None:
    sandbox.behaviour.missing_permissions = {"routing:wrapupCode:view"}
    assert "Routing > Wrapup Code > View" in result(look(sandbox), "wrap-up codes").advice


def test_all_missing_permissions_make_one_role(sandbox: Sandbox) -> None:
    sandbox.behaviour.missing_permissions = {DETAIL, AGENT_DETAIL, AGGREGATE, OBSERVATION, "routing:queue:view"}
    assert set(look(sandbox).missing_permissions) == {DETAIL, AGGREGATE, OBSERVATION, "routing:queue:view"}


def test_a_permission_that_the_platform_does_not_name_is_still_named(sandbox: Sandbox) -> None:
    sandbox.behaviour.fail_next(403, path="/routing/skills")
    found = look(sandbox)
    assert found.missing_permissions == ("routing:skill:view",)


@pytest.mark.parametrize(
    ("client", "said"),
    [
        ({"client_secret": "not-the-secret-4711"}, "did not accept the secret"),
        ({"client_id": "nobody"}, "does not know the OAuth client 'nobody'"),
    ],
)
def test_a_refused_login_is_the_only_finding_and_shows_no_secret(
    sandbox: Sandbox, client: dict[str, Any], said: str
) -> None:
    (only,) = look(sandbox, **client).results
    assert (only.level, only.what, only.value) == ("fail", "login", "refused")
    assert said in only.advice
    assert "not-the-secret-4711" not in repr(only)


def test_a_host_that_does_not_answer_is_the_only_finding(sandbox: Sandbox) -> None:
    with refusing_port() as port:
        (only,) = look(sandbox, url=f"http://127.0.0.1:{port}").results
    assert (only.level, only.what, only.value) == ("fail", "login", "no answer")
    assert "connection refused" in only.advice


def test_a_gateway_that_hides_the_token_endpoint_does_not_hide_the_rest(sandbox: Sandbox) -> None:
    sandbox.behaviour.fail_next(404, path="/tokens/me")
    found = look(sandbox)
    assert result(found, "login").value == "accepted"
    assert found.passed


def test_an_outage_in_the_middle_ends_the_look(sandbox: Sandbox) -> None:
    sandbox.behaviour.fail_next(500, path="/aggregates/query", times=100)
    found = look(sandbox)
    last = found.results[-1]
    assert (last.level, last.what) == ("fail", "conversation aggregates")
    assert "not tried" in last.value
    assert "HTTP 500" in last.advice


@pytest.mark.parametrize(("path", "what"), [("/routing/queues", "queues"), ("/jobs/availability", "details jobs")])
def test_what_is_missing_fails_alone(sandbox: Sandbox, path: str, what: str) -> None:
    sandbox.behaviour.fail_next(404, path=path)
    found = look(sandbox)
    assert [failure.what for failure in found.failures] == [what]
    assert "was not found" in result(found, what).advice


@pytest.mark.parametrize(("path", "what"), [("/routing/queues", "queues"), ("/api/v2/users", "users")])
def test_a_listing_without_any_entity_fails(sandbox: Sandbox, path: str, what: str) -> None:
    sandbox.behaviour.fail_next(200, path=path, body={"entities": [], "total": 0})
    found = look(sandbox)
    assert [failure.what for failure in found.failures] == [what]
    assert "visible" in result(found, what).value
    assert "division" in result(found, what).advice


def test_fewer_queues_than_expected_fail_and_name_the_likely_reason(sandbox: Sandbox) -> None:
    found = look(sandbox, expected_queues=11)
    assert [failure.what for failure in found.failures] == ["queues"]
    assert "At least 11 queues must be visible" in result(found, "queues").advice
    assert "divisions" in result(found, "queues").advice


def test_a_division_without_a_visible_queue_is_a_warning(sandbox: Sandbox) -> None:
    home = [
        queue.entity
        for queue in sandbox.organisation.directory.queues
        if queue.entity["division"]["name"] == "Home" and not queue.deleted
    ]
    sandbox.behaviour.fail_next(200, path="/routing/queues", body={"entities": home})
    found = look(sandbox, expected_queues=6)
    assert found.passed
    assert result(found, "queues").level == "warn"
    assert "No queue is visible in Switzerland" in result(found, "queues").advice


@pytest.mark.parametrize(
    ("behind", "level"), [(timedelta(hours=4), "ok"), (timedelta(hours=23), "ok"), (timedelta(hours=30), "warn")]
)
def test_it_says_how_far_behind_jobs_are(sandbox: Sandbox, behind: timedelta, level: str) -> None:
    sandbox.behaviour.availability = PRESENT - behind
    jobs = result(look(sandbox), "details jobs")
    assert jobs.level == level
    assert (
        f"{sandbox.behaviour.availability:%Y-%m-%d %H:%M} UTC, {behind / timedelta(hours=1):.1f} hours ago"
        in jobs.value
    )


def test_jobs_whose_reach_is_unknown_are_a_warning(sandbox: Sandbox) -> None:
    sandbox.behaviour.fail_next(200, path="/jobs/availability", body={})
    assert result(look(sandbox), "details jobs").level == "warn"


@pytest.mark.parametrize(
    ("skew", "level", "said"),
    [
        (timedelta(seconds=6), "warn", "6 s ahead of the platform's"),
        (-timedelta(seconds=60), "warn", "60 s behind the platform's"),
        (timedelta(minutes=20), "fail", "1200 s ahead of the platform's"),
        (-timedelta(minutes=20), "fail", "1200 s behind the platform's"),
    ],
)
def test_a_wrong_clock_is_reported_with_its_deviation(sandbox: Sandbox, skew: timedelta, level: str, said: str) -> None:
    clock = result(look(sandbox, now=lambda: PRESENT + skew), "clock")
    assert (clock.level, clock.value) == (level, said)
    assert "NTP" in clock.advice


@pytest.mark.parametrize("skew", [timedelta(seconds=5), -timedelta(seconds=5)])
def test_a_small_deviation_of_the_clock_is_accepted(sandbox: Sandbox, skew: timedelta) -> None:
    assert result(look(sandbox, now=lambda: PRESENT + skew), "clock").level == "ok"


def test_the_rate_limit_is_reported_with_what_is_left(sandbox: Sandbox) -> None:
    assert result(look(sandbox), "rate limit").value == "300 requests a minute, 260 left for the next 60 s"


def test_a_budget_that_is_almost_used_up_is_a_warning(clock: Clock) -> None:
    with running(conversations_per_day=20, now=PRESENT, requests_per_minute=40, clock=lambda: 0.0) as busy:
        found = look(busy, clock=clock, sleep=clock.sleep)
    assert result(found, "rate limit").level == "warn"
    assert "one of its own" in result(found, "rate limit").advice
    assert found.passed


def test_a_rate_limit_that_is_not_announced_is_no_problem() -> None:
    with running(conversations_per_day=20, now=PRESENT, requests_per_minute=None) as unlimited:
        found = look(unlimited)
    assert result(found, "rate limit").level == "ok"
    assert "not announced" in result(found, "rate limit").value
