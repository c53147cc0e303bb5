"""Fetches the aggregates of many spans of time by few requests: each asks for a window of several spans, and its answer
is divided into them.

This module decides how large the windows are, and which bucket of an answer belongs to which span. `queries` builds the
queries, `aggregates` sends one; the assets know which spans are partitions.
"""

from __future__ import annotations

import json
import logging
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from genesys_assets.cloud.analytics import aggregates
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.analytics.queries import AggregateQuery, time_zone_of
from genesys_assets.cloud.errors import BadRequest, CircuitOpen, GenesysCloudError, ServerTrouble, TooLarge
from genesys_assets.cloud.http.page import Page, as_text
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.spans import MILLISECOND

LARGE_ANSWER = 16 << 20
"""Bytes. After a larger answer the windows are halved: see `limits.TIMES_PARSED`."""

_log = logging.getLogger(__name__)


def group_spans(
    spans: Sequence[Interval], longest: timedelta, time_zone: str | None = None
) -> Iterator[list[Interval]]:
    """The spans in windows, each for one request: adjoining spans that together are no longer than `longest`.

    A span in which clocks change is a window of its own. The platform heeds the UTC offset with which an interval is
    written, so all days of a window must have the same offset.
    """
    zone = time_zone_of(time_zone)
    window: list[Interval] = []
    for span in spans:
        if window:
            # A millisecond before the window, because clocks may change at midnight, just as the window begins.
            bounds = (window[0].start - MILLISECOND, window[0].end, span.start, span.end)
            together = span.end - window[0].start <= longest and span.start == window[-1].end
            if not together or len({bound.astimezone(zone).utcoffset() for bound in bounds}) > 1:
                yield window
                window = []
        window.append(span)
    if window:
        yield window


class WindowedQuestion:
    """One question about many spans; `over` makes the query for an interval. If a window is refused, it is halved, and
    the smaller size is kept for the rest of the run.
    """

    def __init__(self, cloud: GenesysCloud, over: Callable[[Interval], AggregateQuery]) -> None:
        self._cloud = cloud
        self._over = over
        self._most = sys.maxsize

    def pages(self, window: Sequence[Interval]) -> Iterator[Page]:
        """One page for each span of a window, in order: the answer, or the part of it with the buckets of the span,
        which may be none. Raises a GenesysCloudError if the platform refuses a single span.
        """
        done = 0
        while done < len(window):
            spans = window[done : done + self._most]
            try:
                pages = self._ask(spans)
            except (_CannotDivide, GenesysCloudError) as error:
                if len(spans) == 1 or not _may_be_too_much(error):
                    raise
                self._most = len(spans) // 2
                _log.warning("A window of %d partitions was refused (%s). Trying %d.", len(spans), error, self._most)
                continue
            yield from pages
            done += len(spans)

    def _ask(self, spans: Sequence[Interval]) -> list[Page]:
        page = aggregates.fetch(self._cloud, self._over(Interval(spans[0].start, spans[-1].end)))
        if len(spans) == 1:
            return [page.bare()]
        if len(page.body) > LARGE_ANSWER:
            self._most = max(1, len(spans) // 2)
        return divide(page, spans)


def divide(page: Page, spans: Sequence[Interval]) -> list[Page]:
    """Divides an answer for adjoining spans into one page for each span: an answer of the same shape with the buckets
    that begin in the span. Its request is that of the whole window, with the span added as `part`.
    """
    answer, starts = page.json(), [span.start for span in spans]
    positions: dict[str, int] = {}
    results: list[list[dict[str, Any]]] = [[] for _ in spans]
    for result in answer.get("results") or ():
        buckets: dict[int, list[Any]] = {}
        for bucket in _buckets(result):
            interval = _interval(bucket)
            if interval not in positions:
                positions[interval] = _position(interval, spans, starts)
            buckets.setdefault(positions[interval], []).append(bucket)
        for position, data in buckets.items():
            results[position].append({**result, "data": data})
    request = json.loads(page.request)
    return [
        replace(
            page,
            request=as_text({**request, "part": str(span)}),
            body=_encoded({**answer, "results": of_span}),
            content=None,
        )
        for span, of_span in zip(spans, results, strict=True)
    ]


def _position(interval: str, spans: Sequence[Interval], starts: list[datetime]) -> int:
    """The position of the span in which a bucket lies. Only in the last span may a bucket end after the span: today's
    span ends now.
    """
    try:
        start, end = (datetime.fromisoformat(bound) for bound in interval.split("/"))
        place = bisect_right(starts, start) - 1
        is_last = place == len(spans) - 1
        inside = place >= 0 and start < spans[place].end and (is_last or end <= spans[place].end)
    except (ValueError, TypeError):
        inside = False
    if not inside:
        raise _CannotDivide(f"The bucket {interval!r} lies in none of the requested spans.")
    return place


def _buckets(result: Any) -> list[Any]:
    data = result.get("data") if isinstance(result, dict) else ()
    if data is None:
        return []
    if not isinstance(data, list):
        raise _CannotDivide("The results are not groups with lists of buckets.")
    return data


def _interval(bucket: Any) -> str:
    interval = bucket.get("interval") if isinstance(bucket, dict) else None
    if not isinstance(interval, str):
        raise _CannotDivide("A bucket has no interval.")
    return interval


def _may_be_too_much(error: Exception) -> bool:
    """Whether a shorter window might be answered. The platform does not document how it refuses an interval that is too
    long, so any refusal counts. If the length is not the reason, the single span is refused as well.
    """
    match error:
        case CircuitOpen():
            return False
        case ServerTrouble(status=status):
            return status in (500, 504)
        case _:
            return isinstance(error, _CannotDivide | TooLarge | BadRequest)


def _encoded(answer: dict[str, Any]) -> bytes:
    try:
        return json.dumps(answer, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:
        raise _CannotDivide("A number is too large to be written again.") from None


class _CannotDivide(Exception):
    """The answer cannot be cut at the spans' bounds."""
