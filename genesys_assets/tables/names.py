"""Names over time: every name an entity ever had, since when, and which of them was valid on a day.

What entities are now is in `entities`. A report of a day shows the names of that day, even after a queue was renamed or
a user deleted.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.tables.entities import ENTITIES
from genesys_assets.tables.spec import TableSpec, columns

_MILLISECOND = timedelta(milliseconds=1)
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
    """The history up to `seen_at`, when the entities were read: what is new ends what was valid, all else stays.

    Every entity that has a name has exactly one row whose valid_to is null. A change counts from when the platform
    says it was made, where it says so (`date_modified`), else from when it was first seen.
    """
    rows: list[dict[str, Any]] = [] if before is None else before.to_pylist()
    present = {row["id"]: row for row in rows if row["valid_to"] is None}
    for entity in entities.to_pylist():
        if entity["name"] is None:
            continue
        known, since = present.get(entity["id"]), seen_at
        if known is not None:
            if (known["name"], known["is_deleted"]) == (entity["name"], entity["is_deleted"]):
                continue
            since = known["valid_to"] = _changed_at(entity, known, seen_at)
        rows.append({**{name: entity.get(name) for name in spec.schema.names}, "valid_from": since, "valid_to": None})
    return pa.Table.from_pylist(rows, spec.schema).sort_by([("id", "ascending"), ("valid_from", "ascending")])


def with_named(spec: TableSpec, entities: pa.Table, names: pa.Table) -> pa.Table:
    """The entities, and those that only their names over time know: a run stored the names and died."""
    known = {*entities["id"].to_pylist()}
    rows = [
        {"id": row["id"], "name": row["name"], "is_deleted": row["is_deleted"]}
        for row in names.to_pylist()
        if row["valid_to"] is None and row["id"] not in known
    ]
    return pa.concat_tables([entities.cast(spec.schema), pa.Table.from_pylist(rows, spec.schema)]) if rows else entities


def names_on(history: pa.Table, at: datetime) -> pa.Table:
    """`id` and `name` of every entity as of just before `at`: give the end of a day for the names of that day.

    An entity that was first seen later has the first name known of it: nothing is known to have been different.
    """
    chosen: dict[str, str] = {}
    for row in history.sort_by([("id", "ascending"), ("valid_from", "ascending")]).to_pylist():
        if row["id"] not in chosen or row["valid_from"] < at:
            chosen[row["id"]] = row["name"]
    ids, names = pa.array(chosen.keys(), pa.string()), pa.array(chosen.values(), pa.string())
    return pa.table({"id": ids, "name": names})


def names_of_ids(ids: pa.ChunkedArray, names: pa.Table) -> pa.ChunkedArray:
    """The name of each id: the entity's, else what a system code means, else the id itself. Null stays null."""
    listed = names["name"].take(pc.index_in(ids, names["id"]))
    codes = pc.unique(ids)
    system = pa.array([system_name(code) for code in codes.to_pylist()], pa.string())
    return pc.coalesce(listed, system.take(pc.index_in(ids, codes)), ids)


_FAMILIES = {"ININ-WRAP-UP-": "Wrap-up", "ININ-OUTBOUND-": "Outbound", "ININ-": "System"}
_ABBREVIATIONS = {"dnc": "DNC", "sit": "SIT", "sms": "SMS", "id": "ID"}


def system_name(code: str | None) -> str | None:
    """What a wrap-up code says that the platform sets by itself and lists nowhere; None for any other id.

    ININ-WRAP-UP-TIMEOUT is "Wrap-up: timeout", ININ-OUTBOUND-PREVIEW-SKIPPED is "Outbound: preview skipped".
    """
    for prefix, family in _FAMILIES.items():
        if code and code.startswith(prefix) and code != prefix:
            words = code.removeprefix(prefix).lower().split("-")
            return f"{family}: {' '.join(_ABBREVIATIONS.get(word, word) for word in words)}"
    return None


def _changed_at(entity: dict[str, Any], known: dict[str, Any], seen_at: datetime) -> datetime:
    """When a known entity changed. Always later than what was known, even if the clock was set back meanwhile."""
    changed = seen_at
    # That an entity is gone or back does not show in when it was modified.
    if entity["is_deleted"] == known["is_deleted"]:
        modified = entity.get("date_modified")
        if modified is not None and known["valid_from"] < modified < seen_at:
            changed = modified
    earliest: datetime = known["valid_from"] + _MILLISECOND
    return max(changed, earliest)
