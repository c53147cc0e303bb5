"""Which days are computed again on their own, tick by tick, as hours land on an otherwise finished calendar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from genesys_assets.automation.conditions import look_back
from genesys_assets.definitions import build_definitions
from genesys_assets_tests.automation.conftest import calendar

TODAY, YESTERDAY = "2026-02-20", "2026-02-19"
LOOK_BACK_DAYS = ["2026-02-16", "2026-02-17", "2026-02-18"]
TABLES = {"tables/conversations", "tables/session_metrics", "tables/sessions", "tables/segments"}
REPORTS = {
    "reports/agent_hourly",
    "reports/agent_daily",
    "reports/interval",
    "reports/queue_media",
    "reports/conversation_type",
    "reports/conversation_quality",
}
PUBLISHED = "published/reports"
LIST = "published/index"
LEDGER = "tables/restatements"

Requested = dict[str, set[str]]


@dataclass
class Ticks:
    """The refresh sensor's evaluations, a minute apart, over one instance."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance
    now: datetime
    cursor: Any = None
    keys: list[dg.AssetKey] = field(default_factory=list)
    lists_days: bool = False

    def __post_init__(self) -> None:
        specs = self.definitions.resolve_all_asset_specs()
        self.keys = [spec.key for spec in specs if spec.automation_condition and spec.partitions_def]

    def tick(self) -> Requested:
        self.now += timedelta(minutes=1)
        result = dg.evaluate_automation_conditions(
            self.definitions,
            self.instance,
            asset_selection=dg.AssetSelection.all(),
            cursor=self.cursor,
            evaluation_time=self.now,
        )
        self.cursor = result.cursor
        self.lists_days = bool(result.get_requested_partitions(asset_key(LIST)))
        every = {name(key): {str(day) for day in result.get_requested_partitions(key)} for key in self.keys}
        return {asset: days for asset, days in every.items() if days}

    def land(self, asset: str, *partitions: str, **said: bool) -> None:
        for partition in partitions:
            event = dg.AssetMaterialization(asset_key(asset), partition=partition, metadata=said)
            self.instance.report_runless_asset_event(event)

    def compute(self, requested: Requested) -> None:
        """Carry out what a tick requested, everything at once."""
        for asset, days in requested.items():
            self.land(asset, *days)

    def settle(self) -> Requested:
        """Tick and carry out what is requested until nothing is; everything that was requested."""
        every: Requested = {}
        while requested := self.tick():
            self.compute(requested)
            for asset, days in requested.items():
                every[asset] = every.get(asset, set()) | days
        return every

    def fetch(self, *hours: str) -> None:
        self.land("pages/hourly_aggregates", *hours)
        self.land("pages/hourly_details", *hours)


def asset_key(asset: str) -> dg.AssetKey:
    return dg.AssetKey(["genesys", *asset.split("/")])


def name(key: dg.AssetKey) -> str:
    return "/".join(key.path[1:])


def hours_of(day: str) -> list[str]:
    """The first and the last one, which stand for all."""
    return [f"{day}-00:00", f"{day}-23:00"]


def days_of(requested: Requested) -> set[str]:
    return set().union(*requested.values()) if requested else set()


@pytest.fixture
def ticks(definitions: dg.Definitions) -> Iterator[Ticks]:
    """Right before the first hour of TODAY's afternoon lands; nothing of it is stored yet."""
    with dg.DagsterInstance.ephemeral() as instance:
        started = Ticks(definitions, instance, datetime(2026, 2, 20, 13, 9, tzinfo=UTC))
        assert started.tick() == {}
        yield started


@pytest.fixture
def running(ticks: Ticks) -> Ticks:
    """The same with TODAY's tables and reports computed once."""
    ticks.fetch(f"{TODAY}-11:00")
    ticks.settle()
    return ticks


def test_every_day_of_a_table_report_or_publication_is_refreshed_on_its_own(definitions: dg.Definitions) -> None:
    specs = list(definitions.resolve_all_asset_specs())
    days = {
        name(spec.key)
        for spec in specs
        if spec.group_name in ("tables", "reports", "published") and spec.partitions_def
    }
    assert {name(spec.key) for spec in specs if spec.automation_condition} == days | {LIST, "ops/reports_file"}


def test_today_is_requested_as_soon_as_one_hour_has_landed(ticks: Ticks) -> None:
    ticks.fetch(f"{TODAY}-12:00")
    requested = ticks.settle()
    assert TABLES | REPORTS | {"tables/interval_metrics"} <= requested.keys()
    assert days_of(requested) == {TODAY}


