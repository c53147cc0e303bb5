"""An index of the stored conversations: which days have one of some conversations, without reading these days.

    <lake>/imports/starts/<day>/<name of the data file>.ids      of imported pages
    <lake>/imports/fetched/<day>/<name of the data file>.ids     of `tables/conversations`, without imported rows

An entry has 8 bytes of checksum, and 8 for each conversation.

Data files never change, so an entry of the index is right for as long as its data file is current. An entry that is
missing or damaged is made from the pages or the table, and entries of replaced data files are removed. An entry holds
the first 8 bytes of the SHA-256 of each id. They do not reveal the id, because ids are random. Two ids may have the
same 8 bytes: the index only says which days are worth reading.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.importing.imported_page import DETAILS
from genesys_assets.lake.files import Unreadable
from genesys_assets.lake.lake import Lake
from genesys_assets.tables.conversations.decode import UnreadablePage, starts
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tables.sources import IMPORTED

FOLDER, FETCHED_FOLDER = "imports/starts", "imports/fetched"
_PLACE, _TABLE = f"pages/{DETAILS}", f"tables/{CONVERSATIONS.name}"
_DIGEST_BYTES = 8
_DIGESTS = np.dtype("<u8")
_DAYS_AT_ONCE = 8
"""How many entries are read at once: on S3 each takes a request."""

Digests = npt.NDArray[np.uint64]


class WaitingStarts:
    """The conversations that an import is going to store: the digest of each id."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.digests = _digests(ids)
        self.digests.sort()

    def have_any(self, digests: Digests) -> bool:
        """Whether one of the digests is that of a conversation here."""
        if not len(self.digests):
            return False
        at = np.minimum(np.searchsorted(self.digests, digests), len(self.digests) - 1)
        return bool(np.any(self.digests[at] == digests))


def days_with_some_of(lake: Lake, waiting: WaitingStarts) -> list[str]:
    """The days, in order, whose stored pages may have a conversation of `waiting`."""

    def digests_of_pages(day: str) -> Digests:
        return _digests(id_ for _, ids in ids_by_page(lake, day) for id_ in ids)

    return _days(lake, waiting, FOLDER, _PLACE, digests_of_pages)


def fetched_days_with_some_of(lake: Lake, waiting: WaitingStarts) -> list[str]:
    """The days, in order, whose table may have a fetched conversation of `waiting`."""

    def digests_of_table(day: str) -> Digests:
        return _digests(fetched_starts(lake, day)["conversation_id"].to_pylist())

    return _days(lake, waiting, FETCHED_FOLDER, _TABLE, digests_of_table)


def fetched_starts(lake: Lake, day: str) -> pa.Table:
    """The columns `conversation_id` and `conversation_start` of the fetched conversations of a day. Raises
    Unreadable.
    """
    return lake.read(
        _TABLE,
        day,
        schema=CONVERSATIONS.schema,
        columns=["conversation_id", "conversation_start"],
        where=pc.field("source") != IMPORTED,
    )


def _days(
    lake: Lake, waiting: WaitingStarts, folder: str, place: str, digests_in: Callable[[str], Digests]
) -> list[str]:
    of_day = {day: data_file(lake, day, place) for day in lake.page_partitions(place)}
    current = {day: f"{folder}/{day}/{PurePosixPath(file).stem}.ids" for day, file in of_day.items() if file}
    known = set(lake.store.keys(folder))
    for key in sorted(known.difference(current.values())):
        lake.store.delete(key)

    def digests_of(day: str) -> Digests:
        entry = lake.store.get(current[day]) if current[day] in known else None
        if entry is not None and _checksum(entry[_DIGEST_BYTES:]) == entry[:_DIGEST_BYTES]:
            return np.frombuffer(entry, _DIGESTS, offset=_DIGEST_BYTES)
        try:
            digests = digests_in(day)
        except (Unreadable, UnreadablePage):
            # Damage is reported when the day is materialised. Until then the day may have any conversation.
            return waiting.digests
        lake.store.put(current[day], _checksum(digests.tobytes()) + digests.tobytes())
        return digests

    found, days = list[str](), list(current)
    with ThreadPoolExecutor(_DAYS_AT_ONCE, thread_name_prefix="starts") as executor:
        for first in range(0, len(days), _DAYS_AT_ONCE):
            some = days[first : first + _DAYS_AT_ONCE]
            read = zip(some, executor.map(digests_of, some), strict=True)
            found += [day for day, digests in read if waiting.have_any(digests)]
    return found


def ids_by_page(lake: Lake, day: str) -> Iterator[tuple[str, list[str]]]:
    """The request of each stored page of a day, and the ids of its conversations. Raises Unreadable, UnreadablePage."""
    for page in lake.pages(_PLACE, day) or ():
        yield page.request, starts(page.body).field("conversationId").to_pylist()


def data_file(lake: Lake, day: str, place: str = _PLACE) -> str | None:
    """The path of the newest data file of a day, which is another one after each commit; None if the day is not
    stored. By default that of imported conversations.
    """
    files = lake.log(place).files(day)
    return files[-1].path if files else None


def _digests(ids: Iterable[str]) -> Digests:
    return np.fromiter(map(_digest, ids), _DIGESTS)


def _digest(id_: str) -> int:
    return int.from_bytes(_checksum(id_.encode(errors="replace")), "little")


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:_DIGEST_BYTES]
