"""The chart of a report in the UI: what its bars stand for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from genesys_assets.assets.charts import bars_of
from genesys_assets.reports.language.model import ReportDefinition
from genesys_assets.reports.meaning.report import Report

UTC_ZONE = ZoneInfo("UTC")
NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)


def report(**more: Any) -> Report:
    stated = {
        "description": "One row per group.",
        "group_by": ["queueId", "mediaType"],
        "aggregates": {"metrics": {"handled": "tHandle.count", "handle_time": "tHandle.sum", "longest": "tHandle.max"}},
        "columns": {
            "handled": None,
            "doubled": {"formula": "total(handle_time, handled) * 2", "unit": "minutes"},
            "average": "handle_time / handled",
            "longest": None,
        },
        **more,
    }
    return Report.of("mine", ReportDefinition.model_validate(stated))


def rows(of: Report, *some: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([dict.fromkeys(of.spec.schema.names) | row for row in some], of.spec.schema)


_VOICE = {"media_type": "voice", "handled": 3, "doubled_minutes": 6.0, "average": 60.0, "longest": 90}
_EMAIL = {"media_type": "email", "handled": 1, "doubled_minutes": 2.0, "average": 120.0, "longest": 120}
TWO_MEDIA = tuple({"queue_name": "Sales", **row} for row in (_VOICE, _EMAIL))


@pytest.mark.parametrize(("y", "height"), [("handled", 4.0), ("doubled", 8.0)])
def test_what_adds_up_is_added_up(y: str, height: float) -> None:
    mine = report(chart={"x": "queue_name", "y": y})
    assert bars_of(mine, rows(mine, *TWO_MEDIA), UTC_ZONE) == [("Sales", height)]


@pytest.mark.parametrize(("y", "heights"), [("average", [120.0, 60.0]), ("longest", [120.0, 90.0])])
def test_what_does_not_add_up_has_a_bar_for_each_row(y: str, heights: list[float]) -> None:
    mine = report(chart={"x": "queue_name", "y": y})
    bars = bars_of(mine, rows(mine, *TWO_MEDIA), UTC_ZONE)
    assert bars == [("Sales · email", heights[0]), ("Sales · voice", heights[1])]


def test_an_average_is_drawn_as_it_is_where_each_value_has_one_row() -> None:
    mine = report(group_by=["queueId"], chart={"x": "queue_name", "y": "average"})
    some = rows(mine, {"queue_name": "Sales", "average": 60.0}, {"queue_name": "Service", "average": 120.0})
    assert bars_of(mine, some, UTC_ZONE) == [("Service", 120.0), ("Sales", 60.0)]


def test_averages_of_several_groups_in_one_interval_are_not_drawn() -> None:
    mine = report(granularity="PT1H", chart={"x": "interval_start", "y": "average"})
    assert bars_of(mine, rows(mine, *({**row, "interval_start": NINE} for row in TWO_MEDIA)), UTC_ZONE) == []


def test_groups_that_overlap_are_not_added_up() -> None:
    skills = {"group_by": ["requestedRoutingSkillId", "mediaType"], "chart": {"x": "media_type", "y": "handled"}}
    mine = report(**skills)
    some = ({"requested_routing_skill_id": skill, "media_type": "voice", "handled": 1} for skill in ("a", "b"))
    assert [height for _, height in bars_of(mine, rows(mine, *some), UTC_ZONE)] == [1.0, 1.0]


def test_conversations_counted_once_in_each_group_are_not_added_up() -> None:
    mine = Report.of(
        "mine",
        ReportDefinition.model_validate(
            {
                "description": "One row per queue and media type.",
                "group_by": ["queueId", "mediaType"],
                "details": {"table": "sessions", "once_per": "conversation_id", "measures": {"count_of_them": "count"}},
                "chart": {"x": "media_type", "y": "count_of_them"},
            }
        ),
    )
    some = ({"queue_id": queue, "queue_name": queue, "media_type": "voice", "count_of_them": 1} for queue in ("a", "b"))
    assert len(bars_of(mine, rows(mine, *some), UTC_ZONE)) == 2


@pytest.mark.parametrize(("day", "hours"), [("2026-10-25", 25), ("2026-03-29", 23), ("2026-01-31", 24)])
def test_a_day_on_which_clocks_change_has_a_bar_for_each_of_its_hours(day: str, hours: int) -> None:
    zone = ZoneInfo("Europe/Zurich")
    midnight = datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC)
    mine = report(granularity="PT1H", chart={"x": "interval_start", "y": "handled"})
    some = (
        {"interval_start": midnight + timedelta(hours=nth), "queue_id": queue, "handled": 1}
        for nth in range(hours)
        for queue in ("a", "b")
    )
    bars = bars_of(mine, rows(mine, *some), zone)
    assert [height for _, height in bars] == [2.0] * hours
    assert (bars[0][0], bars[-1][0]) == ("00:00", "23:00")
    assert [label for label, _ in bars].count("02:00") == hours - 23
