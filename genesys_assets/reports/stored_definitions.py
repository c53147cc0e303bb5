"""The definitions of the reports in a lake, each with its calendar. Every run that computes a report stores them.

    <lake>/definitions/<report>.json      {"definition": {…}, "start_date": "2026-01-01", "time_zone": "Europe/Dublin"}

Only its code location knows a report that is a component. With its definition in the lake, a command can compute it
again: `genesys-assets forget` needs that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from genesys_assets.lake.lake import Lake
from genesys_assets.privacy.forgotten import ForgottenIds
from genesys_assets.privacy.scrubbed_answers import without_forgotten
from genesys_assets.reports.language.conditions import with_every_text, with_values
from genesys_assets.reports.meaning.entries import Entry
from genesys_assets.reports.meaning.report import Report
from genesys_assets.reports.meaning.values import is_word

FOLDER = "definitions"
_LOOKS = 3
"""How often to look whether somebody was forgotten meanwhile."""
_DESCRIPTION = "description"
_CONDITIONS = ("filter", "where")
_BY_NAME = ("attributes", "columns", "measures", "metrics", "views")
"""Fields that are mappings by names of the entry's own."""


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
    key = definition_key(report.name)
    # Somebody may be forgotten after the list was read and before the file is written, so it is read once more.
    for _ in range(_LOOKS):
        without = partial(without_forgotten, ForgottenIds.load(lake.store))
        body = json.dumps(_with_texts(stated, without), ensure_ascii=False).encode()
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


def with_texts(stated: Any, change: Callable[[str], str]) -> Any:
    """The content of a file, with the texts changed in which an id or a name may stand: descriptions, and the values
    of conditions. Words of the language, names of columns and words of the platform stay, whoever is called like that.

    In a definition that this version cannot read, any text may be one.
    """
    if not isinstance(stated, dict) or "definition" not in stated:
        return with_every_text(stated, change)
    if _parsed("report", json.dumps(stated).encode()) is None:
        return {**stated, "definition": with_every_text(stated["definition"], change)}
    return _with_texts(stated, change)


def _with_texts(stated: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    def changed(text: str) -> str:
        return text if is_word(text) else change(text)

    definition = _fields(stated["definition"], change, changed)
    if "having" in definition:
        definition["having"] = with_values(definition["having"], changed)
    return {**stated, "definition": definition}


def _fields(fields: dict[str, Any], describe: Callable[[str], str], change: Callable[[str], str]) -> dict[str, Any]:
    after = dict(fields)
    for name, value in fields.items():
        if name == _DESCRIPTION and isinstance(value, str):
            after[name] = describe(value)
        elif name in _CONDITIONS:
            after[name] = with_values(value, change)
        elif name in _BY_NAME and isinstance(value, dict):
            after[name] = {each: _below(of, describe, change) for each, of in value.items()}
        else:
            after[name] = _below(value, describe, change)
    return after


def _below(value: Any, describe: Callable[[str], str], change: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_below(each, describe, change) for each in value]
    return _fields(value, describe, change) if isinstance(value, dict) else value
