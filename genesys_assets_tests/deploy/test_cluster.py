"""The cluster of deploy/celery, for real: PostgreSQL, Redis, S3, and two workers that share nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy import cluster as deployed
from deploy import services
from deploy.cluster import Cluster
from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets_tests.deploy import spreading
from genesys_assets_tests.deploy.spreading import Spread
from genesys_assets_tests.examples.deployment import Deployment

DAYS = 2
ASSETS = ("pages/hourly_aggregates", "tables/interval_metrics")


def missing() -> str:
    """Why this machine cannot run a cluster; empty if it can."""
    try:
        deployed.python(), services.postgres_binaries(), services.redis_binary()
    except services.NotInstalled as error:
        return f"{error}"
    return ""


pytestmark = [pytest.mark.long, pytest.mark.skipif(bool(missing()), reason=missing())]


@dataclass(frozen=True, slots=True)
class World:
    sandbox: Sandbox
    cluster: Cluster
    deployment: Deployment
    folder: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with (
        running(seed=7, conversations_per_day=40, requests_per_minute=None) as sandbox,
        spreading.cluster(sandbox, edited=spreading.SOON) as (cluster, deployment),
    ):
        yield World(sandbox, cluster, deployment, tmp_path_factory.mktemp("lakes"))


@pytest.fixture(scope="module")
def backfill(world: World) -> Spread:
    """Backfill DAYS, one run a day. The first worker loses its power in the middle of a run."""
    return spreading.spread(world.sandbox, world.cluster, world.deployment, DAYS, ASSETS)


def test_a_backfill_ends_well_though_a_worker_loses_its_power(backfill: Spread) -> None:
    assert backfill.statuses == ["COMPLETED_SUCCESS"]


def test_the_run_of_the_lost_worker_fails_and_another_one_makes_it_again(backfill: Spread) -> None:
    lost, left = backfill.runs["worker_1"], backfill.succeeded("worker_2")
    [failed] = [run for run in lost if run.status == "FAILURE"]
    assert failed.id in {run.tags.get("dagster/parent_run_id") for run in left}


def test_the_lake_is_that_of_one_machine(world: World, backfill: Spread) -> None:
    alone = spreading.on_one_machine(world.sandbox, world.folder, DAYS, ASSETS)
    assert len(alone.rows) == DAYS
    assert spreading.in_cluster(world.cluster, DAYS, ASSETS).differs_from(alone) == []


def test_a_run_whose_process_is_killed_is_made_again(world: World, backfill: Spread) -> None:
    deployment, [_, worker] = world.deployment, world.cluster.workers
    with spreading.slowly(world.sandbox):
        run = deployment.launch("genesys_assets", f"genesys/{ASSETS[0]}", f"{spreading.FIRST}-05:00")
        deployment.wait_for(lambda: any(each.id == run and each.status == "STARTED" for each in deployment.runs()))
        for process in children(worker.process.pid):
            os.kill(process, signal.SIGKILL)
    again = deployment.ended(lambda each: each.tags.get("dagster/parent_run_id") == run)
    assert again.status == "SUCCESS"
    assert worker.process.poll() is None


def children(process: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
