"""Finds out whether pages of an answer are missing: each page says how many conversations the answer has (totalHits).

No page says to which answer it belongs. All pages of an answer together have as many conversations as it counted. Pages
with one total are an answer

- if they are in one file, and together have exactly as many;
- if they follow one another in time, each full but for the first or the last one, which has exactly the rest. The total
  must not be a multiple of the page size: full pages of two incomplete answers could add up to such a total.

Other pages can belong to one answer if their totals differ by no more than 1 % (a total may change while pages are
fetched), and if their conversations began on a common day, without a gap between them that is long beside the gaps
within them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from genesys_assets.cloud.analytics.queries import LARGEST_PAGE

_DAY = 86_400_000
_LONGEST_GAP, _SHORT_GAP = 6 * 3_600_000, 5 * 60_000
"""How many milliseconds may lie at most between the conversations of one page and those of the next one, and how many
may lie there in any case.
"""
_TIMES_LONGER = 4
"""How much longer the gap between two pages may be than the longest one within them. Of a hundred conversations that
begin at random, the longest gap is about five times the mean one. If half an answer is missing, it is fifty times.
"""


class CountedPage(NamedTuple):
    """A page of an answer with a total. `held` is how many conversations it has, `new` how many of these no earlier
    page of its file with the same total has. `first` and `last` are the earliest and the latest start in milliseconds.
    `digest` is the same for pages with the same conversations. `gap` is the longest time between the starts of one
    conversation and the next one, in milliseconds. `name` is the field with the total.
    """

    total: int
    held: int
    new: int
    first: int
    last: int
    digest: str
    gap: int = 0
    name: str = "totalHits"


class Short(NamedTuple):
    """An answer of which pages are missing: how many conversations of it the files have, how many it counted, the
    files, and the field with the total.
    """

    held: int
    total: int
    files: tuple[str, ...]
    name: str = "totalHits"


_Page = tuple[str, CountedPage]
"""The name of a file, and a page of it."""
_Belongs = Callable[[CountedPage, int, int, CountedPage], bool]
"""Whether a page belongs to a run, by the page before it, the latest start of the run, and the longest gap within its
pages.
"""


def short_answer(pages: Iterable[_Page]) -> Short | None:
    """The first answer that lacks conversations, or may lack some. None if all answers have all of theirs."""
    whole, parts, empty = list[int](), dict[tuple[int, str], _Page](), list[_Page]()
    for file, page in pages:
        if page.held >= page.total:
            whole.append(page.total)
        elif page.held:
            parts.setdefault((page.total, page.digest), (file, page))
        else:
            empty.append((file, page))
    for group in _groups(list(parts.values())):
        short = _short_of(group)
        if short is not None:
            return short
        whole += [page.total for _, page in group]
    for file, page in empty:
        # After the last page the platform answers with a total and no conversations.
        if not any(_are_near(page.total, total) for total in whole):
            return Short(0, page.total, (file,), page.name)
    return None


def _are_near(one: int, other: int) -> bool:
    return abs(one - other) <= min(one, other) // 100


def _groups(pages: Sequence[_Page]) -> Iterator[list[_Page]]:
    """The pages that can belong to one answer, or to several answers that nothing tells apart."""
    for near in _runs(sorted(pages, key=lambda each: each[1].total), _has_near_total):
        rest: list[_Page] = []
        for total, of_total in groupby(near, key=lambda each: each[1].total):
            others: list[_Page] = []
            by_file: dict[str, list[_Page]] = {}
            for each in of_total:
                by_file.setdefault(each[0], []).append(each)
            for of_file in by_file.values():
                if _count(of_file) == total:
                    yield of_file
                else:
                    others += of_file
            sequences, left = _sequences(sorted(others, key=lambda each: each[1].first), total)
            yield from sequences
            rest += left
        yield from _runs(sorted(rest, key=lambda each: each[1].first), _adjoins)


def _sequences(pages: Sequence[_Page], total: int) -> tuple[list[list[_Page]], list[_Page]]:
    """The answers among pages with one total, in the order of time, and the other pages. Here all pages of an answer
    are full, but for one with the rest at the end, or at the beginning where the newest conversations come first.
    """
    found, left = list[list[_Page]](), list[_Page]()
    at = 0
    while at < len(pages):
        full = max(page.held for _, page in pages[at : at + 2])
        some = list(pages[at : at - (-total // full)])
        if full <= LARGEST_PAGE and total % full and _is_sequence(some, full, total):
            found.append(some)
            at += len(some)
        else:
            left.append(pages[at])
            at += 1
    return found, left


def _is_sequence(pages: Sequence[_Page], full: int, total: int) -> bool:
    held = [page.held for _, page in pages]
    sizes = [full] * (total // full)
    return (
        held in ([*sizes, total % full], [total % full, *sizes])
        and all(page.new == page.held for _, page in pages)
        and all(one.last <= other.first for (_, one), (_, other) in pairwise(pages))
    )


def _runs(pages: Iterable[_Page], belongs: _Belongs) -> Iterator[list[_Page]]:
    run: list[_Page] = []
    latest = within = 0
    for each in pages:
        page = each[1]
        if run and not belongs(run[-1][1], latest, within, page):
            yield run
            run, within = [], 0
        latest = max(latest, page.last) if run else page.last
        within = max(within, page.gap)
        run.append(each)
    if run:
        yield run


def _has_near_total(before: CountedPage, _latest: int, _within: int, page: CountedPage) -> bool:
    return _are_near(before.total, page.total)


def _adjoins(_before: CountedPage, latest: int, within: int, page: CountedPage) -> bool:
    """Whether a page begins on the day on which those before it end, `latest`, and not long after."""
    longest = min(_LONGEST_GAP, max(_SHORT_GAP, _TIMES_LONGER * max(within, page.gap)))
    return page.first // _DAY <= latest // _DAY and page.first - latest <= longest


def _short_of(group: Sequence[_Page]) -> Short | None:
    """What a group of pages lacks; None if each answer of it is whole."""
    if _answers_in(group) == 1 and _is_whole(group):
        return None
    rest: list[_Page] = []
    for total in sorted({page.total for _, page in group}):
        same = [each for each in group if each[1].total == total]
        rest += [] if _is_whole(same) else same
    if not rest or (_answers_in(rest) == 1 and _is_whole(rest)):
        return None
    files = tuple(dict.fromkeys(file for file, _ in rest))
    return Short(_count(rest), _total(rest) * _answers_in(rest), files, rest[0][1].name)


def _count(pages: Sequence[_Page]) -> int:
    return sum(page.new for _, page in pages)


def _total(pages: Sequence[_Page]) -> int:
    return max(page.total for _, page in pages)


def _answers_in(pages: Sequence[_Page]) -> int:
    """The least number of answers that the pages can come from. An answer has no more conversations than it counted,
    except up to 1 % that were added while its pages were fetched.
    """
    total = _total(pages)
    return max(1, -(-_count(pages) // (total + total // 100)))


def _is_whole(pages: Sequence[_Page]) -> bool:
    return _count(pages) >= _total(pages) * _answers_in(pages)
