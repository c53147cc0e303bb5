"""Fixtures of the whole suite: a few days, materialised once, from the API to published reports.

The sandbox decides what the days hold; `test_a_day` compares them with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings

from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets.sandbox.server import running
from genesys_assets_tests.assets.world import TABLES_OF_HOURS, World, definitions, hours
from genesys_assets_tests.ephemeral import keep_connections
from genesys_assets_tests.s3_fixtures import bucket, object_store, public_bucket, s3_client, s3_resource

__all__ = ["bucket", "object_store", "past_days", "public_bucket", "s3_client", "s3_resource"]

# Hypothesis fails a test whose examples are slow to make or run. That depends more on the machine than on the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

keep_connections()

DAY = date(2026, 1, 29)
# An organisation in which everything that makes days hard happens within these few; `test_a_day` checks that it does.
SEED = 125
# The next evening: some conversations ended on a later day than they began, some are still open.
NOW = datetime(2026, 1, 30, 18, 17, 0, 123_000, tzinfo=UTC)
# Agents handle what began up to three days before; the day after is needed for business days of other zones.
DAYS = [DAY + timedelta(days=offset) for offset in (-3, -2, -1, 0, 1)]

PAST_BUCKET = "past-days"


@pytest.fixture(scope="session", autouse=True)
def _without_waiting_for_the_disk() -> Iterator[None]:
    """Skip fsync. Data still outlives the death of its process; `lake.test_delta` tests what outlives a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session")
def past_days(tmp_path_factory: pytest.TempPathFactory, object_store: ObjectStore) -> Iterator[World]:
    """DAYS fetched hour by hour and decoded, DAY all the way to published reports. For reading only."""
    first, last = f"{DAYS[0]}", f"{DAYS[-1]}"
    object_store.create_bucket(PAST_BUCKET)
    publishing = {"GENESYS_ASSETS_PUBLISH_URL": f"s3://{PAST_BUCKET}/published", **object_store.environment()}
    with running(seed=SEED, conversations_per_day=130, now=NOW, requests_per_minute=None) as sandbox:
        world = World(sandbox, tmp_path_factory.mktemp("lake"), definitions(first), publishing)
        world.run("hourly", between=hours(first, last))
        world.run("daily", *TABLES_OF_HOURS, between=(first, last))
        world.run("daily", partition=f"{DAY}")
        assert all(run.success for run in world.runs)
        yield world
