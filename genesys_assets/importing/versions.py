"""Leaves out versions of a conversation that are parts of it: those of several files of one import, and those that
earlier imports stored.

Of several versions the newest counts. But a tool may have cut conversations into files: one with the customers and one
with the agents, or one for each metric. Then no version is the whole conversation, and all of them that are not stored
yet are left out. `forms` compares two versions. Versions that were fetched are not compared. `_put_in_order` sees to it
that the newest version counts as the newest.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, product
from typing import NamedTuple

from genesys_assets.cloud.http.page import Page
from genesys_assets.importing.forms import Version, are_partial, is_shrunken
from genesys_assets.importing.imported_page import DETAILS, file_of, identity
from genesys_assets.importing.spelling import Object
from genesys_assets.importing.spool import Spool
from genesys_assets.lake.files import Unreadable
from genesys_assets.lake.lake import Lake
from genesys_assets.tables.conversations.decode import UnreadablePage, starts

_MOST_NAMED = 3


class _Held(NamedTuple):
    """A version of a conversation, its file (sha256), the `fetched_at` of its page, and the number of its page in the
    spool; no number if it is stored.
    """

    file: str
    version: Version
    as_of: datetime
    page: int | None = None


_Versions = dict[str, list[_Held]]
"""The versions of each conversation, in the order of their pages."""


def leave_out_parts(
    lake: Lake, spool: Spool, replaced: Collection[str], name_of: Callable[[str], str], shared: Collection[str]
) -> dict[str, Counter[str]]:
    """Take conversations out of the spool's pages of which another file has what their version lacks: one in the spool,
    or a stored one. Returns the remarks on what was left out, with counts, by sha256 of the file.

    `shared` are the days whose stored pages may have conversations of the spool. `replaced` are the files (sha256)
    whose stored pages are about to be replaced; `name_of` gives a file's name.
    """
    remarks: dict[str, Counter[str]] = defaultdict(Counter)
    for day in spool.start_days():
        is_shared = day in shared
        for ids in spool.ids_begun_on(day, is_shared=is_shared):
            stored = _stored(lake, day, ids, replaced) if is_shared else {}
            of_files = ids if not is_shared else {*stored, *spool.of_several_files(ids)}
            waiting = _waiting(spool, day, of_files) if of_files else {}
            parts = _parts(waiting, stored, name_of)
            for file, found in parts.items():
                for number, page in list(spool.pages_of_file((DETAILS, day), file)):
                    spool.replace_page(number, *without(page, found))
                for id_, names in found.items():
                    spool.forget_start(id_, file)
                    remarks[file][_remark(names)] += 1
            left_out = set[str]().union(*parts.values())
            left = {id_: versions for id_, versions in waiting.items() if id_ not in left_out}
            _put_in_order(spool, day, left, stored)
    return remarks


def _parts(waiting: _Versions, stored: _Versions, name_of: Callable[[str], str]) -> dict[str, dict[str, str]]:
    """The conversations to leave out, by file; each with the names of the files that have parts of it."""
    parts: dict[str, dict[str, str]] = defaultdict(dict)
    for id_, versions in waiting.items():
        if (files := _files_of_parts(versions, stored.get(id_, ()))) is not None:
            further = len(files) - _MOST_NAMED
            names = ", ".join(map(name_of, files[:_MOST_NAMED])) + (f" and {further} more" if further > 0 else "")
            for each in versions:
                parts[each.file][id_] = names
    return parts


def _put_in_order(spool: Spool, day: str, waiting: _Versions, stored: _Versions) -> None:
    """Move versions to pages of their own if the times of their pages would make an older version count as newer. A
    page has the time of the earliest of its conversations, so a newer version may stand on an older page.
    """
    moves: dict[int, dict[str, tuple[datetime, datetime]]] = defaultdict(dict)
    for id_, versions in waiting.items():
        every = [*stored.get(id_, ()), *versions]
        newest = max(range(len(every)), key=lambda at: (every[at].version.age, at))
        others = [each for at, each in enumerate(every) if at != newest]
        found = every[newest]
        if found.page is not None:
            # Of pages with one time the last one counts.
            overtakes = any(each.as_of == found.as_of for each in every[newest + 1 :])
            if others and (overtakes or max(each.as_of for each in others) > found.as_of):
                last = datetime.fromisoformat(found.version.last)
                moves[found.page][id_] = (last, max(each.as_of for each in others))
        else:
            earlier = found.as_of - timedelta(milliseconds=1)
            for each in others:
                if each.page is not None and each.as_of >= found.as_of:
                    moves[each.page][id_] = (earlier, earlier)
    for file, number, page in spool.numbered_pages((DETAILS, day)) if moves else ():
        if number not in moves:
            continue
        conversations = {each["conversationId"]: each for each in page.json()["conversations"]}
        for ids, as_of in _groups(moves[number]):
            moved = _page_of(page, [conversations[id_] for id_ in ids], as_of)
            spool.add_page((DETAILS, day), file, moved, identity(moved))
        spool.replace_page(number, *without(page, moves[number]))


def _groups(moves: Mapping[str, tuple[datetime, datetime]]) -> Iterator[tuple[list[str], datetime]]:
    """The conversations that can share a page, and the instant as of which it is true: that of its first conversation.
    `moves` has of each conversation the latest and the earliest instant that its page may have.
    """
    together, as_of = list[str](), datetime.min.replace(tzinfo=UTC)
    for id_, (latest, earliest) in sorted(moves.items(), key=lambda each: each[1]):
        if together and earliest > as_of:
            yield together, as_of
            together = []
        as_of = as_of if together else latest
        together.append(id_)
    if together:
        yield together, as_of


def _page_of(page: Page, conversations: Sequence[Object], as_of: datetime) -> Page:
    """A page with some conversations of another one, true as of another instant."""
    body = json.dumps({"conversations": conversations}, separators=(",", ":"), allow_nan=False).encode()
    return replace(page, body=body, fetched_at=as_of, as_of=as_of)


def without(page: Page, ids: Collection[str]) -> tuple[bytes, str] | tuple[None, None]:
    """The body of a page without some conversations, and its identity; None if no conversation is left."""
    conversations = page.json()["conversations"]
    kept = [each for each in conversations if each["conversationId"] not in ids]
    if not kept:
        return None, None
    if len(kept) == len(conversations):
        return page.body, identity(page)
    body = json.dumps({"conversations": kept}, separators=(",", ":"), allow_nan=False).encode()
    return body, identity(replace(page, body=body))


def _remark(names: str) -> str:
    return (
        f"conversation left out: of its forms in {names} each has something that another one lacks. Save "
        "each conversation whole, in one file"
    )


def _files_of_parts(waiting: Sequence[_Held], stored: Sequence[_Held]) -> list[str] | None:
    """The files whose versions of a conversation are parts of it; None if one of them has all that the others have.
    Stored versions are compared with those that wait, not with one another.
    """
    pairs = [*combinations(waiting, 2), *product(stored, waiting)]
    parts = [
        (one.file, other.file)
        for one, other in pairs
        if are_partial((one.version, other.version)) or is_shrunken(one.version, other.version)
    ]
    return list(dict.fromkeys(file for pair in parts for file in pair)) or None


def _stored(lake: Lake, day: str, wanted: Collection[str], replaced: Collection[str]) -> _Versions:
    """The stored versions of some conversations."""
    found: _Versions = defaultdict(list)
    pages = lake.pages(f"pages/{DETAILS}", day) or ()
    for index in range(len(pages)):
        try:
            file = file_of(pages.about(index).request) if pages else ""
            if file in replaced:
                continue
            page = pages[index]
            ids = {id_ for id_ in starts(page.body).field("conversationId").to_pylist() if id_ in wanted}
        except (Unreadable, UnreadablePage):
            # A damaged page is reported when its day is materialised.
            continue
        for each in _conversations(page, ids):
            found[each["conversationId"]].append(_Held(file, Version.of(each), page.fetched_at))
    return found


def _waiting(spool: Spool, day: str, ids: Collection[str]) -> _Versions:
    found: _Versions = defaultdict(list)
    for file, number, page in spool.numbered_pages((DETAILS, day)):
        for each in _conversations(page, ids):
            found[each["conversationId"]].append(_Held(file, Version.of(each), page.fetched_at, number))
    return found


def _conversations(page: Page, ids: Collection[str]) -> Iterator[Object]:
    return (each for each in page.json()["conversations"] if each["conversationId"] in ids) if ids else iter(())
