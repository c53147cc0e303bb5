"""Flows and quality of a month in which clocks change: every figure is the one worked out in plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from genesys_assets.days import Window
from genesys_assets.sandbox.server import running
from genesys_assets_tests import plain_quality as plain
from genesys_assets_tests.assets.world import World, definitions, environment, hours
from genesys_assets_tests.plain_figures import Item

pytestmark = pytest.mark.long

ZONE = ZoneInfo("Europe/Zurich")
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
CLOCK_CHANGE = date(2026, 3, 29)
AN_ORDINARY_DAY = date(2026, 3, 10)
MONTH = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
TABLES = tuple(f"tables/{name}_metrics" for name in ("flows", "evaluations", "surveys", "resolutions"))
REPORTS = ("reports/flows", "reports/flow_exits", "reports/flows_hourly", "reports/quality")


@dataclass(frozen=True)
class Month:
    """A world in which a month was read and computed, and all conversations that have to do with it."""

    world: World
    conversations: list[Item]

    def rows(self, report: str, day: date) -> list[dict[str, Any]]:
        place = f"reports/{report}"
        schema = self.world.lake.schema(place, f"{day}")
        rows: list[dict[str, Any]] = self.world.lake.read(place, f"{day}", schema=schema).to_pylist()
        return rows


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    folder: Path = tmp_path_factory.mktemp("month")
    before, after = FIRST - timedelta(days=1), LAST + timedelta(days=1)
    now = datetime(2026, 4, 5, tzinfo=UTC)
    with running(conversations_per_day=40, now=now, requests_per_minute=None) as sandbox:
        world = World(sandbox, folder, definitions(f"{before}", ZONE.key))
        with environment(world.environment):
            assert world.run("hourly", "pages/hourly_aggregates", between=hours(f"{before}", f"{after}")).success
            assert world.run("recompute", *TABLES, between=(f"{before}", f"{after}")).success
            assert world.run("recompute", *REPORTS, between=(f"{FIRST}", f"{LAST}")).success
        begun = [FIRST + timedelta(days=number) for number in range(-6, len(MONTH) + 2)]
        yield Month(world, [each for day in begun for each in sandbox.organisation.conversations(day)])


def of_day(day: date) -> tuple[datetime, datetime]:
    window = Window.of_day(f"{day}", ZONE)
    return window.start, window.end


def same(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    return {name: found[name] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize("day", [AN_ORDINARY_DAY, CLOCK_CHANGE, FIRST, LAST])
def test_flows_of_a_day_are_those_of_its_conversations(month: Month, day: date) -> None:
    expected = plain.flows(month.conversations, *of_day(day))
    found = {row["flow_id"]: row for row in month.rows("flows", day)}
    assert found.keys() == expected.keys()
    assert all(same(found[flow], plain.flow_row(counts)) for flow, counts in expected.items())
    assert {(row["interval_start"], row["interval_end"]) for row in found.values()} == {of_day(day)}


@pytest.mark.parametrize("day", [AN_ORDINARY_DAY, CLOCK_CHANGE])
def test_exits_by_reason_add_up_to_the_exits_of_the_flow(month: Month, day: date) -> None:
    by_reason: dict[str, int] = {}
    for row in month.rows("flow_exits", day):
        by_reason[row["flow_id"]] = by_reason.get(row["flow_id"], 0) + (row["exits"] or 0)
    exits = {row["flow_id"]: row["exits"] or 0 for row in month.rows("flows", day)}
    assert {flow: count for flow, count in by_reason.items() if count} == {
        flow: count for flow, count in exits.items() if count
    }


def test_the_clocks_change_day_has_twenty_three_hours() -> None:
    start, end = of_day(CLOCK_CHANGE)
    assert end - start == timedelta(hours=23)


def test_hours_of_flows_are_those_of_the_conversations(month: Month) -> None:
    start = datetime(2026, 3, 10, tzinfo=UTC)
    found = {(row["interval_start"], row["flow_id"]): row for row in month.rows("flows_hourly", AN_ORDINARY_DAY)}
    expected = {
        (begin, flow): counts
        for begin in (start + timedelta(hours=hour) for hour in range(24))
        for flow, counts in plain.flows(month.conversations, begin, begin + timedelta(hours=1)).items()
    }
    assert found.keys() == expected.keys()
    assert all(same(found[group], plain.flow_row(counts)) for group, counts in expected.items())


@pytest.mark.parametrize("day", [AN_ORDINARY_DAY, CLOCK_CHANGE, FIRST, LAST])
def test_quality_of_a_day_is_that_of_its_conversations(month: Month, day: date) -> None:
    expected = plain.quality(month.conversations, *of_day(day))
    found = {(row["queue_id"], row["user_id"], row["form_id"]): row for row in month.rows("quality", day)}
    assert found.keys() == expected.keys()
    assert all(same(found[group], plain.quality_row(counts)) for group, counts in expected.items())


@pytest.mark.parametrize("days", [7, len(MONTH)], ids=["week", "month"])
def test_days_add_up_to_a_week_and_a_month(month: Month, days: int) -> None:
    span = MONTH[-days:]
    start, end = of_day(span[0])[0], of_day(span[-1])[1]
    names = ("entries", "exits", "outcomes", "self_served")
    of_flows = {row["flow_id"] for day in span for row in month.rows("flows", day)}
    sums = {
        flow: [
            sum(row[name] or 0 for day in span for row in month.rows("flows", day) if row["flow_id"] == flow)
            for name in names
        ]
        for flow in of_flows
    }
    expected = plain.flows(month.conversations, start, end)
    assert sums == {flow: [counts.get(name, 0) for name in names] for flow, counts in expected.items()}
    parts = ("nps_responses", "nps_promoters", "nps_detractors", "score", "scored", "next_contacts_avoided")
    rows = [row for day in span for row in month.rows("quality", day)]
    of_quality = plain.quality(month.conversations, start, end).values()
    found = [sum(row[name] or 0 for row in rows) for name in parts]
    assert found == [sum(counts.get(name, 0) for counts in of_quality) for name in parts]
    responses, promoters, detractors = found[:3]
    assert responses > 0
    assert plain.quality_row(dict(zip(parts, found, strict=True)))["nps"] == pytest.approx(
        100 * (promoters - detractors) / responses
    )
