"""A world whose platform has files of the data lake extraction: fixtures, and helpers that read from them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genesys_assets.cloud.extraction import downloads
from genesys_assets.cloud.http import retry
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.sandbox.extraction import File
from genesys_assets.sandbox.extraction_rows import COLUMNS
from genesys_assets.sandbox.organisation import Item
from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets.sandbox.times import HOUR, from_datetime
from genesys_assets_tests.assets.world import TABLES_OF_HOURS, World
from genesys_assets_tests.conftest import NOW

FILES = "pages/lake_files"
DAY, NEXT, TODAY = "2026-01-27", "2026-01-28", "2026-01-30"
DATE = date(2026, 1, 27)
KNOWN = datetime(2026, 1, 30, 17, 59, 59, 999_000, tzinfo=UTC)
"""Up to when the newest file knows: it was made ten minutes later."""
ON = {"GENESYS_ASSETS_DATA_LAKE": "on"}
TABLES = TABLES_OF_HOURS[1:]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running(conversations_per_day=40, now=NOW, requests_per_minute=None) as sandbox:
        yield sandbox


@pytest.fixture
def off_world(
    sandbox: Sandbox, tmp_path: Path, code_location: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A world with nothing fetched yet and the data lake off. All tests share one sandbox, because making its files is
    slow."""
    monkeypatch.setattr(retry, "FIRST_BACKOFF", 0.0)
    monkeypatch.setattr(downloads, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)
    sandbox.behaviour.reset()
    sandbox.requests.clear()
    yield World(sandbox, tmp_path / "lake", code_location)
    sandbox.behaviour.reset()


@pytest.fixture
def lake_world(off_world: World) -> World:
    """The same with the data lake switched on."""
    return replace(off_world, settings=ON)


@pytest.fixture(scope="module")
def days_once(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory, code_location: dg.Definitions) -> World:
    """The files of DAY to TODAY, fetched once. For copying only."""
    world = World(sandbox, tmp_path_factory.mktemp("days") / "lake", code_location, ON)
    assert fetch(world, DAY, TODAY).success
    return world


@pytest.fixture
def fetched(lake_world: World, days_once: World) -> World:
    """A world whose lake has the files of DAY to TODAY."""
    shutil.copytree(days_once.folder, lake_world.folder)
    return lake_world


def fetch(world: World, first: str, last: str | None = None) -> Any:
    return world.run("data_lake", FILES, between=(first, last or first))


def tables(world: World, day: str, *names: str) -> Any:
    return world.run("daily", *(names or TABLES), partition=day)


def stored(world: World, day: str) -> dict[str, tuple[bytes, dict[str, str]]]:
    """Body and listed parameters of each stored file by its id."""
    pages = world.lake.pages(FILES, day)
    assert pages is not None
    requests = [(json.loads(page.request), page.body) for page in pages]
    found = {asked["path"].rsplit("/", 1)[-1]: (body, asked["params"]) for asked, body in requests}
    assert len(found) == len(pages)
    return found


def of_sandbox(world: World, day: date, *schemas: str) -> dict[str, bytes]:
    """The files that the sandbox made on a day. They cover the hours from an hour before the day to an hour before its
    end."""
    begin = from_datetime(datetime(day.year, day.month, day.day, tzinfo=UTC)) - HOUR
    files = [File(schema, begin + hour * HOUR) for hour in range(24) for schema in schemas or COLUMNS]
    return {file.id: world.sandbox.extraction.content(file) for file in files}


def seen(world: World, day: date) -> list[Item]:
    """The conversations of a day, as in the newest file."""
    organisation = world.sandbox.organisation
    return [organisation.item_with_attributes(arrival, from_datetime(KNOWN)) for arrival in organisation.arrivals(day)]


def checked(run: Any) -> dg.AssetCheckEvaluation:
    (found,) = run.get_asset_check_evaluations()
    evaluation: dg.AssetCheckEvaluation = found
    return evaluation
