"""Continues a conversation after its end: the customer writes again, and an agent answers again.

This module makes the additional legs. `history` knows from when on they are shown.
"""

from __future__ import annotations

from random import Random
from typing import Any

from genesys_assets.sandbox import legs
from genesys_assets.sandbox.directory import Directory, uuid
from genesys_assets.sandbox.legs import Item, Scene, metric, segment
from genesys_assets.sandbox.times import MINUTE, SECOND, iso, millis

_SHARED = (
    "provider",
    "addressFrom",
    "addressTo",
    "addressOther",
    "addressSelf",
    "messageType",
    "remote",
    "ani",
    "dnis",
)
_RINGS_AFTER = MINUTE
_ANSWERED_AFTER = MINUTE + 5 * SECOND
_AFTER_CALL_WORK = 30 * SECOND


def reopened(directory: Directory, conversation: Item, at: int, talk: int) -> Item:
    """The conversation with another wait in its last queue, another leg of its last agent, and a later end. Raises
    ValueError if it has not ended by `at`, or has no customer.
    """
    id_ = conversation["conversationId"]
    if "conversationEnd" not in conversation:
        raise ValueError(f"Conversation {id_} has not ended; only one that has can be re-opened.")
    if millis(conversation["conversationEnd"]) > at:
        raise ValueError(f"Conversation {id_} ends at {conversation['conversationEnd']}, after {iso(at)}.")
    participants: list[Item] = conversation["participants"]
    customer = next((one for one in participants if one["purpose"] in ("customer", "external")), None)
    if customer is None:
        raise ValueError(f"Conversation {id_} has no customer who could come back.")
    session = customer["sessions"][0]
    rng = Random(f"reopening {id_} {at}")
    scene = Scene(
        rng,
        directory,
        media=session["mediaType"],
        direction=session.get("direction", "inbound"),
        common={name: session[name] for name in _SHARED if name in session},
        peer=uuid(rng),
    )
    queue = directory.queue_by_id[_last(participants, "queueId") or directory.taking(scene.media)[0].id]
    answered = at + _ANSWERED_AFTER
    legs.acd(scene, queue, at, answered, how="answered")
    end = legs.agent(
        scene,
        _last(participants, "userId") or queue.members[0],
        queue,
        begun=at + _RINGS_AFTER,
        answered=answered,
        pieces=(("interact", talk),),
        acw=_AFTER_CALL_WORK,
        waited=_ANSWERED_AFTER,
    )
    steps = [segment("interact", at, end, queue, disconnectType="peer")]
    customer["sessions"].append(scene.session(steps, [metric("nConnected", 1, at)], sessionId=scene.peer))
    return {**conversation, "conversationEnd": iso(end), "participants": participants + scene.participants}


def _last(participants: list[Item], name: str) -> Any:
    value = None
    for participant in participants:
        value = participant.get(name, value)
        for session in participant["sessions"]:
            for step in session["segments"]:
                value = step.get(name, value)
    return value
