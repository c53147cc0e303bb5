"""With GENESYS_ASSETS_RECONCILE_BLOCKING, a day on which a check fails gets no reports and is not published. Other days
are not affected.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from genesys_assets.automation.sensors import SENSORS
from genesys_assets.checks.checked_tables import CHECKED
from genesys_assets.days.verdicts import Verdict, checked_rows, store_verdicts
from genesys_assets_tests.assets.world import World, without_reports
from genesys_assets_tests.automation.ticks import SensorRequest, Ticks
from genesys_assets_tests.conftest import DAYS, NOW
from genesys_assets_tests.months.efficiency import partitions
from genesys_assets_tests.scenarios.conftest import FixedNow

pytestmark = pytest.mark.long

FAILING = f"{DAYS[2]}"
FINISHED = {f"{day}" for day in DAYS if day < NOW.date()}


@pytest.fixture
def ticks(past_days: World, tmp_path: Path) -> Ticks:
    """The past days without their reports. All were checked, and one failed."""
    world = without_reports(past_days, tmp_path)
    ticks = Ticks(world, FixedNow(NOW), off=everything_but("tables", "checks"))
    ticks.at(NOW)
    fails = Verdict("session_metrics", "users_match_interval_metrics", False, is_blocking=True, says="1 differs")
    store_verdicts(
        world.lake, FAILING, [fails], checked_rows(world.lake, FAILING, CHECKED["session_metrics"].places), {}
    )
    return ticks


def everything_but(*sensors: str) -> set[str]:
    return {each.name for each in SENSORS} - {*sensors}


def days_of(asked: list[SensorRequest]) -> set[str]:
    return {day for each in asked if each.first for day in partitions("a day", f"{each.first}...{each.last}")}


def test_no_sensor_asks_for_reports_or_files_of_that_day_and_both_are_asked_for_of_the_others(ticks: Ticks) -> None:
    ticks.off = everything_but("reports")
    assert days_of(ticks.at(NOW)) & FINISHED == FINISHED - {FAILING}
    ticks.off = everything_but("publish")
    assert days_of(ticks.at(NOW + timedelta(minutes=6))) == FINISHED - {FAILING}
    there = {path.name for path in (Path(ticks.world.settings["GENESYS_ASSETS_PUBLISH_URL"][7:])).rglob("date=*")}
    assert {date.fromisoformat(name[5:]) for name in there} == {date.fromisoformat(day) for day in FINISHED - {FAILING}}
