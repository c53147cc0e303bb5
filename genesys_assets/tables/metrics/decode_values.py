"""An answer of the aggregates query value by value: slow, and strict where a figure could not be kept exactly.

What `decode_arrow` refuses comes here, to be read all the same or to be refused with the reason.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from genesys_assets.cloud.analytics.families import CONVERSATIONS
from genesys_assets.tables.conversations.decode import UnreadablePage
from genesys_assets.tables.conversations.model import snake_case
from genesys_assets.tables.metrics.asked import AskedQuestion
from genesys_assets.tables.metrics.decode_arrow import (
    ENVELOPE,
    KEPT,
    UNUSED,
    WHOLE,
    MetricColumns,
    group_key,
    system_presence,
    system_presences,
)

_HARMLESS = re.compile(r"[\dTZ:./+-]{0,60}|[A-Za-z][\w.-]{0,40}|-?[\de.+-]{1,30}")
_KNOWN = frozenset({*KEPT, *UNUSED})


def read(asked: AskedQuestion, body: bytes, schema: pa.Schema) -> MetricColumns:
    """The same as `metrics_arrow.Reader.read` on answers both accept. Raises UnreadablePage."""
    unknown: Counter[str] = Counter()
    rows = list(_rows(asked, body, unknown))
    return MetricColumns(pa.Table.from_pylist(rows, schema), unknown)


def _rows(asked: AskedQuestion, body: bytes, unknown: Counter[str]) -> Iterator[dict[str, Any]]:
    of_question = {name: getattr(asked, name) for name in ("grouping", "selection", "is_additive", "source")}
    presences = system_presences(body) if asked.family.has_qualifier else {}
    for result in _results(body, unknown):
        group = {name: value for name, value in (result.get("group") or {}).items() if value is not None}
        _count(unknown, "results", result, ("group", "data"))
        for bucket in result.get("data") or ():
            start, end = _bounds(bucket.get("interval"))
            _count(unknown, "results.data", bucket, ("interval", "metrics", "views"))
            figures = [(measured["metric"], "", measured) for measured in bucket.get("metrics") or ()]
            figures += [
                (_target(asked, viewed.get("name")), viewed["name"], viewed) for viewed in bucket.get("views") or ()
            ]
            for metric, view, measured in figures:
                where = "results.data.views" if view else "results.data.metrics"
                _count(unknown, where, measured, ("name", "stats") if view else ("metric", "qualifier", "stats"))
                stats = measured.get("stats") or {}
                whole = WHOLE if asked.family is CONVERSATIONS or metric.startswith("t") else ("count",)
                _count(unknown, f"{where}.stats", stats, _KNOWN)
                yield {
                    "interval_start": start,
                    "interval_end": end,
                    "local_date": start.astimezone(asked.zone).date(),
                    **of_question,
                    "group_key": group_key(group, measured.get("qualifier")),
                    **{snake_case(name): group.get(name) for name in asked.family.columns},
                    "metric": metric,
                    "qualifier": measured.get("qualifier"),
                    "system_presence": system_presence(metric, measured.get("qualifier"), presences),
                    "view": view,
                    **{name: _whole(name, stats.get(name)) if name in whole else stats.get(name) for name in KEPT},
                }


def _count(unknown: Counter[str], path: str, found: Mapping[str, Any], known: Any) -> None:
    unknown.update(f"{path}.{name}" for name, value in found.items() if name not in known and value is not None)


def _results(body: bytes, unknown: Counter[str]) -> list[dict[str, Any]]:
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise UnreadablePage(f"the aggregates page is not JSON ({error}); it has {len(body)} bytes") from error
    if isinstance(answer, dict):
        unknown.update(name for name in answer if name not in ("results", *ENVELOPE))
    results = answer.get("results") if isinstance(answer, dict) else answer
    if results is None:
        return []
    if not isinstance(results, list):
        raise UnreadablePage(f"the aggregates page's `results` is a {type(results).__name__}, not a list")
    return results


def _bounds(interval: Any) -> tuple[datetime, datetime]:
    """Begin and end of a bucket, in UTC. Raises UnreadablePage."""
    try:
        start, end = (datetime.fromisoformat(bound).astimezone(UTC) for bound in str(interval).split("/"))
    except ValueError as error:
        raise UnreadablePage(f"the aggregates page has a bucket with interval {_said(interval)}") from error
    return start, end


def _said(value: Any) -> str:
    """A value in a message, unless it may be of a person: only what an interval, a view or a number looks like."""
    return repr(value) if _HARMLESS.fullmatch(str(value)) else f"a JSON {type(value).__name__} of another form"


def _target(asked: AskedQuestion, view: Any) -> str:
    """The timer of a view. Raises UnreadablePage."""
    if view not in asked.targets:
        raise UnreadablePage(f"the aggregates page has a view {_said(view)} that was not asked for")
    return asked.targets[view]


def _whole(name: str, value: float | None) -> int | None:
    if value is not None and value != int(value):
        raise UnreadablePage(
            f"the aggregates page has {name} = {_said(value)}, where only whole milliseconds or counts can be kept"
        )
    return None if value is None else int(value)
