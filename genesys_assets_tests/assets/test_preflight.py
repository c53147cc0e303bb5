"""The preflight asset: a run that checks whether the other runs can succeed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from genesys_assets.assets.preflight import build_preflight_asset
from genesys_assets.cloud.analytics.families import FAMILIES
from genesys_assets.reports.custom import wanted_families
from genesys_assets.resources import GenesysCloudResource, LakeResource, PublishingResource
from genesys_assets.sandbox.server import running
from genesys_assets_tests.assets.world import World, environment, error, metadata

OTHERS = [name for name in FAMILIES if name != "conversations"]


@pytest.fixture
def outpost(tmp_path: Path) -> Iterator[World]:
    """A world whose only asset is the preflight."""
    job = dg.define_asset_job("preflight", selection=dg.AssetSelection.assets(["genesys", "ops", "preflight"]))
    resources = {"genesys_cloud": GenesysCloudResource(), "lake": LakeResource(), "publishing": PublishingResource()}
    with environment({}):
        alone = dg.Definitions([build_preflight_asset(wanted_families())], jobs=[job], resources=resources)
    with running(conversations_per_day=20, requests_per_minute=None) as sandbox:
        yield World(sandbox, tmp_path / "lake", alone, instance=dg.DagsterInstance.ephemeral(str(tmp_path / "dagster")))


def test_it_shows_what_it_found_as_a_table_and_stores_nothing(outpost: World) -> None:
    run = outpost.run("preflight")
    said = metadata(run, "ops/preflight")
    assert run.success
    asked = [path for _, path in outpost.sandbox.requests if path != "/oauth/token"]
    assert said["requests"] == len(asked) == len(set(asked)) == 40
    rows = said["findings"].splitlines()
    assert "what to do" in rows[0]
    # Besides the requests: the clock, the rate limit, the lake and the published files. Agents' status takes two
    # requests.
    assert len(rows) == 2 + len(asked) - 1 + 4
    assert all(sum(f"| aggregates: {name} " in row for row in rows) == 1 for name in OTHERS)
    assert any("queues" in row and "10 visible: 6 in Home, 4 in Switzerland" in row for row in rows)
    assert outpost.files() == {}


def test_it_fails_naming_what_is_missing_and_what_to_do(outpost: World) -> None:
    outpost.sandbox.behaviour.missing_permissions = {"routing:queue:view"}
    run = outpost.run("preflight")
    said = error(run)
    assert "queues: not permitted." in said
    assert "Give the OAuth client a role with the permission Routing > Queue > View (routing:queue:view)" in said
    (failure,) = (event for event in run.all_events if event.is_step_failure)
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    assert "| fail" in str(data.metadata["findings"].value)


def test_it_fails_where_fewer_queues_are_visible_than_expected(outpost: World) -> None:
    demanding = replace(outpost, settings={"GENESYS_ASSETS_EXPECTED_QUEUES": "11"})
    assert "queues: 10 visible" in error(demanding.run("preflight"))
    assert replace(outpost, settings={"GENESYS_ASSETS_EXPECTED_QUEUES": "10"}).run("preflight").success


def test_an_expectation_that_is_no_number_is_named(outpost: World) -> None:
    wrong = replace(outpost, settings={"GENESYS_ASSETS_EXPECTED_QUEUES": "many"})
    assert "GENESYS_ASSETS_EXPECTED_QUEUES cannot be 'many': it must be a valid integer" in error(
        wrong.run("preflight")
    )


def test_building_it_needs_no_settings() -> None:
    with environment({}):
        assert build_preflight_asset(()).key == dg.AssetKey(["genesys", "ops", "preflight"])
