"""Finds out whether pages of an answer are missing: each page says how many conversations the answer has (totalHits).

No page says to which answer it belongs. All pages of an answer together have as many conversations as it counted. If
the pages of one file with one total have exactly as many, they are an answer. Other pages can belong to one answer if
their totals differ by no more than 1 % (a total may change while pages are fetched), and if their conversations began
on a common day, without a long gap between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

_DAY = 86_400_000
_LONGEST_GAP = 6 * 3_600_000
"""How many milliseconds may lie between the conversations of one page and those of the next one."""


class CountedPage(NamedTuple):
    """A page of an answer with a total. `held` is how many conversations it has, `new` how many of these no earlier
    page of its file with the same total has. `first` and `last` are the earliest and the latest start in milliseconds.
    `digest` is the same for pages with the same conversations.
    """

    total: int
    held: int
    new: int
    first: int
    last: int
    digest: str


class Short(NamedTuple):
    """An answer of which pages are missing: how many conversations of it the files have, how many it counted, and the
    files.
    """

    held: int
    total: int
    files: tuple[str, ...]


_Page = tuple[str, CountedPage]
"""The name of a file, and a page of it."""
_Belongs = Callable[[CountedPage, int, CountedPage], bool]
"""Whether a page belongs to a run, by the page before it and the latest start of the run."""


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
            return Short(0, page.total, (file,))
    return None


def _are_near(one: int, other: int) -> bool:
    return abs(one - other) <= min(one, other) // 100


def _groups(pages: Sequence[_Page]) -> Iterator[list[_Page]]:
    """The pages that can belong to one answer, or to several answers that nothing tells apart."""
    for near in _runs(sorted(pages, key=lambda each: each[1].total), _has_near_total):
        rest: list[_Page] = []
        for total, of_total in groupby(near, key=lambda each: each[1].total):
            same = list(of_total)
            by_file: dict[str, list[_Page]] = {}
            for each in same:
                by_file.setdefault(each[0], []).append(each)
            for of_file in by_file.values():
                if _count(of_file) == total:
                    yield of_file
                else:
                    rest += of_file
        yield from _runs(sorted(rest, key=lambda each: each[1].first), _adjoins)


def _runs(pages: Iterable[_Page], belongs: _Belongs) -> Iterator[list[_Page]]:
    run: list[_Page] = []
    latest = 0
    for each in pages:
        if run and not belongs(run[-1][1], latest, each[1]):
            yield run
            run = []
        latest = max(latest, each[1].last) if run else each[1].last
        run.append(each)
    if run:
        yield run


def _has_near_total(before: CountedPage, _latest: int, page: CountedPage) -> bool:
    return _are_near(before.total, page.total)


def _adjoins(_before: CountedPage, latest: int, page: CountedPage) -> bool:
    """Whether a page begins on the day on which those before it end, `latest`, and not long after."""
    return page.first // _DAY <= latest // _DAY and page.first - latest <= _LONGEST_GAP


def _short_of(group: Sequence[_Page]) -> Short | None:
    """What is short of a group of pages; None if each answer of it is whole."""
    if _answers_in(group) == 1 and _is_whole(group):
        return None
    rest: list[_Page] = []
    for total in sorted({page.total for _, page in group}):
        same = [each for each in group if each[1].total == total]
        rest += [] if _is_whole(same) else same
    if not rest or (_answers_in(rest) == 1 and _is_whole(rest)):
        return None
    files = tuple(dict.fromkeys(file for file, _ in rest))
    return Short(_count(rest), _total(rest) * _answers_in(rest), files)


def _count(pages: Sequence[_Page]) -> int:
    return sum(page.new for _, page in pages)


def _total(pages: Sequence[_Page]) -> int:
    return max(page.total for _, page in pages)


def _answers_in(pages: Sequence[_Page]) -> int:
    """How many answers the pages are of, at least: none has more conversations than it counted, but for those that came
    while its pages were fetched.
    """
    total = _total(pages)
    return max(1, -(-_count(pages) // (total + total // 100)))


def _is_whole(pages: Sequence[_Page]) -> bool:
    return _count(pages) >= _total(pages) * _answers_in(pages)
