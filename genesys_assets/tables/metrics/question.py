"""The query of a stored answer of aggregates, by the names that tables use.

`cloud.analytics.queries` builds queries; `reports.meaning.questions` decides which ones reports need.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from genesys_assets.cloud.analytics.families import CONVERSATIONS, AggregateFamily, of_path
from genesys_assets.tables.sources import source_of


@dataclass(frozen=True, slots=True)
class StoredQuestion:
    """The query of one stored answer: the values of columns of a table of buckets, the time zone of its days, and
    `targets`, the timer of each view.
    """

    family: AggregateFamily
    grouping: str
    selection: str
    is_additive: bool
    source: str
    zone: ZoneInfo
    targets: Mapping[str, str]

    @classmethod
    def parse(cls, request: str) -> StoredQuestion:
        """The query in the `request` of a page."""
        request_ = json.loads(request)
        body, family = request_.get("body", {}), _family(request_)
        dimensions = body.get("groupBy") or ()
        return cls(
            family=family,
            grouping=grouping_of(dimensions),
            selection=selection_of(body, family),
            is_additive=_is_additive(dimensions, body, family),
            source=source_of(request),
            zone=ZoneInfo(body.get("timeZone") or "UTC"),
            targets={view["name"]: view["target"] for view in body.get("views") or ()},
        )


def grouping_of(dimensions: Iterable[str]) -> str:
    """The value of the column `grouping` for a query that groups by these dimensions."""
    return ",".join(sorted(dimensions))


def family_of(request: str) -> AggregateFamily:
    """The family of a request; imported answers are of conversations."""
    return _family(json.loads(request))


def _family(request: Mapping[str, Any]) -> AggregateFamily:
    return of_path(request.get("path", "")) or CONVERSATIONS


def selection_of(body: Mapping[str, Any], family: AggregateFamily = CONVERSATIONS) -> str:
    """The value of the column `selection` for a query with this body: equal for equal filters, views and flattening. In
    families that are queried in batches, the filter only names the batch, so it does not count.
    """
    names = ["filter", "flattenMultivaluedDimensions", "views"]
    if family.batched_by:
        names.remove("filter")
    narrowing = {name: body[name] for name in names if body.get(name)}
    if not narrowing:
        return ""
    return hashlib.sha256(json.dumps(narrowing, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


MetricsByQuestion = dict[str, list[str]]
"""The metrics that were requested, by `question_key`."""


def answered_everywhere(parts: Iterable[Iterable[str]]) -> MetricsByQuestion:
    """The questions and metrics that every part requested, such as every hour of a day. `parts` are their requests."""
    by_part = [_metrics_by_question(requests) for requests in parts]
    everywhere = set.intersection(*map(set, by_part)) if by_part else set()
    return {key: sorted(set.intersection(*(part[key] for part in by_part))) for key in sorted(everywhere)}


def answered_by_both(first: Mapping[str, list[str]], other: Mapping[str, list[str]]) -> MetricsByQuestion:
    """The questions and metrics that two groups of parts have in common."""
    return {key: sorted({*first[key]} & {*other[key]}) for key in sorted({*first} & {*other})}


def question_key(grouping: str, selection: str) -> str:
    """The key of a question in `MetricsByQuestion`: grouping and selection, with a space between."""
    return f"{grouping} {selection}"


def _metrics_by_question(requests: Iterable[str]) -> dict[str, set[str]]:
    by_key: dict[str, set[str]] = {}
    for request in requests:
        whole = json.loads(request)
        body = whole.get("body", {})
        key = question_key(grouping_of(body.get("groupBy") or ()), selection_of(body, _family(whole)))
        by_key.setdefault(key, set()).update(body.get("metrics") or ())
    return by_key


def _is_additive(dimensions: Iterable[str], body: Mapping[str, Any], family: AggregateFamily) -> bool:
    """Whether groups may be added up. If flattened, several values are one group of their own."""
    return body.get("flattenMultivaluedDimensions") is True or family.multi_valued.isdisjoint(dimensions)
