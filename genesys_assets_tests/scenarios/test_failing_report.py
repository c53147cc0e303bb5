"""A built-in report fails on a day. The day is published without it, and says so, before the next try."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.reports.built_in import built_in_reports
from genesys_assets_tests.assets.world import World, without_reports
from genesys_assets_tests.automation.ticks import Ticks
from genesys_assets_tests.conftest import DAYS, NOW
from genesys_assets_tests.scenarios.conftest import FixedNow
from genesys_assets_tests.scenarios.test_failing_check import everything_but

pytestmark = pytest.mark.long

DAY, AROUND = f"{DAYS[2]}", (f"{DAYS[1]}", f"{DAYS[3]}")
READ_BY_IT_ALONE = "tables/segments"
NEXT_LOOK = NOW + timedelta(hours=1)
"""Late enough for the first look to be over on any machine: its clock goes on while it carries out runs."""


@pytest.fixture
def ticks(past_days: World, tmp_path: Path) -> Ticks:
    """The past days without their reports, and without a file that one report reads."""
    world = without_reports(past_days, tmp_path)
    ticks = Ticks(world, FixedNow(NOW), off=everything_but("tables", "checks"))
    ticks.at(NOW)
    for path in world.stored()[f"{READ_BY_IT_ALONE}@{DAY}"].split("+"):
        (world.folder / READ_BY_IT_ALONE / path).unlink()
    ticks.off = everything_but("reports", "publish")
    return ticks


def manifest(world: World, day: str) -> dict[str, Any]:
    (path,) = Path(world.settings["GENESYS_ASSETS_PUBLISH_URL"][7:]).rglob(f"date={day}/manifest.json")
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def not_read(world: World, day: str) -> set[str]:
    """The reports without input: agent_day, if the day's agents' status was not read."""
    return set() if day in world.lake.stored("pages/daily_user_details") else {"agent_day"}


def test_the_day_is_published_at_once_and_names_it(ticks: Ticks) -> None:
    ticks.at(NEXT_LOOK)
    said = manifest(ticks.world, DAY)
    missing = {each["report"]: each["reason"] for each in said["missing"]}
    assert missing.keys() == {"conversation_quality"} | not_read(ticks.world, DAY)
    assert missing["conversation_quality"].startswith("its last computation failed")
    every = {report.name for report in built_in_reports()}
    assert {file["report"] for file in said["files"]} - {"day_page"} == every - missing.keys()
    for day in AROUND:
        assert {each["report"] for each in manifest(ticks.world, day)["missing"]} == not_read(ticks.world, day)
