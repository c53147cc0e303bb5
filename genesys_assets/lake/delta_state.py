"""One Delta Lake table as its log was when it was last read: its data files, its numbers and its columns. delta-rs
reads the log. `delta` has the commits that change a table.

Protocol: https://github.com/delta-io/delta/blob/master/PROTOCOL.md

    <place>/_delta_log/…                      the log: one commit is one JSON file
    <place>/date=2026-01-31/<name>.parquet    data files; a name is never used twice
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from tenacity import Retrying, retry_if_exception_type, retry_if_not_exception_type, stop_after_attempt, wait_fixed

from genesys_assets.lake import log_entry
from genesys_assets.lake.column_types import PARTITION_COLUMNS
from genesys_assets.lake.delta_files import (
    WHOLE,
    DataFile,
    Key,
    TableFiles,
    files_schema,
)
from genesys_assets.lake.log_files import LAST_CHECKPOINT, LOG, NO_VERSION, commit_name
from genesys_assets.lake.log_mirror import log_access
from genesys_assets.lake.store import Store

if TYPE_CHECKING:
    from deltalake import DeltaTable

NOTE = "genesys_assets"
"""The key in a commit's `commitInfo` of our own note: what the commit did to each partition."""

_LOOKS = 4
_SECONDS_BETWEEN_LOOKS = 0.05


class UnreadableLog(Exception):
    """The log of a table is damaged. The message says what to do."""


@dataclass(slots=True)
class _KnownState:
    """What was read of a table at a version: its files, its numbers by name, and its columns. Each is None until first
    needed.
    """

    version: int = NO_VERSION
    table_id: str | None = None
    files: TableFiles | None = None
    numbers: dict[str, int] | None = None
    columns: pa.Schema | None = None


