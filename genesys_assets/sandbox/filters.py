"""Filters of analytics queries: validates them, and evaluates whether something matches.

This module handles and/or, clauses and predicates. The caller knows the allowed names and how to look values up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from genesys_assets.sandbox import refusals, validation
from genesys_assets.sandbox.facts import Value

Item = dict[str, Any]
Lookup = Callable[[str], Value | int | None]

_BOUNDS: dict[str, Callable[[float, float], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that a kind of filter accepts, and the platform's word for that kind in refusals."""

    kind: str
    dimensions: Collection[str]
    metrics: Collection[str] = ()


def check(value: Any, vocabulary: Vocabulary, *, nested: bool = False) -> Item:
    """The filter or clause, unchanged, if it is valid."""
    properties = ("type", "predicates") if nested else ("type", "clauses", "predicates")
    filter_ = validation.known_properties(value, properties, f"{vocabulary.kind}QueryFilter")
    validation.one_of(filter_.get("type"), ("and", "or"), "QueryFilterType")
    for clause in _list(filter_.get("clauses")):
        check(clause, vocabulary, nested=True)
    for predicate in _list(filter_.get("predicates")):
        _check_predicate(predicate, vocabulary)
    return filter_


def matches(filter_: Item, lookup: Lookup) -> bool:
    """Whether the thing behind `lookup` passes; a filter without any predicate lets everything pass."""
    answers: list[bool] = [_holds(predicate, lookup) for predicate in filter_.get("predicates") or ()]
    answers += [matches(clause, lookup) for clause in filter_.get("clauses") or ()]
    if not answers:
        return True
    return all(answers) if filter_["type"] == "and" else any(answers)


def _check_predicate(value: Any, vocabulary: Vocabulary) -> None:
    properties = ("type", "dimension", "metric", "property", "propertyType", "operator", "value", "range")
    predicate = validation.known_properties(value, properties, f"{vocabulary.kind}QueryPredicate")
    if "type" in predicate:
        validation.one_of(predicate["type"], ("dimension", "property", "metric"), "PredicateType")
    if "metric" in predicate:
        validation.one_of(predicate["metric"], vocabulary.metrics, f"{vocabulary.kind}Metric")
    elif "property" not in predicate:
        validation.one_of(predicate.get("dimension"), vocabulary.dimensions, f"{vocabulary.kind}Dimension")
    operator = predicate.get("operator", "matches")
    validation.one_of(operator, ("matches", "exists", "notExists"), "PredicateOperator")
    if operator == "matches" and predicate.get("value") is None and predicate.get("range") is None:
        raise refusals.bad_request("A predicate with the operator [matches] needs a value or a range.")
    if predicate.get("range") is not None:
        bounds = validation.known_properties(predicate["range"], tuple(_BOUNDS), "NumericRange")
        if not bounds or not all(isinstance(bound, int | float) for bound in bounds.values()):
            raise refusals.bad_request("A range needs numbers for gt, gte, lt or lte.")


def _holds(predicate: Item, lookup: Lookup) -> bool:
    actual = lookup(predicate.get("metric") or predicate.get("dimension") or predicate["property"])
    operator = predicate.get("operator", "matches")
    if operator != "matches":
        return bool(operator == "exists") == (actual is not None)
    if actual is None:
        return False
    values = actual if isinstance(actual, tuple) else (actual,)
    if predicate.get("value") is not None:
        return any(str(value) == str(predicate["value"]) for value in values)
    return any(_within(value, predicate["range"]) for value in values)


def _within(value: str | int, bounds: Item) -> bool:
    try:
        number = float(value)
    except ValueError:
        return False
    return all(_BOUNDS[name](number, float(bound)) for name, bound in bounds.items())


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise refusals.of_status(400)
    return value
