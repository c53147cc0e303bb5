"""Changed history: conversations that tests planted, restated, re-opened or deleted. They replace those from the seed.
`organisation` generates conversations from the seed; `reopening` continues a conversation that is re-opened.
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

ALWAYS = -(10**15)  # in `known_from`: from the beginning of time
REVISED = "revised"  # the kind of every conversation in the history
_INSTANTS = frozenset({"conversationStart", "conversationEnd", "segmentStart", "segmentEnd", "emitDate", "eventTime"})


@dataclass(frozen=True, slots=True)
class Revision:
    """A version of a complete conversation, with participants' attributes, and the instant in ms from which it is
    shown.
    """

    known_from: int
    conversation: Item


class History:
    """The changed conversations. The organisation guards it against simultaneous use."""

    def __init__(self) -> None:
        self.version = 0  # grows with every change
        self._revisions: dict[str, list[Revision]] = {}
        self._arrivals: dict[str, Arrival] = {}
        self._deleted: set[str] = set()
        self._days: set[date] = set()
        self._merged: dict[date, list[Arrival]] = {}

    def knows(self, conversation_id: str) -> bool:
        """Whether the conversation was changed or deleted."""
        return conversation_id in self._arrivals or conversation_id in self._deleted

    def arrival(self, conversation_id: str) -> Arrival | None:
        return self._arrivals.get(conversation_id)

    def arrivals(self) -> Iterable[Arrival]:
        return list(self._arrivals.values())

    def revisions(self, conversation_id: str) -> list[Revision]:
        return self._revisions.get(conversation_id, [])

    def conversation(self, conversation_id: str, now: int | None = None) -> Item:
        """A copy of the version that is shown at `now`, or of the last version."""
        revisions = self._revisions[conversation_id]
        shown = [revision for revision in revisions if now is None or revision.known_from <= now]
        return deepcopy((shown or revisions[:1])[-1].conversation)

    def revise(self, conversation_id: str, revisions: list[Revision], seed_day: date | None) -> None:
        """Replaces all versions of a conversation. `seed_day` is the day on which the seed has it, None if it has
        not.
        """
        normalised = [Revision(one.known_from, _normalised(one.conversation)) for one in revisions]
        start = millis(normalised[-1].conversation["conversationStart"])
        self._leave_day(conversation_id, seed_day)
        self._deleted.discard(conversation_id)
        self._revisions[conversation_id] = normalised
        self._arrivals[conversation_id] = Arrival(start, conversation_id, REVISED)
        self._days.add(day_of(start))

    def delete(self, conversation_id: str, seed_day: date | None) -> None:
        self._leave_day(conversation_id, seed_day)
        self._revisions.pop(conversation_id, None)
        self._arrivals.pop(conversation_id, None)
        self._deleted.add(conversation_id)

    def of_day(self, day: date, seeded: list[Arrival]) -> list[Arrival]:
        """The day's arrivals, in order of start, then id. `seeded` are those from the seed."""
        if day not in self._days:
            return seeded
        if day not in self._merged:
            arrivals = [arrival for arrival in seeded if not self.knows(arrival.id)]
            arrivals += [arrival for arrival in self._arrivals.values() if day_of(arrival.start) == day]
            self._merged[day] = sorted(arrivals, key=lambda arrival: (arrival.start, arrival.id))
        return self._merged[day]

    def _leave_day(self, conversation_id: str, seed_day: date | None) -> None:
        self.version += 1
        self._merged.clear()
        if seed_day is not None:
            self._days.add(seed_day)


def complete(conversation: Item) -> Item:
    """A hand-made conversation, with defaults for missing fields. Raises ValueError if a field without a default is
    missing.
    """
    conversation_ = deepcopy(conversation)
    for name in ("conversationId", "conversationStart"):
        if not isinstance(conversation_.get(name), str):
            raise ValueError(f"A planted conversation needs a {name}, as text in the form of the API.")
    conversation_.setdefault("originatingDirection", "inbound")
    for participant in conversation_.setdefault("participants", []):
        participant.setdefault("purpose", "customer")
        participant.setdefault("attributes", {})
        for session in participant.setdefault("sessions", []):
            if not session.get("segments"):
                raise ValueError(
                    f"A session of the planted conversation {conversation_['conversationId']} has no segments, so it "
                    "would never be shown. Give it at least one with a segmentStart."
                )
    return conversation_


def _normalised(value: Any) -> Any:
    """The value with every instant in the platform's form, in which texts sort like the instants."""
    if isinstance(value, list):
        return [_normalised(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: iso(millis(one)) if name in _INSTANTS else _normalised(one) for name, one in value.items()}
