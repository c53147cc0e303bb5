"""The definitions of the reports in a lake, each with its calendar. Every run that computes a report stores them.

    <lake>/definitions/<report>.json      {"definition": {…}, "start_date": "2026-01-01", "time_zone": "Europe/Dublin"}

Only its code location knows a report that is a component. With its definition in the lake, a command can compute it
again: `genesys-assets forget` needs that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from genesys_assets.lake.lake import Lake
from genesys_assets.privacy.forgotten import ForgottenIds
from genesys_assets.privacy.scrubbed_answers import without_name
from genesys_assets.reports.meaning.entries import Entry
from genesys_assets.reports.meaning.report import Report

FOLDER = "definitions"
_LOOKS = 3
"""How often to look whether somebody was forgotten meanwhile."""


@dataclass(frozen=True, slots=True)
class StoredDefinition:
    """A report that was computed into the lake, and the calendar it was computed in."""

    report: Report
    zone: ZoneInfo
    start_date: date


class _StoredEntry(Entry):
    """An entry of a file, or the attributes of a component, which include the name."""

    name: str | None = None


def store_definition(lake: Lake, report: Report, zone: ZoneInfo, start_date: date) -> None:
    """Store the definition of a report, unless it is stored already. Forgotten ids and names are replaced."""
    stated = {
        "definition": json.loads(report.definition.model_dump_json(exclude_defaults=True)),
        "start_date": f"{start_date}",
        "time_zone": zone.key,
    }
    text, key = json.dumps(stated, ensure_ascii=False), definition_key(report.name)
    # Somebody may be forgotten after the list was read and before the file is written, so it is read once more.
    for _ in range(_LOOKS):
        body = _without_forgotten(lake, text).encode()
        if lake.store.get(key) == body:
            break
        lake.store.put(key, body)


def stored_definitions(lake: Lake) -> Mapping[str, StoredDefinition]:
    """The definitions in a lake by the name of the report. Those that this version cannot read are left out."""
    definitions = {}
    for name in (file.removesuffix(".json") for file in lake.store.names(FOLDER) if file.endswith(".json")):
        body = lake.store.get(definition_key(name))
        stored = None if body is None else _parsed(name, body)
        if stored is not None:
            definitions[name] = stored
    return definitions


def definition_key(report: str) -> str:
    """The key of the file with the definition of a report."""
    return f"{FOLDER}/{report}.json"


def _parsed(name: str, body: bytes) -> StoredDefinition | None:
    """The definition in a file; None if it is damaged, or written in the language of another version."""
    try:
        stated: Any = json.loads(body)
        report = _StoredEntry.model_validate(stated["definition"]).report(name)
        return StoredDefinition(report, ZoneInfo(stated["time_zone"]), date.fromisoformat(stated["start_date"]))
    except (ValueError, TypeError, LookupError, RecursionError, OSError):
        # A ValidationError is a ValueError, an unknown time zone a LookupError, and Europe, a folder of zones, an
        # OSError.
        return None


def _without_forgotten(lake: Lake, text: str) -> str:
    who = ForgottenIds.load(lake.store)
    text = who.without_ids(text, who.ids_in(text))
    for name, pseudonym in who.names_in([text]).items():
        text = without_name(name, text, pseudonym)
    return text
