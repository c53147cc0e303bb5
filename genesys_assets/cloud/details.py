"""Conversations in full, by the details query: page after page, as they started.

Here is dealt with what the query does not do by itself: it answers with every conversation that started on
any UTC day the interval touches, reaches no further than 100,000 results, covers 7 days at most, and now and
then is too heavy to be answered. Bulk history belongs to details jobs. Rows outside the interval are dropped
in `tables`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import chain
from typing import Any

from genesys_assets.cloud.errors import CircuitOpen, ServerTrouble, TooLarge, UnexpectedAnswer
from genesys_assets.cloud.interval import MILLISECOND, Interval
from genesys_assets.cloud.page import Page
from genesys_assets.cloud.paging import list_in
from genesys_assets.cloud.queries import LARGEST_PAGE, LONGEST, MOST_RESULTS, DetailsQuery, Order
from genesys_assets.cloud.transport import GenesysCloud

PATH = "/api/v2/analytics/conversations/details/query"
SHORTEST_PIECE = timedelta(minutes=15)
# While a day is going on, conversations still come in, and those that come in late move all behind them to
# later pages. Pages asked for strictly one after the other then repeat rows, which does no harm; asked for at
# once or out of order they would miss some.
SETTLING = timedelta(hours=1)

OnProgress = Callable[[int, int, int], None]


def fetch(
    cloud: GenesysCloud,
    interval: Interval,
    *,
    page_size: int = LARGEST_PAGE,
    on_progress: OnProgress | None = None,
) -> Iterator[Page]:
    """Every page whose first to last start overlaps the interval, numbered from 1; none if there is none.

    A page may hold rows outside the interval, and pages may repeat rows: keep those inside, and the newest of
    each. Rows ascend by conversationStart, except where a day has more than 100,000: its later part comes in
    descending order. `on_progress(pages done, pages expected, total hits)` hears of each page; the last two
    are estimates.

    From `POST /api/v2/analytics/conversations/details/query`. Raises InvalidQuery for an interval that
    reaches into the future, TooLarge where not all conversations can be reached, UnexpectedAnswer, or any
    other GenesysCloudError.
    """
    interval.in_the_past(cloud.now())
    DetailsQuery(interval=interval.days()[0], page_size=page_size)
    progress = _Progress(on_progress)
    pieces = interval.days(LONGEST.days)
    pages = chain.from_iterable(_read(cloud, piece, page_size, progress) for piece in pieces)
    return (replace(page, number=number) for number, page in enumerate(pages, start=1))


def first_and_last_start(page: Page) -> tuple[datetime, datetime] | None:
    """The earliest and the latest conversationStart on a page; None if no row has a sound one."""
    return _span(list_in(page, "conversations"))


def _read(cloud: GenesysCloud, interval: Interval, page_size: int, progress: _Progress) -> Iterator[Page]:
    """The pages of an interval; where the platform cannot answer for all at once, those of its halves."""
    reached = interval.start
    try:
        for answer in _read_at_once(cloud, interval, page_size, progress):
            yield answer.page
            if answer.ascends and answer.latest is not None:
                reached = max(reached, answer.latest)
        return
    except _Crowded:
        rest = interval
    except ServerTrouble as error:
        rest = Interval(reached, interval.end)
        if isinstance(error, CircuitOpen) or error.status not in (500, 504) or not _can_be_halved(rest):
            raise
    for half in rest.halves():
        yield from _read(cloud, half, page_size, progress)


def _can_be_halved(interval: Interval) -> bool:
    return len(interval.days()) > 1 or interval.duration >= 2 * SHORTEST_PIECE


def _read_at_once(cloud: GenesysCloud, interval: Interval, page_size: int, progress: _Progress) -> Iterator[_Answer]:
    """The pages of an interval of at most 7 days, from its early end and, if need be, its late one."""
    ascending = _Query(cloud, interval, page_size, "asc")
    total = ascending.total()
    if total > ascending.reach and len(interval.days()) > 1:
        raise _Crowded
    # Within a day shorter intervals do not help, as the query answers for whole days. Both ends do.
    descending = _Query(cloud, interval, page_size, "desc")
    if total > 2 * ascending.reach:
        early, late = ascending.answer(ascending.furthest), descending.answer(descending.furthest)
        if _leaves_a_gap(early, late, interval):
            raise _beyond_reach(interval, total, 2 * ascending.reach)
    if (yield from ascending.walk(interval, total, progress)):
        return
    rest = Interval(max(ascending.reached or interval.start, interval.start), interval.end)
    if not (yield from descending.walk(rest, total, progress, read_before=ascending.reach)):
        raise _beyond_reach(interval, total, 2 * ascending.reach)


def _leaves_a_gap(early: _Answer, late: _Answer, interval: Interval) -> bool:
    """Whether part of the interval lies between what is reached from the two ends of the day."""
    if early.latest is None or late.earliest is None:
        return False
    return max(early.latest, interval.start) < min(late.earliest, interval.end)


def _beyond_reach(interval: Interval, total: int, reach: int) -> TooLarge:
    return TooLarge(
        f"About {total:,} conversations started on {interval.start:%Y-%m-%d}, and the details query reaches"
        f" {reach:,} a day at most. Use a details job for this day."
    )


class _Crowded(Exception):
    """More results than the query reaches, on several days."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What paging needs to know of one page."""

    page: Page
    number: int
    rows: int
    total: int | None
    ascends: bool
    earliest: datetime | None
    latest: datetime | None

    def outside(self, interval: Interval) -> bool:
        return (self.latest is not None and self.latest < interval.start) or (
            self.earliest is not None and self.earliest >= interval.end
        )


