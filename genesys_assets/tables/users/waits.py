"""Waits in queues, and what the queue's agents did during them: which agents were idle, and which later interaction was
answered before the wait ended.

A wait belongs to the leg that ended it. Unknown figures are null, never 0; `unknown` names the input that is missing
for the figures of idle members.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.spans import MILLISECOND, Window
from genesys_assets.tables.spec import INSTANT, TableSpec, columns
from genesys_assets.tables.users.spans import Span, clipped, without_overlaps

Numbers = npt.NDArray[np.int64]
Members = Mapping[str, Sequence[str]]
"""The joined members of each observed queue, by queue. A queue is left out if its joined members are not all known."""

QUEUE_WAITS = TableSpec(
    "queue_waits",
    "One row per wait in a queue: how long it was, how many joined members of the queue were idle during it, and how "
    "many legs of the same queue and media type were offered later and answered before it ended.",
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
members integer joined members of the queue, as observed on the UTC day of offered_at; null where unknown
idle_members integer how many of the members had the routing status IDLE at some time of the wait; null where unknown
idle_ms integer how long the members were IDLE during the wait, added up; null where unknown
unknown string input that is missing for the figures of idle members: queue_members or user_status; null if none is
overtaken_by integer legs of the queue and media type, offered later and answered before it ended; null where unknown
overtaking_conversation_id string the conversation of the overtaking leg that was answered first; null without one
overtaking_user_id string the agent who answered it
"""),
    partition_column="conversation_start",
    version=4,
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What happened around the waits of a day.

    `legs` are those of the neighbouring days, with `OVERTAKING_COLUMNS` at least; `legs_until` is the end of the last
    day whose legs are known, None if those of the day itself or of the day before are not. `members` has the days that
    were observed. `spans` must be in the order of `newest`; `known` is the window in which agents' routing status is
    known, None if there is no such window.
    """

    legs: pa.Table
    legs_until: datetime | None
    members: Mapping[date, Members]
    spans: Iterable[Span]
    known: Window | None


OVERTAKING_COLUMNS = ("conversation_id", "user_id", "queue_id", "media_type", "offered_at", "answered_at")
"""The columns of legs that say which of them overtook a wait."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def queue_waits(legs: pa.Table, around: Surroundings) -> pa.Table:
    """Rows of `QUEUE_WAITS` for a day's legs."""
    ended = pc.and_(
        pc.is_valid(legs["t_wait_ms"]), pc.and_(pc.is_valid(legs["queue_id"]), pc.is_valid(legs["offered_at"]))
    )
    waits = legs.filter(ended)
    offered = _ms(waits["offered_at"])
    ends = offered + waits["t_wait_ms"].to_numpy().astype(np.int64)
    queues, media = waits["queue_id"].to_pylist(), waits["media_type"].to_pylist()
    members = _members(queues, waits["offered_at"].to_pylist(), around.members)
    idle_members, idle_ms, unknown = _idle_figures(members, offered, ends, around)
    every_leg = pa.concat_tables([legs.select(OVERTAKING_COLUMNS), around.legs.select(OVERTAKING_COLUMNS)])
    count, first = _overtaken(queues, media, offered, ends, every_leg)
    lacks_legs = ends > (-1 if around.legs_until is None else _as_ms(around.legs_until))
    overtaking = [
        (None, None) if at < 0 or is_unknown else _of_leg(every_leg, at)
        for at, is_unknown in zip(first.tolist(), lacks_legs.tolist(), strict=True)
    ]
    table_columns: dict[str, Any] = {
        **{name: waits[name] for name in ("conversation_id", "conversation_start", "leg_no", "media_type")},
        **{name: waits[name] for name in ("queue_id", "outcome", "offered_at")},
        "left_at": pa.array(ends, pa.int64()).cast(INSTANT),
        "wait_ms": waits["t_wait_ms"],
        "members": pa.array([None if each is None else len(each) for each in members], pa.int64()),
        "idle_members": pa.array(idle_members, pa.int64()),
        "idle_ms": pa.array(idle_ms, pa.int64()),
        "unknown": pa.array(unknown, pa.string()),
        "overtaken_by": pa.array(count, pa.int64(), mask=lacks_legs),
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


def _members(
    queues: Sequence[str], offered: Sequence[datetime], observed: Mapping[date, Members]
) -> list[Sequence[str] | None]:
    """The members of each wait's queue on the UTC day on which it was offered; None where nobody observed them."""
    days = (observed.get(each.astimezone(UTC).date(), {}) for each in offered)
    return [of_day.get(queue) for queue, of_day in zip(queues, days, strict=True)]


def _idle_figures(
    members: Sequence[Sequence[str] | None], offered: Numbers, ends: Numbers, around: Surroundings
) -> tuple[list[int | None], list[int | None], list[str | None]]:
    """For each wait: its idle members, their idle milliseconds, and the input that is missing."""
    idle, known = _idle_times(around.spans, around.known), around.known
    idle_members: list[int | None] = [None] * len(members)
    idle_ms: list[int | None] = [None] * len(members)
    unknown: list[str | None] = [None] * len(members)
    alike: dict[int, list[int]] = {}
    for at, of_queue in enumerate(members):
        is_known = known and _as_ms(known.start) <= offered[at] and ends[at] <= _as_ms(known.end)
        unknown[at] = "queue_members" if of_queue is None else None if is_known else "user_status"
        if unknown[at] is None:
            alike.setdefault(id(of_queue), []).append(at)
    for places in alike.values():
        of_queue = members[places[0]] or ()
        times = [_within(idle[user], offered[places], ends[places]) for user in of_queue if user in idle]
        together = np.array(times, np.int64) if times else np.zeros((1, len(places)), np.int64)
        for column, at in enumerate(places):
            idle_members[at] = int((together[:, column] > 0).sum())
            idle_ms[at] = int(together[:, column].sum())
    return idle_members, idle_ms, unknown


def _idle_times(spans: Iterable[Span], known: Window | None) -> dict[str, tuple[Numbers, Numbers]]:
    """Begins and ends of each user's idle times, in order. A user without idle times is absent."""
    by_user: dict[str, tuple[list[int], list[int]]] = {}
    routing = (span for span in spans if span.kind == "routing")
    for piece in clipped(without_overlaps(routing), known) if known else ():
        if piece.status == "IDLE":
            begins, ends = by_user.setdefault(piece.user_id, ([], []))
            begins.append(_as_ms(piece.start))
            ends.append(_as_ms(piece.end))
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
    offered_at, answered_at = _ms(answered_legs["offered_at"]), _ms(answered_legs["answered_at"])
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
        overtook = places[(offered_at[places] > offered[at]) & (answered_at[places] < ends[at])]
        count[at] = len(overtook)
        if len(overtook):
            first[at] = rows[overtook[np.argmin(answered_at[overtook])]]
    return count, first


def _of_leg(legs: pa.Table, at: int) -> tuple[str | None, str | None]:
    return legs["conversation_id"][at].as_py(), legs["user_id"][at].as_py()


def _ms(instants: pa.ChunkedArray) -> Numbers:
    numbers: Numbers = instants.cast(INSTANT).cast(pa.int64()).to_numpy()
    return numbers


def _as_ms(instant: datetime) -> int:
    return (instant - _EPOCH) // MILLISECOND
