"""POST /api/v2/analytics/<family>/aggregates/query: counts emitted metrics by time and dimension.

A metric counts in the bucket in which it was emitted, no matter when its conversation began. As on the platform, there
are no zero rows, and a group lacks a dimension that has no value.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from genesys_assets.sandbox import filters, refusals, validation, vocabulary
from genesys_assets.sandbox.directory import Directory
from genesys_assets.sandbox.facts import SessionFacts
from genesys_assets.sandbox.families import CONVERSATIONS, Family
from genesys_assets.sandbox.happenings import LONGEST_AFTER
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.validation import Interval

Item = dict[str, Any]
Group = tuple[str | None, ...]

PROPERTIES = (
    "interval", "granularity", "timeZone", "groupBy", "filter", "metrics", "flattenMultivaluedDimensions",
    "views", "alternateTimeDimension", "queryType", "sortMetric", "limit",
)  # fmt: skip

_FUNCTIONS: dict[str, Callable[[list[float]], float]] = {
    "average": lambda values: sum(values) / len(values),
    "count": len,
    "max": max,
    "min": min,
    "sum": sum,
}

# The service level is computed from metrics that waiting sessions emit when somebody leaves the queue.
_SERVICE_LEVEL_PARTS = ("tWait", "tAbandon", "tFlowOut", "tShortAbandon", "nOverSla")


@dataclass(slots=True)
class Tally:
    """All values of one metric in one bucket of one group."""

    values: list[float] = field(default_factory=list)

    def stats(self, metric: str) -> Item:
        if metric.startswith("n"):
            return {"count": sum(self.values)}
        if metric.endswith("ServiceLevel"):
            within, all_ = sum(self.values), len(self.values)
            return {"ratio": within / all_, "numerator": within, "denominator": all_, "target": 0.8}
        return {
            "max": max(self.values),
            "min": min(self.values),
            "count": len(self.values),
            "sum": sum(self.values),
        }


@dataclass(slots=True)
class Cell:
    """One bucket of one group."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    conversations: set[str] = field(default_factory=set)
    queues: set[tuple[str, str]] = field(default_factory=set)  # queueId and mediaType of waiting sessions

    def count(self, metric: str) -> int:
        if metric not in self.tallies:
            return 0
        return int(self.tallies[metric].stats(metric)["count"])


@dataclass(frozen=True, slots=True)
class Query:
    """A valid query."""

    family: Family
    interval: Interval
    buckets: list[Interval]
    metrics: list[str]
    group_by: list[str]
    filter: Item | None
    flatten: bool
    views: list[Item]
    query_type: str
    sort_metric: Item | None
    limit: int | None


def answer(organisation: Organisation, body: Any, now: int, family: Family = CONVERSATIONS) -> Item:
    query = parse(body, family)
    cells = _count(organisation, query, now)
    results = [
        {
            "group": {name: value for name, value in zip(query.group_by, group, strict=True) if value is not None},
            "data": data,
        }
        for group, row in sorted(cells.items(), key=lambda item: tuple(value or "" for value in item[0]))
        if (data := list(_data(organisation.directory, query, row)))
    ]
    return {"results": _truncated(query, results, cells)}


def parse(body: Any, family: Family = CONVERSATIONS) -> Query:
    kind = f"{family.kind}Aggregate"
    validation.known_properties(body, PROPERTIES, f"{family.kind}AggregationQuery")
    whole = validation.interval(body)
    metrics = validation.names(body.get("metrics"), family.metrics, f"{kind}Metric")
    if not metrics:
        raise refusals.bad_request("At least one metric is required.")
    if body.get("alternateTimeDimension") is not None:
        validation.one_of(body["alternateTimeDimension"], family.times, "AlternateTimeDimension")
    query_type = body.get("queryType", "groupBy")
    validation.one_of(query_type, ("groupBy", "topN", "bottomN"), "QueryType")
    vocabulary_ = filters.Vocabulary(kind, family.dimensions)
    return Query(
        family=family,
        interval=whole,
        buckets=validation.buckets(body, whole),
        metrics=metrics,
        group_by=validation.names(body.get("groupBy"), family.dimensions, f"{kind}Dimension"),
        filter=None if body.get("filter") is None else filters.check(body["filter"], vocabulary_),
        flatten=body.get("flattenMultivaluedDimensions") is True,
        views=_views(body.get("views"), family),
        query_type=query_type,
        sort_metric=_sort_metric(body.get("sortMetric"), query_type, metrics, family),
        limit=body.get("limit"),
    )


def _views(value: Any, family: Family) -> list[Item]:
    views = value or []
    if not isinstance(views, list) or len(views) > 10:
        raise refusals.bad_request("No more than 10 views are allowed per query.")
    for view in views:
        validation.known_properties(view, ("target", "name", "function", "range"), f"{family.kind}AggregationView")
        target = validation.one_of(view.get("target"), family.metrics, f"{family.kind}AggregateMetric")
        validation.one_of(view.get("function"), ("rangeBound",), "ViewFunction")
        if not target.startswith("t") or not view.get("name") or not isinstance(view.get("range"), dict):
            raise refusals.bad_request("A view needs a name, a timer metric as its target and a range.")
    return views


def _sort_metric(value: Any, query_type: str, metrics: list[str], family: Family) -> Item | None:
    if query_type == "groupBy":
        return None
    if value is None and len(metrics) > 1:
        raise refusals.bad_request("A sortMetric is required when there is more than one metric.")
    sort_metric = validation.known_properties(value or {"name": metrics[0]}, ("name", "function"), "SortMetric")
    validation.one_of(sort_metric.get("name"), family.metrics - vocabulary.NOT_SORTABLE, "SortMetric")
    validation.one_of(sort_metric.get("function", "count"), _FUNCTIONS, "SortMetricFunction")
    return sort_metric


