"""The number that says what a day's tables are made of changes exactly when their inputs change."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from genesys_assets.days import hours_of, made_of, utc_day
from genesys_assets.days.sources import (
    DAILY_AGGREGATES,
    DAILY_DETAILS,
    HOURLY_AGGREGATES,
    HOURLY_DETAILS,
    IMPORTED_DETAILS,
    OVERLAP,
)
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, INTERVAL_METRICS
from genesys_assets_tests.automation.a_lake import READ_AT, store, store_overlap

DAY, NEXT, OTHER = "2026-01-31", "2026-02-01", "2026-01-30"
HOURS = hours_of(DAY)
LATER = READ_AT + timedelta(hours=1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake with two hours and the whole day, stored in that order."""
    lake = Lake(LocalStore(tmp_path))
    store(lake, HOURLY_DETAILS, *HOURS[:2], as_of=READ_AT - timedelta(hours=2))
    store(lake, DAILY_DETAILS, DAY, as_of=READ_AT - timedelta(hours=1), reach=Reach(utc_day(DAY)[1], is_complete=True))
    return lake


def number(lake: Lake, day: str = DAY) -> int:
    return made_of.of_conversations(lake.refreshed(), day, [CONVERSATIONS])["tables/conversations"]


def test_what_is_read_again_and_lists_the_same_changes_nothing(lake: Lake) -> None:
    before = number(lake)
    store(
        lake,
        DAILY_DETAILS,
        DAY,
        body='{"cursor": "other", "x": [1], "totalHits": 9}',
        reach=Reach(utc_day(DAY)[1], True),
    )
    assert number(lake) == before


def test_what_lists_something_else_or_reaches_elsewhere_changes_it(lake: Lake) -> None:
    numbers = {number(lake)}
    store(lake, DAILY_DETAILS, DAY, body="[2]", reach=Reach(utc_day(DAY)[1], is_complete=True))
    numbers.add(number(lake))
    store(lake, DAILY_DETAILS, DAY, body="[2]", reach=Reach(utc_day(DAY)[1] - timedelta(hours=1)))
    numbers.add(number(lake))
    store(lake, HOURLY_DETAILS, HOURS[2])
    numbers.add(number(lake))
    store(lake, IMPORTED_DETAILS, DAY)
    numbers.add(number(lake))
    assert len(numbers) == 5


def test_so_does_the_order_in_which_pages_were_read(lake: Lake) -> None:
    before = number(lake)
    store(lake, HOURLY_DETAILS, HOURS[0], as_of=LATER)
    assert number(lake) != before


def test_pages_of_another_day_change_nothing(lake: Lake) -> None:
    before = number(lake)
    store(lake, DAILY_DETAILS, NEXT)
    store(lake, HOURLY_DETAILS, hours_of(OTHER)[0])
    assert number(lake) == before


def test_of_a_later_days_overlap_only_what_began_on_the_day_counts(lake: Lake) -> None:
    numbers = [number(lake)]
    store_overlap(lake, NEXT, {OTHER: "a"})
    numbers.append(number(lake))
    store_overlap(lake, NEXT, {OTHER: "b", DAY: "c"}, LATER)
    numbers.append(number(lake))
    store_overlap(lake, NEXT, {OTHER: "d", DAY: "c"}, LATER + timedelta(hours=1))
    numbers.append(number(lake))
    store_overlap(lake, NEXT, {DAY: "e"}, LATER + timedelta(hours=2))
    numbers.append(number(lake))
    assert numbers[0] == numbers[1] != numbers[2] == numbers[3] != numbers[4]


def test_an_overlap_of_more_than_a_month_later_changes_nothing(lake: Lake) -> None:
    before = number(lake)
    store_overlap(lake, "2026-03-04", {DAY: "a"})
    assert number(lake) == before
    store_overlap(lake, "2026-03-03", {DAY: "a"})
    assert number(lake) != before


def test_the_version_of_a_table_counts(lake: Lake) -> None:
    newer = replace(CONVERSATIONS, version=CONVERSATIONS.version + 1)
    assert made_of.of_conversations(lake, DAY, [newer])["tables/conversations"] != number(lake)


def test_of_aggregates_the_order_in_which_they_were_read_does_not_count(lake: Lake) -> None:
    store(lake, HOURLY_AGGREGATES, *HOURS)
    store(lake, DAILY_AGGREGATES, DAY)
    before = (
        made_of.of_interval_metrics(lake, DAY, INTERVAL_METRICS),
        made_of.of_daily_metrics(lake, DAY, DAILY_METRICS),
    )
    store(lake, HOURLY_AGGREGATES, HOURS[3], as_of=LATER)
    store(lake, DAILY_AGGREGATES, DAY, as_of=LATER)
    lake = lake.refreshed()
    after = made_of.of_interval_metrics(lake, DAY, INTERVAL_METRICS), made_of.of_daily_metrics(lake, DAY, DAILY_METRICS)
    assert after == before
    store(lake, HOURLY_AGGREGATES, HOURS[3], body="[2]", as_of=LATER)
    assert made_of.of_interval_metrics(lake.refreshed(), DAY, INTERVAL_METRICS) != before[0]


def test_an_overlap_that_was_lost_counts_as_not_there(lake: Lake, tmp_path: Path) -> None:
    before = number(lake)
    store_overlap(lake, NEXT, {DAY: "a"})
    [file] = (tmp_path / OVERLAP).rglob("*.parquet")
    file.write_bytes(b"")
    assert number(Lake(LocalStore(tmp_path))) == before
