"""Every family of aggregates has the names of the SDK, resolves its own, and says which family a foreign name belongs
to."""

from __future__ import annotations

import importlib
import inspect
import re
from datetime import UTC, datetime

import PureCloudPlatformClientV2 as sdk
import pytest

from genesys_assets.cloud.analytics.families import CONVERSATIONS, FAMILIES, AggregateFamily, family, of_path
from genesys_assets.cloud.analytics.queries import AggregateQuery, AggregateQuestion, Interval
from genesys_assets.cloud.errors import InvalidQuery

IN_THE_SDK = {
    "summaries": "summary",
    "agentcopilots": "agent_copilot",
    "taskmanagement": "task_management",
    "casemanagement": "case_management",
    "flowexecutions": "flow_execution",
    "agentutilizations": "agent_utilization",
    "knowledge": "knowledge",
}
"""How models are called where it is not the family without its s."""
HOUR = Interval(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=UTC))
ALL = pytest.mark.parametrize("known", FAMILIES.values(), ids=lambda each: each.name)


def enumeration(known: AggregateFamily, model: str, field: str) -> set[str]:
    """The values that the SDK allows in a field of one of the family's models."""
    name = f"{IN_THE_SDK.get(known.name, known.name.removesuffix('s'))}_{model}"
    module = importlib.import_module(f"PureCloudPlatformClientV2.models.{name}")
    setter = re.search(rf"def {field}\(self, {field}.*?allowed_values = \[(.*?)\]", inspect.getsource(module), re.S)
    assert setter is not None
    return set(re.findall(r'"([^"]+)"', setter[1]))


def paths_of_the_sdk() -> set[str]:
    source = inspect.getsource(sdk.AnalyticsApi)
    return set(re.findall(r"'(/api/v2/analytics/\w+/aggregates/query)'", source))


def test_there_is_a_family_for_every_path_of_the_sdk_but_the_platforms_own_rate_limits() -> None:
    paths = {known.path for known in FAMILIES.values()}
    assert paths == paths_of_the_sdk() - {"/api/v2/analytics/ratelimits/aggregates/query"}
    assert len(paths) == len(FAMILIES) == 18


@ALL
def test_a_family_has_the_metrics_of_the_sdk(known: AggregateFamily) -> None:
    assert set(known.metrics) == enumeration(known, "aggregation_view", "target")
    assert len(set(known.metrics)) == len(known.metrics)


@ALL
def test_a_family_has_the_dimensions_of_the_sdk(known: AggregateFamily) -> None:
    assert set(known.dimensions) == enumeration(known, "aggregate_query_predicate", "dimension")
    assert len(set(known.dimensions)) == len(known.dimensions)


@ALL
def test_what_a_family_says_of_its_names_is_about_names_that_it_has(known: AggregateFamily) -> None:
    assert set(known.grouping) <= set(known.columns) | set(known.dimensions)
    assert set(known.columns) <= set(known.dimensions)
    assert known.counted_once <= set(known.metrics)
    assert known.multi_valued.isdisjoint(known.grouping)
    assert known.batched_by is None or known.batched_by in known.dimensions


@ALL
def test_a_time_that_things_are_counted_by_is_one_that_the_sdk_knows(known: AggregateFamily) -> None:
    allowed = enumeration(known, "aggregation_query", "alternate_time_dimension")
    assert known.time_dimension is None or known.time_dimension in allowed


@ALL
def test_every_name_of_a_family_is_resolved_in_any_case(known: AggregateFamily) -> None:
    assert [known.metric(name.upper()) for name in known.metrics] == list(known.metrics)
    assert [known.dimension(name.lower()) for name in known.dimensions] == list(known.dimensions)


@ALL
def test_a_permission_is_one_to_view_aggregates(known: AggregateFamily) -> None:
    assert re.fullmatch(r"analytics:[a-zA-Z]+Aggregates?:view", known.permission)


def test_the_nearest_names_are_those_of_the_family() -> None:
    with pytest.raises(InvalidQuery, match=r"is not a metric of the family surveys\. Closest: nSurveysSent"):
        FAMILIES["surveys"].metric("nSurveySent")
    with pytest.raises(InvalidQuery, match=r"is not a dimension of the family evaluations\. Closest: formId"):
        FAMILIES["evaluations"].dimension("formID_")


def test_a_name_of_another_family_says_which_one_has_it() -> None:
    with pytest.raises(InvalidQuery, match=r"not a metric of the family surveys.*The family evaluations has it"):
        FAMILIES["surveys"].metric("oTotalScore")
    with pytest.raises(InvalidQuery, match=r"not a metric of the family conversations.*The family flows has it"):
        CONVERSATIONS.metric("nFlowOutcome")
    with pytest.raises(InvalidQuery, match=r"The families flowexecutions, flows, transcripts have it"):
        CONVERSATIONS.dimension("flowVersion")


def test_an_unknown_family_names_the_nearest() -> None:
    assert family(" Surveys ") is FAMILIES["surveys"]
    with pytest.raises(InvalidQuery, match=r"'survey' is not a family of aggregates\. Closest: surveys"):
        family("survey")


def test_a_family_is_found_by_its_path() -> None:
    assert [of_path(known.path) for known in FAMILIES.values()] == list(FAMILIES.values())
    assert of_path("/api/v2/analytics/conversations/details/query") is None


def test_a_question_of_a_family_has_its_names_and_its_time() -> None:
    question = AggregateQuestion(group_by=("queue",), metrics=("ntotal",), family=FAMILIES["surveys"])
    with pytest.raises(InvalidQuery, match="family surveys"):
        question.over(HOUR, "PT15M")
    right = AggregateQuestion(group_by=("queue",), metrics=("nsurveyssent",), family=FAMILIES["surveys"])
    body = right.over(HOUR, "PT15M").body()
    assert (body["groupBy"], body["metrics"]) == (["queueId"], ["nSurveysSent"])
    assert body["alternateTimeDimension"] == "eventTime"


def test_users_are_asked_in_batches_of_at_most_a_hundred() -> None:
    question = AggregateQuestion(group_by=("userId",), metrics=("tSystemPresence",), family=FAMILIES["users"])
    ids = tuple(f"user-{number}" for number in range(101))
    predicates = question.over(HOUR, "PT15M", batch=ids[:100]).body()["filter"]["clauses"][0]["predicates"]
    assert [predicate["value"] for predicate in predicates] == list(ids[:100])
    with pytest.raises(InvalidQuery, match="at most 100 values, got 101"):
        question.over(HOUR, "PT15M", batch=ids)


def test_a_batch_is_for_families_that_are_asked_in_batches() -> None:
    with pytest.raises(InvalidQuery, match="the family flows takes no batch"):
        AggregateQuery(
            interval=HOUR,
            granularity="PT15M",
            group_by=("flowId",),
            metrics=("nFlow",),
            family=FAMILIES["flows"],
            batch=("a",),
        )
