"""What every test of `cloud` may ask for: a scripted platform, a clock, and a client of the two."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from genesys_assets.cloud.transport import GenesysCloud
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
