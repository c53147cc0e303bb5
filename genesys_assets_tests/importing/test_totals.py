"""Pages of an answer that are missing are noticed by its total, whatever other answers there are."""

from __future__ import annotations

import pytest

from genesys_assets.importing.totals import CountedPage, short_answer

_HOUR = 3_600_000


def _page(total: int, count: int, day: int, hours: tuple[int, int] = (0, 12), digest: str = "") -> CountedPage:
    first, last = ((day * 24 + hour) * _HOUR for hour in hours)
    return CountedPage(total, count, count, first, last, digest or f"{total} {count} {day} {hours}")


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
        # The page behind the last one.
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
        ([_page(200, 100, 1), _page(200, 90, 1), _page(200, 80, 1)], (270, 400, ("1", "2", "3"))),
    ],
)
def test_an_answer_with_missing_pages_is_found_beside_others_of_a_similar_total(
    pages: list[CountedPage], short: tuple[int, int, tuple[str, ...]]
) -> None:
    assert short_answer((f"{number}", page) for number, page in enumerate(pages, 1)) == short


def test_the_pages_of_one_file_that_add_up_to_their_total_are_an_answer_wherever_its_pages_end() -> None:
    pages = [_page(200, 100, 1, _MORNING), _page(200, 100, 3, _MORNING)]
    assert short_answer(("month.jsonl", page) for page in pages) is None
    assert short_answer([("1.json", pages[0]), ("2.json", pages[1])]) == (100, 200, ("1.json",))
