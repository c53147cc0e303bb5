"""The three ways answers continue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from genesys_assets.cloud import paging
from genesys_assets.cloud.errors import EndlessPages, UnexpectedAnswer
from genesys_assets.cloud.page import Page, request_text
from genesys_assets.cloud.paging import Cursor, NextUri, PageNumbers, list_in
from genesys_assets_tests.cloud.platform import NOON


def page(body: Any) -> Page:
    return Page(1, "{}", NOON, "corr-1", json.dumps(body).encode())


class Asked:
    """Answers with each body in turn and keeps what was asked."""

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
    pages = list(PageNumbers("rows", 2).pages(lambda number: page({"rows": [number] * sizes[number - 1]})))
    assert [page.number for page in pages] == list(range(1, given + 1))


@pytest.mark.parametrize("repeated", [1, 2, 5])
def test_page_numbers_that_are_not_heeded_are_an_error(repeated: int) -> None:
    """The same full pages come again and again; what else an answer says may differ."""
    bodies = [{"rows": [number % repeated] * 2, "pageNumber": number} for number in range(100)]
    with pytest.raises(EndlessPages, match=rf"page {repeated + 1} that came before"):
        list(PageNumbers("rows", 2).pages(lambda number: page(bodies[number - 1])))


def test_pages_that_are_always_full_and_never_the_same_end_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_PAGES", 30)
    asked: list[int] = []

    def ask(number: int) -> Page:
        asked.append(number)
        return page({"rows": [number]})

    with pytest.raises(EndlessPages, match="after 30 pages"):
        list(PageNumbers("rows", 1).pages(ask))
    assert len(asked) == 30


def test_next_uri_is_followed_to_the_last_page() -> None:
    get = Asked({"nextUri": "/b?pageNumber=2&id=x&id=y"}, {"nextUri": "/c"}, {})
    pages = list(NextUri(get).pages("/a", {"pageSize": 5}))
    assert [page.number for page in pages] == [1, 2, 3]
    assert get.asked == [("/a", {"pageSize": 5}), ("/b", {"pageNumber": "2", "id": ["x", "y"]}), ("/c", {})]


def test_next_uri_never_leads_to_another_host() -> None:
    get = Asked({"nextUri": "https://elsewhere.example.com/b?pageNumber=2"}, {})
    list(NextUri(get).pages("/a", {}))
    assert get.asked[1] == ("/b", {"pageNumber": "2"})


@pytest.mark.parametrize("address", ["/b", 7])
def test_next_uri_that_leads_nowhere_new_is_an_error(address: object) -> None:
    with pytest.raises(EndlessPages, match="leads nowhere new"):
        list(NextUri(Asked(*[{"nextUri": address}] * 5)).pages("/a", {}))


def test_a_cursor_is_passed_on_until_there_is_none() -> None:
    get = Asked({"cursor": "one"}, {"cursor": "two"}, {})
    pages = list(Cursor(get).pages("/a", {"pageSize": 5}))
    assert [page.number for page in pages] == [1, 2, 3]
    assert [params for _, params in get.asked] == [
        {"pageSize": 5},
        {"pageSize": 5, "cursor": "one"},
        {"pageSize": 5, "cursor": "two"},
    ]


def test_cursors_that_go_round_in_a_circle_are_an_error() -> None:
    with pytest.raises(EndlessPages, match="nowhere new"):
        list(Cursor(Asked(*[{"cursor": "one"}, {"cursor": "two"}] * 5)).pages("/a", {}))


def test_a_cursor_that_stays_the_same_is_an_error() -> None:
    with pytest.raises(EndlessPages, match="would never end"):
        list(Cursor(Asked(*[{"cursor": "one"}] * 5)).pages("/a", {}))


def test_pages_come_one_by_one() -> None:
    get = Asked({"cursor": "one"}, {"cursor": "two"}, {})
    pages = Cursor(get).pages("/a", {})
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
