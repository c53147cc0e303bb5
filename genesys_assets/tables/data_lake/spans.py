"""Presence and routing status of agents as the data lake extraction has them: each span once, as it was emitted last.

A span is known by user and start; while it goes on it has no end. What becomes of spans is declared in `tables.users`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from genesys_assets.tables.data_lake.newest import newest, together
from genesys_assets.tables.data_lake.schemas import PRESENCE, ROUTING_STATUS, SCHEMAS

_COLUMNS = {
    PRESENCE: {
        "userId": "user_id",
        "startTimestamp": "start_time",
        "endTimestamp": "end_time",
        "systemPresence": "system_presence",
        "organizationPresenceId": "organization_presence_id",
    },
    ROUTING_STATUS: {
        "userId": "user_id",
        "startTimestamp": "start_time",
        "endTimestamp": "end_time",
        "routingStatus": "routing_status",
    },
}


def spans(schema: str, files: Sequence[pa.Table]) -> pa.Table:
    """One row per span of `user-presence` or `agent-routing-status`, by user and start.

    `files` are rows as `decode` gives them, in the order in which the files were made. A column that no file has is
    null. Statuses are as the files write them.
    """
    known, columns = SCHEMAS[schema], _COLUMNS[schema]
    rows = newest(together(files), known)
    found = {
        name: rows[wire] if wire in rows.column_names else pa.nulls(len(rows), known.columns[wire].type)
        for wire, name in columns.items()
    }
    return pa.table(found).sort_by([("user_id", "ascending"), ("start_time", "ascending")])
