"""Gathers what to search besides ids, before anything is rewritten: names of users, values that identified customers in
reports, and the conversations in which a forgotten external contact took part.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.lake.lake import Lake, Unreadable
from genesys_assets.privacy import lake_files
from genesys_assets.privacy.answers import DETAILS_PAGES
from genesys_assets.privacy.forgotten import ForgottenIds, Kind
from genesys_assets.privacy.scrubbed_answers import bare, conversations_of_contacts
from genesys_assets.privacy.scrubbed_rows import Traces
from genesys_assets.spans import days_around
from genesys_assets.tables.conversations.decode_values import UnreadablePage
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS, PARTICIPANTS, SEGMENTS, SESSIONS
from genesys_assets.tables.spec import TableSpec

_OWN = ("pages", "tables", "reference", "live")
_AGGREGATES = re.compile(r"_metrics$|_aggregates$")
_CUSTOMERS = ("customer", "external")
_SHORTEST_NAME = 3
_CONVERSATIONS, _PARTICIPANTS, _SESSIONS = (f"tables/{spec.name}" for spec in (CONVERSATIONS, PARTICIPANTS, SESSIONS))
_DIALLED = ("dnis", "session_dnis", "address_to")
_CALLING = ("ani", "address_from")
_CONTENTS = (
    (CONVERSATIONS, ("external_tag",)),
    (SEGMENTS, ("subject", "wrap_up_note")),
)
"""Contents that a report can show. Values of attributes are not searched, because they are often common words."""
_SHORTEST_CONTENT = 5


@dataclass(slots=True)
class KnownTraces:
    """Names of users with their pseudonyms; values that identified customers, each with the days on which to search it
    (None: all days); and the ids of conversations of forgotten external contacts. Names and values are in small
    letters.
    """

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, set[str] | None] = field(default_factory=dict)
    of_contacts: set[str] = field(default_factory=set)
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)
    """A random key of pseudonyms, so that numbers cannot be recovered by trying all of them."""

    def of(self, place: str, key: str | None) -> Traces:
        """What to search in one partition."""
        day = (key or "")[:10]
        values = frozenset(value for value, days in self.values.items() if not day or days is None or day in days)
        if place.split("/")[0] not in _OWN:
            return Traces(self.names, values)
        # Our tables have classes and ids, but aggregates may be grouped by a number without an id.
        in_groups = {bare(value): self._pseudonym(value) for value in values} if _AGGREGATES.search(place) else {}
        return Traces(self.names, in_groups=in_groups)

    def _pseudonym(self, value: str) -> str:
        return f"forgotten:{hashlib.sha256(self.salt + bare(value).encode()).hexdigest()[:16]}"

    def add_name(self, name: Any, pseudonym: str) -> None:
        if isinstance(name, str) and len(name.strip()) >= _SHORTEST_NAME:
            self.names[name.strip().lower()] = pseudonym

    def add_value(self, value: Any, days: set[str] | None) -> None:
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and len(text) >= _SHORTEST_NAME:
                known = self.values.get(text.lower(), set())
                self.values[text.lower()] = None if days is None or known is None else known | days


def gather(lake: Lake, who: ForgottenIds) -> KnownTraces:
    """Everything that the lake knows about those who must be forgotten."""
    traces = KnownTraces()
    for table in ("users", "users_history"):
        for row in _rows(lake, f"reference/{table}", None, ["id", "name", "email", "username"]):
            if entry := who.entry(row["id"] or "", Kind.USER):
                for name in ("name", "email", "username"):
                    traces.add_name(row.get(name), entry.pseudonym)
    for day in lake.page_partitions(_PARTICIPANTS):
        _of_day(lake, day, who, traces)
    traces.of_contacts |= set(_of_contacts_in_pages(lake, who))
    return traces


def _of_contacts_in_pages(lake: Lake, who: ForgottenIds) -> Iterator[str]:
    """The conversations of forgotten external contacts in pages. The newest hours may have no tables yet, while
    snapshots already have these conversations, without the contact.
    """
    if not who.has(Kind.EXTERNAL_CONTACT):
        return
    for place in (*DETAILS_PAGES, lake_files.PLACE):
        for key in lake.page_partitions(place):
            try:
                for page in lake.pages(place, key) or ():
                    if place == lake_files.PLACE:
                        schema = lake_files.schema_of(page.request)
                        yield from lake_files.conversations_of_contacts(schema, page.body, who)
                    else:
                        yield from conversations_of_contacts(page.body, who)
            except (Unreadable, UnreadablePage):
                # Rewriting the partition reports this.
                continue


def _of_day(lake: Lake, day: str, who: ForgottenIds, traces: KnownTraces) -> None:
    rows = _table(lake, PARTICIPANTS, _PARTICIPANTS, day)
    users = _forgotten(rows["user_id"], who, Kind.USER)
    for row in rows.filter(pc.is_in(rows["user_id"], pa.array(users, pa.string()))).to_pylist():
        traces.add_name(row["participant_name"], users[row["user_id"]])
    contacts = _forgotten(rows["external_contact_id"], who, Kind.EXTERNAL_CONTACT)
    contact_conversations = rows.filter(pc.is_in(rows["external_contact_id"], pa.array(contacts, pa.string())))[
        "conversation_id"
    ]
    of_contacts = {
        *contact_conversations.to_pylist(),
        *_forgotten(rows["conversation_id"], who, Kind.CONTACT_CONVERSATION),
    }
    forgotten = set(_forgotten(rows["conversation_id"], who, Kind.CONVERSATION))
    traces.of_contacts |= of_contacts
    if of_contacts or forgotten:
        _customers(lake, day, rows, of_contacts, forgotten, traces)


def _customers(
    lake: Lake, day: str, rows: pa.Table, of_contacts: set[str], forgotten: set[str], traces: KnownTraces
) -> None:
    """Add the values that identified the customers of some conversations to the traces."""
    alive = _alive(lake, day, of_contacts | forgotten)

    def days(conversation: str) -> set[str] | None:
        return None if conversation in of_contacts else alive.get(conversation, {day})

    wanted = pa.array(sorted(of_contacts | forgotten), pa.string())
    names: dict[str, set[str]] = {}
    for row in rows.filter(pc.is_in(rows["conversation_id"], wanted)).to_pylist():
        if row["purpose"] in _CUSTOMERS or row["external_contact_id"]:
            traces.add_value(row["participant_name"], days(row["conversation_id"]))
            names.setdefault(row["conversation_id"], set()).add(row["participant_name"])
    for spec, names_of_columns in _CONTENTS:
        for value in _exclusive_values(_table(lake, spec, f"tables/{spec.name}", day), names_of_columns, wanted):
            if value and len(value) >= _SHORTEST_CONTENT:
                traces.add_value(value, {each for of in alive.values() for each in of} | {day})
    sessions = _table(lake, SESSIONS, _SESSIONS, day)
    for row in sessions.filter(pc.is_in(sessions["conversation_id"], wanted)).to_pylist():
        for value in _values_of_customer(row, names.get(row["conversation_id"], set())):
            traces.add_value(value, days(row["conversation_id"]))


def _exclusive_values(rows: pa.Table, names: Iterable[str], wanted: pa.Array) -> Iterator[Any]:
    """The values that only the wanted conversations have. A value that others have too identifies nobody."""
    theirs = pc.is_in(rows["conversation_id"], wanted)
    for name in names:
        others = pc.unique(rows.filter(pc.invert(theirs))[name])
        values = pc.unique(rows.filter(theirs)[name])
        yield from values.filter(pc.invert(pc.is_in(values, others))).to_pylist()


def _values_of_customer(session: dict[str, Any], names: set[str]) -> Iterator[Any]:
    """The values of a session that belong to the customer and not to the organisation."""
    for name in _DIALLED if session["direction"] == "outbound" else _CALLING:
        yield session[name]
    yield from (session[name] for name in ("callback_numbers", "callback_user_name", "address_other", "cc", "bcc"))
    yield from (session[name] for name in ("journey_customer_id", "outbound_contact_id"))
    for name in ("remote", "remote_name_displayable"):
        text = session[name]
        # The remote party of a customer is a queue, a flow or an agent.
        if text and (text in names or "@" in text or any(letter.isdigit() for letter in text)):
            yield text


def _alive(lake: Lake, day: str, ids: Iterable[str]) -> dict[str, set[str]]:
    """The days whose reports may contain a conversation: from the day before its start to the day after its end."""
    rows = _table(lake, CONVERSATIONS, _CONVERSATIONS, day)
    days = {}
    for row in rows.filter(pc.is_in(rows["conversation_id"], pa.array(list(ids), pa.string()))).to_pylist():
        end = row["conversation_end"] or row["conversation_start"]
        length = (end - row["conversation_start"]) // timedelta(days=1) + 2
        days[row["conversation_id"]] = set(days_around(day, before=1, after=length))
    return days


def _forgotten(ids: pa.ChunkedArray, who: ForgottenIds, kind: Kind) -> dict[str, str]:
    """The ids that must be forgotten, with their pseudonyms."""
    known = ((id_, who.entry(id_, kind)) for id_ in pc.unique(ids).to_pylist() if id_)
    return {id_: entry.pseudonym for id_, entry in known if entry}


def _table(lake: Lake, spec: TableSpec, place: str, day: str) -> pa.Table:
    """The rows of a partition; none if it is not stored or cannot be read, which rewriting it reports."""
    try:
        pieces = [_conformed(rows, spec) for rows in lake.row_groups(place, day)]
    except (FileNotFoundError, Unreadable):
        pieces = []
    return pa.concat_tables([spec.empty(), *pieces])


def _conformed(rows: pa.Table, spec: TableSpec) -> pa.Table:
    columns = [
        rows[field.name].cast(field.type) if field.name in rows.column_names else pa.nulls(len(rows), field.type)
        for field in spec.schema
    ]
    return pa.table(columns, schema=spec.schema)


def _rows(lake: Lake, place: str, key: str | None, names: list[str]) -> list[dict[str, Any]]:
    if not lake.has(place, key):
        return []
    known = [name for name in names if name in lake.log(place).schema().names]
    rows: list[dict[str, Any]] = lake.read(place, key, columns=known).to_pylist()
    return rows
