"""Lets Dagster compute only once what it normally computes each time. The results are the same.

It also skips data that no test reads: most events, and the versions of an asset's inputs. States and ticks of sensors
and schedules stay in memory, because no other process reads them.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from functools import lru_cache
from itertools import count, islice
from typing import Any

import dagster as dg
from dagster import DagsterEventType
from dagster._config.pythonic_config import resource
from dagster._core.definitions import scoped_resources_builder
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.events import ASSET_EVENTS
from dagster._core.execution import build_resources
from dagster._core.execution.context.data_version_cache import DataVersionCache
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    TickData,
    TickStatus,
)
from dagster._core.storage.event_log.schema import AssetKeyTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage

_SHAPE = {
    ConsolidatedSqliteEventLogStorage: ("has_table", "_has_asset_key_col_on_connection"),
    SqliteRunStorage: ("has_built_index", "has_run_stats_index_cols"),
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


_SHOWN = (dg.MarkdownMetadataValue, dg.TableMetadataValue, dg.TableSchemaMetadataValue)
"""Metadata for people's eyes. Dagster writes those of each asset twice, which takes a twelfth of the time."""
_TICKS_KEPT = 20
_INSTANT = "%Y-%m-%d %H:%M:%S.%f"
"""How SQLAlchemy writes instants to SQLite."""


def store_no_unread(instance: dg.DagsterInstance) -> None:
    """Store no events that nothing reads. Not for a run that dies: the run that continues it reads its events."""
    storage: Any = instance.event_log_storage

    def stored(event: Any) -> None:
        if event.dagster_event is not None and event.dagster_event.event_type not in UNREAD:
            if event.dagster_event.event_type == DagsterEventType.ASSET_MATERIALIZATION:
                metadata = event.dagster_event.step_materialization_data.materialization.metadata
                for name in [name for name, value in metadata.items() if isinstance(value, _SHOWN)]:
                    del metadata[name]
            _store(storage, event)

    storage.store_event = stored


def _store(storage: Any, event: Any) -> None:
    """As `SqlEventLogStorage.store_event` does, but in one transaction, and without building statements each time. It
    inserts each asset again, and updates it when the database refuses.
    """
    is_of_asset = event.dagster_event_type in ASSET_EVENTS and event.dagster_event.asset_key
    with storage._connect() as connection:
        event_id = _insert(connection, SqlEventLogStorageTable.name, storage._event_to_row(event)).lastrowid
        if is_of_asset:
            storage._store_asset_event_tags(connection, [event], [event_id])
            values = storage._get_asset_entry_values(event, event_id, True)
            if values:
                key = {"asset_key": event.dagster_event.asset_key.to_string()}
                _insert(connection, AssetKeyTable.name, {**key, **values}, unique="asset_key")


def _insert(connection: Any, table: str, row: Mapping[str, Any], unique: str = "") -> Any:
    """Insert a row, or update the row that has the same value in the column `unique`."""
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    update = ", ".join(f"{name} = excluded.{name}" for name in row if name != unique)
    conflict = f" ON CONFLICT ({unique}) DO UPDATE SET {update}" if unique else ""
    values = tuple(f"{each:{_INSTANT}}" if isinstance(each, datetime) else each for each in row.values())
    return connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks}){conflict}", values)


def keep_states_in_memory(instance: dg.DagsterInstance) -> None:
    """Keep the states of sensors and schedules in memory, because each tick writes its state six times."""
    storage: Any = instance.schedule_storage
    states: dict[str, InstigatorState] = {}

    def keep(state: InstigatorState) -> InstigatorState:
        states[state.selector_id] = state
        return state

    def every(
        repository_origin_id: str | None = None,
        repository_selector_id: str | None = None,
        instigator_type: InstigatorType | None = None,
        instigator_statuses: set[InstigatorStatus] | None = None,
    ) -> list[InstigatorState]:
        return [
            state
            for state in states.values()
            if repository_selector_id in (None, state.repository_selector_id)
            and instigator_type in (None, state.instigator_type)
            and (instigator_statuses is None or state.status in instigator_statuses)
        ]

    storage.add_instigator_state = storage.update_instigator_state = keep
    storage.get_instigator_state = lambda origin_id, selector_id: states.get(selector_id)
    storage.delete_instigator_state = lambda origin_id, selector_id: states.pop(selector_id, None)
    storage.all_instigator_state = every
    _keep_ticks_in_memory(storage)


