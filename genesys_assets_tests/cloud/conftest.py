"""Fixtures for every test of `cloud`: a scripted platform, a clock, a client that uses both, a small reach, and
jobs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from genesys_assets.cloud.analytics import details_paging
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests.cloud.job_book import JobBookInMemory
from genesys_assets_tests.cloud.jobs.job_archive import JobArchive
from genesys_assets_tests.cloud.platform import Clock, Platform, client, running_platform


@pytest.fixture
def platform() -> Iterator[Platform]:
    with running_platform() as platform:
        yield platform


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cloud(platform: Platform, clock: Clock) -> Iterator[GenesysCloud]:
    with client(platform, clock) as cloud:
        yield cloud


@pytest.fixture
def small_reach(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let a query reach 100 results instead of the platform's 100,000."""
    monkeypatch.setattr(details_paging, "MOST_RESULTS", 100)
    return 100


@pytest.fixture
def archive(platform: Platform, clock: Clock) -> JobArchive:
    """25 conversations of a day."""
    return JobArchive(platform, clock, rows=25)


@pytest.fixture
def book() -> JobBookInMemory:
    return JobBookInMemory()
