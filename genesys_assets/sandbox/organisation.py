"""The organisation: its directory and all its conversations, each told anew from the seed and kept for a
while.

Here belongs finding conversations by day, hour and id. What they contain is in `stories`, what was known when
in `past`.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from genesys_assets.sandbox import arrivals, directory, facts, past, stories
from genesys_assets.sandbox.arrivals import Arrival
from genesys_assets.sandbox.facts import SessionFacts
from genesys_assets.sandbox.times import DAY, day_of, day_start, from_datetime, iso

Item = dict[str, Any]
Kept = TypeVar("Kept")

# How much is kept at once; a day of 100,000 conversations is about 150 MB of bodies.
_KEPT_BODIES = 150_000
_KEPT_FACTS = 50_000
_KEPT_ARRIVALS = 1_000_000


@dataclass(frozen=True, slots=True)
class _Body:
    """A complete conversation as JSON, compressed, and the instant from which on that is the truth."""

    settled: str
    compressed: bytes


class Organisation:
    """Queues, people and conversations of one seed: the same seed always gives the same organisation."""

    def __init__(self, seed: int = 1, conversations_per_day: int = 400) -> None:
        self.seed = seed
        self.conversations_per_day = conversations_per_day
        self.directory = directory.build(seed)
        self._lock = threading.RLock()
        self._arrivals: OrderedDict[date, list[Arrival]] = OrderedDict()
        self._bodies: OrderedDict[str, _Body] = OrderedDict()
        self._facts: OrderedDict[str, tuple[str, list[SessionFacts]]] = OrderedDict()

    # As tests and tools see it.

    def conversations(self, day: date) -> list[Item]:
        """The complete conversations that begin on that UTC day, in order of start; they may be changed."""
        return [self.tell(arrival) for arrival in self.arrivals(day)]

    def as_of(self, conversation: Item, now: datetime) -> Item | None:
        """What the API shows of a complete conversation at `now`; None before it began."""
        return past.as_of(conversation, iso(from_datetime(now)))

    # As the endpoints see it; `now` and all instants are in ms.

    def arrivals(self, day: date) -> list[Arrival]:
        """Which conversations begin on that day, in order of start, then id."""
        most = max(8, _KEPT_ARRIVALS // max(1, self.conversations_per_day))
        return self._kept(
            self._arrivals, day, most, lambda: arrivals.of_day(self.seed, day, self.conversations_per_day)
        )

    def started(self, days: Iterable[date], now: int) -> list[Arrival]:
        """What has begun by `now` of the conversations of these days, in order of start."""
        return [
            arrival
            for day in days
            if day_start(day) <= now
            for arrival in arrivals.between(self.arrivals(day), day_start(day), min(now + 1, day_start(day) + DAY))
        ]

    def active(self, start: int, end: int) -> Iterator[Arrival]:
        """All conversations in which something may happen in [start, end), and some in which nothing does."""
        first, last = day_of(start - arrivals.LONGEST_LASTING), day_of(end - 1)
        for number in range((last - first).days + 1):
            today = self.arrivals(first + timedelta(days=number))
            recent = start - arrivals.LONGEST_SHORT
            yield from (
                arrival for arrival in today if arrival.start < end and (arrival.start >= recent or arrival.lasting)
            )

    def find(self, conversation_id: str) -> Arrival | None:
        """The conversation of that id, whenever it is."""
        day = arrivals.day_of_id(conversation_id)
        if day is None:
            return None
        return next((arrival for arrival in self.arrivals(day) if arrival.id == conversation_id), None)

    def tell(self, arrival: Arrival) -> Item:
        return stories.tell(self.directory, arrival)

    def shown(self, arrival: Arrival, now: int) -> Item:
        """The conversation as of `now`, which must not be before it began."""
        told = past.as_of(self.tell(arrival), iso(now))
        assert told is not None, f"{arrival.id} begins at {iso(arrival.start)}, after {iso(now)}"
        return told

    def body(self, arrival: Arrival, now: int) -> bytes:
        """The conversation as of `now` as JSON."""
        kept = self._kept(self._bodies, arrival.id, _KEPT_BODIES, lambda: _body(self.tell(arrival)))
        return zlib.decompress(kept.compressed) if kept.settled <= iso(now) else encode(self.shown(arrival, now))

    def facts(self, arrival: Arrival, now: int) -> list[SessionFacts]:
        """What the aggregates know of the conversation at `now`."""
        settled, known = self._kept(self._facts, arrival.id, _KEPT_FACTS, lambda: _facts(self.tell(arrival)))
        return known if settled <= iso(now) else facts.of_conversation(self.shown(arrival, now))

    def _kept(self, cache: OrderedDict[Any, Kept], key: Any, most: int, make: Callable[[], Kept]) -> Kept:
        with self._lock:
            if key in cache:
                cache.move_to_end(key)
                return cache[key]
            made = cache[key] = make()
            while len(cache) > most:
                cache.popitem(last=False)
            return made


def encode(value: Any) -> bytes:
    """Compact JSON as the platform sends it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _body(conversation: Item) -> _Body:
    return _Body(past.settled(conversation), zlib.compress(encode(conversation), 1))


def _facts(conversation: Item) -> tuple[str, list[SessionFacts]]:
    return past.settled(conversation), facts.of_conversation(conversation)
