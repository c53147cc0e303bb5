"""The entities of the organisation: divisions, skills, queues, users, wrap-up codes, flows.

Entities have the form of the platform's listings and are generated from the seed. `reference` answers listings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from genesys_assets.sandbox import surroundings

Entity = dict[str, Any]

CREATED = "2024-03-04T09:00:00.000Z"
MODIFIED = "2025-11-17T16:20:31.250Z"
MEDIA = ("call", "callback", "chat", "email", "message")
SHORT_ABANDON_MS = 10_000

# name, division, media types, service level: seconds within which to answer a call, and share of calls to answer in
# time
_QUEUES: tuple[tuple[str, int, tuple[str, ...], int, float], ...] = (
    ("Sales", 0, ("voice", "callback", "chat"), 20, 0.8),
    ("Service", 0, ("voice", "callback", "message"), 30, 0.8),
    ("Billing", 0, ("voice", "email"), 60, 0.7),
    ("Technical Support", 0, ("voice", "chat", "message"), 45, 0.75),
    ("Complaints", 0, ("email", "voice"), 20, 0.9),
    ("Schweiz – Kundendienst", 1, ("voice", "message"), 20, 0.8),  # noqa: RUF001
    ("Suisse – Service à la clientèle", 1, ("voice", "email"), 20, 0.8),  # noqa: RUF001
    ("VIP", 1, ("voice", "callback", "chat", "email", "message"), 10, 0.95),
    ("Back Office", 0, ("email",), 120, 0.5),
    ("Web Chat", 1, ("chat", "message"), 30, 0.8),
)
_DELETED_QUEUE = ("Autumn Campaign 2025", 0, ("voice", "chat"), 20, 0.8)

_NAMES = (
    "Ada Ångström", "Björn Becker", "Chloé Costa", "Dmitri Dvořák", "Élodie Eriksen", "Faruk Fischer",
    "Grace García", "Hana Haddad", "Ibrahim Ito", "Jürgen Jensen", "Katarzyna Kowalski", "Lin Lefèvre",
    "Miguel Müller", "Ngozi Nakamura", "Olga O'Neill", "Priya Petrov", "Quentin Quist", "Rosa Rossi",
    "Søren Şahin", "Tomáš Tanaka", "Uma Ueda", "Vera Vargas", "Wei Weiß", "Xavier Xu", "Yuki Yılmaz",  # noqa: RUF001
    "Zoë Zieliński", "Aïcha Adeyemi", "Bruno Brown", "Carmen Çelik", "Devon Díaz",
)  # fmt: skip

_WRAPUP_CODES = (
    "Resolved",
    "Follow-up needed",
    "Sale",
    "No sale",
    "Complaint",
    "Wrong number",
    "Voicemail left",
    "Réclamation",
    "Auskunft erteilt",
    "Escalated",
    "Technical fault",
    "Address change",
)
_SKILLS = ("English", "Deutsch", "Français", "Technical", "Sales", "VIP care")


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue with its members and settings; `entity` is the queue as listings show it."""

    id: str
    name: str
    division_id: str
    media_types: tuple[str, ...]
    deleted: bool
    members: tuple[str, ...]
    entity: Entity = field(repr=False)

    def service_level(self, media_type: str) -> tuple[float, int]:
        """The share of interactions to answer in time, and that time in milliseconds."""
        setting = self.entity["mediaSettings"]["call" if media_type == "voice" else media_type]["serviceLevel"]
        return setting["percentage"], setting["durationMs"]

    def alerting_timeout_ms(self, media_type: str) -> int:
        setting = self.entity["mediaSettings"]["call" if media_type == "voice" else media_type]
        return int(setting["alertingTimeoutSeconds"]) * 1000


@dataclass(frozen=True, slots=True)
class Directory:
    """All entities of the reference listings, and deleted ones that they no longer show."""

    organisation_id: str
    divisions: tuple[Entity, ...]
    skills: tuple[Entity, ...]
    wrapup_codes: tuple[Entity, ...]
    users: tuple[Entity, ...]
    queues: tuple[Queue, ...]
    flows: tuple[Entity, ...]
    presences: tuple[Entity, ...]
    surroundings: dict[str, tuple[Entity, ...]] = field(repr=False)
    queue_by_id: dict[str, Queue] = field(repr=False)
    user_by_id: dict[str, Entity] = field(repr=False)

    def taking(self, media_type: str) -> tuple[Queue, ...]:
        return tuple(queue for queue in self.queues if media_type in queue.media_types)


def uuid(rng: Random) -> str:
    """A version 4 UUID from the generator: the same seed gives the same ids."""
    digits = f"{rng.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def build(seed: int) -> Directory:
    rng = Random(f"directory {seed}")
    organisation_id = uuid(rng)
    divisions = _divisions(rng)
    users = _users(rng, divisions)
    queues = tuple(
        _queue(rng, row, users, divisions, deleted=row is _DELETED_QUEUE) for row in (*_QUEUES, _DELETED_QUEUE)
    )
    skills = tuple(_skill(rng, name, divisions[0]) for name in _SKILLS)
    wrapup_codes = tuple(_wrapup_code(rng, name, divisions[0]) for name in _WRAPUP_CODES)
    flows = _flows(rng, divisions[0])
    # Conversations draw the id of an outcome from the flow's id in the same way.
    outcomes = {uuid(Random(flow["id"])): f"Queue reached from {flow['name']}" for flow in flows}
    listed = [queue.entity for queue in queues if not queue.deleted]
    return Directory(
        organisation_id=organisation_id,
        divisions=divisions,
        skills=skills,
        wrapup_codes=wrapup_codes,
        users=users,
        queues=queues,
        flows=flows,
        surroundings=surroundings.build(seed, divisions[0], users, listed, outcomes, uuid),
        presences=_presences(rng),
        queue_by_id={queue.id: queue for queue in queues},
        user_by_id={user["id"]: user for user in users},
    )


