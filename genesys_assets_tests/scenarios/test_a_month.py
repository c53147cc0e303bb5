"""A month in which clocks change: every figure of every report of what was added to conversations is the one worked out
in plain Python, for a day, a week and the month.

Among them are nights over midnight, agents with nothing to do, a presence that no definition knows, a user who is
deleted, a queue that agents join and leave, and customers who come again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from genesys_assets.days import Window
from genesys_assets.periods import Unit
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.engine.compute import compute
from genesys_assets.reports.engine.stored import StoredDay
from genesys_assets.reports.meaning.questions import all_questions
from genesys_assets.reports.meaning.report import Report
from genesys_assets.resources import GenesysCloudResource
from genesys_assets.sandbox import memberships
from genesys_assets.sandbox.server import running
from genesys_assets_tests import plain_agents, plain_contacts, plain_reports, plain_waits
from genesys_assets_tests import plain_quality as plain
from genesys_assets_tests.assets.world import World, definitions, environment
from genesys_assets_tests.days_at_once import DaysAtOnce
from genesys_assets_tests.plain_comparison import compare
from genesys_assets_tests.plain_figures import Item, Row
from genesys_assets_tests.scenarios import hard_days

pytestmark = pytest.mark.long

ZONE = ZoneInfo("Europe/Zurich")
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
CLOCK_CHANGE = date(2026, 3, 29)
AN_ORDINARY_DAY = date(2026, 3, 10)
FORGOTTEN = date(2026, 3, 26)
"""Of this day nobody observed the queues."""
DELETED = 3
"""The number of the user who is deleted."""
BEFORE, AFTER = FIRST - timedelta(days=2), LAST + timedelta(days=1)
"""The first and the last UTC day that is stored: who came again within a day of the first hour is known."""
MONTH = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
TABLES = (
    *("conversations", "participants", "sessions", "segments", "session_metrics", "resolutions"),
    "interaction_legs",
)
"""Those of conversations that the reports are made of."""
NAMES = (
    *hard_days.NAMES,
    *("reference/wrapup_codes", "reference/wrapup_codes_history", "reference/service_levels_history"),
)
BUILT_IN = {report.name: report for report in built_in_reports()}
SPANS: tuple[tuple[Unit, date], ...] = (
    ("day", AN_ORDINARY_DAY),
    ("day", CLOCK_CHANGE),
    ("week", CLOCK_CHANGE),
    ("month", LAST),
)
over_spans = pytest.mark.parametrize(("over", "last"), SPANS, ids=["day", "clocks change", "week", "month"])


@dataclass(frozen=True)
class Month:
    """A world in which a month was read and computed, and all conversations that have to do with it."""

    world: World
    conversations: list[Item]

    def over(self, name: str, unit: Unit, last: date) -> tuple[pa.Table, datetime, datetime]:
        """A report of a day, week or month, as a report of somebody's own may have it, and its bounds."""
        report = Report.of(name, BUILT_IN[name].definition.model_copy(update={"over": unit}))
        zone = ZoneInfo("UTC") if report.time_zone == "UTC" else ZONE
        window = report.period.window(f"{last}", zone)
        with environment(self.world.environment):
            table = compute(report, StoredDay(self.world.lake, f"{last}", ZONE, BEFORE))
        return table, window.start, window.end

    @property
    def legs(self) -> list[Row]:
        days = [f"{BEFORE + timedelta(days=number)}" for number in range((AFTER - BEFORE).days + 1)]
        rows: list[Row] = self.world.lake.read("tables/interaction_legs", days).to_pylist()
        return rows

    @property
    def members(self) -> dict[date, dict[str, list[str]]]:
        """The joined members of the queues that were observed; one day was forgotten."""
        directory = self.world.sandbox.organisation.directory
        return {
            day: {
                queue.id: [
                    member["id"]
                    for member in memberships.members(directory, queue, (day - date(1970, 1, 1)).days)
                    if member["joined"]
                ]
                for queue in directory.queues
                if not queue.deleted
            }
            for day in MONTH
            if day != FORGOTTEN
        }


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    folder: Path = tmp_path_factory.mktemp("month")
    now = datetime(2026, 4, 5, tzinfo=UTC)
    with running(conversations_per_day=25, now=now, requests_per_minute=None) as sandbox:
        world = World(sandbox, folder, definitions(f"{BEFORE}", ZONE.key))
        begun = [FIRST + timedelta(days=number) for number in range(-6, len(MONTH) + 2)]
        month = Month(world, [each for day in begun for each in sandbox.organisation.conversations(day)])
        sandbox.organisation.remove("users", sandbox.timelines.user_ids[DELETED])
        assert world.run("upkeep", *NAMES).success
        days = DaysAtOnce(world.lake, BEFORE, AFTER)
        with environment(world.environment):
            cloud = GenesysCloudResource().client
            days.metrics(cloud, all_questions(built_in_reports(), ()))
            legs = days.conversations(month.conversations, TABLES)
            days.waits(legs, days.status(cloud), month.members)
            cloud.close()
        yield month


