"""How long answers continue: by page number, by the address of the next page, or by a cursor.

Each style is one small object that knows when the last page is reached, and raises EndlessPages where pages lead
nowhere new. What a page holds and how it is asked for belongs to the endpoint modules.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from genesys_assets.cloud.errors import EndlessPages, UnexpectedAnswer
from genesys_assets.cloud.page import Page

Get = Callable[[str, Mapping[str, Any]], Page]
# No listing that is numbered is near that long. Live figures differ on each page, even if all are page 1 again.
MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class PageNumbers:
    """Pages 1, 2, 3 … until one holds fewer `items` than `page_size`, or more: then the API does not heed the
    page size. A full page that came before means that the API does not heed the page number.
    """

    items: str
    page_size: int

    def pages(self, ask: Callable[[int], Page]) -> Iterator[Page]:
        seen: set[bytes] = set()
        for number in range(1, MOST_PAGES + 1):
            page = ask(number)
            items = list_in(page, self.items)
            if items or number == 1:
                yield replace(page, number=number)
            if len(items) != self.page_size:
                return
            digest = _digest(items)
            if digest in seen:
                raise EndlessPages(f"{page.request} has a page {number} that came before and would never end.")
            seen.add(digest)
        raise EndlessPages(f"{page.request} still has a full page after {MOST_PAGES:,} pages. Ask for larger pages.")


@dataclass(frozen=True, slots=True)
class NextUri:
    """Each answer tells the address of the next in `nextUri`; the last has none."""

    get: Get

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[Page]:
        seen: set[str] = set()
        for number in count(1):
            page = self.get(path, params)
            yield replace(page, number=number)
            address = page.json().get("nextUri")
            if not address:
                return
            if not isinstance(address, str) or address in seen:
                raise EndlessPages(f"{path} names {address!r} as its next page, which leads nowhere new.")
            seen.add(address)
            path, params = _path_and_params(address)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Each answer holds a `cursor` to ask for the next with; the last has none."""

    get: Get

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[Page]:
        cursor: object = None
        seen: set[object] = set()
        for number in count(1):
            page = self.get(path, {**params, "cursor": cursor} if cursor else params)
            cursor = page.json().get("cursor")
            yield replace(page, number=number)
            # Its content would otherwise stay in memory until the next one has come.
            del page
            if not cursor:
                return
            if not isinstance(cursor, str) or cursor in seen:
                raise EndlessPages(f"{path} gives a cursor that leads nowhere new and would never end.")
            seen.add(cursor)


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


def _path_and_params(address: str) -> tuple[str, dict[str, Any]]:
    """Only the path and the query: whichever host an address names, the token goes to ours alone."""
    parts = urlsplit(address)
    params: dict[str, Any] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        params[name] = [*params[name], value] if name in params else [value]
    return parts.path, {name: values[0] if len(values) == 1 else values for name, values in params.items()}
