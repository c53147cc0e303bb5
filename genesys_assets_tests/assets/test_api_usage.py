"""Compares the platform's own count of requests with the requests that it received."""

from __future__ import annotations

from collections import Counter

import dagster as dg
import pytest

from genesys_assets.cloud import api_usage
from genesys_assets.cloud.http.request_log import template
from genesys_assets.lake.lake import Lake
from genesys_assets_tests.assets.world import World, error
from genesys_assets_tests.conftest import NOW

USAGE, TODAY = "reference/api_usage", f"{NOW:%Y-%m-%d}"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_usage, "FIRST_WAIT", 0.0)


def permitted(run: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (check,) = (each for each in run.get_asset_check_evaluations() if each.check_name == "is_permitted")
    return check


def test_the_platform_counts_each_request_by_path(world: World) -> None:
    world.sandbox.behaviour.fail_next(429, path="/routing/queues", headers={"Retry-After": "0"})
    assert world.run("upkeep", "reference/queues", "reference/users").success
    # The sandbox's clock stands still, so all requests so far belong to its day.
    expected: Counter[tuple[str, str]] = Counter(
        (each.method, template(each.path)) for each in world.sandbox.answered if each.path != "/oauth/token"
    )
    run = world.run("observe", USAGE, partition=TODAY)
    assert run.success
    assert permitted(run).passed
    rows = {(row["method"], row["path"]): row for row in world.lake.read(USAGE, TODAY).to_pylist()}
    assert {key: rows[key]["requests"] for key in expected} == dict(expected)
    assert rows["GET", "/api/v2/routing/queues"]["rate_limited"] == 1
    assert rows["GET", "/api/v2/users"]["succeeded"] == 1


def test_another_day_has_no_rows_and_is_stored(world: World) -> None:
    assert world.run("observe", USAGE, partition="2026-01-28").success
    assert world.lake.has(USAGE, "2026-01-28")
    assert len(world.lake.read(USAGE, "2026-01-28")) == 0


def test_a_count_that_is_not_permitted_fails_nothing_and_stays_unanswered(world: World) -> None:
    world.sandbox.behaviour.missing_permissions = {"usage:client:view"}
    run = world.run("observe", USAGE, partition=TODAY)
    assert run.success
    check = permitted(run)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.metadata["permission"].value == "usage:client:view"
    assert not world.lake.has(USAGE, TODAY)
    # The request was sent, so automation does not repeat it.
    assert world.lake.log(USAGE).newness(TODAY) is not None


@pytest.mark.parametrize("status", ["Failed", "Cancelled", None])
def test_a_count_that_the_platform_gives_up_is_an_error_by_name(world: World, status: str | None) -> None:
    world.sandbox.behaviour.fail_next(200, path="/query/jobs/", body={"queryStatus": status}, method="GET")
    run = world.run("observe", USAGE, partition=TODAY)
    assert not run.success
    assert not world.lake.has(USAGE, TODAY)


def test_a_day_that_is_refused_leaves_the_days_after_it_as_they_were_answered(world: World) -> None:
    world.sandbox.behaviour.fail_next(403, times=1, path="/usage/client", body={"code": "missing.permissions"})
    run = world.run("observe", USAGE, between=("2026-01-28", TODAY))
    assert run.success
    assert not permitted(run).passed
    assert not world.lake.has(USAGE, "2026-01-28")
    assert world.lake.has(USAGE, "2026-01-29")
    assert world.lake.has(USAGE, TODAY)


def test_stored_pages_that_cannot_be_read_are_no_day_without_requests(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lake, "pages", lambda *_: None)
    run = world.run("observe", USAGE, partition=TODAY)
    assert "pages/reference_api_usage of 2026-01-30 cannot be read. Materialise the day again." in error(run)
    assert not world.lake.has(USAGE, TODAY)
