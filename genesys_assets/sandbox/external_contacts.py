"""The organisation's external contacts: customers that it knows, and the companies that they work for.

A customer is identified by number or address, so one contact uses several media: regular callers also write e-mails
and, signed in, chat. Some numbers are shared by several people, of whom only some are known.
"""

from __future__ import annotations

import re
from random import Random
from typing import Any

from genesys_assets.sandbox.directory import Directory, uuid
from genesys_assets.sandbox.draws import CUSTOMERS, REGULARS

Item = dict[str, Any]

_NUMBER = re.compile(r"\d+(?=@)|\d{4}$")
"""The part that identifies a person: the number in an e-mail address, or the last digits of a phone number."""
_OF_REGULARS = 7_000
"""E-mail addresses from this number on belong to regular callers, who have several of them."""
_SHARED = 8
"""Every eighth phone number is shared."""
_SIGNED_IN = 5
"""The number of customers who sign in before they chat."""


def with_contact(directory: Directory, participant: Item, common: Item, direction: str) -> Item:
    """A participant, with its external contact and the contact's company if it is a known customer. `common` has the
    fields that all sessions of the conversation share.
    """
    if participant["purpose"] not in ("customer", "external"):
        return participant
    person = _person(participant["participantName"], common, direction)
    rng = Random(f"external contact {directory.organisation_id} {person}")
    if person is None or rng.random() < 0.4:
        return participant
    contact = {"externalContactId": uuid(rng)}
    if rng.random() < 0.3:
        contact["externalOrganizationId"] = rng.choice(directory.surroundings["external_organizations"])["id"]
    return {**participant, **contact, "sessions": participant["sessions"]}


def _person(name: str, common: Item, direction: str) -> str | None:
    """The identity of a customer; None if unknown."""
    address = common.get("ani" if direction == "inbound" else "dnis") or common.get("addressFrom")
    address = address or common.get("remote") or next(iter(common.get("callbackNumbers", ())), "")
    match = _NUMBER.search(address)
    if match is None:
        signed_in = CUSTOMERS[:_SIGNED_IN]
        return f"{signed_in.index(name)}" if name in signed_in else None
    number = int(match.group())
    if "@" in address:
        return f"{number % REGULARS if number >= _OF_REGULARS else number}"
    if number % _SHARED == _SHARED - 1:
        return f"{number} {name}" if len(name) % 2 else None
    return f"{number}"
