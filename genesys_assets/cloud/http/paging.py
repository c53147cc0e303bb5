"""How answers continue: by page number, by the URL of the next page, or by a cursor.

Each style is one small object that knows the last page, and raises EndlessPages if pages lead nowhere new. If an answer
is too large, it asks for smaller pages. The endpoint modules know what a page holds and how to ask for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from genesys_assets.cloud.errors import AnswerTooLarge, EndlessPages, TooLarge, UnexpectedAnswer
from genesys_assets.cloud.http import limits
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.parsing import words

Get = Callable[[str, Mapping[str, Any]], Page]
T = TypeVar("T")
R = TypeVar("R")
_MOST_FIELDS = 50


def smaller(page_size: int) -> int:
    """The next smaller page size that divides this one: 100, 50, 25, 5, 1; 0 after that."""
    return next((size for size in range(page_size // 2, 0, -1) if page_size % size == 0), 0)


def with_smaller_pages(read: Callable[[int], R], page_size: int) -> R:
    """The result of `read` for the page size, or for the largest smaller one with which no answer is too large."""
    while True:
        try:
            return read(page_size)
        except AnswerTooLarge:
            if not smaller(page_size):
                raise
            page_size = smaller(page_size)


def in_parts(ask: Callable[[Sequence[T]], R], items: Sequence[T]) -> list[R]:
    """The answer about all items, or several, each about a part of them, where one would be too large."""
    try:
        return [ask(items)]
    except AnswerTooLarge:
        if len(items) < 2:
            raise
    half = (len(items) + 1) // 2
    return in_parts(ask, items[:half]) + in_parts(ask, items[half:])


@dataclass(frozen=True, slots=True)
class PageNumbers:
    """Pages 1, 2, 3 … until one does not hold exactly `page_size` `items`. More of them mean that the API ignores the
    page size. A full page that repeats means that the API ignores the page number.
    """

    items: str
    page_size: int

    def pages(self, ask: Callable[[int, int], Page]) -> Iterator[Page]:
        """`ask` is given the number of a page and its size."""
        seen: set[bytes] = set()
        size, asked_for = self.page_size, 1
        for number in range(1, limits.MOST_PAGES_OF_NOW + 1):
            (page, size, asked_for) = _asked(ask, asked_for, size)
            items = list_in(page, self.items)
            if items or number == 1:
                yield replace(page, number=number)
            if len(items) != size:
                return
            digest = _digest(items)
            if digest in seen:
                raise EndlessPages(f"{page.request} has a page {asked_for} that came before and would never end.")
            seen.add(digest)
            asked_for += 1
        raise EndlessPages(
            f"{page.request} still has a full page after {limits.MOST_PAGES_OF_NOW:,} pages. Ask for larger pages."
        )


def _asked(ask: Callable[[int, int], Page], number: int, size: int) -> tuple[Page, int, int]:
    """The page, or where it is too large the first of the smaller pages in its place; with its size and number."""
    first = (number - 1) * size

    def smaller_one(size: int) -> tuple[Page, int, int]:
        return ask(first // size + 1, size), size, first // size + 1

    return with_smaller_pages(smaller_one, size)


@dataclass(frozen=True, slots=True)
class NextUri:
    """Each answer has the URL of the next in `nextUri`; the last has none.

    Only the requested path is followed, with the query of that URL; other parameters stay as they were.
    """

    get: Get

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[Page]:
        """The params hold `pageSize` and `pageNumber`."""
        own = {name: value for name, value in params.items() if name not in ("pageSize", "pageNumber")}
        seen: set[bytes] = set()
        size, number = params["pageSize"], params["pageNumber"]
        for place in range(1, limits.MOST_PAGES + 1):
            page, size, number, params = self._page(path, dict(params), size, number)
            yield replace(page, number=place)
            next_url = page.json().get("nextUri")
            if not next_url:
                return
            following = _query(path, next_url, page) | own
            digest = hashlib.sha256(repr(sorted(following.items())).encode()).digest()
            if digest in seen:
                raise EndlessPages(f"{path} names {words(next_url)!r} as its next page, which leads nowhere new.")
            seen.add(digest)
            params, number = following, number + 1
        raise EndlessPages(f"{path} still names a next page after {limits.MOST_PAGES:,} pages.")

    def _page(
        self, path: str, params: dict[str, Any], size: int, number: int
    ) -> tuple[Page, int, int, Mapping[str, Any]]:
        try:
            return self.get(path, params), size, number, params
        except AnswerTooLarge:
            if not smaller(size):
                raise

        def ask(number: int, size: int) -> Page:
            return self.get(path, {**params, "pageSize": size, "pageNumber": number})

        page, less, at = _asked(ask, (number - 1) * (size // smaller(size)) + 1, smaller(size))
        return page, less, at, params


def cursor_of_answer(path: str, page: Page) -> object:
    """The `cursor` of an answer."""
    return page.json().get("cursor")


def after_of_answer(path: str, page: Page) -> object:
    """The parameter `after` in the URL of the next page, or else in `cursors`. An empty page is the last."""
    answer = page.json()
    if not answer.get("entities"):
        return None
    if next_url := answer.get("nextUri"):
        named = _query(path, next_url, page)
        return named.get("after") or named.get("cursor")
    cursors = answer.get("cursors")
    return cursors.get("after") if isinstance(cursors, dict) else None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Each answer holds a cursor for the next; the last has none. `size` and `asked_by` are the names of the parameters
    for the page's size and the cursor; `following` reads the cursor in an answer.
    """

    get: Get
    size: str = "pageSize"
    asked_by: str = "cursor"
    following: Callable[[str, Page], object] = cursor_of_answer

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[Page]:
        """The params hold the page's size."""
        cursor: object = None
        seen: set[bytes] = set()
        for number in count(1):
            page, params = self._page(path, params, cursor)
            cursor = self.following(path, page)
            yield replace(page, number=number)
            # Its content would otherwise stay in memory until the next one has come.
            del page
            if not cursor:
                return
            if not isinstance(cursor, str) or len(cursor) > limits.LONGEST_URL or not _is_sendable(cursor):
                raise UnexpectedAnswer(
                    f"{path} gives a cursor that is no text of at most {limits.LONGEST_URL:,} characters."
                )
            digest = hashlib.sha256(cursor.encode()).digest()
            if digest in seen:
                raise EndlessPages(f"{path} gives a cursor that leads nowhere new and would never end.")
            seen.add(digest)
            if number >= limits.MOST_CURSORS:
                raise EndlessPages(f"{path} still gives a cursor after {limits.MOST_CURSORS:,} pages.")

    def _page(self, path: str, params: Mapping[str, Any], cursor: object) -> tuple[Page, Mapping[str, Any]]:
        def ask(size: int) -> tuple[Page, Mapping[str, Any]]:
            sized = {**params, self.size: size}
            return self.get(path, {**sized, self.asked_by: cursor} if cursor else sized), sized

        return with_smaller_pages(ask, params[self.size])


