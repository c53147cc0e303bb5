"""A page of conversations with the few facts that paging and partitions need, read once when the page arrives.

A parsed page takes many times its bytes, so only the facts are kept. `tables` knows what a conversation is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.paging import list_in
from genesys_assets.cloud.http.parsing import instant

P = TypeVar("P", bound="ConversationsPage")
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class ConversationsPage(Page):
    """A page of `rows` conversations. `ids` are their ids, without those that are no text. `span` is the earliest and
    the latest conversationStart; None if no row has a valid one.
    """

    rows: int = 0
    ids: tuple[str, ...] = ()
    span: Span | None = None


def with_facts(page: Page, kind: type[P], **more: Any) -> P:
    """The page as a page of type `kind`, with its facts and the fields in `more`. Raises UnexpectedAnswer if its
    `conversations` are not a list.
    """
    rows = list_in(page, "conversations")
    return kind(
        page.number,
        page.request,
        page.fetched_at,
        page.correlation_id,
        page.body,
        as_of=page.as_of,
        rows=len(rows),
        ids=_texts(rows, "conversationId"),
        span=_span(rows),
        **more,
    )


def starts(page: Page) -> list[datetime]:
    """The valid values of conversationStart on a page, UTC."""
    return list(_instants(_texts(list_in(page, "conversations"), "conversationStart")))


def _span(rows: list[Any]) -> Span | None:
    texts = _texts(rows, "conversationStart")
    # Texts of the same form sort like their instants, so only the first and the last need to be parsed.
    same_form = all(len(text) == len(texts[0]) and text[-1:] == "Z" for text in texts)
    starts = list(_instants((min(texts), max(texts)) if same_form and texts else texts))
    if same_form and len(starts) < 2:
        starts = list(_instants(texts))
    return (min(starts), max(starts)) if starts else None


def _instants(texts: Iterable[str]) -> Iterator[datetime]:
    return (start for start in map(instant, texts) if start is not None)


def _texts(rows: list[Any], name: str) -> tuple[str, ...]:
    values = (row.get(name) for row in rows if isinstance(row, dict))
    return tuple(value for value in values if isinstance(value, str))
