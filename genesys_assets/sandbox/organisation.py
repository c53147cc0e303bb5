"""The organisation: its directory and all its conversations. Each is generated from the seed when it is needed, and
cached; tests may change it.

This module finds conversations by day, hour and id. `stories` generates their content, `past` removes what was not
known yet at an instant, `history` has the changes.
"""

from __future__ import annotations

import json
import marshal
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from genesys_assets.sandbox import (
    arrivals,
    attributes,
    directory,
    directory_changes,
    facts,
    happenings,
    past,
    reopening,
    stories,
)
from genesys_assets.sandbox.arrivals import Arrival
from genesys_assets.sandbox.facts import SessionFacts
from genesys_assets.sandbox.history import ALWAYS, History, Revision, complete
from genesys_assets.sandbox.times import DAY, SECOND, day_of, day_start, from_datetime, iso, millis

Item = dict[str, Any]
Cached = TypeVar("Cached")

# Sizes of the caches, so that a large day is generated only once; 100,000 conversations take about 150 MB of bodies and
# as much of facts. Both are cached as bytes, which the garbage collector need not scan.
_KEPT_BODIES = 150_000
_KEPT_FACTS = 150_000
_KEPT_ARRIVALS = 1_000_000
_KEPT_DAYS = 400


@dataclass(frozen=True, slots=True)
class _Body:
    """A complete conversation as compressed JSON, and the instant after which nothing in it changes."""

    settled: str
    compressed: bytes


@dataclass(frozen=True, slots=True)
class _Facts:
    """The facts of a complete conversation's sessions, packed, and the instant after which nothing in them changes."""

    settled: str
    packed: bytes