def test_each_further_hour_requests_today_again(running: Ticks) -> None:
    running.fetch(f"{TODAY}-12:00")
    requested = running.settle()
    assert requested.keys() >= TABLES | REPORTS
    assert days_of(requested) == {TODAY}


def test_with_nothing_new_nothing_is_requested_again(running: Ticks) -> None:
    running.fetch(f"{TODAY}-12:00")
    assert running.tick()
    assert running.tick() == {}
    assert running.tick() == {}


def test_what_was_computed_on_request_requests_nothing_more(running: Ticks) -> None:
    running.fetch(f"{TODAY}-12:00", *(hour for day in LOOK_BACK_DAYS for hour in hours_of(day)))
    running.settle()
    assert running.tick() == {}


def test_reports_wait_until_all_tables_of_the_day_are_there(ticks: Ticks) -> None:
    ticks.land("pages/hourly_details", f"{TODAY}-12:00")
    first = ticks.tick()
    assert first.keys() >= TABLES
    assert not REPORTS & first.keys()
    ticks.compute(first)
    assert ticks.settle() == {LEDGER: {TODAY}}
    ticks.land("pages/hourly_aggregates", f"{TODAY}-12:00")
    second = ticks.settle()
    assert REPORTS | {"tables/interval_metrics", LEDGER} == second.keys()


def test_an_hour_of_an_old_day_requests_nothing(running: Ticks) -> None:
    running.fetch("2026-02-15-12:00", "2026-01-20-07:00")
    assert running.tick() == {}


def test_an_old_day_that_is_computed_by_hand_requests_nothing(running: Ticks) -> None:
    for asset in ("session_metrics", "interval_metrics", "conversations"):
        running.land(f"tables/{asset}", "2026-02-01")
    assert running.tick() == {}


def test_one_days_tables_request_that_days_reports_and_no_month_of_them(running: Ticks) -> None:
    for asset in ("session_metrics", "interval_metrics", "conversations"):
        running.land(f"tables/{asset}", LOOK_BACK_DAYS[0])
    requested = running.tick()
    assert requested.keys() >= REPORTS
    assert days_of(requested) == {LOOK_BACK_DAYS[0]}


