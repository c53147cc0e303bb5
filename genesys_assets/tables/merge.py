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
Positions = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]


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
    instants = [_numbers(pc.struct_field(page.conversations, "conversationStart")) for page in pages]
    bounds = [(_milliseconds(page.start), _milliseconds(page.end)) for page in pages]
    inside = np.concatenate([(of >= start) & (of < end) for of, (start, end) in zip(instants, bounds, strict=True)])
    page_of = np.repeat(np.arange(len(pages), dtype=np.int32), lengths)
    fetched = np.array([_milliseconds(page.fetched_at) for page in pages], dtype=np.int64)
    ids = pa.concat_arrays([pc.struct_field(page.conversations, "conversationId") for page in pages])
    newest = _newest(ids, page_of, fetched, inside)
    kept = np.flatnonzero(newest)
    begins = np.concatenate(([0], np.cumsum(lengths)))
    selected = {
        int(page_of[part[0]]): part - begins[page_of[part[0]]]
        for part in np.split(kept, np.flatnonzero(np.diff(page_of[kept])) + 1)
        if len(part)
    }
    spans = {page: _span(instants[page][keep]) for page, keep in selected.items()}
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


def _newest(ids: pa.Array, page_of: Positions, fetched: Numbers, inside: Flags) -> Flags:
    """True for the newest occurrence of each id inside the bounds; of equally new ones the last."""
    order = pc.sort_indices(ids).to_numpy()
    again = _equal_to_the_one_before(ids.take(pa.array(order)))
    if not again.any():
        return inside
    code = np.empty(len(order), dtype=np.int32)
    code[order] = np.cumsum(~again, dtype=np.int32)
    several = np.empty(len(order), dtype=bool)
    several[order] = again | np.append(again[1:], False)
    candidates = np.flatnonzero(inside & several)
    ranked = candidates[np.lexsort((candidates, fetched[page_of[candidates]], code[candidates]))]
    newest = inside & ~several
    if len(ranked):
        newest[ranked[np.append(code[ranked][1:] != code[ranked][:-1], True)]] = True
    return newest


def _equal_to_the_one_before(ids: pa.Array) -> Flags:
    equal = pc.equal(ids.slice(1), ids.slice(0, len(ids) - 1))
    return np.concatenate(([False], equal.to_numpy(zero_copy_only=False)))


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
    if _is_ordered(_numbers(starts), ids):
        return conversations
    keys = pa.table({"start": starts, "id": ids})
    return conversations.take(pc.sort_indices(keys, [("start", "ascending"), ("id", "ascending")]))


def _is_ordered(starts: Numbers, ids: pa.Array) -> bool:
    steps = np.diff(starts)
    if (steps < 0).any():
        return False
    ties = np.flatnonzero(steps == 0)
    return all(ids[int(tie)].as_py() < ids[int(tie) + 1].as_py() for tie in ties)


def _numbers(instants: pa.Array) -> Numbers:
    return np.asarray(instants.cast(pa.int64()).to_numpy(), dtype=np.int64)


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
