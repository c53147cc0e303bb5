"""Merges many pages to one ordered stream of conversations, each once.

Planning reads only the id and start of each conversation. It decides from which page a conversation is taken, and which
other page supplements it. Merging opens the pages in the order of time, and closes each after its last conversation. So
only the ids of the day and the pages that are open at the same time are in memory, never the whole day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.spans import milliseconds
from genesys_assets.tables.conversations.forms import NO_SUPPLEMENTS, Forms, Supplements, concat_forms
from genesys_assets.tables.conversations.model import CONVERSATION_TYPE, SUPPLEMENT_TYPE
from genesys_assets.tables.conversations.nested import concatenated, conformed

Numbers = npt.NDArray[np.int64]
Positions = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

_NEVER = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True)
class Stub:
    """The facts of one page for planning: the half-open span of its partition, its `as_of`, and the ids and starts of
    its conversations from `decode.starts`. Conversations that began outside that span belong to another partition.

    `decides`: this page decides which conversations the day has. Other pages may have newer forms of them; a
    conversation that only other pages have was deleted. `by_job`: the page is a result of a details job, so it has
    fields that only jobs have. If the newest form of a conversation is not by job, its newest form by job supplements
    it.
    """

    start: datetime
    end: datetime
    as_of: datetime
    conversations: pa.StructArray
    decides: bool = True
    by_job: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """The rows that are taken from one page.

    `rows` are conversations in their newest form. `supplements` are rows that supplement a newer form; `supplemented`
    are the starts of these newer forms, in milliseconds, ascending. `first` is the earliest start of all these rows.
    `size` is the number of conversations on the page.
    """

    page: int
    rows: Numbers
    supplements: Numbers
    supplemented: Numbers
    first: int
    size: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Which conversations to take from which pages, page by page in the order of their first conversation.

    `outside`, `duplicates` and `deleted` are counts: of rows that began outside their page's partition, of older forms
    of conversations that are taken, and of conversations that no deciding page has.
    """

    parts: tuple[Part, ...]
    outside: int
    duplicates: int
    deleted: int

    @property
    def conversations(self) -> int:
        return sum(len(part.rows) for part in self.parts)

    @property
    def order(self) -> list[int]:
        """The positions of the pages that are needed, in the order in which `merged` takes them."""
        return [part.page for part in self.parts]


def plan(pages: Sequence[Stub]) -> Plan:
    """Plans to take each conversation that began in its page's partition once, in its newest form: with the latest
    `as_of`, and of equal ones on the last page.
    """
    if not any(len(page.conversations) for page in pages):
        return Plan((), 0, 0, 0)
    rows = _rows(pages)
    chosen = _chosen(rows)
    of_taken = rows.by_page(chosen.taken)
    by_row = np.argsort(chosen.supplements)
    of_supplements = rows.by_page(chosen.supplements[by_row])
    starts = np.split(rows.starts[chosen.supplemented[by_row]], np.cumsum([len(of) for of in of_supplements])[:-1])
    parts = [
        _part(rows, page, *taken)
        for page, taken in enumerate(zip(of_taken, of_supplements, starts, strict=True))
        if len(taken[0]) or len(taken[1])
    ]
    inside = int(rows.inside.sum())
    return Plan(
        parts=tuple(sorted(parts, key=lambda part: (part.first, part.page))),
        outside=len(rows.inside) - inside,
        duplicates=inside - len(chosen.taken) - chosen.rows_of_deleted,
        deleted=chosen.deleted,
    )


def merged(plan: Plan, pages: Iterable[pa.StructArray]) -> Iterator[Forms]:
    """Yields the planned conversations in the order of (conversationStart, conversationId).

    `pages` are the conversations of the pages in `plan.order`.
    """
    still_open: list[_OpenPage] = []
    borders = [*(part.first for part in plan.parts), _NEVER][1:]
    for part, conversations, border in zip(plan.parts, pages, borders, strict=True):
        still_open.append(_opened(part, conversations))
        begun_before = [page.take_before(border) for page in still_open]
        still_open = [page for page in still_open if len(page)]
        pieces = [piece for piece, _ in begun_before if len(piece)]
        if pieces:
            yield _forms(pieces, [supplements for _, supplements in begun_before if len(supplements)])


