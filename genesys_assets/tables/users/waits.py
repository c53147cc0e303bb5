"""Waits in queues, beside what the queue's agents did meanwhile: who could have taken an interaction and was idle, and
which interaction that came later was answered before it.

A wait is that of a leg that ended it. What is not known is null, with the reason in `unknown`, and never nobody.
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
"""The joined members of each observed queue."""

QUEUE_WAITS = TableSpec(
    "queue_waits",
    "One row per wait in a queue: how long it was, how many joined members of the queue were idle meanwhile, and which "
    "later interaction of the queue and media type was answered before it ended.",
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
members integer joined members of the queue, as observed on the UTC day; null if the day was not observed
idle_members integer number of these with the routing status IDLE during a part of the wait; null if unknown
idle_ms integer sum of the times for which these were IDLE during the wait; null if unknown
unknown string why idle members are unknown: queue_members or user_status; null if they are known
overtaken_by integer interactions of the queue and media type that were offered later and answered before the wait ended
overtaking_conversation_id string the conversation of the first such interaction; null if there is none
overtaking_user_id string the agent who answered it
"""),
    partition_column="conversation_start",
    version=2,
)
_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


def queue_waits(legs: pa.Table, members: Members | None, spans: Iterable[Span], known: Window | None) -> pa.Table:
    """Rows of `QUEUE_WAITS` of a day's legs. `members` is None where the day was not observed; `known` is the time of
    which `spans`, in the order of `newest`, tell the routing status, None where they tell none.
    """
    ended = pc.and_(
        pc.is_valid(legs["t_wait_ms"]), pc.and_(pc.is_valid(legs["queue_id"]), pc.is_valid(legs["offered_at"]))
    )
    waits = legs.filter(ended)
    offered = _ms(waits["offered_at"])
    left = offered + waits["t_wait_ms"].to_numpy().astype(np.int64)
    queues, media = waits["queue_id"].to_pylist(), waits["media_type"].to_pylist()
    idle = _idle_times(spans, known)
    members_, idle_members, idle_ms, unknown = _beside(queues, offered, left, members, idle, known)
    count, first = _overtaken(queues, media, offered, left, legs)
    overtaking = [(None, None) if at < 0 else _of_leg(legs, at) for at in first.tolist()]
    made: dict[str, Any] = {
        **{name: waits[name] for name in ("conversation_id", "conversation_start", "leg_no", "media_type")},
        **{name: waits[name] for name in ("queue_id", "outcome", "offered_at")},
        "left_at": pa.array(left, pa.int64()).cast(INSTANT),
        "wait_ms": waits["t_wait_ms"],
        "members": pa.array(members_, pa.int64()),
        "idle_members": pa.array(idle_members, pa.int64()),
        "idle_ms": pa.array(idle_ms, pa.int64()),
        "unknown": pa.array(unknown, pa.string()),
        "overtaken_by": pa.array(count, pa.int64()),
        "overtaking_conversation_id": pa.array([each[0] for each in overtaking], pa.string()),
        "overtaking_user_id": pa.array([each[1] for each in overtaking], pa.string()),
    }
    return QUEUE_WAITS.conform(pa.table(made))


def joined_members(rows: pa.Table) -> Members:
    """The joined members by queue, of rows of `reference/queue_members`; of a queue without members, none."""
    found: dict[str, list[str]] = {}
    for queue, user, joined in zip(
        *(rows[name].to_pylist() for name in ("queue_id", "user_id", "joined")), strict=True
    ):
        of_queue = found.setdefault(queue, [])
        if user is not None and joined:
            of_queue.append(user)
    return found


