"""A day's details pages to its tables: decoded, merged, unnested, a thousand conversations at a time.

Which pages those are, and where the tables go, is decided in `assets.tables`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from genesys_assets.cloud.http.page import Page
from genesys_assets.tables.conversations.decode import Decoded, Decoder
from genesys_assets.tables.conversations.explode import explode
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS, interaction_legs
from genesys_assets.tables.conversations.merge import Plan, gathered, merged
from genesys_assets.tables.conversations.model import CONVERSATION_TABLES
from genesys_assets.threads import map_in_order

DAY_TABLES = (*CONVERSATION_TABLES, INTERACTION_LEGS)
"""What is made of a day's conversations."""

_CONVERSATIONS_AT_ONCE = 750
_GROUPS_AHEAD = 2


def day_tables(
    plan: Plan, page_at: Callable[[int], Page], note: Callable[[Page, Decoded], None]
) -> Iterator[dict[str, pa.Table]]:
    """Parts of `DAY_TABLES` by name, in the order of conversationStart.

    `page_at` reads a page by its position in the plan; `note` hears of each page once it is decoded. Pages are read and
    decoded on a thread of their own: Arrow does that without Python's lock, while the parts before are written.
    """
    for forms in gathered(merged(plan, _conversations(plan, page_at, note))):
        tables = explode(forms.conversations, forms.supplements)
        yield {**tables, INTERACTION_LEGS.name: interaction_legs(tables)}


def _conversations(
    plan: Plan, page_at: Callable[[int], Page], note: Callable[[Page, Decoded], None]
) -> Iterator[pa.StructArray]:
    decoder = Decoder()

    def read(positions: Sequence[int]) -> list[tuple[Page, Decoded]]:
        pages = [page_at(position) for position in positions]
        return list(zip(pages, decoder.decode_all([page.body for page in pages]), strict=True))

    with ThreadPoolExecutor(1, thread_name_prefix="decode") as reader:
        for group in map_in_order(reader, read, _groups(plan), ahead=_GROUPS_AHEAD):
            for page, decoded in group:
                note(page, decoded)
                yield decoded.conversations


def _groups(plan: Plan) -> Iterator[Sequence[int]]:
    """The pages in groups that have about as many conversations, taken or not: all of a page is decoded."""
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
