"""Compares forms of one conversation that were saved at different times or by different queries.

While a conversation goes on, it gains sessions, segments and metrics. If each of two forms has something that the other
lacks, neither is the whole conversation: a tool has written a line for each session, segment, metric or evaluation.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from genesys_assets.importing.spelling import Object

Element = tuple[Any, ...]
Numbers = npt.NDArray[np.uint64]
_ONE = np.uint64(1)
_BESIDE_PARTICIPANTS = {
    "evaluations": ("evaluationId",),
    "surveys": ("surveyId",),
    "resolutions": ("queueId", "userId"),
}
"""Lists of a conversation beside its participants, and the fields that identify an object of each."""


def elements(conversation: Object) -> dict[Element, set[str | None]]:
    """The objects of a conversation, identified by what never changes, each with the instants at which it began."""
    found: dict[Element, set[str | None]] = defaultdict(set)
    for participant in _objects(conversation, "participants"):
        of = participant.get("participantId")
        found["participant", of].add(None)
        for session in _objects(participant, "sessions"):
            place = (of, session.get("sessionId"))
            found["session", *place].add(None)
            for segment in _objects(session, "segments"):
                found["segment", *place, segment.get("segmentType")].add(segment.get("segmentStart"))
            for metric in _objects(session, "metrics"):
                found["metric", *place, metric.get("name")].add(metric.get("emitDate"))
    for name, keys in _BESIDE_PARTICIPANTS.items():
        for each in _objects(conversation, name):
            found[name, *map(each.get, keys)].add(each.get("eventTime") if name == "resolutions" else None)
    return found


def extent(conversation: Object) -> int:
    """How much a version of a conversation has: the number of its objects, and of those that have ended. It grows while
    the conversation goes on and is evaluated, so of two versions with one latest event the larger one is newer.
    """
    sessions = [each for of in _objects(conversation, "participants") for each in _objects(of, "sessions")]
    segments = [each for session in sessions for each in _objects(session, "segments")]
    ends = sum(bool(segment.get("segmentEnd")) for segment in segments) + bool(conversation.get("conversationEnd"))
    metrics = sum(len(_objects(session, "metrics")) for session in sessions)
    beside = sum(len(_objects(conversation, name)) for name in _BESIDE_PARTICIPANTS)
    participants = len(_objects(conversation, "participants"))
    return participants + len(sessions) + len(segments) + metrics + beside + ends


@dataclass(frozen=True, slots=True)
class Version:
    """What two versions of a conversation are compared by, in little memory: numbers of what it consists of and of its
    participants, its start, its latest event as a text, and its `extent`.
    """

    start: str | None
    last: str
    extent: int
    elements: Numbers
    participants: Numbers

    @classmethod
    def of(cls, conversation: Object) -> Self:
        """The version that a conversation in the platform's form is."""
        found = elements(conversation)
        participants = {each: times for each, times in found.items() if each[0] == "participant"}
        start, last = conversation.get("conversationStart"), _last(conversation)
        return cls(start, last, extent(conversation), _numbers(found), _numbers(participants))

    @property
    def age(self) -> tuple[str, int]:
        """The order of versions: the newest one is the greatest."""
        return self.last, self.extent


def are_partial(forms: Iterable[Version]) -> bool:
    """Whether each of two forms with one start has something that the other one lacks. Forms with two starts are no
    parts of one conversation: one of them has wrong times.
    """
    return any(
        one.start == other.start
        and not _has_all(one.elements, other.elements)
        and not _has_all(other.elements, one.elements)
        for one, other in combinations(forms, 2)
    )


def is_shrunken(one: Version, other: Version) -> bool:
    """Whether the newer one of two forms with one start lacks participants of the other. Of equally new ones the second
    counts.
    """
    older, newer = (one, other) if one.age <= other.age else (other, one)
    return one.start == other.start and not _has_all(newer.participants, older.participants)


def _has_all(numbers: Numbers, others: Numbers) -> bool:
    """Whether each of `others` is among the numbers, up to one second more or less: tools round instants to seconds,
    and databases to their own fractions.
    """
    return bool(np.isin(others, np.concatenate([numbers, numbers + _ONE, numbers - _ONE])).all())


def _numbers(found: Mapping[Element, Collection[str | None]]) -> Numbers:
    """A number for each element and instant: a digest, plus the instant in seconds."""
    numbers = set[int]()
    for element, instants in found.items():
        digest = int.from_bytes(hashlib.blake2b(repr(element).encode(errors="replace"), digest_size=8).digest())
        numbers.update((digest + _second(each)) % 2**64 for each in instants)
    return np.array(sorted(numbers), np.uint64)


def _second(instant: str | None) -> int:
    return int(datetime.fromisoformat(instant).timestamp()) if instant else 0


def _last(conversation: Object) -> str:
    """The latest instant of a conversation. All are written in one form, in which texts are ordered as the instants."""
    sessions = [each for of in _objects(conversation, "participants") for each in _objects(of, "sessions")]
    segments = [each for session in sessions for each in _objects(session, "segments")]
    metrics = [each for session in sessions for each in _objects(session, "metrics")]
    found = [conversation.get(name) for name in ("conversationStart", "conversationEnd")]
    found += [segment.get(name) for segment in segments for name in ("segmentStart", "segmentEnd")]
    found += [metric.get("emitDate") for metric in metrics]
    return max((each for each in found if each), default="")


def _objects(item: Object, name: str) -> list[Object]:
    return [each for each in item.get(name) or () if each]
