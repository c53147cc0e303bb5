"""When the platform or a setting is wrong, a run ends in one clear error without secrets, and nothing stored
changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from genesys_assets.cloud.http import retry
from genesys_assets.sandbox.server import running
from genesys_assets_tests.assets.world import TABLES_OF_HOURS, World, error, events, hours, metadata
from genesys_assets_tests.conftest import NOW
from genesys_assets_tests.ports import refusing_port

DAY = "2026-01-28"
HOUR = f"{DAY}-10:00"
DETAILS, AGGREGATES, QUEUES = "pages/hourly_details", "pages/hourly_aggregates", "reference/queues"
FETCHES = [("hourly", DETAILS, HOUR), ("hourly", AGGREGATES, HOUR), ("daily", "pages/daily_aggregates", DAY)]
ALWAYS = 1000
OVER_TIME = "reference/queues_history"
"""Says when names were first seen, which no two lakes have in common."""


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory, code_location: dg.Definitions) -> Iterator[World]:
    with running(conversations_per_day=60, now=NOW, requests_per_minute=None) as sandbox:
        world = World(sandbox, tmp_path_factory.mktemp("stock") / "lake", code_location)
        assert world.run("hourly", between=hours(DAY)).success
        assert world.run("daily", "pages/daily_aggregates", QUEUES, partition=DAY).success
        yield world


@pytest.fixture
def stocked(stock: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world with a stored day. The fixture checks that the test leaves the day unchanged. Retries do not wait."""
    monkeypatch.setattr(retry, "FIRST_BACKOFF", 0.0)
    before = stock.files()
    yield stock
    assert stock.files() == before
    behaviour = stock.sandbox.behaviour
    behaviour.faults.clear()
    behaviour.missing_permissions = set()
    behaviour.answers_without_conversations = 0


def with_settings(world: World, **settings: str) -> World:
    return replace(world, settings=settings)


def without(world: World, *names: str) -> World:
    return replace(world, settings=dict.fromkeys(names, ""))


@pytest.mark.parametrize(("job", "asset", "partition"), FETCHES)
def test_a_wrong_secret_is_named_as_such_and_never_shown(stocked: World, job: str, asset: str, partition: str) -> None:
    wrong = with_settings(stocked, GENESYS_CLOUD_CLIENT_SECRET="not-the-secret-4711")
    run = wrong.run(job, asset, partition=partition)
    assert "did not accept the secret of the OAuth client" in error(run)
    assert stocked.sandbox.client_id in error(run)
    assert "not-the-secret-4711" not in events(wrong.instance, run)


def test_an_unknown_client_is_named(stocked: World) -> None:
    run = with_settings(stocked, GENESYS_CLOUD_CLIENT_ID="nobody").run("hourly", DETAILS, partition=HOUR)
    assert "does not know the OAuth client 'nobody'" in error(run)


@pytest.mark.parametrize(
    ("job", "asset", "partition", "missing"),
    [
        ("hourly", AGGREGATES, HOUR, {"analytics:conversationAggregate:view"}),
        ("daily", "pages/daily_aggregates", DAY, {"analytics:conversationAggregate:view"}),
        (
            "hourly",
            DETAILS,
            HOUR,
            {"analytics:conversationDetail:view", "analytics:agentConversationDetail:view"},
        ),
        ("daily", QUEUES, None, {"routing:queue:view"}),
    ],
)
def test_a_missing_permission_is_named(
    stocked: World, job: str, asset: str, partition: str | None, missing: set[str]
) -> None:
    stocked.sandbox.behaviour.missing_permissions = missing
    said = error(stocked.run(job, asset, partition=partition))
    assert "needs the permission" in said
    assert all(permission in said for permission in missing)


def test_an_unreachable_host_is_named(stocked: World) -> None:
    with refusing_port() as port:
        address = f"http://127.0.0.1:{port}"
        nowhere = with_settings(stocked, GENESYS_CLOUD_API_URL=address, GENESYS_CLOUD_LOGIN_URL=address)
        assert f"127.0.0.1:{port} cannot be reached" in error(nowhere.run("hourly", DETAILS, partition=HOUR))


@pytest.mark.parametrize("name", ["GENESYS_CLOUD_CLIENT_ID", "GENESYS_CLOUD_CLIENT_SECRET"])
def test_a_missing_setting_is_named_with_what_a_right_value_looks_like(stocked: World, name: str) -> None:
    before = list(stocked.sandbox.requests)
    said = error(without(stocked, name).run("hourly", DETAILS, partition=HOUR))
    assert f"{name} is not set" in said
    assert f"for example {name}=" in said
    assert list(stocked.sandbox.requests) == before


def test_a_missing_region_is_named(stocked: World) -> None:
    nowhere = without(stocked, "GENESYS_CLOUD_API_URL", "GENESYS_CLOUD_LOGIN_URL")
    assert "GENESYS_CLOUD_REGION is not set" in error(nowhere.run("hourly", DETAILS, partition=HOUR))


def test_a_malformed_setting_is_named_with_its_value(stocked: World) -> None:
    slow = with_settings(stocked, GENESYS_CLOUD_REQUESTS_PER_MINUTE="many")
    said = error(slow.run("hourly", DETAILS, partition=HOUR))
    assert "GENESYS_CLOUD_REQUESTS_PER_MINUTE cannot be 'many': it must be a valid integer. " in said


