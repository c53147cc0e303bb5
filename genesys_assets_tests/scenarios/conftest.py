"""An organisation whose present a scenario moves, an empty lake, and no waiting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from genesys_assets.cloud.http import retry
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.sandbox.server import running
from genesys_assets_tests.assets.world import World, definitions

FIRST = date(2026, 1, 26)


@dataclass
class FixedNow:
    """The present of the organisation."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture(scope="package", autouse=True)
def _without_waiting() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(details_jobs, "FIRST_WAIT", 0.001)
        patch.setattr(retry, "FIRST_BACKOFF", 0.0)
        yield


@pytest.fixture(scope="package")
def code_location() -> dg.Definitions:
    return definitions(f"{FIRST}")


@pytest.fixture
def present() -> FixedNow:
    """Noon two days after 2026-01-28, which is complete by then."""
    return FixedNow(datetime(2026, 1, 30, 12, tzinfo=UTC))


@pytest.fixture
def world(tmp_path: Path, code_location: dg.Definitions, present: FixedNow) -> Iterator[World]:
    """A world with nothing fetched yet."""
    with running(conversations_per_day=60, now=present, requests_per_minute=None) as sandbox:
        yield World(sandbox, tmp_path / "lake", code_location)
