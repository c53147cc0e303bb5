"""Live answers to snapshot tables. Observations carry no time of their own, so all rows of a snapshot are stamped with
one `observed_at`, of however many answers it was made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pyarrow as pa

from genesys_assets.tables.conversations.decode import UnreadablePage
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
activity_date instant since when
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
"""Which field of the answer each column is."""


def live_conversations(observed_at: datetime, bodies: Iterable[bytes]) -> pa.Table:
    """Rows of `LIVE_CONVERSATIONS`, each entity once."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for body in bodies:
        answer = _answer(body)
        for entity in [
            *_list(answer, "entities"),
            *(e for r in _list(answer, "results") for e in _list(r, "entities")),
        ]:
            row = {"observed_at": observed_at} | {name: entity.get(wire) for name, wire in ENTITY_FIELDS.items()}
            rows[tuple(row[name] for name in LIVE_CONVERSATIONS.key[1:])] = row
    loose = LIVE_CONVERSATIONS.schema.set(
        LIVE_CONVERSATIONS.schema.get_field_index("activity_date"), pa.field("activity_date", pa.string())
    )
    table = pa.Table.from_pylist(list(rows.values()), loose).cast(LIVE_CONVERSATIONS.schema)
    return table.sort_by([(name, "ascending") for name in LIVE_CONVERSATIONS.key])


def live_queues(observed_at: datetime, bodies: Iterable[bytes]) -> pa.Table:
    """Rows of `LIVE_QUEUES`."""
    rows = []
    for body in bodies:
        for result in _list(_answer(body), "results"):
            group = result.get("group") or {}
            for observed in _list(result, "data"):
                qualifier = observed.get("qualifier")
                rows.append(
                    {
                        "observed_at": observed_at,
                        "group_key": group_key(group, qualifier),
                        "queue_id": group.get("queueId"),
                        "media_type": group.get("mediaType"),
                        "metric": observed.get("metric"),
                        "qualifier": qualifier,
                        "count": (observed.get("stats") or {}).get("count"),
                    }
                )
    table = pa.Table.from_pylist(rows, LIVE_QUEUES.schema)
    return table.sort_by([(name, "ascending") for name in LIVE_QUEUES.key])


def _answer(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise UnreadablePage(f"the live answer is not JSON ({error})") from error
    if not isinstance(answer, dict):
        raise UnreadablePage(f"the live answer is a JSON {type(answer).__name__}, not an object")
    return answer


def _list(holder: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [item for item in holder.get(name) or () if item is not None]