@pytest.mark.parametrize(
    ("job", "asset", "partition", "path"),
    [(*fetch, "/api/v2/analytics") for fetch in FETCHES] + [("daily", QUEUES, None, "/routing/queues")],
)
@pytest.mark.parametrize("body", ["<html><body>Maintenance</body></html>", "", '["a list"]', '{"conversations": [{'])
def test_an_answer_that_is_no_json_object_is_described(
    stocked: World, job: str, asset: str, partition: str | None, path: str, body: str
) -> None:
    stocked.sandbox.behaviour.fail_next(200, times=ALWAYS, path=path, body=body)
    said = error(stocked.run(job, asset, partition=partition))
    assert "instead of a JSON object" in said


def test_an_answer_cut_short_is_asked_again_and_then_given_up(stocked: World) -> None:
    stocked.sandbox.behaviour.fail_next(200, times=ALWAYS, path="details/query", truncated=True)
    before = stocked.sandbox.requested("details/query")
    assert "breaks off" in error(stocked.run("hourly", DETAILS, partition=HOUR))
    assert stocked.sandbox.requested("details/query") - before == 5


def test_an_answer_cut_short_once_does_no_harm(stocked: World, tmp_path: Path) -> None:
    stocked.sandbox.behaviour.fail_next(200, path="details/query", truncated=True)
    other = replace(stocked, folder=tmp_path)
    run = other.run("hourly", DETAILS, between=hours(DAY))
    assert run.success
    assert metadata(run, DETAILS, HOUR)["retries"] == 1
    stored = {path: digest for path, digest in stocked.contents().items() if DETAILS in path}
    assert other.contents() == stored


def test_a_page_without_its_conversations_is_no_empty_hour(stocked: World) -> None:
    stocked.sandbox.behaviour.answers_without_conversations = ALWAYS
    said = error(stocked.run("hourly", DETAILS, partition=HOUR))
    assert "came without conversations, though there are 60" in said


def test_a_listing_without_its_entities_is_no_empty_list(stocked: World) -> None:
    stocked.sandbox.behaviour.fail_next(200, path="/routing/queues", body={"pageNumber": 1, "total": 0})
    assert "/api/v2/routing/queues was answered without 'entities'" in error(stocked.run("daily", QUEUES))


@pytest.mark.parametrize("status", [500, 504])
def test_a_server_error_that_persists_is_reported_after_a_few_tries(stocked: World, status: int) -> None:
    stocked.sandbox.behaviour.fail_next(status, times=ALWAYS, path="conversations/aggregates")
    said = error(stocked.run("hourly", AGGREGATES, partition=HOUR))
    assert "failed on the platform's side" in said
    assert f"HTTP {status}" in said


def test_a_fault_halfway_through_a_range_leaves_the_hours_of_that_day_as_they_were(stocked: World) -> None:
    """The hours of a day take two requests; the platform refuses the second."""
    stocked.sandbox.behaviour.fail_next(200, path="conversations/aggregates")
    stocked.sandbox.behaviour.fail_next(403, path="conversations/aggregates")
    assert "is not allowed" in error(stocked.run("hourly", AGGREGATES, between=hours(DAY)))


def test_a_range_that_is_refused_as_too_long_is_asked_for_in_parts(world: World) -> None:
    refusal = {"message": "You must specify an interval that does not exceed 12 hours", "code": "bad.request"}
    world.sandbox.behaviour.fail_next(400, path="conversations/aggregates", body=refusal)
    assert world.run("hourly", AGGREGATES, between=hours(DAY)).success
    assert world.sandbox.requested("conversations/aggregates") == 4


def test_unknown_fields_are_kept_in_pages_and_named_in_the_metadata_of_tables(world: World) -> None:
    world.sandbox.behaviour.unknown_fields = True
    assert world.run("hourly", between=hours(DAY)).success
    run = world.run("daily", *TABLES_OF_HOURS, partition=DAY)
    assert run.success
    assert set(metadata(run, "tables/conversations")["unknown_fields"]) == {"conversations.sandboxFutureField"}
    of_metrics = metadata(run, "tables/interval_metrics")["unknown_fields"]
    assert set(of_metrics) == {"sandboxFutureField", "results.sandboxFutureField"}
    stored = world.lake.pages(DETAILS, HOUR)
    assert stored is not None
    assert all(b"sandboxFutureField" in page.body for page in stored)


@pytest.mark.long
def test_unknown_fields_change_no_table(world: World, elsewhere: World) -> None:
    for each, unknown in ((world, False), (elsewhere, True)):
        world.sandbox.behaviour.unknown_fields = unknown
        assert each.run("hourly", between=hours(DAY)).success
        assert each.run("daily", *TABLES_OF_HOURS, "reference/queues", partition=DAY).success
    plain, strange = (
        {path: digest for path, digest in each.contents().items() if not path.startswith(("pages/", OVER_TIME))}
        for each in (world, elsewhere)
    )
    assert plain == strange
    listed = {"reference/queues", "reference/service_levels_history"}
    assert {path.partition("@")[0] for path in plain} == {*TABLES_OF_HOURS, *listed}
