"""The legs of a conversation: one function for each role builds a participant with its session, segments and metrics.

The metrics follow these rules: a timer is emitted when the time that it measures is over, and tHandle = tTalkComplete +
tHeldComplete + tAcw + tContacting + tDialing in every session that has it. `stories` decides which legs a conversation
has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from genesys_assets.sandbox.directory import SHORT_ABANDON_MS, Directory, Queue, uuid
from genesys_assets.sandbox.times import SECOND, iso

Item = dict[str, Any]
Piece = tuple[str, int]  # what the agent does (interact, hold, parked) and for how many milliseconds

WRAPUP_TIMEOUT_MS = 120 * SECOND


@dataclass(slots=True)
class Scene:
    """What all legs of one conversation share. `common` are fields of every session, `routed` fields of segments in a
    queue.
    """

    rng: Random
    directory: Directory
    media: str
    direction: str
    common: Item = field(default_factory=dict)
    routed: Item = field(default_factory=dict)
    peer: str = ""  # the customer's session
    participants: list[Item] = field(default_factory=list)

    def session(self, segments: list[Item], metrics: list[Item], **fields: Any) -> Item:
        session: Item = {"mediaType": self.media, "sessionId": uuid(self.rng), "direction": self.direction}
        session |= self.common
        session |= fields
        session["segments"] = segments
        if metrics:
            session["metrics"] = metrics
        return session

    def join(self, purpose: str, sessions: list[Item], **fields: Any) -> None:
        self.participants.append({"participantId": uuid(self.rng), "purpose": purpose, **fields, "sessions": sessions})


def segment(kind: str, start: int, end: int | None, queue: Queue | None = None, **fields: Any) -> Item:
    """A segment; with `end` None it never ends."""
    segment_: Item = {"segmentStart": iso(start)}
    if end is not None:
        segment_["segmentEnd"] = iso(end)
    if queue is not None:
        segment_["queueId"] = queue.id
    segment_["segmentType"] = kind
    segment_["conference"] = False
    segment_.update(fields)
    return segment_


def metric(name: str, value: int, at: int) -> Item:
    return {"name": name, "value": value, "emitDate": iso(at)}


def customer(
    scene: Scene,
    start: int,
    end: int | None,
    *,
    name: str,
    queue: Queue | None = None,
    purpose: str = "customer",
    metrics: Sequence[Item] = (),
    disconnect: str = "peer",
) -> None:
    """The customer's leg, listed first; its session is the peer of the organisation's own sessions."""
    rng = scene.rng
    emitted = [metric("nConnected", 1, start), *metrics]
    if rng.random() < 0.03:
        # The platform repeats this one: mostly later in the session, now and then at the very same instant.
        repeated_at = start if end is None or rng.random() < 0.2 else start + (end - start) // 2
        emitted.append(metric("nConnected", 1, repeated_at))
    closing = {} if end is None else {"disconnectType": disconnect}
    session = scene.session([segment("interact", start, end, queue, **closing)], emitted, sessionId=scene.peer)
    if scene.media == "voice" and end is not None and rng.random() < 0.8:
        session["mediaEndpointStats"] = [_endpoint_stats(rng, start, end)]
    scene.join(purpose, [session], participantName=name)
    scene.participants.insert(0, scene.participants.pop())


def ivr(scene: Scene, start: int, end: int, *, target: Queue | None) -> None:
    """The caller's session in a flow, which ends with a transfer to `target` or with a disconnect."""
    rng = scene.rng
    flow = scene.directory.flows[rng.randrange(2)]
    handed_on = target is not None
    # Half of the callers who are not transferred reach their goal in the flow.
    succeeded = handed_on or start // 7 % 2 == 0
    outcome = uuid(Random(flow["id"]))
    reached = start + (end - start) // 2
    flow_fields: Item = {
        "flowId": flow["id"],
        "flowName": flow["name"],
        "flowVersion": "7.0",
        "flowType": "INBOUNDCALL",
        "entryType": "dnis",
        "entryReason": scene.common.get("dnis", "direct"),
        "startingLanguage": "en-us",
        "endingLanguage": "en-us",
        "exitReason": "TRANSFER" if handed_on else "DISCONNECT",
        "outcomes": [
            {
                "flowOutcomeId": outcome,
                "flowOutcomeValue": "SUCCESS" if succeeded else "FAILURE",
                "flowOutcome": f"{outcome}:{'SUCCESS' if succeeded else 'FAILURE'}",
                "flowOutcomeStartTimestamp": iso(start),
                **({"flowOutcomeEndTimestamp": iso(reached)} if succeeded else {}),
            }
        ],
    }
    if target is not None:
        flow_fields |= {"transferType": "ACD", "transferTargetName": target.name, "transferTargetAddress": target.id}
    # Some flows begin a few milliseconds before the conversationStart.
    entered = start - rng.randrange(4) if rng.random() < 0.3 else start
    steps = [segment("ivr", entered, end, disconnectType="transfer" if handed_on else "peer")]
    took = end - start
    ways_out = ("tIvr", "tFlow", "tFlowExit" if handed_on else "tFlowDisconnect")
    emitted = [metric("nFlow", 1, start), *(metric(name, took, end) for name in ways_out)]
    session = scene.session(steps, emitted, peerId=scene.peer, flow=flow_fields)
    scene.join("ivr", [session], participantName=flow["name"])


