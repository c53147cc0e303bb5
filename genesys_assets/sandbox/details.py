"""POST /api/v2/analytics/conversations/details/query, and conversations by id.

Here belong selection, order and paging. Like the platform, the query selects the conversations that began on
any UTC day that the interval touches, not only those that began within it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from genesys_assets.sandbox import filters, refusals, validation, vocabulary
from genesys_assets.sandbox.arrivals import Arrival
from genesys_assets.sandbox.facts import Value
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.times import DAY, millis
from genesys_assets.sandbox.validation import Interval

Item = dict[str, Any]

PROPERTIES = (
    "interval", "conversationFilters", "segmentFilters", "evaluationFilters", "surveyFilters",
    "resolutionFilters", "order", "orderBy", "aggregations", "paging",
)  # fmt: skip
CONVERSATION = filters.Vocabulary(
    "ConversationDetail", vocabulary.CONVERSATION_DIMENSIONS, vocabulary.CONVERSATION_METRICS
)
SEGMENT = filters.Vocabulary("SegmentDetail", vocabulary.SEGMENT_DIMENSIONS, vocabulary.SEGMENT_METRICS)
UNFILTERED_DAYS, FILTERED_DAYS = 7, 31
MOST_IDS = 100


@dataclass(frozen=True, slots=True)
class Query:
    """A valid query."""

    interval: Interval
    conversation_filters: list[Item]
    segment_filters: list[Item]
    order: str
    order_by: str
    page_size: int
    page_number: int

    @property
    def plain(self) -> bool:
        """Whether the plan of the days is all that it takes to answer."""
        return not (self.conversation_filters or self.segment_filters) and self.order_by == "conversationStart"


def answer(organisation: Organisation, body: Any, now: int) -> tuple[list[bytes], int]:
    """The page's conversations as JSON, and `totalHits`."""
    query = parse(body)
    found = organisation.started(query.interval.days(), now)
    if not query.plain:
        found = list(_filtered(organisation, query, found, now))
    if query.order == "desc":
        found.reverse()
    first = (query.page_number - 1) * query.page_size
    page = found[first : first + query.page_size]
    return [organisation.body(arrival, now) for arrival in page], len(found)


def parse(body: Any) -> Query:
    validation.known_properties(body, PROPERTIES, "ConversationQuery")
    interval = validation.interval(body)
    conversation_filters = _filters(body.get("conversationFilters"), CONVERSATION)
    segment_filters = _filters(body.get("segmentFilters"), SEGMENT)
    most_days = FILTERED_DAYS if conversation_filters or segment_filters else UNFILTERED_DAYS
    if interval.end - interval.start > most_days * DAY:
        raise refusals.interval_too_long(most_days)
    for name in ("evaluationFilters", "surveyFilters", "resolutionFilters", "aggregations"):
        if body.get(name):
            raise refusals.bad_request(f"The sandbox does not support [{name}].")
    order_by = ("conversationStart", "conversationEnd", "segmentStart", "segmentEnd")
    page_size, page_number = validation.paging(body.get("paging"))
    return Query(
        interval=interval,
        conversation_filters=conversation_filters,
        segment_filters=segment_filters,
        order=validation.one_of(body.get("order", "asc"), ("asc", "desc", "unordered"), "SortOrder"),
        order_by=validation.one_of(body.get("orderBy", "conversationStart"), order_by, "OrderBy"),
        page_size=page_size,
        page_number=page_number,
    )


def by_ids(organisation: Organisation, stated: str | None, now: int) -> list[bytes]:
    """Those of the conversations that there are, in the order asked for."""
    ids = [part.strip() for part in (stated or "").split(",") if part.strip()]
    if not ids or len(ids) > MOST_IDS:
        raise refusals.invalid_parameter(stated or "", "id", f"1 to {MOST_IDS} conversation ids")
    found = (organisation.find(conversation_id) for conversation_id in ids)
    return [organisation.body(arrival, now) for arrival in found if arrival is not None and arrival.start <= now]


def by_id(organisation: Organisation, conversation_id: str, now: int) -> bytes:
    arrival = organisation.find(conversation_id)
    if arrival is None or arrival.start > now:
        raise refusals.of_status(404)
    return organisation.body(arrival, now)


def _filters(stated: Any, kind: filters.Vocabulary) -> list[Item]:
    if stated is not None and not isinstance(stated, list):
        raise refusals.of_status(400)
    return [filters.check(filter_, kind) for filter_ in stated or ()]


def _filtered(organisation: Organisation, query: Query, found: list[Arrival], now: int) -> Iterator[Arrival]:
    kept = []
    for arrival in found:
        conversation = organisation.shown(arrival, now)
        if _passes(query, conversation):
            kept.append((_order_key(query.order_by, conversation), arrival))
    if query.order_by != "conversationStart":
        kept.sort(key=lambda item: (item[0], item[1].start, item[1].id))
    return (arrival for _, arrival in kept)


def _order_key(order_by: str, conversation: Item) -> str:
    if order_by.startswith("conversation"):
        return str(conversation.get(order_by, "~"))
    instants = [step.get(order_by, "~") for _, _, step in _segments(conversation)]
    return str(min(instants) if order_by == "segmentStart" else max(instants))


def _passes(query: Query, conversation: Item) -> bool:
    if not all(filters.matches(filter_, _of_conversation(conversation)) for filter_ in query.conversation_filters):
        return False
    return all(
        any(filters.matches(filter_, _of_segment(*parts)) for parts in _segments(conversation))
        for filter_ in query.segment_filters
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
