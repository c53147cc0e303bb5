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
"""The name in the log of the only partition of a table that is not partitioned."""

Key = str | None
"""A partition, as `2026-01-31` or `2026-01-31-13:00`; None for all of a table that is not partitioned."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One data file of a partition, as the log describes it. `path` is below the table, `size` in bytes."""

    path: str
    size: int
    rows: int
    modified_ms: int

    @property
    def content(self) -> str:
        """Identifies the rows and reach of the file: the first part of its name."""
        return self.path.rsplit("/", 1)[-1].split("-", 1)[0]


@dataclass(frozen=True, slots=True)
class AddedFile:
    """A file that a commit adds to a partition. `same_rows`: readers see the same rows as before the commit.

    `modified_ms` decides the order of the files of a partition. If it is None, the time of the commit counts.
    """

    key: Key
    path: str
    size: int
    rows: int
    same_rows: bool = False
    modified_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RemovedFile:
    """A file that a commit removes. `same_rows`: readers see the same rows as before the commit."""

    file: DataFile
    same_rows: bool = False


def partition_values(key: Key) -> dict[str, str | None]:
    """Date and hour of a partition key, as the log writes them. Raises ValueError for a key of another form.

    >>> partition_values("2026-01-31-13:00")
    {'date': '2026-01-31', 'hour': '13'}
    """
    if key is None:
        return {}
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:-(\d\d):00)?", key)
    if match is None:
        raise ValueError(
            f"partition {key!r} is neither a day (2026-01-31) nor an hour (2026-01-31-13:00), and the lake keeps no "
            "others. Partition the asset by days or hours, and put other parts of its partition key into columns."
        )
    day, hour = match.groups()
    return {"date": day} | ({"hour": str(int(hour))} if hour else {})


def partition_folder(key: Key) -> str:
    """Where the files of a partition lie below their table: `date=2026-01-31/hour=13`."""
    return "/".join(f"{name}={value}" for name, value in partition_values(key).items())


def new_path(key: Key, content: str) -> str:
    """A new path below the table: the partition's folder, then `<content>-<unique>.parquet`."""
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
    listed: list[Key] = keys.to_pylist()
    return listed


def data_files(files: pa.Table) -> list[DataFile]:
    """The files of a table with the columns of `files_schema`, in its order."""
    columns = (files[name].to_pylist() for name in ("path", "size_bytes", "num_records", "modification_time"))
    return [DataFile(path, size, rows or 0, at) for path, size, rows, at in zip(*columns, strict=True)]


def files_schema(partition_by: Sequence[str]) -> pa.Schema:
    """The columns that delta-rs gives when it lists the files of a table. Other people's tables may be partitioned by
    other columns than date and hour: those are read as text.
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
    """The files in the order in which they were added."""
    return files.sort_by([("modification_time", "ascending"), ("path", "ascending")])


def files_after(files: pa.Table, added: Sequence[AddedFile], removed: Sequence[RemovedFile]) -> pa.Table:
    """The files of a table after a commit."""
    removed_paths = pa.array([each.file.path for each in removed], pa.string())
    remaining = files.filter(pc.invert(pc.is_in(files["path"], removed_paths))) if removed else files
    return pa.concat_tables([remaining, pa.Table.from_pylist([_row(file) for file in added], files.schema)])


def _row(file: AddedFile) -> dict[str, Any]:
    return {
        "path": file.path,
        "size_bytes": file.size,
        "modification_time": file.modified_ms,
        "num_records": file.rows,
        **{f"partition.{name}": partition_value(name, value) for name, value in partition_values(file.key).items()},
    }


def partition_value(name: str, value: str | None) -> date | int:
    """A value of the partition column `date` or `hour`, from the text of the log."""
    return date.fromisoformat(str(value)) if name == "date" else int(str(value))


def dated(file: AddedFile) -> AddedFile:
    """The file with a `modified_ms`: now, unless it has one."""
    return replace(file, modified_ms=log_entry.now_ms()) if file.modified_ms is None else file


def add(file: AddedFile) -> log_entry.Action:
    """The action of a commit that we write ourselves; `delta_rs_add` is the same for delta-rs."""
    return log_entry.add(
        file.path,
        file.size,
        partition_values(file.key),
        dated(file).modified_ms or 0,
        file.rows,
        same_rows=file.same_rows,
    )


def delta_rs_add(file: AddedFile) -> AddAction:
    from deltalake.transaction import AddAction

    stats = json.dumps({"numRecords": file.rows})
    modified_ms = dated(file).modified_ms or 0
    return AddAction(file.path, file.size, partition_values(file.key), modified_ms, not file.same_rows, stats)


def delta_rs_remove(file: RemovedFile) -> RemoveAction:
    from deltalake.transaction import RemoveAction

    return RemoveAction(path=file.file.path, data_change=not file.same_rows, deletion_timestamp=log_entry.now_ms())
