"""Events in the organisation while time goes on, and its state at any moment.

This module holds what the platform knew; `readings` holds what was read of it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

from genesys_assets.sandbox import attributes, past
from genesys_assets.sandbox.arrivals import Arrival
from genesys_assets.sandbox.history import ALWAYS, Revision
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.timelines import Timelines
from genesys_assets.sandbox.times import from_datetime, iso
from genesys_assets_tests.plain_figures import Item, sessions

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
_TIMELINES_KEPT = 30
LATER = "9999-12-31T23:59:59.999Z"
"""After all that ever happens, in the platform's form."""


@dataclass
class Past:
    """The organisation at any moment, including conversations that were deleted later."""

    organisation: Organisation
    names: dict[str, set[str]] = field(default_factory=dict)
    _deleted: dict[str, tuple[datetime, date, list[Revision]]] = field(default_factory=dict)
    _told: dict[str, tuple[Item, str]] = field(default_factory=dict)
    _found: dict[tuple[date, datetime, datetime], list[Item]] = field(default_factory=dict)
    _version: int = -1
    _timelines: dict[datetime, Timelines] = field(default_factory=dict)

    def timelines(self, asked_at: datetime) -> Timelines:
        """What agents did, as the platform showed it at a moment, before later deletions and changes."""
        if asked_at not in self._timelines:
            while len(self._timelines) >= _TIMELINES_KEPT:
                del self._timelines[next(iter(self._timelines))]
            as_it_was: Any = AsItWas(self, asked_at)
            self._timelines[asked_at] = Timelines(as_it_was)
        return self._timelines[asked_at]

    def begun(self, day: date, known_at: datetime, asked_at: datetime) -> Sequence[Item]:
        """The conversations that began on a UTC day, in their state at `known_at`, without those deleted by `asked_at`.

        Callers must not change them.
        """
        version = self.organisation.history.version
        if version != self._version:
            self._found.clear()
            self._version = version
        key = (day, known_at, asked_at)
        if key not in self._found:
            self._found[key] = [*self._there(day, known_at), *self._deleted_since(day, known_at, asked_at)]
        return self._found[key]

    def complete(self, day: date, known_at: datetime, asked_at: datetime) -> Iterator[Item]:
        """The same in their final form, with the changes of history up to `known_at`."""
        moment = from_datetime(known_at)
        for arrival in self.organisation.arrivals(day):
            if arrival.start <= moment:
                if self.organisation.history.knows(arrival.id):
                    yield self.organisation.history.conversation(arrival.id, moment)
                else:
                    yield self._told_at(arrival, LATER)
        for deleted_at, began, revisions in self._deleted.values():
            if began == day and asked_at < deleted_at:
                yield self._known(revisions, moment)

    def _there(self, day: date, known_at: datetime) -> Iterator[Item]:
        moment = from_datetime(known_at)
        for arrival in self.organisation.arrivals(day):
            if arrival.start <= moment:
                if self.organisation.history.knows(arrival.id):
                    yield self.organisation.shown(arrival, moment)
                else:
                    yield self._told_at(arrival, iso(moment))

    def _told_at(self, arrival: Arrival, moment: str) -> Item:
        if arrival.id not in self._told:
            told = self.organisation.complete_conversation(arrival)
            self._told[arrival.id] = told, past.settled(told)
        told, settled = self._told[arrival.id]
        shown = told if settled <= moment else past.as_of(told, moment)
        assert shown is not None
        return shown

    def _deleted_since(self, day: date, known_at: datetime, asked_at: datetime) -> Iterator[Item]:
        moment = from_datetime(known_at)
        for deleted_at, began, revisions in self._deleted.values():
            if began == day and asked_at < deleted_at:
                shown = past.as_of(attributes.removed(self._known(revisions, moment)), iso(moment))
                if shown is not None:
                    yield shown

    def _known(self, revisions: Sequence[Revision], moment: int) -> Item:
        known = [one for one in revisions if one.known_from <= moment] or revisions[:1]
        return known[-1].conversation

    def delete(self, conversation_id: str, now: datetime) -> None:
        revisions = list(self.organisation.history.revisions(conversation_id)) or [
            Revision(ALWAYS, self.organisation.conversation(conversation_id))
        ]
        began = datetime.fromisoformat(revisions[-1].conversation["conversationStart"]).date()
        self.organisation.delete(conversation_id)
        self._deleted[conversation_id] = (now, began, revisions)

    def rename_queue(self, queue_id: str, name: str) -> None:
        self.names.setdefault(queue_id, set()).add(self.organisation.directory.queue_by_id[queue_id].name)
        self.names[queue_id].add(name)
        self.organisation.rename("queues", queue_id, name)