def _keep_ticks_in_memory(storage: Any) -> None:
    """Keep the last ticks of each sensor and schedule in memory: each is written twice, and read once by the next."""
    ids, ticks = count(1), dict[str | None, dict[int, InstigatorTick]]()

    def create(data: TickData) -> InstigatorTick:
        tick = InstigatorTick(next(ids), data)
        of_one = ticks.setdefault(data.selector_id, {})
        if len(of_one) >= _TICKS_KEPT:
            del of_one[next(iter(of_one))]
        of_one[tick.tick_id] = tick
        return tick

    def update(tick: InstigatorTick) -> InstigatorTick:
        ticks[tick.selector_id][tick.tick_id] = tick
        return tick

    def newest(
        origin_id: str,
        selector_id: str,
        before: float | None = None,
        after: float | None = None,
        limit: int | None = None,
        statuses: Sequence[TickStatus] | None = None,
    ) -> list[InstigatorTick]:
        wanted = (
            tick
            for tick in reversed(ticks.get(selector_id, {}).values())
            if (before is None or tick.timestamp < before)
            and (after is None or tick.timestamp > after)
            and (statuses is None or tick.status in statuses)
        )
        return list(islice(wanted, limit))

    storage.create_tick, storage.update_tick, storage.get_ticks = create, update, newest
    storage.purge_ticks = lambda *args, **kwargs: None


_made = lru_cache(None)(namedtuple)


def _class_of_resources(name: str, fields: Sequence[str]) -> Any:
    """Each step has several contexts, each with a class of its own for its resources."""
    return _made(name, tuple(fields))


def _no_versions(cache: DataVersionCache, keys: Sequence[dg.AssetKey]) -> None:
    cache.input_asset_version_info |= dict.fromkeys(keys)


_build_resources: Any = build_resources.build_resources
_built: dict[tuple[Any, ...], tuple[Mapping[str, Any], Any]] = {}


@contextmanager
def _copies_of_resources(
    resources: Mapping[str, Any], instance: dg.DagsterInstance | None = None, **more: Any
) -> Iterator[Any]:
    """New resources for each look of a sensor, as copies of unused ones. Dagster would validate and build the settings
    of each five times a look.
    """
    # The key names definitions by identity. They are kept with it, so that no other ones get their identities.
    key = tuple((name, id(definition)) for name, definition in sorted(resources.items()))
    if key not in _built:
        with _build_resources(resources, instance, **more) as made:
            of_look = all(isinstance(each, dg.ConfigurableResource) for each in made)
            _built[key] = resources, made._replace(**_copied(made)) if of_look and not more else None
    _, unused = _built[key]
    if unused is None:
        with _build_resources(resources, instance, **more) as made:
            yield made
        return
    copies = _copied(unused)
    try:
        yield unused._replace(**copies)
    finally:
        for each in copies.values():
            each.teardown_after_execution(None)


def _copied(resources: Any) -> dict[str, Any]:
    return {name: copy(each) for name, each in resources._asdict().items()}


def take() -> None:
    """Install the shortcuts in this process."""
    build_resources.build_resources = _copies_of_resources  # type: ignore[assignment]
    DataVersionCache._fetch_input_asset_version_info = _no_versions  # type: ignore[method-assign,assignment]
    for storage, names in _SHAPE.items():
        for name in names:
            _once(storage, name, lambda self, *asked: (id(self), *(each for each in asked if isinstance(each, str))))
    _once(dg.JobDefinition, "get_subset", _selection)
    scoped_resources_builder.namedtuple = _class_of_resources  # type: ignore[attr-defined,assignment]
    # The schema of a resource's settings is that of its class; a resource is made anew for each run and tick.
    _once(resource, "infer_schema_from_config_class", lambda model, **given: (model, repr(sorted(given.items()))))


def _selection(job: dg.JobDefinition, **selected: Any) -> tuple[Any, ...]:
    return job, *((name, frozenset(keys or ()), keys is None) for name, keys in sorted(selected.items()))


def _once(owner: Any, name: str, key: Callable[..., Any]) -> None:
    """Keep the result of a function, unless it is False."""
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
