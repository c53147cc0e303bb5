"""A page of conversations, and the few facts of it that paging and partitions need, read once when it arrives.

A parsed page takes many times its bytes, so it is not kept. `tables` knows what a conversation is.
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
    """`rows` conversations, the `ids` of those that have a sound one, and the earliest and the latest
    conversationStart; no `span` if none has a sound one.
    """

    rows: int = 0
    ids: tuple[str, ...] = ()
    span: Span | None = None


def with_facts(page: Page, kind: type[P], **more: Any) -> P:
    """The page with the facts about it. Raises UnexpectedAnswer if its `conversations` are not a list."""
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
    """The sound ones among the conversationStarts on a page."""
    return list(_instants(_texts(list_in(page, "conversations"), "conversationStart")))


def _span(rows: list[Any]) -> Span | None:
    written = _texts(rows, "conversationStart")
    # Instants written alike are in the order of their texts; only two are read then.
    alike = all(len(text) == len(written[0]) and text[-1:] == "Z" for text in written)
    starts = list(_instants((min(written), max(written)) if alike and written else written))
    if alike and len(starts) < 2:
        starts = list(_instants(written))
    return (min(starts), max(starts)) if starts else None


def _instants(written: Iterable[str]) -> Iterator[datetime]:
    return (start for start in map(instant, written) if start is not None)


def _texts(rows: list[Any], name: str) -> tuple[str, ...]:
    values = (row.get(name) for row in rows if isinstance(row, dict))
    return tuple(value for value in values if isinstance(value, str))
