"""Removes files that no reader sees, of older versions and killed runs, if they contain somebody who must be
forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
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
from genesys_assets.lake.housekeeping import list_tables
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LakeUnreachable, ListedFile
from genesys_assets.tables.conversations.decode import UnreadablePage

_DATA_FILE = re.compile(r"(?:date=[^/]+/(?:hour=[^/]+/)?)?[^/=]+\.parquet")
_OURS = re.compile(r"(.+?)/(?:date=[^/]+/(?:hour=[^/]+/)?)?[0-9a-f]{32}-[0-9a-f]{12}\.parquet")
IN_FLIGHT = timedelta(hours=1)
"""A file that no commit names counts as left behind once it is this old. From the moment that a file is stored to its
commit it takes far less: minutes, even if others commit all the time."""


def remove_old_files(work: Work, of: Collection[str | None], now: datetime) -> None:
    """Remove files of older versions and of killed runs that contain somebody.

    `of` are the places of the tables to search. None in it stands for tables that no run has created yet, of which a
    killed run left files.
    """
    lake = work.lake.refreshed()
    every = lake.store.listed("")
    listed = [file for file in every if file.key.endswith(".parquet")]
    tables = sorted({*list_tables(every)} - work.damaged, key=len, reverse=True)
    damaged = tuple(f"{place}/" for place in work.damaged)
    named: dict[str, set[str]] = {}
    current = {f"{place}/{file.path}" for place in tables for _, file in lake.log(place).every_file()}
    for file in listed:
        place = _place_of(file.key, tables)
        if file.key.startswith(damaged):
            continue
        if file.key in current or place is None or (place if place in tables else None) not in of:
            continue
        if not _contains_somebody(work, lake, place, file):
            continue
        if place not in named:
            named[place] = named_by_commits(lake, place) if place in tables else set()
        if file.key not in named[place] and now - file.modified < IN_FLIGHT:
            work.report.problems[file.key] = in_flight(file.modified)
            work.waits |= not _contains_somebody(replace(work, found=KnownTraces()), lake, place, file)
            continue
        if not work.dry_run:
            lake.store.delete(file.key)
        work.report.old_files[place] += 1


def _place_of(key: str, tables: Iterable[str]) -> str | None:
    for place in tables:
        if key.startswith(f"{place}/") and _DATA_FILE.fullmatch(key.removeprefix(f"{place}/")):
            return place
    match = _OURS.fullmatch(key)
    return match[1] if match else None


def _contains_somebody(work: Work, lake: Lake, place: str, file: ListedFile) -> bool:
    path = file.key.removeprefix(f"{place}/")
    day = re.search(r"date=([^/]+)", path)
    try:
        opened = StoredFile(lake.store, place, DataFile(path, file.size, 0, 0))
        return any(True for _ in changes(work, place, day[1] if day else None, [opened]))
    except (Unreadable, UnreadablePage):
        # Housekeeping removes an unreadable file with other leftovers.
        return False


def named_by_commits(lake: Lake, place: str) -> set[str]:
    """The keys of all files that a commit of a table has added or removed. If a commit is damaged, those of the commits
    before it: `scrub_logs` reports this.
    """
    log = lake.log(place)
    named: set[str] = set()
    with suppress(ValueError, TypeError):
        for actions in log.actions(range(log.version + 1)):
            for action in actions:
                named.update(f"{place}/{action[kind]['path']}" for kind in ("add", "remove") if kind in action)
    return named


def remove_drafts(work: Work, now: datetime) -> None:
    """Remove unfinished drafts (on S3: unfinished uploads) that are older than `IN_FLIGHT`."""
    try:
        work.lake.store.remove_drafts(now - IN_FLIGHT)
    except LakeUnreachable as error:
        work.report.problems["unfinished multipart uploads"] = str(error)


def in_flight(modified: datetime) -> str:
    """The problem with a file that no commit names and that was stored at `modified`, less than `IN_FLIGHT` ago."""
    return (
        "No commit names this file yet, and somebody who must be forgotten may be in it. A run may be about to "
        f"commit it, or was killed. Run this again after {modified + IN_FLIGHT:%Y-%m-%d %H:%M} UTC."
    )
