"""The number that says what a report is made of changes exactly when its inputs change."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from genesys_assets.automation.stale import can_make_report, published_backlog, reports_backlog
from genesys_assets.days import days_around
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.partitions import Calendar
from genesys_assets.publishing.business_day import BusinessDay
from genesys_assets.publishing.day import made_of as made_of_day
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.engine.made_of import made_of
from genesys_assets.reports.language.longer import Compare, Rolling
from genesys_assets.reports.meaning.report import Report
from genesys_assets.tables.conversations.flat_tables import SESSION_METRICS
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets.tables.names import HISTORIES
from genesys_assets_tests.reports.small_lake import DAY, KEY, LONG_AGO, REACH, called, measured, small_lake

BEFORE, AFTER = "2026-01-30", "2026-02-01"
REPORTS = {report.name: report for report in built_in_reports()}
QUEUES, AGENTS = REPORTS["queue_media"], REPORTS["agent_daily"]
OF_QUEUE = {"queue_id": "q1", "media_type": "voice"}
UTC_ZONE, ZURICH, LOS_ANGELES = ZoneInfo("UTC"), ZoneInfo("Europe/Zurich"), ZoneInfo("America/Los_Angeles")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    rows = [measured(60, "queueId,mediaType", "nOffered", count=1, group_key="q1/voice", **OF_QUEUE)]
    return small_lake(tmp_path, interval_metrics=rows, queues=called(q1="Sales"))


def restate(lake: Lake, day: str) -> Lake:
    """Store another reading of a day's aggregates, which finds none and reaches further."""
    reach = lake.reach("tables/interval_metrics", day)
    assert reach is not None
    further = replace(reach, through=reach.through + timedelta(milliseconds=1))
    lake.write("tables/interval_metrics", INTERVAL_METRICS, INTERVAL_METRICS.empty(), day, {}, reach=further)
    return lake.refreshed()


def number(lake: Lake, report: Report = QUEUES, zone: ZoneInfo = UTC_ZONE) -> int:
    return made_of(lake, report, KEY, zone)


def test_it_does_not_change_where_nothing_does(lake: Lake) -> None:
    assert number(lake) == number(lake.refreshed())


@pytest.mark.parametrize(
    ("zone", "day", "changes"),
    [
        (UTC_ZONE, KEY, True),
        (UTC_ZONE, BEFORE, False),
        (UTC_ZONE, AFTER, False),
        (ZURICH, BEFORE, True),
        (ZURICH, AFTER, False),
        (LOS_ANGELES, BEFORE, False),
    ],
)
def test_a_restated_day_changes_the_business_days_that_read_it(
    lake: Lake, zone: ZoneInfo, day: str, changes: bool
) -> None:
    before = number(lake, zone=zone)
    assert (number(restate(lake, day), zone=zone) != before) == changes


@pytest.mark.long
def test_what_begins_after_the_end_of_a_business_day_does_not_change_it(tmp_path: Path) -> None:
    def with_hours(*hours: int) -> Lake:
        minutes = [24 * 60 + 60 * hour for hour in hours]
        rows = [
            measured(each, "queueId,mediaType", "nOffered", count=1, group_key="q1/voice", **OF_QUEUE)
            for each in minutes
        ]
        return small_lake(tmp_path / "-".join(map(str, hours)), interval_metrics=rows)

    numbers = {hours: number(with_hours(*hours), zone=LOS_ANGELES) for hours in ((7,), (7, 8), (7, 8, 20), (6, 7))}
    assert numbers[7,] == numbers[7, 8] == numbers[7, 8, 20]
    assert numbers[6, 7] != numbers[7,]


def test_the_table_that_a_report_does_not_read_changes_nothing(lake: Lake) -> None:
    before = number(lake)
    lake.write("tables/session_metrics", SESSION_METRICS, SESSION_METRICS.empty(), KEY, {}, reach=Reach(DAY))
    assert number(lake.refreshed()) == before


def test_its_definition_counts(lake: Lake) -> None:
    numbers = {number(lake, report) for report in REPORTS.values()}
    assert len(numbers) == len(REPORTS)
    assert number(lake, QUEUES.every("PT1H")) != number(lake, QUEUES)


def test_names_of_the_day_count_and_later_ones_do_not(lake: Lake) -> None:
    spec, end = HISTORIES["queues"], DAY + timedelta(days=1)
    numbers = [number(lake)]

    def name(**later: object) -> None:
        rows = [*called(q1="Sales"), {"is_deleted": False, **later}]
        lake.write(f"reference/{spec.name}", spec, pa.Table.from_pylist(rows, spec.schema), None, {})
        numbers.append(number(lake.refreshed()))

    name(id="q1", valid_from=end, name="Sales, renamed a day later")
    name(id="q2", valid_from=end + timedelta(days=4), name="made long after")
    assert numbers[1] == numbers[2] == numbers[0]
    name(id="q2", valid_from=end + timedelta(hours=2), name="made on the day, seen in the night")
    name(id="q1", valid_from=LONG_AGO + timedelta(days=1), name="renamed before the day")
    assert len(set(numbers[2:])) == 3


# -- which partitions are wanted
# ----------------------------------------------------------------------------------------------------


def calendar(zone: ZoneInfo = UTC_ZONE) -> Calendar:
    return Calendar(date.fromisoformat(BEFORE), zone, 4)


def compute(lake: Lake, *days: str, report: Report = QUEUES, zone: ZoneInfo = UTC_ZONE) -> Lake:
    """Store empty reports of some days."""
    place = f"reports/{report.name}"
    for day in days:
        with lake.table_writers({place: report.spec}, day, {}) as writing:
            writing[place].write(report.spec.empty())
            writing.reach, writing.made_of = REACH, {place: made_of(lake, report, day, zone)}
    return lake.refreshed()


