"""Compares forms of one conversation that were saved at different times or by different queries.

While a conversation goes on, it gains sessions, segments and metrics. If each of two forms has something that the other
lacks, neither is the whole conversation: a tool has written a line for each session, segment, metric or evaluation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from genesys_assets.importing.spelling import Object

Element = tuple[Any, ...]
Digests = npt.NDArray[np.uint64]
_BESIDE_PARTICIPANTS = {
    "evaluations": ("evaluationId",),
    "surveys": ("surveyId",),
    "resolutions": ("eventTime", "queueId", "userId"),
}
"""Lists of a conversation beside its participants, and the fields that identify an object of each."""


def elements(conversation: Object) -> frozenset[Element]:
    """What a conversation consists of, each by what does not change later."""
    found: set[Element] = set()
    for participant in _objects(conversation, "participants"):
        of = participant.get("participantId")
        found.add(("participant", of))
        for session in _objects(participant, "sessions"):
            place = (of, session.get("sessionId"))
            found.add(("session", *place))
            for segment in _objects(session, "segments"):
                found.add(("segment", *place, segment.get("segmentStart"), segment.get("segmentType")))
            for metric in _objects(session, "metrics"):
                found.add(("metric", *place, metric.get("name"), metric.get("emitDate")))
    for name, keys in _BESIDE_PARTICIPANTS.items():
        found.update((name, *map(each.get, keys)) for each in _objects(conversation, name))
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Version:
    """What two versions of a conversation are compared by, in little memory: digests of what it consists of and of its
    participants, its start, and its latest event as a text.
    """

    start: str | None
    last: str
    elements: Digests
    participants: Digests

    @classmethod
    def of(cls, conversation: Object) -> Self:
        """The version that a conversation in the platform's form is."""
        found = elements(conversation)
        participants = {each for each in found if each[0] == "participant"}
        return cls(conversation.get("conversationStart"), _last(conversation), _digests(found), _digests(participants))


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
    older, newer = (one, other) if one.last <= other.last else (other, one)
    return one.start == other.start and not _has_all(newer.participants, older.participants)


def _has_all(digests: Digests, others: Digests) -> bool:
    return bool(np.isin(others, digests, assume_unique=True).all())


def _digests(found: Collection[Element]) -> Digests:
    each = (hashlib.blake2b(repr(element).encode(errors="replace"), digest_size=8).digest() for element in found)
    return np.frombuffer(b"".join(each), np.uint64)


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
