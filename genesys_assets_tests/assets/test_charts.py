"""The chart of a report in the UI: the meaning of its bars."""

from __future__ import annotations

import base64
import math
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from genesys_assets.assets import charts
from genesys_assets.assets.charts import bars_of, chart_metadata
from genesys_assets.reports.language.model import ReportDefinition
from genesys_assets.reports.meaning.report import Report

UTC_ZONE = ZoneInfo("UTC")
SVG = "{http://www.w3.org/2000/svg}"
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


def test_an_instant_in_a_group_is_written_in_the_zone_of_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        mine = report(group_by=["mediaType"], granularity="PT1H", chart={"x": "media_type", "y": "average"})
        some = ({**row, "interval_start": NINE} for row in (_VOICE, _VOICE))
        label = charts._group(mine, next(some) | {mine.keys[0].column: NINE}, ZoneInfo("Europe/Zurich"))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert label.startswith("10:00")


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


def test_an_hour_without_rows_keeps_its_place_between_the_others() -> None:
    mine = report(granularity="PT1H", chart={"x": "interval_start", "y": "handled"})
    some = ({"interval_start": NINE + timedelta(hours=hours), "queue_id": "a", "handled": 1} for hours in (3, 0))
    assert bars_of(mine, rows(mine, *some), UTC_ZONE) == [("09:00", 1), ("10:00", 0), ("11:00", 0), ("12:00", 1)]


def picture(of: Report, table: pa.Table) -> ElementTree.Element:
    """The chart as the UI shows it."""
    said = chart_metadata(of, table, UTC_ZONE)["chart"].value
    alt, _, data = said.partition("](data:image/svg+xml;base64,")
    assert alt == f"![{of.chart.y} by {of.chart.x}" if of.chart else False
    return ElementTree.fromstring(base64.b64decode(data.removesuffix(")")))


def texts(of: ElementTree.Element) -> list[str]:
    return [str(each.text) for each in of.iter(f"{SVG}text")]


def heights(of: ElementTree.Element) -> list[float]:
    """The heights of the bars, without the background."""
    return [float(each.attrib["height"]) for each in of.iter(f"{SVG}rect")][1:]


def test_the_picture_has_a_bar_and_a_label_for_each_value() -> None:
    mine = report(group_by=["queueId"], chart={"x": "queue_name", "y": "handled"})
    names = [f'<{nth}> & "Sales"' for nth in range(24)]
    drawn = picture(mine, rows(mine, *({"queue_name": name, "handled": 50 - nth} for nth, name in enumerate(names))))
    assert texts(drawn) == ["handled by queue_name", "0", "20", "40", "60", *names]
    assert heights(drawn) == [round(150 * (50 - nth) / 60, 1) for nth in range(24)]
    assert all(0 <= float(each.attrib.get("x", 0)) <= 580 for each in drawn)


def test_a_long_label_is_cut() -> None:
    mine = report(group_by=["queueId"], chart={"x": "queue_name", "y": "handled"})
    drawn = picture(mine, rows(mine, {"queue_name": "x" * 100, "handled": 1}))
    assert texts(drawn)[-1] == "x" * 31 + "…"


@pytest.mark.parametrize("lengths", [[3], [32], [3, 32], [32, 3, 3], [3] * 11 + [32], [32] * 24])
def test_labels_have_room_and_no_more_than_they_need(lengths: list[int]) -> None:
    mine = report(group_by=["queueId"], chart={"x": "queue_name", "y": "handled"})
    some = ({"queue_name": f"{nth:x<{length}}", "handled": 50 - nth} for nth, length in enumerate(lengths))
    labels = [each for each in picture(mine, rows(mine, *some)).iter(f"{SVG}text") if "transform" in each.attrib]
    begins = [float(each.attrib["x"]) - 6 * len(str(each.text)) * math.sin(math.pi / 4) for each in labels]
    assert min(begins) >= -0.1
    assert min(begins) < 1 or float(labels[0].attrib["x"]) < 60 + 510 / len(lengths)


@pytest.mark.parametrize(
    ("values", "steps"),
    [
        ([0, 0], ["0", "0.5"]),
        ([3], ["0", "1", "2", "3"]),
        ([0.03, 0.01], ["0", "0.01", "0.02", "0.03"]),
        ([1234567.0], ["0", "500,000", "1,000,000", "1,500,000"]),
        ([40, -20], ["-20", "0", "20", "40"]),
    ],
)
def test_the_axis_has_round_values_around_all_bars(values: list[float], steps: list[str]) -> None:
    mine = report(group_by=["queueId"], chart={"x": "queue_name", "y": "average"})
    drawn = picture(mine, rows(mine, *({"queue_name": f"q{at}", "average": each} for at, each in enumerate(values))))
    assert texts(drawn)[1 : -len(values)] == steps
    span = float(steps[-1].replace(",", "")) - float(steps[0])
    assert heights(drawn) == [pytest.approx(150 * abs(each) / span, abs=0.11) for each in sorted(values, reverse=True)]
