"""Spans of presence and routing status: read from pages, each once, cut to a window. Pure functions.

The answer for every interval that a span touches has the whole span, so pages and days repeat it. A span is identified
by user, kind and start, and the newest page says how it ended. A span that still lasts has no end.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from genesys_assets.cloud.http.parsing import instant
from genesys_assets.spans import MILLISECOND, Window, whole_milliseconds
from genesys_assets.tables.conversations.decode_values import UnreadablePage
from genesys_assets.tables.sources import DATA_LAKE, FETCHED, SOURCE
from genesys_assets.tables.spec import INSTANT, TableSpec, columns

Kind = Literal["presence", "routing"]
Key = tuple[str, Kind, datetime]
"""What identifies a span: user, kind and start."""

_STORED_UNDER = (
    "Stored under the UTC day on which it began; if neither pages nor files of the data lake have that day, under the "
    "first later day that they have."
)
_TIMES = """user_id string the user
start_time instant when it began
end_time instant when it ended; null while it lasts"""
_DAY = columns("day day the UTC day under which the span is stored")
USER_PRESENCE = TableSpec(
    "user_presence",
    f"One row per span of time in which a user had one presence. {_STORED_UNDER}",
    ("user_id", "start_time"),
    (
        *columns(f"""{_TIMES}
system_presence string AVAILABLE, AWAY, BREAK, BUSY, IDLE, MEAL, MEETING, OFFLINE, ON_QUEUE, TRAINING, or a newer one
organization_presence_id string id of the organisation's own presence; names are in reference/presence_definitions
"""),
        *_DAY,
        *SOURCE,
    ),
    partition_column="day",
)
USER_ROUTING_STATUS = TableSpec(
    "user_routing_status",
    f"One row per span of time in which a user had one routing status. {_STORED_UNDER}",
    ("user_id", "start_time"),
    (
        *columns(f"""{_TIMES}
