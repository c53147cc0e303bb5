"""Dagster's SQLite databases, opened once in a process.

Normally Dagster opens them again for each statement, and compiles each statement again. That is nine tenths of the cost
of a tick without a run.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from dagster._core.storage.event_log import sql_event_log
from dagster._core.storage.event_log.sqlite import consolidated_sqlite_event_log, sqlite_event_log
from dagster._core.storage.runs import sql_run_storage
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules import sql_schedule_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage

_engines: dict[str, sa.Engine] = {}

SETTINGS = """
run_storage: {{module: dagster._core.storage.runs, class: SqliteRunStorage, config: {{base_dir: "{home}"}}}}
event_log_storage:
  module: dagster._core.storage.event_log
  class: ConsolidatedSqliteEventLogStorage
  config: {{base_dir: "{home}"}}
compute_logs: {{module: dagster._core.storage.noop_compute_log_manager, class: NoOpComputeLogManager}}
schedule_storage:
  module: dagster._core.storage.schedules
  class: SqliteScheduleStorage
  config: {{base_dir: "{home}"}}
"""
"""For dagster.yaml. The events of all runs are in one database. What runs print is not kept: it costs two processes."""


_KEPT = 4096


def one_engine_each() -> None:
    """Rows that were read before are not parsed again: runs and states of sensors never change in memory."""
    for module in (sql_run_storage, sql_schedule_storage, sql_event_log):
        if not hasattr(module.deserialize_value, "cache_info"):
            module.deserialize_value = lru_cache(_KEPT)(module.deserialize_value)  # type: ignore[attr-defined]
    for module in (consolidated_sqlite_event_log, sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
        module.create_engine = _engine  # type: ignore[attr-defined]


def _engine(address: str, **options: Any) -> sa.Engine:
    if address not in _engines:
        options.pop("poolclass", None)
        _engines[address] = sa.create_engine(address, **options)
        sa.event.listen(_engines[address], "connect", _without_waiting_for_the_disk)
    return _engines[address]


def _without_waiting_for_the_disk(connection: Any, _: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")
