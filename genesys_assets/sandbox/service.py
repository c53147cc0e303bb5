"""What happens in a queue: ringing, answering, transferring, consulting, abandoning, voicemail.

This module has the steps that all media share, from entering a queue to the end. `stories` has the steps before.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from genesys_assets.sandbox import draws, legs
from genesys_assets.sandbox.directory import Queue, uuid
from genesys_assets.sandbox.draws import Tempo
from genesys_assets.sandbox.legs import Item, Piece, Scene, metric, segment
from genesys_assets.sandbox.times import MINUTE, SECOND

WRITTEN = frozenset({"chat", "email", "message"})


def abandoned(scene: Scene, queue: Queue, entered: int, patience: int) -> int:
    """The customer leaves the queue after `patience` ms. Returns the end."""
    legs.acd(scene, queue, entered, entered + patience, how="abandoned")
    return entered + patience


def to_voicemail(scene: Scene, queue: Queue, entered: int) -> int:
    """The queue's flow sends the caller on to voicemail. Returns the end."""
    left = entered + 30 * SECOND + draws.duration(scene.rng, MINUTE)
    legs.acd(scene, queue, entered, left, how="flowed_out")
    end = left + 5 * SECOND + draws.duration(scene.rng, 25 * SECOND)
    emitted = [metric("tVoicemail", end - left, end)]
    session = scene.session([segment("voicemail", left, end, disconnectType="peer")], emitted, peerId=scene.peer)
    scene.join("voicemail", [session], participantName="Voicemail")
    return end


def answered(scene: Scene, queue: Queue, entered: int, kind: str) -> int:
    """Answered by an agent or, after transfers, by several, queue after queue. Returns when the last one leaves."""
    now = entered
    for transfers_left in reversed(range(_visits(scene.rng, kind))):
        now = _visit(scene, queue, now, kind, transfers=transfers_left > 0)
        queue = draws.queue_for(scene.rng, scene.directory, scene.media)
    return now


def never_ended(scene: Scene, queue: Queue, entered: int, kind: str) -> None:
    """Waits for ever, or is answered and never closed."""
    rng, tempo = scene.rng, draws.TEMPO[kind]
    if rng.random() < 0.4:
        legs.acd(scene, queue, entered, None, how="answered")
        return
    user_id, rang, answered_at = _ring(scene, queue, entered, tempo)
    legs.acd(scene, queue, entered, answered_at, how="answered")
    parts = (*draws.pieces(rng, tempo), ("interact", 1))
    legs.agent(
        scene,
        user_id,
        queue,
        begun=rang,
        answered=answered_at,
        pieces=parts,
        acw=None,
        waited=answered_at - entered,
        endless=True,
    )


def _visits(rng: Random, kind: str) -> int:
    if kind not in ("voice_inbound", "chat"):
        return 1
    lot = rng.random()
    return 3 if lot < 0.02 else 2 if lot < 0.12 else 1


def _visit(scene: Scene, queue: Queue, entered: int, kind: str, *, transfers: bool) -> int:
    """One wait in a queue until an agent answers. Returns when the agent and a consulted colleague have left."""
    rng, tempo = scene.rng, draws.TEMPO[kind]
    user_id, rang, answered_at = _ring(scene, queue, entered, tempo)
    legs.acd(scene, queue, entered, answered_at, how="answered")
    parts = draws.pieces(rng, tempo, parking=kind == "email_long")
    colleague_left = answered_at
    emitted: list[Item] = []
    if scene.media == "voice" and not transfers and rng.random() < 0.07:
        parts, colleague_left, emitted = _consult(scene, queue, parts, answered_at, kind)
    end = answered_at + sum(duration for _, duration in parts)
    if transfers:
        emitted += [metric("nTransferred", 1, end), metric("nBlindTransferred", 1, end)]
    if scene.media in WRITTEN:
        emitted += _responses(rng, answered_at, end)
    if scene.media == "callback":
        emitted += [metric(name, end - answered_at, end) for name in ("tActiveCallback", "tActiveCallbackComplete")]
    if rng.random() < 0.01:
        emitted.append(metric("nError", 1, end))
    left = legs.agent(
        scene,
        user_id,
        queue,
        begun=rang,
        answered=answered_at,
        pieces=parts,
        acw=draws.after_call_work(rng, tempo.acw),
        waited=answered_at - entered,
        metrics=emitted,
        disconnect="transfer" if transfers else rng.choice(("client", "peer")),
    )
    return max(left, colleague_left)


