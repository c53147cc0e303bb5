"""Random parts of conversations: durations, names, numbers, queues and skills. `stories` and `service` use them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from genesys_assets.sandbox.directory import Directory, Queue
from genesys_assets.sandbox.legs import WRAPUP_TIMEOUT_MS, Piece
from genesys_assets.sandbox.times import HOUR, MINUTE, SECOND

CUSTOMERS = (
    "Maria Rossi", "John Smith", "李小龙", "Мария Иванова", "Zoë Ångström", "Łukasz Żak",
    "Ó Conchúir, Sinéad", "محمد علي", "Jürgen Groß", "Ana-María Núñez", "田中 太郎", "Chloé 🌻 Martin",
    "Dr. Søren Kjær", "Nguyễn Văn An", "Peter Meier",
)  # fmt: skip

_NUMBERS, REGULARS = 10_000, 40


@dataclass(frozen=True, slots=True)
class Tempo:
    """Typical milliseconds of wait, ringing, talk and after-call work, and the share of calls with a hold."""

    wait: int
    ring: int
    talk: int
    acw: int
    held: float


TEMPO = {
    "voice_inbound": Tempo(18 * SECOND, 4 * SECOND, 4 * MINUTE, 40 * SECOND, 0.3),
    "voice_outbound": Tempo(0, 0, 3 * MINUTE, 25 * SECOND, 0.15),
    "campaign": Tempo(3 * SECOND, 2 * SECOND, 2 * MINUTE, 30 * SECOND, 0.1),
    "callback": Tempo(20 * MINUTE, 8 * SECOND, 3 * MINUTE, 40 * SECOND, 0.1),
    "callback_long": Tempo(9 * HOUR, 8 * SECOND, 3 * MINUTE, 40 * SECOND, 0.1),
    "chat": Tempo(25 * SECOND, 6 * SECOND, 8 * MINUTE, 30 * SECOND, 0.05),
    "email": Tempo(15 * MINUTE, 30 * SECOND, 9 * MINUTE, 30 * SECOND, 0.0),
    "email_long": Tempo(8 * HOUR, MINUTE, 20 * MINUTE, 50 * SECOND, 0.0),
    "email_open": Tempo(8 * HOUR, MINUTE, 20 * MINUTE, 50 * SECOND, 0.0),
    "message": Tempo(50 * SECOND, 6 * SECOND, 9 * MINUTE, 30 * SECOND, 0.05),
    "message_long": Tempo(30 * MINUTE, 6 * SECOND, 6 * HOUR, 50 * SECOND, 0.2),
    "message_open": Tempo(30 * MINUTE, 6 * SECOND, 6 * HOUR, 50 * SECOND, 0.2),
}


def duration(rng: Random, typical: int) -> int:
    """Mostly shorter than typical, sometimes much longer; at least 1 ms, at most four times as long."""
    return 1 + min(int(rng.expovariate(1.0) * typical), 4 * typical)


def after_call_work(rng: Random, typical: int) -> int | None:
    """Milliseconds of after-call work; None if the agent skips it. At the timeout it ends."""
    return None if rng.random() < 0.06 else min(duration(rng, typical), WRAPUP_TIMEOUT_MS)


def pieces(rng: Random, tempo: Tempo, *, parking: bool = False) -> tuple[Piece, ...]:
    """The pieces of a talk, which may be interrupted by a hold or, for an e-mail, by parking."""
    talk = SECOND + duration(rng, tempo.talk)
    if parking and rng.random() < 0.5:
        half = talk // 2
        return ("interact", half), ("parked", duration(rng, 2 * tempo.talk)), ("interact", talk - half)
    if rng.random() >= tempo.held:
        return (("interact", talk),)
    first = talk * rng.randrange(20, 80) // 100
    with_hold = ("interact", first), ("hold", duration(rng, min(tempo.talk // 4, HOUR)))
    # Some callers hang up while they are on hold.
    return with_hold if rng.random() < 0.1 else (*with_hold, ("interact", talk - first))


def queue_for(rng: Random, directory: Directory, media_type: str) -> Queue:
    taking = directory.taking(media_type)
    return taking[int(len(taking) * rng.random() ** 1.3)]


def name(rng: Random) -> str:
    return rng.choice(CUSTOMERS)


def phone(rng: Random) -> str:
    """One of many phone numbers. A fifth of all calls are from or to a few regular callers."""
    number = rng.randrange(_NUMBERS)
    return f"tel:+4144555{number % REGULARS if number < _NUMBERS // 5 else number:04}"


def skills(rng: Random, directory: Directory) -> dict[str, Any]:
    """Some interactions ask for a skill, a few for two."""
    if rng.random() >= 0.3:
        return {}
    skills_ = rng.sample(directory.skills, 2 if rng.random() < 0.25 else 1)
    return {"requestedRoutingSkillIds": [skill["id"] for skill in skills_]}
