"""Each agent's presence and routing status over time, from the seed and the organisation's conversations.

The laws: whoever has a segment of a conversation is ON_QUEUE, and INTERACTING (COMMUNICATING where the segment belongs
to no queue); whoever lets a phone ring in vain is NOT_RESPONDING afterwards. Parked segments, and those that never end,
keep nobody busy. This module turns states into spans; what the API shows of them is in `user_status`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

from genesys_assets.sandbox import shifts
from genesys_assets.sandbox.arrivals import LONGEST_LASTING
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.shifts import Piece, State
from genesys_assets.sandbox.times import DAY, MINUTE, SECOND, day_of, day_start, millis

Item = dict[str, Any]

STAYS_ON_QUEUE = 10 * MINUTE
"""How long an agent stays on queue between two conversations outside a shift."""
_WORK = frozenset({"alert", "interact", "hold", "wrapup", "contacting", "dialing"})
_MOST_DAYS = 60
"""No agent is in one state for longer: every account is used on Mondays."""
_KEPT_DAYS = 80
_KEPT_STATES = 10_000


class Work(NamedTuple):
    """[start, end) in ms in which conversations keep an agent in a routing status."""

    start: int
    end: int
    status: str


class Span(NamedTuple):
    """[start, end) in ms of one value: a presence with the organisation's own, or a routing status."""

    start: int
    end: int
    value: tuple[str, str | None]


def presence(state: State) -> tuple[str, str | None]:
    return state.presence, state.organization_presence_id


def routing(state: State) -> tuple[str, str | None]:
    return state.routing, None


def work_of(conversation: Item) -> Iterator[tuple[str, Work]]:
    """What a complete conversation asks of its agents, by user id."""
    for participant in conversation.get("participants", ()):
        user_id = participant.get("userId")
        if user_id is None:
            continue
        for session in participant["sessions"]:
            for step in session["segments"]:
                if step["segmentType"] in _WORK and "segmentEnd" in step:
                    start, end = millis(step["segmentStart"]), millis(step["segmentEnd"])
                    if end > start:
                        yield user_id, Work(start, end, "INTERACTING" if "queueId" in step else "COMMUNICATING")
            for metric in session.get("metrics", ()):
                if metric["name"] == "tNotResponding":
                    emitted = millis(metric["emitDate"])
                    lasts = Random(f"silent {user_id} {emitted}").randrange(20 * SECOND, 180 * SECOND)
                    yield user_id, Work(emitted, emitted + lasts, "NOT_RESPONDING")


def painted(below: Iterable[Piece], above: Iterable[Piece]) -> list[Piece]:
    """The pieces below, with those above in their place; each are in order and without overlaps."""
    over = list(above)
    made: list[Piece] = []
    first = 0
    for start, end, state in below:
        while first < len(over) and over[first].end <= start:
            first += 1
        at, index = start, first
        while index < len(over) and over[index].start < end:
            if over[index].start > at:
                made.append(Piece(at, over[index].start, state))
            made.append(Piece(max(at, over[index].start), min(end, over[index].end), over[index].state))
            at = min(end, over[index].end)
            index += 1
        if at < end:
            made.append(Piece(at, end, state))
    return made


