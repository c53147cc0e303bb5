"""Declares the tables of conversations: one for each level of the nesting, with the fields of `model` as columns.

Only declarations are here. `explode` turns nested data into these tables.
"""

from __future__ import annotations

from genesys_assets.tables.conversations.model import (
    ATTRIBUTE,
    CONVERSATION,
    EVALUATION,
    FLOW,
    FLOW_OUTCOME,
    MEDIA_ENDPOINT_STAT,
    METRIC,
    PARTICIPANT,
    RESOLUTION,
    SEGMENT,
    SESSION,
    SURVEY,
    Field,
)
from genesys_assets.tables.sources import SOURCE
from genesys_assets.tables.spec import Column, TableSpec, columns


def _columns(fields: tuple[Field, ...]) -> tuple[Column, ...]:
    return tuple(Column(field.column, field.type, field.description) for field in fields)


CONVERSATION_KEYS = columns("""
conversation_id string the conversation
conversation_start instant when the conversation began; its UTC date is the partition
""")
PARTICIPANT_KEYS = columns("""
participant_id string the participant
""")
PARTICIPANT_ORDINAL = columns("""
participant_ordinal integer `ordinal` of the participant
""")
SESSION_KEYS = columns("""
session_id string the session
""")
SESSION_ORDINAL = columns("""
session_ordinal integer `ordinal` of the session
""")
ORDINAL = columns("""
ordinal integer 0, 1, 2 … in the order the platform lists them
""")
SESSION_CONTEXT = columns("""
purpose string the participant's role
user_id string the user, where the participant is one
media_type string media type of the session
queue_id string the session's queue: that of its last segment that has one
""")


def _table(
    name: str,
    description: str,
    key: tuple[str, ...],
    *groups: tuple[Column, ...],
    expected: tuple[str, ...] = (),
    version: int = 1,
) -> TableSpec:
    return TableSpec(
        name,
        description,
        key,
        sum(groups, ()),
        partition_column="conversation_start",
        null_in_key=tuple(column for column in key if column in _NULLABLE_KEYS),
        expected=expected,
        version=version,
    )


_NULLABLE_KEYS = ("participant_id", "session_id", "metric", "emit_date", "evaluation_id", "survey_id")
"""Columns of keys that the platform may leave out: it may leave out every field except a conversation's id and start.
An ordinal in the key distinguishes rows that lack an id or repeat one.
"""

_SESSION = ("conversation_id", "participant_id", "session_id")
_OF_SESSION = (*_SESSION, "session_ordinal")


def _among_equals(ids: str) -> tuple[Column, ...]:
    return columns(f"ordinal integer 0, 1, 2 … among equal {ids} of the conversation; mostly 0")


