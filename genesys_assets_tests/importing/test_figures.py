from __future__ import annotations

from typing import Any

import pytest

from genesys_assets.importing.figures import Statistics, figures_of, gathered
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.remarks import Remarks


def read(metrics: Any, unit: str = "ms") -> tuple[dict[str, Statistics], list[str]]:
    remarks = Remarks()
    return gathered(figures_of(metrics), unit, remarks), sorted([*remarks.read, *remarks.left_out])


@pytest.mark.parametrize(
    ("name", "figure", "expected"),
    [
        ("handleTime", 312_000, {"tHandle": {"sum": 312_000}}),
        ("totalHandleTime", {"value": 312_000}, {"tHandle": {"sum": 312_000}}),
        ("talkTime", {"count": 3, "sum": 9000, "min": 1000, "max": 5000, "average": 3000.0},
         {"tTalkComplete": {"count": 3, "sum": 9000, "min": 1000, "max": 5000}}),
        ("holdTime", {"stats": {"count": 1, "sum": 5}}, {"tHeldComplete": {"count": 1, "sum": 5}}),
        ("agent.talk.seconds", 12.5, {"tTalkComplete": {"sum": 12_500}}),
        ("agent.hold.seconds", {"count": 2, "sum": 1.25}, {"tHeldComplete": {"count": 2, "sum": 1_250}}),
        ("wrap_up_time_minutes", 1.5, {"tAcw": {"sum": 90_000}}),
        ("total_handle_time_ms", 7, {"tHandle": {"sum": 7}}),
        ("handledCount", 4, {"tHandle": {"count": 4}}),
        ("abandonedCount", {"value": 2}, {"tAbandon": {"count": 2}}),
        ("conversationCount", 9, {"nConversations": {"count": 9}}),
        ("nOffered", 9, {"nOffered": {"count": 9}}),
        ("tAnswered", {"count": 2, "sum": 100}, {"tAnswered": {"count": 2, "sum": 100}}),
        ("oServiceLevel", {"ratio": 0.5, "numerator": 1, "denominator": 2, "target": 0.8},
         {"oServiceLevel": {"ratio": 0.5, "numerator": 1, "denominator": 2, "target": 0.8}}),
        ("handleTime", None, {}),
        ("handleTime", {"value": 312, "unit": "seconds"}, {"tHandle": {"sum": 312_000}}),
        ("tHandle", {"sum": 2, "unit": "min"}, {"tHandle": {"sum": 120_000}}),
        ("nOffered", {"value": 2, "unit": "calls"}, {"nOffered": {"count": 2}}),
        ("oSentimentScore", {"count": 2, "sum": -70, "min": -90, "max": 20},
         {"oSentimentScore": {"count": 2, "sum": -70, "min": -90, "max": 20}}),
    ],
)  # fmt: skip
def test_a_figure_is_what_its_name_and_form_say(name: str, figure: Any, expected: dict[str, Statistics]) -> None:
    assert read({name: figure})[0] == expected


def test_a_unit_applies_only_to_times_whose_names_state_none() -> None:
    metrics = {"handleTime": {"count": 2, "sum": 60}, "agent.talk.seconds": 5, "tAcw": 7, "handledCount": 2}
    found, notes = read(metrics, "minutes")
    assert found == {
        "tHandle": {"count": 2, "sum": 3_600_000},
        "tTalkComplete": {"sum": 5_000},
        "tAcw": {"sum": 7},
    }
    assert notes == [
        "'agent.talk.seconds' read as sum of tTalkComplete in seconds",
        "'handleTime' read as count and sum of tHandle in minutes",
        "'handledCount' read as count of tHandle",
    ]


def test_times_in_coarser_units_become_whole_milliseconds() -> None:
    assert read({"talk_time_minutes": 1 / 3})[0] == {"tTalkComplete": {"sum": 20_000}}


@pytest.mark.parametrize(
    "figure", [{"count": 3, "sum": 1.0, "min": 0.33, "max": 0.33}, {"count": 1, "sum": 312, "max": 312.4}]
)
def test_times_that_a_tool_rounded_to_seconds_need_not_add_up(figure: dict[str, float]) -> None:
    found, _ = read({"handleTime": figure}, "seconds")
    assert found["tHandle"]["sum"] == figure["sum"] * 1000
    with pytest.raises(CannotImport):
        read({"handleTime": figure | {"sum": 60}}, "seconds")


def test_a_statistic_that_no_table_has_is_named() -> None:
    _, notes = read({"handleTime": {"count": 1, "sum": 5, "average": 5.0}})
    assert "'average' of 'handleTime' left out: no table has it" in notes


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("smallTalk", "'smallTalk' has no equivalent metric: the platform measures nothing like it."),
        ("averageHandleTime", "an average is no metric"),
        ("conversation.duration.seconds", "aggregates have no duration"),
        ("count", "a count is no metric of its own"),
        ("occupancy", "'occupancy' is not a metric of Genesys Cloud."),
    ],
)
def test_a_name_without_equivalent_is_reported_and_not_guessed(name: str, note: str) -> None:
    found, notes = read({name: 5, "nError": 1})
    assert found == {"nError": {"count": 1}}
    assert len(notes) == 1
    assert note in notes[0]


def test_figures_may_stand_in_a_list() -> None:
    assert read([{"metric": "handleTime", "value": 5}, {"name": "nError", "count": 2}])[0] == {
        "tHandle": {"sum": 5},
        "nError": {"count": 2},
    }


def test_two_names_of_one_figure_must_agree() -> None:
    assert read({"handleTime": 5, "totalHandleTime": 5, "handledCount": 1})[0] == {"tHandle": {"sum": 5, "count": 1}}
    with pytest.raises(CannotImport, match=r"'totalHandleTime' gives 6 as sum of tHandle, another name .* gives 5"):
        read({"handleTime": 5, "totalHandleTime": 6})


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        ({"handleTime": "312 s"}, "sum of 'handleTime' is '312 s', not a number"),
        ({"handledCount": 1.5}, "count of 'handledCount' is 1.5, not a whole number"),
        ({"handleTime": 12.5}, "sum of 'handleTime' is 12.5, not a whole number"),
        ({"nOffered": True}, "not a number"),
        ("many", "its metrics are a text"),
        ([{"value": 3}], "one of its metrics has no name"),
    ],
)
def test_a_number_that_cannot_be_what_its_name_says_refuses_the_file(metrics: Any, reason: str) -> None:
    with pytest.raises(CannotImport, match=reason):
        read(metrics)
