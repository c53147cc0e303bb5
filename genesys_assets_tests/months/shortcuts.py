"""What Dagster works out each time though it is always the same: here it does so once. What comes of it is the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
