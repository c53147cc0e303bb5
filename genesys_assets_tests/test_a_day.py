"""Whole days, from the API to the reports: every row and every figure equals the organisation's conversations.

`plain_figures` and `plain_reports` compute the expected rows; `conftest` runs the days.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from genesys_assets.cloud.analytics.catalogue import DEFAULT_METRICS
from genesys_assets.days import hours_of, sources
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.engine.compute import compute
from genesys_assets.reports.engine.stored import StoredDay
from genesys_assets.reports.language.longer import Rolling
from genesys_assets.reports.meaning.report import Report
from genesys_assets.sandbox.server import running
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests import plain_reports
from genesys_assets_tests.assets.world import TABLES_OF_HOURS, World, definitions, error, hours
from genesys_assets_tests.conftest import DAY, DAYS, NOW
from genesys_assets_tests.plain_comparison import METRIC_KEY, TABLE_KEYS, compare
from genesys_assets_tests.plain_contacts import Customer, customer_of
from genesys_assets_tests.plain_figures import Item

REPORT_KEYS = {spec.name: spec.key for spec in (report.spec for report in built_in_reports())}


@pytest.fixture(scope="module")
def conversations(past_days: World) -> dict[date, list[Item]]:
    """The conversations of each day, as the API showed them, and those of earlier days that reach into them."""
    days = [DAYS[0] + timedelta(days=offset) for offset in range(-6, len(DAYS))]
    return {day: past_days.seen(day, NOW) for day in days}


@pytest.fixture(scope="module")
def known(past_days: World, conversations: dict[date, list[Item]]) -> plain_reports.Knowledge:
    return knowledge(past_days, conversations, midnight(DAY), midnight(DAY + timedelta(days=1)))


def knowledge(
    world: World, conversations: dict[date, list[Item]], start: datetime, end: datetime
) -> plain_reports.Knowledge:
    directory = world.sandbox.organisation.directory
    everything = [item for day in conversations.values() for item in day]
    return plain_reports.Knowledge(
        start=start,
        end=end,
        began=[item for item in everything if start <= plain.moment(item["conversationStart"]) < end],
        reaching=everything,
        metrics=plain.metric_rows(everything, start, end, DEFAULT_METRICS, target_of(world)),
        users={user["id"]: user["name"] for user in directory.users},
        queues={queue.id: queue.name for queue in directory.queues if not queue.deleted},
        wrapup_codes={code["id"]: code["name"] for code in directory.wrapup_codes},
    )


def target_of(world: World) -> Any:
    queues = world.sandbox.organisation.directory.queue_by_id
    return lambda queue, media: queues[queue].service_level(media)[0]


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def test_the_days_hold_what_makes_days_hard(conversations: dict[date, list[Item]]) -> None:
    """Without such data, the comparisons below would prove little."""
    today, tomorrow = midnight(DAY), midnight(DAY + timedelta(days=1))
    of_day = conversations[DAY]
    earlier = [item for day, items in conversations.items() if day < DAY for item in items]
    late = [s for s in plain.sessions(earlier) if any(today <= w < tomorrow for w, _, _ in s.emitted("tHandle"))]
    assert any("conversationEnd" not in item for item in of_day)
    assert any(plain.moment(item.get("conversationEnd", "1970-01-01T00:00Z")) >= tomorrow for item in of_day)
    assert {(today - plain.moment(session.conversation["conversationStart"])).days for session in late} == {0, 1}
    rows = plain.model_rows(of_day)
    assert all(rows[name] for name in TABLE_KEYS if name != "participant_attributes")
    assert any(row["ordinal"] for row in rows["session_metrics"])


@pytest.mark.parametrize("day", DAYS, ids=str)
@pytest.mark.parametrize("name", TABLE_KEYS)
def test_a_table_holds_every_row_and_value_of_the_day(
    past_days: World, conversations: dict[date, list[Item]], name: str, day: date
) -> None:
    table = past_days.lake.read(f"tables/{name}", f"{day}")
    compare(table, plain.model_rows(conversations[day])[name], TABLE_KEYS[name])


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_interval_metrics_hold_every_figure_in_the_bucket_of_its_emission(
    past_days: World, conversations: dict[date, list[Item]], day: date
) -> None:
    everything = [item for items in conversations.values() for item in items]
    end = midnight(day + timedelta(days=1))
    expected = plain.metric_rows(everything, midnight(day), end, DEFAULT_METRICS, target_of(past_days))
    compare(past_days.lake.read("tables/interval_metrics", f"{day}"), expected, METRIC_KEY)


def test_daily_metrics_hold_every_figure_of_the_day(past_days: World, conversations: dict[date, list[Item]]) -> None:
    everything = [item for items in conversations.values() for item in items]
    start, length = midnight(DAY), timedelta(days=1)
    expected = plain.metric_rows(
        everything, start, start + length, DEFAULT_METRICS, target_of(past_days), step=length, business_day=DAY
    )
    compare(past_days.lake.read("tables/daily_metrics", f"{DAY}"), expected, METRIC_KEY)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("agent_hourly", lambda known: plain_reports.agent(known, plain.HOUR)),
        ("agent_daily", lambda known: plain_reports.agent(known, None)),
        ("interval", plain_reports.interval),
        ("queue_media", plain_reports.queue_media),
        ("conversation_type", plain_reports.conversation_type),
        ("conversation_quality", plain_reports.conversation_quality),
    ],
)
def test_a_report_says_what_the_conversations_say(
    past_days: World, known: plain_reports.Knowledge, name: str, expected: Any
) -> None:
    table = past_days.lake.read(f"reports/{name}", f"{DAY}")
    assert len(table)
    compare(table, expected(known), REPORT_KEYS[name])


def test_service_levels_stand_beside_what_is_set_for_the_queue(
    past_days: World, known: plain_reports.Knowledge
) -> None:
    queues = past_days.sandbox.organisation.directory.queue_by_id
    table = past_days.lake.read("reports/service_level", f"{DAY}")

    def levels(queue: str, media: str) -> tuple[float | None, int | None]:
        # The settings of a queue that no listing shows are unknown.
        return (None, None) if queues[queue].deleted else queues[queue].service_level(media)

    expected = plain_reports.service_level_of_queues(known, levels)
    compare(table, expected, REPORT_KEYS["service_level"])
    assert any(row["short_abandoned"] for row in expected)


def test_contacts_of_customers_who_came_again_are_those_of_the_conversations(
    past_days: World, conversations: dict[date, list[Item]]
) -> None:
    rows = past_days.lake.read("reports/repeat_contacts", f"{DAY}").to_pylist()
    begun = [item for day in DAYS for item in conversations[day] if item.get("originatingDirection") == "inbound"]
    starts: defaultdict[Customer, list[datetime]] = defaultdict(list)
    of_day: list[tuple[datetime, Customer]] = []
    for item in begun:
        start, customer = plain.moment(item["conversationStart"]), customer_of(item)
        starts[customer].append(start)
        if start.date() == DAY:
            of_day.append((start, customer))
    known_ones = [(start, customer) for start, customer in of_day if customer is not None]
    again = [
        start
        for start, customer in known_ones
        if any(timedelta(0) < start - each < timedelta(days=1) for each in starts[customer])
    ]
    ended = [
        start
        for start, customer in known_ones
        if not any(timedelta(0) < each - start < timedelta(days=1) for each in starts[customer])
    ]
    assert ended
    assert again
    assert {customer[0] for _, customer in known_ones} == {"external contact", "address"}
    assert sum(row["contacts"] for row in rows) == len(of_day)
    assert sum(row["known_customers"] or 0 for row in rows) == len(known_ones)
    assert sum(row["repeated_within_1d"] or 0 for row in rows) == len(again)
    # All hours of the next day are stored, and no later ones.
    assert sum(row["resolved_for_1d"] or 0 for row in rows) == len(ended)
    assert {row["repeated_within_7d"] for row in rows} == {row["resolved_for_7d"] for row in rows} == {None}
    (reason,) = {tuple(row["unknown_because"]) for row in rows}
    assert reason[0].startswith(
        f"of the 7 days before, {DAYS[0] - timedelta(days=4)} and 3 more are not stored completely"
    )


@pytest.mark.parametrize("zone", ["UTC", "Europe/Zurich", "America/New_York"])
@pytest.mark.parametrize("name", ["queue_media", "agent_daily"])
def test_a_report_over_several_days_says_what_the_conversations_of_all_of_them_say(
    past_days: World, conversations: dict[date, list[Item]], name: str, zone: str
) -> None:
    (one_day,) = (report for report in built_in_reports() if report.name == name)
    report = Report.of(name, one_day.definition.model_copy(update={"over": Rolling(rolling=2)}))
    first, last = DAY - timedelta(days=2), DAY - timedelta(days=1)
    window = report.period.window(f"{last}", ZoneInfo(zone))
    known = knowledge(past_days, conversations, window.start, window.end)
    expected = plain_reports.queue_media(known) if name == "queue_media" else plain_reports.agent(known, None)
    dates = {"first_date": first, "last_date": last}
    table = compute(report, StoredDay(past_days.lake, f"{last}", ZoneInfo(zone), DAYS[0]))
    without_date = [{name: value for name, value in row.items() if name != "local_date"} for row in expected]
    compare(table, [{**row, **dates} for row in without_date], report.spec.key)


OF_BUSINESS_DAYS = (
    *("pages/daily_aggregates", "tables/daily_metrics"),
    *("reference/users", "reference/users_history", "reference/queues", "reference/queues_history"),
)
REPORTS_OF_BUSINESS_DAYS = ("reports/agent_daily", "reports/queue_media")


def compare_business_day(
    world: World, known: plain_reports.Knowledge, day: date, conversations: dict[date, list[Item]]
) -> None:
    everything = [item for items in conversations.values() for item in items]
    expected = plain.metric_rows(
        everything,
        known.start,
        known.end,
        DEFAULT_METRICS,
        target_of(world),
        step=known.end - known.start,
        business_day=day,
    )
    compare(world.lake.read("tables/daily_metrics", f"{day}"), expected, METRIC_KEY)
    agents = plain_reports.agent(known, None)
    assert agents
    compare(world.lake.read("reports/agent_daily", f"{day}"), agents, REPORT_KEYS["agent_daily"])
    queues = plain_reports.queue_media(known)
    compare(world.lake.read("reports/queue_media", f"{day}"), queues, REPORT_KEYS["queue_media"])


@pytest.fixture
def in_new_york(past_days: World, tmp_path: Path) -> World:
    """The past days in a lake of the test's own, where business days begin five hours later."""
    shutil.copytree(past_days.folder, tmp_path / "lake")
    return replace(
        past_days,
        folder=tmp_path / "lake",
        definitions=definitions(f"{DAYS[0]}", "America/New_York"),
        instance=dg.DagsterInstance.ephemeral(),
        runs=[],
    )


