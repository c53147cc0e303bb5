"""All notations of a condition are read as the same condition; meaningless ones are refused."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.cloud.analytics.catalogue import dimension, metric
from genesys_assets.reports.engine.row_filter import holds
from genesys_assets.reports.language.conditions import Condition, read, to_platform
from genesys_assets.reports.language.problems import Mistakes

VOICE_OR_CHAT_INBOUND = [
    {"mediaType": ["voice", "chat"], "direction": "inbound"},
    {"mediaType": {"in": ["voice", "chat"]}, "direction": {"eq": "inbound"}},
    {"and": [{"mediaType": {"IN": ["voice", "chat"]}}, {"direction": {"matches": "inbound"}}]},
    [{"mediaType": ["voice", "chat"]}, {"direction": "inbound"}],
    {
        "type": "compound",
        "operator": "AND",
        "filters": [
            {"type": "simple", "attribute": "mediaType", "condition": "in", "value": ["voice", "chat"]},
            {"type": "simple", "attribute": "direction", "condition": "equals", "value": "inbound"},
        ],
    },
]
AS_THE_PLATFORM_HAS_IT = {
    "type": "and",
    "clauses": [
        {
            "type": "or",
            "predicates": [
                {"type": "dimension", "dimension": "mediaType", "operator": "matches", "value": "chat"},
                {"type": "dimension", "dimension": "mediaType", "operator": "matches", "value": "voice"},
            ],
        }
    ],
    "predicates": [{"type": "dimension", "dimension": "direction", "operator": "matches", "value": "inbound"}],
}


def understood(stated: Any) -> Condition:
    mistakes = Mistakes()
    condition = read(stated, (), mistakes)
    assert condition is not None, mistakes.items
    assert not mistakes.items
    return condition


def platform_filter(stated: Any) -> dict[str, Any] | None:
    mistakes = Mistakes()
    filter_ = to_platform(understood(stated), mistakes)
    assert filter_ is None or not mistakes.items
    return filter_.body(dimension, metric) if filter_ else None


def refusal(stated: Any) -> str:
    mistakes = Mistakes()
    condition = read(stated, (), mistakes)
    if condition is not None and not mistakes.items:
        assert to_platform(condition, mistakes) is None
    return mistakes.items[0].message


@pytest.mark.parametrize("stated", [*VOICE_OR_CHAT_INBOUND, AS_THE_PLATFORM_HAS_IT])
def test_every_way_to_write_a_filter_asks_the_platform_the_same(stated: Any) -> None:
    assert platform_filter(stated) == AS_THE_PLATFORM_HAS_IT


@pytest.mark.parametrize(
    ("stated", "predicate"),
    [
        ({"userId": {"exists": True}}, {"operator": "exists"}),
        ({"userId": {"exists": False}}, {"operator": "notExists"}),
        ({"userId": {"isNull": True}}, {"operator": "notExists"}),
        ({"attribute": "userId", "operator": "IS NOT NULL"}, {"operator": "exists"}),
        ({"dimension": "userId", "operator": "notExists"}, {"operator": "notExists"}),
        ({"userId": {"GE": 2}}, {"operator": "matches", "range": {"gte": 2}}),
        ({"userId": {"between": [2, 5]}}, {"operator": "matches", "range": {"gte": 2, "lte": 5}}),
        ({"userId": {"=": True}}, {"operator": "matches", "value": "true"}),
    ],
)
def test_operators_have_the_platforms_and_the_tutorials_names(stated: Any, predicate: dict[str, Any]) -> None:
    assert platform_filter(stated) == {
        "type": "and",
        "predicates": [{"type": "dimension", "dimension": "userId", **predicate}],
    }


def test_bounds_of_a_range_are_joined() -> None:
    both = [
        platform_filter(each)
        for each in ({"ani": {"gt": 1, "lte": 9}}, {"dimension": "ani", "range": {"gt": 1, "lte": 9}})
    ]
    bounds = [predicate["range"] for predicate in both[0]["predicates"]] if both[0] else []
    assert both[0] == both[1]
    assert bounds == [{"gt": 1}, {"lte": 9}]


def test_an_or_of_ands_keeps_its_levels() -> None:
    body = platform_filter({"or": [{"and": [{"purpose": "agent"}, {"direction": "inbound"}]}, {"mediaType": "email"}]})
    assert body is not None
    assert (body["type"], body["clauses"][0]["type"], len(body["predicates"])) == ("or", "and", 1)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"mediaType": {"ne": "voice"}}, "the platform has no `not equal`"),
        ({"mediaType": {"NOT IN": ["voice"]}}, "the platform has no `not equal`"),
        ({"ani": {"contains": "41"}}, "has no `contains`"),
        ({"or": [{"a": "1"}, {"and": [{"b": "2"}, {"c": ["3", "4"]}]}]}, "the platform knows two levels"),
        ({"mediaType": None}, "is compared with nothing"),
        ({"mediaType": []}, "is compared with nothing"),
        ({"mediaType": {}}, "is compared with nothing"),
        ({"a": {"gt": "1"}}, "gt takes a number, or an instant such as 2026-01-31T00:00:00Z, got '1'"),
        ({"a": {"gt": True}}, "gt takes a number, or an instant such as 2026-01-31T00:00:00Z, got true"),
        (
            {"a": {"gt": "2026-02-30"}},
            "gt takes a number, or an instant such as 2026-01-31T00:00:00Z, got '2026-02-30'",
        ),
        ({"a": {"gt": "2026-01-31T00:00:00Z"}}, "the platform compares only numbers"),
        ({"a": {"lte": 10**30}}, "lte takes a number"),
        ({"a": {"lte": float("inf")}}, "lte takes a number"),
        ({"type": "and", "predicates": "a"}, "predicates must be a list, got 'a'"),
        ({"a": {"between": [1]}}, "between takes two numbers"),
        ({"a": {"exists": "yes"}}, "exists takes true or false"),
        ({"a": {"regex": "x"}}, "'regex' is not an operator"),
        ({}, "a condition must be a mapping"),
        ("voice", "a condition must be a mapping such as {mediaType: [voice, chat]}, got 'voice'"),
        ({"and": []}, "and takes a list of conditions"),
        ({"type": "nor", "predicates": [{"dimension": "a", "value": "b"}]}, "combined by `and` or `or`"),
        ({"type": "and"}, "must have at least one"),
        ({"type": "compound", "operator": "and"}, "a compound filter must have one list"),
        ({"dimension": "a", "value": "b", "oparator": "matches"}, "unknown field 'oparator'. Closest: operator"),
        ({"type": "property", "property": "a", "value": "b"}, "properties are not read here"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_reason(stated: Any, said: str) -> None:
    assert said in refusal(stated)


def test_conditions_without_end_are_refused() -> None:
    stated: Any = {"a": "b"}
    for _ in range(50):
        stated = {"and": [stated, {"c": "d"}]}
    assert "nested at most 10 deep" in refusal(stated)


VALUES = st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "ab", ""])), min_size=1)


@pytest.mark.parametrize(
    ("stated", "plain"),
    [
        ({"x": "a"}, lambda value: value == "a"),
        ({"x": ["a", "b"]}, lambda value: value in ("a", "b")),
        ({"x": {"ne": "a"}}, lambda value: value is not None and value != "a"),
        ({"x": {"contains": "b"}}, lambda value: value is not None and "b" in value),
        ({"x": {"exists": True}}, lambda value: value is not None),
        ({"x": {"exists": False}}, lambda value: value is None),
        ({"or": [{"x": "a"}, {"x": {"exists": False}}]}, lambda value: value in ("a", None)),
    ],
)
@given(values=VALUES)
def test_conditions_choose_stored_rows_in_the_same_way(stated: Any, plain: Any, values: list[str | None]) -> None:
    rows = pa.table({"x": pa.array(values, pa.string())})
    condition = understood(stated)
    masked = holds(condition, lambda name: rows[name], lambda _: pa.string())
    assert rows.filter(masked)["x"].to_pylist() == [value for value in values if plain(value)]


@given(st.lists(st.one_of(st.none(), st.integers(-(2**53), 2**53)), min_size=1), st.sampled_from([3, 2.5, 1e6]))
def test_numbers_lie_in_a_range_or_not(values: list[int | None], bound: float) -> None:
    rows = pa.table({"x": pa.array(values, pa.int64())})
    masked = holds(understood({"x": {"gte": bound}}), lambda name: rows[name], lambda _: pa.int64())
    assert rows.filter(masked)["x"].to_pylist() == [value for value in values if value is not None and value >= bound]
