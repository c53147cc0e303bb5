"""The organisation's external contacts: which customers of conversations it knows, and for which companies they work.

Who it is depends on the number or the address, so that one contact comes by several media: regular callers have e-mail
addresses and, signed in, chat. Some numbers are shared by several people, of whom it knows only some.
"""

from __future__ import annotations

import re
from random import Random
from typing import Any

from genesys_assets.sandbox.directory import Directory, uuid
from genesys_assets.sandbox.draws import CUSTOMERS, REGULARS

Item = dict[str, Any]

_NUMBER = re.compile(r"\d+(?=@)|\d{4}$")
"""What tells people apart: the number in an e-mail address, or the end of a phone number."""
_OF_REGULARS = 7_000
"""E-mail addresses from this number on belong to regular callers, who have several of them."""
_SHARED = 8
"""Every such phone number is shared."""
_SIGNED_IN = 5
"""So many of the customers sign in before they chat."""


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
    known = {"externalContactId": uuid(rng)}
    if rng.random() < 0.3:
        known["externalOrganizationId"] = rng.choice(directory.surroundings["external_organizations"])["id"]
    return {**participant, **known, "sessions": participant["sessions"]}


def _person(name: str, common: Item, direction: str) -> str | None:
    """Who it is; None where that cannot be said."""
    address = common.get("ani" if direction == "inbound" else "dnis") or common.get("addressFrom")
    address = address or common.get("remote") or next(iter(common.get("callbackNumbers", ())), "")
    found = _NUMBER.search(address)
    if found is None:
        signed_in = CUSTOMERS[:_SIGNED_IN]
        return f"{signed_in.index(name)}" if name in signed_in else None
    number = int(found.group())
    if "@" in address:
        return f"{number % REGULARS if number >= _OF_REGULARS else number}"
    if number % _SHARED == _SHARED - 1:
        return f"{number} {name}" if len(name) % 2 else None
    return f"{number}"
