"""What was known of a conversation at an instant: the conversation without everything that happened later.

Instants are compared as the platform's texts, which sort like the instants.
"""

from __future__ import annotations

from typing import Any

Item = dict[str, Any]

# Fields that are known only after the end of a segment, a flow's outcome or the conversation.
_SEGMENT_RESULTS = ("segmentEnd", "disconnectType", "wrapUpCode", "wrapUpNote")
_OUTCOME_RESULTS = ("flowOutcomeEndTimestamp", "flowOutcomeValue", "flowOutcome")
_CONVERSATION_RESULTS = (
    "conversationEnd",
    "mediaStatsMinConversationMos",
    "mediaStatsMinConversationRFactor",
)
AFTERTHOUGHTS = ("evaluations", "surveys", "resolutions")
_LATER = "~"


def as_of(conversation: Item, now: str) -> Item | None:
    """The conversation as the API shows it at `now`; None before it began. The argument is left as it is."""
    if conversation["conversationStart"] > now:
        return None
    shown = dict(conversation)
    if conversation.get("conversationEnd", _LATER) > now:
        _remove(shown, _CONVERSATION_RESULTS)
    for name in AFTERTHOUGHTS:
        _keep(shown, name, [item for item in conversation.get(name, ()) if item["eventTime"] <= now])
    participants = [_participant(participant, now) for participant in conversation["participants"]]
    _keep(shown, "participants", [participant for participant in participants if participant["sessions"]])
    return shown


def settled(conversation: Item) -> str:
    """The instant after which nothing in the conversation changes."""
    latest = [conversation["conversationStart"], conversation.get("conversationEnd", "")]
    latest += [item["eventTime"] for name in AFTERTHOUGHTS for item in conversation.get(name, ())]
    for participant in conversation["participants"]:
        for session in participant["sessions"]:
            latest += [step["segmentStart"] for step in session["segments"]]
            latest += [step.get("segmentEnd", "") for step in session["segments"]]
            latest += [emitted["emitDate"] for emitted in session.get("metrics", ())]
            latest += [stat["eventTime"] for stat in session.get("mediaEndpointStats", ())]
    return str(max(latest))


def _participant(participant: Item, now: str) -> Item:
    sessions = [_session(session, now) for session in participant["sessions"]]
    return {**participant, "sessions": [session for session in sessions if "segments" in session]}


def _session(session: Item, now: str) -> Item:
    shown = dict(session)
    _keep(
        shown,
        "segments",
        [_segment(step, now) for step in session["segments"] if step["segmentStart"] <= now],
    )
    _keep(shown, "metrics", [item for item in session.get("metrics", ()) if item["emitDate"] <= now])
    stats = session.get("mediaEndpointStats", ())
    _keep(shown, "mediaEndpointStats", [item for item in stats if item["eventTime"] <= now])
    if "flow" in session:
        shown["flow"] = _flow(session["flow"], session["segments"][-1], now)
    return shown


def _segment(step: Item, now: str) -> Item:
    if step.get("segmentEnd", _LATER) <= now:
        return step
    shown = dict(step)
    _remove(shown, _SEGMENT_RESULTS)
    return shown


def _flow(flow: Item, step: Item, now: str) -> Item:
    shown = dict(flow)
    if step.get("segmentEnd", _LATER) > now:
        _remove(
            shown,
            ("exitReason", "endingLanguage", "transferType", "transferTargetName", "transferTargetAddress"),
        )
    outcomes = [dict(item) for item in flow.get("outcomes", ()) if item["flowOutcomeStartTimestamp"] <= now]
    for outcome in outcomes:
        known_from: str = outcome.get("flowOutcomeEndTimestamp") or step.get("segmentEnd", _LATER)
        if known_from > now:
            _remove(outcome, _OUTCOME_RESULTS)
    _keep(shown, "outcomes", outcomes)
    return shown


def _keep(shown: Item, name: str, items: list[Item]) -> None:
    """Sets the list, or removes the field if the list is empty."""
    if items:
        shown[name] = items
    else:
        shown.pop(name, None)


def _remove(shown: Item, names: tuple[str, ...]) -> None:
    for name in names:
        shown.pop(name, None)
