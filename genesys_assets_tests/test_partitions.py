"""The calendar: the hours and days that exist, and the begin and end of a business day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from genesys_assets.partitions import Calendar, days_around, hours_of, hours_to_days, utc_day, utc_hour

FIRST = date(2026, 1, 30)
NOW = datetime(2026, 2, 1, 13, 40, tzinfo=UTC)


def calendar(zone: str = "UTC") -> Calendar:
    return Calendar(FIRST, ZoneInfo(zone), 4)


def length(zone: str, key: str) -> float:
    start, end = calendar(zone).business_day(key)
    return (end - start) / timedelta(hours=1)


def test_the_calendar_is_what_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESYS_ASSETS_START_DATE", "2026-01-30")
    monkeypatch.setenv("GENESYS_ASSETS_TIME_ZONE", "Australia/Lord_Howe")
    monkeypatch.setenv("GENESYS_ASSETS_LOOK_BACK_DAYS", "6")
    monkeypatch.setenv("GENESYS_ASSETS_MONTH_CLOSE_DAY", "5")
    monkeypatch.setenv("GENESYS_ASSETS_DAYS_PER_RUN", "3")
    assert Calendar.from_environment() == Calendar(FIRST, ZoneInfo("Australia/Lord_Howe"), 6, 5, 3)


def test_a_backfill_is_one_run_unless_the_days_of_a_run_are_set() -> None:
    assert {calendar().hourly_runs, calendar().daily_runs} == {dg.BackfillPolicy.single_run()}
    of_two_days = replace(calendar(), days_per_run=2)
    assert of_two_days.hourly_runs == dg.BackfillPolicy.multi_run(48)
    assert of_two_days.daily_runs == dg.BackfillPolicy.multi_run(2)


def test_hours_begin_with_the_first_day_and_end_with_the_last_full_hour() -> None:
    keys = calendar().hourly.get_partition_keys(current_time=NOW)
    assert (keys[0], keys[-1], len(keys)) == ("2026-01-30-00:00", "2026-02-01-12:00", 24 + 24 + 13)


def test_days_begin_with_the_first_day_and_include_today() -> None:
    assert calendar().daily.get_partition_keys(current_time=NOW) == ["2026-01-30", "2026-01-31", "2026-02-01"]


def test_today_is_a_partition_from_its_first_moment_on() -> None:
    daily = calendar().daily
    midnight = datetime(2026, 2, 1, tzinfo=UTC)
    assert daily.get_partition_keys(current_time=midnight)[-1] == "2026-02-01"
    assert daily.get_partition_keys(current_time=midnight - timedelta(seconds=1))[-1] == "2026-01-31"


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Australia/Lord_Howe"])
def test_partitions_are_utc_whatever_the_business_day_is(zone: str) -> None:
    assert {calendar(zone).hourly.timezone, calendar(zone).daily.timezone} == {"UTC"}
    assert len(calendar(zone).hourly.get_partition_keys(current_time=datetime(2026, 4, 1, tzinfo=UTC))) == 61 * 24


def test_in_utc_the_business_day_is_the_utc_day() -> None:
    assert calendar().business_day("2026-03-29") == utc_day("2026-03-29")


@pytest.mark.parametrize(
    ("zone", "key", "start", "hours"),
    [
        ("Europe/London", "2026-01-31", "2026-01-31T00:00", 24),
        ("Europe/London", "2026-03-29", "2026-03-29T00:00", 23),
        ("Europe/London", "2026-03-30", "2026-03-29T23:00", 24),
        ("Europe/London", "2026-10-25", "2026-10-24T23:00", 25),
        ("America/New_York", "2026-01-31", "2026-01-31T05:00", 24),
        ("America/New_York", "2026-03-08", "2026-03-08T05:00", 23),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00", 25),
        # In this zone clocks change by half an hour.
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30", 23.5),
        # In these zones midnight happens twice, or not at all. The day begins with its first moment.
        ("America/Havana", "2026-11-01", "2026-11-01T04:00", 25),
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00", 23),
    ],
)
def test_a_business_day_is_as_long_as_its_clocks_say(zone: str, key: str, start: str, hours: float) -> None:
    assert calendar(zone).business_day(key)[0] == datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert length(zone, key) == hours


@pytest.mark.parametrize("zone", ["UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
def test_business_days_follow_each_other_without_gap_or_overlap(zone: str) -> None:
    keys = days_around("2026-07-01", 182, 183)
    bounds = [calendar(zone).business_day(key) for key in keys]
    assert all(before[1] == after[0] for before, after in pairwise(bounds))
    assert all(moment.tzinfo is UTC for day in bounds for moment in day)


@pytest.mark.parametrize(
    ("zone", "last"),
    [
        ("UTC", "UTC"),
        ("Europe/London", "UTC"),
        ("Australia/Lord_Howe", "UTC"),
        ("America/New_York", "America/New_York"),
        ("Atlantic/Azores", "Atlantic/Azores"),
    ],
)
def test_the_later_of_utc_day_and_business_day_is_the_last_to_finish(zone: str, last: str) -> None:
    assert calendar(zone).last_to_finish("2026-01-31").key == last


def test_a_zone_that_a_report_has_may_be_the_last_to_finish() -> None:
    others = [ZoneInfo("Asia/Tokyo"), ZoneInfo("America/Los_Angeles"), ZoneInfo("America/New_York")]
    assert calendar("Europe/Zurich").last_to_finish("2026-01-31", others).key == "America/Los_Angeles"


def test_a_utc_day_is_24_hours_from_midnight() -> None:
    assert utc_day("2026-01-31") == (datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))


def test_a_utc_hour_is_what_its_key_says() -> None:
    assert utc_hour("2026-01-31-23:00") == (datetime(2026, 1, 31, 23, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))


def test_the_hours_of_a_day_are_its_hourly_keys_in_order() -> None:
    in_calendar = calendar().hourly.get_partition_keys(current_time=datetime(2026, 1, 31, tzinfo=UTC))
    assert hours_of("2026-01-30") == in_calendar
    assert [utc_hour(key)[0] for key in hours_of("2026-03-29")] == [
        datetime(2026, 3, 29, hour, tzinfo=UTC) for hour in range(24)
    ]


def test_days_around_a_day_cross_months_and_leap_days() -> None:
    assert days_around("2028-03-01", 2, 1) == ["2028-02-28", "2028-02-29", "2028-03-01", "2028-03-02"]
    assert days_around("2026-01-01", 1, 0) == ["2025-12-31", "2026-01-01"]
    assert days_around("2026-01-01", 0, 0) == ["2026-01-01"]


@pytest.mark.filterwarnings("ignore:Parameter `allow_nonexistent_upstream_partitions`")
def test_a_day_depends_on_its_hours_and_today_on_the_ones_that_are_over() -> None:
    mapping, daily, hourly = hours_to_days(), calendar().daily, calendar().hourly
    for day, hours in {"2026-01-31": hours_of("2026-01-31"), "2026-02-01": hours_of("2026-02-01")[:13]}.items():
        upstream = mapping.get_upstream_mapped_partitions_result_for_partitions(
            daily.subset_with_partition_keys([day]), daily, hourly, NOW
        )
        assert list(upstream.partitions_subset.get_partition_keys()) == hours
        assert not upstream.required_but_nonexistent_subset.get_partition_keys()


def test_both_kinds_of_partition_are_time_windows() -> None:
    assert isinstance(calendar().hourly, dg.TimeWindowPartitionsDefinition)
    assert isinstance(calendar().daily, dg.TimeWindowPartitionsDefinition)