def bot(scene: Scene, start: int, end: int) -> None:
    flow = scene.directory.flows[4]
    flow_fields = {
        "flowId": flow["id"],
        "flowName": flow["name"],
        "flowVersion": "3.0",
        "flowType": "DIGITALBOT",
        "entryType": "flow",
        "exitReason": "TRANSFER",
        "startingLanguage": "en-us",
    }
    steps = [segment("interact", start, end, disconnectType="transfer")]
    emitted = [metric("nBotInteractions", 1, start)]
    scene.join(
        "botflow", [scene.session(steps, emitted, peerId=scene.peer, flow=flow_fields)], participantName=flow["name"]
    )


def acd(scene: Scene, queue: Queue, entered: int, left: int | None, *, how: str) -> None:
    """Waiting in a queue until `answered`, `abandoned` or `flowed_out` (or for ever: left is None)."""
    emitted = [metric("nOffered", 1, entered)]
    closing: Item = {}
    fields: Item = {}
    if left is not None:
        waited = left - entered
        closing["disconnectType"] = "peer" if how == "abandoned" else "transfer"
        emitted.append(metric("tAcd", waited, left))
        if how == "abandoned":
            emitted.append(metric("tAbandon", waited, left))
            if waited < SHORT_ABANDON_MS:
                emitted.append(metric("tShortAbandon", waited, left))
        elif how == "flowed_out":
            emitted.append(metric("tFlowOut", waited, left))
            fields["flowOutType"] = "voicemail"
        elif waited > queue.service_level(scene.media)[1]:
            emitted.append(metric("nOverSla", 1, left))
    steps = [segment("interact", entered, left, queue, **scene.routed, **closing)]
    session = scene.session(steps, emitted, peerId=scene.peer, requestedRoutings=["Standard"], **fields)
    scene.join("acd", [session], participantName=queue.name)


def not_responding(scene: Scene, user_id: str, queue: Queue, start: int, end: int) -> None:
    """An agent who does not answer. Some have after-call work nevertheless, and so a handle time."""
    rang = end - start
    steps = [segment("alert", start, end, queue, disconnectType="system")]
    emitted = [metric("tAlert", rang, end), metric("tNotResponding", rang, end)]
    if scene.rng.random() < 0.1:
        work = 2_000 + scene.rng.randrange(8_000)
        steps.append(segment("wrapup", end, end + work, queue, wrapUpCode="ININ-WRAP-UP-TIMEOUT"))
        emitted += [metric("tAcw", work, end + work), metric("tHandle", work, end + work)]
    session = scene.session(steps, emitted, peerId=scene.peer, requestedRoutings=["Standard"])
    scene.join("agent", [session], userId=user_id)


