"""Filters of a query as typed values, and as the JSON that the platform reads.

`queries` resolves the names in a filter, because each kind of query has its own dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from genesys_assets.cloud.errors import InvalidQuery

Resolve = Callable[[str], str]
Match = Literal["and", "or"]
Operator = Literal["matches", "exists", "notExists"]


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a metric's value; at least one."""

    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None

    def body(self) -> dict[str, float]:
        bounds = {"gt": self.gt, "gte": self.gte, "lt": self.lt, "lte": self.lte}
        return {name: bound for name, bound in bounds.items() if bound is not None}


@dataclass(frozen=True, slots=True)
class Predicate:
    """One condition, on a dimension or on a metric."""

    dimension: str | None = None
    value: str | None = None
    operator: Operator = "matches"
    metric: str | None = None
    range: Range | None = None

    def __post_init__(self) -> None:
        subject = self.dimension or self.metric
        if subject is None or (self.dimension and self.metric):
            raise InvalidQuery("A predicate is about a dimension or about a metric: name one of the two.")
        if self.operator not in ("matches", "exists", "notExists"):
            raise InvalidQuery(f"{self.operator!r} is not an operator. Allowed are matches, exists and notExists.")
        compared = self.value is not None or (self.range is not None and bool(self.range.body()))
        if self.operator == "matches" and not compared:
            raise InvalidQuery(f"The predicate on {subject} compares with nothing: give it a value or a range.")
        if self.operator != "matches" and (self.value is not None or self.range is not None):
            raise InvalidQuery(f"The predicate on {subject} has the operator {self.operator}, which takes no value.")

    def body(self, dimension: Resolve, metric: Resolve) -> dict[str, Any]:
        body: dict[str, Any] = {"operator": self.operator}
        if self.dimension:
            body |= {"type": "dimension", "dimension": dimension(self.dimension)}
        elif self.metric:
            body |= {"type": "metric", "metric": metric(self.metric)}
        if self.value is not None:
            body["value"] = self.value
        if self.range is not None:
            body["range"] = self.range.body()
        return body


@dataclass(frozen=True, slots=True)
class Clause:
    """Conditions, of which one (`or`) or all (`and`) must hold."""

    predicates: tuple[Predicate, ...]
    type: Match = "or"

    def __post_init__(self) -> None:
        object.__setattr__(self, "predicates", tuple(self.predicates))
        _check_match(self.type)
        if not self.predicates:
            raise InvalidQuery("A clause needs at least one predicate.")

    def body(self, dimension: Resolve, metric: Resolve) -> dict[str, Any]:
        return {
            "type": self.type,
            "predicates": [predicate.body(dimension, metric) for predicate in self.predicates],
        }


@dataclass(frozen=True, slots=True)
class Filter:
    """Clauses and conditions, of which all (`and`) or one (`or`) must hold. The platform has only these two levels.
    Source: ConversationAggregateQueryFilter of https://github.com/MyPureCloud/platform-client-sdk-python.
    """

    clauses: tuple[Clause, ...] = ()
    predicates: tuple[Predicate, ...] = ()
    type: Match = "and"

    def __post_init__(self) -> None:
        object.__setattr__(self, "clauses", tuple(self.clauses))
        object.__setattr__(self, "predicates", tuple(self.predicates))
        _check_match(self.type)
        if not self.clauses and not self.predicates:
            raise InvalidQuery("A filter needs at least one clause or predicate.")

    def body(self, dimension: Resolve, metric: Resolve) -> dict[str, Any]:
        body: dict[str, Any] = {"type": self.type}
        if self.clauses:
            body["clauses"] = [clause.body(dimension, metric) for clause in self.clauses]
        if self.predicates:
            body["predicates"] = [predicate.body(dimension, metric) for predicate in self.predicates]
        return body


def any_of(dimension: str, values: Iterable[str]) -> Clause:
    """The dimension has one of the values.

    >>> any_of("queueId", ["q1"]).body(str, str)
    {'type': 'or', 'predicates': [{'operator': 'matches', 'type': 'dimension', 'dimension': 'queueId', 'value': 'q1'}]}
    """
    return Clause(tuple(Predicate(dimension=dimension, value=value) for value in values))


def _check_match(match: str) -> None:
    if match not in ("and", "or"):
        raise InvalidQuery(f"{match!r} does not combine predicates. Allowed are and, or.")
