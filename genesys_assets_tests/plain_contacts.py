"""The expected rows of `reports/repeat_contacts`, computed in plain Python from conversations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from genesys_assets_tests.plain_figures import Item, moment, ratio

Row = dict[str, Any]
Customer = tuple[str, str] | None
HORIZONS = (1, 7, 30)


class Reason:
    """Equal to any reason."""

    def __eq__(self, other: object) -> bool:
        return bool(other)

    def __hash__(self) -> int:
        return 0

    def __str__(self) -> str:
        return "a reason"


REASON = Reason()


def address_of(item: Item) -> str | None:
    """The address that the customer called or wrote from."""
    for participant in item["participants"]:
        for session in participant["sessions"] if participant.get("purpose") in ("customer", "external") else ():
            back = next(iter(session.get("callbackNumbers", ())), None)
            address = session.get("ani") or session.get("addressFrom") or back
            if address:
                return str(address).lower().removeprefix("tel:").removeprefix("sip:")
    return None


def customer_of(item: Item) -> Customer:
    """Who the customer is: the external contact, else the address; None if unknown. A contact and an address are never
    the same customer.
    """
    for participant in item["participants"]:
        if participant.get("purpose") in ("customer", "external") and participant.get("externalContactId"):
            return "external contact", str(participant["externalContactId"])
    address = address_of(item)
    return None if address is None else ("address", address)


def repeat_contacts(
    conversations: Iterable[Item],
    legs: Iterable[Row],
    start: datetime,
    end: datetime,
    known_from: datetime,
    known_until: datetime,
) -> list[Row]:
    """The rows of contacts that began from `start` to `end`, by queue and wrap-up code. Contacts before `known_from`
    and from `known_until` on are unknown. `legs` say in which queue a conversation ended.
    """
    begun = [item for item in conversations if item.get("originatingDirection") == "inbound"]
    starts: defaultdict[Customer, list[datetime]] = defaultdict(list)
    for item in begun:
        starts[customer_of(item)].append(moment(item["conversationStart"]))
    last = _ended_up(legs)
    groups: defaultdict[tuple[Any, Any], list[Item]] = defaultdict(list)
    for item in begun:
        if start <= moment(item["conversationStart"]) < end:
            of = last.get(item["conversationId"], {})
            groups[of.get("queue_id"), of.get("wrap_up_code")].append(item)
    return [
        {"queue_id": queue, "wrap_up_code": code} | _figures(items, starts, start - known_from, known_until - end)
        for (queue, code), items in groups.items()
    ]


def _ended_up(legs: Iterable[Row]) -> dict[str, Row]:
    """The last queue and wrap-up code of each conversation."""
    found: defaultdict[str, Row] = defaultdict(dict)
    for leg in sorted(legs, key=lambda each: int(each["leg_no"])):
        of = {name: leg[name] for name in ("queue_id", "wrap_up_code") if leg[name] is not None}
        found[leg["conversation_id"]].update(of)
    return found


def _figures(items: Sequence[Item], starts: dict[Customer, list[datetime]], before: timedelta, after: timedelta) -> Row:
    known = [item for item in items if customer_of(item) is not None]
    avoided = [each["nNextContactAvoided"] for item in items for each in item.get("resolutions", ())]
    row: Row = {
        "contacts": len(items),
        "unknown_customers": len(items) - len(known) or None,
        "known_customers": len(known) or None,
        "next_contacts_avoided": sum(avoided) if avoided else None,
    }
    for days in HORIZONS:
        length = timedelta(days=days)
        again = sum(_is_any(starts, item, -length, timedelta(0)) for item in known)
        resolved = sum(not _is_any(starts, item, timedelta(0), length) for item in known)
        row[f"repeated_within_{days}d"] = again if known and before >= length else None
        row[f"resolved_for_{days}d"] = resolved if known and after >= length else None
        row[f"repeat_rate_{days}d"] = ratio(row[f"repeated_within_{days}d"], row["known_customers"])
        row[f"first_contact_resolution_{days}d"] = ratio(row[f"resolved_for_{days}d"], row["known_customers"])
    return row


def _is_any(starts: dict[Customer, list[datetime]], item: Item, first: timedelta, last: timedelta) -> bool:
    """Whether the customer began another contact within this time before or after it, limits excluded."""
    own = moment(item["conversationStart"])
    return any(first < each - own < last for each in starts[customer_of(item)])
