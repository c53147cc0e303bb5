"""How the organisation serves who waits in a queue: ringing, answering, transferring, consulting, giving up, voicemail.

It is what all media have in common between entering a queue and the end. `stories` knows how a conversation gets there.
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
    """Answered by an agent, now and then by several, queue after queue. Returns when the last one leaves."""
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
    user_id, rang, taken = _ring(scene, queue, entered, tempo)
    legs.acd(scene, queue, entered, taken, how="answered")
    parts = (*draws.pieces(rng, tempo), ("interact", 1))
    legs.agent(
        scene,
        user_id,
        queue,
        begun=rang,
        answered=taken,
        pieces=parts,
        acw=None,
        waited=taken - entered,
        endless=True,
    )


def _visits(rng: Random, kind: str) -> int:
    if kind not in ("voice_inbound", "chat"):
        return 1
    lot = rng.random()
    return 3 if lot < 0.02 else 2 if lot < 0.12 else 1


def _visit(scene: Scene, queue: Queue, entered: int, kind: str, *, transfers: bool) -> int:
    """Once through a queue to an agent who answers. Returns when the last one who helped leaves."""
    rng, tempo = scene.rng, draws.TEMPO[kind]
    user_id, rang, taken = _ring(scene, queue, entered, tempo)
    legs.acd(scene, queue, entered, taken, how="answered")
    parts = draws.pieces(rng, tempo, parking=kind == "email_long")
    colleague_left = taken
    emitted: list[Item] = []
    if scene.media == "voice" and not transfers and rng.random() < 0.07:
        parts, colleague_left, emitted = _consult(scene, queue, parts, taken, kind)
    end = taken + sum(duration for _, duration in parts)
    if transfers:
        emitted += [metric("nTransferred", 1, end), metric("nBlindTransferred", 1, end)]
    if scene.media in WRITTEN:
        emitted += _responses(rng, taken, end)
    if scene.media == "callback":
        emitted += [metric(name, end - taken, end) for name in ("tActiveCallback", "tActiveCallbackComplete")]
    if rng.random() < 0.01:
        emitted.append(metric("nError", 1, end))
    left = legs.agent(
        scene,
        user_id,
        queue,
        begun=rang,
        answered=taken,
        pieces=parts,
        acw=draws.after_call_work(rng, tempo.acw),
        waited=taken - entered,
        metrics=emitted,
        disconnect="transfer" if transfers else rng.choice(("client", "peer")),
    )
    return max(left, colleague_left)


def _ring(scene: Scene, queue: Queue, entered: int, tempo: Tempo) -> tuple[str, int, int]:
    """Who takes it, when it rang there and when it was answered; those who did not answer come before."""
    rng = scene.rng
    now = entered + draws.duration(rng, tempo.wait)
    candidates = rng.sample(queue.members, 3)
    while len(candidates) > 1 and rng.random() < 0.08:
        silent = now + queue.alerting_timeout_ms(scene.media)
        legs.not_responding(scene, candidates.pop(), queue, now, silent)
        now = silent + rng.randrange(50, 900)
    return candidates.pop(), now, now + draws.duration(rng, tempo.ring)


def _consult(
    scene: Scene, queue: Queue, parts: Sequence[Piece], taken: int, kind: str
) -> tuple[tuple[Piece, ...], int, list[Item]]:
    """The agent puts the caller on hold and asks a colleague, who may take over.

    Returns the agent's pieces, when the colleague left, and the agent's metrics of the consult.
    """
    rng = scene.rng
    asks = taken + sum(duration for _, duration in parts)
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
    held = (*parts, ("hold", advised - asks))
    asked = [metric("nConsult", 1, asks)]
    if not takes_over:
        return (*held, ("interact", draws.duration(rng, MINUTE))), colleague_left, asked
    handed_over = [metric("nTransferred", 1, advised), metric("nConsultTransferred", 1, advised)]
    return held, colleague_left, asked + handed_over


def _responses(rng: Random, taken: int, end: int) -> list[Item]:
    """Turns of a written conversation: the customer writes, the agent answers."""
    emitted = []
    now = taken
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
    """The answering agent of a callback calls the customer: a voice session beside the callback session."""
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
