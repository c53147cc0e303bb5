"""Leaves out conversations that another imported file has on another day, or that were fetched on another day.

A conversation belongs to the day on which it began. If two files give it two starts on different days, it would count
on both, and one of the starts is wrong: mostly one file was read with the wrong time zone. One is wrong too if two
starts on one day lie 15 minutes or more apart. The file that came first keeps the conversation. The other file's form
of it is left out, with the name of the first file. What was fetched is always first.

They are found on any day, however far away (`start_index`).

Two imports that run at once do not see each other's files before they write. So an import looks again after it has
written a day: see `Overtaken`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from genesys_assets.cloud.http.page import Page
from genesys_assets.importing.imported_page import DETAILS, file_of
from genesys_assets.importing.spool import Spool
from genesys_assets.importing.start_index import (
    WaitingStarts,
    data_file,
    days_with_some_of,
    fetched_days_with_some_of,
    fetched_starts,
)
from genesys_assets.importing.versions import without
from genesys_assets.lake.files import Unreadable
from genesys_assets.lake.lake import Lake
from genesys_assets.tables.conversations.decode import UnreadablePage, starts
from genesys_assets.tables.spec import INSTANT

_PLACE = f"pages/{DETAILS}"


class _Other(NamedTuple):
    """The file (its sha256) that keeps a conversation, and the day on which the conversation began there; no file if
    the conversation was fetched.
    """

    file: str | None
    day: str


_Start = tuple[str, int]
"""The id of a conversation, and when it began, in milliseconds since 1970."""
_Moved = dict[tuple[str, str], dict[str, _Other]]
"""The conversations to leave out, by their file and their day there; each with the file that keeps it."""


def shared_days(lake: Lake, spool: Spool) -> list[str]:
    """The days whose stored pages may have conversations of the spool."""
    return days_with_some_of(lake, WaitingStarts(spool.started_ids())) if spool.start_days() else []


def leave_out_moved(
    lake: Lake, spool: Spool, replaced: Collection[str], name_of: Callable[[str], str], shared: Collection[str]
) -> dict[str, Counter[str]]:
    """Take conversations out of the spool's pages that were fetched on another day, or that another file has on another
    day: a stored file, or an earlier one in the spool. Returns the remarks on what was left out, with counts, by sha256
    of the file.

    `replaced` are the files (sha256) whose stored pages are about to be replaced; `name_of` gives a file's name;
    `shared` are the `shared_days`.
    """
    return _leave_out(spool, _moved(lake, spool, replaced, shared), name_of)


class Overtaken:
    """Finds conversations that another process stored on another day while an import wrote its pages.

    The table of pages has one order of commits. Of two files that give a conversation two days, the one that was
    committed first keeps it. The import of the other one looks at the table as of its own commit, finds the first file
    there, and takes the conversation out again. So exactly one of the two yields.
    """

    def __init__(self, lake: Lake) -> None:
        """`lake` is as it was when the import was compared with it: see `leave_out_moved`."""
        self._files = {day: data_file(lake, day) for day in lake.page_partitions(_PLACE)}

    def leave_out(
        self,
        lake: Lake,
        spool: Spool,
        replaced: Collection[str],
        name_of: Callable[[str], str],
        *,
        day: str,
        built_on: str | None,
    ) -> dict[str, Counter[str]]:
        """As `leave_out_moved`, after pages of `day` were committed, for conversations that began on `day` or later.
        Those of earlier days were committed before.

        `lake` is as it was with that commit, and `built_on` is the data file that the commit replaced.
        """
        current = {each: data_file(lake, each) for each in lake.page_partitions(_PLACE)}
        changed = {each for each, file in current.items() if each != day and file != self._files.get(each)}
        if built_on != self._files.get(day):
            changed.add(day)
        self._files = current
        found: _Moved = defaultdict(dict)
        for each in sorted(changed):
            for file, starts_ in _stored_starts(lake, each, replaced):
                _note(found, spool, starts_, _Other(file, each), since=day)
        return _leave_out(spool, found, name_of)


def _leave_out(spool: Spool, moved: _Moved, name_of: Callable[[str], str]) -> dict[str, Counter[str]]:
    remarks: dict[str, Counter[str]] = defaultdict(Counter)
    for (file, day), others in moved.items():
        for number, page in list(spool.pages_of_file((DETAILS, day), file)):
            spool.replace_page(number, *without(page, others))
        for other, count in Counter(others.values()).items():
            remarks[file][_remark(day, other, name_of)] += count
    return remarks


def _remark(day: str, other: _Other, name_of: Callable[[str], str]) -> str:
    begun = f"conversation left out: it began on {day} here, and on {other.day}"
    if day == other.day:
        begun = f"conversation left out: it began on {day} here, and 15 minutes or more earlier or later"
    if other.file is None:
        return f"{begun} as it was fetched. Import the file with the --time-zone of its instants"
    name = name_of(other.file)
    return f"{begun} in {name}, which came first. Take back the file that is wrong, and import the other again"


def _moved(lake: Lake, spool: Spool, replaced: Collection[str], shared: Collection[str]) -> _Moved:
    found: _Moved = defaultdict(dict)
    if spool.start_days():
        for day in fetched_days_with_some_of(lake, WaitingStarts(spool.started_ids())):
            _note(found, spool, _fetched_starts(lake, day), _Other(None, day))
    for day in shared:
        for stored_file, starts_ in _stored_starts(lake, day, replaced):
            _note(found, spool, starts_, _Other(stored_file, day))
    for id_, file, own_day, *first in spool.begun_at_two_times():
        found[file, own_day][id_] = _Other(*first)
        spool.forget_start(id_, file)
    return found


def _note(found: _Moved, spool: Spool, starts_: Sequence[_Start], other: _Other, since: str = "") -> None:
    """Note which of some conversations of `other` begin at another time in the spool, from the day `since` on."""
    for id_, file, own_day in spool.begun_at_another_time(starts_, other.day):
        if own_day >= since:
            found[file, own_day].setdefault(id_, other)
            spool.forget_start(id_, file)


def _fetched_starts(lake: Lake, day: str) -> list[_Start]:
    """The conversations of a day that were fetched, and that are in its table."""
    try:
        rows = fetched_starts(lake, day)
    except Unreadable:
        # A damaged table is computed again, and then holds what was fetched.
        return []
    return _pairs(rows["conversation_id"], rows["conversation_start"])


def _pairs(ids: pa.Array | pa.ChunkedArray, starts_: pa.Array | pa.ChunkedArray) -> list[_Start]:
    return list(zip(ids.to_pylist(), starts_.cast(INSTANT).cast(pa.int64()).to_pylist(), strict=True))


def _stored_starts(lake: Lake, day: str, replaced: Collection[str]) -> Iterator[tuple[str, list[_Start]]]:
    """For each readable imported page of a day its file, and its conversations; none if it is replaced."""
    stored = lake.pages(_PLACE, day)
    if stored is None:
        return
    for index in range(len(stored)):
        try:
            file = file_of(stored.about(index).request)
            begun = [] if file in replaced else _starts_on(stored[index])
        except (Unreadable, UnreadablePage):
            # A damaged page is reported when its day is materialised.
            continue
        yield file, begun


def _starts_on(page: Page) -> list[_Start]:
    found = starts(page.body)
    return _pairs(found.field("conversationId"), found.field("conversationStart"))