routing_status string OFF_QUEUE, IDLE, INTERACTING, COMMUNICATING, NOT_RESPONDING, or a newer one
"""),
        *_DAY,
        *SOURCE,
    ),
    partition_column="day",
)
SPAN_TABLES: Mapping[Kind, TableSpec] = {"presence": USER_PRESENCE, "routing": USER_ROUTING_STATUS}

_LISTS: Mapping[str, Kind] = {"primaryPresence": "presence", "routingStatus": "routing"}
_STATUS: Mapping[Kind, str] = {"presence": "systemPresence", "routing": "routingStatus"}
_ORGANIZATION_PRESENCE = "organizationPresenceId"
_OF_SPANS = {
    "presence": {"startTime", "endTime", "systemPresence", _ORGANIZATION_PRESENCE},
    "routing": {"startTime", "endTime", "routingStatus"},
}
_OF_USERS = {"userId", *_LISTS}


class Span(NamedTuple):
    """[start, end), UTC, in which a user had one status; `end` is None while it lasts. `own` is the id of the
    organisation's own presence.
    """

    user_id: str
    kind: Kind
    start: datetime
    end: datetime | None
    status: str | None
    own: str | None = None

    @property
    def key(self) -> Key:
        return self.user_id, self.kind, self.start


class Piece(NamedTuple):
    """[start, end), UTC, in which a user had one status: a span that has ended, or a part of a span."""

    user_id: str
    kind: Kind
    start: datetime
    end: datetime
    status: str | None
    own: str | None = None

    @property
    def milliseconds(self) -> int:
        return (self.end - self.start) // MILLISECOND


@dataclass(slots=True)
class SpansOfPage:
    """The spans of a page. `unknown` counts unknown fields by path, `losses` values that could not be kept, by
    reason.
    """

    spans: list[Span] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)


def decode_spans(body: bytes) -> SpansOfPage:
    """The spans of a page. A span without a user or a start is counted in `losses`. Raises UnreadablePage."""
    try:
        answer = json.loads(body)
        users = answer.get("userDetails") or []
        if not isinstance(users, list):
            raise TypeError("userDetails is no list")
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise UnreadablePage(f"a page of users' details cannot be read ({error})") from error
    page_spans = SpansOfPage()
    for user in users:
        user_id = user.get("userId") if isinstance(user, dict) else None
        if not isinstance(user_id, str) or not user_id:
            page_spans.losses["userDetails without userId"] += 1
            continue
        page_spans.unknown.update(f"userDetails.{name}" for name in user if name not in _OF_USERS)
        for name, kind in _LISTS.items():
            listed = user.get(name)
            if listed is not None and not isinstance(listed, list):
                page_spans.losses[f"userDetails.{name}"] += 1
                continue
            page_spans.spans.extend(_spans(user_id, kind, name, listed or (), page_spans))
    return page_spans


def _spans(user_id: str, kind: Kind, name: str, listed: Iterable[Any], page_spans: SpansOfPage) -> Iterator[Span]:
    for item in listed:
        start = _instant(item.get("startTime")) if isinstance(item, dict) else None
        if start is None:
            page_spans.losses[f"{name} without startTime"] += 1
            continue
        end = _instant(item.get("endTime"))
        if end is None and item.get("endTime") is not None:
            page_spans.losses[f"{name}.endTime"] += 1
        page_spans.unknown.update(f"{name}.{each}" for each in item if each not in _OF_SPANS[kind])
        status, own = _text(item.get(_STATUS[kind])), _text(item.get(_ORGANIZATION_PRESENCE))
        yield Span(user_id, kind, start, end, status, own if kind == "presence" else None)


def _instant(value: Any) -> datetime | None:
    moment = instant(value)
    return moment and whole_milliseconds(moment)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def newest(readings: Iterable[tuple[datetime, Iterable[Span]]]) -> list[Span]:
    """Each span once, as the page with the latest `as_of` has it; of equally new forms the one that has ended.
    `readings` are the spans of pages with their `as_of`. In the order of users, kinds and starts.
    """
    by_key: dict[Key, tuple[tuple[datetime, bool], Span]] = {}
    for as_of, spans in readings:
        for span in spans:
            rank = as_of, span.end is not None
            best = by_key.get(span.key)
            if best is None or best[0] <= rank:
                by_key[span.key] = rank, span
    return [span for _, (_, span) in sorted(by_key.items())]


def fill_from_data_lake(
    fetched: Sequence[Span], of_data_lake: Sequence[Span], since: datetime
) -> tuple[list[Span], set[Key]]:
    """Spans of users' details, completed by the data lake: it adds ends that details do not have yet, and spans that
    began at or after `since`, the instant up to which details are complete. In the order of `newest`. Also returns the
    keys of the spans that are taken from the data lake.
    """
    lake_spans = {span.key: span for span in of_data_lake}
    by_key, from_lake = {span.key: span for span in fetched}, set[Key]()
    for span in fetched:
        lake_span = lake_spans.get(span.key)
        if span.end is None and lake_span is not None and lake_span.end is not None:
            from_lake.add(span.key)
    from_lake |= {key for key, span in lake_spans.items() if span.start >= since and key not in by_key}
    by_key |= {key: lake_spans[key] for key in from_lake}
    return [span for _, span in sorted(by_key.items())], from_lake


def without_overlaps(spans: Iterable[Span]) -> Iterator[Span]:
    """The spans, which must be in the order of `newest`, without overlaps, so that no instant counts twice: a span ends
    at the latest when the next one of its user and kind begins.
    """
    before: Span | None = None
    for span in spans:
        if before is not None:
            is_next = (before.user_id, before.kind) == (span.user_id, span.kind)
            cut = is_next and (before.end is None or before.end > span.start)
            yield before._replace(end=span.start) if cut else before
        before = span
    if before is not None:
        yield before


def clipped(spans: Iterable[Span], window: Window) -> Iterator[Piece]:
    """The parts of the spans that lie in a window. A span without an end is taken to last to the end of the window.

    The parts in adjoining windows add up to the whole: nothing is lost or counted twice at a cut.
    """
    for user_id, kind, start, end, status, own in spans:
        first, last = max(start, window.start), window.end if end is None else min(end, window.end)
        if first < last:
            yield Piece(user_id, kind, first, last, status, own)


def stored_under(span: Span, day: date, before: date | None) -> bool:
    """Whether a span belongs to the partition of `day`; `before` is the last day before it that has pages or files."""
    began = span.start.astimezone(UTC).date()
    return began <= day and (before is None or began > before)


def span_table(kind: Kind, spans: Iterable[Span], day: date, of_data_lake: Collection[Key] = ()) -> pa.Table:
    """Rows of `SPAN_TABLES[kind]`, stored under `day`. `of_data_lake`: the keys of spans taken from the data lake."""
    spec, of_kind = SPAN_TABLES[kind], [span for span in spans if span.kind == kind]
    table_columns: dict[str, Any] = {
        "user_id": pa.array([span.user_id for span in of_kind], pa.string()),
        "start_time": pa.array([span.start for span in of_kind], INSTANT),
        "end_time": pa.array([span.end for span in of_kind], INSTANT),
        "system_presence" if kind == "presence" else "routing_status": pa.array(
            [span.status for span in of_kind], pa.string()
        ),
        "organization_presence_id": pa.array([span.own for span in of_kind], pa.string()),
        "day": pa.array([day] * len(of_kind), pa.date32()),
        "source": pa.array([DATA_LAKE if span.key in of_data_lake else FETCHED for span in of_kind], pa.string()),
    }
    return spec.conform(pa.table(table_columns))