def in_larger_parts(parts: Iterable[Forms], at_least: int = 500) -> Iterator[Forms]:
    """The same conversations in fewer and larger parts: unnesting 100 conversations takes about as long as 1,000."""
    waiting: list[Forms] = []
    for part in parts:
        waiting.append(part)
        if sum(map(len, waiting)) >= at_least:
            yield concat_forms(waiting)
            waiting = []
    if waiting:
        yield concat_forms(waiting)


# -- planning ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rows:
    """The conversations of all pages, one page after the other. `begins` has the position at which each page begins,
    and the end.
    """

    ids: pa.Array
    starts: Numbers
    inside: Flags
    page_of: Positions
    begins: Numbers
    as_of: Numbers
    decides: Flags
    by_job: Flags

    def by_page(self, rows: Numbers) -> list[Numbers]:
        """For each page the given rows that are on it, as positions on the page. `rows` must ascend."""
        bounds = np.searchsorted(rows, self.begins[1:-1])
        return [of - begin for of, begin in zip(np.split(rows, bounds), self.begins[:-1], strict=True)]


@dataclass(frozen=True, slots=True)
class _ChosenRows:
    """`taken` are the rows to take, ascending. `supplements` are rows that supplement those in `supplemented`.
    `deleted` counts conversations without a row on a deciding page, `rows_of_deleted` their rows on other pages.
    """

    taken: Numbers
    supplements: Numbers
    supplemented: Numbers
    deleted: int
    rows_of_deleted: int


def _rows(pages: Sequence[Stub]) -> _Rows:
    lengths = [len(page.conversations) for page in pages]
    starts = [_numbers(pc.struct_field(page.conversations, "conversationStart")) for page in pages]
    bounds = [(milliseconds(page.start), milliseconds(page.end)) for page in pages]
    return _Rows(
        ids=pa.concat_arrays([pc.struct_field(page.conversations, "conversationId") for page in pages]),
        starts=np.concatenate(starts),
        inside=np.concatenate([(of >= start) & (of < end) for of, (start, end) in zip(starts, bounds, strict=True)]),
        page_of=np.repeat(np.arange(len(pages), dtype=np.int32), lengths),
        begins=np.concatenate(([0], np.cumsum(lengths))),
        as_of=np.array([milliseconds(page.as_of) for page in pages], dtype=np.int64),
        decides=np.array([page.decides for page in pages], dtype=bool),
        by_job=np.array([page.by_job for page in pages], dtype=bool),
    )


def _chosen(rows: _Rows) -> _ChosenRows:
    code, is_alone = _coded(rows.ids)
    decides = rows.decides[rows.page_of]
    alone = rows.inside & is_alone
    several = np.flatnonzero(rows.inside & ~is_alone)
    # By conversation, the newest form last; of equally new ones the one on the last page.
    ranked = several[np.lexsort((several, rows.as_of[rows.page_of[several]], code[several]))]
    lasts = np.flatnonzero(np.diff(code[ranked], append=-1))
    newest = ranked[lasts]
    is_decided = _last_where(decides[ranked], lasts) >= 0
    last_by_job = _last_where(rows.by_job[rows.page_of[ranked]], lasts)
    is_supplemented = is_decided & (last_by_job >= 0) & (last_by_job < lasts)
    undecided = int((alone & ~decides).sum())
    return _ChosenRows(
        taken=np.sort(np.concatenate((np.flatnonzero(alone & decides), newest[is_decided]))),
        supplements=ranked[last_by_job[is_supplemented]],
        supplemented=newest[is_supplemented],
        deleted=undecided + int((~is_decided).sum()),
        rows_of_deleted=undecided + int(np.diff(lasts, prepend=-1)[~is_decided].sum()),
    )


