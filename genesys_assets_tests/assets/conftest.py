"""A fresh sandbox and an empty lake for each test of the assets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from genesys_assets.cloud.http import retry
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.sandbox.server import running
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests.assets.daily_details import AVAILABLE, DATE, END
from genesys_assets_tests.assets.world import World, definitions
from genesys_assets_tests.conftest import DAYS, NOW


@pytest.fixture(scope="session")
def code_location() -> dg.Definitions:
    """The definitions, beginning with the first of DAYS."""
    return definitions(f"{DAYS[0]}")


@pytest.fixture
def world(tmp_path: Path, code_location: dg.Definitions, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world with nothing fetched yet. Retries do not wait."""
    monkeypatch.setattr(retry, "FIRST_BACKOFF", 0.0)
    with running(conversations_per_day=60, now=NOW, requests_per_minute=None) as sandbox:
        yield World(sandbox, tmp_path / "lake", code_location)


@pytest.fixture
def elsewhere(world: World, tmp_path: Path) -> World:
    """The same organisation with another lake."""
    return replace(world, folder=tmp_path / "other", instance=dg.DagsterInstance.ephemeral(), runs=[])


@pytest.fixture
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client polls jobs without waiting."""
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)


@pytest.fixture
def available(world: World) -> World:
    """A world whose jobs have all data up to AVAILABLE, in the middle of TODAY."""
    world.sandbox.behaviour.availability = AVAILABLE
    return world


@pytest.fixture
def lasting(world: World) -> tuple[World, str]:
    """A conversation that began on DAY and opened again on NEXT."""
    organisation = world.sandbox.organisation
    reopened = next(
        item["conversationId"]
        for item in organisation.conversations(DATE)
        if "conversationEnd" in item and plain.moment(item["conversationEnd"]) < END
    )
    organisation.reopen(reopened, END + timedelta(hours=10))
    return world, reopened
