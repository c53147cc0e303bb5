"""The tables that a report may count from by itself: where they lie and which columns they have."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from genesys_assets.cloud.analytics.catalogue import DIMENSION_ALIASES
from genesys_assets.personal_data import PersonalData
from genesys_assets.reports.language.problems import one_of, quoted
from genesys_assets.tables.api_requests import API_REQUESTS
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS
from genesys_assets.tables.conversations.model import CONVERSATION_TABLES, CONVERSATIONS, snake_case
from genesys_assets.tables.personal import class_of
from genesys_assets.tables.snapshots import LIVE_CONVERSATIONS, LIVE_QUEUES
from genesys_assets.tables.spec import INSTANT, TableSpec

OF_CONVERSATION = "conversation."
"""Before the name of a column of the row's conversation."""


@dataclass(frozen=True, slots=True)
class Table:
    """A stored table; `time` is the instant that places its rows where the report names no other."""

    name: str
    spec: TableSpec
    place: str
    time: str

    @property
    def is_live(self) -> bool:
        """Whether it is added to all the time: a snapshot, or what runs asked. Other partitions are replaced."""
        return self.place.startswith("live/") or self.spec is API_REQUESTS

    @property
    def has_conversations(self) -> bool:
        """Whether its rows belong to conversations of the same partition."""
        return not self.is_live

    def column(self, name: str) -> str:
        """The column of a name: its own, the platform's or the tutorials'. Raises LookupError with the nearest."""
        own = self.spec.schema.names
        of_conversation = [OF_CONVERSATION + column for column in CONVERSATIONS.schema.names]
        known = [*own, *(of_conversation if self.has_conversations and self.spec is not CONVERSATIONS else ())]
        for tried in (name, snake_case(name), snake_case(DIMENSION_ALIASES.get(name, name))):
            if tried in known:
                return tried
        raise LookupError(f"{self.name} has no column {quoted(name)}. {one_of(known, name)}")

    def type(self, column: str) -> pa.DataType:
        return self._spec_of(column).schema.field(column.removeprefix(OF_CONVERSATION)).type

    def personal(self, column: str) -> PersonalData:
        """Whom the values of a column tell of."""
        return class_of(self._spec_of(column).name, column.removeprefix(OF_CONVERSATION))

    def _spec_of(self, column: str) -> TableSpec:
        return CONVERSATIONS if column.startswith(OF_CONVERSATION) else self.spec


def _tables() -> dict[str, Table]:
    days = [
        Table(spec.name, spec, f"tables/{spec.name}", "conversation_start")
        for spec in (*CONVERSATION_TABLES, INTERACTION_LEGS)
    ]
    live = [
        Table(f"live/{spec.name}", spec, f"live/{spec.name}", "observed_at")
        for spec in (LIVE_QUEUES, LIVE_CONVERSATIONS)
    ]
    asked = Table(API_REQUESTS.name, API_REQUESTS, f"tables/{API_REQUESTS.name}", "time")
    return {table.name: table for table in (*days, *live, asked)}


TABLES = _tables()
_ELSEWHERE = {
    "interval_metrics": "its figures are read by `aggregates`",
    "daily_metrics": "figures of a day are read by `aggregates` with granularity P1D",
}


def table(name: str) -> Table:
    """The table of a name. Raises LookupError with the nearest ones, or where its figures are read instead."""
    found = TABLES.get(name)
    if found is None:
        reason = _ELSEWHERE.get(name)
        raise LookupError(
            f"{quoted(name)} is no table to count from{f': {reason}' if reason else ''}. {one_of(TABLES, name)}"
        )
    return found


def said(type_: pa.DataType) -> str:
    """What a value of the type is, in words."""
    if pa.types.is_list(type_):
        return "a list"
    words = {pa.string(): "text", pa.int64(): "a whole number", pa.float64(): "a number", pa.bool_(): "true or false"}
    return words.get(type_, "an instant")


def is_instant(type_: pa.DataType) -> bool:
    return bool(type_ == INSTANT)
