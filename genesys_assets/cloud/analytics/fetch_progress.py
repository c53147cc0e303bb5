"""Records how complete a fetch of details is: what was expected, what arrived, and whether pages moved meanwhile.

`details` decides whether to read once more; checks decide which difference is tolerable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.spans import MILLISECOND

OnProgress = Callable[[int, int, int], None]


@dataclass(slots=True)
class FetchProgress:
    """The figures of one fetch; final once its last page was taken. `pages` counts the pages so far, `pages_expected`
    estimates their final number. `conversations` counts the distinct ids on them, `repeated` the repeated rows.
    `rereads` counts how often pages had moved and were read once more; `moved_again`: they moved even then.
    `whole_days`: the interval consists of whole UTC days.
    """

    on_progress: OnProgress | None = None
    pages: int = 0
    pages_expected: int = 0
    conversations: int = 0
    repeated: int = 0
    rereads: int = 0
    moved_again: bool = False
    whole_days: bool = False
    _totals: dict[tuple[date, date], tuple[int, int]] = field(default_factory=dict, repr=False)
    _totals_lost: bool = field(default=False, repr=False)
    _ids: set[str] = field(default_factory=set, repr=False)

    @property
    def total_hits_first(self) -> int | None:
        """The first `totalHits`, over all UTC days that the interval touches; None if unknown."""
        return None if self._totals_lost or not self._totals else sum(first for first, _ in self._totals.values())

    @property
    def total_hits_last(self) -> int | None:
        """The last `totalHits`, over all UTC days that the interval touches; None if unknown."""
        return None if self._totals_lost or not self._totals else sum(last for _, last in self._totals.values())

    @property
    def missing(self) -> int | None:
        """By how many `total_hits_last` exceeds the conversations read. None if no total is known, or if only a part of
        the days was read, because the total is that of whole days.
        """
        if not self.whole_days or self.total_hits_last is None:
            return None
        return max(0, self.total_hits_last - self.conversations)

    # -- called by `details` and `details_paging` ---------------------------------------------------------------------

    def start_interval(self) -> None:
        """Begins an interval of days that no other part of the fetch touches, so its ids repeat no earlier ones."""
        self._ids = set()

    def expect_pages(self, pages: int) -> None:
        """Expects this many pages after those so far."""
        self.pages_expected = self.pages + max(0, pages)

    def add_page(self, ids: Iterable[str], total: int) -> None:
        """Counts a page and its conversation ids; `total` is passed on to `on_progress`."""
        self.pages += 1
        self.pages_expected = max(self.pages_expected, self.pages)
        for conversation_id in ids:
            if conversation_id in self._ids:
                self.repeated += 1
            else:
                self._ids.add(conversation_id)
                self.conversations += 1
        if self.on_progress is not None:
            self.on_progress(self.pages, self.pages_expected, total)

    def note_total(self, interval: Interval, total: int | None) -> None:
        """Notes the `totalHits` of an answer for the days of the interval."""
        if total is not None:
            days = _days(interval)
            first, _ = self._totals.get(days, (total, total))
            self._totals[days] = (first, total)

    def split_interval(self, interval: Interval, rest: Interval) -> None:
        """Notes that the interval is read in parts from now on, and that `rest` is still to be read."""
        if len(interval.days()) > 1:
            self._totals.pop(_days(interval), None)
            # The part that was read before the rest has no total of its own.
            self._totals_lost |= rest.start.date() > interval.start.date()


class Drift:
    """Whether pages moved while they were read, so that a row may have slipped between two of them. A repeated row
    means that another one was inserted before it. A falling total means that one was removed: then the first row of
    every later page moves to the page before. A rising total alone is harmless if pages are read strictly in order,
    because new conversations appear at the end.
    """

    def __init__(self) -> None:
        self.happened = False
        self._total: int | None = None
        self._ids: set[str] = set()

    def begin(self) -> None:
        """Begin anew: pages of another query, or in another order, follow."""
        self._total = None
        self._ids = set()

    def note(self, ids: tuple[str, ...], total: int | None, *, in_order: bool) -> None:
        """Note a page. `in_order`: it was requested after all pages before it had arrived."""
        self.happened |= not self._ids.isdisjoint(ids)
        self._ids.update(ids)
        if total is not None:
            if self._total is not None:
                self.happened |= total < self._total or (total > self._total and not in_order)
            self._total = total


def _days(interval: Interval) -> tuple[date, date]:
    return interval.start.date(), (interval.end - MILLISECOND).date()
