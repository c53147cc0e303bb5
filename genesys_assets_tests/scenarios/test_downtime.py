"""After the daemon was off for longer than the look-back, all missed partitions are read, and today comes first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine

from genesys_assets.automation.backlog import days_backlog, hours_backlog
from genesys_assets.automation.next_run import Backlog, Request, choose_next_run
from genesys_assets.days import hours_of
from genesys_assets.days.sources import HOURLY_AGGREGATES, HOURLY_DETAILS
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.partitions import Calendar
from genesys_assets_tests.automation.a_lake import store, store_days
from genesys_assets_tests.months.efficiency import partitions

FIRST, LAST_SEEN = date(2026, 2, 1), date(2026, 2, 8)
NOW = datetime(2026, 2, 20, 12, 30, tzinfo=UTC)
JOBS_HAVE = NOW - timedelta(hours=8)
CALENDAR = Calendar(FIRST, ZoneInfo("UTC"), 4)
DAYS_AT_ONCE, HOURS_AT_ONCE = 7, 168


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake with everything up to the evening of the 8th; eleven days were missed, and so was the last look-back of
    the 6th to the 8th.
    """
    lake = Lake(LocalStore(tmp_path))
    days = [f"{FIRST + timedelta(days=number)}" for number in range((LAST_SEEN - FIRST).days + 1)]
    with time_machine.travel(datetime(2026, 2, 9, 6, tzinfo=UTC), tick=False):
        store(lake, HOURLY_DETAILS, *(hour for day in days for hour in hours_of(day)))
        store(lake, HOURLY_AGGREGATES, *(hour for day in days for hour in hours_of(day)))
        store_days(lake, *days)
    return lake


def asked_for(wanted: Backlog, most: int) -> Iterator[Request]:
    """The requests, one after another, if each run succeeds."""
    left = dict(wanted)
    while request := choose_next_run(left, [], NOW, most=most).request:
        yield request
        for key in partitions(
            HOURLY_DETAILS if len(request.first) > 10 else "a day", f"{request.first}...{request.last}"
        ):
            del left[key]


def test_every_day_that_was_missed_is_asked_for_the_newest_first(lake: Lake) -> None:
    wanted = days_backlog(lake, CALENDAR, NOW, JOBS_HAVE)
    assert list(wanted) == [f"2026-02-{day:02d}" for day in range(6, 20)]
    requests = [(request.first, request.last) for request in asked_for(wanted, DAYS_AT_ONCE)]
    assert requests == [("2026-02-13", "2026-02-19"), ("2026-02-06", "2026-02-12")]


def test_every_hour_that_was_missed_is_asked_for_in_few_ranges_today_with_the_first(lake: Lake) -> None:
    wanted = hours_backlog(lake, CALENDAR, NOW, available=JOBS_HAVE)
    missed = [hour for day in range(6, 21) for hour in hours_of(f"2026-02-{day:02d}") if hour <= "2026-02-20-11:00"]
    assert [hour for hour, assets in wanted.items() if HOURLY_AGGREGATES in assets] == missed
    requests = list(asked_for(wanted, HOURS_AT_ONCE))
    assert (requests[0].first, requests[0].last) == ("2026-02-20-00:00", "2026-02-20-11:00")
    assert len(requests) == 3