CONVERSATIONS = _table(
    "conversations",
    "One row per conversation that started on the partition's UTC day.",
    ("conversation_id",),
    _columns(CONVERSATION),
    columns("""
is_complete boolean whether the conversation has ended
duration_ms integer conversationEnd - conversationStart; null while in progress
media_type string media type of its earliest customer or external session, else of its earliest session
"""),
    SOURCE,
    version=2,
)
PARTICIPANTS = _table(
    "participants",
    "One row per participant of a conversation: customer, flow, queue or agent. Each agent who is rung is one.",
    ("conversation_id", "participant_id", "ordinal"),
    CONVERSATION_KEYS,
    _columns(PARTICIPANT),
    _among_equals("participant_id"),
    expected=("participant_id", "purpose"),
    version=2,
)
PARTICIPANT_ATTRIBUTES = _table(
    "participant_attributes",
    "One row per attribute of a participant. The details query does not return them: a day that was read only by "
    "the hour has none.",
    ("conversation_id", "participant_id", "participant_ordinal", "name"),
    CONVERSATION_KEYS,
    PARTICIPANT_KEYS,
    PARTICIPANT_ORDINAL,
    _columns(ATTRIBUTE),
    columns("is_truncated boolean whether name or value may have been cut by the platform"),
    version=2,
)
SESSIONS = _table(
    "sessions",
    "One row per session of a participant, with the flow that ran in it (flow_ columns).",
    (*_SESSION, "ordinal"),
    CONVERSATION_KEYS,
    PARTICIPANT_KEYS,
    _columns(SESSION[:1]),
    _among_equals("participant_id and session_id"),
    PARTICIPANT_ORDINAL,
    columns("""
purpose string the participant's role
user_id string the user, where the participant is one
queue_id string the session's queue: that of its last segment that has one
session_start instant start of its first segment
session_end instant end of its last segment; null while a segment is open
"""),
    _columns(SESSION[1:]),
    _columns(FLOW),
    expected=("session_id", "media_type"),
    version=2,
)
SEGMENTS = _table(
    "segments",
    "One row per segment of a session, in the platform's order.",
    (*_OF_SESSION, "ordinal"),
    CONVERSATION_KEYS,
    PARTICIPANT_KEYS,
    SESSION_KEYS,
    SESSION_ORDINAL,
    ORDINAL,
    columns("""
purpose string the participant's role
user_id string the user, where the participant is one
media_type string media type of the session
session_queue_id string the session's queue: that of its last segment that has one
"""),
    _columns(SEGMENT),
    columns("duration_ms integer segmentEnd - segmentStart; null while open"),
    expected=("segment_type", "segment_start"),
    version=2,
)
SESSION_METRICS = _table(
    "session_metrics",
    "One row per metric that a session emitted. A metric may be emitted more than once, even in the same millisecond: "
    "`ordinal` distinguishes those.",
    (*_OF_SESSION, "metric", "emit_date", "ordinal"),
    CONVERSATION_KEYS,
    PARTICIPANT_KEYS,
    SESSION_KEYS,
    SESSION_ORDINAL,
    SESSION_CONTEXT,
    _columns(METRIC),
    columns("ordinal integer 0, 1, 2 … among equal metric and emit_date of the session"),
    expected=("metric", "emit_date", "value"),
    version=2,
)
MEDIA_ENDPOINT_STATS = _table(
    "media_endpoint_stats",
    "One row per audio quality report of a session.",
    (*_OF_SESSION, "ordinal"),
    CONVERSATION_KEYS,
    PARTICIPANT_KEYS,
    SESSION_KEYS,
    SESSION_ORDINAL,
    ORDINAL,
    _columns(MEDIA_ENDPOINT_STAT),
    version=2,
)
FLOW_OUTCOMES = _table(
    "flow_outcomes",
    "One row per outcome that a session's flow reached.",
    (*_OF_SESSION, "ordinal"),
    CONVERSATION_KEYS,
    PARTICIPANT_KEYS,
    SESSION_KEYS,
    SESSION_ORDINAL,
    ORDINAL,
    columns("flow_id string the flow"),
    _columns(FLOW_OUTCOME),
    expected=("flow_outcome_id",),
    version=2,
)
EVALUATIONS = _table(
    "evaluations",
    "One row per evaluation of a conversation.",
    ("conversation_id", "evaluation_id", "ordinal"),
    CONVERSATION_KEYS,
    _columns(EVALUATION),
    _among_equals("evaluation_id"),
    expected=("evaluation_id",),
    version=2,
)
SURVEYS = _table(
    "surveys",
    "One row per survey of a conversation.",
    ("conversation_id", "survey_id", "ordinal"),
    CONVERSATION_KEYS,
    _columns(SURVEY),
    _among_equals("survey_id"),
    expected=("survey_id",),
    version=2,
)
RESOLUTIONS = _table(
    "resolutions",
    "One row per resolution of a conversation.",
    ("conversation_id", "ordinal"),
    CONVERSATION_KEYS,
    ORDINAL,
    _columns(RESOLUTION),
)

CONVERSATION_TABLES: tuple[TableSpec, ...] = (
    CONVERSATIONS,
    PARTICIPANTS,
    PARTICIPANT_ATTRIBUTES,
    SESSIONS,
    SEGMENTS,
    SESSION_METRICS,
    MEDIA_ENDPOINT_STATS,
    FLOW_OUTCOMES,
    EVALUATIONS,
    SURVEYS,
    RESOLUTIONS,
)
