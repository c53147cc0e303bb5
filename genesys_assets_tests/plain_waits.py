"""The expected rows of `reports/missed_while_idle`, computed in plain Python.

Waits come from the legs, which other tests check. Idle times come from the organisation itself, and overtaking from a
comparison of every wait with every answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from genesys_assets.sandbox.timelines import Timelines, routing
from genesys_assets.sandbox.times import from_datetime

Row = dict[str, Any]
Members = Mapping[date, Mapping[str, Sequence[str]]]
"""The joined members of each queue, by day."""
Parts = Sequence[tuple[Timelines, datetime, datetime]]
"""Agents' status from one instant to another one, of times that follow each other. Each may be told by other timelines.
"""


def waits(
    legs: Iterable[Row], stored: Iterable[Row], legs_until: datetime | None, parts: Parts, members: Members
) -> list[Row]:
    """The rows of the waits. What is `stored` are the legs of the same and other days, up to `legs_until`; None if
    those of the day or of the day before are not known. Then it is unknown who overtook a wait, but not who the members
    were. `members` must have no day after the day of the waits whose legs are not complete. Agents' status of each day
    and the next is known as far as `parts` contain it.
    """
    answered = [leg for leg in stored if leg["answered_at"] and leg["queue_id"] and leg["offered_at"]]
    return [
        _row(leg, answered, legs_until, parts, members)
        for leg in legs
        if leg["t_wait_ms"] is not None and leg["queue_id"] and leg["offered_at"]
    ]


def _row(leg: Row, answered: Sequence[Row], legs_until: datetime | None, parts: Parts, members: Members) -> Row:
    offered, day = leg["offered_at"], leg["conversation_start"].date()
    left = offered + timedelta(milliseconds=leg["t_wait_ms"])
    begin = datetime.combine(day, time(), UTC)
    last = begin + timedelta(days=2)
    until = min(last, legs_until or begin)
    of_queue = members.get(offered.date(), {}).get(leg["queue_id"]) if begin <= offered < last else None
    is_told = begin <= offered and left <= min(last, parts[-1][2])
    unknown = "queue_members" if of_queue is None else None if is_told else "user_status"
    idle = [] if unknown else [_idle_ms(parts, user, offered, left) for user in of_queue or ()]
    ahead = [
        other
        for other in answered
        if begin - timedelta(days=1) <= other["conversation_start"] < until
        and (other["queue_id"], other["media_type"]) == (leg["queue_id"], leg["media_type"])
        and other["offered_at"] > offered
        and other["answered_at"] < left
    ]
    is_over = legs_until is not None and left <= until
    first = min(ahead, key=lambda other: other["answered_at"], default=None) if is_over else None
    return {
        **{name: leg[name] for name in ("conversation_id", "leg_no", "media_type", "queue_id", "outcome")},
        "offered_at": offered,
        "left_at": left,
        "wait_ms": leg["t_wait_ms"],
        "members": None if of_queue is None else len(of_queue),
        "idle_members": None if unknown else sum(each > 0 for each in idle),
        "idle_ms": None if unknown else sum(idle),
        "unknown": unknown,
        "overtaken_by": len(ahead) if is_over else None,
        "overtaking_conversation_id": first and first["conversation_id"],
        "overtaking_user_id": first and first["user_id"],
    }


def _idle_ms(parts: Parts, user_id: str, start: datetime, end: datetime) -> int:
    found = 0
    for timelines, begin, until in parts:
        first, last = from_datetime(max(start, begin)), from_datetime(min(end, until))
        spans = timelines.spans(user_id, first, last, routing) if first < last else []
        found += sum(min(each.end, last) - max(each.start, first) for each in spans if each.value[0] == "IDLE")
    return found
