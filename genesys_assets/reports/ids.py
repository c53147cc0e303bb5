"""Finds the ids of a name: which entities of the reference data have this name, or had it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches

from genesys_assets.lake.lake import Lake
from genesys_assets.tables.names import HISTORIES

_KINDS = {
    "queues": "queue",
    "users": "user",
    "wrapup_codes": "wrap-up code",
    "skills": "skill",
    "divisions": "division",
    "presence_definitions": "presence",
    "teams": "team",
    "groups": "group",
    "languages": "language",
    "locations": "location",
    "flows": "flow",
    "flow_outcomes": "flow outcome",
    "flow_milestones": "flow milestone",
    "campaigns": "campaign",
    "external_organizations": "external organisation",
}
_MOST_CLOSE = 5


@dataclass(frozen=True, slots=True)
class NamedEntity:
    """An entity under one of its names, and from when until when it had that name. `until` is None for the present
    name.
    """

    kind: str
    id: str
    name: str
    since: datetime
    until: datetime | None
    is_deleted: bool

    @property
    def note(self) -> str:
        """What to know before using the id: that the name is an old one, or the entity deleted."""
        if self.until is not None:
            return f" (until {self.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"
        return " (deleted)" if self.is_deleted else ""


@dataclass(frozen=True, slots=True)
class NameSearch:
    """The entities of a name, or of a part of one; if there are none, the closest names. `known` counts all names that
    were searched.
    """

    named: tuple[NamedEntity, ...]
    closest: tuple[str, ...]
    known: int


def ids_of(lake: Lake, name: str) -> NameSearch:
    """The entities that have, or had, a name. If there are none, those whose name contains it.

    Upper and lower case are the same. Raises LakeUnreachable.
    """
    every = list(_all(lake))
    wanted = name.strip().casefold()
    named = tuple(each for each in every if each.name.casefold() == wanted)
    named = named or tuple(each for each in every if wanted and wanted in each.name.casefold())
    return NameSearch(named, () if named else _closest(wanted, [each.name for each in every]), len(every))


def _closest(wanted: str, names: list[str]) -> tuple[str, ...]:
    by_folded = {name.casefold(): name for name in names}
    return tuple(by_folded[folded] for folded in sorted(get_close_matches(wanted, by_folded, n=_MOST_CLOSE)))


def _all(lake: Lake) -> Iterator[NamedEntity]:
    for history, spec in HISTORIES.items():
        for row in lake.read(f"reference/{spec.name}", None, schema=spec.schema).to_pylist():
            yield NamedEntity(
                _KINDS[history], row["id"], row["name"], row["valid_from"], row["valid_to"], bool(row["is_deleted"])
            )
