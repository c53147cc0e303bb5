"""Each agent's presence and routing status over time, from the seed and the organisation's conversations.

The rules: an agent with a segment of a conversation is ON_QUEUE and INTERACTING (COMMUNICATING if the segment belongs
to no queue). An agent who did not answer is NOT_RESPONDING afterwards. Segments that are parked or never end keep
nobody busy. This module turns states into spans; `user_status` shows them as the API does.
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
    """[start, end) in ms in which a conversation puts an agent into a routing status."""

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
    """The work of the agents in a complete conversation, each with the user id."""
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
    """The pieces `below`, replaced by those `above` where these overlap. Both must be in order and without overlaps."""
    over = list(above)
    pieces: list[Piece] = []
    first = 0
    for start, end, state in below:
        while first < len(over) and over[first].end <= start:
            first += 1
        at, index = start, first
        while index < len(over) and over[index].start < end:
            if over[index].start > at:
                pieces.append(Piece(at, over[index].start, state))
            pieces.append(Piece(max(at, over[index].start), min(end, over[index].end), over[index].state))
            at = min(end, over[index].end)
            index += 1
        if at < end:
            pieces.append(Piece(at, end, state))
    return pieces


def united(intervals: Iterable[tuple[int, int]], bridging: int = 0) -> list[tuple[int, int]]:
    """The intervals in order; those that overlap, touch, or are at most `bridging` apart are joined."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if joined and start - joined[-1][1] <= bridging:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


class Timelines:
    """The spans of all agents of an organisation, as they are after everything has happened."""

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        # The directory before all changes: deleting a user later does not change what the user did before.
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
        spans = _spans((piece for day in days for piece in self.states(user_id, day)), of)
        for back in range(1, _MOST_DAYS):
            earlier = _spans(self.states(user_id, first - timedelta(days=back)), of)
            if earlier[-1].value != spans[0].value:
                break
            spans[0] = spans[0]._replace(start=earlier[-1].start)
            if len(earlier) > 1:
                break
        for ahead in range(1, _MOST_DAYS):
            later = _spans(self.states(user_id, last + timedelta(days=ahead)), of)
            if later[0].value != spans[-1].value:
                break
            spans[-1] = spans[-1]._replace(end=later[0].end)
            if len(later) > 1:
                break
        return [span for span in spans if span.start < end and span.end > start]

    def states(self, user_id: str, day: date) -> list[Piece]:
        """The states of a user on a UTC day, without gaps."""
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
        """The user's work in conversations in [start, end)."""
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
            cached = self._of_users.get(day)
            if cached is not None and cached[0] == version:
                return cached[1]
            work: dict[str, list[Work]] = {}
            for conversation_id, user_id, each in self._seeded_work(day):
                if not organisation.history.knows(conversation_id):
                    work.setdefault(user_id, []).append(each)
            for arrival in organisation.arrivals(day):
                if organisation.history.knows(arrival.id):
                    for user_id, each in work_of(organisation.complete_conversation(arrival)):
                        work.setdefault(user_id, []).append(each)
            if len(self._of_users) >= _KEPT_DAYS:
                self._of_users.clear()
            self._of_users[day] = version, work
            return work

    def _seeded_work(self, day: date) -> list[tuple[str, str, Work]]:
        """The work in conversations from the seed, with their ids; it never changes."""
        if day not in self._days:
            conversations = self._organisation.seeded(day)
            self._days[day] = [(each["conversationId"], *work) for each in conversations for work in work_of(each)]
            while len(self._days) > _KEPT_DAYS:
                self._days.popitem(last=False)
        self._days.move_to_end(day)
        return self._days[day]


def _spans(pieces: Iterable[Piece], of: Callable[[State], tuple[str, str | None]]) -> list[Span]:
    """The pieces, which follow each other without gaps, as spans of one value each."""
    spans: list[Span] = []
    for start, end, state in pieces:
        value = of(state)
        if spans and spans[-1].value == value:
            spans[-1] = spans[-1]._replace(end=end)
        else:
            spans.append(Span(start, end, value))
    assert all(one.end == other.start for one, other in pairwise(spans))
    return spans
