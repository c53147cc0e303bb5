"""What each schedule asks for at a tick, and that what it asks for can be run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from genesys_assets.automation.schedules import RANGE_END, RANGE_START, build_schedules, look_back_range
from genesys_assets.definitions import build_definitions
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.partitions import Calendar
from genesys_assets.sandbox import server
from genesys_assets_tests.automation.conftest import calendar


def named(name: str, of: Calendar | None = None) -> dg.ScheduleDefinition:
    return next(schedule for schedule in build_schedules(of or calendar()) if schedule.name == name)


def requested(schedule: dg.ScheduleDefinition, now: datetime, definitions: dg.Definitions) -> list[dg.RunRequest]:
    return list(_evaluated(schedule, now, definitions).run_requests or [])


def skipped(schedule: dg.ScheduleDefinition, now: datetime, definitions: dg.Definitions) -> str:
    tick = _evaluated(schedule, now, definitions)
    assert not tick.run_requests
    return str(tick.skip_message)


def _evaluated(schedule: dg.ScheduleDefinition, now: datetime, definitions: dg.Definitions) -> dg.ScheduleExecutionData:
    repository = definitions.get_repository_def()
    with dg.build_schedule_context(scheduled_execution_time=now, repository_def=repository) as context:
        return schedule.evaluate_tick(context)


def test_every_schedule_ships_stopped() -> None:
    schedules = build_schedules(calendar())
    assert {schedule.name for schedule in schedules} == {"hourly", "daily", "look_back", "look_back_hours", "live"}
    assert {schedule.default_status for schedule in schedules} == {dg.DefaultScheduleStatus.STOPPED}


@pytest.mark.parametrize(
    ("name", "job", "cron"),
    [
        ("hourly", "hourly", "10 * * * *"),
        ("daily", "daily", "0 2 * * *"),
        ("look_back", "look_back", "30 3 * * *"),
        ("look_back_hours", "look_back_hours", "30 3 * * *"),
        ("live", "live", "*/5 * * * *"),
    ],
)
def test_each_schedule_runs_its_job_at_its_time_in_utc(name: str, job: str, cron: str) -> None:
    schedule = named(name)
    assert (schedule.job_name, schedule.cron_schedule, schedule.execution_timezone) == (job, cron, "UTC")


@pytest.mark.parametrize(
    ("now", "hour"),
    [
        (datetime(2026, 2, 1, 5, 10, tzinfo=UTC), "2026-02-01-04:00"),
        (datetime(2026, 2, 1, 0, 10, tzinfo=UTC), "2026-01-31-23:00"),
    ],
)
def test_at_minute_10_the_last_full_hour_is_fetched(now: datetime, hour: str, definitions: dg.Definitions) -> None:
    [request] = requested(named("hourly"), now, definitions)
    assert (request.partition_key, request.run_key) == (hour, hour)


def test_the_hour_before_the_first_day_is_not_fetched(definitions: dg.Definitions) -> None:
    hourly = named("hourly", calendar(date(2026, 2, 1)))
    message = skipped(hourly, datetime(2026, 2, 1, 0, 10, tzinfo=UTC), definitions)
    assert message == "2026-01-31-23:00 lies before GENESYS_ASSETS_START_DATE 2026-02-01."
    assert requested(hourly, datetime(2026, 2, 1, 1, 10, tzinfo=UTC), definitions)[0].partition_key == (
        "2026-02-01-00:00"
    )


def test_at_two_the_day_before_is_computed_and_published(definitions: dg.Definitions) -> None:
    [request] = requested(named("daily"), datetime(2026, 3, 1, 2, tzinfo=UTC), definitions)
    assert (request.partition_key, request.run_key) == ("2026-02-28", "2026-02-28")


def test_the_day_before_the_first_day_is_not_computed(definitions: dg.Definitions) -> None:
    daily = named("daily", calendar(date(2026, 3, 1)))
    message = skipped(daily, datetime(2026, 3, 1, 2, tzinfo=UTC), definitions)
    assert message == "2026-02-28 lies before GENESYS_ASSETS_START_DATE 2026-03-01."


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Honolulu"])
def test_west_of_utc_the_day_is_computed_when_its_business_day_is_over_too(
    zone: str, definitions: dg.Definitions
) -> None:
    western = calendar(zone=zone)
    daily = named("daily", western)
    assert daily.execution_timezone == zone
    tick = datetime(2026, 3, 1, 2, tzinfo=western.zone)
    [request] = requested(daily, tick, definitions)
    assert request.partition_key == "2026-02-28"
    assert western.business_day("2026-02-28")[1] < tick


@pytest.mark.parametrize("zone", ["Europe/London", "Australia/Lord_Howe"])
def test_east_of_utc_the_day_is_computed_when_its_utc_day_is_over_too(zone: str) -> None:
    assert named("daily", calendar(zone=zone)).execution_timezone == "UTC"


LOOK_BACK = datetime(2026, 2, 20, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("of", "first"),
    [
        (calendar(), "2026-02-16"),
        (calendar(look_back_days=7), "2026-02-13"),
        (calendar(date(2026, 2, 17)), "2026-02-17"),
        (calendar(date(2026, 2, 19)), "2026-02-19"),
    ],
    ids=["4 days", "as far as the setting says", "not before the first day", "of a young calendar"],
)
def test_the_look_back_asks_for_one_run_up_to_yesterday(of: Calendar, first: str, definitions: dg.Definitions) -> None:
    [days] = requested(named("look_back", of), LOOK_BACK, definitions)
    [hours] = requested(named("look_back_hours", of), LOOK_BACK, definitions)
    assert (days.tags[RANGE_START], days.tags[RANGE_END]) == (first, "2026-02-19")
    assert (hours.tags[RANGE_START], hours.tags[RANGE_END]) == (f"{first}-00:00", "2026-02-19-23:00")
    assert (days.partition_key, hours.partition_key) == (None, None)
    assert (days.run_key, hours.run_key) == ("look_back 2026-02-20", "look_back_hours 2026-02-20")


@pytest.mark.parametrize("name", ["look_back", "look_back_hours"])
def test_a_calendar_that_begins_today_has_nothing_to_look_back_to(name: str, definitions: dg.Definitions) -> None:
    message = skipped(named(name, calendar(date(2026, 2, 20))), LOOK_BACK, definitions)
    assert message == "The start date is too recent for a look-back."


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (datetime(2026, 3, 5, 3, 30, tzinfo=UTC), "2026-02-01"),
        (datetime(2026, 3, 4, 3, 30, tzinfo=UTC), "2026-02-28"),
        (datetime(2026, 3, 6, 3, 30, tzinfo=UTC), "2026-03-02"),
        (datetime(2026, 1, 5, 3, 30, tzinfo=UTC), "2026-01-01"),
    ],
    ids=["on the day", "the day before", "the day after", "never before the start date"],
)
def test_once_a_month_the_whole_month_before_is_read_again(now: datetime, first: str) -> None:
    closing = replace(calendar(), month_close_day=5)
    assert look_back_range(now, closing) == (first, f"{now - timedelta(days=1):%Y-%m-%d}")


def test_a_month_close_never_shortens_the_look_back() -> None:
    closing = replace(calendar(look_back_days=31), month_close_day=1)
    on_the_first = datetime(2026, 3, 1, 3, 30, tzinfo=UTC)
    assert look_back_range(on_the_first, closing) == ("2026-01-29", "2026-02-28")


def test_a_live_tick_asks_for_one_snapshot(definitions: dg.Definitions) -> None:
    [request] = requested(named("live"), datetime(2026, 2, 20, 3, 35, tzinfo=UTC), definitions)
    assert request.partition_key is None


def test_what_a_look_back_asks_for_is_one_run_over_all_its_days_and_one_over_their_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    days = [f"{(now - timedelta(days=back)).date()}" for back in (2, 1)]
    with server.running(conversations_per_day=10, requests_per_minute=None) as sandbox:
        for name, value in sandbox.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("GENESYS_CLOUD_REQUESTS_PER_MINUTE", "1000000")
        monkeypatch.setenv("GENESYS_ASSETS_START_DATE", days[0])
        monkeypatch.setenv("GENESYS_ASSETS_LAKE", str(tmp_path))
        location = build_definitions()
        with dg.DagsterInstance.ephemeral() as instance:
            done = {}
            for schedule in ("look_back", "look_back_hours"):
                [request] = requested(location.resolve_schedule_def(schedule), now, location)
                job = location.resolve_job_def(schedule)
                done[schedule] = job.execute_in_process(instance=instance, tags=dict(request.tags))
            assert instance.get_runs_count() == 2
    of_days = {("daily_details", day) for day in days} | {("daily_overlap", day) for day in days}
    assert materialized(done["look_back"]) == of_days | {("daily_aggregates", day) for day in days}
    hours = {f"{day}-{hour:02d}:00" for day in days for hour in range(24)}
    assert materialized(done["look_back_hours"]) == {("hourly_aggregates", hour) for hour in hours}
    lake = Lake(LocalStore(tmp_path))
    stored = [lake.page_partitions(f"pages/{folder.name}") for folder in (tmp_path / "pages").iterdir()]
    assert sum(map(len, stored)) == 3 * len(days) + len(hours)


def materialized(done: dg.ExecuteInProcessResult) -> set[tuple[str, str | None]]:
    events = [event.materialization for event in done.get_asset_materialization_events()]
    return {(event.asset_key.path[-1], event.partition) for event in events}
