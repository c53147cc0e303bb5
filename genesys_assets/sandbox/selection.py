"""Filters and order of details queries and details jobs: `…Filters`, `order` and `orderBy`.

This module has what both have in common. `details` and `jobs` select by time and page.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from genesys_assets.sandbox import filters, refusals, validation, vocabulary
from genesys_assets.sandbox.arrivals import Arrival
from genesys_assets.sandbox.facts import Value
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.times import millis
from genesys_assets.sandbox.validation import Interval

Item = dict[str, Any]

PROPERTIES = (
    "interval", "conversationFilters", "segmentFilters", "evaluationFilters", "surveyFilters",
    "resolutionFilters", "order", "orderBy",
)  # fmt: skip
CONVERSATION = filters.Vocabulary(
    "ConversationDetail", vocabulary.CONVERSATION_DIMENSIONS, vocabulary.CONVERSATION_METRICS
)
SEGMENT = filters.Vocabulary("SegmentDetail", vocabulary.SEGMENT_DIMENSIONS, vocabulary.SEGMENT_METRICS)


@dataclass(frozen=True, slots=True)
class Selection:
    """The validated interval, filters and order of a query or job."""

    interval: Interval
    conversation_filters: list[Item]
    segment_filters: list[Item]
    order: str
    order_by: str

    @property
    def filtered(self) -> bool:
        return bool(self.conversation_filters or self.segment_filters)

    @property
    def plain(self) -> bool:
        """Whether arrivals alone are enough to answer, without the content of conversations."""
        return not self.filtered and self.order_by == "conversationStart"


def parse(body: Item) -> Selection:
    for name in ("evaluationFilters", "surveyFilters", "resolutionFilters"):
        if body.get(name):
            raise refusals.bad_request(f"The sandbox does not support [{name}].")
    order_by = ("conversationStart", "conversationEnd", "segmentStart", "segmentEnd")
    return Selection(
        interval=validation.interval(body),
        conversation_filters=_filters(body.get("conversationFilters"), CONVERSATION),
        segment_filters=_filters(body.get("segmentFilters"), SEGMENT),
        order=validation.one_of(body.get("order", "asc"), ("asc", "desc", "unordered"), "SortOrder"),
        order_by=validation.one_of(body.get("orderBy", "conversationStart"), order_by, "OrderBy"),
    )


def applied(organisation: Organisation, selection: Selection, arrivals: list[Arrival], now: int) -> list[Arrival]:
    """The arrivals in `arrivals` that pass the filters, in the requested order. `arrivals` must be in order of
    start.
    """
    matching = arrivals if selection.plain else _filtered(organisation, selection, arrivals, now)
    return matching[::-1] if selection.order == "desc" else matching


class RecentResults:
    """Caches the last results of `applied`, because a query is sent again for each of its pages."""

    def __init__(self, most: int = 8) -> None:
        self._most = most
        self._answers: OrderedDict[str, list[Arrival]] = OrderedDict()
        self._lock = threading.Lock()

    def applied(
        self, organisation: Organisation, selection: Selection, arrivals: list[Arrival], now: int
    ) -> list[Arrival]:
        if selection.plain:
            return applied(organisation, selection, arrivals, now)
        filters_ = json.dumps([selection.conversation_filters, selection.segment_filters])
        query = f"{selection.interval} {selection.order} {selection.order_by} {filters_}"
        key = f"{id(organisation)} {organisation.history.version} {len(arrivals)} {now} {query}"
        with self._lock:
            if key not in self._answers:
                self._answers[key] = applied(organisation, selection, arrivals, now)
                while len(self._answers) > self._most:
                    self._answers.popitem(last=False)
            return self._answers[key]


def _filters(value: Any, kind: filters.Vocabulary) -> list[Item]:
    if value is not None and not isinstance(value, list):
        raise refusals.of_status(400)
    return [filters.check(filter_, kind) for filter_ in value or ()]


def _filtered(organisation: Organisation, selection: Selection, arrivals: list[Arrival], now: int) -> list[Arrival]:
    matching = []
    for arrival in arrivals:
        conversation = organisation.shown(arrival, now)
        if _passes(selection, conversation):
            matching.append((_order_key(selection.order_by, conversation), arrival))
    if selection.order_by != "conversationStart":
        matching.sort(key=lambda item: (item[0], item[1].start, item[1].id))
    return [arrival for _, arrival in matching]


def _order_key(order_by: str, conversation: Item) -> str:
    if order_by.startswith("conversation"):
        return str(conversation.get(order_by, "~"))
    instants = [step.get(order_by, "~") for _, _, step in _segments(conversation)]
    return str(min(instants) if order_by == "segmentStart" else max(instants))


def _passes(selection: Selection, conversation: Item) -> bool:
    if not all(filters.matches(filter_, _of_conversation(conversation)) for filter_ in selection.conversation_filters):
        return False
    return all(
        any(filters.matches(filter_, _of_segment(*parts)) for parts in _segments(conversation))
        for filter_ in selection.segment_filters
    )


def _segments(conversation: Item) -> Iterator[tuple[Item, Item, Item]]:
    for participant in conversation.get("participants", ()):
        for session in participant["sessions"]:
            for step in session["segments"]:
                yield participant, session, step


def _of_conversation(conversation: Item) -> Callable[[str], Value | int | None]:
    def look_up(name: str) -> Value | int | None:
        if name == "tConversationDuration":
            return _between(conversation, "conversationStart", "conversationEnd")
        if name == "divisionId":
            return tuple(conversation["divisionIds"])
        if name in vocabulary.METRICS:
            return _emitted(conversation, name)
        return _text(conversation.get(name))

    return look_up


def _of_segment(participant: Item, session: Item, step: Item) -> Callable[[str], Value | int | None]:
    plural = {
        "requestedRoutingSkillId": step.get("requestedRoutingSkillIds"),
        "requestedRouting": session.get("requestedRoutings"),
        "destinationAddress": session.get("destinationAddresses"),
        "callbackNumber": session.get("callbackNumbers"),
    }

    def look_up(name: str) -> Value | int | None:
        if name == "tSegmentDuration":
            return _between(step, "segmentStart", "segmentEnd")
        if name in plural:
            return _text(plural[name])
        return _text(step.get(name, session.get(name, participant.get(name, session.get("flow", {}).get(name)))))

    return look_up


def _between(item: Item, start: str, end: str) -> int | None:
    return millis(item[end]) - millis(item[start]) if end in item else None


def _emitted(conversation: Item, name: str) -> int | None:
    values = [
        item["value"]
        for participant in conversation.get("participants", ())
        for session in participant["sessions"]
        for item in session.get("metrics", ())
        if item["name"] == name
    ]
    return sum(values) if values else None


def _text(value: Any) -> Value | None:
    if value is None:
        return None
    if isinstance(value, list):
        return tuple(str(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
