"""Dagster's event log in memory opens a connection for each query, which costs a tenth of a run. In the suite it keeps
one connection open.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from dagster._core.storage.event_log.in_memory import InMemoryEventLogStorage
from sqlalchemy.engine import Connection

_opened = InMemoryEventLogStorage._connect


@contextmanager
def _held(storage: InMemoryEventLogStorage) -> Iterator[Connection]:
    with storage._db_lock, storage._held_conn.begin():
        yield storage._held_conn


def _connect(storage: InMemoryEventLogStorage) -> AbstractContextManager[Connection]:
    """SQLite's connections belong to the thread that opened them. Tests make their instances in the main thread."""
    is_main = threading.current_thread() is threading.main_thread()
    return _held(storage) if is_main else _opened(storage)


def keep_connections() -> None:
    """From now on, in this process."""
    InMemoryEventLogStorage._connect = _connect  # type: ignore[method-assign,assignment]
