"""Reads the log of a Delta table without the package: what each commit replaced, and what that changed.

This module reads the log's JSON and compares rows. The tests state the expected content.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq

Row = dict[str, Any]
Files = dict[str, tuple[Path, ...]]
COUNTS = ("rows_before", "rows_after", "rows_added", "rows_changed", "rows_removed")


@dataclass(frozen=True)
class CommitRecord:
    """One commit: the files of each partition before and after it, and its notes about the partitions that were
    read."""

    version: int
    before: Files
    after: Files
    run_id: str | None
    readings: Mapping[str, Mapping[str, Any]]


def commits(table: Path) -> Iterator[CommitRecord]:
    """All commits of a table, the oldest first."""
    files: Files = {}
    for log in sorted((table / "_delta_log").glob("*.json")):
        actions = [json.loads(line) for line in log.read_text().splitlines()]
        before, files = files, _after(table, files, actions)
        (note,) = [action["commitInfo"].get("genesys_assets", {}) for action in actions if "commitInfo" in action]
        said = json.loads(note) if isinstance(note, str) else note
        yield CommitRecord(int(log.stem), before, files, said.get("run_id"), said.get("readings", {}))


def _after(table: Path, files: Files, actions: Sequence[Mapping[str, Any]]) -> Files:
    after = dict(files)
    for action in actions:
        if "remove" in action:
            gone = table / unquote(action["remove"]["path"])
            after = {key: tuple(path for path in paths if path != gone) for key, paths in after.items()}
    for action in actions:
        if "add" in action:
            key = _key(action["add"]["partitionValues"])
            after[key] = (*after.get(key, ()), table / unquote(action["add"]["path"]))
    return {key: paths for key, paths in after.items() if paths}


def _key(values: Mapping[str, str]) -> str:
    day, hour = values.get("date", "all"), values.get("hour")
    return day if hour is None else f"{day}-{int(hour):02d}:00"


def restated(table: Path, key: Sequence[str]) -> dict[tuple[str, int], dict[str, int]]:
    """The number of rows that each reading of a day changed, by day and version, without the first reading."""
    return {
        (day, commit.version): difference(_rows(commit.before[day], key), _rows(commit.after[day], key))
        for commit in commits(table)
        for day in commit.readings
        if day in commit.before
    }


def difference(before: Mapping[tuple, Row], after: Mapping[tuple, Row]) -> dict[str, int]:
    counts = (
        len(before),
        len(after),
        len(after.keys() - before.keys()),
        sum(row != after[key] for key, row in before.items() if key in after),
        len(before.keys() - after.keys()),
    )
    return dict(zip(COUNTS, counts, strict=True))


def _rows(paths: Sequence[Path], key: Sequence[str]) -> dict[tuple, Row]:
    rows = [row for path in paths for row in _read(path)]
    by_key = {tuple(row[name] for name in key): row for row in rows}
    assert len(by_key) == len(rows)
    return by_key


@cache
def _read(path: Path) -> list[Row]:
    rows: list[Row] = pq.ParquetFile(path).read().to_pylist()
    return rows
