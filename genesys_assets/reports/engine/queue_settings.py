"""What is set for a queue and media type: the target of its service level, and the time to answer in.

The platform keeps no history of settings. The listing says when each queue was changed last: what is set now was set at
an instant only if nobody has changed the queue since. Else it is unknown.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pyarrow as pa

from genesys_assets.lake.lake import Lake
from genesys_assets.reports.language.model import QueueSetting
from genesys_assets.tables.entities import ENTITIES

_QUEUES = ENTITIES["queues"]
_CALLED = {"voice": "call"}
"""What settings call a media type, where it is not the type itself."""
_FIELDS: dict[QueueSetting, tuple[str, pa.DataType]] = {
    "service_level_target": ("percentage", pa.float64()),
    "service_level_threshold": ("durationMs", pa.int64()),
}


def queue_settings(setting: QueueSetting, groups: pa.Table, lake: Lake, at: datetime) -> pa.ChunkedArray:
    """The setting for the queue and media type of each group as it was at an instant; null where that is unknown."""
    known = _levels(lake, at)
    field, type_ = _FIELDS[setting]
    pairs = zip(groups["queue_id"].to_pylist(), groups["media_type"].to_pylist(), strict=True)
    values = [_number(known.get(queue, {}).get(_CALLED.get(media, media)), field) for queue, media in pairs]
    return pa.chunked_array([pa.array(values, type_)])


def _levels(lake: Lake, at: datetime) -> dict[str, dict[str, Any]]:
    """The service levels of each queue that was not changed since, by what settings call a media type."""
    rows = lake.read(f"reference/{_QUEUES.name}", None, schema=_QUEUES.schema).to_pylist()
    unchanged = [row for row in rows if row["media_settings"] and row["date_modified"] and row["date_modified"] <= at]
    return {row["id"]: _of_media(json.loads(row["media_settings"])) for row in unchanged}


def _of_media(settings: Any) -> dict[str, Any]:
    media = settings if isinstance(settings, dict) else {}
    return {name: each.get("serviceLevel") for name, each in media.items() if isinstance(each, dict)}


def _number(level: Any, field: str) -> int | float | None:
    value = level.get(field) if isinstance(level, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if field != "durationMs" or value == int(value) else None
