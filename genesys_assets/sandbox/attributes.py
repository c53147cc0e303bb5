"""Attributes of participants, as flows, scripts and integrations set them. Only details jobs show them.

`organisation` decides when they are shown.
"""

from __future__ import annotations

from random import Random
from typing import Any

Item = dict[str, Any]

LONGEST = 1024  # characters of a key or a value; longer ones are cut

_TIERS = ("gold", "silver", "bronze")
_LANGUAGES = {"språk": "svenska", "Sprache": "Züritüütsch", "langue": "français", "言語": "日本語"}


def filled(conversation: Item) -> Item:
    """The conversation with drawn attributes for participants that have none of their own."""
    participants = [
        participant if "attributes" in participant else with_attributes(participant, drawn(participant))
        for participant in conversation.get("participants", ())
    ]
    return {**conversation, "participants": participants} if participants else conversation


def removed(conversation: Item) -> Item:
    """The conversation without attributes, as the details query shows it."""
    participants = [
        {name: value for name, value in participant.items() if name != "attributes"}
        for participant in conversation.get("participants", ())
    ]
    return {**conversation, "participants": participants} if participants else conversation


def shown(conversation: Item) -> Item:
    """The conversation as a job shows it: cut, and without empty attributes."""
    participants = [
        with_attributes(participant, participant.get("attributes", {}))
        for participant in conversation.get("participants", ())
    ]
    return {**conversation, "participants": participants} if participants else conversation


def with_attributes(participant: Item, attributes: dict[str, str]) -> Item:
    rest = {name: value for name, value in participant.items() if name not in ("attributes", "sessions")}
    if attributes:
        rest["attributes"] = {name[:LONGEST]: value[:LONGEST] for name, value in attributes.items()}
    return {**rest, "sessions": participant["sessions"]}


def drawn(participant: Item) -> dict[str, str]:
    """Attributes drawn for a participant, always the same ones: customers mostly have some, agents sometimes."""
    rng = Random(f"attributes {participant.get('participantId')}")
    if participant["purpose"] not in ("customer", "external"):
        return {"scriptPage": "Begrüssung"} if participant["purpose"] == "agent" and rng.random() < 0.2 else {}
    if rng.random() < 0.25:
        return {}
    language = rng.choice(list(_LANGUAGES))
    attributes = {
        "customerTier": rng.choice(_TIERS),
        "Kundennummer": f"{rng.randrange(10**8):08}",
        language: _LANGUAGES[language],
        "context.verified": rng.choice(("true", "false")),
    }
    lot = rng.random()
    if lot < 0.02:
        attributes["transcript"] = "Grüezi 🌻 " * 200  # longer than LONGEST
    elif lot < 0.03:
        attributes["key of an integration that never ends, " * 40] = "cut"  # likewise
    elif lot < 0.04:
        attributes["remark"] = ""
    return attributes
