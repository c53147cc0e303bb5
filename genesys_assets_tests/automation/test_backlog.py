"""Which pages the sensors want, given what is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from genesys_assets.automation.backlog import (
    OBSERVED,
    USAGE,
    days_backlog,
    has_read_hours,
    hours_backlog,
    look_back_moments,
    observations_backlog,
    unobserved,
    usage_backlog,
    user_days_backlog,
)
from genesys_assets.automation.next_run import Run
from genesys_assets.automation.stale import published_since
from genesys_assets.days import DAY, hours_of
from genesys_assets.days.sources import (
    DAILY_AGGREGATES,
    DAILY_DETAILS,
    HOURLY_AGGREGATES,
    HOURLY_DETAILS,
    IMPORTED_DETAILS,
    IMPORTED_HOURLY,
    OVERLAP,
)
from genesys_assets.days.users import USER_DETAILS
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.partitions import Calendar
from genesys_assets.tables.api_usage import API_USAGE
from genesys_assets.tables.observations import QUEUE_MEMBERS
from genesys_assets_tests.automation.a_lake import of, store, store_days
from genesys_assets_tests.automation.conftest import calendar

FIRST, YESTERDAY, TODAY = "2026-02-18", "2026-02-19", "2026-02-20"
NOON = datetime(2026, 2, 20, 12, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 2, 20, tzinfo=UTC)


def since(first: str, **more: Any) -> Calendar:
    return calendar(date.fromisoformat(first), **more)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


@pytest.fixture
def read_this_morning() -> time_machine.travel:
    """Within the block, pages are stored after the look-back of the night."""
    return time_machine.travel(NOON - timedelta(hours=6), tick=False)


# -- hours -------------------------------------------------------------------------------------------------------------


def test_of_an_empty_lake_every_full_hour_is_wanted_since_the_start_date(lake: Lake) -> None:
    wanted = hours_backlog(lake, since(YESTERDAY), NOON)
    assert list(wanted) == [*hours_of(YESTERDAY), *hours_of(TODAY)[:12]]
    assert set(wanted.values()) == {frozenset([HOURLY_DETAILS, HOURLY_AGGREGATES])}


@pytest.mark.parametrize(("minute", "last"), [(9, "2026-02-20-10:00"), (10, "2026-02-20-11:00")])
def test_an_hour_is_wanted_ten_minutes_after_its_end(lake: Lake, minute: int, last: str) -> None:
    assert list(hours_backlog(lake, since(TODAY), NOON.replace(minute=minute)))[-1] == last


def test_only_the_hours_that_are_missing_are_wanted(lake: Lake) -> None:
    hours = hours_of(TODAY)
    store(lake, HOURLY_DETAILS, *hours[:12])
    store(lake, HOURLY_AGGREGATES, *hours[:5], *hours[7:12])
    wanted = hours_backlog(lake, since(TODAY), NOON)
    assert wanted == {hour: frozenset([HOURLY_AGGREGATES]) for hour in hours[5:7]}


def test_details_of_hours_are_not_wanted_of_a_day_that_is_complete_or_that_jobs_have(lake: Lake) -> None:
    store_days(lake, FIRST)
    wanted = hours_backlog(lake, since(FIRST), NOON, available=MIDNIGHT)
    assert of(wanted, HOURLY_DETAILS) == hours_of(TODAY)[:12]
    assert of(hours_backlog(lake, since(FIRST), NOON), HOURLY_DETAILS) == [*hours_of(YESTERDAY), *hours_of(TODAY)[:12]]


def test_imported_partitions_are_not_wanted(lake: Lake) -> None:
    store(lake, IMPORTED_HOURLY, YESTERDAY)
    assert of(hours_backlog(lake, since(YESTERDAY), NOON), HOURLY_AGGREGATES) == hours_of(TODAY)[:12]
    store(lake, IMPORTED_DETAILS, YESTERDAY)
    assert list(hours_backlog(lake, since(YESTERDAY), NOON)) == hours_of(TODAY)[:12]


def test_aggregates_of_look_back_days_are_wanted_again_once_a_night(
    lake: Lake, read_this_morning: time_machine.travel
) -> None:
    of_calendar = since(FIRST, look_back_days=1)
    with time_machine.travel(MIDNIGHT, tick=False):
        store(lake, HOURLY_AGGREGATES, *hours_of(FIRST), *hours_of(YESTERDAY))
    before, after = MIDNIGHT + timedelta(hours=3, minutes=29), MIDNIGHT + timedelta(hours=3, minutes=30)
    assert not set(of(hours_backlog(lake, of_calendar, before), HOURLY_AGGREGATES)) & {*hours_of(YESTERDAY)}
    again = of(hours_backlog(lake, of_calendar, after), HOURLY_AGGREGATES)
    assert [hour for hour in again if hour < TODAY] == hours_of(YESTERDAY)
    with read_this_morning:
        store(lake, HOURLY_AGGREGATES, *hours_of(YESTERDAY))
    assert of(hours_backlog(lake, of_calendar, NOON), HOURLY_AGGREGATES) == hours_of(TODAY)[:12]


# -- days --------------------------------------------------------------------------------------------------------------


def test_a_day_is_wanted_as_soon_as_jobs_have_all_of_it(lake: Lake) -> None:
    wanted = days_backlog(lake, since(FIRST), NOON, available=MIDNIGHT - timedelta(milliseconds=1))
    assert (of(wanted, DAILY_DETAILS), of(wanted, OVERLAP)) == ([FIRST], [FIRST])
    wanted = days_backlog(lake, since(FIRST), NOON, available=MIDNIGHT)
    assert (of(wanted, DAILY_DETAILS), of(wanted, OVERLAP)) == ([FIRST, YESTERDAY], [FIRST, YESTERDAY])


def test_a_day_that_was_read_before_jobs_had_all_of_it_is_wanted_again(
    lake: Lake, read_this_morning: time_machine.travel
) -> None:
    with read_this_morning:
        store_days(lake, FIRST, YESTERDAY)
        store_days(lake, YESTERDAY, is_complete=False)
    assert days_backlog(lake, since(FIRST), NOON, MIDNIGHT) == {YESTERDAY: frozenset([DAILY_DETAILS])}


def test_where_the_reach_of_jobs_is_unknown_only_aggregates_are_wanted(lake: Lake) -> None:
    assert days_backlog(lake, since(YESTERDAY), NOON, None) == {YESTERDAY: frozenset([DAILY_AGGREGATES])}


def test_aggregates_of_a_business_day_are_wanted_once_it_is_over(lake: Lake) -> None:
    west = since(YESTERDAY, zone="America/Los_Angeles")
    over = datetime(2026, 2, 20, 8, 10, tzinfo=UTC)
    assert days_backlog(lake, west, over - timedelta(minutes=1), None) == {}
    assert of(days_backlog(lake, west, over, None), DAILY_AGGREGATES) == [YESTERDAY]


def test_look_back_days_are_wanted_again_once_a_night(lake: Lake, read_this_morning: time_machine.travel) -> None:
    days = ["2026-02-16", "2026-02-17", "2026-02-18", YESTERDAY]
    with time_machine.travel(MIDNIGHT, tick=False):
        store_days(lake, *days)
    of_calendar = since(days[0], look_back_days=2)
    every = frozenset([DAILY_DETAILS, OVERLAP, DAILY_AGGREGATES])
    assert days_backlog(lake, of_calendar, MIDNIGHT + timedelta(hours=3), MIDNIGHT) == {}
    assert days_backlog(lake, of_calendar, NOON, MIDNIGHT) == {FIRST: every, YESTERDAY: every}
    with read_this_morning:
        store_days(lake, FIRST, YESTERDAY)
    assert days_backlog(lake, of_calendar, NOON, MIDNIGHT) == {}


def test_look_back_days_wait_for_jobs_that_have_fallen_behind(lake: Lake) -> None:
    with time_machine.travel(MIDNIGHT, tick=False):
        store(
            lake, DAILY_DETAILS, YESTERDAY, as_of=MIDNIGHT + timedelta(hours=2), reach=Reach(MIDNIGHT, is_complete=True)
        )
        store(lake, OVERLAP, YESTERDAY, as_of=MIDNIGHT + timedelta(hours=2), reach=Reach(MIDNIGHT))
    of_calendar = since(YESTERDAY, look_back_days=1)
    behind, ahead = MIDNIGHT + timedelta(hours=1), MIDNIGHT + timedelta(hours=3)
    assert of(days_backlog(lake, of_calendar, NOON, behind), DAILY_DETAILS) == []
    assert of(days_backlog(lake, of_calendar, NOON, behind), OVERLAP) == []
    assert of(days_backlog(lake, of_calendar, NOON, ahead), DAILY_DETAILS) == [YESTERDAY]
    assert of(days_backlog(lake, of_calendar, NOON, ahead), OVERLAP) == [YESTERDAY]


def test_a_night_off_is_made_up_for_and_an_older_month_is_read_once_more_on_the_closing_day(lake: Lake) -> None:
    closing = Calendar(date(2026, 1, 30), since(FIRST).zone, 1, month_close_day=5)
    days = [f"2026-01-{day}" for day in (30, 31)] + [f"2026-02-{day:02d}" for day in range(1, 20)]
    for day in days:
        # Each day is read in the night after it, those before the fifth not on the fifth.
        with time_machine.travel(datetime.fromisoformat(f"{day}T04:00+00:00") + DAY, tick=False):
            store_days(lake, day)
    wanted = days_backlog(lake, closing, NOON, MIDNIGHT)
    # The daemon was off on the fifth: the month before, and the days of this month up to then, are still wanted.
    assert of(wanted, DAILY_DETAILS) == days[:5]


def test_days_whose_last_look_back_was_missed_are_read_once_more(lake: Lake) -> None:
    days = [f"2026-02-{day:02d}" for day in range(6, 20)]
    off_since = datetime(2026, 2, 10, 4, tzinfo=UTC)
    with time_machine.travel(off_since, tick=False):
        store_days(lake, *days[:4])
        store(lake, HOURLY_AGGREGATES, *(hour for day in days[:4] for hour in hours_of(day)))
    of_calendar = since(days[0], look_back_days=4)
    wanted = days_backlog(lake, of_calendar, NOON, MIDNIGHT)
    assert of(wanted, DAILY_DETAILS) == of(wanted, OVERLAP) == of(wanted, DAILY_AGGREGATES) == days[1:]
    assert {hour[:10] for hour in of(hours_backlog(lake, of_calendar, NOON), HOURLY_AGGREGATES)} == {*days[1:], TODAY}
    with time_machine.travel(NOON, tick=False):
        store_days(lake, *days[1:])
    read_again = days_backlog(lake, of_calendar, NOON + 5 * DAY, NOON + 5 * DAY)
    assert of(read_again, DAILY_DETAILS)[:3] == ["2026-02-17", "2026-02-18", YESTERDAY]


def test_aggregates_of_business_days_are_read_again_if_the_time_zone_was_another_one(
    lake: Lake, read_this_morning: time_machine.travel
) -> None:
    with read_this_morning:
        store_days(lake, FIRST, YESTERDAY)
    assert days_backlog(lake, since(FIRST), NOON, MIDNIGHT) == {}
    every = frozenset([DAILY_AGGREGATES])
    for zone in ("Europe/Zurich", "America/Los_Angeles"):
        assert days_backlog(lake, since(FIRST, zone=zone), NOON, MIDNIGHT) == {FIRST: every, YESTERDAY: every}


@pytest.mark.parametrize(("closing_day", "oldest"), [(None, "2026-01-10"), (5, "2026-01-01"), (20, "2025-12-01")])
def test_every_day_that_a_closing_reads_again_is_also_checked_and_published_again(
    closing_day: int | None, oldest: str
) -> None:
    now = datetime(2026, 2, 14, 12, tzinfo=UTC)
    calendar = Calendar(date(2025, 1, 1), since(FIRST).zone, 4, month_close_day=closing_day)
    assert published_since(calendar, now) == oldest
    assert all(day >= oldest for day in look_back_moments(calendar, now))


# -- observations ------------------------------------------------------------------------------------------------------


def test_of_observations_only_todays_are_wanted(lake: Lake) -> None:
    assert observations_backlog(lake, since(FIRST), NOON) == {TODAY: frozenset(OBSERVED)}
    store(lake, OBSERVED[0], TODAY)
    assert observations_backlog(lake, since(FIRST), NOON) == {TODAY: frozenset(OBSERVED[1:])}
    assert observations_backlog(lake, since(FIRST), NOON, OBSERVED[:1]) == {}


def test_of_earlier_observations_those_are_wanted_whose_pages_await_their_table(lake: Lake) -> None:
    pages, table = "pages/reference_queue_members", OBSERVED[0]
    store(lake, pages, YESTERDAY, FIRST)
    wanted = observations_backlog(lake, since(FIRST), NOON)
    assert [wanted[day] for day in (YESTERDAY, FIRST)] == [frozenset([table])] * 2
    store(lake, table, "2026-02-17")
    assert unobserved(lake, since("2026-02-17"), NOON, table) == []
    newness = lake.newness([(pages, YESTERDAY)])
    lake.write(table, QUEUE_MEMBERS, QUEUE_MEMBERS.empty(), YESTERDAY, {}, newness=newness)
    assert observations_backlog(lake, since(FIRST), NOON).keys() == {TODAY, FIRST}
    assert observations_backlog(lake, since(YESTERDAY), NOON).keys() == {TODAY}


@pytest.mark.parametrize(("minute", "wanted"), [(9, []), (10, [TODAY])])
def test_a_day_is_observed_from_ten_minutes_after_midnight_on(lake: Lake, minute: int, wanted: list[str]) -> None:
    assert [*observations_backlog(lake, since(FIRST), MIDNIGHT + timedelta(minutes=minute))] == wanted


def test_nothing_is_observed_before_the_start_date(lake: Lake) -> None:
    assert observations_backlog(lake, since("2026-02-21"), NOON) == {}


def test_the_platforms_count_is_asked_for_once_of_each_look_back_day_that_is_over_for_six_hours(lake: Lake) -> None:
    of_calendar = since("2026-02-18", look_back_days=3)
    assert [*usage_backlog(lake, of_calendar, NOON)] == [YESTERDAY, FIRST]
    assert [*usage_backlog(lake, of_calendar, MIDNIGHT + timedelta(hours=5))] == [FIRST]
    lake.note_unanswered(USAGE, API_USAGE, YESTERDAY, NOON, {"why": "not permitted"})
    assert [*usage_backlog(lake.refreshed(), of_calendar, NOON)] == [FIRST]


# -- agents' status ----------------------------------------------------------------------------------------------------


def test_agents_status_is_wanted_of_days_until_it_is_complete_and_of_today_by_the_hour(
    lake: Lake, read_this_morning: time_machine.travel
) -> None:
    of_calendar = since(FIRST)
    assert list(user_days_backlog(lake, of_calendar, NOON, MIDNIGHT)) == [FIRST, YESTERDAY, TODAY]
    with read_this_morning:
        store(lake, USER_DETAILS, FIRST, reach=Reach(MIDNIGHT - timedelta(days=1), is_complete=True))
        store(lake, USER_DETAILS, YESTERDAY, reach=Reach(MIDNIGHT))
        store(lake, USER_DETAILS, TODAY, reach=Reach(MIDNIGHT + timedelta(hours=12)))
    # Jobs have all of yesterday; so far, it was read only by query.
    assert list(user_days_backlog(lake, of_calendar, NOON, MIDNIGHT)) == [YESTERDAY]
    for behind in (MIDNIGHT - timedelta(hours=1), None):
        assert list(user_days_backlog(lake, of_calendar, NOON, behind)) == []
        assert list(user_days_backlog(lake, of_calendar, NOON + timedelta(minutes=39), behind)) == []
        assert list(user_days_backlog(lake, of_calendar, NOON + timedelta(minutes=40), behind)) == [TODAY]


def test_agents_status_of_look_back_days_is_wanted_again_where_jobs_have_newer_data(lake: Lake) -> None:
    of_calendar = since(YESTERDAY, look_back_days=1)
    with time_machine.travel(MIDNIGHT + timedelta(hours=2), tick=False):
        store(
            lake, USER_DETAILS, YESTERDAY, as_of=MIDNIGHT + timedelta(hours=1), reach=Reach(MIDNIGHT, is_complete=True)
        )
        store(lake, USER_DETAILS, TODAY, reach=Reach(MIDNIGHT + timedelta(hours=12)))
    assert list(user_days_backlog(lake, of_calendar, NOON, MIDNIGHT + timedelta(hours=1))) == []
    assert list(user_days_backlog(lake, of_calendar, NOON, MIDNIGHT + timedelta(hours=4))) == [YESTERDAY]


# -- hours that are being read -----------------------------------------------------------------------------------------


def test_a_day_is_read_once_the_run_has_stored_all_of_its_hours(lake: Lake) -> None:
    places = frozenset([HOURLY_DETAILS, HOURLY_AGGREGATES])
    run = Run(places, f"{FIRST}-00:00", f"{YESTERDAY}-23:00", created_at=NOON)

    def read(of_run: Run = run) -> list[bool]:
        return [has_read_hours(lake.refreshed(), of_run, day) for day in (FIRST, YESTERDAY, TODAY)]

    with time_machine.travel(NOON - timedelta(hours=1), tick=False):
        store(lake, HOURLY_DETAILS, *hours_of(FIRST), *hours_of(YESTERDAY))
        store(lake, HOURLY_AGGREGATES, *hours_of(FIRST))
    assert read() == [False, False, False]
    with time_machine.travel(NOON + timedelta(minutes=1), tick=False):
        store(lake, HOURLY_AGGREGATES, *hours_of(FIRST), *hours_of(YESTERDAY))
        assert read() == [False, False, False]
        store(lake, HOURLY_DETAILS, *hours_of(FIRST), *hours_of(YESTERDAY)[1:])
    assert read() == [True, False, False]
    # It reads only some hours of the last day.
    some = replace(run, first=f"{FIRST}-20:00", last=f"{YESTERDAY}-05:00", assets=frozenset([HOURLY_AGGREGATES]))
    assert read(some) == [True, True, False]
    assert read(replace(run, created_at=None)) == [False, False, False]
    assert read(replace(run, assets=places | {DAILY_DETAILS})) == [False, False, False]