class DeltaState:
    """The log of one table, as it was when it was last read: see `refresh`. A table that does not exist has no files.
    Every method that reads the log raises UnreadableLog if it is damaged.

    Safe for threads. Two reads, one after the other, may be of different versions.
    """

    def __init__(self, store: Store, place: str) -> None:
        self.store = store
        self.place = place
        self._lock = threading.RLock()
        self._log = log_access(store, place)
        self._table: DeltaTable | None = None
        self._known = _KnownState()
        self.refresh()

    def refresh(self) -> None:
        """Read what was committed since."""
        with self._lock:
            if self._log.pull():
                self._table = None
            if self._table is None or not self._log.ends_with(self.version):
                self._read()

    def _read(self) -> None:
        """Have delta-rs read the log."""
        if not self._log.has(self.version):
            # Another table may lie here now. delta-rs would add its commits to what it knows of this one.
            self._table = None
        table = self._table = self._load() if self._table is None else self._updated(self._table)
        self._known = _KnownState() if table is None else _KnownState(int(table.version()), str(table.metadata().id))
        self._log.note_last(self.version)

    def _take_over(self, version: int, files: TableFiles, newness: Mapping[Key, int]) -> None:
        """Change what is known of the table by a commit of our own, so that the log need not be read again."""
        numbers = self._known.numbers
        if numbers is not None:
            numbers = numbers | {key or WHOLE: value for key, value in newness.items()}
        self._known = _KnownState(version, self._known.table_id, files, numbers, self._known.columns)
        self._log.note_last(version)

    def _updated(self, table: DeltaTable) -> DeltaTable | None:
        from deltalake.exceptions import DeltaError

        try:
            table.update_incremental()
        except DeltaError:
            # This table was deleted, and another one made in its place.
            return self._load()
        return table

    def _load(self) -> DeltaTable | None:
        """Looks again if the log cannot be read: others may have committed while its folder was being listed, so that
        the list has a commit and not the one before it.
        """
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        looks = Retrying(
            retry=retry_if_exception_type(DeltaError) & retry_if_not_exception_type(TableNotFoundError),
            stop=stop_after_attempt(_LOOKS),
            wait=wait_fixed(_SECONDS_BETWEEN_LOOKS),
            reraise=True,
        )
        try:
            return looks(DeltaTable, self._log.uri)
        except TableNotFoundError:
            return None
        except DeltaError as error:
            where, why = self.store.uri(f"{self.place}/{LOG}"), str(error).splitlines()[0].rstrip(".")
            raise UnreadableLog(
                f"{where} cannot be read ({why}). If its newest file is truncated, as after a power cut, delete that "
                "file: the table is then as before that commit. If its newest checkpoint is damaged, delete the "
                f"checkpoint and {LAST_CHECKPOINT}: the commits say the same, unless housekeeping has removed them. "
                f"Else restore {self.store.uri(self.place)} from a copy, or delete it and compute or fetch all its "
                "partitions again."
            ) from error

    @property
    def version(self) -> int:
        """The number of the last commit; -1 if there is no table."""
        return self._known.version

    @property
    def table_id(self) -> str | None:
        """The id of this table, None if there is no table. A table made again in the same place has another id."""
        return self._known.table_id

    @property
    def identity(self) -> tuple[str | None, int]:
        """Id and version of the table: it may have been deleted, and another one made in its place."""
        known = self._known
        return known.table_id, known.version

    def files(self, key: Key) -> list[DataFile]:
        """The files of a partition, the oldest first."""
        return self._files().of(key)

    def every_file(self) -> list[tuple[Key, DataFile]]:
        """The files of all partitions with the key of each, the oldest first."""
        return self._files().every()

    def files_by_key(self) -> Mapping[Key, Sequence[DataFile]]:
        """The files of each partition, the oldest first."""
        return self._files().by_key

    def partitions(self) -> list[str]:
        """The keys of the partitions that have files, in order; of a table without partitions none."""
        return self._files().partitions()

    def newness(self, key: Key) -> int | None:
        """How new the last reading of a partition was, whether or not it brought new rows: see `Lake.newness`."""
        return self.number(key or WHOLE)

    def number(self, name: str) -> int | None:
        """A number that commits store under a name, such as `made_of 2026-01-31`; None if none has."""
        with self._lock:
            if self._known.numbers is None:
                self._known.numbers = self._read_numbers()
            return self._known.numbers.get(name)

    def _read_numbers(self) -> dict[str, int]:
        """All numbers of the table by name. (delta-rs would read all commits since the last checkpoint for each
        one.)
        """
        folder = Path(self._log.uri) / LOG
        try:
            return log_entry.numbers(folder, self.version)
        except FileNotFoundError:
            # Housekeeping removed commits that we had not read. A newer checkpoint has their numbers.
            self._table = None
            self._read()
            return log_entry.numbers(folder, self.version)

    def schema(self) -> pa.Schema:
        """The columns of the table at rest, without the partition columns."""
        return pa.schema([field for field in self._columns() if field.name not in PARTITION_COLUMNS])

    def _columns(self) -> pa.Schema:
        with self._lock:
            if self._known.columns is None:
                table = self._table
                self._known.columns = pa.schema([] if table is None else table.schema().to_arrow())
            return self._known.columns

    def notes(self, since: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Version and note of each commit of ours after version `since`, the oldest first.

        They are read from the files of the commits: `DeltaTable.history` numbers commits wrong if others commit
        meanwhile. Commits that were removed from the log are left out.
        """
        versions = range(max(since, -1) + 1, self.version + 1)
        for version, actions in zip(versions, self.actions(versions), strict=True):
            for action in actions:
                if NOTE in action.get("commitInfo", {}):
                    yield version, dict(action["commitInfo"][NOTE])

    def actions(self, versions: Sequence[int]) -> Iterator[list[dict[str, Any]]]:
        """The actions of each commit, as the protocol defines them; an empty list if it was removed from the log."""
        with self._lock:
            if versions:
                self._log.complete(versions)
        yield from map(self._actions_of, versions)

    def _actions_of(self, version: int) -> list[dict[str, Any]]:
        try:
            commit = (Path(self._log.uri) / LOG / commit_name(version)).read_bytes()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in commit.splitlines()]

    def _files(self) -> TableFiles:
        with self._lock:
            if self._known.files is None:
                self._known.files = self._read_files()
            return self._known.files

    def _read_files(self) -> TableFiles:
        if self._table is None:
            return TableFiles({})
        schema = files_schema(self._table.metadata().partition_columns)
        every = pa.table(self._table.get_add_actions(flatten=True))
        return TableFiles.listed(every.select(schema.names).cast(schema) if len(every) else schema.empty_table())
