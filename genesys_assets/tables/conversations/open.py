"""The register of open conversations: which ones are in progress, for how long, and in which queue."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.tables.spec import INSTANT, TableSpec, columns

OPEN_CONVERSATIONS = TableSpec(
    "open_conversations",
    "One row per conversation that had not ended when its day was last read.",
    ("conversation_id",),
    columns("""
conversation_id string the conversation
conversation_start instant when it began
media_type string its media type
open_days integer whole days since it began
last_activity instant latest start of one of its sessions
queue_id string queue of that session
user_id string user of that session
"""),
)

_DAY_MS = 24 * 3600 * 1000


def open_conversations(conversations: pa.Table, sessions: pa.Table, as_of: datetime) -> pa.Table:
    """Rows of `OPEN_CONVERSATIONS`, from open conversations and all their sessions. Ages count up to `as_of`."""
    latest = sessions.filter(pc.is_valid(sessions["session_start"])).sort_by(
        [("conversation_id", "ascending"), ("session_start", "ascending")]
    )
    last_of_each = latest.group_by("conversation_id", use_threads=False).aggregate(
        [
            (name, "last", pc.ScalarAggregateOptions(skip_nulls=False))
            for name in ("session_start", "queue_id", "user_id")
        ]
    )
    position = pc.index_in(conversations["conversation_id"], last_of_each["conversation_id"])
    began = conversations["conversation_start"]
    age = pc.subtract(pa.scalar(as_of, INSTANT).cast(pa.int64()), began.cast(pa.int64()))
    table = pa.table(
        {
            "conversation_id": conversations["conversation_id"],
            "conversation_start": began,
            "media_type": conversations["media_type"],
            "open_days": pc.divide(age, _DAY_MS),
            "last_activity": last_of_each["session_start_last"].take(position),
            "queue_id": last_of_each["queue_id_last"].take(position),
            "user_id": last_of_each["user_id_last"].take(position),
        }
    )
    return OPEN_CONVERSATIONS.conform(table).sort_by(
        [("conversation_start", "ascending"), ("conversation_id", "ascending")]
    )
