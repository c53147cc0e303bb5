"""A session as the aggregates see it: its dimensions' values, and which metrics it emitted when.

It reads dimensions from the conversation model. `aggregates` groups and counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from genesys_assets.sandbox.times import millis

Item = dict[str, Any]
Value = str | tuple[str, ...]
Emission = tuple[int, str, float]  # when in ms, which metric, its value

# dimension -> field, where the session or the participant states it under another name or the same
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
    """One session: dimension -> its value or values. A dimension without a value is absent."""

    conversation_id: str
    dimensions: dict[str, Value]
    emissions: tuple[Emission, ...]


def of_conversation(conversation: Item) -> list[SessionFacts]:
    """Its sessions that emitted anything."""
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
    """What the session emitted, and tWait, which only the aggregates have: everybody who leaves a queue has waited."""
    for item in metrics:
        emitted = millis(item["emitDate"])
        yield emitted, item["name"], item["value"]
        if item["name"] == "tAcd":
            yield emitted, "tWait", item["value"]


def of_session(participant: Item, session: Item) -> dict[str, Value]:
    """The dimensions of a session and its participant, without those of the conversation."""
    found: dict[str, Value] = {name: participant[name] for name in _PARTICIPANT if name in participant}
    found |= {name: _values(session[field]) for name, field in _SESSION.items() if field in session}
    return found | _of_segments(session["segments"])


def _of_segments(steps: list[Item]) -> dict[str, Value]:
    found: dict[str, Value] = {name: step[name] for step in steps for name in _LAST_OF_SEGMENTS if name in step}
    codes = dict.fromkeys(step["wrapUpCode"] for step in steps if "wrapUpCode" in step)
    if codes:
        found["wrapUpCode"] = _values(list(codes))
    skills = dict.fromkeys(skill for step in steps for skill in step.get("requestedRoutingSkillIds", ()))
    if skills:
        found["requestedRoutingSkillId"] = _values(list(skills))
    return found


def _values(stated: Any) -> Value:
    if isinstance(stated, list):
        return str(stated[0]) if len(stated) == 1 else tuple(str(value) for value in stated)
    if isinstance(stated, bool):
        return "true" if stated else "false"
    return str(stated)
