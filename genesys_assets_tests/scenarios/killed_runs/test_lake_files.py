"""A run over files of the data lake extraction is killed between two files; the next run continues after the first."""

from __future__ import annotations

import json
import multiprocessing
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from genesys_assets.sandbox.extraction import FILES_PATH, File
from genesys_assets.sandbox.extraction_rows import COLUMNS
from genesys_assets.sandbox.server import running
from genesys_assets.sandbox.times import HOUR, from_datetime
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests.assets.world import World
from genesys_assets_tests.scenarios.killed_runs.lakes import NOW
from genesys_assets_tests.scenarios.killed_runs.process import DEFINITIONS, Kill, Order, run

FILES = "pages/lake_files"
DAY, NEXT = "2026-01-27", "2026-01-28"
MIDNIGHT = datetime(2026, 1, 27, tzinfo=UTC)
LAST_FILE = datetime(2026, 1, 28, 22, 59, 59, 999_000, tzinfo=UTC)
"""Up to when the newest file of the next day knows."""
COMMITTED = 100
KILLED_AT = 130
SETTINGS = {"GENESYS_ASSETS_DATA_LAKE": "on", "GENESYS_ASSETS_DATA_LAKE_LAG_HOURS": "4"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(conversations_per_day=10, now=NOW, requests_per_minute=None) as sandbox:
        yield World(sandbox, tmp_path / "lake", DEFINITIONS, SETTINGS)


def kill(world: World, home: Path) -> None:
    """Fetch the files of a day in a process that dies before it stores one of them."""
    between_files = Kill("genesys_assets.assets.lake_files:_page", KILLED_AT)
    home.mkdir()
    order = Order(world.environment, f"{home}", "data_lake", (FILES,), DAY, None, None, between_files, NOW)
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload([run.__module__])
    process = forking.Process(target=run, args=(order,), daemon=True)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def stored(world: World) -> dict[str, bytes]:
    pages = world.lake.pages(FILES, DAY)
    assert pages is not None
    return {json.loads(page.request)["path"].rsplit("/", 1)[-1]: page.body for page in pages}


@pytest.mark.long
def test_the_next_run_fetches_only_what_was_not_committed_and_rows_are_right(world: World, tmp_path: Path) -> None:
    first = from_datetime(MIDNIGHT) - HOUR
    files = [File(schema, first + hour * HOUR) for hour in range(24) for schema in COLUMNS]
    kill(world, tmp_path / "home")
    assert len(stored(world)) == COMMITTED
    reach = world.lake.reach(FILES, DAY)
    assert reach is not None
    assert not reach.is_complete

    before = world.sandbox.requested(FILES_PATH)
    assert world.run("data_lake", FILES, partition=DAY).success
    assert world.sandbox.requested(FILES_PATH) - before == len(files) - COMMITTED
    assert stored(world) == {file.id: world.sandbox.extraction.content(file) for file in files}

    assert world.run("data_lake", FILES, partition=NEXT).success
    assert world.run("daily", "tables/conversations", "tables/session_metrics", partition=DAY).success
    organisation = world.sandbox.organisation
    arrivals = organisation.arrivals(date.fromisoformat(DAY))
    seen = [organisation.item_with_attributes(arrival, from_datetime(LAST_FILE)) for arrival in arrivals]
    expected = plain.model_rows(seen)["session_metrics"]
    rows = world.lake.read("tables/session_metrics", DAY).to_pylist()
    names = ("conversation_id", "session_id", "metric", "value")
    assert Counter(tuple(row[name] for name in names) for row in rows) == Counter(
        tuple(row[name] for name in names) for row in expected
    )
    assert len(world.lake.read("tables/conversations", DAY)) == len(arrivals)
    with dg.DagsterInstance.local_temp(f"{tmp_path / 'home'}") as instance:
        assert [record.status for record in instance.get_runs()] == [dg.DagsterRunStatus.STARTED]
