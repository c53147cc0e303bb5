"""Rewritten history: conversations that were planted, restated, re-opened or deleted, in place of what the seed made.
`organisation` finds what the seed made; `reopening` continues a conversation that is re-opened.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from typing import Any

from genesys_assets.sandbox.arrivals import Arrival
from genesys_assets.sandbox.times import day_of, iso, millis

Item = dict[str, Any]

ALWAYS = -(10**15)
REVISED = "revised"  # the kind of every conversation in here
_INSTANTS = frozenset({"conversationStart", "conversationEnd", "segmentStart", "segmentEnd", "emitDate", "eventTime"})


@dataclass(frozen=True, slots=True)
class Revision:
    """A complete conversation, participants' attributes included, and the instant from which on it is the truth."""

    known_from: int
    conversation: Item


class History:
    """What was rewritten. The organisation guards it against simultaneous use."""

    def __init__(self) -> None:
        self.version = 0  # grows with every change
        self._revisions: dict[str, list[Revision]] = {}
        self._arrivals: dict[str, Arrival] = {}
        self._deleted: set[str] = set()
        self._days: set[date] = set()
        self._merged: dict[date, list[Arrival]] = {}

    def knows(self, conversation_id: str) -> bool:
        """Whether it has this conversation, or says that it was deleted."""
        return conversation_id in self._arrivals or conversation_id in self._deleted

    def arrival(self, conversation_id: str) -> Arrival | None:
        return self._arrivals.get(conversation_id)

    def arrivals(self) -> Iterable[Arrival]:
        return list(self._arrivals.values())

    def revisions(self, conversation_id: str) -> list[Revision]:
        return self._revisions.get(conversation_id, [])

    def conversation(self, conversation_id: str, now: int | None = None) -> Item:
        """A copy of its truth at `now`, or of the last one."""
        revisions = self._revisions[conversation_id]
        known = [revision for revision in revisions if now is None or revision.known_from <= now]
        return deepcopy((known or revisions[:1])[-1].conversation)

    def revise(self, conversation_id: str, revisions: list[Revision], day_told: date | None) -> None:
        """These are the truth from now on; `day_told` is the day on which the seed has the conversation, None where it
        has not.
        """
        normalised = [Revision(one.known_from, _normalised(one.conversation)) for one in revisions]
        start = millis(normalised[-1].conversation["conversationStart"])
        self._leave_day(conversation_id, day_told)
        self._deleted.discard(conversation_id)
        self._revisions[conversation_id] = normalised
        self._arrivals[conversation_id] = Arrival(start, conversation_id, REVISED)
        self._days.add(day_of(start))

    def delete(self, conversation_id: str, day_told: date | None) -> None:
        self._leave_day(conversation_id, day_told)
        self._revisions.pop(conversation_id, None)
        self._arrivals.pop(conversation_id, None)
        self._deleted.add(conversation_id)

    def of_day(self, day: date, told: list[Arrival]) -> list[Arrival]:
        """The day's arrivals, given those that the seed tells of, in order of start, then id."""
        if day not in self._days:
            return told
        if day not in self._merged:
            kept = [arrival for arrival in told if not self.knows(arrival.id)]
            kept += [arrival for arrival in self._arrivals.values() if day_of(arrival.start) == day]
            self._merged[day] = sorted(kept, key=lambda arrival: (arrival.start, arrival.id))
        return self._merged[day]

    def _leave_day(self, conversation_id: str, day_told: date | None) -> None:
        self.version += 1
        self._merged.clear()
        if day_told is not None:
            self._days.add(day_told)


def complete(conversation: Item) -> Item:
    """A hand-made conversation with what may not be missing; raises ValueError where that cannot be guessed."""
    made = deepcopy(conversation)
    for name in ("conversationId", "conversationStart"):
        if not isinstance(made.get(name), str):
            raise ValueError(f"A planted conversation needs a {name}, as text in the form of the API.")
    made.setdefault("originatingDirection", "inbound")
    for participant in made.setdefault("participants", []):
        participant.setdefault("purpose", "customer")
        participant.setdefault("attributes", {})
        for session in participant.setdefault("sessions", []):
            if not session.get("segments"):
                raise ValueError(
                    f"A session of the planted conversation {made['conversationId']} has no segments; "
                    "what has none is never shown. Give it at least one with a segmentStart."
                )
    return made


def _normalised(value: Any) -> Any:
    """With every instant in the platform's own form, in which texts sort like the instants."""
    if isinstance(value, list):
        return [_normalised(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: iso(millis(one)) if name in _INSTANTS else _normalised(one) for name, one in value.items()}
