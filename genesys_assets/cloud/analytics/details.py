"""Conversations in full, by the details query: page after page, as they started.

The query answers with every conversation that started on any UTC day that the interval touches, reaches at most 100,000
results and 7 days, and is sometimes too heavy for the platform. This module works around these limits. Bulk history
belongs to details jobs. `tables` drops rows outside the interval.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain

from genesys_assets.cloud.analytics.conversations import ConversationsPage
from genesys_assets.cloud.analytics.details_paging import PATH, NumberedPage, PagedQuery, is_whole_days
from genesys_assets.cloud.analytics.fetch_progress import Drift, FetchProgress, OnProgress
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.analytics.queries import LARGEST_PAGE, LONGEST, DetailsQuery
from genesys_assets.cloud.errors import AnswerTooLarge, CircuitOpen, ServerTrouble, TooLarge
from genesys_assets.cloud.http.paging import smaller, with_smaller_pages
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.spans import MILLISECOND

__all__ = ["PATH", "FetchProgress", "exact_total", "fetch", "newest_start", "number_in_day", "total_hits"]

SHORTEST_PIECE = timedelta(minutes=15)
"""The shortest part of a day into which an interval is split if the platform cannot answer for all of it at once."""

_log = logging.getLogger(__name__)


def fetch(
    cloud: GenesysCloud,
    interval: Interval,
    *,
    page_size: int = LARGEST_PAGE,
    near: int | None = None,
    on_progress: OnProgress | None = None,
    reading: FetchProgress | None = None,
) -> Iterator[ConversationsPage]:
    """Every page whose span (earliest to latest conversationStart) overlaps the interval, numbered from 1.

    A page may hold rows outside the interval, and pages may repeat rows: keep those inside, and the newest of each.
    Rows ascend by conversationStart, except where a day has more than 100,000: its later part comes in descending
    order. If pages moved while they were read, all are read once more and yielded as further pages. `near`: for an
    interval within a day, the number of the day's page on which its start is looked for first (see `number_in_day`).
    `on_progress(pages done, pages expected, total hits)` is called for each page; the last two are estimates.
    `reading`, if given, records what was expected and what arrived. From `POST
    /api/v2/analytics/conversations/details/query`. Raises InvalidQuery for an interval that reaches into the future,
    TooLarge if not all conversations can be reached, UnexpectedAnswer, or any other GenesysCloudError.
    """
    interval.require_past(cloud.now())
    DetailsQuery(interval=interval.days()[0], page_size=page_size)
    reading = FetchProgress() if reading is None else reading
    reading.on_progress = on_progress or reading.on_progress
    reading.whole_days = is_whole_days(interval)
    pieces = interval.days(LONGEST.days)
    pages = chain.from_iterable(_read_steadily(cloud, piece, page_size, reading, near) for piece in pieces)
    return (replace(page, number=number) for number, page in enumerate(pages, start=1))


def number_in_day(request: str) -> int | None:
    """The page's number within its day, which is the same for every interval within the day; None if the request is not
    one of `fetch`, of the usual page size and in ascending order.
    """
    query = json.loads(request).get("body") or {}
    paging = query.get("paging") or {}
    usual = query.get("order") == "asc" and paging.get("pageSize") == LARGEST_PAGE
    return paging.get("pageNumber") if usual and len(Interval.parse(query["interval"]).days()) == 1 else None


def total_hits(cloud: GenesysCloud, interval: Interval) -> int | None:
    """How many conversations began on the UTC days that the interval touches, by the query's `totalHits`, which is an
    estimate; None where the platform does not say.

    One request for every 7 days. Raises InvalidQuery for an interval that reaches into the future, or any other
    GenesysCloudError.
    """
    interval.require_past(cloud.now())
    totals = [PagedQuery(cloud, piece, 1, "asc").answer(1).total for piece in interval.days(LONGEST.days)]
    known = [total for total in totals if total is not None]
    return sum(known) if len(known) == len(totals) else None


def exact_total(cloud: GenesysCloud, interval: Interval, estimate: int) -> int | None:
    """How many conversations began on the UTC days of the interval, at most 7 days: the position of the last one, which
    is looked for from the `estimate` downwards; so never more than the estimate. None if it is unknown: the query does
    not reach the last one, or has none at all, or the ascending and the descending query disagree on which it is.

    One request if the estimate is right. If it is too high by n: about 2 * log2(n) + 4 requests. Raises InvalidQuery
    for an interval that reaches into the future, or any other GenesysCloudError.
    """
    interval.require_past(cloud.now())
    ascending = PagedQuery(cloud, interval, 1, "asc")
    if estimate > ascending.last_page:
        return None
    existing, step = 0, 1
    missing = estimate + 1
    while missing - existing > 1:
        place = max(existing + 1, missing - step)
        if ascending.answer(place).rows:
            existing = place
        else:
            missing = place
        step = 2 * step if not existing else max(1, (missing - existing) // 2)
    if existing in (0, estimate):
        return existing or None
    last = PagedQuery(cloud, interval, 1, "desc").answer(1)
    return existing if last.latest == ascending.answer(existing).latest else None


def newest_start(cloud: GenesysCloud, interval: Interval) -> datetime | None:
    """When the newest conversation that the query knows in the interval began, UTC; None if it knows none.

    One request for each UTC day, from the last one back to the first that has a conversation. About ten more if the
    interval ends within a day and other conversations of that day began after it. Raises InvalidQuery for an interval
    that reaches into the future, TooLarge if more than 100,000 began on the last day after the interval,
    UnexpectedAnswer, or any other GenesysCloudError.
    """
    interval.require_past(cloud.now())

    def newest_of(day: Interval) -> datetime | None:
        return with_smaller_pages(lambda size: PagedQuery(cloud, day, size, "desc").newest_start(), LARGEST_PAGE)

    return next((newest for newest in map(newest_of, reversed(interval.days())) if newest is not None), None)


def _read_steadily(
    cloud: GenesysCloud, interval: Interval, page_size: int, reading: FetchProgress, near: int | None
) -> Iterator[ConversationsPage]:
    """The pages of an interval, and all of them again if they moved meanwhile."""
    reading.start_interval()
    drift = Drift()
    yield from _read(cloud, interval, page_size, reading, drift, near)
    if not drift.happened:
        return
    _log.info("Pages of the details of %s moved while they were read: they are read once more.", interval)
    reading.rereads += 1
    second_drift = Drift()
    yield from _read(cloud, interval, page_size, reading, second_drift, near)
    reading.moved_again |= second_drift.happened


def _read(
    cloud: GenesysCloud,
    interval: Interval,
    page_size: int,
    reading: FetchProgress,
    drift: Drift,
    near: int | None = None,
) -> Iterator[ConversationsPage]:
    """The pages of an interval. If the platform cannot answer for all of it at once, the pages of its halves. If a page
    is too large, smaller ones from there on.
    """
    reached = interval.start
    try:
        for answer in _read_at_once(cloud, interval, page_size, reading, drift, near):
            yield answer.page
            if answer.ascends and answer.latest is not None:
                reached = max(reached, answer.latest)
        return
    except _TooManyResults:
        rest = interval
    except AnswerTooLarge as error:
        rest, less = Interval(min(reached, interval.end - MILLISECOND), interval.end), smaller(page_size)
        if not less:
            raise
        _log.info("Pages of %d conversations are too large (%s). Continuing with pages of %d.", page_size, error, less)
        reading.split_interval(interval, rest)
        yield from _read(cloud, rest, less, reading, drift)
        return
    except ServerTrouble as error:
        rest = Interval(reached, interval.end)
        if isinstance(error, CircuitOpen) or error.status not in (500, 504) or not _can_be_halved(rest):
            raise
    reading.split_interval(interval, rest)
    for half in rest.halves():
        yield from _read(cloud, half, page_size, reading, drift)


def _can_be_halved(interval: Interval) -> bool:
    return len(interval.days()) > 1 or interval.duration >= 2 * SHORTEST_PIECE


def _read_at_once(
    cloud: GenesysCloud, interval: Interval, page_size: int, reading: FetchProgress, drift: Drift, near: int | None
) -> Iterator[NumberedPage]:
    """The pages of an interval of at most 7 days, in ascending order and, if that does not reach all, in descending
    order too.
    """
    ascending = PagedQuery(cloud, interval, page_size, "asc")
    first = ascending.begin(near or 1)
    total = ascending.total(first)
    # The answer for a day without conversations has neither rows nor a total.
    reading.note_total(interval, 0 if first.total is None and not first.rows else first.total)
    if total > ascending.reach and len(interval.days()) > 1:
        raise _TooManyResults
    # Within a day, shorter intervals do not help: the query answers for whole days. Reading from both ends does.
    descending = PagedQuery(cloud, interval, page_size, "desc")
    if total > 2 * ascending.reach:
        early, late = ascending.answer(ascending.last_page), descending.answer(descending.last_page)
        if _leaves_a_gap(early, late, interval):
            raise _beyond_reach(interval, total, 2 * ascending.reach)
    if (yield from ascending.walk(interval, total, reading, drift, near=near)):
        return
    rest = Interval(max(ascending.latest_read or interval.start, interval.start), interval.end)
    if not (yield from descending.walk(rest, total, reading, drift, before=ascending.reach)):
        raise _beyond_reach(interval, total, 2 * ascending.reach)


def _leaves_a_gap(early: NumberedPage, late: NumberedPage, interval: Interval) -> bool:
    """Whether part of the interval is reached from neither end of the day."""
    if early.latest is None or late.earliest is None:
        return False
    return max(early.latest, interval.start) < min(late.earliest, interval.end)


def _beyond_reach(interval: Interval, total: int, reach: int) -> TooLarge:
    return TooLarge(
        f"About {total:,} conversations started on {interval.start:%Y-%m-%d}, and the details query reaches"
        f" {reach:,} a day at most. Use a details job for this day."
    )


class _TooManyResults(Exception):
    """An interval of several days has more results than the query reaches."""
