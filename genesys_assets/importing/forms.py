"""Compares forms of one conversation that were saved at different times or by different queries.

While a conversation goes on, it gains sessions, segments and metrics. If each of two forms has something that the other
lacks, neither is the whole conversation: a tool has written a line for each session, segment, metric or evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

from genesys_assets.importing.spelling import Object

Element = tuple[Any, ...]
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


def are_partial(forms: Iterable[Object]) -> bool:
    """Whether each of two forms with one start has something that the other one lacks. Forms with two starts are no
    parts of one conversation: one of them has wrong times.
    """
    different = {(form.get("conversationStart"), elements(form)) for form in forms}
    return any(
        start == other_start and not form <= other and not other <= form
        for (start, form), (other_start, other) in combinations(different, 2)
    )


def _objects(item: Object, name: str) -> list[Object]:
    return [each for each in item.get(name) or () if each]
