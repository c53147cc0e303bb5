"""Checks whether an empty page of a details job hides missing conversations.

An empty page is harmless in itself. But a page that lost its conversations looks the same, and the lost ones would
count as deleted. So the details query is asked whether it knows conversations that belong on the page. Its total does
not help, because it is an estimate.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime

from genesys_assets.cloud.analytics import details
from genesys_assets.cloud.analytics.interval import Interval, iso
from genesys_assets.cloud.errors import AnswerTooLarge, TooLarge, UnexpectedAnswer
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs.endpoints import JobPage
from genesys_assets.spans import MILLISECOND

_log = logging.getLogger(__name__)


def without_gaps(cloud: GenesysCloud, interval: Interval, pages: Iterable[JobPage]) -> Iterator[JobPage]:
    """Yields the pages of the interval's job, which ascend by conversationStart, after checking the empty ones.

    Raises UnexpectedAnswer if the details query knows conversations of the interval that belong on empty pages: those
    that began between the conversations before and after these pages, or after the last conversation. Conversations
    that began before the interval, or after the instant up to which the job has all data, are not compared. A gap that
    is too long for the details query is not compared either; a warning is logged. Without empty pages no request is
    sent. An answer that is too large to be read raises AnswerTooLarge.
    """
    latest: datetime | None = None
    empty: JobPage | None = None
    for page in pages:
        if not page.rows:
            empty = empty or page
            if not page.continues:
                _require_nothing_between(cloud, interval, empty, latest, interval.end)
        elif page.span is not None:
            if empty is not None:
                _require_nothing_between(cloud, interval, empty, latest, page.span[0])
            empty = None
            latest = page.span[1] if latest is None else max(latest, page.span[1])
        yield page


def _require_nothing_between(
    cloud: GenesysCloud, interval: Interval, page: JobPage, latest: datetime | None, until: datetime
) -> None:
    """Raises UnexpectedAnswer if the details query knows a conversation that began after `latest`, before `until`."""
    start = interval.start if latest is None else max(interval.start, latest + MILLISECOND)
    end = min(interval.end, until, page.available_through or interval.end)
    newest = _newest_start(cloud, Interval(start, end)) if start < end else None
    if newest is not None:
        raise UnexpectedAnswer(
            f"Page {page.number} of the details job of {interval} came without conversations, though the details query"
            f" knows one that began at {iso(newest)}. Nothing of the job is used. Retry later.",
            correlation_id=page.correlation_id,
        )


def _newest_start(cloud: GenesysCloud, gap: Interval) -> datetime | None:
    try:
        return details.newest_start(cloud, gap)
    except AnswerTooLarge:
        raise
    except TooLarge as error:
        _log.warning("An empty page of a details job cannot be compared with the details query. %s", error)
        return None
