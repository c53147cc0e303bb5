"""Unnecessary runs, and partitions that were read too often, are found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from genesys_assets_tests.months.daemon import Ran
from genesys_assets_tests.months.efficiency import (
    most_within,
    needs,
    partitions,
    read_and_needed,
    readings,
    reasons,
    repeats,
    wasted,
)
from genesys_assets_tests.months.readings import AGGREGATES, AGGREGATES_OF_HOURS, DETAILS, HOURS, USERS

NOON = datetime(2026, 3, 6, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def ran(at: datetime, *assets: str, partition: str | None = "2026-03-02...2026-03-02", failed: bool = False) -> Ran:
    status = dg.DagsterRunStatus.FAILURE if failed else dg.DagsterRunStatus.SUCCESS
    return Ran(at, "job", partition, assets, status, "run", 1, 0.1, {})


def test_a_range_is_its_hours_or_its_days() -> None:
    assert list(partitions(HOURS, "2026-03-01-22:00...2026-03-02-01:00")) == [
        *("2026-03-01-22:00", "2026-03-01-23:00"),
        *("2026-03-02-00:00", "2026-03-02-01:00"),
    ]
    assert list(partitions(DETAILS, "2026-03-01...2026-03-02")) == ["2026-03-01", "2026-03-02"]
    assert list(partitions(DETAILS, "2026-03-01")) == ["2026-03-01"]


def test_only_what_was_read_well_is_counted() -> None:
    counted = readings([ran(NOON, DETAILS), ran(NOON, DETAILS, failed=True), ran(NOON, "tables/conversations")])
    assert counted == {(DETAILS, "2026-03-02"): 1}


def test_readings_are_compared_with_the_necessary_ones() -> None:
    assert read_and_needed([ran(NOON, DETAILS), ran(NOON, DETAILS), ran(NOON, DETAILS, failed=True)], NOON) == (2, 4)


def test_runs_are_counted_together_wherever_the_half_hour_begins() -> None:
    runs = [ran(NOON + MINUTE * minute, DETAILS) for minute in (0, 10, 31, 35, 59, 61)]
    assert most_within(runs, MINUTE * 30) == 3
    assert most_within([], MINUTE * 30) == 0


def test_a_day_that_is_made_anew_with_each_hour_that_lands_does_not_repeat() -> None:
    report, yesterday = "reports/interval", "2026-03-05...2026-03-05"
    times = [NOON + MINUTE * minute for minute in (17, 77, 137)]
    of_today = [ran(at, report, partition="2026-03-06") for at in times]
    assert repeats(of_today) == {"job reports 2026-03-06 SUCCESS": 1}
    # West of UTC the business day goes on after midnight UTC.
    before_noon = [ran(at - 5 * 60 * MINUTE, report, partition=yesterday) for at in times]
    assert [*repeats(before_noon).values()] == [1]
    assert [*repeats([ran(at, report, partition=yesterday) for at in times]).values()] == [3]


def test_what_is_made_again_though_no_hour_landed_repeats() -> None:
    minutes = (11, 21, 31, 69, 71)
    runs = [ran(NOON + MINUTE * minute, "reports/interval", partition="2026-03-06...2026-03-06") for minute in minutes]
    assert [*repeats(runs).values()] == [4]
    assert [*repeats([ran(each.at, "reports/interval") for each in runs]).values()] == [5]
    assert [*repeats([ran(each.at, "reference/queues", partition=None) for each in runs]).values()] == [5]


def test_what_is_made_again_because_an_earlier_layer_was_made_meanwhile_does_not_repeat() -> None:
    report, today = "reports/interval", "2026-03-06...2026-03-06"
    reports = [ran(NOON + MINUTE * minute, report, partition=today) for minute in (11, 21, 31)]
    tables = [ran(NOON + MINUTE * minute, "tables/sessions") for minute in (16, 26)]
    assert repeats([*reports, *tables])["job reports 2026-03-06...2026-03-06 SUCCESS"] == 1
    # A failed run has made nothing. A layer is made neither of itself nor of a later one.
    for asset, failed in (("tables/sessions", True), (report, False), ("published/reports", False)):
        between = [ran(each.at, asset, failed=failed) for each in tables]
        assert repeats([*reports, *between])["job reports 2026-03-06...2026-03-06 SUCCESS"] == 3


@pytest.mark.parametrize(
    ("asset", "partition", "times"),
    [
        (HOURS, "2026-03-02-07:00", 1),
        (AGGREGATES_OF_HOURS, "2026-03-02-07:00", 5),
        (AGGREGATES_OF_HOURS, "2026-03-06-07:00", 1),
        (AGGREGATES_OF_HOURS, "2026-03-04-07:00", 3),
        (DETAILS, "2026-03-02", 4),
        (DETAILS, "2026-03-05", 1),
        (AGGREGATES, "2026-03-05", 2),
    ],
)
def test_a_partition_is_read_when_it_is_over_and_in_the_nights_after(asset: str, partition: str, times: int) -> None:
    assert reasons(asset, partition, NOON) == times


def test_agents_status_of_a_day_is_read_whenever_the_daemon_looks_on_it_too() -> None:
    day = NOON - timedelta(days=4)
    runs = [ran(day + timedelta(hours=hour), "tables/sessions") for hour in (5, 5, 20)]
    runs += [ran(day + timedelta(hours=hour), USERS) for hour in (5, 20, 25, 30, 53, 77, 101)]
    assert not list(wasted(runs, NOON))
    too_many = [ran(day + timedelta(hours=30 + number), USERS) for number in range(5)]
    assert USERS in [each.subject for each in wasted([*runs, *too_many], NOON)]


def test_one_run_of_a_layer_is_needed_for_today_and_one_for_earlier_days_whenever_the_daemon_looks() -> None:
    today = "2026-03-06...2026-03-06"
    runs = [
        ran(NOON, "tables/sessions", partition=today),
        ran(NOON + MINUTE, "tables/sessions"),
        ran(NOON + 2 * MINUTE, "tables/sessions"),
        ran(NOON + 3 * MINUTE, "reports/interval"),
        ran(NOON + 20 * MINUTE, "tables/sessions"),
    ]
    assert needs(runs) == 4


def test_a_day_that_is_read_each_hour_and_computed_each_hour_is_found() -> None:
    times = [NOON + 60 * MINUTE * number for number in range(11)]
    runs = [ran(at, DETAILS) for at in times] + [ran(at, "tables/sessions") for at in times]
    found = {(each.what, each.subject) for each in wasted(runs, NOON)}
    assert ("read too often", DETAILS) in found
    assert {what for what, _ in found} == {"read too often", "too many runs"}
    assert not list(wasted(runs[:4], NOON))


def test_many_runs_at_once_for_the_same_layer_are_found() -> None:
    days = [f"2026-02-{day:02d}" for day in range(1, 13)]
    runs = [ran(NOON, "tables/sessions", partition=f"{day}...{day}") for day in days]
    assert [each.what for each in wasted(runs, NOON)] == ["too many runs"]