def _beside(
    queues: Sequence[str],
    offered: Numbers,
    left: Numbers,
    members: Members | None,
    idle: Mapping[str, tuple[Numbers, Numbers]],
    known: Window | None,
) -> tuple[list[int | None], list[int | None], list[int | None], list[str | None]]:
    """Of each wait: members, idle ones, their idle time, and what is unknown."""
    size = len(queues)
    counts: list[int | None] = [None] * size
    idle_members: list[int | None] = [None] * size
    idle_ms: list[int | None] = [None] * size
    unknown: list[str | None] = [None] * size
    bounds = None if known is None else tuple((bound - _EPOCH) // _MS for bound in (known.start, known.end))
    for queue in sorted(set(queues)):
        of_queue = np.array([at for at, each in enumerate(queues) if each == queue], np.int64)
        listed = None if members is None else members.get(queue)
        times = [_within(idle[user], offered[of_queue], left[of_queue]) for user in listed or () if user in idle]
        together = np.array(times, np.int64) if times else np.zeros((1, len(of_queue)), np.int64)
        for column, at in enumerate(of_queue.tolist()):
            counts[at] = None if listed is None else len(listed)
            is_told = bounds is not None and bounds[0] <= offered[at] and left[at] <= bounds[1]
            if listed is None or not is_told:
                unknown[at] = "queue_members" if listed is None else "user_status"
                continue
            idle_members[at] = int((together[:, column] > 0).sum())
            idle_ms[at] = int(together[:, column].sum())
    return counts, idle_members, idle_ms, unknown


def _idle_times(spans: Iterable[Span], known: Window | None) -> dict[str, tuple[Numbers, Numbers]]:
    """Begins and ends of each user's idle times, in order; without any of a user who has none."""
    found: dict[str, tuple[list[int], list[int]]] = {}
    routing = (span for span in spans if span.kind == "routing")
    for piece in clipped(without_overlaps(routing), known) if known else ():
        if piece.status == "IDLE":
            begins, ends = found.setdefault(piece.user_id, ([], []))
            begins.append((piece.start - _EPOCH) // _MS)
            ends.append((piece.end - _EPOCH) // _MS)
    return {user: (np.array(begins, np.int64), np.array(ends, np.int64)) for user, (begins, ends) in found.items()}


def _within(idle: tuple[Numbers, Numbers], start: Numbers, end: Numbers) -> Numbers:
    """How much of the idle times lies in each [start, end)."""
    return _until(idle, end) - _until(idle, start)


def _until(idle: tuple[Numbers, Numbers], moments: Numbers) -> Numbers:
    """How much of the idle times lies before each moment."""
    begins, ends = idle
    before = np.concatenate(([0], np.cumsum(ends - begins)))
    at = np.searchsorted(begins, moments, side="right")
    last = np.maximum(at - 1, 0)
    beyond = np.maximum(ends[last] - moments, 0) * (at > 0)
    whole: Numbers = before[at] - beyond
    return whole


def _overtaken(
    queues: Sequence[str], media: Sequence[str | None], offered: Numbers, left: Numbers, legs: pa.Table
) -> tuple[Numbers, Numbers]:
    """Of each wait, how many legs of the queue and medium were offered later and answered before it ended; and the row
    of the one of them answered first, -1 where there is none.
    """
    answered = pc.and_(
        pc.is_valid(legs["answered_at"]), pc.and_(pc.is_valid(legs["queue_id"]), pc.is_valid(legs["offered_at"]))
    )
    rows = np.flatnonzero(answered.to_numpy())
    taken = legs.take(pa.array(rows))
    came, answers = _ms(taken["offered_at"]), _ms(taken["answered_at"])
    of_group: dict[tuple[str, str | None], list[int]] = {}
    for at, group in enumerate(zip(taken["queue_id"].to_pylist(), taken["media_type"].to_pylist(), strict=True)):
        of_group.setdefault(group, []).append(at)
    count, first = np.zeros(len(queues), np.int64), np.full(len(queues), -1, np.int64)
    groups = {group: np.array(places, np.int64) for group, places in of_group.items()}
    for at, group in enumerate(zip(queues, media, strict=True)):
        places = groups.get(group)
        if places is None:
            continue
        overtook = places[(came[places] > offered[at]) & (answers[places] < left[at])]
        count[at] = len(overtook)
        if len(overtook):
            first[at] = rows[overtook[np.argmin(answers[overtook])]]
    return count, first


def _of_leg(legs: pa.Table, at: int) -> tuple[str | None, str | None]:
    return legs["conversation_id"][at].as_py(), legs["user_id"][at].as_py()


def _ms(instants: pa.ChunkedArray) -> Numbers:
    numbers: Numbers = instants.cast(INSTANT).cast(pa.int64()).to_numpy()
    return numbers
