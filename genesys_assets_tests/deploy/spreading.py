"""A backfill that two workers of a cluster share, and the same days on one machine. One worker loses its power in the
middle.

Used by the tests, and for a month by `month`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from deploy import cluster as deployed
from deploy.cluster import Cluster, Part
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.opening import open_lake, shared_s3_client
from genesys_assets.publishing.manifest import Manifest
from genesys_assets.resources import PublishingResource
from genesys_assets.sandbox.server import Sandbox
from genesys_assets_tests.assets.world import World, definitions, environment, hours
from genesys_assets_tests.examples.deployment import Deployment, Run
from genesys_assets_tests.patience import PATIENCE_SECONDS

FIRST = date(2026, 1, 1)
HOURS = ("pages/hourly_aggregates", "pages/hourly_details")
SOON = {"poll_interval_seconds: 30": "poll_interval_seconds: 2"}
"""Runs are looked at often, so that a test need not wait."""
_SLOW_MS = 5_000
_TASK = "dagster-celery/task_id"
_OF_READINGS = ("tables/restatements", "reports/api_cost")
"""Tables that describe the runs that made the rest."""
_READS_NEIGHBOURS = ("tables/user_presence", "tables/user_routing_status", "reports/", "published/")
"""What is made of neighbouring days as far as they are stored, so that the order of days counts: a span that began on a
day without pages stands under the next day that has some.
"""


@dataclass(frozen=True, slots=True)
class Spread:
    """The result of the backfills: their statuses, the runs of each worker, the seconds that all took, and the seconds
    of the first one since the loss.
    """

    statuses: Sequence[str]
    runs: Mapping[str, Sequence[Run]]
    seconds: float
    seconds_after_loss: float

    def succeeded(self, worker: str) -> list[Run]:
        return [run for run in self.runs[worker] if run.status == "SUCCESS"]


def days(count: int) -> tuple[str, str]:
    return f"{FIRST}", f"{FIRST + timedelta(days=count - 1)}"


def on_one_machine(sandbox: Sandbox, folder: Path, count: int, assets: Collection[str]) -> Made:
    """The days as one machine makes them, each range in one run."""
    first, last = days(count)
    hourly = [asset for asset in assets if asset in HOURS]
    daily = [asset for asset in assets if asset not in HOURS]
    settings = {"GENESYS_ASSETS_PUBLISH_URL": (folder / "published").as_uri()}
    world = World(sandbox, folder / "lake", definitions(first), settings)
    assert world.run("hourly", *hourly, between=hours(first, last)).success
    assert world.run("daily", *daily, between=(first, last)).success
    with environment(world.environment):
        return _made(world.lake, count, assets)


def in_cluster(running: Cluster, count: int, assets: Collection[str]) -> Made:
    """The result of a cluster."""
    names = ("AWS_", "GENESYS_ASSETS_PUBLISH", "GENESYS_ASSETS_LAKE")
    with environment({name: value for name, value in running.settings.items() if name.startswith(names)}):
        return _made(open_lake(), count, assets)


@contextmanager
def cluster(
    sandbox: Sandbox,
    *,
    edited: Mapping[str, str],
    days_per_run: int = 1,
    patience: float = 4 * PATIENCE_SECONDS,
    run_metrics: Path | None = None,
) -> Iterator[tuple[Cluster, Deployment]]:
    """A cluster that reads the sandbox. With `run_metrics`, that file gets a line of each run that ends."""
    settings = {
        **sandbox.environment(),
        "GENESYS_ASSETS_START_DATE": f"{FIRST}",
        "GENESYS_ASSETS_DAYS_PER_RUN": f"{days_per_run}",
        **({} if run_metrics is None else {"GENESYS_ASSETS_RUN_METRICS": f"{run_metrics.absolute()}"}),
    }
    with deployed.running(settings, edited=edited) as running:
        deployment = Deployment(running.url, running.services, patience)
        deployment.wait_for(lambda: "LOADING" not in deployment.locations().values())
        if run_metrics is not None:
            deployment.switch_on("genesys_assets", "run_metrics")
        yield running, deployment


def spread(
    sandbox: Sandbox,
    running: Cluster,
    deployment: Deployment,
    count: int,
    assets: Collection[str],
    *,
    after: int = 0,
    is_replaced: bool = False,
) -> Spread:
    """Backfill the days: pages and tables first, then what reads neighbouring days as far as they are stored.
    Once `after` runs have ended, the first worker loses its power in the middle of one; another may replace it.
    """
    late = [asset for asset in assets if asset.startswith(_READS_NEIGHBOURS)]
    began = time.monotonic()
    backfill = _backfill(deployment, count, [asset for asset in assets if asset not in late])
    lost = running.workers[0]
    deployment.wait_for(lambda: _ended(running) >= after)
    with slowly(sandbox):
        deployment.wait_for(lambda: _is_busy(lost, deployment))
        lost.kill()
    killed = time.monotonic()
    if is_replaced:
        running.add_worker()
    statuses = [deployment.backfill_ended(backfill)]
    recovered = time.monotonic()
    if late:
        statuses.append(deployment.backfill_ended(_backfill(deployment, count, late)))
    ended = time.monotonic()
    runs = {worker.name: _runs_of(worker, deployment.runs()) for worker in running.workers}
    return Spread(statuses, runs, ended - began, recovered - killed)


@contextmanager
def slowly(sandbox: Sandbox) -> Iterator[None]:
    """Delay the platform's answers, so that a test can stop a run in the middle."""
    sandbox.behaviour.latency_ms = _SLOW_MS
    try:
        yield
    finally:
        sandbox.behaviour.latency_ms = 0


