"""examples/downstream beside genesys_assets, as its README says: both code locations under a real daemon.

The example itself tests its figures.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from downstream.assets import WEEK_OF_QUEUES
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.resources import LakeResource
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets_tests.assets.world import World, environment
from genesys_assets_tests.conftest import DAY, DAYS
from genesys_assets_tests.examples.deployment import REPOSITORY, SHARED_DATABASES, Deployment, databases, deployed

pytestmark = pytest.mark.long

SPECS = {report.name: report.spec for report in built_in_reports()}


def workspace_with_example(folder: Path) -> Path:
    """workspace.yaml with its commented example switched on."""
    text = (REPOSITORY / "workspace.yaml").read_text()
    switched_on = text.replace("  # - python_module:", "  - python_module:").replace("  #     ", "      ")
    path = folder / "workspace.yaml"
    path.write_text(switched_on)
    return path


@pytest.fixture(scope="module")
def world(past_days: World, object_store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The past days in a lake and a bucket that tests may add to."""
    folder = tmp_path_factory.mktemp("downstream") / "lake"
    shutil.copytree(past_days.folder, folder)
    object_store.create_bucket("downstream")
    publishing = {"GENESYS_ASSETS_PUBLISH_URL": "s3://downstream/published", **object_store.environment()}
    return replace(past_days, folder=folder, settings={"GENESYS_ASSETS_START_DATE": f"{DAYS[0]}", **publishing})


@pytest.fixture(scope="module")
def home(world: World) -> Path:
    """The DAGSTER_HOME of the deployment."""
    return world.folder.parent / "home"


@pytest.fixture(scope="module")
def deployment(world: World, home: Path) -> Iterator[Deployment]:
    """Both code locations over that lake, the example's sensor switched on."""
    with deployed(home, workspace_with_example(home.parent), world.environment) as running:
        assert running.locations() == {"genesys_assets": "LOADED", "downstream": "LOADED"}
        running.switch_on("downstream", "when_published")
        yield running


def test_a_day_that_is_published_in_one_code_location_runs_what_waits_for_it_in_the_other(
    deployment: Deployment, world: World
) -> None:
    began = datetime.now(UTC)
    published = deployment.materialise("genesys_assets", "genesys/published/reports", f"{DAY}", job="daily")
    assert published.status == "SUCCESS"
    followed = deployment.ended(lambda run: run.by_itself)
    assert (followed.status, followed.location) == ("SUCCESS", "downstream")
    assert (followed.assets, followed.partition) == (("downstream/day_is_out",), f"{DAY}")
    rows = {row["report"]: row for row in world.lake.read("downstream/day_is_out", f"{DAY}").to_pylist()}
    assert {report: row["rows"] for report, row in rows.items()} == {
        spec.name: world.lake.rows(f"reports/{spec.name}", f"{DAY}") for spec in SPECS.values()
    }
    reach = world.lake.reach("tables/conversations", f"{DAY}")
    assert reach is not None
    for row in rows.values():
        assert began < row["published_at"] < datetime.now(UTC)
        assert row["data_available_through"] == reach.through
        assert row["is_complete"] is False
    assert [run.assets for run in deployment.runs()] == [("genesys/published/reports",), ("downstream/day_is_out",)]


def test_a_report_of_one_code_location_is_read_in_the_other(deployment: Deployment, world: World) -> None:
    assert deployment.materialise("downstream", "downstream/bonus_points", f"{DAY}").status == "SUCCESS"
    agents = {row["user_id"]: row for row in world.lake.read("reports/agent_daily", f"{DAY}").to_pylist()}
    bonuses = {row["user_id"]: row for row in world.lake.read("downstream/bonus_points", f"{DAY}").to_pylist()}
    assert bonuses.keys() == agents.keys()
    factors = set()
    for user, agent in agents.items():
        average, points = agent["average_handle_time_seconds"], bonuses[user]["points"]
        factor = None if average is None else 1.5 if average <= 300 else 1.0
        assert points == (factor and agent["conversation_count"] * factor)
        factors.add(factor)
    assert {1.5, 1.0} <= factors


def test_no_two_parts_of_it_have_to_create_the_same_database(deployment: Deployment, home: Path) -> None:
    """The shared databases existed before them. Every other database holds the events of one run, or of no run."""
    of_runs = {f"history/runs/{run}.db" for run in (*(run.id for run in deployment.runs()), "")}
    assert databases(home) - of_runs == SHARED_DATABASES


def test_the_same_sql_reads_a_lake_on_s3_through_arrow(
    past_days: World, object_store: ObjectStore, bucket: str
) -> None:
    stored = past_days.lake.read("reports/queue_media", f"{DAY}")
    with environment(object_store.environment()):
        lake = LakeResource(location=f"s3://{bucket}/lake").lake
        lake.write("reports/queue_media", SPECS["queue_media"], stored, f"{DAY}", {})
        with duckdb.connect() as connection:
            connection.register("queue_media", lake.dataset("reports/queue_media", [f"{DAY}"]))
            rows = connection.sql(WEEK_OF_QUEUES).to_arrow_table().to_pylist()
    queues = {row["queue_id"] for row in stored.to_pylist()} - {None}
    assert {row["queue_id"] for row in rows} == queues
    assert sum(row["service_level_denominator"] or 0 for row in rows) == sum(
        row["service_level_denominator"] or 0 for row in stored.to_pylist()
    )