def _divisions(rng: Random) -> tuple[Entity, ...]:
    return tuple(
        _linked("authorization/divisions", uuid(rng), name=name, description=description, homeDivision=home)
        for name, description, home in (
            ("Home", "Home division", True),
            ("Switzerland", "Teams in Zürich and Genève", False),
        )
    )


def _users(rng: Random, divisions: tuple[Entity, ...]) -> tuple[Entity, ...]:
    def state(number: int) -> str:
        return "deleted" if number % 15 == 14 else "inactive" if number % 10 == 9 else "active"

    return tuple(
        _user(rng, name, number, state(number), divisions[number % 4 == 3]) for number, name in enumerate(_NAMES)
    )


def _user(rng: Random, name: str, number: int, state: str, division: Entity) -> Entity:
    address = f"agent{number + 1:02}@example.com"
    return _linked(
        "users",
        uuid(rng),
        name=name,
        division=_reference(division),
        chat={"jabberId": f"{rng.getrandbits(96):024x}@example.com"},
        department="Contact Centre",
        email=address,
        primaryContactInfo=[{"address": address, "mediaType": "EMAIL", "type": "PRIMARY"}],
        addresses=[],
        state=state,
        title="Agent" if number % 8 else "Supervisor",
        username=address,
        version=1 + rng.randrange(40),
        acdAutoAnswer=False,
    )


def _queue(
    rng: Random,
    row: tuple[str, int, tuple[str, ...], int, float],
    users: tuple[Entity, ...],
    divisions: tuple[Entity, ...],
    *,
    deleted: bool,
) -> Queue:
    name, division, media_types, answer_seconds, percentage = row
    members = tuple(user["id"] for user in rng.sample(users, 12))
    entity = _linked(
        "routing/queues",
        uuid(rng),
        name=name,
        division=_reference(divisions[division]),
        description=f"{name} of the sandbox",
        dateCreated=CREATED,
        dateModified=MODIFIED,
        createdBy=users[0]["id"],
        modifiedBy=users[0]["id"],
        memberCount=len(members),
        userMemberCount=len(members),
        joinedMemberCount=len(members),
        mediaSettings=_media_settings(answer_seconds, percentage),
        acwSettings={"wrapupPrompt": "MANDATORY_TIMEOUT", "timeoutMs": 120_000},
        skillEvaluationMethod="BEST",
        autoAnswerOnly=False,
    )
    return Queue(entity["id"], name, entity["division"]["id"], media_types, deleted, members, entity)


def _media_settings(answer_seconds: int, percentage: float) -> Entity:
    seconds = {"call": answer_seconds, "callback": 3_600, "chat": 40, "email": 4 * 3_600, "message": 90}
    alerting = {"call": 12, "callback": 30, "chat": 30, "email": 300, "message": 30}
    return {
        media: {
            "alertingTimeoutSeconds": alerting[media],
            "serviceLevel": {"percentage": percentage, "durationMs": seconds[media] * 1000},
        }
        for media in MEDIA
    }


def _skill(rng: Random, name: str, division: Entity) -> Entity:
    return _linked(
        "routing/skills",
        uuid(rng),
        name=name,
        division=_reference(division),
        dateModified=MODIFIED,
        state="active",
        version="1",
    )


def _wrapup_code(rng: Random, name: str, division: Entity) -> Entity:
    return _linked(
        "routing/wrapupcodes",
        uuid(rng),
        name=name,
        division=_reference(division),
        description="",
        dateCreated=CREATED,
        dateModified=MODIFIED,
        createdBy=uuid(rng),
        modifiedBy=uuid(rng),
    )


def _flows(rng: Random, division: Entity) -> tuple[Entity, ...]:
    return tuple(
        _linked(
            "flows",
            uuid(rng),
            name=name,
            division=_reference(division),
            description="",
            type=kind,
            active=True,
            system=False,
            deleted=False,
            publishedVersion={"id": "7.0"},
        )
        for name, kind in (
            ("Main Menu", "INBOUNDCALL"),
            ("Hauptmenü", "INBOUNDCALL"),
            ("After Hours", "INBOUNDCALL"),
            ("Message Welcome", "INBOUNDSHORTMESSAGE"),
            ("Self-service Bot", "DIGITALBOT"),
            ("Mail Sorting", "INBOUNDEMAIL"),
        )
    )


def _presences(rng: Random) -> tuple[Entity, ...]:
    return tuple(
        _linked(
            "presence/definitions",
            uuid(rng),
            type="System",
            systemPresence=name,
            deactivated=False,
            languageLabels={"en_US": name.replace("_", " ").title()},
        )
        for name in (
            "AVAILABLE",
            "AWAY",
            "BUSY",
            "BREAK",
            "MEAL",
            "MEETING",
            "TRAINING",
            "OFFLINE",
            "ON_QUEUE",
        )
    )


def _linked(collection: str, id_: str, **fields: Any) -> Entity:
    return {"id": id_, **fields, "selfUri": f"/api/v2/{collection}/{id_}"}


def _reference(entity: Entity) -> Entity:
    return {"id": entity["id"], "name": entity["name"], "selfUri": entity["selfUri"]}
