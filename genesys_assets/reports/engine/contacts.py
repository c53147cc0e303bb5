"""The table `contacts` as reports read it: computed from other tables while it is read, and not stored.

The days before tell whether a contact repeats an earlier one, the days after whether another one followed. If one of
these days is not stored, the answer is null (never 0), with the missing days as the reason. To save memory, only three
numbers per contact of these days are held, not their rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.lake.lake import Lake
from genesys_assets.spans import Window
from genesys_assets.tables.conversations.contacts import (
    CONTACTS,
    HORIZONS,
    NEEDED,
    NEEDED_OF_REPORT_DAYS,
    contacts,
    last_of_legs,
)
from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS
from genesys_assets.tables.hashing import hash_rows

_DAY_MS = 24 * 60 * 60 * 1000
_NEVER = np.iinfo(np.int64).max
_SPECS = {spec.name: spec for spec in (*CONVERSATION_TABLES, INTERACTION_LEGS)}

PLACES = tuple(f"tables/{name}" for name in (*NEEDED, *NEEDED_OF_REPORT_DAYS))
"""The places of the tables that it is computed from."""


def before(window: Window, days: int) -> Window:
    """The days before a window: a contact in the window may repeat one in them."""
    return Window(window.start - timedelta(days=days), window.start)


def after(window: Window, days: int) -> Window:
    """The days after a window: a contact in them may repeat one in the window."""
    return Window(window.end, window.end + timedelta(days=days))


def missing(lake: Lake, window: Window) -> list[str]:
    """The UTC days of a window that are not stored, or not completely."""
    return [day for day in window.utc_days() if not _is_whole(lake, day)]


def _is_whole(lake: Lake, day: str) -> bool:
    # Each table has its own commit: a process that is killed between two of them leaves tables of different reach.
    footers = [lake.footer(f"tables/{name}", day) for name in NEEDED]
    return all(each is not None and each.reach is not None and each.reach.covers_day(day) for each in footers)


def days_read(lake: Lake, window: Window) -> Iterator[tuple[str, str]]:
    """The partitions outside the window that count, as place and day: the days before it, stored or not, and the days
    after it up to the longest horizon that is completely stored.
    """
    spans = [before(window, max(HORIZONS))]
    spans += [span for days in HORIZONS if not missing(lake, span := after(window, days))]
    for name in NEEDED:
        for day in sorted({day for span in spans for day in span.utc_days()}):
            yield f"tables/{name}", day


@dataclass(frozen=True, slots=True)
class _KnownContacts:
    """All contacts of known customers, ordered by a hash of the conversation id. `since` and `until` are the times in
    milliseconds to the previous and next contact of the same customer; `_NEVER` if there is none.
    """

    conversation: npt.NDArray[np.uint64]
    since: npt.NDArray[np.int64]
    until: npt.NDArray[np.int64]

    @classmethod
    def of(cls, pieces: Iterable[pa.Table]) -> _KnownContacts:
        customers, starts, ids = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
        for piece in pieces:
            known = piece.filter(pc.field("customer").is_valid())
            customers.append(hash_rows(known.select(["known_by", "customer"])))
            starts.append(known["conversation_start"].cast(pa.int64()).to_numpy())
            ids.append(hash_rows(known.select(["conversation_id"])))
        customer, start, conversation = np.concatenate(customers), np.concatenate(starts), np.concatenate(ids)
        order = np.lexsort((conversation, start, customer))
        customer, start, conversation = customer[order], start[order], conversation[order]
        gap = np.where(customer[1:] == customer[:-1], start[1:] - start[:-1], _NEVER)
        since, until = np.append(np.int64(_NEVER), gap), np.append(gap, np.int64(_NEVER))
        by_id = np.argsort(conversation)
        return cls(conversation[by_id], since[: len(order)][by_id], until[: len(order)][by_id])

    def of_rows(self, rows: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """For each row, the times in milliseconds to the customer's previous and next contact, and whether the customer
        is unknown.
        """
        if not len(self.conversation):
            never = np.full(len(rows), _NEVER)
            return never, never, np.ones(len(rows), bool)
        wanted = hash_rows(rows.select(["conversation_id"]))
        at = np.minimum(np.searchsorted(self.conversation, wanted), len(self.conversation) - 1)
        return self.since[at], self.until[at], self.conversation[at] != wanted


@dataclass(frozen=True, slots=True)
class Contacts:
    """The contacts of a window. `of` adds the partitions that are read to `inputs`. `unknown_before` and
    `unknown_after` say for each horizon, in days, why repeats and followers are unknown; None if they are known.
    """

    lake: Lake
    window: Window
    known: _KnownContacts
    unknown_before: dict[int, str | None]
    unknown_after: dict[int, str | None]

    @classmethod
    def of(cls, lake: Lake, window: Window, inputs: dict[str, set[str]]) -> Contacts:
        beyond = list(days_read(lake, window))
        own = [(place, day) for place in PLACES for day in window.utc_days()]
        for place, day in (*own, *beyond):
            inputs.setdefault(place, set()).add(day)
        days = sorted({*window.utc_days(), *(day for _, day in beyond)})
        # A day without stored conversations has no contacts.
        known = _KnownContacts.of(_of_day(lake, day) for day in days if lake.has("tables/conversations", day))
        return cls(
            lake,
            window,
            known,
            {each: _why_before(lake, window, each) for each in HORIZONS},
            {each: _why_after(lake, window, each) for each in HORIZONS},
        )

    def pieces(self, day: str, columns: Sequence[str], where: pc.Expression | None) -> Iterator[pa.Table]:
        """Rows of one partition."""
        rows = _of_day(self.lake, day)
        rows = rows.join(last_of_legs(_read(self.lake, "interaction_legs", day)), "conversation_id")
        resolved = _read(self.lake, "resolutions", day).group_by("conversation_id")
        avoided = resolved.aggregate([("n_next_contact_avoided", "sum", pc.ScalarAggregateOptions(min_count=1))])
        avoided = avoided.rename_columns(["conversation_id", "next_contact_avoided"])
        rows = rows.join(avoided, "conversation_id")
        since, until, is_unknown = self.known.of_rows(rows)
        for days in HORIZONS:
            of_both = ((since, self.unknown_before, "repeats"), (until, self.unknown_after, "followed"))
            for gap, unknown, name in of_both:
                values = (gap < days * _DAY_MS).astype(np.int64)
                mask = is_unknown | (unknown[days] is not None)
                rows = rows.append_column(f"{name}_within_{days}d", pa.array(values, mask=mask))
        reasons = dict.fromkeys(filter(None, (*self.unknown_before.values(), *self.unknown_after.values())))
        reason = pa.scalar("; ".join(reasons) or None, pa.string())
        rows = rows.append_column("unknown_because", pa.repeat(reason, len(rows)))
        # Joins do not keep an order; callers expect rows in the order of time.
        rows = CONTACTS.conform(rows).sort_by("conversation_start")
        yield (rows if where is None else rows.filter(where)).select(list(columns))


def _why_before(lake: Lake, window: Window, days: int) -> str | None:
    """Why the contacts of the days before a window are unknown; None if they are known."""
    lacking = missing(lake, before(window, days))
    if not lacking:
        return None
    more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
    are = "are" if more else "is"
    return f"of the {days} days before, {lacking[0]}{more} {are} not stored completely"


def _why_after(lake: Lake, window: Window, days: int) -> str | None:
    """Why the contacts of the days after a window are unknown; None if they are known. The text does not change with
    each day that arrives, so that rows stay the same until all days are stored.
    """
    span = after(window, days)
    last = span.utc_days()[-1]
    return f"not all of the {days} days after, up to {last}, are stored completely" if missing(lake, span) else None


def _of_day(lake: Lake, day: str) -> pa.Table:
    return contacts(*(_read(lake, name, day) for name in NEEDED))


def _read(lake: Lake, name: str, day: str) -> pa.Table:
    schema, wanted = _SPECS[name].schema, {**NEEDED, **NEEDED_OF_REPORT_DAYS}[name]
    pieces = lake.pieces(f"tables/{name}", [day], schema=schema, columns=list(wanted))
    return pa.concat_tables([schema.empty_table().select(list(wanted)), *pieces])
