"""Data files as a Delta log names them: their partition, their path, and the actions that add and remove them."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.lake import log_entry
from genesys_assets.lake.column_types import PARTITION_COLUMNS

if TYPE_CHECKING:
    from deltalake.transaction import AddAction, RemoveAction

WHOLE = "all"
"""How the log names the only partition of a table that has none."""

Key = str | None


@dataclass(frozen=True, slots=True)
class DataFile:
    """One data file of a partition, as the log names it. `content` identifies its rows and reach."""

    path: str
    size: int
    rows: int
    modified_ms: int

    @property
    def content(self) -> str:
        return self.path.rsplit("/", 1)[-1].split("-", 1)[0]


@dataclass(frozen=True, slots=True)
class AddedFile:
    """A file that a commit adds to a partition. `same_rows`: it says nothing new to readers of rows.

    `modified_ms` decides the order of the files of a partition: now, unless given.
    """

    key: Key
    path: str
    size: int
    rows: int
    same_rows: bool = False
    modified_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RemovedFile:
    """A file that a commit takes away."""

    file: DataFile
    same_rows: bool = False


def partition_values(key: Key) -> dict[str, str | None]:
    """`2026-01-31-13:00` -> date and hour, as the log writes them. Raises ValueError for a key of another form."""
    if key is None:
        return {}
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:-(\d\d):00)?", key)
    if match is None:
        raise ValueError(
            f"partition {key!r} is neither a day (2026-01-31) nor an hour (2026-01-31-13:00), and the lake keeps no "
            "others. Partition the asset by days or hours, and put what else tells its rows apart in a column."
        )
    day, hour = match.groups()
    return {"date": day} | ({"hour": str(int(hour))} if hour else {})


def partition_folder(key: Key) -> str:
    """Where the files of a partition lie below their table: `date=2026-01-31/hour=13`."""
    return "/".join(f"{name}={value}" for name, value in partition_values(key).items())


def new_path(key: Key, content: str) -> str:
    """A path below its table that no file had: what the file holds, and a part that is unique."""
    folder, name = partition_folder(key), f"{content}-{uuid.uuid4().hex[:12]}.parquet"
    return f"{folder}/{name}" if folder else name


def keys_of(files: pa.Table) -> list[Key]:
    """The key of each file's partition."""
    if "partition.date" not in files.column_names:
        return [None] * len(files)
    keys = files["partition.date"].cast(pa.string())
    if "partition.hour" in files.column_names:
        hours = pc.utf8_lpad(files["partition.hour"].cast(pa.string()), 2, padding="0")
        of_hours = pc.binary_join_element_wise(keys, pc.binary_join_element_wise(hours, ":00", ""), "-")
        keys = pc.coalesce(of_hours, keys)
    found: list[Key] = keys.to_pylist()
    return found


def data_files(files: pa.Table) -> list[DataFile]:
    columns = (files[name].to_pylist() for name in ("path", "size_bytes", "num_records", "modification_time"))
    return [DataFile(path, size, rows or 0, at) for path, size, rows, at in zip(*columns, strict=True)]


def files_schema(partition_by: Sequence[str]) -> pa.Schema:
    """The columns of the files of a table, by the names that delta-rs gives them. People may partition tables of
    their own by other columns.
    """
    of_file = {
        "path": pa.string(),
        "size_bytes": pa.int64(),
        "modification_time": pa.int64(),
        "num_records": pa.int64(),
    }
    of_partition = {f"partition.{name}": PARTITION_COLUMNS.get(name, pa.string()) for name in partition_by}
    return pa.schema([*of_file.items(), *of_partition.items()])


def oldest_first(files: pa.Table) -> pa.Table:
    return files.sort_by([("modification_time", "ascending"), ("path", "ascending")])


def replaced(files: pa.Table, added: Sequence[AddedFile], removed: Sequence[RemovedFile]) -> pa.Table:
    """The files of a table after a commit."""
    gone = pa.array([each.file.path for each in removed], pa.string())
    left = files.filter(pc.invert(pc.is_in(files["path"], gone))) if removed else files
    return pa.concat_tables([left, pa.Table.from_pylist([_row(file) for file in added], files.schema)])


def _row(file: AddedFile) -> dict[str, Any]:
    return {
        "path": file.path,
        "size_bytes": file.size,
        "modification_time": file.modified_ms,
        "num_records": file.rows,
        **{f"partition.{name}": partition_value(name, value) for name, value in partition_values(file.key).items()},
    }


def partition_value(name: str, value: str | None) -> date | int:
    return date.fromisoformat(str(value)) if name == "date" else int(str(value))


def dated(file: AddedFile) -> AddedFile:
    return replace(file, modified_ms=log_entry.now_ms()) if file.modified_ms is None else file


def add(file: AddedFile) -> log_entry.Action:
    return log_entry.add(
        file.path,
        file.size,
        partition_values(file.key),
        dated(file).modified_ms or 0,
        file.rows,
        same_rows=file.same_rows,
    )


def add_action(file: AddedFile) -> AddAction:
    from deltalake.transaction import AddAction

    stats = json.dumps({"numRecords": file.rows})
    modified_ms = dated(file).modified_ms or 0
    return AddAction(file.path, file.size, partition_values(file.key), modified_ms, not file.same_rows, stats)


def remove_action(file: RemovedFile) -> RemoveAction:
    from deltalake.transaction import RemoveAction

    return RemoveAction(path=file.file.path, data_change=not file.same_rows, deletion_timestamp=log_entry.now_ms())