NOON_AFTER = DAY + timedelta(days=1, hours=12)


def test_reports_are_wanted_until_they_are_made_of_what_is_there(lake: Lake) -> None:
    place = f"reports/{QUEUES.name}"
    every = reports_backlog(lake, calendar(), NOON_AFTER, [QUEUES], ())
    assert every == {day: frozenset([place]) for day in (BEFORE, KEY, AFTER)}
    lake = compute(lake, BEFORE, KEY, AFTER)
    assert reports_backlog(lake, calendar(), NOON_AFTER, [QUEUES], ()) == {}
    lake = restate(lake, BEFORE)
    assert list(reports_backlog(lake, calendar(), NOON_AFTER, [QUEUES], ())) == [BEFORE]
    assert reports_backlog(lake, calendar(), NOON_AFTER, [QUEUES], {BEFORE}) == {}


WEEKLY = Report.of("weekly", QUEUES.definition.model_copy(update={"over": "week"}))
ROLLING = Report.of("rolling", QUEUES.definition.model_copy(update={"over": Rolling(rolling=2)}))


@pytest.mark.long
def test_a_week_is_wanted_on_its_last_day_and_when_one_of_its_days_has_changed(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, days=days_around(AFTER, 7, 0))
    first = replace(calendar(), start_date=date(2026, 1, 26))
    place = f"reports/{WEEKLY.name}"
    assert reports_backlog(lake, first, NOON_AFTER, [WEEKLY], ()) == {AFTER: frozenset([place])}
    assert reports_backlog(lake, first, NOON_AFTER, [WEEKLY], {"2026-01-27"}) == {}
    assert not can_make_report(lake, first, WEEKLY, KEY)
    lake = compute(lake, AFTER, report=WEEKLY)
    assert reports_backlog(lake, first, NOON_AFTER, [WEEKLY], ()) == {}
    assert list(reports_backlog(restate(lake, "2026-01-27"), first, NOON_AFTER, [WEEKLY], ())) == [AFTER]
    assert reports_backlog(restate(lake, "2026-01-25"), first, NOON_AFTER, [WEEKLY], {AFTER}) == {}


@pytest.mark.long
def test_a_week_that_begins_before_the_start_date_is_never_wanted(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, days=days_around(AFTER, 7, 0))
    assert reports_backlog(lake, calendar(), NOON_AFTER, [WEEKLY], ()) == {}


def test_rolling_days_are_wanted_each_day_whose_days_have_changed(tmp_path: Path) -> None:
    lake = small_lake(tmp_path)
    assert list(reports_backlog(lake, calendar(), NOON_AFTER, [ROLLING], ())) == [KEY, AFTER]
    lake = compute(lake, KEY, AFTER, report=ROLLING)
    assert list(reports_backlog(restate(lake, BEFORE), calendar(), NOON_AFTER, [ROLLING], ())) == [KEY]
    assert list(reports_backlog(restate(lake, KEY), calendar(), NOON_AFTER, [ROLLING], ())) == [KEY, AFTER]


def test_what_is_compared_is_wanted_when_the_period_before_has_changed(tmp_path: Path) -> None:
    compare = Compare(columns=["offered"])
    compared = Report.of("compared", QUEUES.definition.model_copy(update={"columns": None, "compare": compare}))
    lake = compute(small_lake(tmp_path), KEY, AFTER, report=compared)
    assert list(reports_backlog(restate(lake, BEFORE), calendar(), NOON_AFTER, [compared], ())) == [BEFORE, KEY]


def test_a_new_report_is_wanted_of_every_day_that_it_can_be_made_of(lake: Lake) -> None:
    lake = compute(lake, BEFORE, KEY, AFTER)
    assert list(reports_backlog(lake, calendar(), NOON_AFTER, [QUEUES, AGENTS], ())) == [BEFORE, KEY, AFTER]


def test_a_day_is_published_once_it_is_over_in_every_zone_and_again_when_it_is_made_of_something_else(
    lake: Lake,
) -> None:
    west = Report.of("west", QUEUES.definition.model_copy(update={"time_zone": "America/Los_Angeles"}))
    reports = [QUEUES, west]
    lake = compute(compute(lake, BEFORE, KEY), KEY, report=west)
    published: dict[str, dict[str, str]] = {}

    def wanted(hour: float) -> list[str]:
        now = DAY + timedelta(days=1, hours=hour, minutes=10)
        return list(published_backlog(lake, calendar(), now, reports, (), published.get))

    assert wanted(7) == [BEFORE]
    # The newest first: the manifests of a few old days that cannot be read must not hold up the others.
    assert wanted(8) == [KEY, BEFORE]
    for day in (BEFORE, KEY):
        published[day] = made_of_day(lake, BusinessDay.of(day, UTC_ZONE), reports)
    assert wanted(8) == []
    lake.write("reports/queue_media", QUEUES.spec, QUEUES.spec.empty(), KEY, {}, reach=Reach(DAY))
    lake = lake.refreshed()
    assert wanted(8) == [KEY]
    assert list(published_backlog(lake, calendar(), NOON_AFTER, reports, {KEY}, published.get)) == []


def test_a_day_that_no_longer_ends_a_period_of_a_report_is_not_published_for_it_again_and_again(lake: Lake) -> None:
    weekly = Report.of("queue_media", QUEUES.definition.model_copy(update={"over": "week"}))
    lake = compute(lake, KEY, report=AGENTS)
    lake = compute(lake, KEY)
    assert not weekly.has_partition(KEY, date.min)
    published = {KEY: made_of_day(lake, BusinessDay.of(KEY, UTC_ZONE), [AGENTS])}
    assert list(published_backlog(lake, calendar(), NOON_AFTER, [AGENTS, weekly], (), published.get)) == []
