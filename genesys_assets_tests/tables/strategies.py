"""Conversations in which any optional field may be missing, and ids may repeat."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from genesys_assets_tests.tables.builders import NOON, wire

Item = dict[str, Any]


def items(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Item]:
    """Objects with the drawn fields; a field drawn as None is left out."""
    return st.fixed_dictionaries({}, optional=fields).map(
        lambda drawn: {name: value for name, value in drawn.items() if value is not None}
    )


def few(elements: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(elements, max_size=most)


INSTANTS = st.integers(0, 5).map(lambda seconds: wire(NOON + timedelta(seconds=seconds)))
IDS = st.sampled_from(["a", "b"])
SESSIONS = items(
    sessionId=IDS,
    mediaType=st.just("voice"),
    segments=few(
        items(
            segmentType=st.sampled_from(["interact", "alert", "wrapup"]),
            segmentStart=INSTANTS,
            segmentEnd=INSTANTS,
            queueId=st.just("Q"),
        )
    ),
    metrics=few(
        items(name=st.sampled_from(["tHandle", "nOffered", "tAnswered"]), emitDate=INSTANTS, value=st.integers(0, 9))
    ),
    mediaEndpointStats=few(items(eventTime=INSTANTS, codecs=st.just(["audio/opus"]))),
    flow=items(flowId=IDS, outcomes=few(items(flowOutcomeId=IDS))),
)
ATTRIBUTES = st.dictionaries(st.sampled_from(["k", "", "\ud800", "\ud801", "?"]), st.sampled_from(["v", None]))
PARTICIPANTS = items(
    participantId=IDS,
    purpose=st.sampled_from(["customer", "acd", "agent"]),
    userId=st.just("U"),
    attributes=ATTRIBUTES,
    sessions=few(SESSIONS),
)


def conversations(conversation_id: str, start: datetime = NOON) -> st.SearchStrategy[Item]:
    """Any conversation of that id and start."""
    of = {"conversationId": conversation_id, "conversationStart": wire(start)}
    return items(
        participants=few(PARTICIPANTS, 4),
        evaluations=few(items(evaluationId=IDS, rescored=st.booleans())),
        surveys=few(items(surveyId=IDS, surveyPromoterScore=st.integers(0, 10))),
        resolutions=few(items(queueId=IDS)),
    ).map(lambda drawn: of | drawn)