class OnTheNextDay(datetime):
    """The clock on the UTC day after DAY, `hour` hours and 20 minutes after its beginning."""

    hour = 0

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return midnight(DAYS[-1]) + timedelta(hours=cls.hour, minutes=20)


def computed_at(world: World, hour: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables of the day after DAY, as a run computes them at that hour from the hours that are over.

    The lake would keep tables of more hours, so these are removed first.
    """
    for table in (world.folder / "tables").iterdir():
        shutil.rmtree(table / f"date={DAYS[-1]}", ignore_errors=True)
    monkeypatch.setattr(OnTheNextDay, "hour", hour)
    monkeypatch.setattr(sources, "datetime", OnTheNextDay)
    for asset in ("pages/hourly_aggregates", "pages/hourly_details"):
        world.lake.remove(asset, hours_of(f"{DAYS[-1]}")[hour:])
    assert world.run("daily", *TABLES_OF_HOURS, partition=f"{DAYS[-1]}").success


@pytest.mark.long
def test_a_business_day_of_another_zone_is_cut_from_two_utc_days(
    past_days: World, in_new_york: World, conversations: dict[date, list[Item]]
) -> None:
    assert in_new_york.run("daily", *OF_BUSINESS_DAYS, *REPORTS_OF_BUSINESS_DAYS, partition=f"{DAY}").success
    start = midnight(DAY) + timedelta(hours=5)
    known = knowledge(past_days, conversations, start, start + timedelta(days=1))
    compare_business_day(in_new_york, known, DAY, conversations)


@pytest.mark.long
def test_a_business_day_of_another_zone_is_right_as_soon_as_its_last_hour_is_there(
    past_days: World, in_new_york: World, conversations: dict[date, list[Item]], monkeypatch: pytest.MonkeyPatch
) -> None:
    computed_at(in_new_york, 5, monkeypatch)
    assert in_new_york.run("daily", *OF_BUSINESS_DAYS, *REPORTS_OF_BUSINESS_DAYS, partition=f"{DAY}").success
    start = midnight(DAY) + timedelta(hours=5)
    known = knowledge(past_days, conversations, start, start + timedelta(days=1))
    begun = [item for item in known.reaching if plain.moment(item["conversationStart"]) < known.end]
    compare_business_day(in_new_york, replace(known, reaching=begun), DAY, conversations)


@pytest.mark.long
@pytest.mark.parametrize("name", REPORTS_OF_BUSINESS_DAYS)
@pytest.mark.parametrize("hour", [1, 4])
def test_a_business_day_whose_last_hours_are_not_there_yet_fails_by_name(
    in_new_york: World, name: str, hour: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed_at(in_new_york, hour, monkeypatch)
    before = in_new_york.files()
    said = error(in_new_york.run("daily", name, partition=f"{DAY}"))
    assert f"The day {DAY} in America/New_York ends at {DAYS[-1]} 05:00 UTC" in said
    assert f"genesys/tables/interval_metrics of {DAYS[-1]} reaches {DAYS[-1]}T{hour:02d}:00:00+00:00" in said
    assert "materialise it again" in said
    assert in_new_york.files() == before


@pytest.mark.parametrize("name", REPORTS_OF_BUSINESS_DAYS)
def test_a_business_day_whose_next_utc_day_was_never_computed_fails_by_name(in_new_york: World, name: str) -> None:
    shutil.rmtree(in_new_york.folder / f"tables/interval_metrics/date={DAYS[-1]}")
    said = error(in_new_york.run("daily", name, partition=f"{DAY}"))
    assert f"genesys/tables/interval_metrics of {DAYS[-1]} reaches nowhere, not {DAYS[-1]} 05:00" in said


def test_a_report_of_the_utc_day_needs_nothing_of_the_next_one(in_new_york: World) -> None:
    shutil.rmtree(in_new_york.folder / f"tables/interval_metrics/date={DAYS[-1]}")
    assert in_new_york.run("daily", "reports/agent_hourly", "reports/interval", partition=f"{DAY}").success


@pytest.mark.parametrize(
    ("day", "length"),
    [pytest.param(date(2026, 3, 29), 23, marks=pytest.mark.long), (date(2026, 10, 25), 25)],
    ids=["clocks go on", "clocks go back"],
)
def test_a_business_day_on_which_clocks_change_has_its_own_length(tmp_path: Path, day: date, length: int) -> None:
    zone, first = ZoneInfo("Europe/Zurich"), day - timedelta(days=1)
    now = midnight(day + timedelta(days=1)) + timedelta(hours=6)
    with running(conversations_per_day=60, now=now, requests_per_minute=None) as sandbox:
        world = World(sandbox, tmp_path, definitions(f"{first}", zone.key))
        assert world.run("hourly", between=hours(f"{first}", f"{day}")).success
        assert world.run("daily", *TABLES_OF_HOURS, between=(f"{first}", f"{day}")).success
        assert world.run("daily", *OF_BUSINESS_DAYS, *REPORTS_OF_BUSINESS_DAYS, partition=f"{day}").success
        days = [first + timedelta(days=offset) for offset in range(-5, 3)]
        conversations = {each: world.seen(each, now) for each in days}
        start, end = (
            datetime(each.year, each.month, each.day, tzinfo=zone).astimezone(UTC)
            for each in (day, day + timedelta(days=1))
        )
        assert end - start == timedelta(hours=length)
        known = knowledge(world, conversations, start, end)
        fetched = replace(known, reaching=[*conversations[first], *conversations[day]])
        compare_business_day(world, fetched, day, conversations)
