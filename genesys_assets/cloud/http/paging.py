"""Requests all pages of a query: by page number, by the URL of the next page, or by a cursor.

Each style is one small class that recognises the last page, and raises EndlessPages if pages bring nothing new. If an
answer is too large, it asks for smaller pages. The endpoint modules know what a page holds and how to request it.
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
    """The result of `read(page_size)`. If it raises AnswerTooLarge, it is called again with the next smaller size."""
    while True:
        try:
            return read(page_size)
        except AnswerTooLarge:
            if not smaller(page_size):
                raise
            page_size = smaller(page_size)


def in_parts(ask: Callable[[Sequence[T]], R], items: Sequence[T]) -> list[R]:
    """One answer about all items, or, if that would be too large, several answers, each about a part of the items."""
    try:
        return [ask(items)]
    except AnswerTooLarge:
        if len(items) < 2:
            raise
    half = (len(items) + 1) // 2
    return in_parts(ask, items[:half]) + in_parts(ask, items[half:])


@dataclass(frozen=True, slots=True)
class PageNumbers:
    """Requests pages 1, 2, 3 … until one does not hold exactly `page_size` elements in the list of the field
    `items_field`. More elements mean that the API ignores the page size. A full page that repeats means that the API
    ignores the page number.
    """

    items_field: str
    page_size: int

    def pages(self, ask: Callable[[int, int], Page]) -> Iterator[Page]:
        """The pages, numbered from 1. `ask(number, size)` requests one."""
        seen: set[bytes] = set()
        size, page_number = self.page_size, 1
        for number in range(1, limits.MOST_SNAPSHOT_PAGES + 1):
            (page, size, page_number) = _page_or_smaller_one(ask, page_number, size)
            items = list_in(page, self.items_field)
            if items or number == 1:
                yield replace(page, number=number)
            if len(items) != size:
                return
            digest = _digest(items)
            if digest in seen:
                raise EndlessPages(f"Page {page_number} of {page.request} repeats an earlier one, without end.")
            seen.add(digest)
            page_number += 1
        raise EndlessPages(
            f"{page.request} still has a full page after {limits.MOST_SNAPSHOT_PAGES:,} pages. Ask for larger pages."
        )


def _page_or_smaller_one(ask: Callable[[int, int], Page], number: int, size: int) -> tuple[Page, int, int]:
    """A page, its size and its number. If it would be too large, the first of the smaller pages that replace it."""
    first = (number - 1) * size

    def smaller_one(size: int) -> tuple[Page, int, int]:
        return ask(first // size + 1, size), size, first // size + 1

    return with_smaller_pages(smaller_one, size)


@dataclass(frozen=True, slots=True)
class NextUri:
    """Each answer has the URL of the next page in `nextUri`; the last has none.

    Only the query of that URL is used, and its path must be the requested one. Parameters other than those of paging
    keep their values.
    """

    get: Get

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[Page]:
        """The pages, numbered from 1. `params` must hold `pageSize` and `pageNumber`."""
        other_params = {name: value for name, value in params.items() if name not in ("pageSize", "pageNumber")}
        seen: set[bytes] = set()
        size, number = params["pageSize"], params["pageNumber"]
        for position in range(1, limits.MOST_PAGES + 1):
            page, size, number, params = self._page(path, dict(params), size, number)
            yield replace(page, number=position)
            next_url = page.json().get("nextUri")
            if not next_url:
                return
            next_params = _query(path, next_url, page) | other_params
            digest = hashlib.sha256(repr(sorted(next_params.items())).encode()).digest()
            if digest in seen:
                raise EndlessPages(f"{path} names {words(next_url)!r} as its next page, which was read before.")
            seen.add(digest)
            params, number = next_params, number + 1
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

        page, less, at = _page_or_smaller_one(ask, (number - 1) * (size // smaller(size)) + 1, smaller(size))
        return page, less, at, params


def read_cursor_field(path: str, page: Page) -> object:
    """The `cursor` of an answer."""
    return page.json().get("cursor")


def read_after(path: str, page: Page) -> object:
    """The cursor `after`, from the URL of the next page or else from `cursors`; None after an empty page, which is the
    last.
    """
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
    """Each answer holds a cursor for the next page; the last has none. `size_parameter` and `cursor_parameter` take
    the page size and the cursor; `read_cursor` reads the cursor in an answer.
    """

    get: Get
    size_parameter: str = "pageSize"
    cursor_parameter: str = "cursor"
    read_cursor: Callable[[str, Page], object] = read_cursor_field

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[Page]:
        """The pages, numbered from 1. `params` must hold the page size."""
        cursor: object = None
        seen: set[bytes] = set()
        for number in count(1):
            page, params = self._page(path, params, cursor)
            cursor = self.read_cursor(path, page)
            yield replace(page, number=number)
            # Otherwise its content would stay in memory until the next page has arrived.
            del page
            if not cursor:
                return
            if not isinstance(cursor, str) or len(cursor) > limits.LONGEST_URL or not _is_sendable(cursor):
                raise UnexpectedAnswer(
                    f"{path} gives a cursor that is no text of at most {limits.LONGEST_URL:,} characters."
                )
            digest = hashlib.sha256(cursor.encode()).digest()
            if digest in seen:
                raise EndlessPages(f"{path} gives a cursor that it gave before: paging would not end.")
            seen.add(digest)
            if number >= limits.MOST_CURSORS:
                raise EndlessPages(f"{path} still gives a cursor after {limits.MOST_CURSORS:,} pages.")

    def _page(self, path: str, params: Mapping[str, Any], cursor: object) -> tuple[Page, Mapping[str, Any]]:
        def ask(size: int) -> tuple[Page, Mapping[str, Any]]:
            sized = {**params, self.size_parameter: size}
            return self.get(path, {**sized, self.cursor_parameter: cursor} if cursor else sized), sized

        return with_smaller_pages(ask, params[self.size_parameter])


def limit_total_size(pages: Iterator[Page], what: str) -> Iterator[Page]:
    """The pages without their parsed content, for callers that hold all of them in memory. Raises TooLarge if they have
    more than `limits.MOST_LISTED` bytes together.
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
    value = page.json().get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnexpectedAnswer(
            f"The answer of {words(page.request)} has {name!r} that is no list but a {type(value).__name__}.",
            correlation_id=page.correlation_id,
        )
    return value


def _digest(items: list[Any]) -> bytes:
    return hashlib.sha256(json.dumps(items, sort_keys=True).encode()).digest()


def _is_sendable(text: str) -> bool:
    """Whether a text is not empty and can be sent: a lone surrogate, which JSON may hold, cannot."""
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


def _query(path: str, next_url: object, page: Page) -> dict[str, Any]:
    """The query of the next page's URL. Raises UnexpectedAnswer unless the URL has the requested path. Its host is
    ignored, so the token is sent only to our host.
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
            f"{path} names {words(next_url)!r} as its next page. This is no URL of {path}, so it is not requested.",
            correlation_id=page.correlation_id,
        ) from None
    params: dict[str, Any] = {}
    for name, value in pairs:
        params[name] = [*params[name], value] if name in params else [value]
    return {name: values[0] if len(values) == 1 else values for name, values in params.items()}