def _ring(scene: Scene, queue: Queue, entered: int, tempo: Tempo) -> tuple[str, int, int]:
    """The agent who answers, when it began to ring there, and when it was answered. Adds legs of agents who did not
    answer before.
    """
    rng = scene.rng
    now = entered + draws.duration(rng, tempo.wait)
    candidates = rng.sample(queue.members, 3)
    while len(candidates) > 1 and rng.random() < 0.08:
        silent = now + queue.alerting_timeout_ms(scene.media)
        legs.not_responding(scene, candidates.pop(), queue, now, silent)
        now = silent + rng.randrange(50, 900)
    return candidates.pop(), now, now + draws.duration(rng, tempo.ring)


def _consult(
    scene: Scene, queue: Queue, parts: Sequence[Piece], answered_at: int, kind: str
) -> tuple[tuple[Piece, ...], int, list[Item]]:
    """The agent puts the caller on hold and asks a colleague, who may take over.

    Returns the agent's pieces, when the colleague left, and the agent's metrics of the consult.
    """
    rng = scene.rng
    asks = answered_at + sum(duration for _, duration in parts)
    rings = asks + SECOND
    picks_up = rings + draws.duration(rng, 4 * SECOND)
    advised = picks_up + 10 * SECOND + draws.duration(rng, 40 * SECOND)
    takes_over = rng.random() < 0.6
    colleague_left = advised + draws.duration(rng, 2 * MINUTE) if takes_over else advised
    legs.agent(
        scene,
        rng.choice(queue.members[:6]),
        None,
        begun=rings,
        answered=picks_up,
        pieces=(("interact", colleague_left - picks_up),),
        acw=draws.after_call_work(rng, draws.TEMPO[kind].acw) if takes_over else None,
    )
    with_hold = (*parts, ("hold", advised - asks))
    consult_metrics = [metric("nConsult", 1, asks)]
    if not takes_over:
        return (*with_hold, ("interact", draws.duration(rng, MINUTE))), colleague_left, consult_metrics
    handed_over = [metric("nTransferred", 1, advised), metric("nConsultTransferred", 1, advised)]
    return with_hold, colleague_left, consult_metrics + handed_over


def _responses(rng: Random, answered_at: int, end: int) -> list[Item]:
    """The metrics of turns in a written conversation: the customer writes, the agent replies."""
    emitted = []
    now = answered_at
    for _ in range(1 + rng.randrange(4)):
        written = now + draws.duration(rng, 20 * SECOND)
        replied = written + draws.duration(rng, 30 * SECOND)
        if replied >= end:
            break
        emitted.append(metric("tUserResponseTime", written - now, written))
        emitted.append(metric("tAgentResponseTime", replied - written, replied))
        now = replied
    return emitted


def dial_back(scene: Scene, number: str) -> None:
    """Adds the call of a callback's agent to the customer: a voice session beside the callback session."""
    agent = scene.participants[-1]
    talk = next(step for step in agent["sessions"][0]["segments"] if step["segmentType"] == "interact")
    begun, connected = talk["segmentStart"], talk["segmentEnd"]
    session = {
        "mediaType": "voice",
        "sessionId": uuid(scene.rng),
        "direction": "outbound",
        "provider": "Edge",
        "dnis": number,
        "peerId": scene.peer,
        "segments": [{**talk, "segmentType": "dialing", "segmentStart": begun, "segmentEnd": connected}],
        "metrics": [{"name": "nOutbound", "value": 1, "emitDate": begun}],
    }
    agent["sessions"].append(session)
