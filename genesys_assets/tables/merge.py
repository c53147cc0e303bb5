"""Many pages to one ordered stream of conversations: bounds, duplicates, order.

Planning looks only at each conversation's id and start. Pages that overlap no other page pass through as they are; only
overlapping ones are sorted together. So memory holds the ids of the day and one group of pages, never the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.tables.conversation_model import CONVERSATION_TYPE
from genesys_assets.tables.nested import concatenated

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stub:
    """What planning needs of one page: the half-open span of its partition, when it was fetched, and ids and starts
    as `decode.starts` gives them. A page may reach beyond its partition; those conversations belong to another.
    """

    start: datetime
    end: datetime
    fetched_at: datetime
    conversations: pa.StructArray


@dataclass(frozen=True, slots=True)
class Plan:
    """Which conversations of which pages to take, group by group; groups follow one another in time.

    `outside` began outside their page's partition, `duplicates` are older forms of conversations that are taken.
    """

    groups: tuple[tuple[tuple[int, Numbers], ...], ...]
    outside: int
    duplicates: int

    @property
    def conversations(self) -> int:
        return sum(len(keep) for group in self.groups for _, keep in group)

    @property
    def order(self) -> list[int]:
        """The pages that are needed, by position, in the order in which `merged` takes them."""
        return [page for group in self.groups for page, _ in group]


def plan(pages: Sequence[Stub]) -> Plan:
    """Keep each conversation that began in its page's partition once, in its most recently fetched form."""
    lengths = [len(page.conversations) for page in pages]
    if not sum(lengths):
        return Plan((), 0, 0)
    ids = pa.concat_arrays([pc.struct_field(page.conversations, "conversationId") for page in pages])
    starts = pa.concat_arrays([pc.struct_field(page.conversations, "conversationStart") for page in pages])
    instants = starts.cast(pa.int64()).to_numpy()
    page_of = np.repeat(np.arange(len(pages)), lengths)
    start, end, fetched = (
        np.array([_milliseconds(getattr(page, name)) for page in pages], dtype=np.int64)[page_of]
        for name in ("start", "end", "fetched_at")
    )
    inside = (instants >= start) & (instants < end)
    newest = _newest(ids, fetched, inside)
    kept = np.flatnonzero(newest)
    begins = np.concatenate(([0], np.cumsum(lengths)))
    selected = {
        int(page_of[part[0]]): part - begins[page_of[part[0]]]
        for part in np.split(kept, np.flatnonzero(np.diff(page_of[kept])) + 1)
        if len(part)
    }
    spans = {page: _span(instants[begins[page] + keep]) for page, keep in selected.items()}
    return Plan(
        groups=tuple(tuple((page, selected[page]) for page in group) for group in _overlapping(spans)),
        outside=int((~inside).sum()),
        duplicates=int(inside.sum() - len(kept)),
    )


def merged(plan: Plan, pages: Iterable[pa.StructArray]) -> Iterator[pa.StructArray]:
    """Conversations by (conversationStart, conversationId), a group of pages at a time.

    `pages` are the conversations of the pages in `plan.order`.
    """
    in_order = iter(pages)
    for group in plan.groups:
        parts = [_take(next(in_order), keep) for _, keep in group]
        yield _ordered(concatenated(parts, CONVERSATION_TYPE))


def gathered(parts: Iterable[pa.StructArray], at_least: int = 1_000) -> Iterator[pa.StructArray]:
    """The same conversations in fewer and larger parts: unnesting a part costs about the same for 100 as for 1,000."""
    waiting: list[pa.StructArray] = []
    for part in parts:
        waiting.append(part)
        if sum(map(len, waiting)) >= at_least:
            yield concatenated(waiting, CONVERSATION_TYPE)
            waiting = []
    if waiting:
        yield concatenated(waiting, CONVERSATION_TYPE)


def _newest(ids: pa.Array, fetched: Numbers, inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """True for the newest occurrence of each id inside the bounds; of equally new ones the last."""
    code = ids.dictionary_encode().indices.to_numpy()
    candidates = np.flatnonzero(inside)
    order = candidates[np.lexsort((candidates, fetched[candidates], code[candidates]))]
    newest = np.zeros(len(ids), dtype=bool)
    if len(order):
        is_last = np.append(code[order][1:] != code[order][:-1], True)
        newest[order[is_last]] = True
    return newest


def _span(instants: Numbers) -> tuple[int, int]:
    return int(instants.min()), int(instants.max())


def _overlapping(spans: dict[int, tuple[int, int]]) -> Iterable[list[int]]:
    """Pages in groups whose spans touch, in the order of time."""
    group: list[int] = []
    reach = 0
    for page, (first, last) in sorted(spans.items(), key=lambda item: (item[1], item[0])):
        if group and first > reach:
            yield group
            group = []
        reach = last if not group else max(reach, last)
        group.append(page)
    if group:
        yield group


def _take(conversations: pa.StructArray, keep: Numbers) -> pa.StructArray:
    if len(keep) == len(conversations):
        return conversations
    return conversations.take(pa.array(keep))


def _ordered(conversations: pa.StructArray) -> pa.StructArray:
    ids = pc.struct_field(conversations, "conversationId")
    starts = pc.struct_field(conversations, "conversationStart")
    if _is_ordered(starts.cast(pa.int64()).to_numpy(), ids):
        return conversations
    keys = pa.table({"start": starts, "id": ids})
    return conversations.take(pc.sort_indices(keys, [("start", "ascending"), ("id", "ascending")]))


def _is_ordered(starts: Numbers, ids: pa.Array) -> bool:
    steps = np.diff(starts)
    if (steps < 0).any():
        return False
    ties = np.flatnonzero(steps == 0)
    return all(ids[int(tie)].as_py() < ids[int(tie) + 1].as_py() for tie in ties)


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
