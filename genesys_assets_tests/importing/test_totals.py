"""Pages of an answer that are missing are noticed by its total, whatever other answers there are."""

from __future__ import annotations

import pytest

from genesys_assets.importing.totals import CountedPage, Short, short_answer

_HOUR = 3_600_000


def _page(total: int, count: int, day: int, hours: tuple[float, float] = (0, 12), digest: str = "") -> CountedPage:
    """A page whose conversations begin at regular times."""
    first, last = (round((day * 24 + hour) * _HOUR) for hour in hours)
    gap = (last - first) // max(1, count - 1)
    return CountedPage(total, count, count, first, last, digest or f"{total} {count} {day} {hours}", gap)


_MORNING, _AFTERNOON = (0, 12), (12, 23)
_WHOLE_DAYS = [_page(200 + day % 3, 200 + day % 3, day, (0, 23)) for day in range(28)]


@pytest.mark.parametrize(
    "pages",
    [
        [],
        [_page(0, 0, 0)],
        _WHOLE_DAYS,
        [_page(200, 100, 1, _MORNING), _page(200, 100, 1, _AFTERNOON)],
        [_page(200, 100, 1, _MORNING), _page(201, 101, 1, _AFTERNOON)],
        [_page(200, 100, day, hours) for day in range(9) for hours in (_MORNING, _AFTERNOON)],
        # An answer of several days.
        [_page(200, 100, 1, (0, 30)), _page(200, 100, 2, (7, 23))],
        # Days of another time zone, of which two share one day of UTC.
        [_page(200, 100, day, hours) for day in range(9) for hours in ((-1, 11), (11, 23))],
        # Pages that meet at midnight, or with a night between them.
        [_page(130, 100, 1, (0, 24)), _page(130, 30, 2, (0, 5))],
        [_page(130, 100, 1, (8, 18)), _page(130, 30, 2, (8, 11))],
        # The newest conversations first: the last page is the earliest one.
        [_page(130, 30, 1, (20, 24)), _page(130, 100, 2, (8, 18))],
        # A month of full pages, one of which ends before a night.
        [*(_page(2_730, 100, day, (8, 18)) for day in range(27)), _page(2_730, 30, 27, (8, 11))],
        # Two answers with one total.
        [_page(130, count, day, hours) for day in (1, 5) for count, hours in ((100, (0, 20)), (30, (20, 24)))],
        # The page behind the last one.
        [_page(130, 100, 1, (8, 18)), _page(130, 30, 2, (8, 11)), _page(130, 0, 0)],
        [_page(200, 200, 1), _page(200, 0, 0)],
    ],
)
def test_nothing_is_missing_where_each_answer_adds_up_to_its_total(pages: list[CountedPage]) -> None:
    assert short_answer(("1.json", page) for page in pages) is None


@pytest.mark.parametrize(
    ("pages", "short"),
    [
        ([_page(4, 4, 28), _page(4, 2, 29)], (2, 4, ("2",))),
        ([*_WHOLE_DAYS, _page(201, 100, 28)], (100, 201, ("29",))),
        ([_page(200, 100, 1, _MORNING), _page(200, 100, 2, _MORNING)], (100, 200, ("1",))),
        ([_page(200, 100, 1, _AFTERNOON), _page(200, 100, 2, _MORNING)], (100, 200, ("1",))),
        ([_page(200, 100, 1, (-1, 11)), _page(200, 100, 2, (-1, 11))], (100, 200, ("1",))),
        (
            [_page(200, 100, 1, _MORNING), _page(200, 100, 1, _AFTERNOON), _page(201, 100, 2, _MORNING)],
            (100, 201, ("3",)),
        ),
        ([_page(200, 100, 1, digest="x"), _page(200, 100, 1, digest="x")], (100, 200, ("1",))),
        ([_page(200, 200, 1), _page(300, 0, 0)], (0, 300, ("2",))),
        # The first halves of the questions for the morning and the afternoon, and for two hours.
        ([_page(200, 100, 1, (0, 6)), _page(200, 100, 1, (12, 18))], (100, 200, ("1",))),
        ([_page(200, 100, 1, (0, 0.5)), _page(200, 100, 1, (1, 1.5))], (100, 200, ("1",))),
        ([_page(201, 100, 1, (0, 6)), _page(200, 100, 1, (12, 18))], (100, 201, ("1",))),
        # More conversations than a page can have are no page: nothing tells where they end.
        ([_page(1300, 1000, 1, (8, 18)), _page(1300, 300, 2, (8, 11))], (1000, 1300, ("1",))),
        # A page in the middle is missing, a last one, or the rest is not at an end.
        ([_page(230, 100, 1, (0, 8)), _page(230, 30, 1, (16, 24))], (100, 230, ("1",))),
        ([_page(130, 100, 1, (0, 8)), _page(130, 100, 2, (0, 8))], (100, 130, ("1",))),
        (
            [_page(230, 100, 1, (0, 8)), _page(230, 30, 2, (8, 16)), _page(230, 100, 3, (16, 24))],
            (100, 230, ("1",)),
        ),
        ([_page(200, 100, 1), _page(200, 90, 1), _page(200, 80, 1)], (270, 400, ("1", "2", "3"))),
    ],
)
def test_an_answer_with_missing_pages_is_found_beside_others_of_a_similar_total(
    pages: list[CountedPage], short: tuple[int, int, tuple[str, ...]]
) -> None:
    assert short_answer((f"{number}", page) for number, page in enumerate(pages, 1)) == Short(*short)


def test_the_pages_of_one_file_that_add_up_to_their_total_are_an_answer_wherever_its_pages_end() -> None:
    pages = [_page(200, 100, 1, _MORNING), _page(200, 100, 3, _MORNING)]
    assert short_answer(("month.jsonl", page) for page in pages) is None
    assert short_answer([("1.json", pages[0]), ("2.json", pages[1])]) == Short(100, 200, ("1.json",))