def united(intervals: Iterable[tuple[int, int]], bridging: int = 0) -> list[tuple[int, int]]:
    """The intervals in order, as one where they touch or less than `bridging` lies between them."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if found and start - found[-1][1] <= bridging:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


class Timelines:
    """The agents' spans of one organisation, as everything turns out in the end."""

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        # Of the beginning: that somebody is deleted later changes nothing of what they did before.
        self._directory = organisation.directory
        self._numbers = {user["id"]: number for number, user in enumerate(self._directory.users)}
        self._lock = threading.RLock()
        self._days: OrderedDict[date, list[tuple[str, str, Work]]] = OrderedDict()
        self._of_users: dict[date, tuple[int, dict[str, list[Work]]]] = {}
        self._states: OrderedDict[tuple[int, str, date], list[Piece]] = OrderedDict()

    @property
    def user_ids(self) -> list[str]:
        return list(self._numbers)

    def spans(self, user_id: str, start: int, end: int, of: Callable[[State], tuple[str, str | None]]) -> list[Span]:
        """The spans of `presence` or `routing` that touch [start, end), in full, in order."""
        first, last = day_of(start), day_of(end - 1)
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        found = _spans((piece for day in days for piece in self.states(user_id, day)), of)
        for back in range(1, _MOST_DAYS):
            earlier = _spans(self.states(user_id, first - timedelta(days=back)), of)
            if earlier[-1].value != found[0].value:
                break
            found[0] = found[0]._replace(start=earlier[-1].start)
            if len(earlier) > 1:
                break
        for ahead in range(1, _MOST_DAYS):
            later = _spans(self.states(user_id, last + timedelta(days=ahead)), of)
            if later[0].value != found[-1].value:
                break
            found[-1] = found[-1]._replace(end=later[0].end)
            if len(later) > 1:
                break
        return [span for span in found if span.start < end and span.end > start]

    def states(self, user_id: str, day: date) -> list[Piece]:
        """The UTC day of a user, without gaps."""
        with self._lock:
            key = (self._organisation.history.version, user_id, day)
            if key not in self._states:
                self._states[key] = self._made(user_id, day)
                while len(self._states) > _KEPT_STATES:
                    self._states.popitem(last=False)
            return self._states[key]

    def _made(self, user_id: str, day: date) -> list[Piece]:
        directory, number = self._directory, self._numbers[user_id]
        begin, end = day_start(day), day_start(day) + DAY
        pieces = [Piece(begin, end, shifts.offline(directory))]
        for each in (day - timedelta(days=1), day):
            pieces = painted(pieces, shifts.begun_on(directory, number, directory.users[number], each))
        work = self._work(user_id, begin - STAYS_ON_QUEUE, end + STAYS_ON_QUEUE)
        stays = united(((each.start, each.end) for each in work), STAYS_ON_QUEUE)
        layers = {"IDLE": stays} | {
            status: united((each.start, each.end) for each in work if each.status == status)
            for status in ("COMMUNICATING", "NOT_RESPONDING", "INTERACTING")
        }
        for status, intervals in layers.items():
            state = shifts.on_queue(directory, status)
            pieces = painted(pieces, (Piece(*interval, state) for interval in intervals))
        return pieces

    def _work(self, user_id: str, start: int, end: int) -> list[Work]:
        """What conversations ask of the user in [start, end)."""
        first, last = day_of(start - LONGEST_LASTING), day_of(end - 1)
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return [
            work
            for day in days
            for work in self._begun_on(day).get(user_id, ())
            if work.start < end and work.end > start
        ]

    def _begun_on(self, day: date) -> dict[str, list[Work]]:
        """The work of the conversations that begin on a day, by user id."""
        organisation = self._organisation
        with self._lock:
            version = organisation.history.version
            known = self._of_users.get(day)
            if known is not None and known[0] == version:
                return known[1]
            work: dict[str, list[Work]] = {}
            for conversation_id, user_id, each in self._told(day):
                if not organisation.history.knows(conversation_id):
                    work.setdefault(user_id, []).append(each)
            for arrival in organisation.arrivals(day):
                if organisation.history.knows(arrival.id):
                    for user_id, each in work_of(organisation.tell(arrival)):
                        work.setdefault(user_id, []).append(each)
            if len(self._of_users) >= _KEPT_DAYS:
                self._of_users.clear()
            self._of_users[day] = version, work
            return work

    def _told(self, day: date) -> list[tuple[str, str, Work]]:
        """The seed's timeline, with the conversations' ids; it never changes."""
        if day not in self._days:
            told = self._organisation.told(day)
            self._days[day] = [(each["conversationId"], *work) for each in told for work in work_of(each)]
            while len(self._days) > _KEPT_DAYS:
                self._days.popitem(last=False)
        self._days.move_to_end(day)
        return self._days[day]


def _spans(pieces: Iterable[Piece], of: Callable[[State], tuple[str, str | None]]) -> list[Span]:
    """The pieces, which follow each other without gaps, as spans of one value each."""
    found: list[Span] = []
    for start, end, state in pieces:
        value = of(state)
        if found and found[-1].value == value:
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(Span(start, end, value))
    assert all(one.end == other.start for one, other in pairwise(found))
    return found
