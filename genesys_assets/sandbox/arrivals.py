"""The plan of a day: when conversations begin and of which kind they are. `stories` generates what happens in them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date
from random import Random

from genesys_assets.sandbox.directory import uuid
from genesys_assets.sandbox.times import DAY, HOUR, day_of, day_start

# Arrivals per hour of the UTC day: few at night, two peaks and a lunch dip between them.
HOURLY_WEIGHTS = (2, 1, 1, 1, 2, 4, 9, 18, 32, 42, 44, 40, 31, 35, 41, 40, 35, 27, 18, 12, 9, 7, 5, 3)

KINDS = {
    "voice_inbound": 360,
    "voice_outbound": 130,
    "campaign": 60,
    "callback": 50,
    "chat": 130,
    "email": 110,
    "message": 120,
    "callback_long": 8,
    "email_long": 14,
    "message_long": 12,
    "email_open": 3,
    "message_open": 3,
}
"""The kinds of conversations, with their relative frequencies."""

# Only these kinds may last for days, or never end. Every other kind ends within LONGEST_SHORT, after-call work
# included; it may cross midnight all the same.
LASTING_KINDS = frozenset({"callback_long", "email_long", "message_long", "email_open", "message_open"})
LONGEST_SHORT = 3 * HOUR
LONGEST_LASTING = 3 * DAY
# A conversation that never ends is shown as in progress for this time, and not at all afterwards.
LONGEST_OPEN = 31 * DAY


@dataclass(frozen=True, slots=True)
class Arrival:
    """A planned conversation: its `conversationStart` in ms, its id and its kind."""

    start: int
    id: str
    kind: str

    @property
    def lasting(self) -> bool:
        return self.kind in LASTING_KINDS

    @property
    def open_ended(self) -> bool:
        return self.kind.endswith("_open")


def of_day(seed: int, day: date, count: int) -> list[Arrival]:
    """The day's arrivals, in order of start, then id."""
    rng = Random(f"arrivals {seed} {day.isoformat()}")
    begin = day_start(day)
    hours = rng.choices(range(24), HOURLY_WEIGHTS, k=count)
    kinds = rng.choices(list(KINDS), list(KINDS.values()), k=count)
    # An id begins with its day's number, so that a conversation can be found by its id alone.
    prefix = f"{begin // DAY:04x}"
    arrivals = [
        Arrival(begin + hour * HOUR + rng.randrange(HOUR), prefix + uuid(rng)[4:], kind)
        for hour, kind in zip(hours, kinds, strict=True)
    ]
    arrivals.sort(key=lambda arrival: (arrival.start, arrival.id))
    return arrivals


def day_of_id(conversation_id: str) -> date | None:
    """The day on which the conversation of this id begins, if any of that id exists."""
    try:
        return day_of(int(conversation_id[:4], 16) * DAY)
    except ValueError:
        return None


def between(arrivals: list[Arrival], start: int, end: int) -> list[Arrival]:
    """Those that begin in [start, end)."""
    return arrivals[
        bisect_left(arrivals, start, key=lambda arrival: arrival.start) : bisect_left(
            arrivals, end, key=lambda arrival: arrival.start
        )
    ]