class AsItWas:
    """The organisation at a moment, with the interface that `Timelines` uses."""

    version = 0

    def __init__(self, past_: Past, asked_at: datetime) -> None:
        self._past, self._asked_at = past_, asked_at
        self.directory, self.history = past_.organisation.directory, self

    def knows(self, conversation_id: str) -> bool:
        return False

    def arrivals(self, day: date) -> Sequence[Arrival]:
        return ()

    def seeded(self, day: date) -> Iterator[Item]:
        return self._past.complete(day, self._asked_at, self._asked_at)


@dataclass(order=True)
class Event:
    at: datetime
    number: int
    what: str = field(compare=False)
    happen: Callable[[datetime], str | None] = field(compare=False)


class History:
    """A seeded plan of events; `until` lets them happen."""

    def __init__(self, past: Past, seed: int, first: date, days: int) -> None:
        self.past, self.organisation = past, past.organisation
        self._random = Random(f"history {seed}")
        self._planned: list[Event] = []
        self.log: list[str] = []
        for number in range(days):
            self._plan_day(first + DAY * number)
        self._plan_rename(first, days)

    def until(self, now: datetime, present: datetime | None = None) -> None:
        """Let the events that are planned until `now` happen. Events planned before the `present` happen just after it,
        because readings in between have not seen them.
        """
        earliest = datetime.min.replace(tzinfo=UTC) if present is None else present + timedelta(seconds=1)
        while self._planned and self._planned[0].at <= now:
            event = heapq.heappop(self._planned)
            at = max(event.at, earliest)
            said = event.happen(at)
            if said:
                self.log.append(f"{at:%Y-%m-%d %H:%M} {event.what}: {said}")

    def next_event(self) -> datetime | None:
        return self._planned[0].at if self._planned else None

    def _plan(self, at: datetime, what: str, happen: Callable[[datetime], str | None]) -> None:
        heapq.heappush(self._planned, Event(at, len(self._planned) + int(at.timestamp()), what, happen))

    def _plan_day(self, day: date) -> None:
        draw = self._random
        for _ in range(draw.choice((0, 1, 1, 2))):
            self._plan(self._moment(day), "restated", self._restate)
        if draw.random() < 0.5:
            self._plan(self._moment(day), "deleted", self._delete)
        if draw.random() < 0.3:
            self._plan(self._moment(day), "went on", self._reopen)
        if draw.random() < 0.5:
            self._plan(self._moment(day), "lasts for days", self._plant)

    def _plan_rename(self, first: date, days: int) -> None:
        day = first + DAY * self._random.randrange(days)
        self._plan(self._moment(day), "renamed", self._rename)

    def _moment(self, day: date) -> datetime:
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return start + timedelta(seconds=self._random.randrange(86_400))

    def _some(self, now: datetime, fits: Callable[[Item], bool]) -> str | None:
        """A conversation of a day up to six days ago, mostly of the days that are read again."""
        back = self._random.choice((1, 1, 2, 2, 3, 3, 4, 4, 5, 6))
        day = (now - DAY * back).date()
        ids = [item["conversationId"] for item in self.organisation.conversations(day) if fits(item)]
        return self._random.choice(ids) if ids else None

    def _restate(self, now: datetime) -> str | None:
        more = self._random.randrange(1, 100_000)

        def longer(item: Item) -> None:
            for session in sessions([item]):
                for metric in session.item.get("metrics", ()):
                    if metric["name"] in ("tHandle", "tTalkComplete") and metric["emitDate"] <= iso(from_datetime(now)):
                        metric["value"] += more
                        return

        chosen = self._some(now, lambda item: any(any(s.emitted("tHandle")) for s in sessions([item])))
        if chosen is None:
            return None
        self.organisation.restate(chosen, longer, at=now)
        return f"{chosen} by {more} ms"

    def _delete(self, now: datetime) -> str | None:
        chosen = self._some(now, lambda item: True)
        if chosen is not None:
            self.past.delete(chosen, now)
        return chosen

    def _reopen(self, now: datetime) -> str | None:
        ended = iso(from_datetime(now))

        def could_come_back(item: Item) -> bool:
            has_customer = any(one["purpose"] in ("customer", "external") for one in item["participants"])
            return has_customer and item.get("conversationEnd", "~") < ended

        chosen = self._some(now, could_come_back)
        if chosen is not None:
            self.organisation.reopen(chosen, now, talk_seconds=self._random.randrange(60, 3_000))
        return chosen

    def _plant(self, now: datetime) -> str | None:
        directory, draw = self.organisation.directory, self._random
        queue = draw.choice([queue for queue in directory.taking("message") if len(queue.members) > 1])
        legs = draw.randrange(2, 5)
        cuts = [now + timedelta(seconds=draw.randrange(60, 6 * 86_400)) for _ in range(legs)]
        item = lasting(f"ffff{draw.getrandbits(112):028x}", queue.id, list(queue.members), [now, *sorted(cuts)])
        return f"{self.organisation.plant(item)} until {max(cuts):%Y-%m-%d %H:%M}"

    def _rename(self, now: datetime) -> str | None:
        queue = self._random.choice(self.organisation.directory.queues)
        self.past.rename_queue(queue.id, f"{queue.name} since {now:%d %B}")
        return queue.id


