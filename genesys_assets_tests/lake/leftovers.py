"""Files in a lake that belong to no current table."""

from __future__ import annotations

from pathlib import Path

from genesys_assets.lake.delta import DeltaLog
from genesys_assets.lake.housekeeping import list_tables
from genesys_assets.lake.log_files import LOG
from genesys_assets.lake.store import DRAFTS, LocalStore, Store


def leftovers(store: Store) -> list[str]:
    """Data files that no log names, unfinished files of logs, and drafts."""
    named = _named(store)
    data = [key for key in store.keys("") if key.endswith(".parquet") and f"/{LOG}/" not in key]
    unfinished = [key for key in store.keys("") if "#" in key or key.endswith(".tmp")]
    return sorted([*(key for key in data if key not in named), *unfinished, *_drafts(store)])


def missing(store: Store) -> list[str]:
    """Files that a log names and that do not exist."""
    named = _named(store)
    return sorted(named - set(store.keys("")))


def _named(store: Store) -> set[str]:
    tables = list_tables(store.listed(""))
    return {f"{place}/{file.path}" for place in tables for _, file in DeltaLog(store, place).every_file()}


def _drafts(store: Store) -> list[str]:
    folder = store.folder if isinstance(store, LocalStore) else Path("/nonexistent")
    return [f"{DRAFTS}/{path.name}" for path in (folder / DRAFTS).glob("*")]
