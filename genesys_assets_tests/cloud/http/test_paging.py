"""The three kinds of paging."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from genesys_assets.cloud.errors import AnswerTooLarge, EndlessPages, UnexpectedAnswer
from genesys_assets.cloud.http import limits
from genesys_assets.cloud.http.page import Page, request_text
from genesys_assets.cloud.http.paging import Cursor, NextUri, PageNumbers, in_parts, list_in
from genesys_assets_tests.cloud.platform import NOON


def page(body: Any) -> Page:
    return Page(1, "{}", NOON, "corr-1", json.dumps(body).encode())


class RequestHead:
    """Answers with each body in turn, and keeps the requests."""

    def __init__(self, *bodies: Any) -> None:
        self.bodies = list(bodies)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, path: str, params: Mapping[str, Any]) -> Page:
        self.asked.append((path, dict(params)))
        return page(self.bodies.pop(0))


@pytest.mark.parametrize(
    ("sizes", "given"),
    [([2, 2, 1], 3), ([2, 2, 0], 2), ([1], 1), ([0], 1), ([5], 1)],
)
def test_page_numbers_end_with_a_page_that_is_not_full(sizes: list[int], given: int) -> None:
    pages = list(PageNumbers("rows", 2).pages(lambda number, _: page({"rows": [number] * sizes[number - 1]})))
    assert [page.number for page in pages] == list(range(1, given + 1))


@pytest.mark.parametrize("repeated", [1, 2, 5])
def test_page_numbers_that_the_platform_ignores_are_an_error(repeated: int) -> None:
    """The same full pages come again and again, while other fields of the answer differ."""
    bodies = [{"rows": [number % repeated] * 2, "pageNumber": number} for number in range(100)]
    with pytest.raises(EndlessPages, match=rf"Page {repeated + 1} of .* repeats an earlier one"):
        list(PageNumbers("rows", 2).pages(lambda number, _: page(bodies[number - 1])))


def test_pages_that_are_always_full_and_never_the_same_end_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_SNAPSHOT_PAGES", 30)
    asked: list[int] = []

    def ask(number: int, size: int) -> Page:
        asked.append(number)
        return page({"rows": [number]})

    with pytest.raises(EndlessPages, match="after 30 pages"):
        list(PageNumbers("rows", 1).pages(ask))
    assert len(asked) == 30


PAGED = {"pageSize": 5, "pageNumber": 1}


def test_next_uri_is_followed_to_the_last_page() -> None:
    get = RequestHead({"nextUri": "/a?pageNumber=2&id=x&id=y"}, {"nextUri": "/a?z=3"}, {})
    pages = list(NextUri(get).pages("/a", PAGED))
    assert [page.number for page in pages] == [1, 2, 3]
    assert get.asked == [("/a", PAGED), ("/a", {"pageNumber": "2", "id": ["x", "y"]}), ("/a", {"z": "3"})]


def test_next_uri_changes_nothing_of_what_was_asked_for_besides_the_page() -> None:
    get = RequestHead({"nextUri": "/a?pageNumber=2&state=active"}, {"nextUri": "/a?pageNumber=3"}, {})
    list(NextUri(get).pages("/a", {**PAGED, "state": "any"}))
    assert [params["state"] for _, params in get.asked] == ["any"] * 3


def test_next_uri_never_leads_to_another_host() -> None:
    get = RequestHead({"nextUri": "https://elsewhere.example.com/a?pageNumber=2"}, {})
    list(NextUri(get).pages("/a", PAGED))
    assert get.asked[1] == ("/a", {"pageNumber": "2"})


@pytest.mark.parametrize(
    "address",
    [
        "@elsewhere.example.com:80/a",
        "https://elsewhere.example.com/b",
        "/b",
        "/a/b",
        "/a/../b",
        "//a",
        "a",
        "?pageNumber=2",
        "http://[",
        "/a;x?y",
        "/a?" + "&".join(f"x{number}=1" for number in range(100)),
        "/a?" + "x" * 10_000,
        7,
        ["/a"],
        {"href": "/a"},
        True,
    ],
)
def test_next_uri_that_leads_anywhere_else_is_not_followed(address: object) -> None:
    get = RequestHead({"nextUri": address}, {})
    with pytest.raises(UnexpectedAnswer, match="so it is not requested"):
        list(NextUri(get).pages("/a", PAGED))
    assert len(get.asked) == 1


def test_next_uri_that_leads_nowhere_new_is_an_error() -> None:
    with pytest.raises(EndlessPages, match="was read before"):
        list(NextUri(RequestHead(*[{"nextUri": "/a?b"}] * 5)).pages("/a", PAGED))


def test_next_uris_without_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_PAGES", 30)
    get = RequestHead(*[{"nextUri": f"/a?{number}=x"} for number in range(100)])
    with pytest.raises(EndlessPages, match="after 30 pages"):
        list(NextUri(get).pages("/a", PAGED))
    assert len(get.asked) == 30


def test_a_cursor_is_passed_on_until_there_is_none() -> None:
    get = RequestHead({"cursor": "one"}, {"cursor": "two"}, {})
    pages = list(Cursor(get).pages("/a", {"pageSize": 5}))
    assert [page.number for page in pages] == [1, 2, 3]
    assert [params for _, params in get.asked] == [
        {"pageSize": 5},
        {"pageSize": 5, "cursor": "one"},
        {"pageSize": 5, "cursor": "two"},
    ]


def test_cursors_that_go_round_in_a_circle_are_an_error() -> None:
    with pytest.raises(EndlessPages, match="gave before"):
        list(Cursor(RequestHead(*[{"cursor": "one"}, {"cursor": "two"}] * 5)).pages("/a", {"pageSize": 5}))


def test_a_cursor_that_stays_the_same_is_an_error() -> None:
    with pytest.raises(EndlessPages, match="would not end"):
        list(Cursor(RequestHead(*[{"cursor": "one"}] * 5)).pages("/a", {"pageSize": 5}))


def test_cursors_without_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_CURSORS", 30)
    with pytest.raises(EndlessPages, match="after 30 pages"):
        list(Cursor(RequestHead(*[{"cursor": f"{number}"} for number in range(100)])).pages("/a", {"pageSize": 5}))


@pytest.mark.parametrize("cursor", [7, ["x"], {"x": 1}, True, "x" * 10_000])
def test_an_invalid_cursor_is_an_error(cursor: object) -> None:
    with pytest.raises(UnexpectedAnswer, match="a cursor that is no text"):
        list(Cursor(RequestHead({"cursor": cursor}, {})).pages("/a", {"pageSize": 5}))


class Stingy:
    """A list of rows that sends no more than `most` at once; by number, URL or cursor."""

    def __init__(self, total: int, most: int) -> None:
        self.total, self.most = total, most
        self.sizes: list[int] = []

    def numbered(self, number: int, size: int) -> Page:
        self.sizes.append(size)
        if size > self.most:
            raise AnswerTooLarge("reduce pageSize")
        return page({"rows": [*range((number - 1) * size, min(number * size, self.total))]})

    def addressed(self, path: str, params: Mapping[str, Any]) -> Page:
        size, number = int(params["pageSize"]), int(params["pageNumber"])
        body = dict(self.numbered(number, size).json())
        if number * size < self.total:
            body["nextUri"] = f"{path}?pageSize={size}&pageNumber={number + 1}"
        return page(body)

    def cursored(self, _: str, params: Mapping[str, Any]) -> Page:
        at, size = int(params.get("cursor", 0)), int(params["pageSize"])
        self.sizes.append(size)
        if size > self.most:
            raise AnswerTooLarge("reduce pageSize")
        end = min(at + size, self.total)
        return page({"rows": [*range(at, end)], **({"cursor": f"{end}"} if end < self.total else {})})


@pytest.mark.parametrize("style", ["number", "address", "cursor"])
@pytest.mark.parametrize("most", [100, 99, 50, 30, 5, 4, 1])
@pytest.mark.parametrize("total", [1, 99, 100, 101, 250])
def test_pages_that_are_too_large_are_asked_for_in_smaller_ones(style: str, most: int, total: int) -> None:
    stingy = Stingy(total, most)
    pages = {
        "number": lambda: PageNumbers("rows", 100).pages(stingy.numbered),
        "address": lambda: NextUri(stingy.addressed).pages("/a", {"pageSize": 100, "pageNumber": 1}),
        "cursor": lambda: Cursor(stingy.cursored).pages("/a", {"pageSize": 100}),
    }[style]()
    assert [row for page in pages for row in page.json()["rows"]] == [*range(total)]
    assert sum(size > most for size in stingy.sizes) <= 4


@pytest.mark.parametrize("late", [0, 1, 3])
def test_a_page_that_is_too_large_only_later_is_asked_for_in_smaller_ones(late: int) -> None:
    stingy = Stingy(700, 100)

    def ask(number: int, size: int) -> Page:
        stingy.most = 100 if number * size <= late * 100 else 25
        return stingy.numbered(number, size)

    rows = [row for page in PageNumbers("rows", 100).pages(ask) for row in page.json()["rows"]]
    assert rows == [*range(700)]


def test_a_row_that_is_too_large_alone_is_an_error() -> None:
    stingy = Stingy(100, 0)
    with pytest.raises(AnswerTooLarge):
        list(PageNumbers("rows", 100).pages(stingy.numbered))
    assert stingy.sizes == [100, 50, 25, 5, 1]


@pytest.mark.parametrize("most", [1, 2, 3, 7, 8])
def test_questions_that_are_too_large_are_asked_in_parts(most: int) -> None:
    def ask(items: Sequence[int]) -> list[int]:
        if len(items) > most:
            raise AnswerTooLarge("too many")
        return list(items)

    assert [item for part in in_parts(ask, range(7)) for item in part] == [*range(7)]


def test_pages_come_one_by_one() -> None:
    get = RequestHead({"cursor": "one"}, {"cursor": "two"}, {})
    pages = Cursor(get).pages("/a", {"pageSize": 5})
    next(pages)
    assert len(get.asked) == 1


def test_a_list_that_is_absent_or_null_is_empty() -> None:
    assert list_in(page({}), "rows") == list_in(page({"rows": None}), "rows") == []


@pytest.mark.parametrize("rows", [{}, "abc", 0])
def test_a_list_that_is_no_list_is_an_error(rows: object) -> None:
    with pytest.raises(UnexpectedAnswer, match=r"'rows' that is no list.*correlation id corr-1"):
        list_in(page({"rows": rows}), "rows")


def test_the_same_question_gives_the_same_text() -> None:
    assert request_text("GET", "/a", {"b": 1, "a": "é"}) == request_text("GET", "/a", {"a": "é", "b": 1})
    assert request_text("GET", "/a", {}) == '{"method":"GET","path":"/a"}'
    assert request_text("POST", "/a", body={"b": {"d": 1, "c": 2}}) == (
        '{"body":{"b":{"c":2,"d":1}},"method":"POST","path":"/a"}'
    )
