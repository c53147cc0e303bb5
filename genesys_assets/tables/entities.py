"""Reference listings to entity tables: queues, users, wrap-up codes, flows, campaigns and so on, as of now.

A known name is never lost: an entity that the platform no longer lists stays in the table, marked as deleted. Its
earlier names are kept in `names`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.tables import stored_answers
from genesys_assets.tables.spec import TableSpec, columns
from genesys_assets.tables.stored_answers import Fields

_ID = columns("""
id string the entity
name string its name; the last one known
division_id string division it belongs to
""")
_STATE = columns("""
is_deleted boolean whether the platform says it is deleted, or no longer lists it
""")


def _spec(name: str, description: str, declaration: str) -> TableSpec:
    return TableSpec(name, description, ("id",), _ID + columns(declaration) + _STATE)


ENTITIES: dict[str, TableSpec] = {
    spec.name: spec
    for spec in (
        _spec(
            "queues",
            "One row per queue ever seen. Source: GET /api/v2/routing/queues.",
            """
description string what it is for
date_created instant when it was created
date_modified instant when it was last changed
member_count integer members
joined_member_count integer members who joined
media_settings string service levels and alerting by media type, as JSON
""",
        ),
        _spec(
            "users",
            "One row per user ever seen, inactive and deleted ones too. Source: GET /api/v2/users?state=any.",
            """
email string e-mail address
username string login name
state string active, inactive or deleted
title string title
department string department
""",
        ),
        _spec(
            "wrapup_codes",
            "One row per wrap-up code ever seen. Source: GET /api/v2/routing/wrapupcodes.",
            """
description string what it means
date_created instant when it was created
date_modified instant when it was last changed
""",
        ),
        _spec(
            "skills",
            "One row per routing skill ever seen. Source: GET /api/v2/routing/skills.",
            """
state string active, inactive or deleted
date_modified instant when it was last changed
""",
        ),
        _spec(
            "divisions",
            "One row per division ever seen. Source: GET /api/v2/authorization/divisions.",
            """
description string what it is for
home_division boolean whether it is the home division
""",
        ),
        _spec(
            "presence_definitions",
            "One row per presence ever seen that agents can choose. Source: GET /api/v2/presence/definitions.",
            """
type string System, or User where the organisation made it
system_presence string the platform's presence that it is a kind of
deactivated boolean whether it can no longer be chosen
""",
        ),
        _spec(
            "teams",
            "One row per team ever seen. Source: GET /api/v2/teams.",
            """
description string what it is for
date_created instant when it was created
date_modified instant when it was last changed
member_count integer members
""",
        ),
        _spec(
            "groups",
            "One row per group of users ever seen. Source: GET /api/v2/groups.",
            """
description string what it is for
type string official or social
visibility string public, owners or members: who sees it
state string active, inactive or deleted
date_modified instant when it was last changed
member_count integer members
""",
        ),
        _spec(
            "languages",
            "One row per routing language ever seen. Source: GET /api/v2/routing/languages.",
            """
state string active, inactive or deleted
date_modified instant when it was last changed
""",
        ),
        _spec(
            "locations",
            "One row per location ever seen. Source: GET /api/v2/locations.",
            """
state string active or deleted
""",
        ),
        _spec(
            "flows",
            "One row per flow ever seen. Source: GET /api/v2/flows.",
            """
description string what it is for
type string kind of flow, such as INBOUNDCALL
active boolean whether it is published and runs
""",
        ),
        _spec(
            "flow_outcomes",
            "One row per flow outcome ever seen. Source: GET /api/v2/flows/outcomes.",
            """
description string what it means
""",
        ),
        _spec(
            "flow_milestones",
            "One row per flow milestone ever seen. Source: GET /api/v2/flows/milestones.",
            """
description string what it means
""",
        ),
        _spec(
            "campaigns",
            "One row per outbound campaign ever seen. Source: GET /api/v2/outbound/campaigns.",
            """
date_created instant when it was created
date_modified instant when it was last changed
dialing_mode string agentless, preview, power, predictive, progressive or external
campaign_status string on, off, complete and so on
queue_id string queue that answered calls go to
""",
        ),
        _spec(
            "external_organizations",
            "One row per external organisation ever seen. Source: GET /api/v2/externalcontacts/scan/organizations.",
            """
