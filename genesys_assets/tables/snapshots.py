"""Live answers to snapshot tables. The answers carry no time, so all rows of a snapshot have the same `observed_at`,
even if it was made of several answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa

from genesys_assets.tables import stored_answers
from genesys_assets.tables.metrics.decode_arrow import group_key
from genesys_assets.tables.spec import TableSpec, columns

LIVE_CONVERSATIONS = TableSpec(
    "conversations",
    "One row per conversation session waiting, alerting or interacting in a queue when it was observed. "
    "Source: POST /api/v2/analytics/conversations/activity/query.",
    ("observed_at", "conversation_id", "session_id", "metric"),
    columns("""
observed_at instant when the snapshot was complete: its last answer was received
conversation_id string the conversation
session_id string the session
metric string oWaiting, oAlerting or oInteracting
activity_date instant when the session began to wait, alert or interact
queue_id string queue
user_id string agent
media_type string media type
direction string inbound or outbound
participant_name string name of the participant
ani string caller's number
dnis string number dialled
"""),
)
LIVE_QUEUES = TableSpec(
    "queues",
    "One row per queue, media type, metric and qualifier when it was observed. "
    "Source: POST /api/v2/analytics/queues/observations/query.",
    ("observed_at", "group_key", "metric"),
    columns("""
observed_at instant when the snapshot was complete: its last answer was received
group_key string the group, and the metric's qualifier if it has one, as JSON with sorted keys
queue_id string queue
media_type string media type; null for figures about users
metric string the observed metric
qualifier string routing status, or presence id
count integer how many
"""),
)

ENTITY_FIELDS = {
    "conversation_id": "conversationId",
    "session_id": "sessionId",
    "metric": "metric",
    "activity_date": "activityDate",
    "queue_id": "queueId",
    "user_id": "userId",
    "media_type": "mediaType",
    "direction": "direction",
    "participant_name": "participantName",
    "ani": "ani",
    "dnis": "dnis",
}
"""The field of the answer for each column."""
_PAGE = "a live answer"


def live_conversations(observed_at: datetime, bodies: Iterable[bytes]) -> pa.Table:
    """Rows of `LIVE_CONVERSATIONS`, each entity once. Raises UnreadablePage."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for body in bodies:
        answer = stored_answers.fields(body, _PAGE)
        for holder in (answer, *answer.objects("results")):
            for entity in holder.objects("entities"):
                row = {"observed_at": observed_at} | {name: entity.value(wire) for name, wire in ENTITY_FIELDS.items()}
                rows[tuple(entity.text(ENTITY_FIELDS[name]) for name in LIVE_CONVERSATIONS.key[1:])] = row
    return _table(LIVE_CONVERSATIONS, list(rows.values()))


def live_queues(observed_at: datetime, bodies: Iterable[bytes]) -> pa.Table:
    """Rows of `LIVE_QUEUES`. Raises UnreadablePage."""
    return _table(LIVE_QUEUES, [row for body in bodies for row in _observations(observed_at, body)])


def _observations(observed_at: datetime, body: bytes) -> Iterator[dict[str, Any]]:
    for result in stored_answers.fields(body, _PAGE).objects("results"):
        group = result.object("group")
        for observed in result.objects("data"):
            qualifier = observed.text("qualifier")
            yield {
                "observed_at": observed_at,
                "group_key": group_key(group.values, qualifier),
                "queue_id": group.value("queueId"),
                "media_type": group.value("mediaType"),
                "metric": observed.value("metric"),
                "qualifier": qualifier,
                "count": observed.object("stats").value("count"),
            }


def _table(spec: TableSpec, rows: list[dict[str, Any]]) -> pa.Table:
    table = stored_answers.table(rows, spec.schema, _PAGE)
    return table.sort_by([(name, "ascending") for name in spec.key])