def lasting(number: str, queue: str, users: list[str], cuts: list[datetime]) -> Item:
    """A message that waits until the second cut. At each further cut, one agent hands it on to the next."""
    identity = f"{number[:8]}-{number[8:12]}-4{number[13:16]}-8{number[17:20]}-{number[20:32]}"
    begun, taken, end = cuts[0], cuts[1], cuts[-1]
    waited = (taken - begun) // timedelta(milliseconds=1)
    participants = [
        _participant("customer", None, queue, begun, end),
        _participant("acd", None, queue, begun, taken, ("nOffered", 1, begun), ("tWait", waited, taken)),
    ]
    for index, (start, until) in enumerate(pairwise(cuts[1:])):
        value = (until - start) // timedelta(milliseconds=1)
        handled = (("tAnswered", 1_000, start), ("tTalkComplete", value, until), ("tHandle", value, until))
        participants.append(_participant("agent", users[index % len(users)], queue, start, until, *handled))
    return {
        "conversationId": identity,
        "conversationStart": _text(begun),
        "conversationEnd": _text(end),
        "participants": participants,
    }


def _participant(
    purpose: str, user: str | None, queue: str, start: datetime, end: datetime, *metrics: tuple[str, int, datetime]
) -> Item:
    segment = {"segmentType": "interact", "queueId": queue, "segmentStart": _text(start), "segmentEnd": _text(end)}
    session = {
        "sessionId": f"{purpose}-{start:%d%H%M%S}",
        "mediaType": "message",
        "segments": [segment],
        "metrics": [{"name": name, "value": value, "emitDate": _text(when)} for name, value, when in metrics],
    }
    named = {"participantId": f"{purpose}-{start:%d%H%M%S}", "purpose": purpose, "sessions": [session]}
    return named if user is None else {**named, "userId": user}


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
