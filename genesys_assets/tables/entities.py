"""Reference listings to entity tables: queues, users, wrap-up codes, skills, divisions.

A name once known is never lost: an entity that the platform no longer lists stays, marked deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.tables.decode import UnreadablePage
from genesys_assets.tables.spec import TableSpec, columns

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
    )
}

_WIRE = {
    "date_created": "dateCreated",
    "date_modified": "dateModified",
    "member_count": "memberCount",
    "joined_member_count": "joinedMemberCount",
    "home_division": "homeDivision",
}


def entity_table(spec: TableSpec, bodies: Iterable[bytes], known_before: pa.Table | None = None) -> pa.Table:
    """The entities of a listing's pages, by id, joined by those known before that are no longer listed.

    Raises UnreadablePage where a page has no list of `entities`.
    """
    listed = {entity["id"]: _row(spec, entity) for body in bodies for entity in _entities(spec, body)}
    gone = []
    for row in known_before.to_pylist() if known_before is not None else ():
        if row["id"] not in listed:
            gone.append({**row, "is_deleted": True})
        elif listed[row["id"]]["name"] is None:
            listed[row["id"]]["name"] = row["name"]
    table = pa.Table.from_pylist(list(listed.values()), _loose(spec.schema)).cast(spec.schema)
    return pa.concat_tables([table, pa.Table.from_pylist(gone, spec.schema)]).sort_by("id")


def names(table: pa.Table) -> pa.Table:
    """Only `id` and `name` of an entity table, for joins."""
    return table.select(["id", "name"]).filter(pc.is_valid(table["name"]))


def _entities(spec: TableSpec, body: bytes) -> list[dict[str, Any]]:
    try:
        page = json.loads(body)
    except ValueError as error:
        raise UnreadablePage(f"a page of {spec.name} is not JSON ({error})") from error
    entities = page.get("entities") if isinstance(page, dict) else None
    if not isinstance(entities, list):
        raise UnreadablePage(f"a page of {spec.name} has no list of `entities`")
    return [entity for entity in entities if entity and entity.get("id")]


def _row(spec: TableSpec, entity: dict[str, Any]) -> dict[str, Any]:
    row = {column.name: entity.get(_WIRE.get(column.name, column.name)) for column in spec.columns}
    row["division_id"] = (entity.get("division") or {}).get("id")
    row["is_deleted"] = entity.get("state") == "deleted"
    if "media_settings" in row:
        settings = entity.get("mediaSettings")
        row["media_settings"] = None if settings is None else json.dumps(settings, sort_keys=True)
    return row


def _loose(schema: pa.Schema) -> pa.Schema:
    """Timestamps as the strings the platform writes; the cast to the table's schema reads them."""
    return pa.schema([pa.field(f.name, pa.string() if pa.types.is_timestamp(f.type) else f.type) for f in schema])