class _Query:
    """One details query in one order, and those few of its answers that a search has seen."""

    def __init__(self, cloud: GenesysCloud, interval: Interval, page_size: int, order: Order) -> None:
        self._cloud = cloud
        self._interval = interval
        self._page_size = page_size
        self._order = order
        self._settled = cloud.now() >= _midnight_after(interval) + SETTLING
        self._seen: dict[int, _Answer] = {}
        self.furthest = MOST_RESULTS // page_size
        self.reach = self.furthest * page_size
        self.reached: datetime | None = None

    def total(self) -> int:
        """How many results the platform has, or thinks it has."""
        first = self.answer(1)
        if first.rows == 0:
            self._must_be_the_end(first, 0)
        return max(first.total or 0, first.rows)

    def answer(self, number: int) -> _Answer:
        """A page asked for while searching, remembered."""
        if number not in self._seen:
            self._seen[number] = self._ask(number)
        return self._seen[number]

    def walk(
        self, interval: Interval, total: int, progress: _Progress, *, read_before: int = 0
    ) -> Generator[_Answer, None, bool]:
        """The pages with a conversation of the interval, out of `total` results, in this query's order.

        Returns whether that is all, given how many results were read from the other end before. If not,
        there may be more behind the last page that may be asked for.
        """
        pages = min(-(-total // self._page_size), self.furthest)
        first, last = 1, pages
        if not _is_whole_days(interval):
            first = self._search(1, pages, lambda answer: not self._before(answer, interval))
            last = self._search(first, pages, lambda answer: self._ends(answer, interval))
        kept = range(first, last + 1) if self._settled else range(1, 2)
        self._seen = {number: seen for number, seen in self._seen.items() if number in kept}
        progress.expect(last - first + 1, total)
        for answer in self._from(first, last):
            if answer.rows == 0:
                self._must_be_the_end(answer, total)
                return True
            self.reached = answer.latest or self.reached
            total = max(total, answer.total or 0)
            if not answer.outside(interval):
                progress.advance()
                yield answer
            if self._ends(answer, interval) or (answer.rows < self._page_size and answer.number >= pages):
                return True
        return total <= self.reach + read_before

    def _from(self, first: int, last: int) -> Iterator[_Answer]:
        """Settled pages ahead of their use up to the last one expected; any others one by one."""
        first_beyond = min(max(first, last + 1) if self._settled else first, self.furthest + 1)
        ahead = self._cloud.map_in_order(self._ask_unless_seen, range(first, first_beyond))
        beyond = map(self._ask_unless_seen, range(first_beyond, self.furthest + 1))
        return chain(ahead, beyond)

    def _search(self, low: int, high: int, reached: Callable[[_Answer], bool]) -> int:
        """The first page from `low` on that is `reached`, or `high`; many pages may lie before it."""
        while low < high:
            for number, seen in self._seen.items():
                if low <= number <= high:
                    low, high = (low, number) if reached(seen) else (number + 1, high)
            if low < high:
                self.answer((low + high) // 2)
        return low

    def _before(self, answer: _Answer, interval: Interval) -> bool:
        if answer.earliest is None or answer.latest is None:
            return False
        return answer.latest < interval.start if self._order == "asc" else answer.earliest >= interval.end

    def _ends(self, answer: _Answer, interval: Interval) -> bool:
        """Whether nothing of the interval can follow; rows of the very same start may be spread over two
        pages.
        """
        if answer.earliest is None or answer.latest is None:
            return False
        return answer.latest >= interval.end if self._order == "asc" else answer.earliest < interval.start

    def _must_be_the_end(self, answer: _Answer, total: int) -> None:
        """A page without conversations is the end, unless the platform itself says that there are more."""
        hits = total if answer.total is None else answer.total
        tolerated = 0 if answer.number == 1 else answer.number * self._page_size
        if hits > tolerated:
            raise UnexpectedAnswer(
                f"Page {answer.number} of the details of {self._interval} came without conversations,"
                f" though there are {hits:,}. Nothing of it is used; ask again later.",
                correlation_id=answer.page.correlation_id,
            )

    def _ask_unless_seen(self, number: int) -> _Answer:
        return self._seen.pop(number, None) or self._ask(number)

    def _ask(self, number: int) -> _Answer:
        query = DetailsQuery(interval=self._interval, page_number=number, page_size=self._page_size, order=self._order)
        page = self._cloud.post(PATH, query.body())
        rows = list_in(page, "conversations")
        total = page.json().get("totalHits")
        earliest, latest = _span(rows) or (None, None)
        return _Answer(
            page=page,
            number=number,
            rows=len(rows),
            total=total if isinstance(total, int) else None,
            ascends=self._order == "asc",
            earliest=earliest,
            latest=latest,
        )


def _midnight_after(interval: Interval) -> datetime:
    last_day = (interval.end - MILLISECOND).date()
    return datetime.combine(last_day, time(), UTC) + timedelta(days=1)


def _is_whole_days(interval: Interval) -> bool:
    return all(instant.time() == time() for instant in (interval.start, interval.end))


class _Progress:
    """Pages done and expected, over all queries of one fetch."""

    def __init__(self, tell: OnProgress | None) -> None:
        self._tell = tell
        self._done = self._expected = self._total = 0

    def expect(self, pages: int, total: int) -> None:
        self._expected = self._done + max(0, pages)
        self._total = total

    def advance(self) -> None:
        self._done += 1
        self._expected = max(self._expected, self._done)
        if self._tell is not None:
            self._tell(self._done, self._expected, self._total)


def _span(rows: list[Any]) -> tuple[datetime, datetime] | None:
    starts = [start for row in rows if (start := _start(row)) is not None]
    return (min(starts), max(starts)) if starts else None


def _start(row: Any) -> datetime | None:
    written = row.get("conversationStart") if isinstance(row, dict) else None
    try:
        start = datetime.fromisoformat(written) if isinstance(written, str) else None
    except ValueError:
        return None
    return start if start is None or start.tzinfo else start.replace(tzinfo=UTC)
