"""An archive of conversations that answers the details query as the platform does, for the scripted platform."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from genesys_assets.cloud.analytics.conversations import ConversationsPage
from genesys_assets.cloud.analytics.interval import Interval, iso
from genesys_assets.cloud.http.page import Page
from genesys_assets_tests.cloud.platform import Reply, Request

MIDNIGHT = datetime(2026, 1, 31, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = Interval(MIDNIGHT, MIDNIGHT + timedelta(days=1))


def hours(first: float, last: float) -> Interval:
    return Interval(MIDNIGHT + timedelta(hours=first), MIDNIGHT + timedelta(hours=last))


class Archive:
    """Conversations, and answers about them as the platform gives."""

    def __init__(self, starts: list[datetime], *, limit: int = 100_000) -> None:
        self.rows = [
            {"conversationId": f"c{number}", "conversationStart": iso(start)}
            for number, start in enumerate(sorted(starts))
        ]
        self.limit = limit
        self.failing: Callable[[Interval, int], Reply | None] = lambda interval, number: None
        self.intervals: list[Interval] = []

    def __call__(self, request: Request) -> Reply:
        query = request.json()
        interval = Interval.parse(query["interval"])
        size, number = query["paging"]["pageSize"], query["paging"]["pageNumber"]
        self.intervals.append(interval)
        failure = self.failing(interval, number)
        if failure is not None:
            return failure
        if size * number > self.limit:
            return Reply(400, {"message": f"Pagination may not exceed {self.limit} results."})
        days = {interval.start.date(), *(piece.start.date() for piece in interval.days())}
        rows = [row for row in self.rows if datetime.fromisoformat(row["conversationStart"]).date() in days]
        if query["order"] == "desc":
            rows.reverse()
        shown = rows[(number - 1) * size : number * size]
        body: dict[str, Any] = {"totalHits": len(rows)}
        if shown:
            body["conversations"] = shown
        return Reply(body=body)

    def within(self, interval: Interval) -> set[str]:
        return {
            row["conversationId"] for row in self.rows if datetime.fromisoformat(row["conversationStart"]) in interval
        }


def spread(number: int, interval: Interval = DAY, seed: int = 1) -> list[datetime]:
    drawn = random.Random(seed)
    milliseconds = interval.duration // timedelta(milliseconds=1)
    return [interval.start + timedelta(milliseconds=drawn.randrange(milliseconds)) for _ in range(number)]


def ids(pages: Sequence[Page]) -> list[str]:
    return [row["conversationId"] for page in pages for row in page.json()["conversations"]]


def holds_all(archive: Archive, interval: Interval, pages: Sequence[ConversationsPage]) -> None:
    assert archive.within(interval) <= set(ids(pages))
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert page.span is not None
        assert page.span[0] < interval.end
        assert page.span[1] >= interval.start
