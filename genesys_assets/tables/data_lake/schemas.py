"""The schemas of the data lake extraction: which columns are known, and what they become.

Names are those of the conversation model, and of a public reader of the files for keys and times
(https://github.com/mcphee11/genesys-cloud-data-lake). The platform documents neither: `Names` lets somebody say what a
column of their files is called. Columns that stand nowhere here are kept in the stored files and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import pyarrow as pa

from genesys_assets.tables.conversations import model
from genesys_assets.tables.spec import INSTANT

CONVERSATIONS = "conversations"
SEGMENTS = "segments"
ATTRIBUTES = "participant-attributes"
METRICS = "conversation-metrics"
FLOW_METRICS = "flow-metrics"
PRESENCE = "user-presence"
ROUTING_STATUS = "agent-routing-status"

UPDATED = "updateTimestamp"
"""When a row was emitted: of rows that are of the same thing the one with the latest counts."""


@dataclass(frozen=True, slots=True)
class KnownColumn:
    """A known column: its type, and the column of our tables that it becomes, which says how personal it is."""

    type: pa.DataType
    table: str
    column: str


@dataclass(frozen=True, slots=True)
class Schema:
    """One schema. `aliases` are names of the files for names of the model; `required` columns a file must have.

    `key` tells rows apart. Of rows with equal keys those of the last emission count: all of them where
    `keeps_equals`, for a metric may be emitted twice in one millisecond.
    """

    name: str
    columns: Mapping[str, KnownColumn]
    key: tuple[str, ...]
    required: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    keeps_equals: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """What columns of files are called by the name that is known here, by schema."""

    renamed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Names:
        """`segments.segmentStartTime=segmentStart, …`. Raises ValueError.

        >>> Names.parse("segments.begin=segmentStart").renamed
        {'segments': {'begin': 'segmentStart'}}
        """
        renamed: dict[str, dict[str, str]] = {}
        for part in filter(None, (each.strip() for each in text.split(","))):
            told, equals, known = (each.strip() for each in part.partition("="))
            schema, dot, column = told.partition(".")
            if not equals or not dot or not column or schema not in SCHEMAS or known not in SCHEMAS[schema].columns:
                raise ValueError(
                    f"{part!r} is not schema.column=known column: schemas are {', '.join(SCHEMAS)}; known columns are "
                    "those of docs/data_lake.md"
                )
            renamed.setdefault(schema, {})[column] = known
        return cls(renamed)

    def of(self, schema: Schema, column: str) -> str:
        """The known name of a column of a file."""
        return self.renamed.get(schema.name, {}).get(column) or schema.aliases.get(column, column)


def _columns(table: str, fields: Iterable[model.Field]) -> dict[str, KnownColumn]:
    return {each.wire: KnownColumn(each.type, table, each.column) for each in fields}


def _at_rest(table: str, **columns: tuple[str, pa.DataType]) -> dict[str, KnownColumn]:
    return {name: KnownColumn(type_, table, column) for name, (column, type_) in columns.items()}


_TEXT = pa.string()
_EVERYWHERE = _at_rest("conversations", updateTimestamp=("as_of", INSTANT), organizationId=("division_id", _TEXT))
_OF_CONVERSATION = _EVERYWHERE | _columns("conversations", model.CONVERSATION[:2])
_OF_SESSION = (
    _OF_CONVERSATION
    | _columns("participants", model.PARTICIPANT)
    | _columns("sessions", model.SESSION)
    | _columns("sessions", model.FLOW)
    | _columns("segments", model.SEGMENT)
    | _at_rest("segments", segmentId=("session_id", _TEXT))
)
_OF_METRIC = _OF_SESSION | _columns("session_metrics", model.METRIC)
_OF_SPAN = _EVERYWHERE | _at_rest(
    "users",
    userId=("user_id", _TEXT),
    startTimestamp=("valid_from", INSTANT),
    endTimestamp=("valid_to", INSTANT),
)
_METRIC_ALIASES = {"metricName": "name", "metricTimestamp": "emitDate", "metricValue": "value"}
_METRIC_KEY = ("conversationId", "sessionId", "name", "emitDate")

SCHEMAS: Mapping[str, Schema] = MappingProxyType(
    {
        schema.name: schema
        for schema in (
            Schema(
                CONVERSATIONS,
                _EVERYWHERE | _columns("conversations", model.CONVERSATION),
                key=("conversationId",),
                required=("conversationId", "conversationStart"),
            ),
            Schema(
                SEGMENTS,
                _OF_SESSION,
                key=("conversationId", "participantId", "sessionId", "segmentId"),
                required=("conversationId", "participantId", "sessionId", "segmentId", "segmentType", "segmentStart"),
            ),
            Schema(
                ATTRIBUTES,
                _OF_CONVERSATION
                | _columns("participants", model.PARTICIPANT)
                | _columns("participant_attributes", model.ATTRIBUTE)
                | _at_rest("participant_attributes", eventTime=("event_time", INSTANT)),
                key=("conversationId", "participantId", "name"),
                required=("conversationId", "participantId", "name", "value"),
                aliases={"attributeName": "name", "attributeValue": "value"},
            ),
            Schema(
                METRICS,
                _OF_METRIC,
                key=_METRIC_KEY,
                required=(*_METRIC_KEY, "value"),
                aliases=_METRIC_ALIASES,
                keeps_equals=True,
            ),
            Schema(
                FLOW_METRICS,
                _OF_METRIC,
                key=_METRIC_KEY,
                required=(*_METRIC_KEY, "value"),
                aliases=_METRIC_ALIASES,
                keeps_equals=True,
            ),
            Schema(
                PRESENCE,
                _OF_SPAN
                | _at_rest(
                    "users",
                    systemPresence=("state", _TEXT),
                    organizationPresenceId=("division_id", _TEXT),
                ),
                key=("userId", "startTimestamp"),
                required=("userId", "startTimestamp", "systemPresence"),
            ),
            Schema(
                ROUTING_STATUS,
                _OF_SPAN | _at_rest("users", routingStatus=("state", _TEXT)),
                key=("userId", "startTimestamp"),
                required=("userId", "startTimestamp", "routingStatus"),
            ),
        )
    }
)

OF_CONVERSATIONS = (CONVERSATIONS, SEGMENTS, ATTRIBUTES, METRICS, FLOW_METRICS)
"""The schemas that conversations are made of."""
NEEDED = (CONVERSATIONS, SEGMENTS, METRICS)
"""Those without which a day's conversations would lack figures."""
