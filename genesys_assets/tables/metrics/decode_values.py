"""Decodes an answer of the aggregates query value by value: slow, and strict where a figure could not be kept exactly.

It decodes answers that `decode_arrow` refuses, or refuses them with the reason.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, tzinfo
from typing import Any

import pyarrow as pa

from genesys_assets.cloud.analytics.families import CONVERSATIONS
from genesys_assets.tables import stored_answers
from genesys_assets.tables.conversations.decode_values import UnreadablePage
from genesys_assets.tables.conversations.model import snake_case
from genesys_assets.tables.metrics.decode_arrow import (
    ENVELOPE,
    KEPT,
    PAGE,
    UNUSED,
    WHOLE,
    MetricColumns,
    group_key,
    system_presence,
    system_presences,
)
from genesys_assets.tables.metrics.question import StoredQuestion
from genesys_assets.tables.stored_answers import Fields

_HARMLESS = re.compile(r"[\dTZ:./+-]{0,60}|[A-Za-z][\w.-]{0,40}|-?[\de.+-]{1,30}")
_KNOWN = frozenset({*KEPT, *UNUSED})


def read(question: StoredQuestion, body: bytes, schema: pa.Schema) -> MetricColumns:
    """The same as `decode_arrow.MetricsReader.read` on answers both accept. Raises UnreadablePage."""
    unknown: Counter[str] = Counter()
    rows = list(_rows(question, body, unknown))
    return MetricColumns(stored_answers.table(rows, schema, PAGE), unknown)


def _rows(question: StoredQuestion, body: bytes, unknown: Counter[str]) -> Iterator[dict[str, Any]]:
    of_question = {name: getattr(question, name) for name in ("grouping", "selection", "is_additive", "source")}
    answer = _answer(body)
    unknown.update(name for name in answer.values if name not in ("results", *ENVELOPE))
    presences = system_presences(body) if question.family.has_qualifier else {}
    for result in answer.objects("results"):
        group = {name: value for name, value in result.object("group").values.items() if value is not None}
        _count(unknown, "results", result, ("group", "data"))
        for bucket in result.objects("data"):
            start, end, local_date = _bounds(bucket.value("interval"), question.zone)
            _count(unknown, "results.data", bucket, ("interval", "metrics", "views"))
            figures = [(_required(measured, "metric"), "", measured) for measured in bucket.objects("metrics")]
            views = ((_required(viewed, "name"), viewed) for viewed in bucket.objects("views"))
            figures += [(_target(question, view), view, viewed) for view, viewed in views]
            for metric, view, measured in figures:
                where = "results.data.views" if view else "results.data.metrics"
                _count(unknown, where, measured, ("name", "stats") if view else ("metric", "qualifier", "stats"))
                stats = measured.object("stats")
                whole = WHOLE if question.family is CONVERSATIONS or metric.startswith("t") else ("count",)
                _count(unknown, f"{where}.stats", stats, _KNOWN)
                qualifier = measured.text("qualifier")
                yield {
                    "interval_start": start,
                    "interval_end": end,
                    "local_date": local_date,
                    **of_question,
                    "group_key": group_key(group, qualifier),
                    **{snake_case(name): group.get(name) for name in question.family.columns},
                    "metric": metric,
                    "qualifier": qualifier,
                    "system_presence": system_presence(metric, qualifier, presences),
                    "view": view,
                    **{name: _whole(stats, name) if name in whole else stats.value(name) for name in KEPT},
                }


def _count(unknown: Counter[str], path: str, found: Fields, known: Any) -> None:
    unknown.update(f"{path}.{name}" for name, value in found.values.items() if name not in known and value is not None)


def _answer(body: bytes) -> Fields:
    """The answer; a list alone counts as its results. Raises UnreadablePage."""
    answer = stored_answers.parse_json(body, PAGE)
    if isinstance(answer, dict):
        return Fields(PAGE, answer)
    return Fields(PAGE, {"results": answer})


def _required(found: Fields, name: str) -> str:
    text = found.text(name)
    if text is None:
        raise found.refusal(name, "a text")
    return text


def _bounds(interval: Any, zone: tzinfo) -> tuple[datetime, datetime, date]:
    """Begin and end of a bucket, in UTC, and its local date. Raises UnreadablePage."""
    try:
        start, end = (datetime.fromisoformat(bound).astimezone(UTC) for bound in str(interval).split("/"))
        return start, end, start.astimezone(zone).date()
    except (ValueError, OverflowError) as error:
        raise UnreadablePage(f"{PAGE} has a bucket with interval {_harmless(interval)}") from error


def _harmless(value: Any) -> str:
    """A value as it may appear in a message. Only values in the form of an interval, a view's name or a number are
    shown, because others may be personal data.
    """
    return repr(value) if _HARMLESS.fullmatch(str(value)) else f"a JSON {type(value).__name__} of another form"


def _target(question: StoredQuestion, view: str) -> str:
    """The timer of a view. Raises UnreadablePage."""
    if view not in question.targets:
        raise UnreadablePage(f"{PAGE} has a view {_harmless(view)} that was not requested")
    return question.targets[view]


def _whole(stats: Fields, name: str) -> int | None:
    value = stats.value(name)
    if isinstance(value, float) and not value.is_integer():
        raise UnreadablePage(
            f"{PAGE} has {name} = {_harmless(value)}, where only whole milliseconds or counts can be kept"
        )
    return stats.whole_number(name)
