"""Leaves out conversations that another imported file has on another day, or that were fetched on another day.

A conversation belongs to the day on which it began. If two files give it two starts on different days, it would count
on both, and one of the starts is wrong: mostly one file was read with the wrong time zone. The file that came first
keeps the conversation. The other file's form of it is left out, with the name of the first file. What was fetched is
always first.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain
from typing import NamedTuple

import pyarrow.compute as pc

from genesys_assets.cloud.http.page import Page
from genesys_assets.importing.pages import DETAILS, file_of, identity
from genesys_assets.importing.spool import Spool
from genesys_assets.lake.files import Unreadable
from genesys_assets.lake.lake import Lake
from genesys_assets.tables.conversations.decode import UnreadablePage, starts
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tables.sources import IMPORTED

REACH_DAYS = 2
"""How many days around a start are compared with what is stored. Two readings of one local time differ by at most 26
hours, as far as the time zones UTC-12 and UTC+14 lie apart.
"""


class _Other(NamedTuple):
    """The file (its sha256) that keeps a conversation, and the day on which the conversation began there; no file if
    the conversation was fetched.
    """

    file: str | None
    day: str


def leave_out_moved(
    lake: Lake, spool: Spool, replaced: Collection[str], name_of: Callable[[str], str]
) -> dict[str, Counter[str]]:
    """Take conversations out of the spool's pages that another file has on another day: a stored file, or an earlier
    one in the spool. Returns the remarks on what was left out, with counts, by sha256 of the file.

    `replaced` are the files (sha256) whose stored pages are about to be replaced; `name_of` gives a file's name.
    """
    remarks: dict[str, Counter[str]] = defaultdict(Counter)
    for (file, day), others in _moved(lake, spool, replaced).items():
        for number, page in list(spool.pages_of_file((DETAILS, day), file)):
            spool.replace_page(number, *_without(page, others))
        for other, count in Counter(others.values()).items():
            remarks[file][_remark(day, other, name_of)] += count
    return remarks


def _remark(day: str, other: _Other, name_of: Callable[[str], str]) -> str:
    begun = f"conversation left out: it began on {day} here, and on {other.day}"
    if other.file is None:
        return f"{begun} as it was fetched. Import the file with the --time-zone of its instants"
    name = name_of(other.file)
    return f"{begun} in {name}, which came first. Take back the file that is wrong, and import the other again"


def _moved(lake: Lake, spool: Spool, replaced: Collection[str]) -> dict[tuple[str, str], dict[str, _Other]]:
    """The conversations to leave out, by file and day of theirs; each with the file that keeps it."""
    found: dict[tuple[str, str], dict[str, _Other]] = defaultdict(dict)
    for day in _days_around(spool.start_days()):
        for stored_file, ids in chain([(None, _fetched_ids(lake, day))], _stored_ids(lake, day, replaced)):
            for id_, file, own_day in spool.begun_on_another_day(ids, day):
                found[file, own_day].setdefault(id_, _Other(stored_file, day))
                spool.forget_start(id_, file)
    for id_, file, own_day, *first in spool.begun_on_two_days():
        found[file, own_day][id_] = _Other(*first)
        spool.forget_start(id_, file)
    return found


def _days_around(days: Collection[str]) -> list[str]:
    """The days of starts, and those near them."""
    shifts = range(-REACH_DAYS, REACH_DAYS + 1)
    return sorted({f"{date.fromisoformat(day) + timedelta(days=shift)}" for day in days for shift in shifts})


def _fetched_ids(lake: Lake, day: str) -> list[str]:
    """The ids of the conversations of a day that were fetched, and that are in its table."""
    try:
        rows = lake.read(
            f"tables/{CONVERSATIONS.name}",
            day,
            schema=CONVERSATIONS.schema,
            columns=["conversation_id"],
            where=pc.field("source") != IMPORTED,
        )
    except Unreadable:
        # A damaged table is computed again, and then holds what was fetched.
        return []
    ids: list[str] = rows["conversation_id"].to_pylist()
    return ids


def _stored_ids(lake: Lake, day: str, replaced: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    """The file, and the ids of its conversations, for each stored page of a day that files had."""
    stored = lake.pages(f"pages/{DETAILS}", day)
    if stored is None:
        return
    for index in range(len(stored)):
        try:
            file = file_of(stored.about(index).request)
            ids = [] if file in replaced else starts(stored[index].body).field("conversationId").to_pylist()
        except (Unreadable, UnreadablePage):
            # A damaged page is reported when its day is materialised.
            continue
        yield file, ids


def _without(page: Page, ids: Collection[str]) -> tuple[bytes, str] | tuple[None, None]:
    """The body of a page without some conversations, and its identity; None if no conversation is left."""
    conversations = page.json()["conversations"]
    kept = [each for each in conversations if each["conversationId"] not in ids]
    if not kept:
        return None, None
    if len(kept) == len(conversations):
        return page.body, identity(page)
    body = json.dumps({"conversations": kept}, separators=(",", ":"), allow_nan=False).encode()
    return body, identity(replace(page, body=body))