def held_together(pages: Iterator[Page], what: str) -> Iterator[Page]:
    """Pages that are all held at once, without their parsed content, which takes `limits.TIMES_PARSED` times as
    much. Raises TooLarge
    where they have more bytes than `limits.MOST_LISTED`.
    """
    size = 0
    for page in pages:
        size += len(page.body)
        if size > limits.MOST_LISTED:
            raise TooLarge(
                f"{what} was answered with more than {limits.MOST_LISTED // limits.MIB} MiB in all, which is the most"
                " that is read of it.",
                correlation_id=page.correlation_id,
            )
        yield page.bare()


def list_in(page: Page, name: str) -> list[Any]:
    """The list of that name in an answer; empty if absent. Raises UnexpectedAnswer if it is no list."""
    found = page.json().get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise UnexpectedAnswer(
            f"{page.request} was answered with {name!r} that is no list but a {type(found).__name__}.",
            correlation_id=page.correlation_id,
        )
    return found


def _digest(items: list[Any]) -> bytes:
    return hashlib.sha256(json.dumps(items, sort_keys=True).encode()).digest()


def _is_sendable(text: str) -> bool:
    """Half a pair of surrogates, which JSON may hold, is no text that can be sent."""
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


def _query(path: str, next_url: object, page: Page) -> dict[str, Any]:
    """The query of the next page's URL. Raises UnexpectedAnswer unless it has the requested path. The host in it is
    ignored, so the token goes only to ours.
    """
    try:
        if not isinstance(next_url, str) or len(next_url) > limits.LONGEST_URL or not _is_sendable(next_url):
            raise ValueError("no text, or too long")
        parts = urlsplit(next_url)
        if parts.path != path:
            raise ValueError("another path")
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise UnexpectedAnswer(
            f"{path} names {words(next_url)!r} as its next page, which is no page of it. It is not asked for.",
            correlation_id=page.correlation_id,
        ) from None
    params: dict[str, Any] = {}
    for name, value in pairs:
        params[name] = [*params[name], value] if name in params else [value]
    return {name: values[0] if len(values) == 1 else values for name, values in params.items()}
