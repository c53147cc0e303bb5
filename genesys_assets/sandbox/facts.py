"""Facts of a session for aggregates: the values of its dimensions, and the metrics that it emitted.

Dimensions are read from the conversation model. `aggregates` groups and counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from genesys_assets.sandbox.times import millis

Item = dict[str, Any]
Value = str | tuple[str, ...]
Emission = tuple[int, str, float]  # when in ms, which metric, its value

# dimension -> field of the session, which may have the same name
_SESSION = {
    "activeSkillId": "activeSkillIds",
    "destinationAddress": "destinationAddresses",
    "removedSkillId": "removedSkillIds",
    "requestedRouting": "requestedRoutings",
}
_SESSION |= {
    name: name
    for name in (
        "addressFrom", "addressTo", "agentAssistantId", "agentBullseyeRing", "agentOwned", "ani",
        "assignerId", "authenticated", "deliveryStatus", "direction", "dnis", "edgeId",
        "extendedDeliveryStatus", "flowInType", "flowOutType", "mediaCount", "mediaType", "messageType",
        "outboundCampaignId", "outboundContactId", "outboundContactListId", "peerId", "provider", "remote",
        "roomId", "routingRing", "routingRule", "routingRuleType", "selectedAgentId", "selectedAgentRank",
        "sessionDnis", "sessionId", "skillExpressionId", "usedRouting",
    )
}  # fmt: skip
_PARTICIPANT = (
    "externalContactId",
    "externalOrganizationId",
    "flaggedReason",
    "participantName",
    "purpose",
    "teamId",
    "userId",
)
_CONVERSATION = ("conversationId", "conversationInitiator", "externalTag", "originatingDirection")
_LAST_OF_SEGMENTS = ("disconnectType", "errorCode", "groupId", "queueId", "requestedLanguageId")


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """The facts of one session. `dimensions` has the value or values of each dimension that has any."""

    conversation_id: str
    dimensions: dict[str, Value]
    emissions: tuple[Emission, ...]


def of_conversation(conversation: Item) -> list[SessionFacts]:
    """The facts of all sessions of a conversation that emitted a metric."""
    shared: dict[str, Value] = {name: conversation[name] for name in _CONVERSATION if name in conversation}
    shared["divisionId"] = _values(conversation["divisionIds"])
    return [
        SessionFacts(
            conversation["conversationId"],
            shared | of_session(participant, session),
            tuple(_emissions(session["metrics"])),
        )
        for participant in conversation.get("participants", ())
        for session in participant["sessions"]
        if "metrics" in session
    ]


def _emissions(metrics: list[Item]) -> Iterator[Emission]:
    """The metrics that a session emitted, and tWait, which only aggregates have, for everybody who left a queue."""
    for item in metrics:
        emitted = millis(item["emitDate"])
        yield emitted, item["name"], item["value"]
        if item["name"] == "tAcd":
            yield emitted, "tWait", item["value"]


def of_session(participant: Item, session: Item) -> dict[str, Value]:
    """The dimensions of a session and its participant, without those of the conversation."""
    dimensions: dict[str, Value] = {name: participant[name] for name in _PARTICIPANT if name in participant}
    dimensions |= {name: _values(session[field]) for name, field in _SESSION.items() if field in session}
    return dimensions | _of_segments(session["segments"])


def _of_segments(steps: list[Item]) -> dict[str, Value]:
    dimensions: dict[str, Value] = {name: step[name] for step in steps for name in _LAST_OF_SEGMENTS if name in step}
    codes = dict.fromkeys(step["wrapUpCode"] for step in steps if "wrapUpCode" in step)
    if codes:
        dimensions["wrapUpCode"] = _values(list(codes))
    skills = dict.fromkeys(skill for step in steps for skill in step.get("requestedRoutingSkillIds", ()))
    if skills:
        dimensions["requestedRoutingSkillId"] = _values(list(skills))
    return dimensions


def _values(value: Any) -> Value:
    if isinstance(value, list):
        return str(value[0]) if len(value) == 1 else tuple(str(each) for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
