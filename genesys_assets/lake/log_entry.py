"""Writes the file of one commit, under a number that no other commit has.

delta-rs can write commits too, but it reads its whole state of the table again for each one: a tenth of a second for a
table with two years of hours. We leave to it only the commits to tables with features that our writer does not know:
see `is_simple`.

Protocol: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#actions
"""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from genesys_assets.lake.log_files import NO_VERSION, checkpoints, commit_name, is_checkpoint_of
from genesys_assets.lake.store import flush_to_disk

if TYPE_CHECKING:
    from deltalake import DeltaTable, Schema

Action = dict[str, dict[str, Any]]

_WRITER_VERSION = 2
"""The writer version of our tables. Up to this one a table can only ask for `appendOnly`, and for column invariants,
which our tables do not have.
https://github.com/delta-io/delta/blob/master/PROTOCOL.md#writer-version-requirements
"""
_SAME_IN_A_URI = re.compile(r"[\w./=-]+", re.ASCII)
_WRITER = f"genesys_assets/{version('genesys_assets')}"


def is_simple(table: DeltaTable, paths: Iterable[str]) -> bool:
    """Whether our writer can commit these files: it only names which are added and removed, and the columns. False if
    somebody gave the table features that demand more of writers, or if a path would have to be escaped.
    """
    is_known = table.protocol().min_writer_version <= _WRITER_VERSION
    is_append_only = table.metadata().configuration.get("delta.appendOnly") == "true"
    return is_known and not is_append_only and all(map(_SAME_IN_A_URI.fullmatch, paths))


def info(notes: Mapping[str, Any], partition_by: Sequence[str], now_ms: int) -> Action:
    """The action that says who committed and when, with notes of our own."""
    operation = {"mode": "Append", "partitionBy": json.dumps(list(partition_by))}
    about = {"timestamp": now_ms, "operation": "WRITE", "operationParameters": operation, "engineInfo": _WRITER}
    return {"commitInfo": {**about, **notes}}


def add(
    path: str, size: int, partition: Mapping[str, str | None], modified_ms: int, rows: int, *, same_rows: bool
) -> Action:
    return {
        "add": {
            "path": path,
            "partitionValues": dict(partition),
            "size": size,
            "modificationTime": modified_ms,
            "dataChange": not same_rows,
            "stats": json.dumps({"numRecords": rows}),
        }
    }


def remove(path: str, now_ms: int, *, same_rows: bool) -> Action:
    return {"remove": {"path": path, "dataChange": not same_rows, "deletionTimestamp": now_ms}}


def columns(table: DeltaTable, schema: Schema) -> Action:
    """The action that gives a table other columns, and leaves everything else that its log says of it."""
    known = table.metadata()
    optional = {"name": known.name, "description": known.description, "createdTime": known.created_time}
    return {
        "metaData": {
            "id": str(known.id),
            "format": {"provider": "parquet", "options": {}},
            "schemaString": schema.to_json(),
            "partitionColumns": list(known.partition_columns),
            "configuration": dict(known.configuration),
            **{name: value for name, value in optional.items() if value is not None},
        }
    }


def number(name: str, value: int) -> Action:
    """The action that sets a number, which the table stores by name: what the protocol calls a transaction id."""
    return {"txn": {"appId": name, "version": value}}


def numbers(folder: Path, version: int) -> dict[str, int]:
    """All numbers by name as of a version, from the newest checkpoint and the commits since. Raises FileNotFoundError
    if one of these no longer exists. `folder` is that of the log.
    """
    names = [path.name for path in folder.glob("*.checkpoint.*")]
    checkpoint = max((each for each in checkpoints(names) if each <= version), default=NO_VERSION)
    by_name: dict[str, int] = {}
    for name in names:
        if is_checkpoint_of(name, checkpoint):
            column = pq.read_table(folder / name, columns=["txn"])["txn"].combine_chunks()
            pairs = zip(*(pc.struct_field(column, each).to_pylist() for each in ("appId", "version")), strict=True)
            by_name.update((name, number) for name, number in pairs if name is not None)
    for later in range(checkpoint + 1, version + 1):
        lines = [line for line in (folder / commit_name(later)).read_bytes().splitlines() if b'"txn"' in line]
        transactions = (action["txn"] for action in json.loads(b"[%s]" % b",".join(lines)) if action.get("txn"))
        by_name.update((number["appId"], number["version"]) for number in transactions)
    return by_name


def write_new(path: Path, actions: Iterable[Action]) -> None:
    """Write the file of a commit: whole, or not at all. Raises FileExistsError if its number is taken."""
    draft = path.with_name(f"_commit_{uuid.uuid4().hex}.json.tmp")
    try:
        with draft.open("wb") as file:
            file.write("\n".join(_lines(actions)).encode())
            flush_to_disk(file)
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _lines(actions: Iterable[Action]) -> Iterator[str]:
    return (json.dumps(action, ensure_ascii=False, separators=(",", ":")) for action in actions)


def now_ms() -> int:
    return time.time_ns() // 1_000_000
