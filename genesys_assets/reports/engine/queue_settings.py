"""Looks up the service level settings of each group's queue and media type: see `tables.service_levels`."""

from __future__ import annotations

import hashlib
from datetime import datetime

import pyarrow as pa

from genesys_assets.lake.lake import Lake
from genesys_assets.reports.language.model import QueueSetting
from genesys_assets.tables.service_levels import SERVICE_LEVELS_HISTORY, Level, levels_at

PLACE = f"reference/{SERVICE_LEVELS_HISTORY.name}"
_NOTHING = Level(None, None)


def queue_settings(setting: QueueSetting, groups: pa.Table, lake: Lake, at: datetime) -> pa.ChunkedArray:
    """The setting of each group as it was just before an instant; null if that is unknown. `groups` has the columns
    `queue_id` and `media_type`.
    """
    known = _levels(lake, at)
    pairs = zip(groups["queue_id"].to_pylist(), groups["media_type"].to_pylist(), strict=True)
    levels = [known.get(pair, _NOTHING) for pair in pairs]
    if setting == "service_level_target":
        return pa.chunked_array([pa.array([level.target for level in levels], pa.float64())])
    return pa.chunked_array([pa.array([level.threshold_ms for level in levels], pa.int64())])


def content(lake: Lake, at: datetime) -> str:
    """Identifies all settings as they were just before an instant."""

    def read() -> str:
        return hashlib.sha256(repr(sorted(_levels(lake, at).items())).encode()).hexdigest()

    return lake.once(("settings", at), PLACE, None, read)


def _levels(lake: Lake, at: datetime) -> dict[tuple[str, str], Level]:
    return levels_at(lake.read(PLACE, None, schema=SERVICE_LEVELS_HISTORY.schema), at)
