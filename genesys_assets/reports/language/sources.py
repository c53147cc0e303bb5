"""The tables that a report may count from: where they are stored, and which columns they have."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from genesys_assets.cloud.analytics.catalogue import DIMENSION_ALIASES
from genesys_assets.personal_data import PersonalData
from genesys_assets.reports.language.measures import AttributeType
from genesys_assets.reports.language.problems import one_of, quoted
from genesys_assets.tables.api_requests import API_REQUESTS
from genesys_assets.tables.conversations.contacts import CONTACTS, NEEDED, NEEDED_OF_REPORT_DAYS
from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES, CONVERSATIONS, PARTICIPANT_ATTRIBUTES
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS
from genesys_assets.tables.conversations.model import snake_case
from genesys_assets.tables.personal import class_of
from genesys_assets.tables.snapshots import LIVE_CONVERSATIONS, LIVE_QUEUES
from genesys_assets.tables.spec import INSTANT, TableSpec
from genesys_assets.tables.users.time import USER_TIME
from genesys_assets.tables.users.waits import QUEUE_WAITS

OF_CONVERSATION = "conversation."
"""The prefix of a column of the row's conversation."""

OF_ATTRIBUTE = "attribute."
"""The prefix of a column that is a participant attribute."""
_TYPES: dict[AttributeType, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "decimal": pa.float64(),
    "boolean": pa.bool_(),
    "instant": INSTANT,
}


@dataclass(frozen=True, slots=True)
class TypedAttribute:
    """A participant attribute as a typed column. A second column says whether the value became null, because it is not
    of this type or may be truncated. A third says whether the platform may have truncated it.
    """

    name: str
    attribute: str
    type: AttributeType

    @property
    def column(self) -> str:
        return f"{OF_ATTRIBUTE}{self.name}"

    @property
    def unreadable(self) -> str:
        return f"{self.column}_unreadable"

    @property
    def truncated(self) -> str:
        return f"{self.column}_truncated"

    @property
    def types(self) -> dict[str, pa.DataType]:
        """The three columns with their types."""
        return {self.column: _TYPES[self.type], self.unreadable: pa.bool_(), self.truncated: pa.bool_()}

    @property
    def columns(self) -> dict[str, str]:
        """The three columns by their names in an entry."""
        return {column.removeprefix(OF_ATTRIBUTE): column for column in self.types}


@dataclass(frozen=True, slots=True)
class Table:
    """A table that reports can count from. `time` is the column that puts its rows in intervals, unless the report
    names another.

    `attributes` are participant attributes that a report adds as columns. A table that is not stored is computed from
    other tables while it is read: `made_of` are their places.
    """

    name: str
    spec: TableSpec
    place: str
    time: str
    made_of: tuple[str, ...] = ()
    attributes: tuple[TypedAttribute, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """The places of the tables that must be stored to read it."""
        return self.made_of or (self.place,)

    @property
    def is_live(self) -> bool:
        """Whether rows are appended to its partitions: snapshots and requests. Other partitions are replaced."""
        return self.place.startswith("live/") or self.spec is API_REQUESTS

    @property
    def has_conversations(self) -> bool:
        """Whether its rows belong to conversations of the same partition."""
        return not self.is_live and not self.is_of_users

    @property
    def is_of_users(self) -> bool:
        """Whether it is about agents' time. Each row belongs to the UTC day of its partition."""
        return self.spec is USER_TIME

    def column(self, name: str) -> str:
        """The column of a name, which may be spelled as the table, the platform or tutorials about its API spell it.
        Raises LookupError with the closest names.

        >>> table("interaction_legs").column("queueId")
        'queue_id'
        """
        own = self.spec.schema.names
        of_conversation = [OF_CONVERSATION + column for column in CONVERSATIONS.schema.names]
        of_attributes = {name: column for each in self.attributes for name, column in each.columns.items()}
        if name in of_attributes:
            return of_attributes[name]
        known = [
            *own,
            *of_attributes,
            *(of_conversation if self.has_conversations and self.spec is not CONVERSATIONS else ()),
        ]
        for candidate in (name, snake_case(name), snake_case(DIMENSION_ALIASES.get(name, name))):
            if candidate in known:
                return candidate
        raise LookupError(f"{self.name} has no column {quoted(name)}. {one_of(known, name)}")

    def type(self, column: str) -> pa.DataType:
        """The type of a column that `column` returned."""
        of_attributes = {name: type_ for each in self.attributes for name, type_ in each.types.items()}
        if column in of_attributes:
            return of_attributes[column]
        return self._spec_of(column).schema.field(column.removeprefix(OF_CONVERSATION)).type

    def personal(self, column: str) -> PersonalData:
        """The class of personal data of a column."""
        if column.startswith(OF_ATTRIBUTE):
            is_value = column in {each.column for each in self.attributes}
            return class_of(PARTICIPANT_ATTRIBUTES.name, "value" if is_value else "is_truncated")
        return class_of(self._spec_of(column).name, column.removeprefix(OF_CONVERSATION))

    def _spec_of(self, column: str) -> TableSpec:
        return CONVERSATIONS if column.startswith(OF_CONVERSATION) else self.spec


def _tables() -> dict[str, Table]:
    days = [
        Table(spec.name, spec, f"tables/{spec.name}", "conversation_start")
        for spec in (*CONVERSATION_TABLES, INTERACTION_LEGS)
    ]
    names = (*NEEDED, *NEEDED_OF_REPORT_DAYS)
    contacts = Table(CONTACTS.name, CONTACTS, "", "conversation_start", tuple(f"tables/{name}" for name in names))
    live = [
        Table(f"live/{spec.name}", spec, f"live/{spec.name}", "observed_at")
        for spec in (LIVE_QUEUES, LIVE_CONVERSATIONS)
    ]
    waits = Table(QUEUE_WAITS.name, QUEUE_WAITS, f"tables/{QUEUE_WAITS.name}", "conversation_start")
    users = Table(USER_TIME.name, USER_TIME, f"tables/{USER_TIME.name}", "quarter_start")
    requests = Table(API_REQUESTS.name, API_REQUESTS, f"tables/{API_REQUESTS.name}", "time")
    return {table.name: table for table in (*days, contacts, waits, users, *live, requests)}


TABLES = _tables()
_ELSEWHERE = {
    "interval_metrics": "its figures are read by `aggregates`",
    "daily_metrics": "figures of a day are read by `aggregates` with granularity P1D",
}


def table(name: str) -> Table:
    """The table of a name. Raises LookupError, which names the closest tables, or says how to read the figures."""
    named = TABLES.get(name)
    if named is None:
        reason = _ELSEWHERE.get(name)
        raise LookupError(
            f"{quoted(name)} is no table to count from{f': {reason}' if reason else ''}. {one_of(TABLES, name)}"
        )
    return named


def type_in_words(type_: pa.DataType) -> str:
    """The type of a value, in words.

    >>> type_in_words(pa.int64()), type_in_words(INSTANT)
    ('a whole number', 'an instant')
    """
    if pa.types.is_list(type_):
        return "a list"
    words = {
        pa.string(): "text",
        pa.int64(): "a whole number",
        pa.float64(): "a number",
        pa.bool_(): "true or false",
        pa.date32(): "a date",
    }
    return words.get(type_, "an instant")


def is_instant(type_: pa.DataType) -> bool:
    return bool(type_ == INSTANT)