def _count(organisation: Organisation, query: Query, now: int) -> dict[Group, dict[int, Cell]]:
    start, end = query.interval.start, min(query.interval.end, now + 1)
    edges = [bucket.start for bucket in query.buckets]
    cells: dict[Group, dict[int, Cell]] = {}
    is_of_conversations = query.family is CONVERSATIONS
    for arrival in organisation.active(start if is_of_conversations else start - LONGEST_AFTER, end):
        sessions = (
            organisation.facts(arrival, now)
            if is_of_conversations
            else organisation.happenings(arrival, now).get(query.family.name, ())
        )
        for session in sessions:
            emissions = [emission for emission in session.emissions if start <= emission[0] < end]
            if not emissions or not _passes(query.filter, session):
                continue
            rows = [cells.setdefault(group, {}) for group in _groups(query, session)]
            for when, metric, value in emissions:
                number = bisect_right(edges, when) - 1
                for row in rows:
                    _add(row.setdefault(number, Cell()), session, metric, value)
    return cells


def _add(cell: Cell, session: SessionFacts, metric: str, value: float) -> None:
    tally = cell.tallies.get(metric)
    if tally is None:
        tally = cell.tallies[metric] = Tally()
    tally.values.append(value)
    cell.conversations.add(session.conversation_id)
    if metric in vocabulary.QUEUE_METRICS and "queueId" in session.dimensions:
        cell.queues.add((str(session.dimensions["queueId"]), str(session.dimensions["mediaType"])))


def _passes(filter_: Item | None, session: SessionFacts) -> bool:
    return filter_ is None or filters.matches(filter_, session.dimensions.get)


def _groups(query: Query, session: SessionFacts) -> list[Group]:
    """The groups that the session counts in: several if a dimension has several values, unless flattened."""
    values: list[tuple[str | None, ...]] = []
    for name in query.group_by:
        value = session.dimensions.get(name)
        if isinstance(value, tuple):
            values.append((",".join(sorted(value)),) if query.flatten else value)
        else:
            values.append((value,))
    return list(product(*values))


def _data(directory: Directory, query: Query, row: dict[int, Cell]) -> Iterator[Item]:
    for number in sorted(row):
        cell = row[number]
        metrics = [
            {"metric": name, "stats": stats}
            for name in query.metrics
            if not _is_of_queues_only(query, name) and (stats := _stats(directory, query, cell, name))
        ]
        views = [{"name": view["name"], "stats": stats} for view in query.views if (stats := _viewed(cell, view))]
        if metrics or views:
            data: Item = {"interval": str(query.buckets[number]), "metrics": metrics}
            yield {**data, "views": views} if views else data


def _is_of_queues_only(query: Query, metric: str) -> bool:
    return query.family is CONVERSATIONS and "userId" in query.group_by and metric in vocabulary.QUEUE_METRICS


def _stats(directory: Directory, query: Query, cell: Cell, metric: str) -> Item | None:
    if metric in query.family.distinct and (metric == "nConversations" or metric in cell.tallies):
        return {"count": len(cell.conversations)}
    if metric == "oServiceLevel":
        return _service_level(directory, cell)
    if metric == "oServiceTarget":
        target = _target(directory, cell)
        return None if target is None else {"current": target}
    return cell.tallies[metric].stats(metric) if metric in cell.tallies else None


def _service_level(directory: Directory, cell: Cell) -> Item | None:
    """The share answered in time, of all who were answered or abandoned, except short abandons."""
    waits, gave_up, flowed_out, at_once, late = (cell.count(name) for name in _SERVICE_LEVEL_PARTS)
    answered = waits - gave_up - flowed_out
    denominator = answered + gave_up - at_once
    if denominator <= 0:
        return None
    numerator = answered - late
    stats: Item = {"ratio": numerator / denominator, "numerator": numerator, "denominator": denominator}
    target = _target(directory, cell)
    return stats if target is None else {**stats, "target": target}


def _target(directory: Directory, cell: Cell) -> float | None:
    """The service level target of the queues involved, if they all have the same."""
    queues = directory.queue_by_id
    targets = {queues[queue].service_level(media)[0] if queue in queues else None for queue, media in cell.queues}
    return targets.pop() if len(targets) == 1 else None


def _viewed(cell: Cell, view: Item) -> Item | None:
    tally = cell.tallies.get(view["target"])
    bounds = view["range"]
    low, high = bounds.get("gte", float("-inf")), bounds.get("lt", float("inf"))
    values = [value for value in tally.values if low <= value < high] if tally else []
    return Tally(values).stats(view["target"]) if values else None


def _truncated(query: Query, results: list[Item], cells: dict[Group, dict[int, Cell]]) -> list[Item]:
    """For topN and bottomN: the groups in the order of the sort metric, cut to the limit."""
    if query.sort_metric is None:
        return results
    name, function = query.sort_metric["name"], query.sort_metric.get("function", "count")

    def rank(result: Item) -> float:
        group = tuple(result["group"].get(dimension) for dimension in query.group_by)
        values = [
            value for cell in cells[group].values() if name in cell.tallies for value in cell.tallies[name].values
        ]
        return _summary(function, values)

    ordered = sorted(results, key=rank, reverse=query.query_type == "topN")
    return ordered if query.limit is None else ordered[: query.limit]


def _summary(function: str, values: list[float]) -> float:
    if not values:
        return 0
    return float(_FUNCTIONS[function](values))
