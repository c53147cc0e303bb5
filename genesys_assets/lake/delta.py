"""The commits of one Delta Lake table: they add, replace and remove data files, all or none.

delta-rs creates tables and adds columns. We write the commits that add and remove files ourselves (`log_entry`), also
where columns get other types. `delta_state` reads the log; `commit` decides what is written and when a commit is
refused.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from genesys_assets.lake import log_entry
from genesys_assets.lake.column_types import (
    PARTITION_COLUMNS,
    ColumnTypeChanged,
    PartitionsChanged,
    ReservedColumn,
    at_rest,
)
from genesys_assets.lake.delta_files import (
    WHOLE,
    AddedFile,
    DataFile,
    Key,
    RemovedFile,
    add,
    dated,
    delta_rs_add,
    delta_rs_remove,
    new_path,
    partition_folder,
    partition_values,
)
from genesys_assets.lake.delta_state import NOTE, DeltaState, UnreadableLog
from genesys_assets.lake.log_files import LOG, commit_name
from genesys_assets.lake.log_mirror import LogMoved
from genesys_assets.lake.store import Store

if TYPE_CHECKING:
    from deltalake import DeltaTable, Schema

__all__ = [
    "NOTE",
    "WHOLE",
    "AddedFile",
    "ColumnTypeChanged",
    "Conflict",
    "DataFile",
    "DeltaLog",
    "Key",
    "RemovedFile",
    "ReservedColumn",
    "UnreadableLog",
    "new_path",
    "partition_folder",
    "partition_values",
]

_INTERVAL = "delta.checkpointInterval"
_USUAL_INTERVAL = 100
_log = logging.getLogger(__name__)


class Conflict(Exception):
    """Another writer committed to the table meanwhile. Nothing was committed."""


class DeltaLog(DeltaState):
    """The log of one table, and the commits that change it. A commit is on top of one version. Safe for threads."""

    def commit(
        self,
        schema: pa.Schema,
        added: Sequence[AddedFile],
        removed: Sequence[RemovedFile],
        note: Mapping[str, Any],
        newness: Mapping[Key, int],
        *,
        on_top_of: int,
    ) -> None:
        """Add and remove files, all or none, on top of the version that the caller has read. `schema` is that of the
        rows; the caller has already retyped the table where types differed (`retyping`).

        Raises Conflict if others committed since, PartitionsChanged, ReservedColumn, DuplicateColumn, UnstorableColumn.
        """
        with self._lock:
            for file in added:
                self.must_have_partitions_like(file.key)
            try:
                table = self._widened(schema, self._partition_by([file.key for file in added], newness))
                self._must_be_at(on_top_of)
                if log_entry.is_simple(table, [*(each.path for each in added), *(each.file.path for each in removed)]):
                    self._write(table, [dated(file) for file in added], removed, note, newness)
                else:
                    self._write_by_delta_rs(added, removed, note, newness)
            except BaseException:
                self.refresh()
                raise

    def must_have_partitions_like(self, key: Key) -> None:
        """Raises PartitionsChanged: in a table of hours, the rows of a day would be found under no key."""
        if self._table is None:
            return
        known, wanted = list(self._table.metadata().partition_columns), list(partition_values(key))
        if known != wanted:
            raise PartitionsChanged(
                f"{self.place} has {_partitions_in_words(known)}, and its asset has {_partitions_in_words(wanted)} "
                "now. Keep the partitions of the asset, or give it another name; or delete the folder "
                f"{self.place} of the lake and compute it again."
            )

    def _caught_up(self) -> DeltaTable:
        """The table of delta-rs, caught up with the commits that we wrote ourselves. Raises Conflict if others
        committed.
        """
        version = self.version
        if self._table is None or self._table.version() != version:
            self._read()
        if self._table is None or self.version != version:
            raise Conflict(f"{self.place} was at version {version} and is at {self.version} now")
        # delta-rs needs the file of the last commit to commit on top of it, even if there is a checkpoint.
        self._log.complete([version])
        return self._table

    def _must_be_at(self, version: int) -> None:
        """Raises Conflict. Version 0 only creates the table, so a caller that saw no table (-1) may follow it."""
        if self.version != max(version, 0):
            raise Conflict(f"{self.place} was at version {version} and is at {self.version} now")

    def _write(
        self,
        table: DeltaTable,
        added: Sequence[AddedFile],
        removed: Sequence[RemovedFile],
        note: Mapping[str, Any],
        newness: Mapping[Key, int],
        columns: Schema | None = None,
    ) -> None:
        """Write the commit, and apply it to what is known of the table, so that the log need not be read again. (The
        caller reads it again if the commit gives the table other columns.)
        """
        files, version, now_ms = self._files(), self.version + 1, log_entry.now_ms()
        actions = [
            log_entry.info({NOTE: dict(note)}, table.metadata().partition_columns, now_ms),
            *([] if columns is None else [log_entry.columns(table, columns)]),
            *map(add, added),
            *(log_entry.remove(each.file.path, now_ms, same_rows=each.same_rows) for each in removed),
            *(log_entry.number(key or WHOLE, value) for key, value in newness.items()),
        ]
        if not self._log.ends_with(self.version):
            raise Conflict(f"{self.place} is no longer at version {self.version}")
        try:
            log_entry.write_new(Path(self._log.uri) / LOG / commit_name(version), actions)
        except FileExistsError as error:
            raise Conflict(f"{self.place}: somebody else has committed version {version}") from error
        self._push()
        self._take_over(version, files.after(added, removed), newness)
        if (version + 1) % int(table.metadata().configuration.get(_INTERVAL) or _USUAL_INTERVAL) == 0:
            self._write_checkpoint()

    def _write_checkpoint(self) -> None:
        """Write a checkpoint, from which readers begin. If it cannot be written, the commit counts all the same."""
        try:
            self.checkpoint()
        except Exception as error:
            _log.warning("%s has no checkpoint of version %d: %s", self.place, self.version, error)

    def _write_by_delta_rs(
        self,
        added: Sequence[AddedFile],
        removed: Sequence[RemovedFile],
        note: Mapping[str, Any],
        newness: Mapping[Key, int],
    ) -> None:
        from deltalake import CommitProperties
        from deltalake.transaction import Transaction

        properties = CommitProperties(
            custom_metadata={NOTE: dict(note)},
            max_commit_retries=0,
            app_transactions=[Transaction(key or WHOLE, value) for key, value in newness.items()],
        )
        table = self._caught_up()
        with self._conflicts():
            table.create_write_transaction(
                [*map(delta_rs_add, added), *map(delta_rs_remove, removed)],
                mode="append",
                schema=table.schema(),
                partition_by=list(table.metadata().partition_columns),
                commit_properties=properties,
            )
        self._read()

    @contextlib.contextmanager
    def _conflicts(self) -> Iterator[None]:
        """Wrap a write by delta-rs, and push it. If the write fails because others changed the table, raises Conflict
        instead of the error of delta-rs.
        """
        from deltalake.exceptions import DeltaError

        before = self.identity
        try:
            yield
        except DeltaError as error:
            self.refresh()
            if self.identity == before:
                self._table = None
                self._read()
            if self.identity == before:
                raise
            raise Conflict(f"{self.place}: {error}") from error
        self._push()

    def _push(self) -> None:
        """Make our commit count: see `LogAccess.push`. Raises Conflict."""
        try:
            self._log.push()
        except BaseException as error:
            self._table = None
            if isinstance(error, LogMoved):
                raise Conflict(f"{self.place}: {error}") from error
            raise

    def _partition_by(self, added: Sequence[Key], newness: Mapping[Key, int]) -> list[str]:
        if self._table is not None:
            return list(self._table.metadata().partition_columns)
        return list(partition_values(next(iter([*added, *newness]), None)))

    def can_retype(self, paths: Iterable[str]) -> bool:
        """Whether `retype` can leave files as they are; `paths` are those that it replaces."""
        with self._lock:
            return self._table is not None and log_entry.is_simple(self._table, paths)

    def retype(
        self,
        types: Mapping[str, pa.DataType],
        rewritten: Mapping[str, AddedFile],
        note: Mapping[str, Any],
        *,
        on_top_of: int,
    ) -> None:
        """Give columns other types, and replace files by rewritten ones, by path, in one commit on top of the version
        that the caller has read. Other files stay as they are, which needs `can_retype`. Raises Conflict if others
        committed since.
        """
        from deltalake import Schema

        with self._lock:
            if self._table is None:
                raise Conflict(f"{self.place}: the table does not exist any more")
            self._must_be_at(on_top_of)
            fields = [field.with_type(types.get(field.name, field.type)) for field in self._columns()]
            columns = Schema.from_arrow(pa.schema(fields))
            try:
                if self.can_retype(rewritten):
                    removed = [RemovedFile(file) for _, file in self.every_file() if file.path in rewritten]
                    self._write(self._table, [*rewritten.values()], removed, note, {}, columns)
                else:
                    self._replace_all_by_delta_rs(columns, [*rewritten.values()], note)
            except BaseException:
                self.refresh()
                raise
            self._read()

    def _replace_all_by_delta_rs(self, columns: Schema, files: Sequence[AddedFile], note: Mapping[str, Any]) -> None:
        from deltalake import CommitProperties

        table = self._caught_up()
        with self._conflicts():
            table.create_write_transaction(
                [delta_rs_add(file) for file in files],
                mode="overwrite",
                schema=columns,
                partition_by=list(table.metadata().partition_columns),
                commit_properties=CommitProperties(custom_metadata={NOTE: dict(note)}, max_commit_retries=0),
            )

    def _widened(self, schema: pa.Schema, partition_by: list[str]) -> DeltaTable:
        """The table with at least these columns. Adds those that are missing, and then raises Conflict: see
        `_widen`.
        """
        table = self._existing(schema, partition_by)
        missing = _missing(self.place, self._columns(), at_rest(schema, self.place))
        if missing:
            self._widen(missing)
        return table

    def _existing(self, schema: pa.Schema, partition_by: list[str]) -> DeltaTable:
        """The table, created if it does not exist."""
        if self._table is None:
            self._create([*at_rest(schema, self.place), *(pa.field(n, PARTITION_COLUMNS[n]) for n in partition_by)])
            self._read()
        if self._table is None:
            raise Conflict(f"{self.place}: the table was created and has disappeared")
        return self._table

    def _create(self, fields: Sequence[pa.Field]) -> None:
        from deltalake import Schema
        from deltalake.transaction import create_table_with_add_actions

        with self._conflicts():
            create_table_with_add_actions(
                self._log.uri,
                Schema.from_arrow(pa.schema(fields)),
                [],
                partition_by=[field.name for field in fields if field.name in PARTITION_COLUMNS],
                configuration=_configuration(self.store),
            )

    def _widen(self, missing: Sequence[pa.Field]) -> None:
        """Add columns, in a commit of its own. Always raises Conflict, so that the caller reads the log again first."""
        from deltalake import Schema

        table = self._caught_up()
        with self._conflicts():
            table.alter.add_columns(Schema.from_arrow(pa.schema(missing)).fields)
        raise Conflict(f"{self.place} has new columns now: {', '.join(field.name for field in missing)}")

    def checkpoint(self) -> None:
        """Write a checkpoint: one file that sums up all commits, from which readers can begin."""
        with self._lock:
            known, is_last, table = self._known, self._log.ends_with(self.version), self.identity
            self._read()
            if self._table is None:
                return
            if is_last and self.identity == table:
                # Only delta-rs had to catch up with our own commits: the rest is known.
                self._known = known
            self._table.create_checkpoint()
            self._log.push_checkpoint()


def _partitions_in_words(partition_by: Sequence[str]) -> str:
    """What partitions a table has, in words."""
    kinds = {"": "no partitions", "date": "a partition for each day", "date, hour": "a partition for each hour"}
    columns = ", ".join(partition_by)
    return kinds.get(columns, f"partitions by {columns}")


def _missing(place: str, known: pa.Schema, wanted: pa.Schema) -> list[pa.Field]:
    """The columns of the rows that the table does not have. Raises Conflict if others have created the table meanwhile
    with other types.
    """
    for each in wanted:
        if each.name in known.names and known.field(each.name).type != each.type:
            raise Conflict(f"{place} has {each.name} as {known.field(each.name).type}, the rows as {each.type}")
    return [each for each in wanted if each.name not in known.names]


def _configuration(store: Store) -> dict[str, str | None]:
    """The properties of new tables. Delta's own cleanup of the log is off: the ledger of restatements is made from the
    commits, and `housekeeping` removes them once the ledger has them.
    """
    return {_INTERVAL: f"{store.commits_between_checkpoints}", "delta.enableExpiredLogCleanup": "false"}
