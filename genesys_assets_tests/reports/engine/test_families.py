"""Reports of the other families: their names, reports of several families, qualifiers and scores; and the mistakes that
are reported.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.cloud.analytics.families import FAMILIES
from genesys_assets.reports.built_in import asked_in_any_case
from genesys_assets.reports.engine.stored import NotStored
from genesys_assets.reports.meaning.additive import adds_up
from genesys_assets.reports.meaning.entries import read_text
from genesys_assets.reports.meaning.questions import families_of, further_questions, question_in_words, questions_of
from genesys_assets.reports.meaning.report import Report
from genesys_assets.reports.meaning.standalone import StandaloneReport
from genesys_assets_tests.reports.small_lake import Row, at, computed, measured, small_lake

BY_FORM, BY_SURVEY, BY_AGENT = "formId,queueId,userId", "queueId,surveyFormId,userId", "queueId,userId"


def problems(entry: dict[str, Any]) -> list[str]:
    text = json.dumps({"reports": {"mine": {"description": "One row per group.", **entry}}})
    return [problem.message for problem in read_text(text, "reports.yaml").problems]


def report(entry: dict[str, Any]) -> Report:
    text = json.dumps({"reports": {"mine": {"description": "One row per group.", **entry}}})
    reading = read_text(text, "reports.yaml")
    assert not reading.problems, list(map(str, reading.problems))
    return reading.reports["mine"]


def counted(grouping: str, metric: str, minutes: float = 0, **more: Any) -> Row:
    return measured(minutes, grouping, metric, **more)


QUALITY = report(
    {
        "group_by": ["queueId", "formId"],
        "aggregates": [
            {"family": "evaluations", "metrics": {"score": "oTotalScore.sum", "scored": "oTotalScore.count"}},
            {"family": "surveys", "group_by": {"formId": "surveyFormId"}, "metrics": {"sent": "nSurveysSent"}},
            {"family": "resolutions", "group_by": {"formId": None}, "metrics": {"avoided": "nNextContactAvoided"}},
        ],
        "columns": {"score": None, "scored": None, "sent": None, "avoided": None, "average": "score / scored"},
    }
)


def test_families_that_call_a_dimension_differently_stand_in_one_report(tmp_path: Path) -> None:
    lake = small_lake(
        tmp_path,
        evaluations_metrics=[
            counted(BY_FORM, "oTotalScore", queue_id="Q1", form_id="F", user_id="a", count=2, sum=150.5),
            counted(BY_FORM, "oTotalScore", 15, queue_id="Q1", form_id="F", user_id="b", count=1, sum=49.5),
        ],
        surveys_metrics=[counted(BY_SURVEY, "nSurveysSent", queue_id="Q1", survey_form_id="S", count=4)],
        resolutions_metrics=[counted(BY_AGENT, "nNextContactAvoided", queue_id="Q1", user_id="a", count=3)],
    )
    names = ("queue_id", "form_id", "scored", "average", "sent", "avoided")
    assert [tuple(row[name] for name in names) for row in computed(QUALITY, lake)] == [
        ("Q1", "F", 3, 200 / 3, None, None),
        ("Q1", "S", None, None, 4, None),
        ("Q1", None, None, None, None, 3),
    ]


def test_what_the_reports_that_ship_ask_costs_no_request() -> None:
    assert list(further_questions(questions_of([QUALITY]), asked_in_any_case())) == []
    assert {family.name for family in families_of(asked_in_any_case())} >= {"flows", "evaluations", "surveys"}


def test_a_score_is_a_number_and_no_time() -> None:
    types = dict(zip(QUALITY.spec.schema.names, QUALITY.spec.schema.types, strict=True))
    assert (types["score"], types["scored"], types["sent"]) == (pa.float64(), pa.int64(), pa.int64())
    with_unit = {
        "aggregates": {"family": "evaluations", "metrics": {"score": "oTotalScore.sum"}},
        "columns": {"score": {"unit": "seconds"}},
    }
    assert any("no time in milliseconds" in message for message in problems(with_unit))


def test_times_of_a_family_are_whole_milliseconds(tmp_path: Path) -> None:
    flows = report(
        {"group_by": ["flowId"], "aggregates": {"family": "flows", "metrics": {"time": "tFlow.sum", "left": "tFlow"}}}
    )
    lake = small_lake(
        tmp_path,
        flows_metrics=[
            counted("exitReason,flowId,selfServed", "tFlow", flow_id="F", exit_reason=reason, count=1, sum=sum_)
            for reason, sum_ in (("TRANSFER", 1_000.0), ("DISCONNECT", 234.0))
        ],
    )
    (row,) = computed(flows, lake)
    assert (row["flow_id"], row["time"]) == ("F", 1_234)
    assert flows.spec.schema.field("time").type == pa.int64()


def test_a_condition_on_a_column_of_the_family_is_looked_up_in_the_usual_answer(tmp_path: Path) -> None:
    transferred = report(
        {
            "group_by": ["flowId"],
            "aggregates": {"family": "flows", "filter": {"exitReason": "TRANSFER"}, "metrics": {"left": "tFlow.count"}},
        }
    )
    lake = small_lake(
        tmp_path,
        flows_metrics=[
            counted("exitReason,flowId,selfServed", "tFlow", flow_id="F", exit_reason=reason, count=count, sum=1.0)
            for reason, count in (("TRANSFER", 3), ("DISCONNECT", 5), (None, 7))
        ],
    )
    assert [row["left"] for row in computed(transferred, lake)] == [3]


def test_a_qualifier_picks_one_of_the_figures_of_a_metric(tmp_path: Path) -> None:
    presences = report(
        {
            "group_by": ["userId"],
            "aggregates": [
                {"family": "users", "filter": {"qualifier": name}, "metrics": {name.lower(): "tSystemPresence.sum"}}
                for name in ("ON_QUEUE", "MEAL")
            ],
        }
    )
    lake = small_lake(
        tmp_path,
        users_metrics=[
            counted("userId", "tSystemPresence", user_id="u", qualifier=name, group_key=name, sum=time)
            for name, time in (("ON_QUEUE", 600.0), ("MEAL", 300.0), ("AWAY", 100.0))
        ],
    )
    (row,) = computed(presences, lake)
    assert (row["on_queue"], row["meal"]) == (600, 300)
    assert len({question_in_words(question) for question in questions_of([presences])}) == 1


def test_a_family_whose_hours_were_not_asked_is_named_with_what_to_do(tmp_path: Path) -> None:
    topics = report(
        {"group_by": ["topicId"], "aggregates": {"family": "transcripts", "metrics": {"n": "nTopicCommunications"}}}
    )
    with pytest.raises(
        NotStored, match=r"a report or a setting needed nTopicCommunications of the family transcripts by topicId"
    ):
        computed(topics, small_lake(tmp_path))
    asked = small_lake(
        tmp_path / "asked",
        asked_by=[topics],
        transcripts_metrics=[
            counted("topicId", "nTopicCommunications", topic_id="T", count=2, interval_end=at(15)),
        ],
    )
    assert [row["n"] for row in computed(topics, asked)] == [2]
    assert "A session with several values of topicId counts in the group of each" in topics.spec.description
    assert not adds_up(topics, "n")


@pytest.mark.parametrize(("flat", "add_up"), [((True, True), True), ((True, False), False), ((False, False), False)])
def test_groups_add_up_only_if_every_source_keeps_several_values_together(
    flat: tuple[bool, bool], add_up: bool
) -> None:
    sources = [
        {"flatten": each, "metrics": {name: "tHandle.count"}} for each, name in zip(flat, ("a", "b"), strict=True)
    ]
    assert adds_up(report({"group_by": ["wrapUpCode"], "aggregates": sources}), "b") == add_up


@pytest.mark.parametrize(
    ("aggregates", "told"),
    [
        (
            {"family": "survey", "metrics": {"a": "nSurveysSent"}},
            "'survey' is not a family of aggregates. Closest: surveys",
        ),
        (
            {"family": "surveys", "metrics": {"a": "nSurveySent"}},
            "'nSurveySent' is not a metric of the family surveys. Closest: nSurveysSent",
        ),
        (
            {"family": "surveys", "metrics": {"a": "oTotalScore.sum"}},
            "The family evaluations has it",
        ),
        ({"metrics": {"a": "nFlowOutcome"}}, "The family flows has it"),
        (
            {"family": "resolutions", "metrics": {"a": "nNextContactAvoided"}, "filter": {"formId": "x"}},
            "'formId' is not a dimension of the family resolutions",
        ),
        (
            {"family": "agentcopilots", "metrics": {"a": "nDistinctConversations"}},
            "counts a thing once in each 15 minutes, which do not add up to P1D. Take it with granularity PT15M",
        ),
        (
            {"family": "taskmanagement", "metrics": {"a": "oWorkitemsServiceLevel.ratio"}},
            "ratios do not add up",
        ),
    ],
)
def test_a_mistake_is_reported_in_the_words_of_its_family(aggregates: dict[str, Any], told: str) -> None:
    found = problems({"aggregates": aggregates})
    assert any(told in message for message in found), found


def test_a_family_that_lacks_a_dimension_of_the_report_says_what_to_write() -> None:
    (message,) = problems(
        {
            "group_by": ["formId"],
            "aggregates": [
                {"family": "evaluations", "metrics": {"a": "nEvaluations"}},
                {"family": "resolutions", "metrics": {"b": "nNextContactAvoided"}},
            ],
        }
    )
    assert "'formId' is not a dimension of the family resolutions" in message
    assert "Name the dimension for form_id here, or null for none, with group_by: {form_id: …}" in message


def test_a_dimension_that_the_report_is_not_grouped_by_cannot_be_renamed() -> None:
    stated = {"family": "surveys", "group_by": {"formId": "surveyFormId"}, "metrics": {"a": "nSurveysSent"}}
    (message,) = problems({"group_by": ["queueId"], "aggregates": stated})
    assert "the report is not grouped by 'formId'" in message


def test_a_report_that_stands_by_itself_has_what_is_asked_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"name": "mine", "description": "One row per queue.", "group_by": ["queueId"]}
    surveys = {"family": "surveys", "metrics": {"sent": "nSurveysSent"}}
    assert StandaloneReport.model_validate({**entry, "aggregates": surveys})
    silence = {**entry, "aggregates": {"family": "transcripts", "metrics": {"silence": "tSilence.sum"}}}
    with pytest.raises(ValueError, match="asks the platform for tSilence of the family transcripts"):
        StandaloneReport.model_validate(silence)
    monkeypatch.setenv("GENESYS_ASSETS_FAMILIES", "transcripts")
    assert StandaloneReport.model_validate(silence)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_can_be_reported(name: str, tmp_path: Path) -> None:
    family = FAMILIES[name]
    metric = (
        next(each for each in family.metrics if each[0] in "nt" and each not in family.counted_once)
        if any(each[0] in "nt" for each in family.metrics)
        else family.metrics[0]
    )
    statistic = "count" if metric.startswith("n") else "sum"
    mine = report({"aggregates": {"family": name, "metrics": {"figure": f"{metric}.{statistic}"}}})
    assert computed(mine, small_lake(tmp_path, asked_by=[mine])) == []
    assert mine.metrics_places == (f"tables/{family.table}",)
