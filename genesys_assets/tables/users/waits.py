"""Waits in queues, and what the queue's agents did during them: which agents were idle, and which later interaction was
answered before the wait ended.

A wait belongs to the leg that ended it. Unknown figures are null, never 0, and `unknown` names the missing input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.spans import Window
from genesys_assets.tables.spec import INSTANT, TableSpec, columns
from genesys_assets.tables.users.spans import Span, clipped, without_overlaps

Numbers = npt.NDArray[np.int64]
Members = Mapping[str, Sequence[str]]
"""The joined members of each observed queue of which all members are known to be joined or not."""

QUEUE_WAITS = TableSpec(
    "queue_waits",
    "One row per wait in a queue: how long it was, how many joined members of the queue were idle during it, and which "
    "later interaction of the same queue and media type was answered before it ended.",
    ("conversation_id", "leg_no"),
    columns("""
conversation_id string the conversation
conversation_start instant when the conversation began; its UTC date is the partition
leg_no integer the leg that ended the wait
media_type string media type of the leg
queue_id string the queue
outcome string what ended the wait: answered, abandoned, flow_out and others
offered_at instant when it entered the queue
left_at instant when the wait ended
wait_ms integer how long it waited
members integer joined members of the queue, as observed on the UTC day; null where unknown
idle_members integer of these, how many had the routing status IDLE for a time of the wait; null where unknown
idle_ms integer how long these were IDLE during the wait, added up; null where unknown
unknown string input that is missing for the figures of idle members: queue_members or user_status; null if none is
overtaken_by integer interactions of the same queue, media type and UTC day, offered later and answered before it ended
overtaking_conversation_id string the first answered of the interactions that overtook the wait; null if none did
overtaking_user_id string the agent who answered it
"""),
    partition_column="conversation_start",
    version=3,
)
_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


def queue_waits(legs: pa.Table, members: Members | None, spans: Iterable[Span], known: Window | None) -> pa.Table:
    """Rows of `QUEUE_WAITS` for a day's legs. `members` is None if the day was not observed. `spans` must be in the
    order of `newest`; `known` is the window for which they have the routing status, None if for none.
    """
    ended = pc.and_(
        pc.is_valid(legs["t_wait_ms"]), pc.and_(pc.is_valid(legs["queue_id"]), pc.is_valid(legs["offered_at"]))
    )
    waits = legs.filter(ended)
    offered = _ms(waits["offered_at"])
    ends = offered + waits["t_wait_ms"].to_numpy().astype(np.int64)
    queues, media = waits["queue_id"].to_pylist(), waits["media_type"].to_pylist()
    idle = _idle_times(spans, known)
    members_, idle_members, idle_ms, unknown = _idle_figures(queues, offered, ends, members, idle, known)
    count, first = _overtaken(queues, media, offered, ends, legs)
    overtaking = [(None, None) if at < 0 else _of_leg(legs, at) for at in first.tolist()]
    table_columns: dict[str, Any] = {
        **{name: waits[name] for name in ("conversation_id", "conversation_start", "leg_no", "media_type")},
        **{name: waits[name] for name in ("queue_id", "outcome", "offered_at")},
        "left_at": pa.array(ends, pa.int64()).cast(INSTANT),
        "wait_ms": waits["t_wait_ms"],
        "members": pa.array(members_, pa.int64()),
        "idle_members": pa.array(idle_members, pa.int64()),
        "idle_ms": pa.array(idle_ms, pa.int64()),
        "unknown": pa.array(unknown, pa.string()),
        "overtaken_by": pa.array(count, pa.int64()),
        "overtaking_conversation_id": pa.array([each[0] for each in overtaking], pa.string()),
        "overtaking_user_id": pa.array([each[1] for each in overtaking], pa.string()),
    }
    return QUEUE_WAITS.conform(pa.table(table_columns))


def joined_members(rows: pa.Table) -> Members:
    """The joined members of each queue, from rows of `reference/queue_members`; an empty list for a queue without
    any. A queue is left out if the platform did not say of a member whether it is joined: its count is unknown.
    """
    by_queue: dict[str, list[str]] = {}
    unknown: set[str] = set()
    for queue, user, joined in zip(
        *(rows[name].to_pylist() for name in ("queue_id", "user_id", "joined")), strict=True
    ):
        of_queue = by_queue.setdefault(queue, [])
        if user is not None and joined is None:
            unknown.add(queue)
        elif user is not None and joined:
            of_queue.append(user)
    return {queue: users for queue, users in by_queue.items() if queue not in unknown}


def _idle_figures(
    queues: Sequence[str],
    offered: Numbers,
    ends: Numbers,
    members: Members | None,
    idle: Mapping[str, tuple[Numbers, Numbers]],
    known: Window | None,
) -> tuple[list[int | None], list[int | None], list[int | None], list[str | None]]:
    """For each wait: the members, the idle ones, their idle milliseconds, and the input that is missing."""
    size = len(queues)
    counts: list[int | None] = [None] * size
    idle_members: list[int | None] = [None] * size
    idle_ms: list[int | None] = [None] * size
    unknown: list[str | None] = [None] * size
    bounds = None if known is None else tuple((bound - _EPOCH) // _MS for bound in (known.start, known.end))
    for queue in sorted(set(queues)):
        of_queue = np.array([at for at, each in enumerate(queues) if each == queue], np.int64)
        queue_members = None if members is None else members.get(queue)
        times = [_within(idle[user], offered[of_queue], ends[of_queue]) for user in queue_members or () if user in idle]
        together = np.array(times, np.int64) if times else np.zeros((1, len(of_queue)), np.int64)
        for column, at in enumerate(of_queue.tolist()):
            counts[at] = None if queue_members is None else len(queue_members)
            is_known = bounds is not None and bounds[0] <= offered[at] and ends[at] <= bounds[1]
            if queue_members is None or not is_known:
                unknown[at] = "queue_members" if queue_members is None else "user_status"
                continue
            idle_members[at] = int((together[:, column] > 0).sum())
            idle_ms[at] = int(together[:, column].sum())
    return counts, idle_members, idle_ms, unknown


def _idle_times(spans: Iterable[Span], known: Window | None) -> dict[str, tuple[Numbers, Numbers]]:
    """Begins and ends of each user's idle times, in order. A user without idle times is absent."""
    by_user: dict[str, tuple[list[int], list[int]]] = {}
    routing = (span for span in spans if span.kind == "routing")
    for piece in clipped(without_overlaps(routing), known) if known else ():
        if piece.status == "IDLE":
            begins, ends = by_user.setdefault(piece.user_id, ([], []))
            begins.append((piece.start - _EPOCH) // _MS)
            ends.append((piece.end - _EPOCH) // _MS)
    return {user: (np.array(begins, np.int64), np.array(ends, np.int64)) for user, (begins, ends) in by_user.items()}


def _within(idle: tuple[Numbers, Numbers], start: Numbers, end: Numbers) -> Numbers:
    """Milliseconds of the idle times that lie in each [start, end)."""
    return _until(idle, end) - _until(idle, start)


def _until(idle: tuple[Numbers, Numbers], moments: Numbers) -> Numbers:
    """Milliseconds of the idle times that lie before each moment."""
    begins, ends = idle
    before = np.concatenate(([0], np.cumsum(ends - begins)))
    at = np.searchsorted(begins, moments, side="right")
    last = np.maximum(at - 1, 0)
    beyond = np.maximum(ends[last] - moments, 0) * (at > 0)
    whole: Numbers = before[at] - beyond
    return whole


def _overtaken(
    queues: Sequence[str], media: Sequence[str | None], offered: Numbers, ends: Numbers, legs: pa.Table
) -> tuple[Numbers, Numbers]:
    """For each wait, how many legs of the queue and media type were offered later and answered before the wait ended;
    and the row of the one of them that was answered first, -1 if there is none.
    """
    answered = pc.and_(
        pc.is_valid(legs["answered_at"]), pc.and_(pc.is_valid(legs["queue_id"]), pc.is_valid(legs["offered_at"]))
    )
    rows = np.flatnonzero(answered.to_numpy())
    answered_legs = legs.take(pa.array(rows))
    offered_later, answered_at = _ms(answered_legs["offered_at"]), _ms(answered_legs["answered_at"])
    of_group: dict[tuple[str, str | None], list[int]] = {}
    for at, group in enumerate(
        zip(answered_legs["queue_id"].to_pylist(), answered_legs["media_type"].to_pylist(), strict=True)
    ):
        of_group.setdefault(group, []).append(at)
    count, first = np.zeros(len(queues), np.int64), np.full(len(queues), -1, np.int64)
    groups = {group: np.array(places, np.int64) for group, places in of_group.items()}
    for at, group in enumerate(zip(queues, media, strict=True)):
        places = groups.get(group)
        if places is None:
            continue
        overtook = places[(offered_later[places] > offered[at]) & (answered_at[places] < ends[at])]
        count[at] = len(overtook)
        if len(overtook):
            first[at] = rows[overtook[np.argmin(answered_at[overtook])]]
    return count, first


def _of_leg(legs: pa.Table, at: int) -> tuple[str | None, str | None]:
    return legs["conversation_id"][at].as_py(), legs["user_id"][at].as_py()


def _ms(instants: pa.ChunkedArray) -> Numbers:
    numbers: Numbers = instants.cast(INSTANT).cast(pa.int64()).to_numpy()
    return numbers
