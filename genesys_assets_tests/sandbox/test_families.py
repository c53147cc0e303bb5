"""Aggregates of the other families equal counting by hand, and are as strict as the real API."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from genesys_assets.cloud.analytics.families import FAMILIES as OF_THE_PACKAGE
from genesys_assets.sandbox.families import FAMILIES, Family
from genesys_assets.sandbox.times import millis
from genesys_assets_tests.sandbox.conftest import Client

START, END = "2026-01-28T00:00:00.000Z", "2026-01-30T00:00:00.000Z"
DAYS = f"{START}/{END}"
Item = dict[str, Any]
ALL = pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)


def ask(client: Client, name: str, **body: Any) -> Any:
    return client.post(f"/api/v2/analytics/{name}/aggregates/query", {"interval": DAYS, **body})


def conversations(client: Client) -> list[Item]:
    first = date(2026, 1, 23)
    return [
        each
        for number in range(7)
        for each in client.sandbox.organisation.conversations(first + timedelta(days=number))
    ]


def counted(answer: Item, metric: str, *dimensions: str) -> dict[tuple[str | None, ...], Item]:
    """The figures of a metric by these dimensions of the group."""
    return {
        tuple(result["group"].get(name) for name in dimensions): each["stats"]
        for result in answer["results"]
        for data in result["data"]
        for each in data["metrics"]
        if each["metric"] == metric
    }


def test_the_sandbox_has_the_families_of_the_package_with_the_same_names() -> None:
    of_package = {name: each for name, each in OF_THE_PACKAGE.items() if name not in ("conversations", "users")}
    assert FAMILIES.keys() == of_package.keys()
    for name, family in FAMILIES.items():
        assert family.metrics == set(of_package[name].metrics)
        assert family.dimensions == set(of_package[name].dimensions)
        assert (family.path, family.permission) == (of_package[name].path, of_package[name].permission)


@ALL
def test_something_happens_in_every_family(afterwards: Client, family: Family) -> None:
    answer = ask(afterwards, family.name, granularity="PT15M", metrics=sorted(family.metrics)).json()
    buckets = [data for result in answer["results"] for data in result["data"]]
    assert {each["metric"] for data in buckets for each in data["metrics"]} <= family.metrics
    assert buckets
    assert all(START <= data["interval"].split("/")[0] < END for data in buckets)


@ALL
def test_a_family_refuses_names_that_it_does_not_have(afterwards: Client, family: Family) -> None:
    refused = ask(afterwards, family.name, metrics=["tHandle"])
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid.value")
    assert f"{family.kind}AggregateMetric" in refused.json()["message"]
    refused = ask(afterwards, family.name, metrics=[min(family.metrics)], groupBy=["shoeSize"])
    assert f"{family.kind}AggregateDimension" in refused.json()["message"]


@ALL
def test_a_family_needs_its_permission(afterwards: Client, family: Family) -> None:
    afterwards.sandbox.behaviour.missing_permissions = {family.permission}
    refused = ask(afterwards, family.name, metrics=[min(family.metrics)])
    assert (refused.status_code, refused.json()["code"]) == (403, "missing.permissions")
    assert family.permission in refused.json()["message"]


def test_flows_are_those_of_the_conversations(afterwards: Client) -> None:
    answer = ask(afterwards, "flows", groupBy=["flowId"], metrics=["nFlow", "tFlow"]).json()
    entered: dict[tuple[str | None, ...], int] = {}
    time: dict[tuple[str | None, ...], list[int]] = {}
    for conversation in conversations(afterwards):
        for participant in conversation["participants"]:
            for session in participant["sessions"]:
                if "flow" not in session:
                    continue
                key = (session["flow"]["flowId"],)
                emitted = {each["name"]: each for each in session.get("metrics", ())}
                step = session["segments"][0]
                began = emitted["nFlow"]["emitDate"] if "nFlow" in emitted else step["segmentStart"]
                if START <= began < END:
                    entered[key] = entered.get(key, 0) + 1
                ended = emitted["tFlow"]["emitDate"] if "tFlow" in emitted else step["segmentEnd"]
                if START <= ended < END:
                    took = emitted["tFlow"]["value"] if "tFlow" in emitted else millis(ended) - millis(began)
                    time.setdefault(key, []).append(took)
    assert {key: stats["count"] for key, stats in counted(answer, "nFlow", "flowId").items()} == entered
    assert {key: (stats["count"], stats["sum"]) for key, stats in counted(answer, "tFlow", "flowId").items()} == {
        key: (len(values), sum(values)) for key, values in time.items()
    }
    assert len(entered) > 2


def test_evaluations_are_those_of_the_conversations(afterwards: Client) -> None:
    metrics = ["nEvaluations", "oTotalScore"]
    answer = ask(afterwards, "evaluations", groupBy=["formId", "userId"], metrics=metrics).json()
    expected: dict[tuple[str | None, ...], list[int]] = {}
    for conversation in conversations(afterwards):
        for each in conversation.get("evaluations", ()):
            if START <= each["eventTime"] < END:
                expected.setdefault((each["formId"], each["userId"]), []).append(each["oTotalScore"])
    scores = counted(answer, "oTotalScore", "formId", "userId")
    assert {key: (stats["count"], stats["sum"]) for key, stats in scores.items()} == {
        key: (len(values), sum(values)) for key, values in expected.items()
    }
    assert {key: stats["count"] for key, stats in counted(answer, "nEvaluations", "formId", "userId").items()} == {
        key: len(values) for key, values in expected.items()
    }
    assert len({form for form, _ in expected}) == 3


def test_promoters_passives_and_detractors_are_those_who_answered(afterwards: Client) -> None:
    parts = ["nSurveyNpsResponses", "nSurveyNpsPromoters", "nSurveyNpsDetractors"]
    answer = ask(afterwards, "surveys", metrics=[*parts, "nSurveysSent"]).json()
    scores = [
        each["surveyPromoterScore"]
        for conversation in conversations(afterwards)
        for each in conversation.get("surveys", ())
        if "surveyPromoterScore" in each and START <= each["eventTime"] < END
    ]
    found = [counted(answer, metric)[()]["count"] for metric in parts]
    assert found == [len(scores), sum(score >= 9 for score in scores), sum(score <= 6 for score in scores)]
    assert counted(answer, "nSurveysSent")[()]["count"] > len(scores) > 0


def test_a_survey_that_nobody_answered_has_expired(afterwards: Client) -> None:
    answer = ask(afterwards, "surveys", groupBy=["surveyStatus"], metrics=["nSurveysExpired"]).json()
    assert list(counted(answer, "nSurveysExpired", "surveyStatus")) == [("Expired",)]


def test_what_the_future_brings_is_not_counted(at_noon: Client) -> None:
    answer = ask(at_noon, "evaluations", granularity="PT1H", metrics=["nEvaluations"]).json()
    assert all(
        data["interval"].split("/")[0] <= "2026-01-28T12:00:00.000Z"
        for result in answer["results"]
        for data in result["data"]
    )


def test_a_flow_that_goes_on_has_no_reason_to_have_ended(at_noon: Client) -> None:
    ended = ask(at_noon, "flows", groupBy=["exitReason"], metrics=["tFlow"]).json()
    assert None not in [key for (key,) in counted(ended, "tFlow", "exitReason")]


def test_a_restated_evaluation_is_counted_as_it_is_now(afterwards: Client) -> None:
    evaluated = next(
        each
        for each in conversations(afterwards)
        if any(START <= one["eventTime"] < END for one in each.get("evaluations", ()))
    )
    before = counted(ask(afterwards, "evaluations", metrics=["oTotalScore"]).json(), "oTotalScore")[()]

    def change(conversation: Item) -> None:
        conversation["evaluations"][0]["oTotalScore"] += 1_000

    afterwards.sandbox.organisation.restate(evaluated["conversationId"], change)
    after = counted(ask(afterwards, "evaluations", metrics=["oTotalScore"]).json(), "oTotalScore")[()]
    assert after["sum"] == before["sum"] + 1_000


def test_sentiment_has_halves_and_may_be_negative(afterwards: Client) -> None:
    answer = ask(afterwards, "transcripts", granularity="PT15M", metrics=["oSentimentScore"]).json()
    scores = [
        each["stats"]["sum"] for result in answer["results"] for data in result["data"] for each in data["metrics"]
    ]
    assert min(scores) < 0 < max(scores)
    assert any(score % 1 for score in scores)


def test_a_metric_of_distinct_things_counts_a_conversation_once(afterwards: Client) -> None:
    answer = ask(afterwards, "agentcopilots", metrics=["nDistinctConversations", "nScriptSuggestions"]).json()
    distinct = counted(answer, "nDistinctConversations")[()]["count"]
    assert 0 < distinct < 1_000
