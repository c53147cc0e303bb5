"""Which days of the data lake extraction the sensors want, given which days were listed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from genesys_assets.automation.backlog import lake_files_backlog
from genesys_assets.automation.stale import can_make_table, tables_backlog
from genesys_assets.days.data_lake import FILES, LAKE_FILES
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.settings import DataLakeSettings
from genesys_assets.spans import days_around, utc_day
from genesys_assets.tables.data_lake.schemas import CONVERSATIONS, METRICS, SEGMENTS
from genesys_assets_tests.automation.a_lake import of, store
from genesys_assets_tests.automation.conftest import calendar

YESTERDAY, TODAY = "2026-02-19", "2026-02-20"
NOON = datetime(2026, 2, 20, 12, 30, tzinfo=UTC)
SINCE = calendar(date(2026, 2, 16))
CONVERSATION_TABLE = "tables/conversations"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def settings(**given: Any) -> DataLakeSettings:
    return DataLakeSettings.load(**{"source": "on", **given})


def listed(lake: Lake, day: str, through: datetime | None = None, at: datetime = NOON) -> None:
    """Store the listing of a day's files: to the day's end, or up to some instant."""
    end = utc_day(day)[1]
    files = {f"{schema} of {day}": {"schema": schema, "days": [day]} for schema in (CONVERSATIONS, SEGMENTS, METRICS)}
    with time_machine.travel(at, tick=False):
        reach = Reach(through or end, is_complete=through is None)
        store(lake, LAKE_FILES, day, reach=reach, said={FILES: files})


def test_nothing_is_wanted_where_the_source_is_off(lake: Lake) -> None:
    assert lake_files_backlog(lake, SINCE, NOON, DataLakeSettings.load()) == {}


def test_every_day_that_was_never_listed_is_wanted(lake: Lake) -> None:
    wanted = lake_files_backlog(lake, SINCE, NOON, settings())
    assert of(wanted, LAKE_FILES) == [*days_around(TODAY, before=4, after=0)]


def test_days_longer_ago_than_the_platform_keeps_files_are_not_wanted(lake: Lake) -> None:
    assert of(lake_files_backlog(lake, SINCE, NOON, settings(days=1)), LAKE_FILES) == [YESTERDAY, TODAY]


def test_a_day_that_was_listed_to_its_end_is_wanted_no_more(lake: Lake) -> None:
    listed(lake, YESTERDAY, at=NOON - timedelta(days=30))
    assert YESTERDAY not in lake_files_backlog(lake.refreshed(), SINCE, NOON, settings())


@pytest.mark.parametrize(("ago", "is_wanted"), [(timedelta(hours=2), False), (timedelta(hours=6, seconds=1), True)])
def test_today_is_wanted_again_every_few_hours(lake: Lake, ago: timedelta, is_wanted: bool) -> None:
    listed(lake, TODAY, through=NOON - ago, at=NOON - ago)
    assert (TODAY in lake_files_backlog(lake.refreshed(), SINCE, NOON, settings())) is is_wanted


def test_a_day_that_is_over_is_wanted_at_once(lake: Lake) -> None:
    end = utc_day(YESTERDAY)[1]
    listed(lake, YESTERDAY, through=end - timedelta(hours=1), at=end - timedelta(hours=1))
    soon = end + timedelta(minutes=30)
    assert YESTERDAY in lake_files_backlog(lake.refreshed(), SINCE, soon, settings())


def test_tables_are_wanted_of_days_that_files_cover(lake: Lake) -> None:
    assert not can_make_table(lake, CONVERSATION_TABLE, YESTERDAY, NOON)
    listed(lake, YESTERDAY)
    listed(lake, TODAY, through=NOON)
    known = lake.refreshed()
    assert can_make_table(known, CONVERSATION_TABLE, YESTERDAY, NOON)
    assert CONVERSATION_TABLE in tables_backlog(known, SINCE, NOON)[YESTERDAY]
    assert not can_make_table(known, "tables/interval_metrics", YESTERDAY, NOON)


def test_files_without_a_schema_that_figures_need_make_no_table(lake: Lake) -> None:
    files = {"c": {"schema": CONVERSATIONS, "days": [YESTERDAY]}, "s": {"schema": SEGMENTS, "days": [YESTERDAY]}}
    store(lake, LAKE_FILES, YESTERDAY, reach=Reach(utc_day(YESTERDAY)[1], True), said={FILES: files})
    assert not can_make_table(lake.refreshed(), CONVERSATION_TABLE, YESTERDAY, NOON)
