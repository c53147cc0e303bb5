"""Entities besides queues, users and flows: teams, groups, languages, locations, outcomes and milestones of flows,
campaigns, external organisations.

They have the form of the platform's listings and are generated from the seed. `reference` answers listings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

Entity = dict[str, Any]
Uuid = Callable[[Random], str]

CREATED = "2024-05-02T08:00:00.000Z"
MODIFIED = "2025-10-01T07:45:10.000Z"

_TEAMS = ("Voice Zürich", "Voice Genève", "Written", "Night shift")
_GROUPS = ("Supervisors", "Trainers", "Premières secours", "Old Group")
_LANGUAGES = ("English", "German", "French", "Italian - Written")
_LOCATIONS = ("Zürich HB", "Genève", "Home office", "Closed Site")
_MILESTONES = ("Identified", "Intent known", "Offered callback")
_CAMPAIGNS = (("Renewals", "power", "on"), ("Win back", "preview", "complete"), ("Reminders", "agentless", "off"))
_COMPANIES = (
    *("Basalt", "Quarz & Söhne", "Gneis GmbH", "Marbre SA", "Granit", "Schiefer"),
    *("Kalk", "Tuff", "Lava", "Sand", "Kies", "Lehm"),
)


def build(
    seed: int,
    division: Entity,
    users: Sequence[Entity],
    queues: Sequence[Entity],
    outcomes: Mapping[str, str],
    uuid: Uuid,
) -> dict[str, tuple[Entity, ...]]:
    """The lists by name. `outcomes` are the names of the flows' outcomes by id; `uuid` draws an id."""
    rng = Random(f"surroundings {seed}")

    def id_() -> str:
        return uuid(rng)

    return {
        "teams": tuple(_team(rng, id_(), name, division) for name in _TEAMS),
        "groups": tuple(_group(rng, id_(), name, users) for name in _GROUPS),
        "languages": tuple(_language(id_(), name) for name in _LANGUAGES),
        "locations": tuple(_location(id_(), name) for name in _LOCATIONS),
        "flow_outcomes": tuple(
            _linked("flows/outcomes", outcome, name=name, division=_of(division), description="")
            for outcome, name in outcomes.items()
        ),
        "flow_milestones": tuple(
            _linked("flows/milestones", id_(), name=name, division=_of(division), description=f"{name}.")
            for name in _MILESTONES
        ),
        "campaigns": tuple(_campaign(rng, id_(), row, division, queues) for row in _CAMPAIGNS),
        "external_organizations": tuple(_company(rng, id_(), name, division) for name in _COMPANIES),
    }


def _team(rng: Random, id_: str, name: str, division: Entity) -> Entity:
    dates = {"dateCreated": CREATED, "dateModified": MODIFIED}
    more = {"division": _of(division), "description": f"{name} of the sandbox", "memberCount": 3 + rng.randrange(9)}
    return _linked("teams", id_, name=name, **dates, **more)


def _group(rng: Random, id_: str, name: str, users: Sequence[Entity]) -> Entity:
    owner = users[rng.randrange(len(users))]
    return _linked(
        "groups",
        id_,
        name=name,
        dateModified=MODIFIED,
        memberCount=rng.randrange(12),
        state="inactive" if name == "Old Group" else "active",
        version=1 + rng.randrange(9),
        type="official",
        visibility="public",
        rulesVisible=True,
        owners=[{"id": owner["id"], "name": owner["name"], "selfUri": owner["selfUri"]}],
    )


def _language(id_: str, name: str) -> Entity:
    # A language has no division.
    return _linked("routing/languages", id_, name=name, dateModified=MODIFIED, state="active", version="1")


def _location(id_: str, name: str) -> Entity:
    state = "deleted" if name == "Closed Site" else "active"
    address = {"country": "CHE", "city": name.split()[0], "countryName": "Switzerland"}
    return _linked("locations", id_, name=name, state=state, version=1, address=address, path=[], notes="")


def _campaign(rng: Random, id_: str, row: tuple[str, str, str], division: Entity, queues: Sequence[Entity]) -> Entity:
    name, mode, status = row
    # No agent answers calls of an agentless campaign.
    queue = {} if mode == "agentless" else {"queue": _of(queues[rng.randrange(len(queues))])}
    return _linked(
        "outbound/campaigns",
        id_,
        name=name,
        dateCreated=CREATED,
        dateModified=MODIFIED,
        version=1,
        dialingMode=mode,
        campaignStatus=status,
        callerName="Sandbox",
        callerAddress="+41445550100",
        division=_of(division),
        **queue,
    )


def _company(rng: Random, id_: str, name: str, division: Entity) -> Entity:
    number = {"display": "+41 44 555 01 00", "e164": "+41445550100", "countryCode": "CH"}
    return _linked(
        "externalcontacts/organizations",
        id_,
        name=name,
        division=_of(division),
        industry="Building" if rng.random() < 0.5 else None,
        phoneNumber=number,
        createDate=CREATED,
        modifyDate=MODIFIED,
        externalDataSources=[],
    )


def _linked(collection: str, id_: str, **fields: Any) -> Entity:
    return {"id": id_, **fields, "selfUri": f"/api/v2/{collection}/{id_}"}


def _of(entity: Entity) -> Entity:
    return {"id": entity["id"], "name": entity["name"], "selfUri": entity["selfUri"]}
