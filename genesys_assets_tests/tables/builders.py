"""Builds small conversations in the platform's own form: a test states what matters, and gets defaults for the rest."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def wire(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def metric(name: str, value: int, after: float = 0) -> dict[str, Any]:
    return {"name": name, "value": value, "emitDate": wire(NOON + timedelta(seconds=after))}


def segment(kind: str, start: float, end: float | None, **more: Any) -> dict[str, Any]:
    made = {"segmentType": kind, "segmentStart": wire(NOON + timedelta(seconds=start)), **more}
    return made if end is None else {**made, "segmentEnd": wire(NOON + timedelta(seconds=end))}


def session(session_id: str, media_type: str = "voice", **more: Any) -> dict[str, Any]:
    return {"sessionId": session_id, "mediaType": media_type, **more}


def participant(participant_id: str, purpose: str, *sessions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"participantId": participant_id, "purpose": purpose, "sessions": list(sessions), **more}


def conversation(
    conversation_id: str,
    *participants: dict[str, Any],
    start: datetime = NOON,
    seconds: float | None = 60,
    **more: Any,
) -> dict[str, Any]:
    made = {
        "conversationId": conversation_id,
        "conversationStart": wire(start),
        "participants": list(participants),
    }
    if seconds is not None:
        made["conversationEnd"] = wire(start + timedelta(seconds=seconds))
    return {**made, **more}


def page(*conversations: Any, **envelope: Any) -> bytes:
    return json.dumps({"conversations": list(conversations), **envelope}).encode()
