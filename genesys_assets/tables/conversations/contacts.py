"""Contacts: conversations that a customer began, with the customer, and where the contact ended. Pure functions of the
tables of one day.

A customer is identified by the external contact, else by the address: the caller's number, the sender of a message, or
the number to call back. Without either the customer is unknown. That does not mean that the customer never came again.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.tables.spec import TableSpec, columns

HORIZONS = (1, 7, 30)
"""The horizons, as multiples of 24 hours, within which a contact counts as a repeat of another."""

_REPEATS = "".join(
    f"repeats_within_{days}d integer 1 if the customer began a contact less than {days} x 24 hours before, else 0\n"
    f"followed_within_{days}d integer 1 if the customer began another less than {days} x 24 hours after, else 0\n"
    for days in HORIZONS
).strip()
CONTACTS = TableSpec(
    "contacts",
    "One row per conversation that a customer began (originating direction inbound).",
    ("conversation_id",),
    columns(f"""
conversation_id string the conversation
conversation_start instant when it began
media_type string media type of the conversation
queue_id string the last queue that it waited in or was handled for
wrap_up_code string the last wrap-up code that it was given
user_id string the last agent
customer string who the customer is: external contact, else address; null if unknown
known_by string external_contact or address; null if the customer is unknown
{_REPEATS}
next_contact_avoided integer the platform's nNextContactAvoided, summed over the conversation's resolutions
unknown_because string the days that are not stored, so that repeats on them are unknown
"""),
)

_OF_CUSTOMERS = ("customer", "external")
_PREFIX = r"^(?i:tel|sip|sips|mailto):"
_HASHED = "hash:"
_NOBODY = ("anonymous", "unavailable", "unknown", "private", "restricted", "blocked", "null")
"""Texts instead of the number if a caller hides it. Seen in practice; the platform documents none."""
_OF_NUMBERS = r"^\+?[0-9 ().\-/]+$"
_SIGNS = r"[ ().\-/]"
NEEDED = {
    "conversations": ("conversation_id", "conversation_start", "media_type", "originating_direction"),
    "participants": ("conversation_id", "ordinal", "purpose", "external_contact_id"),
    "sessions": (
        *("conversation_id", "participant_ordinal", "ordinal", "purpose"),
        *("ani", "address_from", "callback_numbers"),
    ),
}
"""The columns that are read of each day, for its contacts and their customers, by table."""
NEEDED_OF_REPORT_DAYS = {
    "interaction_legs": ("conversation_id", "leg_no", "queue_id", "wrap_up_code", "user_id"),
    "resolutions": ("conversation_id", "n_next_contact_avoided"),
}
"""Further columns that are read of the days of a report, by table."""


def contacts(conversations: pa.Table, participants: pa.Table, sessions: pa.Table) -> pa.Table:
    """The day's contacts with `customer` and `known_by`, in no order."""
    inbound = conversations.filter(pc.equal(conversations["originating_direction"], "inbound"))
    inbound = inbound.drop_columns("originating_direction")
    people = _of_customers(participants).filter(pc.field("external_contact_id").is_valid())
    external = _first(people, ["ordinal"], "external_contact_id")
    sessions_ = _of_customers(sessions)
    sessions_ = sessions_.append_column("address", _addresses(sessions_)).filter(pc.field("address").is_valid())
    address = _first(sessions_, ["participant_ordinal", "ordinal"], "address")
    joined = inbound.join(external, "conversation_id").join(address, "conversation_id")
    is_external, is_address = (pc.is_valid(joined[name]) for name in ("external_contact_id", "address"))
    words = [pa.scalar(word, pa.string()) for word in ("external_contact", "address")]
    known_by = pc.case_when(pc.make_struct(is_external, is_address), *words)
    customer = pc.coalesce(joined["external_contact_id"], joined["address"])
    joined = joined.drop_columns(["external_contact_id", "address"])
    return joined.append_column("customer", customer).append_column("known_by", known_by)


def last_of_legs(legs: pa.Table) -> pa.Table:
    """The last queue, wrap-up code and agent of each conversation; null if no leg has one."""
    last = legs.select(["conversation_id"]).group_by("conversation_id").aggregate([])
    for name in ("queue_id", "wrap_up_code", "user_id"):
        with_value = legs.filter(pc.field(name).is_valid())
        last = last.join(_first(with_value, ["leg_no"], name, order="descending"), "conversation_id")
    return last


def normalised(addresses: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same text for all spellings of an address: without `tel:` or `sip:`, in lower case, and numbers without
    spaces and punctuation; null if the address identifies nobody. A hash is unchanged.
    """
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(pc.replace_substring_regex(addresses, _PREFIX, "")))
    numbers = pc.replace_substring_regex(plain, _SIGNS, "")
    plain = pc.if_else(pc.match_substring_regex(plain, _OF_NUMBERS), numbers, plain)
    named = pc.and_(pc.greater(pc.utf8_length(plain), 0), pc.invert(pc.is_in(plain, value_set=pa.array(_NOBODY))))
    plain = pc.if_else(named, plain, pa.scalar(None, pa.string()))
    return pc.if_else(pc.starts_with(addresses, _HASHED), addresses, plain)


def _addresses(sessions: pa.Table) -> pa.ChunkedArray:
    back = sessions["callback_numbers"]
    none = pa.scalar([None], pa.list_(pa.string()))
    first = pc.list_element(pc.if_else(pc.greater(pc.list_value_length(back), 0), back, none), 0)
    return pc.coalesce(*map(normalised, (sessions["ani"], sessions["address_from"], first)))


def _of_customers(rows: pa.Table) -> pa.Table:
    return rows.filter(pc.is_in(rows["purpose"], value_set=pa.array(_OF_CUSTOMERS)))


def _first(rows: pa.Table, by: Sequence[str], name: str, *, order: str = "ascending") -> pa.Table:
    """The first value of a column for each conversation, in the order of the columns `by`."""
    rows = rows.sort_by([(each, order) for each in by])
    picked = rows.group_by("conversation_id", use_threads=False).aggregate([(name, "first")])
    return picked.select(["conversation_id", f"{name}_first"]).rename_columns(["conversation_id", name])