class Organisation:
    """Queues, people and conversations of one seed: the same seed always gives the same organisation.

    `conversations_per_day` may be a function of the day. `directory` is what the listings show. Conversations have the
    names from before all changes: the platform, too, keeps the names that were valid at the time.
    """

    def __init__(self, seed: int = 1, conversations_per_day: int | Callable[[date], int] = 400) -> None:
        self.seed = seed
        self.conversations_per_day = conversations_per_day
        self._beginnings = directory.build(seed)
        self.directory = self._beginnings
        self.history = History()
        self._lock = threading.RLock()
        self._arrivals: OrderedDict[date, list[Arrival]] = OrderedDict()
        self._by_id: OrderedDict[date, dict[str, Arrival]] = OrderedDict()
        self._open: OrderedDict[date, list[Arrival]] = OrderedDict()
        self._bodies: OrderedDict[str, _Body] = OrderedDict()
        self._facts: OrderedDict[str, _Facts] = OrderedDict()
        self._happenings: OrderedDict[str, _Facts] = OrderedDict()

    # As tests and tools see it.

    def conversations(self, day: date) -> list[Item]:
        """The complete conversations that begin on that UTC day, in order of start; they may be changed."""
        return [self.complete_conversation(arrival) for arrival in self.arrivals(day)]

    def seeded(self, day: date) -> list[Item]:
        """The complete conversations of that UTC day as generated from the seed, without changes by tests."""
        return [stories.generate(self._beginnings, arrival) for arrival in self._seeded(day)]

    def as_of(self, conversation: Item, now: datetime) -> Item | None:
        """What the API shows of a complete conversation at `now`; None before it began."""
        return past.as_of(conversation, iso(from_datetime(now)))

    def conversation(self, conversation_id: str, *, with_attributes: bool = False) -> Item:
        """The complete conversation of that id; with attributes as a details job shows it. Raises LookupError."""
        arrival = self._existing(conversation_id)
        if with_attributes:
            return attributes.shown(self._complete_with_attributes(arrival))
        return self.complete_conversation(arrival)

    # History as tests rewrite it: query, jobs and aggregates all follow at once.

    def plant(self, conversation: Item) -> str:
        """Adds a hand-made complete conversation in the form of the API, on the day of its `conversationStart`.

        Its instants may be any ISO 8601 text; `attributes` of its participants are shown by jobs only. Returns its id.
        Raises ValueError if the id is in use or a required field is missing.
        """
        conversation_ = complete(conversation)
        conversation_.setdefault("divisionIds", [self._beginnings.divisions[0]["id"]])
        planted: str = conversation_["conversationId"]
        with self._lock:
            if self.find(planted) is not None:
                raise ValueError(f"The conversation {planted} exists already; restate or delete it instead.")
            self.history.revise(planted, [Revision(ALWAYS, conversation_)], self._seed_day(planted))
        return planted

    def restate(self, conversation_id: str, change: Callable[[Item], None], *, at: datetime | None = None) -> None:
        """Lets `change` alter the complete conversation (attributes included), for ever or from `at` on.

        Without `at` it is called once for each version: there is one, unless the conversation was re-opened. Raises
        LookupError for an unknown id.
        """
        with self._lock:
            revisions = self._revisions(conversation_id)
            if at is None:
                for revision in revisions:
                    change(revision.conversation)
            else:
                later = self._complete_with_attributes(self._existing(conversation_id))
                change(later)
                revisions.append(Revision(from_datetime(at), later))
            self.history.revise(conversation_id, revisions, self._seed_day(conversation_id))

    def reopen(self, conversation_id: str, at: datetime, *, talk_seconds: int = 300) -> None:
        """Continues a conversation at `at`, after its end, with new sessions and a later `conversationEnd`.

        Before `at` it is shown as it was. Raises LookupError for an unknown id, ValueError if it has not ended by
        then.
        """
        moment = from_datetime(at)
        with self._lock:
            revisions = self._revisions(conversation_id)
            latest = self._complete_with_attributes(self._existing(conversation_id))
            longer = reopening.reopened(self._beginnings, latest, moment, talk_seconds * SECOND)
            revisions.append(Revision(moment, longer))
            self.history.revise(conversation_id, revisions, self._seed_day(conversation_id))

    def delete(self, conversation_id: str) -> None:
        """Deletes a conversation without a trace, as after a request under the GDPR. Raises LookupError for an unknown
        id.
        """
        with self._lock:
            self._existing(conversation_id)
            self.history.delete(conversation_id, self._seed_day(conversation_id))

    def rename(self, kind: str, entity_id: str, name: str) -> None:
        """Renames an entity in the listings; `kind` is queues, users, wrapup_codes or skills."""
        self.directory = directory_changes.renamed(self.directory, kind, entity_id, name)

    def remove(self, kind: str, entity_id: str) -> None:
        """Deletes an entity; `kind` is as in `rename`. A user is listed as deleted, other entities disappear."""
        self.directory = directory_changes.removed(self.directory, kind, entity_id)

    def restore(self) -> None:
        """Undoes all changes of conversations and of the directory."""
        with self._lock:
            version = self.history.version
            self.history = History()
            self.history.version = version + 1
            self.directory = self._beginnings

    # As the endpoints see it; `now` and all instants are in ms.

    def arrivals(self, day: date) -> list[Arrival]:
        """The conversations that begin on that day, in order of start, then id."""
        with self._lock:
            return self.history.of_day(day, self._seeded(day))

    def started(self, days: Iterable[date], now: int) -> list[Arrival]:
        """The conversations of these days that have begun by `now`, in order of start."""
        return [
            arrival
            for day in days
            if day_start(day) <= now
            for arrival in arrivals.between(self.arrivals(day), day_start(day), min(now + 1, day_start(day) + DAY))
        ]

    def overlapping(self, start: int, end: int, now: int) -> list[Arrival]:
        """The conversations that, as of `now`, were in progress at some time of [start, end), in order of start."""
        if now < start:
            return []
        first, last = day_of(start), day_of(end - 1)
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        begun_within = arrivals.between(self.started(days, now), start, end)
        earlier = [arrival for arrival in self._lasting_until(start) if not self.history.knows(arrival.id)]
        earlier += [
            arrival
            for arrival in self.history.arrivals()
            if arrival.start < start and _ends_after(self.shown(arrival, now), start)
        ]
        return sorted(earlier, key=lambda arrival: (arrival.start, arrival.id)) + begun_within

    def active(self, start: int, end: int) -> Iterator[Arrival]:
        """All conversations in which something may happen in [start, end), and some in which nothing does."""
        first, last = day_of(start - arrivals.LONGEST_LASTING), day_of(end - 1)
        recent = start - arrivals.LONGEST_SHORT
        for number in range((last - first).days + 1):
            yield from (
                arrival
                for arrival in self._seeded(first + timedelta(days=number))
                if arrival.start < end
                and (arrival.start >= recent or arrival.lasting)
                and not self.history.knows(arrival.id)
            )
        yield from (arrival for arrival in self.history.arrivals() if arrival.start < end)

    def find(self, conversation_id: str) -> Arrival | None:
        """The conversation with that id, on any day; None if there is none."""
        if self.history.knows(conversation_id):
            return self.history.arrival(conversation_id)
        day = arrivals.day_of_id(conversation_id)
        if day is None:
            return None
        most = max(2, _KEPT_ARRIVALS // (8 * max(1, self._count(day))))
        by_id = self._cached(self._by_id, day, most, lambda: {arrival.id: arrival for arrival in self._seeded(day)})
        return by_id.get(conversation_id)

    def complete_conversation(self, arrival: Arrival) -> Item:
        """The complete conversation, as the query shows it after everything has happened."""
        if self.history.knows(arrival.id):
            return attributes.removed(self.history.conversation(arrival.id))
        return stories.generate(self._beginnings, arrival)

    def shown(self, arrival: Arrival, now: int) -> Item:
        """The conversation as of `now`, which must not be before it began."""
        if self.history.knows(arrival.id):
            complete_ = attributes.removed(self.history.conversation(arrival.id, now))
        else:
            complete_ = stories.generate(self._beginnings, arrival)
        return _as_of(complete_, now)

    def body(self, arrival: Arrival, now: int) -> bytes:
        """The conversation as of `now` as JSON."""
        if self.history.knows(arrival.id):
            return encode(self.shown(arrival, now))
        cached = self._cached(
            self._bodies, arrival.id, _KEPT_BODIES, lambda: _body(self.complete_conversation(arrival))
        )
        return zlib.decompress(cached.compressed) if cached.settled <= iso(now) else encode(self.shown(arrival, now))

    def body_with_attributes(self, arrival: Arrival, now: int) -> bytes:
        """The conversation as of `now` as the JSON of a details job."""
        return encode(self.item_with_attributes(arrival, now))

    def item_with_attributes(self, arrival: Arrival, now: int) -> Item:
        """The conversation as of `now`, with attributes."""
        return attributes.shown(_as_of(self._complete_with_attributes(arrival, now), now))

    def facts(self, arrival: Arrival, now: int) -> list[SessionFacts]:
        """The facts of the conversation's sessions as of `now`, for aggregates."""
        if self.history.knows(arrival.id):
            shown = self.history.conversation(arrival.id, now)
            began = millis(shown["conversationStart"]) <= now
            return facts.of_conversation(_as_of(shown, now)) if began else []
        cached = self._cached(self._facts, arrival.id, _KEPT_FACTS, lambda: _facts(self.complete_conversation(arrival)))
        if cached.settled > iso(now):
            return facts.of_conversation(self.shown(arrival, now))
        return [
            SessionFacts(arrival.id, dimensions, emissions) for dimensions, emissions in marshal.loads(cached.packed)
        ]

    def happenings(self, arrival: Arrival, now: int) -> dict[str, list[SessionFacts]]:
        """The conversation's events as of `now`, for the other families of aggregates, by family."""
        if self.history.knows(arrival.id):
            complete_ = attributes.removed(self.history.conversation(arrival.id, now))
            return happenings.of_conversation(complete_, now)
        cached = self._cached(
            self._happenings, arrival.id, _KEPT_FACTS, lambda: _happenings(self.complete_conversation(arrival))
        )
        if cached.settled > iso(now):
            return happenings.of_conversation(self.complete_conversation(arrival), now)
        return {
            family: [SessionFacts(arrival.id, dimensions, emissions) for dimensions, emissions in sessions]
            for family, sessions in marshal.loads(cached.packed).items()
        }

    # Conversations from the seed, and their changes.

    def _count(self, day: date) -> int:
        setting = self.conversations_per_day
        return setting(day) if callable(setting) else setting

    def _seeded(self, day: date) -> list[Arrival]:
        most = max(8, _KEPT_ARRIVALS // max(1, self._count(day)))
        return self._cached(self._arrivals, day, most, lambda: arrivals.of_day(self.seed, day, self._count(day)))

    def _seed_day(self, conversation_id: str) -> date | None:
        return arrivals.day_of_id(conversation_id)

    def _existing(self, conversation_id: str) -> Arrival:
        arrival = self.find(conversation_id)
        if arrival is None:
            raise LookupError(f"There is no conversation {conversation_id} in the sandbox.")
        return arrival

    def _revisions(self, conversation_id: str) -> list[Revision]:
        """Copies, to be changed."""
        arrival = self._existing(conversation_id)
        known_from = [revision.known_from for revision in self.history.revisions(conversation_id)] or [ALWAYS]
        return [Revision(instant, self._complete_with_attributes(arrival, instant)) for instant in known_from]

    def _complete_with_attributes(self, arrival: Arrival, now: int | None = None) -> Item:
        if self.history.knows(arrival.id):
            return self.history.conversation(arrival.id, now)
        return attributes.filled(stories.generate(self._beginnings, arrival))

    def _lasting_until(self, start: int) -> Iterator[Arrival]:
        """The conversations from the seed that began before `start` and were not over by then."""
        for number in range(arrivals.LONGEST_OPEN // DAY + 1):
            day = day_of(start) - timedelta(days=number)
            if day_start(day) < start - arrivals.LONGEST_LASTING - DAY:
                yield from self._never_ending(day)
            else:
                yield from (arrival for arrival in self._seeded(day) if self._lasts_until(arrival, start))

    def _lasts_until(self, arrival: Arrival, instant: int) -> bool:
        longest = arrivals.LONGEST_LASTING if arrival.lasting else arrivals.LONGEST_SHORT
        if not instant - longest < arrival.start < instant:
            return arrival.open_ended and arrival.start < instant
        return arrival.open_ended or _ends_after(stories.generate(self._beginnings, arrival), instant)

    def _never_ending(self, day: date) -> list[Arrival]:
        """The conversations of a day that never end. They are cached by themselves, because a whole month of days is
        searched at once.
        """
        return self._cached(
            self._open, day, _KEPT_DAYS, lambda: [arrival for arrival in self._seeded(day) if arrival.open_ended]
        )

    def _cached(self, cache: OrderedDict[Any, Cached], key: Any, most: int, make: Callable[[], Cached]) -> Cached:
        with self._lock:
            if key in cache:
                cache.move_to_end(key)
                return cache[key]
            value = cache[key] = make()
            while len(cache) > most:
                cache.popitem(last=False)
            return value


def encode(value: Any) -> bytes:
    """Compact JSON as the platform sends it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _as_of(conversation: Item, now: int) -> Item:
    shown = past.as_of(conversation, iso(now))
    assert shown is not None, f"{conversation['conversationId']} begins after {iso(now)}"
    return shown


def _body(conversation: Item) -> _Body:
    return _Body(past.settled(conversation), zlib.compress(encode(conversation), 1))


def _facts(conversation: Item) -> _Facts:
    sessions = [(session.dimensions, session.emissions) for session in facts.of_conversation(conversation)]
    return _Facts(past.settled(conversation), marshal.dumps(sessions))


def _happenings(conversation: Item) -> _Facts:
    settled = past.settled(conversation)
    by_family = happenings.of_conversation(conversation, millis(settled))
    packed = {family: [(each.dimensions, each.emissions) for each in facts_] for family, facts_ in by_family.items()}
    return _Facts(settled, marshal.dumps(packed))


def _ends_after(conversation: Item, instant: int) -> bool:
    return "conversationEnd" not in conversation or millis(conversation["conversationEnd"]) > instant
