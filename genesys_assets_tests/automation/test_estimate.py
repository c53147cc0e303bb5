"""How many requests, hours and bytes a range of days costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from genesys_assets.automation.estimate import REQUESTS_OF_A_JOB, AssetEstimate, Estimate, Terms, _Range, estimate
from genesys_assets.cloud.analytics.families import family
from genesys_assets.days import hours_of, utc_day
from genesys_assets.days.data_lake import LAKE_FILES
from genesys_assets.days.sources import DAILY_AGGREGATES, DAILY_DETAILS, HOURLY_AGGREGATES, HOURLY_DETAILS, OVERLAP
from genesys_assets.days.users import USER_DETAILS
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.meaning.questions import all_questions
from genesys_assets.reports.meaning.report import Report
from genesys_assets.sandbox.server import running
from genesys_assets.settings import DataLakeSettings
from genesys_assets.tables.metrics.buckets import table_of
from genesys_assets.tables.spec import TableSpec, columns
from genesys_assets_tests.assets.world import World, definitions, hours
from genesys_assets_tests.automation.a_lake import store, store_days
from genesys_assets_tests.automation.conftest import calendar

FIRST, LAST = date(2026, 1, 1), date(2026, 1, 30)
LATER = datetime(2026, 2, 20, 12, tzinfo=UTC)
TERMS = Terms(
    questions=2,
    daily_questions=2,
    longest_window=timedelta(days=7),
    requests_per_minute=300,
    conversations_per_day=2_500,
)
ROWS = TableSpec("conversations", "", ("id",), columns("id integer it"))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def of(found: Estimate, asset: str) -> AssetEstimate:
    return next(each for each in found.assets if each.asset == asset)


def estimated(
    lake: Lake,
    first: date = FIRST,
    last: date = LAST,
    terms: Terms = TERMS,
    now: datetime = LATER,
    reports: Sequence[Report] = built_in_reports(),
    start_date: date | None = None,
) -> Estimate:
    return estimate(lake.refreshed(), calendar(start_date or first), first, last, now, reports, terms)


def store_conversations(lake: Lake, day: str, count: int) -> None:
    table = ROWS.empty().from_pydict({"id": list(range(count))}, schema=ROWS.schema)
    lake.write("tables/conversations", ROWS, table, day, {"run_id": "r"})


def test_aggregates_cost_as_many_requests_as_windows_and_days_as_many_as_pages_and_jobs(lake: Lake) -> None:
    found = estimated(lake)
    # Thirty days in windows of seven, two questions each.
    assert [of(found, place).requests for place in (HOURLY_AGGREGATES, DAILY_AGGREGATES)] == [10, 10]
    assert of(found, DAILY_DETAILS).requests == 30 * (3 + 15)
    # The overlap of a day is estimated as a quarter of the day.
    assert of(found, OVERLAP).requests == 30 * (1 + 15)
    # Jobs have covered these days for a long time, so no run reads their hours.
    assert (of(found, HOURLY_DETAILS).missing, of(found, HOURLY_DETAILS).requests) == (0, 0)
    assert found.requests == 20 + 30 * 34
    assert found.hours == found.requests / 300 / 60


def test_what_is_stored_costs_nothing(lake: Lake) -> None:
    before = estimated(lake)
    stored = [f"2026-01-{number:02}" for number in range(1, 11)]
    store_days(lake, *stored)
    found = estimated(lake)
    assert (of(found, DAILY_DETAILS).stored, of(found, DAILY_DETAILS).missing) == (10, 20)
    assert of(found, DAILY_DETAILS).requests == 20 * 18
    assert of(found, DAILY_AGGREGATES).requests < of(before, DAILY_AGGREGATES).requests
    store_days(lake, *(f"2026-01-{number:02}" for number in range(11, 31)))
    for number in range(1, 31):
        store(lake, HOURLY_AGGREGATES, *hours_of(f"2026-01-{number:02}"))
    assert estimated(lake).requests == 0


def test_a_look_back_that_is_due_is_no_part_of_it(lake: Lake) -> None:
    store_days(lake, "2026-02-19")
    found = estimated(lake, first=date(2026, 2, 19), last=date(2026, 2, 19))
    assert (of(found, DAILY_AGGREGATES).stored, of(found, DAILY_AGGREGATES).missing) == (1, 0)


def test_a_day_that_jobs_did_not_have_whole_is_missing(lake: Lake) -> None:
    store_days(lake, f"{LAST}", is_complete=False)
    found = of(estimated(lake, first=LAST), DAILY_DETAILS)
    assert (found.stored, found.missing) == (0, 1)


def test_a_report_over_weeks_lacks_one_partition_a_week(lake: Lake) -> None:
    weekly = Report.of("weekly", built_in_reports()[0].definition.model_copy(update={"over": "week"}))
    # The Sundays of January are 4, 11, 18 and 25. The first week began before the start date, and has no partition.
    found = of(estimated(lake, reports=[weekly]), "reports/weekly")
    assert (found.stored, found.missing) == (0, 3)
    found = of(estimated(lake, reports=[weekly], start_date=date(2025, 12, 1)), "reports/weekly")
    assert (found.stored, found.missing) == (0, 4)
    lake.write("reports/weekly", weekly.spec, weekly.spec.empty(), "2026-01-11", {"run_id": "r"})
    found = of(estimated(lake, reports=[weekly]), "reports/weekly")
    assert (found.stored, found.missing) == (1, 2)


def test_without_anything_stored_conversations_are_assumed_and_bytes_too(lake: Lake) -> None:
    found = estimated(lake, terms=Terms(2, 2, timedelta(days=7), 300))
    assert (found.conversations_per_day, found.basis) == (10_000, "assumed")
    assert not any(each.measured for each in found.assets)
    assert of(found, DAILY_DETAILS).bytes == 30 * 10_000 * 481


def test_sizes_are_the_mean_of_stored_days(lake: Lake) -> None:
    for day, count in (("2026-02-17", 1_000), ("2026-02-18", 3_000)):
        store_conversations(lake, day, count)
    sizes = [file.size for _, file in lake.refreshed().log("tables/conversations").every_file()]
    found = estimated(lake, last=FIRST, terms=Terms(2, 2, timedelta(days=7), 300))
    assert (found.conversations_per_day, found.basis, found.measured_days) == (2_000, "measured", 2)
    conversations = of(found, "tables/conversations")
    assert (conversations.bytes, conversations.measured) == (round(sum(sizes) / 2), True)
    # Twice the conversations take twice the bytes.
    twice = estimated(lake, last=FIRST, terms=Terms(2, 2, timedelta(days=7), 300, conversations_per_day=4_000))
    assert twice.basis == "given"
    assert of(twice, "tables/conversations").bytes == sum(sizes)


def test_agents_status_costs_a_job_a_day_where_it_is_read(lake: Lake) -> None:
    found = estimated(lake, terms=replace(TERMS, users=True))
    status = of(found, USER_DETAILS)
    assert (status.missing, status.requests) == (30, 30 * (1 + REQUESTS_OF_A_JOB))
    assert {"tables/user_presence", "tables/user_routing_status", "tables/user_time"} <= {
        each.asset for each in found.assets
    }
    store(lake, USER_DETAILS, f"{FIRST}", reach=Reach(utc_day(f"{FIRST}")[1], is_complete=True))
    assert of(estimated(lake.refreshed(), terms=replace(TERMS, users=True)), USER_DETAILS).missing == 29
    assert USER_DETAILS not in {each.asset for each in estimated(lake).assets}


def test_files_of_the_data_lake_cost_their_listings_and_as_many_requests_as_days_have_files(lake: Lake) -> None:
    settings = DataLakeSettings.load(source="on", schemas="conversations,segments", every_hours=6, days=400)
    terms = replace(TERMS, data_lake=settings)
    assert of(estimated(lake, terms=terms), LAKE_FILES).requests == 30 * 5 * 2
    store(lake, LAKE_FILES, f"{FIRST}", reach=Reach(utc_day(f"{FIRST}")[1], is_complete=True))
    assert of(estimated(lake.refreshed(), terms=terms), LAKE_FILES).requests == 29 * (5 * 2 + 1)


@pytest.mark.parametrize(("files", "requests"), [(0, 0), (1, 1), (200, 1), (201, 3), (400, 3), (1_000, 9)])
def test_signed_urls_and_listings_are_asked_for_200_files_at_once(files: int, requests: int) -> None:
    assert _Range._requests_for_files(files) == requests


def test_waits_and_tables_of_other_families_take_bytes_and_cost_no_requests(lake: Lake) -> None:
    found = estimated(lake, terms=replace(TERMS, families=[family("flows")]))
    for place in ("tables/queue_waits", f"tables/{table_of(family('flows')).name}"):
        assert (of(found, place).missing, of(found, place).requests) == (30, 0)
        assert of(found, place).bytes > 0
    assert found.requests == estimated(lake).requests


def test_today_is_not_measured_for_it_goes_on(lake: Lake) -> None:
    store_conversations(lake, f"{LATER.date()}", 5)
    assert estimated(lake, terms=Terms(2, 2, timedelta(days=7), 300)).basis == "assumed"


def test_hours_and_aggregates_cost_what_runs_really_ask(tmp_path: Path) -> None:
    day, now = date(2026, 1, 29), datetime(2026, 1, 30, 6, tzinfo=UTC)
    with running(seed=7, conversations_per_day=250, now=now, requests_per_minute=None) as sandbox:
        world = World(sandbox, tmp_path / "lake", definitions(f"{day}"))
        seen = len(world.seen(day, now))
        questions = len(all_questions(built_in_reports(), ()))
        terms = Terms(questions, 2, timedelta(days=7), 300, conversations_per_day=seen)
        found = estimate(world.lake, calendar(day), day, day, now, built_in_reports(), terms)
        run = world.run("hourly", between=hours(f"{day}"))
    assert run.success
    for place in (HOURLY_AGGREGATES, HOURLY_DETAILS):
        spent = {
            event.materialization.metadata["requests"].value
            for event in run.get_asset_materialization_events()
            if "/".join(event.materialization.asset_key.path[1:]) == place
            and "requests" in event.materialization.metadata
        }
        assert spent == {of(found, place).requests}, place
