"""The file of one commit, as we write it: what it says, and that it gets a number that no other commit has.

delta-rs writes commits too, but reads all that it knows of the table once more for each: a tenth of a second where a
table has two years of hours. What a table may ask of its writers beyond what ours do is left to it: see `is_simple`.

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
from genesys_assets.lake.store import outlast_a_power_cut

if TYPE_CHECKING:
    from deltalake import DeltaTable

Action = dict[str, dict[str, Any]]

_WRITER_VERSION = 2
"""Up to it nothing is asked but that files are added and removed: what our tables are made with."""
_SAME_IN_A_URI = re.compile(r"[\w./=-]+", re.ASCII)
_WRITER = f"genesys_assets/{version('genesys_assets')}"


def is_simple(table: DeltaTable, paths: Iterable[str]) -> bool:
    """Whether a commit of these files says no more than which are added and removed. False where somebody gave the
    table features that ask for more, or a name has to be written in another way.
    """
    is_known = table.protocol().min_writer_version <= _WRITER_VERSION
    is_append_only = table.metadata().configuration.get("delta.appendOnly") == "true"
    return is_known and not is_append_only and all(map(_SAME_IN_A_URI.fullmatch, paths))


def info(said: Mapping[str, Any], partition_by: Sequence[str], now_ms: int) -> Action:
    """Who committed, and what else is said of the commit."""
    operation = {"mode": "Append", "partitionBy": json.dumps(list(partition_by))}
    about = {"timestamp": now_ms, "operation": "WRITE", "operationParameters": operation, "engineInfo": _WRITER}
    return {"commitInfo": {**about, **said}}


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


def number(name: str, value: int) -> Action:
    """A number that the table keeps by name."""
    return {"txn": {"appId": name, "version": value}}


def numbers(folder: Path, version: int) -> dict[str, int]:
    """The numbers by name as of a version, from the newest checkpoint and the commits since. Raises FileNotFoundError
    if one of these no longer exists.
    """
    names = [path.name for path in folder.glob("*.checkpoint.*")]
    checkpoint = max((each for each in checkpoints(names) if each <= version), default=NO_VERSION)
    found: dict[str, int] = {}
    for name in names:
        if is_checkpoint_of(name, checkpoint):
            column = pq.read_table(folder / name, columns=["txn"])["txn"].combine_chunks()
            of_app = zip(*(pc.struct_field(column, each).to_pylist() for each in ("appId", "version")), strict=True)
            found.update((app, number) for app, number in of_app if app is not None)
    for later in range(checkpoint + 1, version + 1):
        lines = [line for line in (folder / commit_name(later)).read_bytes().splitlines() if b'"txn"' in line]
        said = (action["txn"] for action in json.loads(b"[%s]" % b",".join(lines)) if action.get("txn"))
        found.update((number["appId"], number["version"]) for number in said)
    return found


def write_new(path: Path, actions: Iterable[Action]) -> None:
    """Write the file of a commit, at once and whole. Raises FileExistsError where the number is taken."""
    draft = path.with_name(f"_commit_{uuid.uuid4().hex}.json.tmp")
    try:
        with draft.open("wb") as file:
            file.write("\n".join(_lines(actions)).encode())
            outlast_a_power_cut(file)
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _lines(actions: Iterable[Action]) -> Iterator[str]:
    return (json.dumps(action, ensure_ascii=False, separators=(",", ":")) for action in actions)


def now_ms() -> int:
    return time.time_ns() // 1_000_000
