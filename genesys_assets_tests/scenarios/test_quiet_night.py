"""In a night without restatements, look-back days are read once, in one run, and nothing is computed again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from genesys_assets.sandbox.server import running
from genesys_assets_tests.assets.world import World, definitions
from genesys_assets_tests.automation.ticks import Ticks, clock_at
from genesys_assets_tests.scenarios.conftest import FixedNow

pytestmark = pytest.mark.long

FIRST = datetime(2026, 1, 26, tzinfo=UTC)
NIGHT = FIRST + timedelta(days=3, hours=5, minutes=12)


@pytest.fixture
def ticks(tmp_path: Path) -> Iterator[Ticks]:
    """A lake that the sensors filled for three days."""
    present = FixedNow(FIRST)
    with clock_at(NIGHT - timedelta(days=1)):
        code_location = definitions(f"{FIRST:%Y-%m-%d}")
    with running(conversations_per_day=20, now=present, requests_per_minute=None) as sandbox:
        ticks = Ticks(World(sandbox, tmp_path / "lake", code_location), present)
        for at in (NIGHT - timedelta(days=1), NIGHT - timedelta(hours=6)):
            ticks.at(at)
        yield ticks


def test_look_back_days_are_read_in_one_run_of_each_kind_and_nothing_is_computed_of_them(ticks: Ticks) -> None:
    asked = ticks.at(NIGHT)

    def of(sensor: str) -> list[tuple[str, str]]:
        return [(each.first[:10], each.last[:10]) for each in asked if each.sensor == sensor]

    assert of("days") == [("2026-01-26", "2026-01-28")]
    assert of("hours") == [("2026-01-29", "2026-01-29"), ("2026-01-26", "2026-01-28")]
    # On the 27th some conversations had not ended when it was read. Of the 26th, only the ends of agents' spans were
    # unknown.
    computed = {
        asset
        for each in asked
        for asset in each.assets
        if each.first <= "2026-01-26" <= each.last and not asset.startswith("pages/")
    }
    of_users = {"tables/user_presence", "tables/user_routing_status", "tables/user_time", "tables/queue_waits"}
    assert computed == {*of_users, "tables/restatements"}
    assert ticks.at(NIGHT + timedelta(minutes=20)) == []
    requests = len(ticks.world.sandbox.requests)
    assert ticks.at(NIGHT + timedelta(minutes=40)) == []
    # The only question to the platform is how far jobs reach.
    assert len(ticks.world.sandbox.requests) - requests <= 1