def _backfill(deployment: Deployment, count: int, assets: Collection[str]) -> str:
    return deployment.backfill_ranges({f"genesys/{asset}": _range(asset, count) for asset in assets})


def _range(asset: str, count: int) -> tuple[str, str] | None:
    """The range, or None for assets without partitions."""
    first, last = days(count)
    return None if asset.startswith("reference/") else hours(first, last) if asset in HOURS else (first, last)


def _ended(running: Cluster) -> int:
    return sum(worker.log.read_text().count(" succeeded in ") for worker in running.workers)


def _is_busy(worker: Part, deployment: Deployment) -> bool:
    """Whether a started run still goes on there."""
    return bool(_taken(worker)) and any(run.status == "STARTED" for run in _runs_of(worker, deployment.runs()))


def _runs_of(worker: Part, runs: Sequence[Run]) -> list[Run]:
    taken = _taken(worker)
    return [run for run in runs if run.tags.get(_TASK) in taken]


def _taken(worker: Part) -> set[str]:
    """The tasks that a worker took."""
    return set(re.findall(r"Task execute_job\[([^]]+)\] received", worker.log.read_text()))


@dataclass(frozen=True, slots=True)
class Made:
    """The state at the end: the rows of each partition of tables and reports, without tables that describe runs, and
    the published files of each day.
    """

    rows: Mapping[str, pa.Table]
    published: Mapping[str, Manifest | None]

    def differs_from(self, other: Made) -> list[str]:
        """The partitions and published days that differ."""
        places = sorted(self.rows.keys() | other.rows.keys())
        days = sorted(self.published.keys() | other.published.keys())
        return [
            *(place for place in places if not _are_equal(self.rows.get(place), other.rows.get(place))),
            *(day for day in days if not _say_the_same(self.published.get(day), other.published.get(day))),
        ]


def _made(lake: Lake, count: int, assets: Collection[str]) -> Made:
    places = [asset for asset in assets if asset.startswith(("tables/", "reports/")) and asset not in _OF_READINGS]
    rows = {
        f"{place}@{key}": _sorted(lake.read(place, key))
        for place in places
        for key in sorted(lake.stored(place), key=str)
    }
    publisher = PublishingResource().publisher(shared_s3_client)
    dates = [FIRST + timedelta(days=offset) for offset in range(count)] if "published/reports" in assets else []
    return Made(rows, {f"{each}": publisher.manifest(each) for each in dates})


def _sorted(table: pa.Table) -> pa.Table:
    """The rows, sorted by all columns that can be compared."""
    plain = [(name, "ascending") for name in table.column_names if not pa.types.is_nested(table.field(name).type)]
    return table.sort_by(plain).combine_chunks()


def _are_equal(one: pa.Table | None, other: pa.Table | None) -> bool:
    return one is not None and other is not None and bool(one.equals(other))


def _say_the_same(one: Manifest | None, other: Manifest | None) -> bool:
    return one is not None and other is not None and one.says_the_same_as(other)
