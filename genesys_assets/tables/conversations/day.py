"""A day's details pages to its tables: decoded, merged, unnested, some hundred conversations at a time.

Which pages those are, and where the tables go, is decided in `days.sources` and `days.day_tables`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import pyarrow as pa

from genesys_assets.cloud.http.page import Page
from genesys_assets.tables.conversations.decode import DecodedPage, Decoder
from genesys_assets.tables.conversations.explode import explode
from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES
from genesys_assets.tables.conversations.forms import Forms
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS, interaction_legs
from genesys_assets.tables.conversations.merge import Plan, in_larger_parts, merged
from genesys_assets.threads import map_in_order

DAY_TABLES = (*CONVERSATION_TABLES, INTERACTION_LEGS)
"""The tables that are made of a day's conversations."""

_CONVERSATIONS_AT_ONCE = 600
"""Larger groups take more memory and little less time: 750 took 10 MB more, and 3 % less CPU."""


def day_tables(
    plan: Plan,
    page_at: Callable[[int], Page],
    note: Callable[[Page, DecodedPage], None],
    nested: Mapping[int, pa.StructArray] | None = None,
    *,
    threads: int = 1,
) -> Iterator[dict[str, pa.Table]]:
    """Yields parts of `DAY_TABLES`, by name of the table, in the order of conversationStart.

    `page_at` reads a page by its position in the plan; `note(page, decoded)` is called for each decoded page. Pages are
    read, decoded and unnested on `threads` threads while earlier parts are written, because Arrow does most of that
    without Python's global lock. `nested` has conversations that are nested already. Its keys are positions in the plan
    that have no page.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as executor:
        conversations = _conversations(executor, plan, page_at, note, nested or {}, ahead=max(2, threads))
        yield from map_in_order(executor, _unnested, in_larger_parts(merged(plan, conversations)), ahead=threads)


def _unnested(forms: Forms) -> dict[str, pa.Table]:
    tables = explode(forms.conversations, forms.supplements)
    return {**tables, INTERACTION_LEGS.name: interaction_legs(tables)}


def _conversations(
    executor: Executor,
    plan: Plan,
    page_at: Callable[[int], Page],
    note: Callable[[Page, DecodedPage], None],
    nested: Mapping[int, pa.StructArray],
    *,
    ahead: int,
) -> Iterator[pa.StructArray]:
    decoder = Decoder()

    def read(positions: Sequence[int]) -> list[tuple[Page, DecodedPage] | pa.StructArray]:
        pages = {position: page_at(position) for position in positions if position not in nested}
        decoded = decoder.decode_all([page.body for page in pages.values()]) if pages else []
        by_position = dict(zip(pages, zip(pages.values(), decoded, strict=True), strict=True))
        return [nested[position] if position in nested else by_position[position] for position in positions]

    for group in map_in_order(executor, read, _groups(plan), ahead=ahead):
        for each in group:
            if isinstance(each, tuple):
                note(*each)
                yield each[1].conversations
            else:
                yield each


def _groups(plan: Plan) -> Iterator[Sequence[int]]:
    """Positions of pages, in groups with about the same number of conversations. Conversations that are not taken count
    too, because a page is decoded as a whole.
    """
    group: list[int] = []
    conversations = 0
    for part in plan.parts:
        group.append(part.page)
        conversations += part.size
        if conversations >= _CONVERSATIONS_AT_ONCE:
            yield group
            group, conversations = [], 0
    if group:
        yield group
