"""The log of a table that has a past: one small commit a day, and few commits for the older days. Their data files do
not exist.

The benchmarks read only these logs, so data files would cost time and add nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pyarrow as pa

from benchmarks.stored_day import DAILY_PAGES, DAY, PAGES
from genesys_assets.lake.column_types import at_rest
from genesys_assets.lake.delta import AddedFile, DeltaLog, new_path
from genesys_assets.lake.files import PAGES as PAGES_SPEC
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import hours_of
from genesys_assets.tables.conversations.day import DAY_TABLES

_CONTENT = "0" * 32
_ROWS, _BYTES = 1_000, 100_000
_COMMITS_OF_OLDER = 30
"""A multiple of the commits between checkpoints: what comes after a checkpoint is not changed by them."""


def add_days(lake: Lake, count: int, older: int = 0) -> None:
    """Add days to the tables of conversations and to their pages: `count` days before the benchmarks' day, and `older`
    days before those, in 30 commits.
    """
    days = [f"{date.fromisoformat(DAY) - timedelta(days=back)}" for back in range(count + older, 0, -1)]
    at_once = [days[:older][number::_COMMITS_OF_OLDER] for number in range(_COMMITS_OF_OLDER if older else 0)]
    hourly, daily = lake.log(PAGES), lake.log(DAILY_PAGES)
    tables = {spec.name: at_rest(spec.schema, spec.name) for spec in DAY_TABLES}
    logs = {name: lake.log(f"tables/{name}") for name in tables}
    pages = at_rest(PAGES_SPEC.schema, PAGES_SPEC.name)
    for some in [*at_once, *([day] for day in days[older:])]:
        commit(hourly, pages, [hour for day in some for hour in hours_of(day)])
        commit(daily, pages, some)
        for name, schema in tables.items():
            commit(logs[name], schema, some)


def commit(log: DeltaLog, schema: pa.Schema, keys: Sequence[str]) -> None:
    """One commit with a file for each key."""
    added = [AddedFile(key, new_path(key, _CONTENT), _BYTES, _ROWS) for key in keys]
    readings = {key: {"rows_after": _ROWS, "first": True} for key in keys}
    log.commit(schema, added, [], {"readings": readings}, dict.fromkeys(keys, 1), on_top_of=log.version)