def agent(
    scene: Scene,
    user_id: str,
    queue: Queue | None,
    *,
    begun: int,
    answered: int,
    pieces: Sequence[Piece],
    acw: int | None,
    waited: int | None = None,
    contacting: int = 0,
    dialing: int = 0,
    endless: bool = False,
    metrics: Sequence[Item] = (),
    disconnect: str = "client",
    **fields: Any,
) -> int:
    """An agent's leg. Returns when the agent left the conversation, after-call work not counted.

    Inbound it rings from `begun` to `answered`; outbound `contacting` and `dialing` fill that time. `waited`
    is the queue time of an answered interaction. The last piece of an endless leg never ends, so the leg emits no
    tTalkComplete, tHeldComplete, tAcw and tHandle.
    """
    steps, emitted = _opening(queue, begun, answered, contacting, dialing)
    emitted += metrics
    if waited is not None:
        emitted.append(metric("tAnswered", waited, answered))
    talk, held, now = _conversing(steps, emitted, queue, answered, pieces, endless=endless)
    if not endless:
        if talk:
            emitted.append(metric("tTalkComplete", talk, now))
        if held:
            emitted.append(metric("tHeldComplete", held, now))
        if len(steps) > 0:
            steps[-1]["disconnectType"] = disconnect
        done = now + (acw or 0)
        if acw is not None:
            steps.append(_wrapup(scene, queue, now, done))
            emitted.append(metric("tAcw", acw, done))
        emitted.append(metric("tHandle", talk + held + (acw or 0) + contacting + dialing, done))
    routing: Item = {"requestedRoutings": ["Standard"], "usedRouting": "Standard"} if waited is not None else {}
    session = scene.session(steps, emitted, peerId=scene.peer, **routing, **fields)
    if scene.media == "voice" and not endless and scene.rng.random() < 0.8:
        session["mediaEndpointStats"] = [_endpoint_stats(scene.rng, answered, now)]
    scene.join("agent", [session], userId=user_id)
    return now


def _opening(
    queue: Queue | None, begun: int, answered: int, contacting: int, dialing: int
) -> tuple[list[Item], list[Item]]:
    if not (contacting or dialing):
        ringing = [segment("alert", begun, answered, queue)] if answered > begun else []
        return ringing, [metric("tAlert", answered - begun, answered)] if ringing else []
    reached = begun + contacting
    steps = [
        segment("contacting", begun, reached, queue),
        segment("dialing", reached, reached + dialing, queue),
    ]
    return steps, [metric("tContacting", contacting, reached), metric("tDialing", dialing, reached + dialing)]


def _conversing(
    steps: list[Item],
    emitted: list[Item],
    queue: Queue | None,
    start: int,
    pieces: Sequence[Piece],
    *,
    endless: bool,
) -> tuple[int, int, int]:
    """Appends the pieces; returns the talk time, the hold time and when the last piece ends."""
    talk = held = 0
    now = start
    for number, (kind, duration) in enumerate(pieces, start=1):
        end = now + duration
        if endless and number == len(pieces):
            steps.append(segment(kind, now, None, queue))
            break
        steps.append(segment(kind, now, end, queue))
        if kind == "interact":
            talk += duration
            emitted.append(metric("tTalk", duration, end))
        elif kind == "hold":
            held += duration
            emitted.append(metric("tHeld", duration, end))
        elif kind == "parked":
            emitted.append(metric("tPark", duration, end))
        now = end
    return talk, held, now


def _wrapup(scene: Scene, queue: Queue | None, start: int, end: int) -> Item:
    rng = scene.rng
    # After-call work sometimes begins just before the call ends: segments may overlap.
    begun = start - rng.randrange(1, 150) if rng.random() < 0.1 else start
    timed_out = end - start >= WRAPUP_TIMEOUT_MS
    codes = scene.directory.wrapup_codes
    code = "ININ-WRAP-UP-TIMEOUT" if timed_out else codes[int(len(codes) * rng.random() ** 2)]["id"]
    segment_ = segment("wrapup", begun, end, queue, wrapUpCode=code)
    if rng.random() < 0.15:
        segment_["wrapUpNote"] = rng.choice(
            ("Rückruf vereinbart", "will send the form", "très content", "see case 4711")
        )
    return segment_


def _endpoint_stats(rng: Random, start: int, end: int) -> Item:
    packets = max(1, (end - start) // 20)
    return {
        "codecs": ["audio/opus"] if rng.random() < 0.5 else ["audio/PCMU", "audio/PCMA"],
        "minMos": round(3.6 + 1.3 * rng.random(), 4),
        "minRFactor": round(72 + 20 * rng.random(), 4),
        "maxLatencyMs": 20 + rng.randrange(180),
        "receivedPackets": packets,
        "discardedPackets": rng.randrange(1 + packets // 200),
        "eventTime": iso(end),
    }
