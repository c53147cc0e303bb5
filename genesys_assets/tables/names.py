"""Names over time: every name that an entity ever had, since when, and which one was valid on a day.

`entities` has the present names. A report of a day shows the names of that day, even after a queue was renamed or a
user was deleted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.spans import MILLISECOND
from genesys_assets.tables.entities import ENTITIES
from genesys_assets.tables.spec import TableSpec, columns

_COLUMNS = columns("""
id string the entity
valid_from instant when the name and state began; for the first known ones, when they were first seen
valid_to instant when they ended, exclusive; null for the present ones
name string its name in that time
is_deleted boolean whether it was deleted, or not listed, in that time
""")


def _spec(name: str, thing: str) -> TableSpec:
    return TableSpec(
        f"{name}_history", f"One row per {thing} and span of time with one name.", ("id", "valid_from"), _COLUMNS
    )


HISTORIES: dict[str, TableSpec] = {
    "queues": _spec("queues", "queue"),
    "users": _spec("users", "user"),
    "wrapup_codes": _spec("wrapup_codes", "wrap-up code"),
    "skills": _spec("skills", "routing skill"),
    "divisions": _spec("divisions", "division"),
    "presence_definitions": _spec("presence_definitions", "presence"),
    "teams": _spec("teams", "team"),
    "groups": _spec("groups", "group"),
    "languages": _spec("languages", "routing language"),
    "locations": _spec("locations", "location"),
    "flows": _spec("flows", "flow"),
    "flow_outcomes": _spec("flow_outcomes", "flow outcome"),
    "flow_milestones": _spec("flow_milestones", "flow milestone"),
    "campaigns": _spec("campaigns", "campaign"),
    "external_organizations": _spec("external_organizations", "external organisation"),
}
"""The history of each table of ENTITIES, by the same name."""

assert HISTORIES.keys() == ENTITIES.keys()


def history(spec: TableSpec, entities: pa.Table, before: pa.Table | None, seen_at: datetime) -> pa.Table:
    """The history `before`, continued to `seen_at`, when the entities were read: a changed name ends the row of the
    earlier one and begins a new row.

    Every entity that has a name has exactly one row whose valid_to is null. A change counts from the instant at which
    the platform says it was made (`date_modified`), else from when it was first seen.
    """
    rows: list[dict[str, Any]] = [] if before is None else before.to_pylist()
    present = {row["id"]: row for row in rows if row["valid_to"] is None}
    for entity in entities.to_pylist():
        if entity["name"] is None:
            continue
        last_row, since = present.get(entity["id"]), seen_at
        if last_row is not None:
            if (last_row["name"], last_row["is_deleted"]) == (entity["name"], entity["is_deleted"]):
                continue
            # The modification date does not show that an entity disappeared or came back.
            modified = entity.get("date_modified") if entity["is_deleted"] == last_row["is_deleted"] else None
            since = last_row["valid_to"] = changed_at(modified, last_row["valid_from"], seen_at)
        rows.append({**{name: entity.get(name) for name in spec.schema.names}, "valid_from": since, "valid_to": None})
    return pa.Table.from_pylist(rows, spec.schema).sort_by([("id", "ascending"), ("valid_from", "ascending")])


def with_entities_of_history(spec: TableSpec, entities: pa.Table, history: pa.Table) -> pa.Table:
    """The entities, and those that are only in their history, because a run died after it had stored the history."""
    ids = {*entities["id"].to_pylist()}
    rows = [
        {"id": row["id"], "name": row["name"], "is_deleted": row["is_deleted"]}
        for row in history.to_pylist()
        if row["valid_to"] is None and row["id"] not in ids
    ]
    return pa.concat_tables([entities.cast(spec.schema), pa.Table.from_pylist(rows, spec.schema)]) if rows else entities


def names_on(history: pa.Table, at: datetime) -> pa.Table:
    """`id` and `name` of every entity just before `at`: pass the end of a day for the names of that day.

    An entity that was first seen later has its first known name.
    """
    chosen: dict[str, str] = {}
    for row in history.sort_by([("id", "ascending"), ("valid_from", "ascending")]).to_pylist():
        if row["id"] not in chosen or row["valid_from"] < at:
            chosen[row["id"]] = row["name"]
    ids, names = pa.array(chosen.keys(), pa.string()), pa.array(chosen.values(), pa.string())
    return pa.table({"id": ids, "name": names})


def names_of_ids(ids: pa.ChunkedArray, names: pa.Table) -> pa.ChunkedArray:
    """The name of each id: the entity's name, else the meaning of a system code, else the id itself. Null stays
    null.
    """
    listed = names["name"].take(pc.index_in(ids, names["id"]))
    codes = pc.unique(ids)
    system = pa.array([system_name(code) for code in codes.to_pylist()], pa.string())
    return pc.coalesce(listed, system.take(pc.index_in(ids, codes)), ids)


_FAMILIES = {"ININ-WRAP-UP-": "Wrap-up", "ININ-OUTBOUND-": "Outbound", "ININ-": "System"}
_ABBREVIATIONS = {"dnc": "DNC", "sit": "SIT", "sms": "SMS", "id": "ID"}


def system_name(code: str | None) -> str | None:
    """The meaning of a wrap-up code that the platform sets by itself and does not list; None for any other id.

    ININ-WRAP-UP-TIMEOUT is "Wrap-up: timeout", ININ-OUTBOUND-PREVIEW-SKIPPED is "Outbound: preview skipped".
    """
    for prefix, family in _FAMILIES.items():
        if code and code.startswith(prefix) and code != prefix:
            words = code.removeprefix(prefix).lower().split("-")
            return f"{family}: {' '.join(_ABBREVIATIONS.get(word, word) for word in words)}"
    return None


def changed_at(modified: datetime | None, known_since: datetime | None, seen_at: datetime) -> datetime:
    """When something changed that was seen at `seen_at`: at the platform's modification date if that explains it.
    Always later than the last known change, even if the clock was set back meanwhile.
    """
    changed = modified if modified is not None and modified < seen_at else seen_at
    if known_since is None:
        return changed
    return max(changed if changed > known_since else seen_at, known_since + MILLISECOND)
