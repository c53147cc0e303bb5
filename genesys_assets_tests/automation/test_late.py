"""What is late."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from genesys_assets.automation.late import late
from genesys_assets.days import hours_of
from genesys_assets.days.sources import DAILY, HOURLY, HOURLY_AGGREGATES
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets_tests.automation.a_lake import store, store_days
from genesys_assets_tests.automation.conftest import calendar

YESTERDAY, TODAY = "2026-02-19", "2026-02-20"
MIDNIGHT = datetime(2026, 2, 20, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Everything of yesterday is there."""
    lake = Lake(LocalStore(tmp_path))
    store(lake, HOURLY, *hours_of(YESTERDAY))
    store(lake, HOURLY_AGGREGATES, *hours_of(YESTERDAY))
    store_days(lake, YESTERDAY)
    return lake


def what(lake: Lake, now: datetime, *published: str) -> set[str]:
    return {each.what for each in late(lake, calendar(date(2026, 2, 19)), now, published)}


def test_nothing_is_late_as_long_as_the_next_part_may_still_come(lake: Lake) -> None:
    assert what(lake, MIDNIGHT + timedelta(hours=4), YESTERDAY) == set()


def test_hours_are_late_three_hours_after_the_end_of_the_next_one(lake: Lake) -> None:
    assert what(lake, MIDNIGHT + timedelta(hours=4, minutes=1), YESTERDAY) == {HOURLY, HOURLY_AGGREGATES}


def test_a_published_day_is_late_six_hours_after_its_end(lake: Lake) -> None:
    store(lake, HOURLY, *hours_of(TODAY))
    store(lake, HOURLY_AGGREGATES, *hours_of(TODAY))
    assert what(lake, MIDNIGHT + timedelta(hours=6)) == set()
    assert what(lake, MIDNIGHT + timedelta(hours=6, minutes=1)) == {"published/reports"}
    assert what(lake, MIDNIGHT + timedelta(hours=6, minutes=1), YESTERDAY) == set()


def test_a_complete_day_is_late_a_day_and_a_half_after_its_end(lake: Lake) -> None:
    store_days(lake, TODAY, is_complete=False)
    at_last = MIDNIGHT + timedelta(hours=24 + 36)
    assert DAILY not in what(lake, at_last)
    [said] = [each for each in late(lake, calendar(), at_last + timedelta(minutes=1), ()) if each.what == DAILY]
    assert said.since == at_last
    assert said.says == f"the newest complete day of genesys/{DAILY} is {YESTERDAY}"
