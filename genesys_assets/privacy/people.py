"""Whether a name or an address in a conversation is an agent's or a customer's. One field may hold both:
`participantName` is any participant, `remote` is the one at the other end.
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
    """The participant whose purpose decides whom a name or an address belongs to."""

    OWN = "own"
    """The participant in whom it stands."""
    SOMEBODY = "somebody"
    """The participant who has it."""


@dataclass(frozen=True, slots=True)
class People:
    """Names and addresses of the participants of a conversation, in small letters, and the purpose of the participant
    that is being visited.
    """

    persons: frozenset[str] = frozenset()
    contacts: frozenset[str] = frozenset()
    purpose: str = ""

    def within(self, holder: Mapping[str, Any], path: str) -> People:
        """The participants that are known inside the object at a path of the answer."""
        if path == _CONVERSATION:
            return People(frozenset(_known_as(holder, _AGENTS)), frozenset(_known_as(holder, _CUSTOMERS)))
        return replace(self, purpose=_purpose(holder)) if path == _PARTICIPANT else self

    def classes(self, value: Any, class_: PersonalData, whose: Whose | None) -> tuple[PersonalData, ...]:
        """The class of a value; both if it is unknown whose it is."""
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
    """The names and addresses of a conversation's participants with these purposes, in small letters."""
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
    """A name or an address in small letters, without the scheme of a URI."""
    text = text.strip().lower()
    return next((text.removeprefix(scheme) for scheme in _SCHEMES if text.startswith(scheme)), text)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, dict))
