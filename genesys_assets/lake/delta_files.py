"""Data files as a Delta log names them: their partition, their path, and the actions that add and remove them."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

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
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:-([01]\d|2[0-3]):00)?", key, re.ASCII)
    if match is None or not _is_day(match[1]):
        raise ValueError(
            f"partition {key!r} is neither a day (2026-01-31) nor an hour (2026-01-31-13:00), and the lake keeps no "
            "others. Partition the asset by days or hours, and put other parts of its partition key into columns."
        )
    day, hour = match.groups()
    return {"date": day} | ({"hour": str(int(hour))} if hour else {})


def _is_day(text: str) -> bool:
    """Whether the calendar has the day. A log with a day that it does not have could not be read."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def partition_folder(key: Key) -> str:
    """Where the files of a partition lie below their table: `date=2026-01-31/hour=13`."""
    return "/".join(f"{name}={value}" for name, value in partition_values(key).items())


def new_path(key: Key, content: str) -> str:
    """A new path below the table: the partition's folder, then `<content>-<unique>.parquet`."""
    folder, name = partition_folder(key), f"{content}-{uuid.uuid4().hex[:12]}.parquet"
    return f"{folder}/{name}" if folder else name


def _keys_of(files: pa.Table) -> list[Key]:
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


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The data files of a table by the key of their partition, the oldest first. `has_hours`: it is partitioned by
    hours.
    """

    by_key: Mapping[Key, Sequence[DataFile]]
    has_hours: bool = False

    @classmethod
    def listed(cls, files: pa.Table) -> TableFiles:
        """Those that delta-rs lists: a table with the columns of `files_schema`."""
        columns = (files[name].to_pylist() for name in ("path", "size_bytes", "num_records", "modification_time"))
        by_key: dict[Key, list[DataFile]] = {}
        for key, path, size, rows, at in zip(_keys_of(files), *columns, strict=True):
            by_key.setdefault(key, []).append(DataFile(path, size, rows or 0, at))
        for of_key in by_key.values():
            of_key.sort(key=_age)
        return cls(by_key, "partition.hour" in files.column_names)

    def of(self, key: Key) -> list[DataFile]:
        """The files of a partition; of a day of a table of hours those of all its hours. Without a key all files.

        Raises ValueError for a key of another form.
        """
        if key is None:
            return [file for _, file in self.every()]
        if self.has_hours and "hour" not in partition_values(key):
            return [file for of_key, file in self.every() if of_key is not None and of_key.startswith(key)]
        if key not in self.by_key:
            partition_values(key)
            return []
        return [*self.by_key[key]]

    def every(self) -> list[tuple[Key, DataFile]]:
        """All files with the keys of their partitions, the oldest first."""
        files = [(key, file) for key, of_key in self.by_key.items() for file in of_key]
        return sorted(files, key=lambda each: _age(each[1]))

    def partitions(self) -> list[str]:
        """The keys of the partitions that have files, in order."""
        return sorted(key for key in self.by_key if key is not None)

    def after(self, added: Sequence[AddedFile], removed: Sequence[RemovedFile]) -> TableFiles:
        """The files after a commit. The added files are dated."""
        by_key = dict(self.by_key)
        paths = {each.file.path for each in removed}
        # Most commits replace files of the partitions that they add files to. So look for removed files there first.
        for key in dict.fromkeys([*(each.key for each in added), *self.by_key]):
            if not paths:
                break
            found = paths.intersection(file.path for file in by_key.get(key, ()))
            if found:
                paths -= found
                by_key[key] = [file for file in by_key[key] if file.path not in found]
                if not by_key[key]:
                    del by_key[key]
        for each in added:
            file = DataFile(each.path, each.size, each.rows, each.modified_ms or 0)
            by_key[each.key] = sorted([*by_key.get(each.key, ()), file], key=_age)
        return TableFiles(by_key, self.has_hours)


def _age(file: DataFile) -> tuple[int, str]:
    return file.modified_ms, file.path


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