def of_day(day: date) -> tuple[datetime, datetime]:
    window = Window.of_day(f"{day}", ZONE)
    return window.start, window.end


def same(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    return {name: found[name] for name in expected} == pytest.approx(expected)


def test_the_clocks_change_day_has_twenty_three_hours() -> None:
    start, end = of_day(CLOCK_CHANGE)
    assert end - start == timedelta(hours=23)


def test_hours_of_flows_are_those_of_the_conversations(month: Month) -> None:
    start = datetime(2026, 3, 10, tzinfo=UTC)
    table, _, _ = month.over("flows_hourly", "day", AN_ORDINARY_DAY)
    found = {(row["interval_start"], row["flow_id"]): row for row in table.to_pylist()}
    expected = {
        (begin, flow): counts
        for begin in (start + timedelta(hours=hour) for hour in range(24))
        for flow, counts in plain.flows(month.conversations, begin, begin + timedelta(hours=1)).items()
    }
    assert found.keys() == expected.keys()
    assert all(same(found[group], plain.flow_row(counts)) for group, counts in expected.items())


def knowledge(month: Month, start: datetime, end: datetime) -> plain_reports.Knowledge:
    return hard_days.knowledge(month.world, month.conversations, start, end)


@over_spans
def test_agents_days_are_those_of_the_agents(month: Month, over: Unit, last: date) -> None:
    table, start, end = month.over("agent_day", over, last)
    found = {row["user_id"]: row for row in table.to_pylist()}
    expected = plain_agents.agent_day(month.world.sandbox.timelines, month.conversations, start, end)
    assert found.keys() == expected.keys()
    for user, row in expected.items():
        assert {name: found[user][name] for name in row} == row
    if over == "month":
        assert found[month.world.sandbox.timelines.user_ids[DELETED]]["logged_in_ms"] > 0
        assert any(row["other_ms"] for row in found.values())
        assert any(row["first_login"] == row["interval_start"] for row in found.values())
        assert {row["day_ms"] for row in found.values()} == {(31 * 24 - 1) * 3_600_000}


def test_some_agents_have_nothing_on_a_day(month: Month) -> None:
    rows = month.over("agent_day", "day", CLOCK_CHANGE)[0].to_pylist()
    assert any(row["logged_in_ms"] == 0 and row["occupancy"] is row["first_login"] is None for row in rows)


@over_spans
def test_service_levels_are_those_of_the_conversations(month: Month, over: Unit, last: date) -> None:
    table, start, end = month.over("service_level", over, last)
    queues = month.world.sandbox.organisation.directory.queue_by_id

    def levels(queue: str, media: str) -> tuple[float | None, int | None]:
        return (None, None) if queues[queue].deleted else queues[queue].service_level(media)

    expected = plain_reports.service_level_of_queues(knowledge(month, start, end), levels)
    compare_over(table, expected, "service_level", over)


@over_spans
def test_exits_of_flows_are_those_of_the_conversations(month: Month, over: Unit, last: date) -> None:
    table, start, end = month.over("flow_exits", over, last)
    expected = plain.exits(month.conversations, start, end)
    found = {(row["flow_id"], row["exit_reason"]): row for row in table.to_pylist()}
    assert found.keys() == expected.keys()
    assert all(same(found[group], plain.exit_row(counts)) for group, counts in expected.items())


@over_spans
def test_flows_and_quality_are_those_of_the_conversations(month: Month, over: Unit, last: date) -> None:
    table, start, end = month.over("flows", over, last)
    flows = {row["flow_id"]: row for row in table.to_pylist()}
    expected = plain.flows(month.conversations, start, end)
    assert flows.keys() == expected.keys()
    assert all(same(flows[flow], plain.flow_row(counts)) for flow, counts in expected.items())
    table, start, end = month.over("quality", over, last)
    found = {(row["queue_id"], row["user_id"], row["form_id"]): row for row in table.to_pylist()}
    of_quality = plain.quality(month.conversations, start, end)
    assert found.keys() == of_quality.keys()
    assert all(same(found[group], plain.quality_row(counts)) for group, counts in of_quality.items())


@over_spans
def test_qualities_of_conversations_are_those_of_the_conversations(month: Month, over: Unit, last: date) -> None:
    table, start, end = month.over("conversation_quality", over, last)
    expected = plain_reports.conversation_quality(knowledge(month, start, end))
    compare_over(table, expected, "conversation_quality", over)


@over_spans
def test_customers_who_came_again_are_those_of_the_conversations(month: Month, over: Unit, last: date) -> None:
    table, start, end = month.over("repeat_contacts", over, last)
    stored = (datetime(2026, 2, 27, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC))
    expected = plain_contacts.repeat_contacts(month.conversations, month.legs, start, end, *stored)
    found = {(row["queue_id"], row["wrap_up_code"]): row for row in table.to_pylist()}
    assert found.keys() == {(row["queue_id"], row["wrap_up_code"]) for row in expected}
    for row in expected:
        shown = found[row["queue_id"], row["wrap_up_code"]]
        assert {name: shown[name] for name in row} == pytest.approx(row)
        assert bool(shown["unknown_because"]) == any(
            row[f"{name}_{days}d"] is None for name in ("repeated_within", "resolved_for") for days in (1, 7, 30)
        )
    if over == "month":
        repeated = sum(row["repeated_within_1d"] or 0 for row in expected)
        assert 0 < repeated < sum(row["contacts"] for row in expected)


@over_spans
def test_waits_stand_beside_what_the_members_of_each_day_did(month: Month, over: Unit, last: date) -> None:
    table, start, end = month.over("missed_while_idle", over, last)
    legs = [leg for leg in month.legs if start <= leg["conversation_start"] < end]
    status = [(month.world.sandbox.timelines, start, datetime(2026, 4, 2, tzinfo=UTC))]
    expected = plain_waits.waits(legs, status, month.members)
    names = [name for name in expected[0] if name not in ("conversation_id", "leg_no")]
    found = {(row["conversation_id"], row["leg_no"]): [row[name] for name in names] for row in table.to_pylist()}
    assert found == {(row["conversation_id"], row["leg_no"]): [row[name] for name in names] for row in expected}
    assert any(row["idle_members"] for row in expected)
    if over == "month":
        assert {row["unknown"] for row in expected} >= {None, "queue_members"}
        # Agents join queues and leave them.
        by_queue = {(row["queue_id"], row["members"]) for row in expected if row["members"]}
        assert len(by_queue) > len({queue for queue, _ in by_queue})


def compare_over(table: pa.Table, expected: list[Row], name: str, over: Unit) -> None:
    """Of several days a report has their first and last date in the place of the date."""
    assert expected
    if over != "day":
        dates = ["first_date", "last_date"]
        table = table.drop_columns([each for each in dates if each in table.column_names])
        expected = [{key: value for key, value in row.items() if key != "local_date"} for row in expected]
    compare(table, expected, BUILT_IN[name].spec.key)
