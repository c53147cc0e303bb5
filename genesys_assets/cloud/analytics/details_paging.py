"""The pages of one details query in one order: which of them an interval needs, and when they end.

`details` splits an interval into queries and puts their pages together.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import chain

from genesys_assets.cloud.analytics.conversations import ConversationsPage, starts, with_facts
from genesys_assets.cloud.analytics.fetch_progress import Drift, FetchProgress
from genesys_assets.cloud.analytics.interval import Interval, iso
from genesys_assets.cloud.analytics.queries import MOST_RESULTS, DetailsQuery, Order
from genesys_assets.cloud.errors import TooLarge, UnexpectedAnswer
from genesys_assets.cloud.http.parsing import read_count
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.spans import MILLISECOND

PATH = "/api/v2/analytics/conversations/details/query"
# How long after the end of a day its pages may still move. A conversation that the platform adds late moves all later
# ones towards later pages. Pages that are requested strictly one after another then repeat rows, which does no harm;
# requested in parallel or out of order, they would miss rows.
SETTLING = timedelta(hours=1)
# A larger total is taken for nonsense: no organisation has so many conversations in a week.
MOST_HITS = 10**12
_REVERSED: dict[Order, Order] = {"asc": "desc", "desc": "asc"}


def is_whole_days(interval: Interval) -> bool:
    return all(instant.time() == time() for instant in (interval.start, interval.end))


@dataclass(frozen=True, slots=True)
class NumberedPage:
    """What paging needs to know of one page."""

    page: ConversationsPage
    number: int
    total: int | None
    ascends: bool

    @property
    def rows(self) -> int:
        return self.page.rows

    @property
    def earliest(self) -> datetime | None:
        return self.page.span[0] if self.page.span else None

    @property
    def latest(self) -> datetime | None:
        return self.page.span[1] if self.page.span else None

    def holds(self, instant: datetime) -> bool:
        """Whether some rows of the page began before the instant, and others at it or later."""
        return self.earliest is not None and self.latest is not None and self.earliest < instant <= self.latest

    def outside(self, interval: Interval) -> bool:
        return (self.latest is not None and self.latest < interval.start) or (
            self.earliest is not None and self.earliest >= interval.end
        )


class PagedQuery:
    """One details query in one order. `last_page` is the number of the last page that the platform gives, `reach` the
    number of results up to there, `latest_read` the latest start that `walk` has read.
    """

    def __init__(self, cloud: GenesysCloud, interval: Interval, page_size: int, order: Order) -> None:
        self._cloud = cloud
        self._interval = interval
        self._page_size = page_size
        self._order = order
        self._settled = cloud.now() >= _midnight_after(interval) + SETTLING
        self._seen: dict[int, NumberedPage] = {}
        self.last_page = MOST_RESULTS // page_size
        self.reach = self.last_page * page_size
        self.latest_read: datetime | None = None

    def begin(self, near: int = 1) -> NumberedPage:
        """The first answer: page `near`, or page 1 if that one is empty."""
        answer = self.answer(min(near, self.last_page))
        if answer.rows == 0 and answer.number > 1:
            answer = self.answer(1)
        if answer.rows == 0:
            self._require_end(answer, 0)
        return answer

    def total(self, first: NumberedPage) -> int:
        """How many results the query has, by the platform's estimate and by the first answer's position."""
        return max(first.total or 0, (first.number - 1) * self._page_size + first.rows)

    def answer(self, number: int) -> NumberedPage:
        """A page. It is remembered, because searches look at a page several times."""
        if number not in self._seen:
            self._seen[number] = self._ask(number)
        return self._seen[number]

    def newest_start(self) -> datetime | None:
        """The latest start within the interval. The query must be in descending order. Raises TooLarge if more
        conversations began after the interval than the query reaches.
        """
        first = self.begin()
        pages = min(-(-self.total(first) // self._page_size), self.last_page)
        page_number = self._search(1, pages, self._interval.end, None, unknown=True)
        for answer in map(self.answer, range(page_number, self.last_page + 1)):
            inside = [start for start in starts(answer.page) if start in self._interval]
            if inside:
                return max(inside)
            if answer.rows < self._page_size or self._ends(answer, self._interval):
                return None
        raise TooLarge(
            f"{self.reach:,} conversations or more began after {iso(self._interval.end)} on the same day, and the"
            " details query does not reach the ones before."
        )

    def walk(
        self,
        interval: Interval,
        total: int,
        reading: FetchProgress,
        drift: Drift,
        *,
        near: int | None = None,
        before: int = 0,
    ) -> Generator[NumberedPage, None, bool]:
        """The pages with a conversation of the interval, out of `total` results, in this query's order. The search for
        the first one begins at the page `near`.

        Returns whether all results were read, given that `before` results were read from the other end. If not, there
        may be more after the last page that the platform gives.
        """
        pages = min(-(-total // self._page_size), self.last_page)
        first, last = 1, pages
        if not is_whole_days(interval):
            ascends = self._order == "asc"
            begin, end = (interval.start, interval.end) if ascends else (interval.end, interval.start)
            first = self._search(1, pages, begin, near, unknown=True)
            # Pages of a day that is not over are requested one by one, until one of them is the last.
            last = self._search(first, pages, end, first, unknown=False) if self._settled else pages
        needed = range(first, last + 1) if self._settled else range(first, first + 1)
        self._seen = {number: answer for number, answer in self._seen.items() if number in needed}
        reading.expect_pages(last - first + 1)
        drift.begin()
        for answer in self._from(first, last):
            if answer.rows == 0:
                self._require_end(answer, total)
                return True
            self.latest_read = answer.latest or self.latest_read
            total = max(total, answer.total or 0)
            reading.note_total(self._interval, answer.total)
            drift.note(answer.page.ids, answer.total, in_order=not self._settled)
            if not answer.outside(interval):
                reading.add_page(answer.page.ids, total)
                yield answer
            if self._ends(answer, interval) or (answer.rows < self._page_size and answer.number >= pages):
                return True
        return total <= self.reach + before

    def _from(self, first: int, last: int) -> Iterator[NumberedPage]:
        """Answers from a page on: settled pages in parallel up to the last expected one, all others one by one."""
        first_beyond = min(max(first, last + 1) if self._settled else first, self.last_page + 1)
        ahead = self._cloud.map_in_order(self._ask_unless_seen, range(first, first_beyond))
        beyond = map(self._ask_unless_seen, range(first_beyond, self.last_page + 1))
        return chain(ahead, beyond)

    def _search(self, low: int, high: int, bound: datetime, near: int | None, *, unknown: bool) -> int:
        """The first page from `low` on that reaches the bound, or `high`. The search goes in growing steps from the
        page `near`, if one is given, then halves the range. `unknown` says whether a page without starts reaches the
        bound.
        """
        step = 0
        low, high = self._narrowed(low, high, bound, unknown)
        while low < high:
            number = (low + high) // 2 if near is None else min(max(near, low), high - 1)
            self.answer(number)
            low, high = self._narrowed(low, high, bound, unknown)
            if near is not None:
                direction = 1 if low > number else -1
                step = 2 * step or direction
                near = number + step if step * direction > 0 else None
        return low

    def _narrowed(self, low: int, high: int, bound: datetime, unknown: bool) -> tuple[int, int]:
        """The narrower range in which the first page that reaches the bound must lie, by the pages seen so far."""
        for number, answer in self._seen.items():
            if low <= number <= high:
                if not self._reaches(answer, bound, unknown):
                    low = min(number + 1, high)
                elif answer.holds(bound):
                    low = high = number
                else:
                    high = number
        return low, high

    def _reaches(self, answer: NumberedPage, bound: datetime, unknown: bool) -> bool:
        if answer.earliest is None or answer.latest is None:
            return unknown
        return answer.latest >= bound if self._order == "asc" else answer.earliest < bound

    def _ends(self, answer: NumberedPage, interval: Interval) -> bool:
        """Whether no row of the interval can follow this page. Rows with the same start may be on two pages."""
        return self._reaches(answer, interval.end if self._order == "asc" else interval.start, unknown=False)

    def _require_end(self, answer: NumberedPage, total: int) -> None:
        """Raises UnexpectedAnswer if a page without conversations is not the end. The platform's total is an estimate:
        if it exceeds the pages before this one, the query in reverse order decides.
        """
        hits = total if answer.total is None else answer.total
        if hits > (answer.number - 1) * self._page_size and not self._ends_before(answer.number):
            raise UnexpectedAnswer(
                f"Page {answer.number} of the details of {self._interval} came without conversations,"
                f" though there are {hits:,}. Nothing of it is used. Retry later.",
                correlation_id=answer.page.correlation_id,
            )

    def _ends_before(self, number: int) -> bool:
        """Whether the last conversation of the interval is on the page before. In reverse order it comes first, after
        those that began after the interval.
        """
        if number == 1:
            return False
        other = PagedQuery(self._cloud, self._interval, self._page_size, _REVERSED[self._order]).answer(1)
        before = self.answer(number - 1)
        if self._order == "asc":
            of_interval = [start for start in starts(other.page) if start < self._interval.end]
            return bool(of_interval) and before.latest is not None and max(of_interval) <= before.latest
        of_interval = [start for start in starts(other.page) if start >= self._interval.start]
        return bool(of_interval) and before.earliest is not None and before.earliest <= min(of_interval)

    def _ask_unless_seen(self, number: int) -> NumberedPage:
        return self._seen.pop(number, None) or self._ask(number)

    def _ask(self, number: int) -> NumberedPage:
        query = DetailsQuery(interval=self._interval, page_number=number, page_size=self._page_size, order=self._order)
        page = self._cloud.post(PATH, query.body())
        total = read_count(page.json().get("totalHits"))
        return NumberedPage(
            page=with_facts(page, ConversationsPage),
            number=number,
            total=total if total is not None and total <= MOST_HITS else None,
            ascends=self._order == "asc",
        )


def _midnight_after(interval: Interval) -> datetime:
    last_day = (interval.end - MILLISECOND).date()
    return datetime.combine(last_day, time(), UTC) + timedelta(days=1)
