"""An agent's day without conversations: shifts, breaks, meals, meetings, days off and leave.

It depends on the seed alone. `timelines` adds the effects of conversations.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from random import Random
from typing import NamedTuple

from genesys_assets.sandbox.directory import Directory, Entity, uuid
from genesys_assets.sandbox.times import HOUR, MINUTE, SECOND, day_start


class State(NamedTuple):
    """The state of an agent at an instant: system presence, the organisation's own presence, routing status."""

    presence: str
    organization_presence_id: str | None
    routing: str


class Piece(NamedTuple):
    """[start, end) in ms in one state."""

    start: int
    end: int
    state: State


def offline(directory: Directory) -> State:
    return State("OFFLINE", presence_id(directory, "OFFLINE"), "OFF_QUEUE")


def on_queue(directory: Directory, routing: str) -> State:
    return State("ON_QUEUE", presence_id(directory, "ON_QUEUE"), routing)


def presence_id(directory: Directory, system_presence: str) -> str | None:
    """The id of the definition; none for IDLE, which clients set by themselves."""
    return next((each["id"] for each in directory.presences if each["systemPresence"] == system_presence), None)


def unknown_presence_id(directory: Directory) -> str:
    """A presence that agents still have although its definition is no longer listed."""
    return uuid(Random(f"gone presence {directory.organisation_id}"))


def begun_on(directory: Directory, number: int, user: Entity, day: date) -> list[Piece]:
    """The user's states that begin on the UTC day, in order; the last one may last into the next day. At all other
    times the user is offline.
    """
    rng = Random(f"shift {user['id']} {day.isoformat()}")
    looked_in = list(_look_in(directory, rng, day)) if day.weekday() == 0 else []
    if user["state"] != "active" or _is_off(number, day):
        return looked_in
    shift = list(_shift(directory, rng, number, day_start(day)))
    return [*(piece for piece in looked_in if piece.end < shift[0].start), *shift]


def _is_off(number: int, day: date) -> bool:
    """Whether an agent does not work on a day: on two days of each week; some agents also on ten days in a row of each
    thirty.
    """
    on_leave = number % 10 == 4 and (day.toordinal() // 10) % 3 == 0
    return on_leave or (day.toordinal() + number) % 7 in (5, 6)


def _look_in(directory: Directory, rng: Random, day: date) -> Iterator[Piece]:
    """Early on Mondays each account is used for some minutes, so that no agent is in one state for ever."""
    start = day_start(day) + 3 * HOUR + rng.randrange(HOUR)
    yield Piece(start, start + MINUTE + rng.randrange(5 * MINUTE), _state(directory, "AVAILABLE"))


def _shift(directory: Directory, rng: Random, number: int, midnight: int) -> Iterator[Piece]:
    begin = 20 * HOUR if number % 6 == 5 else (5 + number % 8) * HOUR
    now = midnight + begin + rng.randrange(HOUR)
    odd = State("BUSY", unknown_presence_id(directory), "OFF_QUEUE") if number % 8 == 3 else _state(directory, "BUSY")
    aside = rng.choice(("MEETING", "TRAINING", "AWAY", "IDLE"))
    for state, least, most in (
        (_state(directory, "AVAILABLE"), MINUTE, 10 * MINUTE),
        (on_queue(directory, "IDLE"), 110 * MINUTE, 130 * MINUTE),
        (_state(directory, "BREAK"), 9 * MINUTE, 16 * MINUTE),
        (on_queue(directory, "IDLE"), 80 * MINUTE, 100 * MINUTE),
        (_state(directory, "MEAL"), 28 * MINUTE, 47 * MINUTE),
        (on_queue(directory, "IDLE"), 50 * MINUTE, 70 * MINUTE),
        (_state(directory, aside), 15 * MINUTE, 45 * MINUTE),
        (on_queue(directory, "IDLE"), 50 * MINUTE, 70 * MINUTE),
        (odd, 5 * MINUTE, 20 * MINUTE),
        (on_queue(directory, "IDLE"), 40 * MINUTE, 60 * MINUTE),
        (_state(directory, "AVAILABLE"), 20 * SECOND, 3 * MINUTE),
    ):
        length = rng.randrange(least, most)
        yield Piece(now, now + length, state)
        now += length


def _state(directory: Directory, presence: str) -> State:
    return State(presence, presence_id(directory, presence), "OFF_QUEUE")
