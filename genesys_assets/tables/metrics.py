"""Answers of the aggregates query to one table of buckets: interval x group x metric.

Source: `POST /api/v2/analytics/conversations/aggregates/query`. A metric is counted in the bucket in which the
platform emitted it, not in
that of the conversation's start. Nothing is summed here (`genesys_assets.reports`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from genesys_assets.cloud.catalogue import MULTI_VALUED
from genesys_assets.tables.decode import UnreadablePage
from genesys_assets.tables.sources import SOURCE, source_of
from genesys_assets.tables.spec import TableSpec, columns

_BOUNDS = columns("""
interval_start instant begin of the bucket
interval_end instant end of the bucket, exclusive
""")
_LOCAL_DATE = columns("local_date day date of the business day in the zone it was asked for")
_GROUP_AND_FIGURES = columns("""
grouping string dimensions the query grouped by, sorted, joined by commas
selection string of which conversations, and how: a hash of the query's filter, views and flattening; empty for all
is_additive boolean whether groups may be summed; false where a session counts in the group of each of several values
group_key string group and qualifier as JSON with sorted keys; a dimension without a value is absent
queue_id string queueId of the group
user_id string userId of the group
media_type string mediaType of the group
metric string the metric
qualifier string the metric's qualifier
view string name of the view whose figure this is; empty where it is the metric's own
count integer how often it was emitted
sum integer total; milliseconds for t metrics
min integer smallest value
max integer largest value
current number current value of observations such as oServiceTarget
ratio number ratio of this bucket; never average it
numerator number numerator of the ratio
denominator number denominator of the ratio
target number service level target
""")
_GROUP_AND_FIGURES += SOURCE
_KEY = ("interval_start", "grouping", "selection", "group_key", "metric", "view")

BY_QUEUE = "mediaType,queueId"
BY_USER = "mediaType,userId"
"""How the usual questions group: see the column `grouping`."""

INTERVAL_METRICS = TableSpec(
    "interval_metrics",
    "One row per 15-minute bucket, group and metric with data; a bucket, group or metric without data has no row. "
    "Imported buckets may be longer, up to an hour.",
    _KEY,
    _BOUNDS + _GROUP_AND_FIGURES,
    partition_column="interval_start",
    version=2,
)
DAILY_METRICS = TableSpec(
    "daily_metrics",
    "One row per business day, group and metric with data.",
    _KEY,
    _BOUNDS + _LOCAL_DATE + _GROUP_AND_FIGURES,
    partition_column="local_date",
    version=2,
)

_STATS = ("count", "sum", "min", "max", "current", "ratio", "numerator", "denominator", "target")
_WHOLE = frozenset({"count", "sum", "min", "max"})
_KNOWN_STATS = frozenset({*_STATS, "countNegative", "countPositive", "p95", "p99", "calculatedMetricValue"})


@dataclass(slots=True)
class MetricRows:
    """Rows of `INTERVAL_METRICS` or `DAILY_METRICS`, and what of the answers the table has no place for."""

    table: pa.Table
    unknown: Counter[str] = field(default_factory=Counter)


def metric_rows(spec: TableSpec, answers: Iterable[tuple[str, bytes]]) -> MetricRows:
    """One table from (request, body) pairs of aggregates pages, in key order.

    Raises UnreadablePage where a body is not an aggregates answer.
    """
    unknown: Counter[str] = Counter()
    rows = [row for request, body in answers for row in _rows(request, body, unknown)]
    rows.sort(key=lambda row: tuple(row[name] for name in spec.key))
    return MetricRows(pa.Table.from_pylist(rows, spec.schema), unknown)


def grouping_of(dimensions: Iterable[str]) -> str:
    """What the column `grouping` says of a query that grouped by these."""
    return ",".join(sorted(dimensions))


def selection_of(asked: Mapping[str, Any]) -> str:
    """What the column `selection` says of a query with this body: the same for the same conversations and views."""
    narrowing = {name: asked[name] for name in ("filter", "flattenMultivaluedDimensions", "views") if asked.get(name)}
    if not narrowing:
        return ""
    return hashlib.sha256(json.dumps(narrowing, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


QUESTIONS = "questions"
"""Where the provenance of a table says what was asked: see `answered`."""
Answered = dict[str, list[str]]
"""The metrics that were asked, by grouping and selection with a space between."""


def answered(parts: Iterable[Iterable[str]]) -> Answered:
    """What was asked in every part, of the requests of each: an hour that lacks a question leaves it unanswered."""
    by_part = [_asked(requests) for requests in parts]
    everywhere = set.intersection(*map(set, by_part)) if by_part else set()
    return {key: sorted(set.intersection(*(part[key] for part in by_part))) for key in sorted(everywhere)}


def question_key(grouping: str, selection: str) -> str:
    """How `answered` names a question."""
    return f"{grouping} {selection}"


def _asked(requests: Iterable[str]) -> dict[str, set[str]]:
    asked: dict[str, set[str]] = {}
    for request in requests:
        body = json.loads(request).get("body", {})
        key = question_key(grouping_of(body.get("groupBy") or ()), selection_of(body))
        asked.setdefault(key, set()).update(body.get("metrics") or ())
    return asked


def _rows(request: str, body: bytes, unknown: Counter[str]) -> Iterator[dict[str, Any]]:
    asked = json.loads(request).get("body", {})
    dimensions = sorted(asked.get("groupBy") or ())
    zone = ZoneInfo(asked.get("timeZone") or "UTC")
    of_question = {
        "grouping": grouping_of(dimensions),
        "selection": selection_of(asked),
        "is_additive": _is_additive(dimensions, asked),
        "source": source_of(request),
    }
    targets = {view["name"]: view["target"] for view in asked.get("views") or ()}
    for result in _results(body):
        group = {name: value for name, value in (result.get("group") or {}).items() if value is not None}
        unknown.update(f"results.{name}" for name in result if name not in ("group", "data"))
        for bucket in result.get("data") or ():
            start, end = _bounds(bucket)
            local_date = start.astimezone(zone).date()
            unknown.update(f"results.data.{name}" for name in bucket if name not in ("interval", "metrics", "views"))
            figures = [(measured["metric"], "", measured) for measured in bucket.get("metrics") or ()]
            figures += [(_target(targets, viewed), viewed["name"], viewed) for viewed in bucket.get("views") or ()]
            for metric, view, measured in figures:
                yield {
                    "interval_start": start,
                    "interval_end": end,
                    "local_date": local_date,
                    **of_question,
                    "group_key": _group_key(group, measured.get("qualifier")),
                    "queue_id": group.get("queueId"),
                    "user_id": group.get("userId"),
                    "media_type": group.get("mediaType"),
                    "metric": metric,
                    "qualifier": measured.get("qualifier"),
                    "view": view,
                    **_stats(measured.get("stats") or {}, unknown),
                }


def _target(targets: Mapping[str, str], viewed: Mapping[str, Any]) -> str:
    if viewed.get("name") not in targets:
        raise UnreadablePage(f"the aggregates page has a view {viewed.get('name')!r} that was not asked for")
    return targets[viewed["name"]]


def _is_additive(dimensions: Iterable[str], asked: dict[str, Any]) -> bool:
    """Flattened, several values are one group of their own."""
    return asked.get("flattenMultivaluedDimensions") is True or MULTI_VALUED.isdisjoint(dimensions)


def _results(body: bytes) -> list[dict[str, Any]]:
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise UnreadablePage(f"the aggregates page is not JSON ({error}); it begins with {body[:40]!r}") from error
    results = answer.get("results") if isinstance(answer, dict) else answer
    if results is None:
        return []
    if not isinstance(results, list):
        raise UnreadablePage(f"the aggregates page's `results` is a {type(results).__name__}, not a list")
    return results


def _bounds(bucket: dict[str, Any]) -> tuple[datetime, datetime]:
    interval = bucket.get("interval")
    try:
        start, end = (datetime.fromisoformat(bound).astimezone(UTC) for bound in str(interval).split("/"))
    except ValueError as error:
        raise UnreadablePage(f"the aggregates page has a bucket with interval {interval!r}") from error
    return start, end


def _group_key(group: dict[str, str], qualifier: str | None) -> str:
    key = group if qualifier is None else {**group, "qualifier": qualifier}
    return json.dumps(key, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _stats(stats: dict[str, Any], unknown: Counter[str]) -> dict[str, Any]:
    unknown.update(f"results.data.metrics.stats.{name}" for name in stats if name not in _KNOWN_STATS)
    return {name: _whole(name, stats.get(name)) if name in _WHOLE else stats.get(name) for name in _STATS}


def _whole(name: str, value: float | None) -> int | None:
    if value is not None and value != int(value):
        raise UnreadablePage(
            f"the aggregates page has {name} = {value!r}, where only whole milliseconds or counts can be kept"
        )
    return None if value is None else int(value)
