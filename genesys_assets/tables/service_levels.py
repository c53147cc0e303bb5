"""Service levels over time: the settings of each queue and media type, and since when. The platform keeps no history of
settings, so this history is made from its listings, as in `names`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa

from genesys_assets.tables.names import changed_at
from genesys_assets.tables.spec import TableSpec, columns

SERVICE_LEVELS_HISTORY = TableSpec(
    "service_levels_history",
    "One row per queue, media type and span of time with one service level.",
    ("queue_id", "media_type", "valid_from"),
    columns("""
queue_id string the queue
media_type string the media type
valid_from instant when it was set; for the first known one, when the queue was last changed before it was seen
valid_to instant when it ended, exclusive; null for the present one
service_level_target number share of interactions to answer in time, 0 to 1
service_level_threshold_ms integer that time in milliseconds
"""),
)
_MEDIA_TYPES: dict[str, str] = {"call": "voice"}
"""The name that a media type has everywhere else, by its name in queue settings, if the two differ."""


class Level(NamedTuple):
    """The share of interactions to answer in time, 0 to 1, and that time in milliseconds; None if not set."""

    target: float | None
    threshold_ms: int | None


def service_levels_history(queues: pa.Table, before: pa.Table | None, seen_at: datetime) -> pa.Table:
    """The history `before`, continued to `seen_at`, when the queues were listed: a changed level ends the row of the
    earlier one and begins a new row.

    A change counts from the instant at which the platform says the queue was changed (`date_modified`), else from when
    it was seen.
    """
    rows: list[dict[str, Any]] = [] if before is None else before.to_pylist()
    present = {(row["queue_id"], row["media_type"]): row for row in rows if row["valid_to"] is None}
    for queue in queues.to_pylist():
        if queue["media_settings"] is None:
            continue
        levels = dict(_levels(queue["media_settings"]))
        media_before = {media for id_, media in present if id_ == queue["id"]}
        for media in sorted(media_before | levels.keys()):
            level, last_row = levels.get(media), present.get((queue["id"], media))
            if last_row is not None and level == Level(
                last_row["service_level_target"], last_row["service_level_threshold_ms"]
            ):
                continue
            since = changed_at(queue["date_modified"], last_row["valid_from"] if last_row else None, seen_at)
            if last_row is not None:
                last_row["valid_to"] = since
            if level is not None:
                rows.append(_row(queue["id"], media, since, level))
    order = [(name, "ascending") for name in SERVICE_LEVELS_HISTORY.key]
    return pa.Table.from_pylist(rows, SERVICE_LEVELS_HISTORY.schema).sort_by(order)


def levels_at(history: pa.Table, at: datetime) -> dict[tuple[str, str], Level]:
    """The levels just before an instant, by queue and media type. A level that was not known yet then is absent."""
    return {
        (row["queue_id"], row["media_type"]): Level(row["service_level_target"], row["service_level_threshold_ms"])
        for row in history.to_pylist()
        if row["valid_from"] < at and (row["valid_to"] is None or row["valid_to"] >= at)
    }


def _row(queue: str, media: str, since: datetime, level: Level) -> dict[str, Any]:
    return {
        "queue_id": queue,
        "media_type": media,
        "valid_from": since,
        "valid_to": None,
        "service_level_target": level.target,
        "service_level_threshold_ms": level.threshold_ms,
    }


def _levels(settings: str) -> Iterator[tuple[str, Level]]:
    """The levels in a queue's settings, by media type; settings of another form are skipped."""
    media: Any = json.loads(settings)
    for name, each in media.items() if isinstance(media, dict) else ():
        level = each.get("serviceLevel") if isinstance(each, dict) else None
        if isinstance(level, dict):
            target, threshold = (_number(level.get(field)) for field in ("percentage", "durationMs"))
            whole = None if threshold is None or threshold != int(threshold) else int(threshold)
            if target is not None or whole is not None:
                yield str(_MEDIA_TYPES.get(name, name)), Level(target, whole)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