def test_the_last_hour_of_yesterday_completes_yesterday(definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        ticks = Ticks(definitions, instance, datetime(2026, 2, 20, 0, 9, tzinfo=UTC))
        ticks.tick()
        ticks.fetch(f"{YESTERDAY}-23:00")
        requested = ticks.settle()
    assert TABLES | REPORTS | {PUBLISHED} <= requested.keys()
    assert days_of(requested) == {YESTERDAY}


def test_look_back_days_are_requested_through_to_publishing_when_their_hours_were_read_again(running: Ticks) -> None:
    running.fetch(*(hour for day in LOOK_BACK_DAYS for hour in hours_of(day)))
    requested = running.settle()
    assert TABLES | REPORTS | {PUBLISHED} <= requested.keys()
    assert all(days == set(LOOK_BACK_DAYS) for days in requested.values())


def test_how_far_back_is_the_calendars_look_back(running: Ticks) -> None:
    running.fetch(*hours_of("2026-02-16"), *hours_of("2026-02-15"))
    assert days_of(running.tick()) == {"2026-02-16"}


def test_a_day_that_was_completed_by_a_job_is_requested_through_to_publishing(running: Ticks) -> None:
    running.fetch(*(hour for day in LOOK_BACK_DAYS for hour in hours_of(day)))
    running.settle()
    running.land("pages/daily_details", LOOK_BACK_DAYS[1])
    requested = running.settle()
    assert TABLES | {"tables/interaction_legs", "tables/participant_attributes", LEDGER} <= requested.keys()
    assert {"reports/conversation_type", PUBLISHED} <= requested.keys()
    assert "tables/interval_metrics" not in requested
    assert days_of(requested) == {LOOK_BACK_DAYS[1]}


@pytest.mark.parametrize(
    ("closing_day", "reach"),
    [(None, timedelta(days=5)), (1, timedelta(days=60)), (28, timedelta(days=60))],
)
def test_with_a_month_close_the_whole_month_before_is_within_reach(closing_day: int | None, reach: timedelta) -> None:
    assert look_back(replace(calendar(), month_close_day=closing_day)) == reach


def test_the_days_of_the_month_before_are_refreshed_where_a_month_close_reads_them_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GENESYS_ASSETS_START_DATE", "2025-12-01")
    monkeypatch.setenv("GENESYS_ASSETS_MONTH_CLOSE_DAY", "20")
    with dg.DagsterInstance.ephemeral() as instance:
        ticks = Ticks(build_definitions(), instance, datetime(2026, 2, 20, 4, tzinfo=UTC))
        ticks.tick()
        ticks.fetch(*hours_of("2026-01-01"), *hours_of("2025-12-05"))
        assert days_of(ticks.tick()) == {"2026-01-01"}


def test_today_is_never_published(running: Ticks) -> None:
    running.fetch(f"{TODAY}-12:00")
    requested = running.settle()
    assert requested.keys() >= REPORTS
    assert PUBLISHED not in requested


def test_look_back_days_that_came_back_unchanged_request_nothing_downstream(running: Ticks) -> None:
    running.fetch(*(hour for day in LOOK_BACK_DAYS for hour in hours_of(day)))
    requested = running.tick()
    assert requested.keys() >= TABLES
    for asset, days in requested.items():
        running.land(asset, *days, changed=False)
    assert running.tick() == {}


def test_what_a_run_told_before_it_died_is_not_forgotten_for_the_next_run_that_found_it_unchanged(
    running: Ticks,
) -> None:
    for changed in (True, False):
        running.land("tables/interval_metrics", TODAY, changed=changed)
    requested = running.tick()
    assert requested["reports/interval"] == {TODAY}
    running.compute(requested)
    running.settle()
    running.land("tables/interval_metrics", TODAY, changed=False)
    assert running.tick() == {}


def test_what_a_run_over_several_days_says_once_more_at_its_end_requests_nothing_more(running: Ticks) -> None:
    running.land("tables/interval_metrics", TODAY, changed=True)
    running.settle()
    running.land("tables/interval_metrics", TODAY, changed=True, told_when_stored=True)
    assert running.tick() == {}


def test_a_day_is_not_published_while_a_report_of_it_is_missing(running: Ticks) -> None:
    running.land("reports/interval", YESTERDAY)
    assert running.tick() == {}
    for report in REPORTS:
        running.land(report, YESTERDAY)
    running.land("tables/conversations", YESTERDAY)
    running.land("tables/interval_metrics", YESTERDAY)
    running.land(LEDGER, YESTERDAY)
    assert running.tick()[PUBLISHED] == {YESTERDAY}


def test_the_list_of_days_is_made_once_for_each_time_a_day_was_published(running: Ticks) -> None:
    assert not running.lists_days
    for day in (YESTERDAY, "2026-01-05"):
        running.land(PUBLISHED, day)
        running.tick()
        assert running.lists_days
        running.tick()
        assert not running.lists_days


def test_reference_data_alone_requests_nothing(running: Ticks) -> None:
    for entity in ("users", "queues", "wrapup_codes"):
        running.instance.report_runless_asset_event(dg.AssetMaterialization(asset_key(f"reference/{entity}")))
    assert running.tick() == {}


@dataclass
class Meanwhile:
    """In place of the lake: does something while a run is in progress, then lets the run fail."""

    happens: Callable[[], None]

    @property
    def lake(self) -> None:
        self.happens()
        raise dg.Failure("enough", allow_retries=False)


def meanwhile(ticks: Ticks, lands: str, *partitions: str) -> Requested:
    """What is requested at a tick at which something lands while TODAY's interval metrics are being computed."""
    in_progress: list[Requested] = []

    def happens() -> None:
        ticks.land(lands, *partitions)
        in_progress.append(ticks.tick())

    location = build_definitions(resources={"lake": Meanwhile(happens)})
    location.resolve_job_def("daily").execute_in_process(
        instance=ticks.instance,
        partition_key=TODAY,
        asset_selection=[asset_key("tables/interval_metrics")],
        raise_on_error=False,
    )
    [requested] = in_progress
    return requested


def test_an_hour_that_lands_while_the_day_is_computed_is_not_forgotten(running: Ticks) -> None:
    assert meanwhile(running, "pages/hourly_aggregates", f"{TODAY}-12:00") == {}
    assert running.tick()["tables/interval_metrics"] == {TODAY}


def test_a_report_waits_for_a_table_that_is_being_computed(running: Ticks) -> None:
    assert "reports/interval" not in meanwhile(running, "tables/conversations", TODAY)
    assert running.tick()["reports/interval"] == {TODAY}
