"""Which runs the sensors request as time goes by, on a lake that only they fill."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genesys_assets.automation import sensors, tick
from genesys_assets.automation.next_run import Run
from genesys_assets.automation.progress import RANGE_END, RANGE_START, runs_of
from genesys_assets.automation.sensors import SENSORS
from genesys_assets.checks.reconciliation import FIRST_DAY, LAST_DAY
from genesys_assets.cloud.http import retry
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.sandbox.server import running
from genesys_assets.tables.conversations.flat_tables import SESSION_METRICS
from genesys_assets_tests.assets.world import World, definitions, environment
from genesys_assets_tests.automation.ticks import SensorRequest, Ticks, clock_at
from genesys_assets_tests.scenarios.conftest import FixedNow

FIRST = datetime(2026, 1, 27, tzinfo=UTC)
"""The start date; two days after it begins what is looked at."""
TODAY = FIRST + timedelta(days=1)
CONVERSATIONS, INTERVALS = "tables/conversations", "tables/interval_metrics"


@pytest.fixture(scope="module")
def code_location() -> dg.Definitions:
    with clock_at(TODAY):
        return definitions(f"{FIRST:%Y-%m-%d}")


@pytest.fixture
def ticks(tmp_path: Path, code_location: dg.Definitions, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ticks]:
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(retry, "FIRST_BACKOFF", 0.0)
    present = FixedNow(TODAY)
    with running(conversations_per_day=20, now=present, requests_per_minute=None) as sandbox:
        yield Ticks(World(sandbox, tmp_path / "lake", code_location), present)


def of(sensor: str, asked: list[SensorRequest]) -> list[tuple[str, str]]:
    return [(each.first, each.last) for each in asked if each.sensor == sensor]


def test_the_sensors_are_these_and_ship_stopped(definitions: dg.Definitions) -> None:
    sensors = definitions.get_repository_def().sensor_defs
    names = {*(each.name for each in SENSORS), "run_failure", "late", "unreported", "reports_file", "run_metrics"}
    assert {sensor.name for sensor in sensors} == names
    assert {sensor.default_status for sensor in sensors} == {dg.DefaultSensorStatus.STOPPED}
    assert all(definitions.resolve_sensor_def(name).description for name in names)


@pytest.mark.long
def test_a_lake_is_filled_kept_up_and_caught_up_after_hours_of_downtime(ticks: Ticks) -> None:
    # The first look finds the day before: its hours of aggregates and details, then tables, then reports.
    asked = ticks.at(TODAY + timedelta(hours=4, minutes=12))
    assert of("hours", asked) == [("2026-01-28-00:00", "2026-01-28-03:00"), ("2026-01-27-00:00", "2026-01-27-23:00")]
    assert of("days", asked) == [("2026-01-27", "2026-01-27")]
    assert ("2026-01-27", "2026-01-27") in of("reports", asked)
    lake = ticks.world.lake
    assert lake.rows(CONVERSATIONS, "2026-01-27") == 20
    # Nothing is asked for twice.
    assert ticks.at(ticks.present.at + timedelta(minutes=20)) == []
    # An hour later: one run each for the hour, its agents' status, the tables of both, and the reports.
    hour = ticks.at(ticks.present.at + timedelta(minutes=40))
    # If the looks before took long, the day before is published only now.
    assert {each.sensor for each in hour} - {"publish"} == {"hours", "reports", "tables", "users"}
    assert len(of("hours", hour)) == len(of("users", hour)) == 1
    assert len(of("tables", hour)) <= 2
    # Tables of the day before too: today's pages show how its spans ended that crossed midnight.
    of_today = {(each.first[:10], each.last[:10]) for each in hour if each.sensor not in ("tables", "publish")}
    assert of_today == {("2026-01-28", "2026-01-28")}
    # After four hours off, these hours are requested as one range.
    later = ticks.at(ticks.present.at + timedelta(hours=4))
    assert of("hours", later) == [("2026-01-28-05:00", "2026-01-28-08:00")]
    assert len(of("users", later)) == 1
    assert len(later) <= 6
    # Today's tables and reports wait for the next hour.
    ticks.off = {"hours"}
    without = ticks.at(ticks.present.at + timedelta(hours=1))
    assert {each.sensor for each in without if each.last[:10] == "2026-01-28"} == {"users"}
    assert all(run.status == dg.DagsterRunStatus.SUCCESS for run in ticks.world.instance.get_runs())


def test_what_is_missing_is_asked_for_as_runs_of_at_most_the_days_that_are_set(ticks: Ticks) -> None:
    with clock_at(TODAY):
        of_a_day = definitions(f"{FIRST:%Y-%m-%d}", settings={"GENESYS_ASSETS_DAYS_PER_RUN": "1"})
    ticks.world, ticks.carries_out = replace(ticks.world, definitions=of_a_day), False
    ticks.off = {each.name for each in SENSORS} - {"hours"}
    asked = of("hours", ticks.at(TODAY + timedelta(days=2, hours=4, minutes=12)))
    every = [f"2026-01-{day}" for day in (30, 29, 28, 27)]
    assert asked == [(f"{day}-00:00", f"{day}-{'03' if day == every[0] else '23'}:00") for day in every]


def test_members_and_skills_are_asked_for_once_a_day_and_a_missed_day_is_never_asked_for_later(ticks: Ticks) -> None:
    ticks.off = {"hours", "days", "users", "tables", "reports", "upkeep"}
    assert ticks.at(TODAY + timedelta(minutes=9)) == []
    assert of("observe", ticks.at(TODAY + timedelta(minutes=10))) == [("2026-01-28", "2026-01-28")]
    assert ticks.at(TODAY + timedelta(hours=20)) == []
    # A day off.
    assert of("observe", ticks.at(TODAY + timedelta(days=2, hours=5))) == [("2026-01-30", "2026-01-30")]
    lake = ticks.world.lake
    for place in ("reference/queue_members", "reference/user_skills"):
        assert list(lake.stored(place)) == ["2026-01-28", "2026-01-30"]


@pytest.mark.long
def test_the_table_of_open_conversations_is_asked_for_once_a_night_after_the_tables_of_yesterday(ticks: Ticks) -> None:
    ticks.off = {each.name for each in SENSORS} - {"hours", "tables"}

    def requests_at(moment: timedelta) -> list[SensorRequest]:
        return [each for each in ticks.at(TODAY + moment) if each.sensor == "tables"]

    def is_register(each: SensorRequest) -> bool:
        return each.assets == {"tables/open_conversations"}

    begun = requests_at(timedelta(hours=1, minutes=12))
    assert [is_register(each) for each in begun].count(True) == 1
    assert is_register(begun[-1])
    assert ticks.world.lake.has("tables/open_conversations", None)
    assert not any(map(is_register, requests_at(timedelta(hours=3, minutes=12))))
    night = requests_at(timedelta(hours=4, minutes=12))
    assert [is_register(each) for each in night] == [False] * (len(night) - 1) + [True]
    for hour in (5, 14, 23):
        assert not any(map(is_register, requests_at(timedelta(hours=hour, minutes=12))))
    assert not any(map(is_register, requests_at(timedelta(days=1, hours=3, minutes=12))))
    # A day later, even if the looks at 04:00 were missed.
    late = requests_at(timedelta(days=1, hours=7, minutes=12))
    assert [is_register(each) for each in late].count(True) == 1


def test_what_is_switched_off_is_not_asked_for(ticks: Ticks) -> None:
    ticks.off = {"hours", "days", "users", "tables", "reports", "upkeep"}
    ticks.world = replace(ticks.world, settings={"GENESYS_ASSETS_OBSERVE_QUEUE_MEMBERS": "false"})
    assert len(ticks.at(TODAY + timedelta(minutes=10))) == 1
    assert ticks.world.lake.stored("reference/queue_members") == {}
    assert [*ticks.world.lake.stored("reference/user_skills")] == ["2026-01-28"]


def test_agents_status_is_asked_for_by_day_and_of_today_after_each_hour(ticks: Ticks) -> None:
    ticks.off = {"hours", "days", "tables", "reports", "upkeep", "observe"}
    moment = TODAY + timedelta(hours=5, minutes=12)
    assert of("users", ticks.at(moment)) == [("2026-01-27", "2026-01-28")]
    assert ticks.at(moment + timedelta(minutes=30)) == []
    assert of("users", ticks.at(moment + timedelta(hours=1))) == [("2026-01-28", "2026-01-28")]
    reach = ticks.world.lake.reach("pages/daily_user_details", "2026-01-27")
    assert reach is not None
    assert reach.is_complete


@pytest.mark.long
def test_without_its_permission_agents_status_is_not_asked_for_and_all_else_is(ticks: Ticks) -> None:
    ticks.world.sandbox.behaviour.missing_permissions = {"analytics:userDetail:view"}
    asked = ticks.at(TODAY + timedelta(hours=4, minutes=12))
    assert of("users", asked) == []
    assert ("2026-01-27", "2026-01-27") in of("reports", asked)
    # One run makes a day's tables together with their inputs.
    assert of("tables", asked).count(("2026-01-27", "2026-01-27")) == 1
    made = {asset for each in asked for asset in each.assets}
    assert "reports/agent_daily" in made
    assert "reports/agent_day" not in made
    assert all(run.status == dg.DagsterRunStatus.SUCCESS for run in ticks.world.instance.get_runs())


def test_what_fails_is_asked_for_again_after_a_pause(ticks: Ticks) -> None:
    ticks.off = {"days", "users", "tables", "reports", "upkeep"}
    moment = TODAY + timedelta(minutes=12)
    ticks.world = replace(ticks.world, settings={"GENESYS_CLOUD_CLIENT_SECRET": "expired"})
    assert of("hours", ticks.at(moment)) == [("2026-01-27-00:00", "2026-01-27-23:00")]
    assert ticks.at(moment + timedelta(minutes=3)) == []
    ticks.world = replace(ticks.world, settings={})
    assert of("hours", ticks.at(moment + timedelta(minutes=8))) == [("2026-01-27-00:00", "2026-01-27-23:00")]
    assert ticks.at(moment + timedelta(minutes=9)) == []


def test_a_look_ends_soon_where_the_platform_refuses_to_say_what_jobs_have(
    ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "_LONGEST_WAIT_SECONDS", 2.5)
    behaviour, asked = ticks.world.sandbox.behaviour, ticks.world.sandbox.requests

    def wanted() -> set[str]:
        [request] = ticks.requests("days")
        return {key.path[-1] for key in request.asset_selection or ()}

    ticks.present.at = TODAY + timedelta(hours=12)
    with clock_at(ticks.present.at), environment(ticks.world.environment):
        behaviour.fail_next(429, times=20, path="/jobs/availability")
        assert wanted() == {"daily_aggregates"}
        assert 1 < len([path for _, path in asked if "/jobs/availability" in path]) < 5
        behaviour.faults.clear()
        assert wanted() == {"daily_aggregates", "daily_details", "daily_overlap"}


def test_what_is_being_made_is_not_asked_for_again(ticks: Ticks) -> None:
    ticks.off = {"days", "users", "tables", "reports", "upkeep", "observe"}
    ticks.carries_out = False
    moment = TODAY + timedelta(minutes=12)
    [asked] = ticks.at(moment)
    assert ticks.at(moment + timedelta(minutes=20)) == []
    assert (asked.first, asked.last) == ("2026-01-27-00:00", "2026-01-27-23:00")


def test_a_day_is_checked_once_the_run_that_reads_its_pages_has_ended(ticks: Ticks) -> None:
    """Else it would be checked after its overlap is stored, and again after the rest."""
    ticks.off, ticks.carries_out = {each.name for each in SENSORS} - {"days"}, False
    ticks.world.lake.write("tables/session_metrics", SESSION_METRICS, SESSION_METRICS.empty(), "2026-01-27", {})
    moment = TODAY + timedelta(hours=12)
    assert of("days", ticks.at(moment)) == [("2026-01-27", "2026-01-27")]
    with clock_at(moment), environment(ticks.world.environment):
        assert ticks.requests("checks") == []
        [reading] = ticks.world.instance.get_runs()
        ticks.world.instance.report_run_canceled(reading)
        [request] = ticks.requests("checks")
    assert (request.tags[FIRST_DAY], request.tags[LAST_DAY]) == ("2026-01-27", "2026-01-27")


def test_what_a_run_has_stored_that_ends_while_a_sensor_looks_is_not_asked_for_again(
    ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = TODAY + timedelta(minutes=12)

    def ending_just_before(*of_location: Any) -> list[Run]:
        monkeypatch.setattr(tick, "runs_of", runs_of)
        assert ticks.world.run("hourly", between=("2026-01-27-00:00", "2026-01-27-23:00")).success
        return runs_of(*of_location)

    monkeypatch.setattr(tick, "runs_of", ending_just_before)
    ticks.present.at = moment
    with clock_at(moment), environment(ticks.world.environment):
        assert ticks.requests("hours") == []


def test_a_question_of_a_new_report_is_asked_once_about_look_back_days(ticks: Ticks, tmp_path: Path) -> None:
    ticks.off = {each.name for each in SENSORS} - {"hours", "days", "tables"}
    ticks.at(TODAY + timedelta(hours=4))
    file = tmp_path / "reports.yaml"
    file.write_text(
        "reports:\n  long:\n    description: One row per media type.\n    group_by: [mediaType]\n    aggregates:\n"
        "      filter: {direction: inbound}\n      views: {long: {target: tHandle, gte: 300000}}\n"
        "      metrics: {long: long.count}\n"
    )
    with clock_at(TODAY):
        ticks.world = replace(ticks.world, definitions=definitions(f"{FIRST:%Y-%m-%d}", reports=file))
    asked = ticks.at(TODAY + timedelta(hours=4, minutes=5))
    assert of("hours", asked) == [("2026-01-27-00:00", "2026-01-27-23:00")]


def test_tables_of_days_whose_hours_are_in_are_asked_for_while_others_are_fetched(ticks: Ticks) -> None:
    ticks.off = {each.name for each in SENSORS} - {"hours"}
    ticks.carries_out = False
    moment = TODAY + timedelta(days=1, minutes=12)
    # Both days must be read by the hour, not by jobs.
    ticks.world.sandbox.behaviour.availability_lag_seconds = timedelta(days=2).total_seconds()
    [asked] = ticks.at(moment)
    assert (asked.first, asked.last) == ("2026-01-27-00:00", "2026-01-28-23:00")
    ticks.present.at = moment
    with clock_at(moment + timedelta(minutes=1)), environment(ticks.world.environment):
        assert ticks.world.run("hourly", between=("2026-01-28-00:00", "2026-01-28-23:00")).success
        [request] = ticks.requests("tables")
    assert request.tags["dagster/asset_partition_range_start"] == "2026-01-28"
    assert request.tags["dagster/asset_partition_range_end"] == "2026-01-28"


@pytest.mark.long
def test_days_that_an_outage_has_left_are_computed_once_all_of_them_are_read_again(ticks: Ticks) -> None:
    every = {each.name for each in SENSORS}
    ticks.off = every - {"hours", "days"}
    ticks.at(TODAY + timedelta(hours=5))
    moment = TODAY + timedelta(days=1, hours=3, minutes=42)
    ticks.off = every - {"hours"}
    ticks.at(moment)
    ticks.off, ticks.world = every - {"days"}, replace(ticks.world, settings={"GENESYS_CLOUD_CLIENT_SECRET": "expired"})
    for minutes in (1, 7, 23):
        assert of("days", ticks.at(moment + timedelta(minutes=minutes))) == [("2026-01-27", "2026-01-28")]
    ticks.off, ticks.world = every - {"tables"}, replace(ticks.world, settings={})
    moment += timedelta(minutes=70)

    def days() -> list[str]:
        """Read the day that is due next; returns it, and the days whose tables are then computed."""
        ticks.present.at = moment
        with clock_at(moment), environment(ticks.world.environment):
            [request] = ticks.requests("days")
            read = request.tags[RANGE_START]
            assert request.tags[RANGE_END] == read
            assert ticks.world.run("complete", partition=read).success
        # The table of open conversations has no days.
        return [read, *(each.first for each in ticks.at(moment + timedelta(minutes=2)) if each.first)]

    # A day that failed three times is read alone. Reading a day also changes the day before, and waits in queues of the
    # day after, which are compared with its legs.
    assert days() == ["2026-01-28", "2026-01-28"]
    assert days() == ["2026-01-27", "2026-01-27", "2026-01-28"]


@pytest.mark.long
def test_reports_wait_while_tables_of_earlier_days_that_they_read_are_computed_unless_that_fails_or_takes_long(
    ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = {each.name for each in SENSORS}
    ticks.at(TODAY + timedelta(hours=5, minutes=12))
    # An hour lands, and the day before is read again.
    for sensor in ("hours", "tables"):
        ticks.off = every - {sensor}
        ticks.at(TODAY + timedelta(hours=6, minutes=12))
    moment = ticks.present.at
    with clock_at(moment):
        corrected = ticks.world.seen(FIRST.date(), moment)[0]["conversationId"]
        ticks.world.sandbox.organisation.restate(corrected, lambda item: item.update(externalTag="corrected"))
        assert ticks.world.run("complete", partition="2026-01-27").success
    ticks.carries_out, ticks.off = False, every - {"tables"}
    [tables] = ticks.at(moment + timedelta(minutes=1))
    assert (tables.first, tables.last) == ("2026-01-27", "2026-01-27")

    def of_today() -> set[str]:
        with clock_at(moment + timedelta(minutes=2)), environment(ticks.world.environment):
            [request] = [each for each in ticks.requests("reports") if each.tags[RANGE_END] == "2026-01-28"]
        return {key.path[-1] for key in request.asset_selection or ()}

    # A run of somebody else's asset, whose partitions are no days, makes no difference.
    with clock_at(moment + timedelta(minutes=1)):
        regions = dg.asset(name="regions", partitions_def=dg.StaticPartitionsDefinition(["emea"]))(lambda: 1)
        in_memory = {"io_manager": dg.mem_io_manager}
        instance = ticks.world.instance
        assert dg.materialize([regions], partition_key="emea", instance=instance, resources=in_memory).success
        location = ticks.world.definitions.get_repository_def()
        assert any(run.first == "emea" for run in runs_of(instance, location, ticks.present.at))
    # Conversations of the day before may be alive today; the reports of flows only read aggregates of today.
    while_computed = of_today()
    assert "flows" in while_computed
    assert not while_computed & {"agent_daily", "agent_hourly"}
    with monkeypatch.context() as patch:
        patch.setattr(tick, "_LONG_WAIT", timedelta(seconds=30))
        assert of_today() >= while_computed | {"agent_daily", "agent_hourly"}
    [run] = ticks.world.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.NOT_STARTED]))
    ticks.world.instance.report_run_failed(run)
    assert of_today() >= while_computed | {"agent_daily", "agent_hourly"}
