"""What Dagster works out each time though it is always the same: here it does so once. What comes of it is the same.

And events that nothing reads here: they are not stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg
from dagster import DagsterEventType
from dagster._config.pythonic_config import resource
from dagster._core.storage.event_log.sqlite import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage

_SHAPE = {
    ConsolidatedSqliteEventLogStorage: ("has_table", "_has_asset_key_col_on_connection"),
    SqliteRunStorage: ("has_built_index",),
    SqliteScheduleStorage: (
        *("_has_instigators_table", "_has_asset_daemon_asset_evaluations_table"),
        *("has_built_index", "has_secondary_index_table"),
    ),
}
"""Methods that ask a database which tables and columns it has."""

UNREAD = {
    *(DagsterEventType.ENGINE_EVENT, DagsterEventType.LOGS_CAPTURED),
    *(DagsterEventType.RESOURCE_INIT_STARTED, DagsterEventType.RESOURCE_INIT_SUCCESS),
    *(DagsterEventType.STEP_START, DagsterEventType.STEP_INPUT, DagsterEventType.STEP_OUTPUT),
    *(DagsterEventType.STEP_SUCCESS, DagsterEventType.LOADED_INPUT, DagsterEventType.HANDLED_OUTPUT),
    *(DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED, DagsterEventType.ASSET_CHECK_EVALUATION),
}
"""Events that only the UI shows, or a run that continues another one reads: three in four. What audits and checks find
is stored in the lake, which is what sensors go by.
"""


def store_no_unread(instance: dg.DagsterInstance) -> None:
    """Not for a run that dies: the run that continues it reads what it did."""
    storage: Any = instance.event_log_storage
    store = storage.store_event

    def stored(event: Any) -> None:
        if event.dagster_event is not None and event.dagster_event.event_type not in UNREAD:
            store(event)

    storage.store_event = stored


def take() -> None:
    """From now on, in this process."""
    for storage, names in _SHAPE.items():
        for name in names:
            _once(storage, name, lambda self, *asked: (id(self), *(each for each in asked if isinstance(each, str))))
    # The schema of a resource's settings is that of its class; a resource is made anew for each run and tick.
    _once(resource, "infer_schema_from_config_class", lambda model, **given: (model, repr(sorted(given.items()))))


def _once(owner: Any, name: str, key: Callable[..., Any]) -> None:
    """Keep what a function gave, unless that is False."""
    function = getattr(owner, name)
    if hasattr(function, "known"):
        return
    known: dict[Any, Any] = {}

    def called(*args: Any, **kwargs: Any) -> Any:
        of = key(*args, **kwargs)
        if of in known:
            return known[of]
        found = function(*args, **kwargs)
        if found is not False:
            known[of] = found
        return found

    called.known = known  # type: ignore[attr-defined]
    setattr(owner, name, called)
