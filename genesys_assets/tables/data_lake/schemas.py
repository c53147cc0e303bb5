"""The schemas of the data lake extraction: which columns are known, and what they become.

Names are those of the conversation model; for keys and times those of a public reader of the files
(https://github.com/mcphee11/genesys-cloud-data-lake). The platform documents neither, so a setting can say what a
column of your files is called (`Names`). Unknown columns stay in the stored files and are counted.
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
"""The column that says when a row was emitted: of rows with the same key the latest counts."""


@dataclass(frozen=True, slots=True)
class KnownColumn:
    """A known column: its type, and the table and column whose class of personal data it has (see `personal.class_of`):
    the column that it becomes, if there is one.
    """

    type: pa.DataType
    table: str
    column: str


@dataclass(frozen=True, slots=True)
class Schema:
    """One schema. `aliases`: names in the files, with the names of the model. `required`: columns that a file must
    have.

    Of rows with equal `key`, the last one counts or, with `keeps_equals`, all rows of the last emission: a metric may
    be emitted twice in one millisecond. `event_time`: a column by which rows with equal `updateTimestamp`, or without
    one, are ordered before the order of files counts.
    """

    name: str
    columns: Mapping[str, KnownColumn]
    key: tuple[str, ...]
    required: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    keeps_equals: bool = False
    event_time: str | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """For each schema the names of columns in the files, with the names that are known here."""

    renamed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Names:
        """Parses a text such as `segments.segmentStartTime=segmentStart, …`. Raises ValueError.

        >>> Names.parse("segments.begin=segmentStart").renamed
        {'segments': {'begin': 'segmentStart'}}
        """
        renamed: dict[str, dict[str, str]] = {}
        for part in filter(None, (each.strip() for each in text.split(","))):
            left_side, equals, known = (each.strip() for each in part.partition("="))
            schema, dot, column = left_side.partition(".")
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


def _columns_of(table: str, **columns: tuple[str, pa.DataType]) -> dict[str, KnownColumn]:
    return {name: KnownColumn(type_, table, column) for name, (column, type_) in columns.items()}


_TEXT = pa.string()
_EVERYWHERE = _columns_of("conversations", updateTimestamp=("as_of", INSTANT), organizationId=("division_id", _TEXT))
_OF_CONVERSATION = _EVERYWHERE | _columns("conversations", model.CONVERSATION[:2])
_OF_SESSION = (
    _OF_CONVERSATION
    | _columns("participants", model.PARTICIPANT)
    | _columns("sessions", model.SESSION)
    | _columns("sessions", model.FLOW)
    | _columns("segments", model.SEGMENT)
    | _columns_of("segments", segmentId=("session_id", _TEXT))
)
_OF_METRIC = _OF_SESSION | _columns("session_metrics", model.METRIC)
_OF_SPAN = _EVERYWHERE | _columns_of(
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
                | _columns_of("participant_attributes", eventTime=("event_time", INSTANT)),
                key=("conversationId", "participantId", "name"),
                required=("conversationId", "participantId", "name", "value"),
                aliases={"attributeName": "name", "attributeValue": "value"},
                event_time="eventTime",
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
                | _columns_of(
                    "users",
                    systemPresence=("state", _TEXT),
                    organizationPresenceId=("division_id", _TEXT),
                ),
                key=("userId", "startTimestamp"),
                required=("userId", "startTimestamp", "systemPresence"),
            ),
            Schema(
                ROUTING_STATUS,
                _OF_SPAN | _columns_of("users", routingStatus=("state", _TEXT)),
                key=("userId", "startTimestamp"),
                required=("userId", "startTimestamp", "routingStatus"),
            ),
        )
    }
)

OF_CONVERSATIONS = (CONVERSATIONS, SEGMENTS, ATTRIBUTES, METRICS, FLOW_METRICS)
"""The schemas from which conversations are made."""
NEEDED = (CONVERSATIONS, SEGMENTS, METRICS)
"""The schemas without which a day's conversations would lack figures."""