def _coded(ids: pa.Array) -> tuple[Positions, Flags]:
    """Equal numbers for equal ids, and whether an id occurs once only."""
    order = pc.sort_indices(ids).to_numpy()
    repeats = _equal_to_the_one_before(ids.take(pa.array(order)))
    code = np.empty(len(order), dtype=np.int32)
    code[order] = np.cumsum(~repeats, dtype=np.int32)
    is_alone = np.empty(len(order), dtype=bool)
    is_alone[order] = ~(repeats | np.append(repeats[1:], False))
    return code, is_alone


def _equal_to_the_one_before(ids: pa.Array) -> Flags:
    equal = pc.equal(ids.slice(1), ids.slice(0, len(ids) - 1))
    return np.concatenate(([False], equal.to_numpy(zero_copy_only=False)))


def _last_where(flags: Flags, lasts: Numbers) -> Numbers:
    """The last position of a flag in each run of positions that ends at one of `lasts`; -1 if there is none."""
    latest = np.maximum.accumulate(np.where(flags, np.arange(len(flags)), -1))[lasts]
    begins = np.concatenate(([0], lasts[:-1] + 1))[: len(lasts)]
    return np.where(latest >= begins, latest, -1)


def _part(rows: _Rows, page: int, taken: Numbers, supplements: Numbers, starts: Numbers) -> Part:
    order = np.argsort(starts, kind="stable")
    starts_of_rows = np.concatenate((rows.starts[taken + rows.begins[page]], starts))
    size = int(rows.begins[page + 1] - rows.begins[page])
    return Part(page, taken, supplements[order], starts[order], int(starts_of_rows.min()), size)


# -- merging -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _OpenPage:
    """The rows of an open page that were not yielded yet, in the order of time."""

    conversations: pa.StructArray
    starts: Numbers
    supplements: pa.StructArray
    supplemented: Numbers

    def __len__(self) -> int:
        return len(self.conversations) + len(self.supplements)

    def take_before(self, border: int) -> tuple[pa.StructArray, pa.StructArray]:
        """Removes and returns the conversations that began before the border, and the supplements of such
        conversations.
        """
        begun, supplemented = (int(np.searchsorted(of, border)) for of in (self.starts, self.supplemented))
        before_border = self.conversations.slice(0, begun), self.supplements.slice(0, supplemented)
        self.conversations, self.starts = self.conversations.slice(begun), self.starts[begun:]
        self.supplements, self.supplemented = self.supplements.slice(supplemented), self.supplemented[supplemented:]
        return before_border


def _opened(part: Part, conversations: pa.StructArray) -> _OpenPage:
    taken = _ordered(_take(conversations, part.rows))
    supplements = NO_SUPPLEMENTS.rows
    if len(part.supplements):
        supplements = conformed(conversations, SUPPLEMENT_TYPE).take(pa.array(part.supplements))
    starts = _numbers(pc.struct_field(taken, "conversationStart"))
    return _OpenPage(taken, starts, supplements, part.supplemented)


def _forms(pieces: Sequence[pa.StructArray], supplements: Sequence[pa.StructArray]) -> Forms:
    """The conversations of all pieces, and their supplements."""
    conversations = pieces[0] if len(pieces) == 1 else _ordered(concatenated(pieces, CONVERSATION_TYPE))
    if not supplements:
        return Forms(conversations)
    rows = pa.concat_arrays(supplements)
    ids = [pc.struct_field(of, "conversationId") for of in (rows, conversations)]
    return Forms(conversations, Supplements(rows, _whole(pc.index_in(*ids))))


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
    return _whole(instants.cast(pa.int64()))


def _whole(values: pa.Array) -> Numbers:
    return np.asarray(values.to_numpy(), dtype=np.int64)
