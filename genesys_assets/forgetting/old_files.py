"""Files that no reader sees, of older versions and of killed runs, in which somebody stands who must be forgotten."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from genesys_assets.forgetting.rewriting import changes
from genesys_assets.forgetting.traces import KnownTraces
from genesys_assets.forgetting.work import Work
from genesys_assets.lake.delta import DataFile
from genesys_assets.lake.files import (
    StoredFile,
    Unreadable,
)
from genesys_assets.lake.housekeeping import places
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LakeUnreachable, ListedFile
from genesys_assets.tables.conversations.decode import UnreadablePage

_DATA_FILE = re.compile(r"(?:date=[^/]+/(?:hour=[^/]+/)?)?[^/=]+\.parquet")
_OURS = re.compile(r"(.+?)/(?:date=[^/]+/(?:hour=[^/]+/)?)?[0-9a-f]{32}-[0-9a-f]{12}\.parquet")
IN_FLIGHT = timedelta(hours=1)
"""How old a file must be that no commit names before it counts as left behind: far longer than from a file's
publication to its commit, which is minutes where others commit all the time."""


def remove_old_files(work: Work, of: Collection[str | None], now: datetime) -> None:
    """Remove files of older versions, and of killed runs, in which somebody stands; None: of tables that never were."""
    lake = work.lake.refreshed()
    every = lake.store.listed("")
    listed = [file for file in every if file.key.endswith(".parquet")]
    tables = sorted(places(every), key=len, reverse=True)
    named: dict[str, set[str]] = {}
    current = {f"{place}/{file.path}" for place in tables for _, file in lake.log(place).every_file()}
    for file in listed:
        place = _place_of(file.key, tables)
        if file.key in current or place is None or (place if place in tables else None) not in of:
            continue
        if not _stands_in(work, lake, place, file):
            continue
        if place not in named:
            named[place] = set(named_by_commits(lake, place)) if place in tables else set()
        if file.key not in named[place] and now - file.modified < IN_FLIGHT:
            work.report.problems[file.key] = in_flight(file.modified)
            work.waits |= not _stands_in(replace(work, found=KnownTraces()), lake, place, file)
            continue
        if not work.dry_run:
            lake.store.delete(file.key)
        work.report.old_files[place] += 1


def _place_of(key: str, tables: Iterable[str]) -> str | None:
    for place in tables:
        if key.startswith(f"{place}/") and _DATA_FILE.fullmatch(key.removeprefix(f"{place}/")):
            return place
    ours = _OURS.fullmatch(key)
    return ours[1] if ours else None


def _stands_in(work: Work, lake: Lake, place: str, file: ListedFile) -> bool:
    path = file.key.removeprefix(f"{place}/")
    day = re.search(r"date=([^/]+)", path)
    try:
        opened = StoredFile(lake.store, place, DataFile(path, file.size, 0, 0))
        return any(True for _ in changes(work, place, day[1] if day else None, [opened]))
    except (Unreadable, UnreadablePage):
        # It cannot be read. Housekeeping removes it with other leftovers.
        return False


def named_by_commits(lake: Lake, place: str) -> Iterator[str]:
    """The files that commits have added or removed."""
    log = lake.log(place)
    for actions in log.actions(range(log.version + 1)):
        for action in actions:
            for kind in ("add", "remove"):
                if kind in action:
                    yield f"{place}/{action[kind]['path']}"


def remove_drafts(work: Work, now: datetime) -> None:
    try:
        work.lake.store.forget_drafts(now - IN_FLIGHT)
    except LakeUnreachable as error:
        work.report.problems["uploads in parts that broke off"] = str(error)


def in_flight(modified: datetime) -> str:
    return (
        "No commit names this file yet, and somebody who must be forgotten may stand in it. A run may be about to "
        f"commit it, or was killed. Run this again after {modified + IN_FLIGHT:%Y-%m-%d %H:%M} UTC."
    )
