"""The status of each asset: what is stored, missing, stale, and late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.automation import backlog, stale
from genesys_assets.automation.sensors import SENSORS
from genesys_assets.automation.status import TABLES, AssetStatus, Status, status
from genesys_assets.days import DAY, HOUR, hours_of, made_of, utc_day, utc_hour, waits
from genesys_assets.days.families import ANSWERED, UNANSWERED
from genesys_assets.days.limits import HOURS_LIMIT
from genesys_assets.days.sources import (
    DAILY_AGGREGATES,
    DAILY_DETAILS,
    HOURLY_AGGREGATES,
    HOURLY_DETAILS,
    IMPORTED_HOURLY,
    OVERLAP,
)
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.partitions import Calendar
from genesys_assets.publishing.business_day import BusinessDay
from genesys_assets.publishing.day import made_of as made_of_day
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.engine.made_of import made_of as made_of_report
from genesys_assets.reports.meaning.report import Report
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.conversations.open import OPEN_CONVERSATIONS
from genesys_assets.tables.entities import ENTITIES
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, INTERVAL_METRICS
from genesys_assets.tables.users.waits import QUEUE_WAITS
from genesys_assets_tests.automation.a_lake import store, store_days
from genesys_assets_tests.automation.conftest import calendar
from genesys_assets_tests.reports.small_lake import KEY, REACH, small_lake

FIRST, YESTERDAY, TODAY = "2026-02-18", "2026-02-19", "2026-02-20"
MIDNIGHT = datetime(2026, 2, 20, tzinfo=UTC)
NIGHT = MIDNIGHT + timedelta(hours=3, minutes=30)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def looked(
    lake: Lake,
    now: datetime,
    first: str = YESTERDAY,
    published: Mapping[str, Mapping[str, str]] | None = None,
    reports: list[Report] | None = None,
    of_calendar: Calendar | None = None,
) -> Status:
    days = of_calendar or calendar(date.fromisoformat(first), look_back_days=1)
    return status(lake.refreshed(), days, now, reports or [], (published or {}).get)


def of(found: Status, asset: str) -> AssetStatus:
    return next(each for each in found.assets if each.asset == asset)


def store_tables(lake: Lake, day: str, at: datetime) -> None:
    """Store empty tables of a day, made of the stored pages."""
    numbers = {
        **made_of.of_conversations(lake, day, DAY_TABLES),
        backlog.INTERVALS: made_of.of_interval_metrics(lake, day, INTERVAL_METRICS),
        stale.DAYS: made_of.of_daily_metrics(lake, day, DAILY_METRICS),
    }
    specs = {f"tables/{spec.name}": spec for spec in (*DAY_TABLES, INTERVAL_METRICS, DAILY_METRICS)}
    with (
        time_machine.travel(at, tick=False),
        lake.refreshed().table_writers(specs, day, {"run_id": "r"}) as writing,
    ):
        writing.made_of = numbers
        writing.reach = Reach(min(at, utc_day(day)[1]))


# -- pages -------------------------------------------------------------------------------------------------------------


def test_an_hour_that_is_not_stored_is_missing_three_hours_after_its_end(lake: Lake) -> None:
    store(lake, HOURLY_DETAILS, *hours_of(YESTERDAY)[:23])
    last = hours_of(YESTERDAY)[23]
    before = of(looked(lake, MIDNIGHT + HOURS_LIMIT - MINUTE), HOURLY_DETAILS)
    assert (before.missing, before.late_since) == ((), None)
    assert last in before.coming
    after = of(looked(lake, MIDNIGHT + HOURS_LIMIT), HOURLY_DETAILS)
    assert (after.missing, after.late_since) == ((last,), MIDNIGHT + HOURS_LIMIT)
    assert (after.stored, after.newest) == (23, hours_of(YESTERDAY)[22])


@settings(max_examples=15)
@given(
    stored=st.sets(st.sampled_from([*hours_of(YESTERDAY), *hours_of(TODAY)])),
    minutes=st.integers(0, 24 * 60 - 1),
)
def test_the_late_hours_are_those_that_ended_three_hours_ago_and_are_not_stored(stored: set[str], minutes: int) -> None:
    now = MIDNIGHT + timedelta(minutes=minutes)
    with TemporaryDirectory() as folder:
        lake = Lake(LocalStore(Path(folder)))
        if stored:
            store(lake, HOURLY_DETAILS, *sorted(stored))
        found = of(looked(lake, now), HOURLY_DETAILS)
    ended = {key for key in (*hours_of(YESTERDAY), *hours_of(TODAY)) if utc_hour(key)[1] + HOURS_LIMIT <= now}
    assert set(found.missing) == ended - stored
    assert (found.late_since is None) == (not found.missing)


def test_a_day_is_missing_a_day_and_a_half_after_its_end_and_its_aggregates_after_three_hours(lake: Lake) -> None:
    found = looked(lake, MIDNIGHT + timedelta(hours=36) - MINUTE)
    assert (of(found, DAILY_DETAILS).missing, of(found, DAILY_DETAILS).coming) == ((), (YESTERDAY, TODAY))
    assert of(found, DAILY_AGGREGATES).missing == (YESTERDAY, TODAY)
    found = looked(lake, MIDNIGHT + timedelta(hours=36))
    assert (of(found, DAILY_DETAILS).missing, of(found, OVERLAP).missing) == ((YESTERDAY,), (YESTERDAY,))


def test_a_day_that_jobs_did_not_have_whole_is_stale(lake: Lake) -> None:
    store_days(lake, YESTERDAY)
    store(lake, DAILY_DETAILS, YESTERDAY, reach=Reach(MIDNIGHT - timedelta(hours=1)))
    found = of(looked(lake, MIDNIGHT + timedelta(hours=36)), DAILY_DETAILS)
    assert (found.missing, found.stale, found.stored) == ((), (YESTERDAY,), 1)


def test_aggregates_of_look_back_days_are_stale_three_hours_after_a_look_back_that_did_not_read_them(
    lake: Lake,
) -> None:
    with time_machine.travel(MIDNIGHT, tick=False):
        store(lake, HOURLY_AGGREGATES, *hours_of(YESTERDAY))
    before = of(looked(lake, NIGHT + HOURS_LIMIT - MINUTE), HOURLY_AGGREGATES)
    assert (before.stale, set(hours_of(YESTERDAY)) <= set(before.coming)) == ((), True)
    after = of(looked(lake, NIGHT + HOURS_LIMIT), HOURLY_AGGREGATES)
    assert after.stale == tuple(hours_of(YESTERDAY))
    assert after.late_since is not None


def test_a_look_back_that_has_just_begun_does_not_hide_that_the_one_before_was_missed(lake: Lake) -> None:
    days = calendar(date.fromisoformat(FIRST), look_back_days=2)
    with time_machine.travel(MIDNIGHT - timedelta(hours=23), tick=False):
        store(lake, HOURLY_AGGREGATES, *hours_of(FIRST))
    found = of(looked(lake, NIGHT + MINUTE, of_calendar=days), HOURLY_AGGREGATES)
    assert found.stale == tuple(hours_of(FIRST))


# -- what is made of pages ---------------------------------------------------------------------------------------------


def test_tables_are_stale_three_hours_after_their_pages_changed(lake: Lake) -> None:
    read_again = MIDNIGHT + timedelta(hours=5)
    with time_machine.travel(MIDNIGHT + timedelta(hours=1), tick=False):
        store_days(lake, YESTERDAY)
        store(lake, HOURLY_AGGREGATES, *hours_of(YESTERDAY))
    store_tables(lake, YESTERDAY, MIDNIGHT + timedelta(hours=2))
    assert of(looked(lake, read_again), "tables/conversations") == AssetStatus("tables/conversations", 1, YESTERDAY)
    with time_machine.travel(read_again, tick=False):
        store(lake, DAILY_DETAILS, YESTERDAY, body="[2]", as_of=read_again, reach=Reach(MIDNIGHT, is_complete=True))
    before = of(looked(lake, read_again + HOURS_LIMIT - MINUTE), "tables/conversations")
    assert (before.stale, before.coming) == ((), (YESTERDAY,))
    after = of(looked(lake, read_again + HOURS_LIMIT), "tables/conversations")
    assert (after.stale, after.late_since) == ((YESTERDAY,), read_again + HOURS_LIMIT)


def test_tables_of_today_are_late_though_a_new_hour_comes_before_each_limit(lake: Lake) -> None:
    for number, hour in enumerate(hours_of(TODAY)[:6]):
        at = MIDNIGHT + timedelta(hours=number + 1, minutes=15)
        with time_machine.travel(at, tick=False):
            store(lake, HOURLY_DETAILS, hour)
        if number == 0:
            store_tables(lake, TODAY, at + MINUTE)
    # The second hour came at 02:15.
    since = MIDNIGHT + timedelta(hours=5, minutes=15)
    found = of(looked(lake, since - MINUTE, TODAY), "tables/conversations")
    assert (found.stale, found.coming) == ((), (TODAY,))
    found = of(looked(lake, MIDNIGHT + timedelta(hours=6, minutes=16), TODAY), "tables/conversations")
    assert (found.stale, found.late_since) == ((TODAY,), since)


def test_a_finished_day_without_pages_lacks_its_tables_and_reports_too(lake: Lake) -> None:
    [report, *_] = built_in_reports()
    found = looked(lake, MIDNIGHT + timedelta(hours=6), reports=[report])
    for asset in (*TABLES, f"reports/{report.name}", "published/reports"):
        assert of(found, asset).missing == (YESTERDAY,), asset


def test_a_report_over_weeks_is_missing_on_the_last_day_of_a_week_only(lake: Lake) -> None:
    weekly = Report.of("weekly", built_in_reports()[0].definition.model_copy(update={"over": "week"}))
    # Monday 9 February to Wednesday 18 February: one week is over.
    found = looked(lake, datetime(2026, 2, 19, 6, tzinfo=UTC), "2026-02-09", reports=[weekly])
    assert of(found, "reports/weekly").missing == ("2026-02-15",)
    # A week that began before the start date has no partition.
    found = looked(lake, datetime(2026, 2, 19, 6, tzinfo=UTC), "2026-02-10", reports=[weekly])
    assert of(found, "reports/weekly").missing == ()


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({ANSWERED: ["conversations"], UNANSWERED: {"flows": "the permission is missing"}}, ()),
        ({ANSWERED: ["conversations", "flows"]}, (YESTERDAY,)),
    ],
    ids=["refused", "answered"],
)
def test_a_family_that_the_platform_refused_has_no_table_and_no_report_that_could_be_late(
    lake: Lake, said: dict[str, Any], missing: tuple[str, ...]
) -> None:
    report = next(each for each in built_in_reports() if [family.name for family in each.families] == ["flows"])
    store(lake, HOURLY_AGGREGATES, *hours_of(YESTERDAY), said=said)
    found = looked(lake, MIDNIGHT + timedelta(hours=6), reports=[report])
    assert of(found, "tables/flows_metrics").missing == missing
    assert of(found, f"reports/{report.name}").missing == missing
    assert of(found, backlog.INTERVALS).missing == (YESTERDAY,)


def test_an_imported_day_lacks_no_table_of_a_family_because_no_hour_of_it_is_fetched(lake: Lake) -> None:
    report = next(each for each in built_in_reports() if [family.name for family in each.families] == ["flows"])
    store(lake, IMPORTED_HOURLY, YESTERDAY)
    found = looked(lake, MIDNIGHT + timedelta(hours=6), reports=[report])
    assert (of(found, "tables/flows_metrics").missing, of(found, f"reports/{report.name}").missing) == ((), ())


def test_a_day_that_is_published_is_not_missing(lake: Lake) -> None:
    found = looked(lake, MIDNIGHT + timedelta(hours=6), published={YESTERDAY: {}})
    published = of(found, "published/reports")
    assert (published.missing, published.stored, published.newest) == ((), 1, YESTERDAY)


def test_a_published_day_is_not_late_while_its_reports_are_yet_to_be_computed_again(tmp_path: Path) -> None:
    [report] = [each for each in built_in_reports() if each.name == "queue_media"]
    zone, place = ZoneInfo("UTC"), f"reports/{report.name}"
    lake, on_time = small_lake(tmp_path, only=["interval_metrics"]), utc_day(KEY)[1] + HOUR
    with time_machine.travel(on_time, tick=False), lake.table_writers({place: report.spec}, KEY, {}) as writing:
        writing[place].write(report.spec.empty())
        writing.reach, writing.made_of = REACH, {place: made_of_report(lake, report, KEY, zone)}
    published = {KEY: made_of_day(lake.refreshed(), BusinessDay.of(KEY, zone), [report])}
    restated_at = on_time + 2 * DAY
    reach = lake.reach(backlog.INTERVALS, KEY)
    assert reach is not None
    with time_machine.travel(restated_at, tick=False):
        further = replace(reach, through=reach.through + MINUTE)
        lake.write(backlog.INTERVALS, INTERVAL_METRICS, INTERVAL_METRICS.empty(), KEY, {}, reach=further)
    found = looked(lake, restated_at + MINUTE, KEY, published, [report])
    assert of(found, stale.PUBLISHED).stale == ()
    assert of(found, place).coming == (KEY,)


def test_where_nobody_can_say_what_is_published_it_is_not_listed(lake: Lake) -> None:
    days = calendar(date.fromisoformat(YESTERDAY))
    found = status(lake, days, MIDNIGHT + timedelta(hours=6), [], None, problems=["published/reports: away"])
    assert "published/reports" not in {each.asset for each in found.assets}
    assert found.problems == ("published/reports: away",)


def test_a_listing_is_late_three_hours_after_the_night_in_which_it_was_not_read(lake: Lake) -> None:
    spec, two = ENTITIES["queues"], MIDNIGHT + timedelta(hours=2)
    read_at = MIDNIGHT - timedelta(hours=1)
    lake.write("reference/queues", spec, spec.empty(), None, {"run_id": "r"}, newness=round(read_at.timestamp() * 1000))
    before = of(looked(lake, two + HOURS_LIMIT - MINUTE), "reference/queues")
    assert (before.late_since, before.newest) == (None, "2026-02-19 23:00 UTC")
    after = of(looked(lake, two + HOURS_LIMIT), "reference/queues")
    assert (after.stale, after.late_since) == ((TODAY,), two + HOURS_LIMIT)


def test_the_table_of_open_conversations_is_late_three_hours_after_the_night_in_which_it_was_not_made(
    lake: Lake,
) -> None:
    four, made_at = MIDNIGHT + timedelta(hours=4), MIDNIGHT - timedelta(hours=1)
    assert of(looked(lake, four + HOURS_LIMIT), stale.OPEN_CONVERSATIONS_PLACE).late_since is None
    store_tables(lake, YESTERDAY, MIDNIGHT)
    never = of(looked(lake, four + HOURS_LIMIT), stale.OPEN_CONVERSATIONS_PLACE)
    assert (never.missing, never.stored) == ((TODAY,), 0)
    newness = round(made_at.timestamp() * 1000)
    empty = OPEN_CONVERSATIONS.empty()
    lake.write(stale.OPEN_CONVERSATIONS_PLACE, OPEN_CONVERSATIONS, empty, None, {"run_id": "r"}, newness=newness)
    before = of(looked(lake, four + HOURS_LIMIT - MINUTE), stale.OPEN_CONVERSATIONS_PLACE)
    assert (before.late_since, before.newest, before.coming) == (None, "2026-02-19 23:00 UTC", (TODAY,))
    after = of(looked(lake, four + HOURS_LIMIT), stale.OPEN_CONVERSATIONS_PLACE)
    assert (after.stale, after.late_since) == ((TODAY,), four + HOURS_LIMIT)


def test_the_table_of_open_conversations_stays_late_when_the_next_night_begins(lake: Lake) -> None:
    four, made_at = MIDNIGHT + timedelta(hours=4), MIDNIGHT - timedelta(days=4)
    store_tables(lake, YESTERDAY, made_at)
    newness, empty = round(made_at.timestamp() * 1000), OPEN_CONVERSATIONS.empty()
    lake.write(stale.OPEN_CONVERSATIONS_PLACE, OPEN_CONVERSATIONS, empty, None, {"run_id": "r"}, newness=newness)
    for now in (four - MINUTE, four + MINUTE, four + HOURS_LIMIT - MINUTE):
        assert of(looked(lake, now), stale.OPEN_CONVERSATIONS_PLACE).late_since == four + HOURS_LIMIT - timedelta(
            days=1
        )


def test_a_table_of_open_conversations_that_is_never_made_is_late_although_others_are_made_each_hour(
    lake: Lake,
) -> None:
    for hour in range(4, 48):
        at = MIDNIGHT + timedelta(hours=hour)
        store_tables(lake, TODAY if hour < 24 else "2026-02-21", at)
    found = of(looked(lake, MIDNIGHT + timedelta(hours=47, minutes=30), first=TODAY), stale.OPEN_CONVERSATIONS_PLACE)
    assert found.late_since == MIDNIGHT + timedelta(days=1, hours=4) + HOURS_LIMIT


def test_what_the_platform_keeps_no_history_of_is_late_three_hours_after_midnight(
    lake: Lake,
) -> None:
    [place, *_] = backlog.OBSERVED
    before = of(looked(lake, MIDNIGHT + HOURS_LIMIT - MINUTE), place)
    assert (before.late_since, before.coming) == (None, (TODAY,))
    after = of(looked(lake, MIDNIGHT + HOURS_LIMIT), place)
    assert (after.missing, after.late_since) == ((TODAY,), MIDNIGHT + HOURS_LIMIT)


def test_layers_stand_in_the_order_of_the_data_and_each_asset_once(lake: Lake) -> None:
    assets = [each.asset for each in looked(lake, NIGHT, reports=list(built_in_reports())).assets]
    assert len(assets) == len({*assets})
    layers = list(dict.fromkeys(asset.split("/")[0] for asset in assets))
    assert layers == ["reference", "pages", "tables", "ops", "reports", "published", "live"]


def test_the_status_covers_every_kind_of_thing_that_sensors_ask_for() -> None:
    pages = {"upkeep", "observe", "hours", "days", "users", "data_lake"}
    assert {each.name for each in SENSORS} == {*pages, "tables", "checks", "reports", "publish"}


def test_waits_in_queues_are_listed_once_any_are_stored(lake: Lake) -> None:
    assert waits.PLACE not in {each.asset for each in looked(lake, NIGHT).assets}
    with lake.table_writers({waits.PLACE: QUEUE_WAITS}, YESTERDAY, {}):
        pass
    assert of(looked(lake, NIGHT), waits.PLACE).stored == 1
