"""Whether a name or an address in a conversation belongs to an agent or a customer. The same field may hold either:
`participantName` is the name of any participant, `remote` is whoever is at the other end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from genesys_assets.personal_data import PersonalData

_AGENTS = ("agent", "user")
_CUSTOMERS = ("customer", "external")
_SCHEMES = ("tel:", "sip:", "mailto:")
_CONVERSATION, _PARTICIPANT = "conversations", "conversations.participants"


class Whose(StrEnum):
    """Which participant a name or an address belongs to; the purpose of that participant decides its class."""

    OWN = "own"
    """The participant that the field is in."""
    SOMEBODY = "somebody"
    """Whichever participant of the conversation has this name or address."""


@dataclass(frozen=True, slots=True)
class People:
    """Names and addresses of a conversation's participants, in lower case, and the purpose of the participant whose
    fields are being protected.
    """

    persons: frozenset[str] = frozenset()
    contacts: frozenset[str] = frozenset()
    purpose: str = ""

    def within(self, holder: Mapping[str, Any], path: str) -> People:
        """The people for the fields of an object at a path of the answer: updated for a conversation or a
        participant.
        """
        if path == _CONVERSATION:
            return People(frozenset(_known_as(holder, _AGENTS)), frozenset(_known_as(holder, _CUSTOMERS)))
        return replace(self, purpose=_purpose(holder)) if path == _PARTICIPANT else self

    def classes(self, value: Any, class_: PersonalData, whose: Whose | None) -> tuple[PersonalData, ...]:
        """The possible classes of a value: one, or person and contact if it is unknown to whom it belongs."""
        if whose is None:
            return (class_,)
        is_persons, is_contacts = self.purpose in _AGENTS, self.purpose in _CUSTOMERS
        if whose is Whose.SOMEBODY:
            plain = _plain(value) if isinstance(value, str) else ""
            is_persons, is_contacts = plain in self.persons, plain in self.contacts
        if is_persons == is_contacts:
            return (PersonalData.PERSON, PersonalData.CONTACT)
        return (PersonalData.PERSON if is_persons else PersonalData.CONTACT,)


def _known_as(conversation: Mapping[str, Any], purposes: tuple[str, ...]) -> Iterator[str]:
    """The names and addresses of a conversation's participants with these purposes, in lower case."""
    for participant in _objects(conversation.get("participants")):
        if _purpose(participant) not in purposes:
            continue
        values = [participant.get("participantName"), participant.get("userId")]
        for session in _objects(participant.get("sessions")):
            values.append(session.get("addressSelf"))
            if purposes is _CUSTOMERS:
                values.append(session.get("dnis" if session.get("direction") == "outbound" else "ani"))
        yield from (_plain(value) for value in values if isinstance(value, str) and value.strip())


def _purpose(participant: Mapping[str, Any]) -> str:
    purpose = participant.get("purpose")
    return purpose.lower() if isinstance(purpose, str) else ""


def _plain(text: str) -> str:
    """A name or an address in lower case, without the scheme of a URI."""
    text = text.strip().lower()
    return next((text.removeprefix(scheme) for scheme in _SCHEMES if text.startswith(scheme)), text)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, dict))