company_type string kind of company
industry string industry
create_date instant when it was created
modify_date instant when it was last changed
""",
        ),
    )
}

WIRE = {
    "system_presence": "systemPresence",
    "dialing_mode": "dialingMode",
    "campaign_status": "campaignStatus",
    "company_type": "companyType",
    "create_date": "createDate",
    "modify_date": "modifyDate",
    "date_created": "dateCreated",
    "date_modified": "dateModified",
    "member_count": "memberCount",
    "joined_member_count": "joinedMemberCount",
    "home_division": "homeDivision",
}
"""The platform's name of the field for each column whose name differs."""


JSON_FIELDS = frozenset(("mediaSettings",))
"""The fields that a column keeps as JSON, whatever their content."""


class ListingShrunk(ValueError):
    """A listing lacks many known entities. Probably the client may no longer see them, so none is marked as deleted."""


def entity_table(
    spec: TableSpec,
    bodies: Iterable[bytes],
    known_before: pa.Table | None = None,
    *,
    accept_disappearances: bool = False,
) -> pa.Table:
    """The entities on a listing's pages, and those in `known_before` that are no longer listed, in the order of ids.

    Raises UnreadablePage if a page is not a page of a listing, and ListingShrunk if the listing has none or fewer than
    half of those known before, unless disappearances are accepted.
    """
    page = f"a page of {spec.name}"
    rows = [_row(spec, entity) for body in bodies for entity in stored_answers.entities(body, page)]
    listed = {row["id"]: row for row in rows}
    known = {row["id"]: row for row in known_before.to_pylist()} if known_before is not None else {}
    if not accept_disappearances:
        _require_most_entities(spec, set(listed), {id_ for id_, row in known.items() if not row["is_deleted"]})
    for id_, row in known.items():
        if id_ in listed and listed[id_]["name"] is None:
            listed[id_]["name"] = row["name"]
    gone = [{**row, "is_deleted": True} for id_, row in known.items() if id_ not in listed]
    table = stored_answers.table(list(listed.values()), spec.schema, page)
    return pa.concat_tables([table, pa.Table.from_pylist(gone, spec.schema)]).sort_by("id")


def newly_deleted(table: pa.Table, known_before: pa.Table | None) -> list[str]:
    """The names, or else the ids, of the entities that are deleted in `table` and were not in `known_before`."""
    if known_before is None:
        return []
    alive = known_before.filter(pc.invert(known_before["is_deleted"]))["id"]
    died = table.filter(pc.and_(table["is_deleted"], pc.is_in(table["id"], alive.combine_chunks())))
    return list(pc.coalesce(died["name"], died["id"]).to_pylist())


def _require_most_entities(spec: TableSpec, listed: set[str], alive: set[str]) -> None:
    missing = alive - listed
    if missing and (not listed or 2 * len(missing) > len(alive)):
        raise ListingShrunk(
            f"The listing of {spec.name} lacks {len(missing)} of the {len(alive)} known before. A permission or "
            "division that the OAuth client lost looks exactly like this, so none of them was marked deleted. Check "
            f"the client's roles and divisions with `genesys-assets preflight`; if the {spec.name} really are gone, "
            "run the asset once with accept_disappearances: true in its config."
        )


def _row(spec: TableSpec, entity: Fields) -> dict[str, Any]:
    row = {column.name: entity.value(WIRE.get(column.name, column.name)) for column in spec.columns}
    row["name"] = _name(entity)
    row["division_id"] = entity.object("division").text("id") or entity.text("divisionId")
    row["is_deleted"] = entity.value("state") == "deleted" or entity.value("deleted") is True
    if "queue_id" in row:
        row["queue_id"] = entity.object("queue").text("id")
    if "media_settings" in row:
        settings = entity.value("mediaSettings")
        row["media_settings"] = None if settings is None else json.dumps(settings, sort_keys=True)
    return row


def _name(entity: Fields) -> str | None:
    """The name of an entity. A presence has labels by language instead: the American one, which the platform's own
    presences have, or else the first.
    """
    labels = entity.object("languageLabels")
    return entity.text("name") or labels.text("en_US") or next(map(labels.text, sorted(labels.values)), None)
