"""What aggregates were asked: the question behind an answer, as the tables name it.

The question itself is built in `cloud.analytics.queries`; which ones reports ask is `reports.meaning.questions`.
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
    """One request: what the columns of a table of buckets say of it, the zone of its business days, and the timers of
    its views.
    """

    family: AggregateFamily
    grouping: str
    selection: str
    is_additive: bool
    source: str
    zone: ZoneInfo
    targets: Mapping[str, str]

    @classmethod
    def by(cls, request: str) -> StoredQuestion:
        asked = json.loads(request)
        body, family = asked.get("body", {}), _family(asked)
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
    """What the column `grouping` says of a query that grouped by these."""
    return ",".join(sorted(dimensions))


def family_of(request: str) -> AggregateFamily:
    """The family that was asked; imported answers are of conversations."""
    return _family(json.loads(request))


def _family(asked: Mapping[str, Any]) -> AggregateFamily:
    return of_path(asked.get("path", "")) or CONVERSATIONS


def selection_of(asked: Mapping[str, Any], family: AggregateFamily = CONVERSATIONS) -> str:
    """The value of the column `selection` for a query with this body: the same for the same conversations and views.
    The filter of a family that is asked in batches names only the batch, so it does not count.
    """
    names = ["filter", "flattenMultivaluedDimensions", "views"]
    if family.batched_by:
        names.remove("filter")
    narrowing = {name: asked[name] for name in names if asked.get(name)}
    if not narrowing:
        return ""
    return hashlib.sha256(json.dumps(narrowing, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


MetricsByQuestion = dict[str, list[str]]
"""The metrics that were asked, by grouping and selection with a space between."""


def answered_everywhere(parts: Iterable[Iterable[str]]) -> MetricsByQuestion:
    """What was asked in every part, of the requests of each: an hour that lacks a question leaves it unanswered."""
    by_part = [_metrics_by_question(requests) for requests in parts]
    everywhere = set.intersection(*map(set, by_part)) if by_part else set()
    return {key: sorted(set.intersection(*(part[key] for part in by_part))) for key in sorted(everywhere)}


def answered_by_both(first: Mapping[str, list[str]], other: Mapping[str, list[str]]) -> MetricsByQuestion:
    """What was asked in every one of two groups of parts."""
    return {key: sorted({*first[key]} & {*other[key]}) for key in sorted({*first} & {*other})}


def question_key(grouping: str, selection: str) -> str:
    """How `answered_everywhere` names a question."""
    return f"{grouping} {selection}"


def _metrics_by_question(requests: Iterable[str]) -> dict[str, set[str]]:
    asked: dict[str, set[str]] = {}
    for request in requests:
        whole = json.loads(request)
        body = whole.get("body", {})
        key = question_key(grouping_of(body.get("groupBy") or ()), selection_of(body, _family(whole)))
        asked.setdefault(key, set()).update(body.get("metrics") or ())
    return asked


def _is_additive(dimensions: Iterable[str], asked: Mapping[str, Any], family: AggregateFamily) -> bool:
    """Flattened, several values are one group of their own."""
    return asked.get("flattenMultivaluedDimensions") is True or family.multi_valued.isdisjoint(dimensions)
