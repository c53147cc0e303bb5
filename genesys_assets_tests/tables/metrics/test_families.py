"""Answers of the other families: their own dimensions as columns, scores with fractions, qualifiers and batches."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genesys_assets.cloud.analytics.families import FAMILIES, AggregateFamily
from genesys_assets.cloud.http.page import request_text
from genesys_assets.tables.conversations.decode import UnreadablePage
from genesys_assets.tables.conversations.model import snake_case
from genesys_assets.tables.metrics import decode_values
from genesys_assets.tables.metrics.buckets import FAMILY_METRICS, metric_rows
from genesys_assets.tables.metrics.question import StoredQuestion, answered_everywhere

QUARTER = "2026-01-28T10:00:00.000Z/2026-01-28T10:15:00.000Z"
Row = dict[str, Any]
OTHERS = [family for family in FAMILIES.values() if family.name != "conversations"]


def request(family: AggregateFamily, **body: Any) -> str:
    return request_text("POST", family.path, body={"interval": QUARTER, "granularity": "PT15M", **body})


def answer(group: dict[str, str], *metrics: Row, **beside: Any) -> bytes:
    results = [{"group": group, "data": [{"interval": QUARTER, "metrics": list(metrics)}]}]
    return json.dumps({"results": results, **beside}).encode()


def read(family: AggregateFamily, asked: str, body: bytes) -> list[Row]:
    """The rows; checks that both ways of reading give the same."""
    spec = FAMILY_METRICS[family.name]
    rows = metric_rows(spec, [(asked, body)])
    slowly = decode_values.read(StoredQuestion.parse(asked), body, spec.schema)
    assert slowly.table.sort_by([(name, "ascending") for name in spec.key]).equals(rows.table)
    assert rows.unknown == slowly.unknown
    found: list[Row] = rows.table.to_pylist()
    return found


@pytest.mark.parametrize("family", OTHERS, ids=lambda family: family.name)
def test_the_dimensions_of_a_family_are_columns_of_its_table(family: AggregateFamily) -> None:
    group = {name: f"{name}-1" for name in family.columns}
    asked = request(family, groupBy=list(family.columns), metrics=list(family.metrics[:1]))
    (row,) = read(family, asked, answer(group, {"metric": family.metrics[0], "stats": {"count": 3}}))
    assert {name: row[snake_case(name)] for name in family.columns} == group
    assert json.loads(row["group_key"]) == group
    assert (row["metric"], row["count"], row["sum"]) == (family.metrics[0], 3, None)


def test_a_score_may_have_fractions_and_be_negative() -> None:
    family = FAMILIES["transcripts"]
    stats = {"count": 2, "sum": -12.5, "min": -20.25, "max": 7.75}
    asked = request(family, groupBy=["queueId"], metrics=["oSentimentScore"])
    (row,) = read(family, asked, answer({"queueId": "q"}, {"metric": "oSentimentScore", "stats": stats}))
    assert {name: row[name] for name in stats} == stats


def test_a_time_is_whole_milliseconds_in_every_family() -> None:
    family = FAMILIES["flows"]
    asked = request(family, metrics=["tFlow"])
    body = answer({}, {"metric": "tFlow", "stats": {"count": 1, "sum": 1.5}})
    with pytest.raises(UnreadablePage, match=r"sum = 1\.5"):
        metric_rows(FAMILY_METRICS["flows"], [(asked, body)])


def test_a_qualifier_tells_figures_of_one_metric_apart() -> None:
    family = FAMILIES["users"]
    figures = [
        {"metric": "tSystemPresence", "qualifier": name, "stats": {"sum": time}}
        for name, time in (("ON_QUEUE", 600_000), ("MEAL", 300_000))
    ]
    asked = request(family, groupBy=["userId"], metrics=["tSystemPresence"])
    rows = read(family, asked, answer({"userId": "u"}, *figures, systemToOrganizationMappings={"MEAL": ["m"]}))
    assert {row["qualifier"]: row["sum"] for row in rows} == {"ON_QUEUE": 600_000, "MEAL": 300_000}
    assert len({row["group_key"] for row in rows}) == 2


def test_a_presence_of_the_organisation_says_which_of_the_system_it_is() -> None:
    family = FAMILIES["users"]
    figures = [
        {"metric": "tOrganizationPresence", "qualifier": name, "stats": {"sum": 1_000}} for name in ("lunch", "other")
    ]
    asked = request(family, groupBy=["userId"], metrics=["tOrganizationPresence"])
    mapping = {"MEAL": ["lunch", "brunch"], "AWAY": []}
    rows = read(family, asked, answer({"userId": "u"}, *figures, systemToOrganizationMappings=mapping))
    assert {row["qualifier"]: row["system_presence"] for row in rows} == {"lunch": "MEAL", "other": None}


def test_batches_of_users_are_one_question() -> None:
    users = FAMILIES["users"]
    batches = [
        request(
            users,
            groupBy=["userId"],
            metrics=["tSystemPresence"],
            filter={
                "type": "and",
                "clauses": [{"type": "or", "predicates": [{"type": "dimension", "dimension": "userId", "value": id_}]}],
            },
        )
        for id_ in ("a", "b")
    ]
    assert {StoredQuestion.parse(batch).selection for batch in batches} == {""}
    assert answered_everywhere([batches]) == {"userId ": ["tSystemPresence"]}


def test_the_same_filter_of_another_family_is_a_question_of_its_own() -> None:
    filter_ = {"type": "and", "predicates": [{"type": "dimension", "dimension": "userId", "value": "a"}]}
    asked = request(FAMILIES["surveys"], groupBy=["userId"], metrics=["nSurveysSent"], filter=filter_)
    assert StoredQuestion.parse(asked).selection


def test_groups_of_several_outcomes_do_not_add_up() -> None:
    flows = FAMILIES["flows"]
    assert not StoredQuestion.parse(request(flows, groupBy=["flowOutcomeId"], metrics=["nFlow"])).is_additive
    assert StoredQuestion.parse(request(flows, groupBy=["flowId", "exitReason"], metrics=["nFlow"])).is_additive
