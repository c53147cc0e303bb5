"""The pages of one details query: which of them an interval needs, and when they end.

Here one query in one order is paged through. Splitting an interval into queries, and putting them together, is
told in `details`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import chain
from typing import Any

from genesys_assets.cloud.errors import UnexpectedAnswer
from genesys_assets.cloud.interval import MILLISECOND, Interval
from genesys_assets.cloud.page import Page
from genesys_assets.cloud.paging import list_in
from genesys_assets.cloud.queries import MOST_RESULTS, DetailsQuery, Order
from genesys_assets.cloud.reading import Drift, Reading
from genesys_assets.cloud.transport import GenesysCloud

PATH = "/api/v2/analytics/conversations/details/query"
# While a day is going on, conversations still come in, and those that come in late move all behind them to
# later pages. Pages asked for strictly one after the other then repeat rows, which does no harm; asked for at
# once or out of order they would miss some.
SETTLING = timedelta(hours=1)
_REVERSED: dict[Order, Order] = {"asc": "desc", "desc": "asc"}


def span(rows: list[Any]) -> tuple[datetime, datetime] | None:
    """The earliest and the latest conversationStart among rows; None if none has a sound one."""
    starts = [start for row in rows if (start := _start(row)) is not None]
    return (min(starts), max(starts)) if starts else None


def is_whole_days(interval: Interval) -> bool:
    return all(instant.time() == time() for instant in (interval.start, interval.end))


@dataclass(frozen=True, slots=True)
class Answer:
    """What paging needs to know of one page."""

    page: Page
    number: int
    rows: int
    ids: tuple[str, ...]
    total: int | None
    ascends: bool
    earliest: datetime | None
    latest: datetime | None

    def outside(self, interval: Interval) -> bool:
        return (self.latest is not None and self.latest < interval.start) or (
            self.earliest is not None and self.earliest >= interval.end
        )


class PagedQuery:
    """One details query in one order, and those few of its answers that a search has seen."""

    def __init__(self, cloud: GenesysCloud, interval: Interval, page_size: int, order: Order) -> None:
        self._cloud = cloud
        self._interval = interval
        self._page_size = page_size
        self._order = order
        self._settled = cloud.now() >= _midnight_after(interval) + SETTLING
        self._seen: dict[int, Answer] = {}
        self.furthest = MOST_RESULTS // page_size
        self.reach = self.furthest * page_size
        self.reached: datetime | None = None

    def total(self) -> int:
        """How many results the platform has, or thinks it has."""
        first = self.answer(1)
        if first.rows == 0:
            self._must_be_the_end(first, 0)
        return max(first.total or 0, first.rows)

    def answer(self, number: int) -> Answer:
        """A page asked for while searching, remembered."""
        if number not in self._seen:
            self._seen[number] = self._ask(number)
        return self._seen[number]

    def walk(
        self, interval: Interval, total: int, reading: Reading, drift: Drift, *, read_before: int = 0
    ) -> Generator[Answer, None, bool]:
        """The pages with a conversation of the interval, out of `total` results, in this query's order.

        Returns whether that is all, given how many results were read from the other end before. If not,
        there may be more behind the last page that may be asked for.
        """
        pages = min(-(-total // self._page_size), self.furthest)
        first, last = 1, pages
        if not is_whole_days(interval):
            first = self._search(1, pages, lambda answer: not self._before(answer, interval))
            last = self._search(first, pages, lambda answer: self._ends(answer, interval))
        kept = range(first, last + 1) if self._settled else range(1, 2)
        self._seen = {number: seen for number, seen in self._seen.items() if number in kept}
        reading.expect(last - first + 1)
        drift.begin()
        for answer in self._from(first, last):
            if answer.rows == 0:
                self._must_be_the_end(answer, total)
                return True
            self.reached = answer.latest or self.reached
            total = max(total, answer.total or 0)
            reading.hear(self._interval, answer.total)
            drift.note(answer.ids, answer.total, in_order=not self._settled)
            if not answer.outside(interval):
                reading.take(answer.ids, total)
                yield answer
            if self._ends(answer, interval) or (answer.rows < self._page_size and answer.number >= pages):
                return True
        return total <= self.reach + read_before

    def _from(self, first: int, last: int) -> Iterator[Answer]:
        """Settled pages ahead of their use up to the last one expected; any others one by one."""
        first_beyond = min(max(first, last + 1) if self._settled else first, self.furthest + 1)
        ahead = self._cloud.map_in_order(self._ask_unless_seen, range(first, first_beyond))
        beyond = map(self._ask_unless_seen, range(first_beyond, self.furthest + 1))
        return chain(ahead, beyond)

    def _search(self, low: int, high: int, reached: Callable[[Answer], bool]) -> int:
        """The first page from `low` on that is `reached`, or `high`; many pages may lie before it."""
        while low < high:
            for number, seen in self._seen.items():
                if low <= number <= high:
                    low, high = (low, number) if reached(seen) else (number + 1, high)
            if low < high:
                self.answer((low + high) // 2)
        return low

    def _before(self, answer: Answer, interval: Interval) -> bool:
        if answer.earliest is None or answer.latest is None:
            return False
        return answer.latest < interval.start if self._order == "asc" else answer.earliest >= interval.end

    def _ends(self, answer: Answer, interval: Interval) -> bool:
        """Whether nothing of the interval can follow; rows of the very same start may be spread over two
        pages.
        """
        if answer.earliest is None or answer.latest is None:
            return False
        return answer.latest >= interval.end if self._order == "asc" else answer.earliest < interval.start

    def _must_be_the_end(self, answer: Answer, total: int) -> None:
        """A page without conversations is the end, unless the platform says that there are more. That is an estimate:
        where it exceeds the pages before, the other end must have nothing behind them either.
        """
        hits = total if answer.total is None else answer.total
        if hits > (answer.number - 1) * self._page_size and not self._ends_before(answer.number):
            raise UnexpectedAnswer(
                f"Page {answer.number} of the details of {self._interval} came without conversations,"
                f" though there are {hits:,}. Nothing of it is used; ask again later.",
                correlation_id=answer.page.correlation_id,
            )

    def _ends_before(self, number: int) -> bool:
        """Whether the last conversation of the interval stands on the page before. From the other end it comes first,
        but for those that began after the interval.
        """
        if number == 1:
            return False
        other = PagedQuery(self._cloud, self._interval, self._page_size, _REVERSED[self._order]).answer(1)
        starts = [start for row in list_in(other.page, "conversations") if (start := _start(row)) is not None]
        before = self.answer(number - 1)
        if self._order == "asc":
            of_interval = [start for start in starts if start < self._interval.end]
            return bool(of_interval) and before.latest is not None and max(of_interval) <= before.latest
        of_interval = [start for start in starts if start >= self._interval.start]
        return bool(of_interval) and before.earliest is not None and before.earliest <= min(of_interval)

    def _ask_unless_seen(self, number: int) -> Answer:
        return self._seen.pop(number, None) or self._ask(number)

    def _ask(self, number: int) -> Answer:
        query = DetailsQuery(interval=self._interval, page_number=number, page_size=self._page_size, order=self._order)
        page = self._cloud.post(PATH, query.body())
        rows = list_in(page, "conversations")
        total = page.json().get("totalHits")
        earliest, latest = span(rows) or (None, None)
        return Answer(
            page=page,
            number=number,
            rows=len(rows),
            ids=_ids(rows),
            total=total if isinstance(total, int) else None,
            ascends=self._order == "asc",
            earliest=earliest,
            latest=latest,
        )


def _midnight_after(interval: Interval) -> datetime:
    last_day = (interval.end - MILLISECOND).date()
    return datetime.combine(last_day, time(), UTC) + timedelta(days=1)


def _ids(rows: list[Any]) -> tuple[str, ...]:
    ids = (row.get("conversationId") for row in rows if isinstance(row, dict))
    return tuple(conversation_id for conversation_id in ids if isinstance(conversation_id, str))


def _start(row: Any) -> datetime | None:
    written = row.get("conversationStart") if isinstance(row, dict) else None
    try:
        start = datetime.fromisoformat(written) if isinstance(written, str) else None
    except ValueError:
        return None
    return start if start is None or start.tzinfo else start.replace(tzinfo=UTC)
