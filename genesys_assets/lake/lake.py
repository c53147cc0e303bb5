"""What lies where in the lake, and how it is written and read: each asset is a Delta Lake table.

    pages/<asset>/date=2026-01-31/hour=13/<name>.parquet
    tables/<table>/date=2026-01-31/<name>.parquet
    <layer>/<name>/_delta_log/…

The key-value metadata of a file holds its provenance (`parquet_files`). The note of a commit says what the commit
changed (`commit`, `ledger`).
`tables` declares what the columns mean.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from bisect import bisect_left
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.lake import commit
from genesys_assets.lake.audit import COLUMNS, AuditFailed
from genesys_assets.lake.changes import Change
from genesys_assets.lake.column_types import at_rest
from genesys_assets.lake.commit import Commit, FinishedDraft, Proposal, StoredState
from genesys_assets.lake.delta import DataFile, DeltaLog, partition_folder
from genesys_assets.lake.files import PAGES, StoredFile, StoredFooter, StoredPages, Unreadable, open_files
from genesys_assets.lake.parquet_files import Provenance
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import Store, drafts
from genesys_assets.lake.stored_partitions import StoredPartition, StoredPartitions
from genesys_assets.lake.stored_rows import StoredRows
from genesys_assets.lake.writers import PageWriter, TableWriter
from genesys_assets.lake.writing import Writing, commit_tables, made_of_name
from genesys_assets.privacy.forgotten import ForgottenIds, Kind, remember
from genesys_assets.privacy.protection import KEEP, Protection
from genesys_assets.privacy.screen import Screen
from genesys_assets.privacy.scrubbed_rows import Traces, scrubbed
from genesys_assets.spans import milliseconds
from genesys_assets.tables.spec import TableSpec
from genesys_assets.threads import at_once

if TYPE_CHECKING:
    import pyarrow.dataset as pads

__all__ = ["PAGES", "AuditFailed", "Lake", "PageWriter", "Provenance", "Reach", "StoredPages", "Unreadable", "Writing"]

T = TypeVar("T")
_LOGS_AT_ONCE = 8
_FILES_AT_ONCE = 8
_READINGS_REMEMBERED = 20_000
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Memory:
    """What was read from files and from versions of logs. Neither ever changes, so it can be shared."""

    partitions: dict[str, StoredPartitions] = field(default_factory=dict)
    readings: dict[Hashable, Any] = field(default_factory=dict)
    with_second_logs: Lake | None = None


class Lake:
    """The lake at one store. The log of a table is read again when this object first uses it: see `refreshed`. Objects
    made by `refreshed` share the logs, so a table may also become newer when another of them reads it, or by a commit.
    Safe for threads.

    Methods take a table by its place (`asset`, as `tables/sessions`) and a partition by its key, as `2026-01-31` or
    `2026-01-31-13:00`. The key is None for a table that is not partitioned.
    """

    def __init__(
        self,
        store: Store,
        logs: dict[str, DeltaLog] | None = None,
        memory: _Memory | None = None,
        *,
        protection: Protection = KEEP,
    ) -> None:
        self.store = store
        self.protection = protection
        self._logs = {} if logs is None else logs
        self._memory = memory or _Memory()
        self._fresh: set[str] = set()
        self._lock = threading.Lock()
        self._locks: dict[str, threading.RLock] = {}

    def refreshed(self) -> Lake:
        """The lake as it is now, with everything that others have committed since."""
        return Lake(self.store, self._logs, self._memory, protection=self.protection)

    def isolated(self) -> Lake:
        """The lake with logs of its own, which other threads cannot make newer. Whoever reads a partition, and then
        replaces what was read, needs one: else it would replace what others committed in between.
        """
        return Lake(self.store, None, self._memory, protection=self.protection)

    def look_again(self, assets: Iterable[str] | None = None) -> None:
        """Read the logs of some tables, or of all, again when they are next used: because a lake that is `isolated`
        committed, or because what is read next must not be older than the state that it will replace.
        """
        if assets is None:
            self._fresh.clear()
        else:
            self._fresh.difference_update(assets)

    def with_second_logs(self) -> Lake:
        """The lake as it is now, with other logs: what is read and committed through it makes no table of this object
        newer. All that share this lake's memory share these logs too.
        """
        if self._memory.with_second_logs is None:
            self._memory.with_second_logs = Lake(self.store, protection=self.protection)
        return self._memory.with_second_logs.refreshed()

    def log(self, asset: str) -> DeltaLog:
        """The log of one table."""
        if asset in self._fresh:
            return self._logs[asset]
        with self._lock:
            of_table = self._locks.setdefault(asset, threading.RLock())
        with of_table:
            log = self._logs.get(asset)
            if log is None:
                own = DeltaLog(self.store, asset)
                # A lake that shares the logs may have made one meanwhile, and committed with it: that one counts.
                log = self._logs.setdefault(asset, own)
                if log is not own:
                    log.refresh()
            elif asset not in self._fresh:
                log.refresh()
            self._fresh.add(asset)
            return log

    def read_logs(self, assets: Collection[str]) -> None:
        """Read the logs of several tables at once, because on S3 each takes a few requests."""
        if len(assets) > 1:
            with at_once(_LOGS_AT_ONCE, len(assets), "logs") as map_:
                list(map_(self.log, assets))

    def newness(self, inputs: Iterable[tuple[str, str | None]]) -> int:
        """How new partitions are together: the sum of their newness. That of pages is the instant as of which they are
        true, in milliseconds since 1970. The sum grows when one of them is read again, or another one is added. So a
        table made of newer inputs has a larger number, no matter who commits first.
        """
        return sum(self.log(asset).newness(key) or 0 for asset, key in inputs)

    # -- pages ---------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def page_writers(
        self,
        asset: str,
        keys: Sequence[str | None],
        provenance: Provenance,
        *,
        builds_on_stored: bool = False,
        has_new_metadata: bool = False,
        keeps_stored: bool = False,
    ) -> Iterator[dict[str | None, PageWriter]]:
        """One writer per partition. When the block ends without an error, all partitions are replaced in one commit. A
        partition whose stored pages are newer keeps them, and its writer's `change` says so.

        `builds_on_stored`: the new pages are made from the stored ones; raises ConcurrentCommit if others replaced
        these since. With `builds_on_stored`, pages that equal the stored ones get no new file, unless the metadata of
        their file is new (`has_new_metadata`). `keeps_stored`: some of the new pages are stored ones, the others were
        read; raises ConcurrentCommit too. Raises TableContended.
        """
        log, began, who = self.log(asset), milliseconds(datetime.now(UTC)), ForgottenIds.load(self.store)
        stored = {key: commit.stored_state(log, key) for key in keys}
        with drafts(self.store) as begin, contextlib.ExitStack() as stack:
            writers = {
                key: stack.enter_context(
                    PageWriter(begin(), {**provenance, "partition": key}, Screen(asset, self.protection, who))
                )
                for key in keys
            }
            yield writers
            stack.close()
            proposals = [
                Proposal(key, writer, stored[key], began, is_read=has_new_metadata, builds_on_known=True)
                if builds_on_stored
                else _reading(key, writer, stored[key], began, builds_on_known=keeps_stored)
                for key, writer in writers.items()
            ]
            page_commit = Commit(log, proposals, provenance.get("run_id"))
            with self._forgetting_newly_listed(who, {(asset, key): writer for key, writer in writers.items()}):
                page_commit.prepare()
                for key, change in page_commit.commit().items():
                    writers[key].change = change
                of_contacts = {id_ for writer in writers.values() for id_ in writer.of_contacts}
                if of_contacts:
                    remember(self.store, Kind.CONTACT_CONVERSATION, of_contacts, self.protection)

    def screen(self, asset: str) -> Screen:
        """A screen, which takes personal data and forgotten people out of the pages of an asset before they are
        stored.
        """
        return Screen(asset, self.protection, ForgottenIds.load(self.store))

    @contextlib.contextmanager
    def _forgetting_newly_listed(
        self, who: ForgottenIds, written: Mapping[tuple[str, str | None], FinishedDraft]
    ) -> Iterator[None]:
        """Commit partitions in this block. Then people are removed from them who were put on the list while they were
        being written: `who` is the list as it was before. Raises ForgottenMeanwhile if a partition is of a report.

        If the block fails, they are removed from what is stored of it by then, and the error of the block is raised.
        """
        try:
            yield
        except BaseException as error:
            try:
                self._forget_newly_listed(who, self._stored_of(written))
            except Exception as left:
                error.add_note(
                    "While people who were forgotten meanwhile were being removed from what was stored before this "
                    f"error: {type(left).__name__}: {left} Run `genesys-assets forget`: it removes whoever is left."
                )
            raise
        self._forget_newly_listed(who, written)

    def _forget_newly_listed(self, who: ForgottenIds, partitions: Iterable[tuple[str, str | None]]) -> None:
        if ForgottenIds.load(self.store) != who:
            from genesys_assets.forgetting.lakewide import forget_in

            forget_in(self.refreshed(), partitions)

    def _stored_of(self, written: Mapping[tuple[str, str | None], FinishedDraft]) -> Iterator[tuple[str, str | None]]:
        """The partitions that have a file with the rows of their draft."""
        lake = self.refreshed()
        for (asset, key), draft in written.items():
            if any(file.content == draft.content for file in lake.log(asset).files(key)):
                yield asset, key

    def pages(self, asset: str, key: str | None) -> StoredPages | None:
        """The pages of a partition; None if it is not stored, or can no longer be read."""
        try:
            files = open_files(self.store, asset, self.log(asset).files(key))
        except Unreadable:
            return None
        return StoredPages(files) if files else None

    def pages_of(self, asset: str, keys: Sequence[str]) -> dict[str, StoredPages]:
        """The pages of several partitions, by key. Partitions that are not stored or not readable are left out; files
        are opened in parallel.
        """
        self.log(asset)
        with at_once(_FILES_AT_ONCE, len(keys), "pages") as map_:
            by_key = zip(keys, map_(lambda key: self.pages(asset, key), keys), strict=True)
            return {key: pages for key, pages in by_key if pages is not None}

    def page_partitions(self, asset: str) -> list[str]:
        """The keys of the stored partitions, in order."""
        return self.log(asset).partitions()

    def remove(self, asset: str, keys: Sequence[str | None], *, builds_on_stored: bool = False) -> None:
        """Remove partitions, all in one commit, as if they had never been stored. `builds_on_stored`: they are removed
        because of their content; raises ConcurrentCommit if others replaced one since. Raises TableContended.
        """
        commit.remove_all(self.log(asset), keys, builds_on_known=builds_on_stored)

    # -- tables and reports --------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def table_writers(
        self,
        assets: Mapping[str, TableSpec],
        key: str | None,
        provenance: Provenance,
        *,
        builds_on_stored: bool = False,
    ) -> Iterator[Writing]:
        """A writer for each table of one partition. When the block ends without an error, each file is audited, then
        all are compared and published, then committed, one commit per table. Otherwise nothing is stored.

        Open it before you read the inputs of the rows. Else the rows could replace a table that others commit meanwhile
        from newer inputs. `builds_on_stored`: the rows are made from the stored ones, and tables are committed one
        after the other, in their order; raises ConcurrentCommit if others replaced the stored rows since. So does a
        writing that adds rows to the stored ones (`Writing.adds`). Raises AuditFailed if rows break a rule of their
        TableSpec, TableContended, ColumnTypeChanged. Raises ForgottenMeanwhile if somebody who may be in the rows of a
        report was forgotten while they were computed: these are not stored.
        """
        who = ForgottenIds.load(self.store)
        with drafts(self.store) as begin, contextlib.ExitStack() as stack:
            self.read_logs(assets)
            stored = {asset: commit.stored_state(self.log(asset), key) for asset in assets}
            writers = {
                asset: stack.enter_context(TableWriter(begin(), spec, provenance)) for asset, spec in assets.items()
            }
            writing = Writing(key, writers, dict(provenance), milliseconds(datetime.now(UTC)))
            yield writing
            writing.describe_files()
            stack.close()
            writing.audit()
            logs = {asset: self.log(asset) for asset in assets}
            with self._forgetting_newly_listed(who, {(asset, key): writer for asset, writer in writers.items()}):
                writing.changes = commit_tables(writing, logs, stored, builds_on_stored=builds_on_stored)

    def write(
        self,
        asset: str,
        spec: TableSpec,
        table: pa.Table,
        key: str | None,
        provenance: Provenance,
        *,
        reach: Reach | None = None,
        newness: int | None = None,
        yields_to_newer: bool = False,
    ) -> Change:
        """Replace one partition of one table; returns what changed. `yields_to_newer`: stored rows of greater newness
        stay, whenever they were committed. Raises AuditFailed, TableContended, ColumnTypeChanged or ForgottenMeanwhile,
        as `table_writers` does.
        """
        with self.table_writers({asset: spec}, key, provenance) as writing:
            writing[asset].write(table)
            writing.reach = reach
            writing.newness = newness or writing.newness
            writing.yields_to_newer = yields_to_newer
        return writing.changes[asset]

    def append(self, asset: str, spec: TableSpec, table: pa.Table, observed_at: datetime, origin: Provenance) -> str:
        """Add a snapshot to the UTC day on which it was observed; returns where that day lies. Raises AuditFailed if
        its columns are not the declared ones, TableContended, ColumnTypeChanged.
        """
        key, who = f"{observed_at.astimezone(UTC):%Y-%m-%d}", ForgottenIds.load(self.store)
        without_forgotten = scrubbed(asset, table, who, Traces()) if who else None
        with drafts(self.store) as begin:
            with TableWriter(begin(), spec, origin) as writer:
                writer.write(table if without_forgotten is None else without_forgotten)
            if writer.wrong_columns:
                raise AuditFailed(key, {asset: {COLUMNS: writer.wrong_columns}})
            with self._forgetting_newly_listed(who, {(asset, key): writer}):
                commit.append(self.log(asset), key, writer, origin.get("run_id"))
        return self.place(asset, key)

    def note_unanswered(self, asset: str, spec: TableSpec, key: str | None, at: datetime, note: Provenance) -> None:
        """Note that the platform did not answer a request for a partition at an instant. Stored rows stay; a partition
        that was never stored is still not stored after this. Raises TableContended.
        """
        schema = at_rest(spec.schema, spec.name)
        commit.note_unanswered(self.log(asset), key, schema, milliseconds(at), note)

    # -- what is known of a partition ----------------------------------------------------------------------------------

    def has(self, asset: str, key: str | None) -> bool:
        return bool(self.log(asset).files(key))

    def place(self, asset: str, key: str | None) -> str:
        """Where a partition lies, as a path or an `s3://` URL that other engines understand."""
        folder = partition_folder(key)
        return self.store.uri(f"{asset}/{folder}" if folder else asset)

    def content(self, asset: str, key: str | None) -> str | None:
        """What identifies the rows of a partition and their reach; None if it is not stored."""
        partition = self.stored(asset).get(key)
        return None if partition is None else partition.content

    def stored(self, asset: str) -> Mapping[str | None, StoredPartition]:
        """All stored partitions of a table by key."""
        return self._stored_partitions(asset).by_key

    def last_before(self, asset: str, key: str) -> str | None:
        """The last stored key of a table that is before `key`; None if there is none. `key` itself need not be
        stored.
        """
        keys = self._stored_partitions(asset).keys
        at = bisect_left(keys, key)
        return keys[at - 1] if at else None

    def _stored_partitions(self, asset: str) -> StoredPartitions:
        files, known = self.log(asset).files_by_key(), self._memory.partitions.get(asset)
        if known is None or known.files is not files:
            known = self._memory.partitions[asset] = StoredPartitions.of(files)
        return known

    def footer(self, asset: str, key: str | None) -> StoredFooter | None:
        """The metadata of the newest file of a partition; None if it is not stored or not readable.

        It is cached: files never change, so that each is read once for all that share this lake's memory. Use it to
        look at many partitions again and again. It does not notice a file that has become unreadable.
        """

        def read() -> StoredFooter | None:
            stored = self.stored(asset).get(key)
            return None if stored is None else self._footer_of(asset, stored.newest)

        return self.once("footer", asset, key, read)

    def once(self, what: Hashable, asset: str, key: str | None, read: Callable[[], T]) -> T:
        """The result of `read`, cached by all that share this lake's memory: for the newest file of a partition, or for
        the version of a table that does not have the partition. `what` distinguishes several results about the same.
        """
        partition = self.stored(asset).get(key)
        # Of a partition that is not stored, another thread may store a file meanwhile: then the version has changed.
        at = (key, self.log(asset).identity) if partition is None else partition.newest.path
        name = (what, asset, at)
        readings = self._memory.readings
        if name not in readings:
            if len(readings) >= _READINGS_REMEMBERED:
                readings.clear()
            readings[name] = read()
        result: T = readings[name]
        return result

    def made_of(self, asset: str, key: str | None) -> int | None:
        """The number that identifies what the last computation of a partition was made of, whether or not it brought
        new rows; None if it was not noted.
        """
        return self.log(asset).number(made_of_name(key))

    def rows(self, asset: str, key: str | None) -> int:
        """How many rows a partition has."""
        return sum(file.rows for file in self.log(asset).files(key))

    def reach(self, asset: str, key: str | None) -> Reach | None:
        """How far a partition is known; None if it is not stored, not readable, or has no reach."""
        footer = self._footer(asset, key)
        return footer.reach if footer else None

    def provenance(self, asset: str, key: str | None) -> Provenance:
        """What a partition's newest file says about its origin; empty if it is not stored or not readable."""
        footer = self._footer(asset, key)
        return footer.provenance if footer else {}

    def _footer(self, asset: str, key: str | None) -> StoredFooter | None:
        """As `footer`, but read again each time."""
        files = self.log(asset).files(key)
        return self._footer_of(asset, files[-1]) if files else None

    def _footer_of(self, asset: str, file: DataFile) -> StoredFooter | None:
        try:
            return StoredFooter(self.store, asset, file)
        except Unreadable:
            return None

    # -- reading -------------------------------------------------------------------------------------------------------

    def read(
        self,
        asset: str,
        keys: str | Iterable[str] | None,
        *,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
        schema: pa.Schema | None = None,
    ) -> pa.Table:
        """Rows of one partition, or of several in order; partitions that are not stored have no rows.

        Without a schema, the columns are those of the table. A column that has only ever been written with the type
        null is not in the table; it is added if a partition that is read has it. A column that a partition does not
        have is null. Instants are in microseconds, the unit at rest. If none is stored, returns an empty table with
        `schema`, or raises FileNotFoundError without a schema.
        """
        rows = StoredRows(self.log(asset), keys).table(schema, columns, where)
        if rows is not None:
            return rows
        if schema is None:
            raise FileNotFoundError(f"{asset} has no stored partition among {keys!r}: materialise it first")
        empty = schema.empty_table()
        return empty.select(list(columns)) if columns else empty

    def read_to_build_on(self, asset: str, key: str | None, schema: pa.Schema) -> pa.Table | None:
        """The rows of a partition, for new rows that build on them; no rows if it is not stored. None if a file of it
        is damaged or lost. It then counts as absent, so that it can be written again.
        """
        try:
            return self.read(asset, key, schema=schema)
        except (Unreadable, FileNotFoundError) as error:
            _log.warning("%s counts as absent, because it can no longer be read: %s", self.place(asset, key), error)
            return None

    def dataset(
        self, asset: str, keys: str | Iterable[str] | None, schema: pa.Schema | None = None
    ) -> pads.Dataset | None:
        """The stored partitions among the keys as an Arrow dataset; None if none is stored. Columns as in `read`."""
        return StoredRows(self.log(asset), keys).dataset(schema)

    def row_groups(self, asset: str, key: str | None, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows of a partition as they were written, a row group at a time, to save memory. Raises
        FileNotFoundError, Unreadable.
        """
        for file in self._stored(asset, key):
            yield from file.row_groups(columns)

    def schema(self, asset: str, key: str | None) -> pa.Schema:
        """The columns of a partition as they were written. Raises FileNotFoundError, Unreadable."""
        return self._stored(asset, key)[-1].schema

    def pieces(
        self,
        asset: str,
        keys: Iterable[str],
        *,
        schema: pa.Schema,
        columns: Sequence[str],
        where: pc.Expression | None = None,
    ) -> Iterator[pa.Table]:
        """Rows of the stored partitions for which `where` holds, a row group at a time. Row groups that cannot hold
        such rows are not read.

        A column of the schema that a file does not have is null. A day of snapshots has one file per snapshot.
        """
        yield from StoredRows(self.log(asset), keys).pieces(schema, columns, where)

    def _stored(self, asset: str, key: str | None) -> list[StoredFile]:
        files = open_files(self.store, asset, self.log(asset).files(key))
        if not files:
            raise FileNotFoundError(f"{asset} has no stored partition {key!r}: materialise it first")
        return files


def _reading(
    key: str | None, writer: PageWriter, stored: StoredState, began: int, *, builds_on_known: bool
) -> Proposal:
    newness = began if writer.as_of is None else milliseconds(writer.as_of)
    is_complete = writer.reach is not None and writer.reach.is_complete
    return Proposal(
        key, writer, stored, newness, is_read=True, is_complete=is_complete, builds_on_known=builds_on_known
    )
