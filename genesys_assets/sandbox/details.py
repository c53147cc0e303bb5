"""POST /api/v2/analytics/conversations/details/query, and one conversation by its id.

Like the platform, the query selects the conversations that began on any UTC day that the interval touches, not only
those that began within it. Filters and order are in `selection`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from genesys_assets.sandbox import refusals, selection, validation
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.selection import RecentResults, Selection
from genesys_assets.sandbox.times import DAY

PROPERTIES = (*selection.PROPERTIES, "aggregations", "paging")
UNFILTERED_DAYS, FILTERED_DAYS = 7, 31


@dataclass(frozen=True, slots=True)
class Query:
    """A valid query."""

    selection: Selection
    page_size: int
    page_number: int


def answer(organisation: Organisation, body: Any, now: int, recent: RecentResults) -> tuple[list[bytes], int]:
    """The page's conversations as JSON, and `totalHits`."""
    query = parse(body)
    began = organisation.started(query.selection.interval.days(), now)
    arrivals = recent.applied(organisation, query.selection, began, now)
    first = (query.page_number - 1) * query.page_size
    page = arrivals[first : first + query.page_size]
    return [organisation.body(arrival, now) for arrival in page], len(arrivals)


def parse(body: Any) -> Query:
    validation.known_properties(body, PROPERTIES, "ConversationQuery")
    selection_ = selection.parse(body)
    most_days = FILTERED_DAYS if selection_.filtered else UNFILTERED_DAYS
    if selection_.interval.end - selection_.interval.start > most_days * DAY:
        raise refusals.interval_too_long(most_days)
    if body.get("aggregations"):
        raise refusals.bad_request("The sandbox does not support [aggregations].")
    page_size, page_number = validation.paging(body.get("paging"))
    return Query(selection=selection_, page_size=page_size, page_number=page_number)


def by_id(organisation: Organisation, conversation_id: str, now: int) -> bytes:
    arrival = organisation.find(conversation_id)
    if arrival is None or arrival.start > now:
        raise refusals.of_status(404)
    return organisation.body(arrival, now)
