"""An index of the imported conversations: which days have pages with a conversation, without reading these pages.

    <lake>/imports/starts/<day>/<name of the data file>.ids      8 bytes of checksum, and 8 for each conversation

Data files never change, so an entry of the index is right for as long as its data file is current. An entry that is
missing or damaged is made from the pages, and entries of replaced data files are removed. An entry holds the first 8
bytes of the SHA-256 of each id. They do not reveal the id, because ids are random. Two ids may have the same 8 bytes:
the index only says which days are worth reading.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from genesys_assets.importing.pages import DETAILS
from genesys_assets.lake.files import Unreadable
from genesys_assets.lake.lake import Lake
from genesys_assets.tables.conversations.decode import UnreadablePage, starts

FOLDER = "imports/starts"
_PLACE = f"pages/{DETAILS}"
_DIGEST_BYTES = 8
_DIGESTS = np.dtype("<u8")
_DAYS_AT_ONCE = 8
"""How many entries are read at once: on S3 each takes a request."""

Digests = npt.NDArray[np.uint64]


class WaitingStarts:
    """The conversations that an import is going to store: the digest of each id."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._digests = np.fromiter(map(_digest, ids), _DIGESTS)
        self._digests.sort()

    def have_any(self, digests: Digests) -> bool:
        """Whether one of the digests is that of a conversation here."""
        if not len(self._digests):
            return False
        at = np.minimum(np.searchsorted(self._digests, digests), len(self._digests) - 1)
        return bool(np.any(self._digests[at] == digests))


def days_with_some_of(lake: Lake, waiting: WaitingStarts) -> list[str]:
    """The days, in order, whose stored pages may have a conversation of `waiting`."""
    current = {day: _key(day, file) for day in lake.page_partitions(_PLACE) if (file := data_file(lake, day))}
    known = set(lake.store.keys(FOLDER))
    for key in sorted(known.difference(current.values())):
        lake.store.delete(key)

    def digests_of(day: str) -> Digests:
        entry = lake.store.get(current[day]) if current[day] in known else None
        if entry is not None and _checksum(entry[_DIGEST_BYTES:]) == entry[:_DIGEST_BYTES]:
            return np.frombuffer(entry, _DIGESTS, offset=_DIGEST_BYTES)
        return _make_entry(lake, day, current[day])

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


def data_file(lake: Lake, day: str) -> str | None:
    """The path of the newest data file of imported conversations of a day, which is another one after each commit; None
    if the day is not stored.
    """
    files = lake.log(_PLACE).files(day)
    return files[-1].path if files else None


def _key(day: str, file: str) -> str:
    """The key of the entry about a data file."""
    return f"{FOLDER}/{day}/{PurePosixPath(file).stem}.ids"


def _make_entry(lake: Lake, day: str, key: str) -> Digests:
    """Make an entry from the pages; it is not stored if a page is damaged, which is reported when the day is
    materialised.
    """
    found: list[int] = []
    try:
        for _, ids in ids_by_page(lake, day):
            found += map(_digest, ids)
    except (Unreadable, UnreadablePage):
        return np.array(found, _DIGESTS)
    digests = np.array(found, _DIGESTS)
    lake.store.put(key, _checksum(digests.tobytes()) + digests.tobytes())
    return digests


def _digest(id_: str) -> int:
    return int.from_bytes(_checksum(id_.encode(errors="replace")), "little")


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:_DIGEST_BYTES]
