"""Replaces partitions of one table: read what is stored, compare, commit. Starts over if another writer was faster.

    draft → audit → compare with what is stored → publish the file → commit

A process that dies before the commit leaves the old partition; after it, the new one. A commit replaces only what it
has seen: if a newer reading was committed after the work began, that one stays.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import pyarrow as pa

from genesys_assets.lake import log_entry
from genesys_assets.lake.changes import Change, Counts, Rows
from genesys_assets.lake.delta import WHOLE, AddedFile, Conflict, DataFile, DeltaLog, Key, RemovedFile, new_path
from genesys_assets.lake.files import StoredFile, StoredFooter, StoredPages, Unreadable, open_files, rows_at_rest
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.retyping import Retyping
from genesys_assets.lake.store import Draft, Store
from genesys_assets.spans import milliseconds
from genesys_assets.threads import at_once

NEVER = 0
"""The newness of a partition that was removed: any reading is newer."""
_PATIENCE_SECONDS = 120.0
_LONGEST_PAUSE_SECONDS = 0.5
_UPLOADS_AT_ONCE = 8


class TableContended(Exception):
    """Other writers committed to the table first, again and again, until time ran out. Nothing was committed."""


class ConcurrentCommit(Exception):
    """Another writer replaced the partition after it was read. Read it again, and build on that."""


class FinishedDraft(Protocol):
    """A draft of a data file that can be published. `content` identifies its rows and reach, `schema` is at rest."""

    draft: Draft
    schema: pa.Schema
    rows: int
    size: int
    reach: Reach | None

    @property
    def content(self) -> str: ...

    def changes_since(self, before: Rows) -> Counts:
        """How its rows differ from those of a stored file, as `changes.compare` counts them. Raises Unreadable."""

    def has_the_bytes_of(self, store: Store, key: str) -> bool:
        """Whether a stored file of the same content has the same bytes, apart from its footer."""

    def fit(self, log: DeltaLog) -> bool:
        """Take the column types of the table, as far as the values allow. True: the draft must be published again."""


@dataclass(frozen=True, slots=True)
class StoredState:
    """What was stored of a partition at one moment: its files, and how new its last reading was."""

    files: tuple[str, ...]
    newness: int | None


@dataclass(slots=True)
class Proposal:
    """What a run wants to store as a partition.

    `known`: what was stored when the work began.
    `newness` grows with each newer input: see `Lake.newness`.
    `is_read`: read from the platform. Such a proposal replaces a newer reading only as `is_complete` says, and always
    gets a file of its own. Any other proposal was made from stored partitions. It yields to a larger newness only if
    that was committed since the work began: what was stored before may have had more inputs, hence the larger newness.
    `is_complete`: it holds all of its partition, and replaces an incomplete one even if that is newer. A details job
    has all data, but hours later than a query has the newest data.
    `builds_on_known`: it was made of what was stored, so it may replace nothing else.
    `adds`: its rows follow the stored ones, which stay. It builds on these, and none of their files may be lost.
    `yields_to_newer`: it never replaces a newer one, whenever that was committed.
    """

    key: Key
    writer: FinishedDraft
    known: StoredState
    newness: int
    is_read: bool = False
    is_complete: bool = False
    builds_on_known: bool = False
    adds: bool = False
    yields_to_newer: bool = False
    published: str | None = None


@dataclass(slots=True)
class _Decision:
    """What a commit does with one proposal. `healed`: it replaces stored files that could not be read."""

    change: Change
    added: list[AddedFile] = field(default_factory=list)
    removed: list[RemovedFile] = field(default_factory=list)
    healed: bool = False

    @property
    def reading(self) -> dict[str, Any]:
        """What the commit says of the partition: `ledger` reads it."""
        is_first = self.change.rows_before is None and not self.healed
        return {**self.change.figures(), "first": is_first, **({"healed": True} if self.healed else {})}


def stored_state(log: DeltaLog, key: Key) -> StoredState:
    """What is stored of a partition now."""
    return StoredState(tuple(file.path for file in log.files(key)), log.newness(key))


class Commit:
    """The replacement of some partitions of one table, all in one commit.

    If rows and reach of a partition did not change, its file stays, and the commit only notes that it was read again.
    Pages that were read (`Proposal.is_read`) always get a new file, because it names the run that read them. A newer
    reading that was committed since the work began stays. `marks` are numbers that the table stores by name.
    """

    def __init__(
        self,
        log: DeltaLog,
        proposals: Sequence[Proposal],
        run_id: str | None,
        marks: Mapping[str, int] | None = None,
    ) -> None:
        self._log = log
        self._proposals = proposals
        self._run_id = run_id
        self._marks = dict(marks or {})
        self._id = uuid.uuid4().hex
        self._since = self._prepared_at = log.version
        self._retyping = Retyping(log)
        self._decisions: dict[Key, _Decision] = {}

    def prepare(self) -> None:
        """Compare with what is stored, and publish the files that will be committed: everything slow or likely to fail.

        Raises PartitionsChanged, ColumnTypeChanged, ReservedColumn, DuplicateColumn, NoColumns, UnstorableColumn,
        Unreadable if a file to which rows are added is lost, and ConcurrentCommit as `commit` does.
        """
        self._prepared_at = self._log.version
        for proposal in self._proposals:
            self._log.must_have_partitions_like(proposal.key)
            if proposal.writer.fit(self._log):
                proposal.published = None
        self._decisions = {proposal.key: _decide(self._log, proposal) for proposal in self._proposals}
        _publish(self._log, self._current, self._decisions)

    def commit(self, sleep: Callable[[float], None] = time.sleep) -> dict[Key, Change]:
        """Commit what was prepared; returns the change of each partition.

        Raises TableContended, ColumnTypeChanged, ConcurrentCommit if a proposal builds on what others replaced
        meanwhile, and Unreadable as `prepare` does.
        """
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while self._current:
            try:
                self._commit_once()
            except Conflict as conflict:
                if _is_committed(self._log, self._id, self._since):
                    break
                _pause(self._log, conflict, give_up_at, sleep)
                self._follow_files()
                self.prepare()
            else:
                break
        return {key: decision.change for key, decision in self._decisions.items()}

    def _commit_once(self) -> None:
        wanted, decisions = self._current, self._decisions
        newness: dict[Key, int] = {each.key: _newness(self._log, each) for each in wanted}
        newness.update(self._marks)
        note = {
            "commit_id": self._id,
            "run_id": self._run_id,
            "read_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "readings": {each.key or WHOLE: decisions[each.key].reading for each in wanted},
        }
        for each in wanted:
            self._retyping.fit(each.writer.schema)
        self._log.commit(
            wanted[0].writer.schema,
            [file for each in wanted for file in decisions[each.key].added],
            [file for each in wanted for file in decisions[each.key].removed],
            note,
            newness,
            on_top_of=self._prepared_at,
        )

    def _follow_files(self) -> None:
        """Replace the paths of known files that we rewrote when we gave the table other types."""
        for proposal in self._proposals:
            files = tuple(self._retyping.renamed.get(path, path) for path in proposal.known.files)
            proposal.known = replace(proposal.known, files=files)

    @property
    def _current(self) -> list[Proposal]:
        return [each for each in self._proposals if not self._decisions[each.key].change.is_superseded]


def _is_committed(log: DeltaLog, commit_id: str, since: int) -> bool:
    """Whether our commit is in the log already: its answer was lost, so that it was sent twice."""
    return any(note.get("commit_id") == commit_id for _, note in log.notes(since))


def _pause(log: DeltaLog, conflict: Conflict, give_up_at: float, sleep: Callable[[float], None]) -> None:
    if time.monotonic() > give_up_at:
        raise TableContended(
            f"Other processes committed to {log.place} for {_PATIENCE_SECONDS:.0f} s without a pause: nothing was "
            "stored. Run the partition again, with fewer runs at once."
        ) from conflict
    sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))


def remove_all(
    log: DeltaLog,
    keys: Sequence[Key],
    *,
    builds_on_known: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Remove partitions, all in one commit, as though they had never been stored.

    `builds_on_known`: remove only what is stored now. Raises TableContended, and ConcurrentCommit if others replaced
    that.
    """
    give_up_at, before = time.monotonic() + _PATIENCE_SECONDS, [stored_state(log, key) for key in keys]
    commit_id, since = uuid.uuid4().hex, log.version
    while True:
        if builds_on_known and [stored_state(log, key) for key in keys] != before:
            raise ConcurrentCommit(f"Another run replaced partitions of {log.place} meanwhile.")
        at, stored = log.version, {key: files for key in keys if (files := log.files(key))}
        if not stored:
            return
        removed = [RemovedFile(file) for files in stored.values() for file in files]
        note = {"commit_id": commit_id, "removed": [key or WHOLE for key in stored]}
        try:
            log.commit(log.schema(), [], removed, note, dict.fromkeys(stored, NEVER), on_top_of=at)
        except Conflict as conflict:
            if _is_committed(log, commit_id, since):
                return
            _pause(log, conflict, give_up_at, sleep)
        else:
            return


def note_unanswered(
    log: DeltaLog,
    key: Key,
    schema: pa.Schema,
    newness: int,
    note: Mapping[str, Any],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Note that the platform did not answer a request for a partition. Its stored rows stay, if it has any.
    `schema` is at rest. Raises TableContended.
    """
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while (log.newness(key) or NEVER) < newness:
        try:
            log.commit(
                log.schema() or schema, [], [], {"unanswered": dict(note)}, {key: newness}, on_top_of=log.version
            )
        except Conflict as conflict:
            _pause(log, conflict, give_up_at, sleep)


def append(
    log: DeltaLog,
    key: Key,
    writer: FinishedDraft,
    run_id: str | None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Add a file to a partition, and leave the stored ones. Raises TableContended, and what `Commit.prepare` does."""
    give_up_at, retyping = time.monotonic() + _PATIENCE_SECONDS, Retyping(log)
    path, commit_id, since = None, uuid.uuid4().hex, log.version
    while True:
        if writer.fit(log) or path is None:
            path = new_path(key, writer.content)
            writer.draft.publish(f"{log.place}/{path}")
        try:
            at = log.version
            retyping.fit(writer.schema)
            added = [AddedFile(key, path, writer.size, writer.rows, modified_ms=_later_than(log.files(key)))]
            log.commit(writer.schema, added, [], {"commit_id": commit_id, "run_id": run_id}, {}, on_top_of=at)
        except Conflict as conflict:
            if _is_committed(log, commit_id, since):
                return
            _pause(log, conflict, give_up_at, sleep)
        else:
            return


def join(
    log: DeltaLog,
    key: Key,
    writer: FinishedDraft,
    files: Sequence[DataFile],
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Replace some files of a partition by one that holds the same rows.

    Returns False if others replaced one of them meanwhile: nothing was committed. Raises TableContended.
    """
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    path = new_path(key, writer.content)
    writer.draft.publish(f"{log.place}/{path}")
    added = AddedFile(key, path, writer.size, writer.rows, same_rows=True, modified_ms=files[-1].modified_ms)
    while True:
        at, stored = log.version, {file.path for file in log.files(key)}
        if not {file.path for file in files} <= stored:
            return path in stored
        try:
            removed = [RemovedFile(file, same_rows=True) for file in files]
            log.commit(writer.schema, [added], removed, {"joined": {key or WHOLE: len(files)}}, {}, on_top_of=at)
        except Conflict as conflict:
            _pause(log, conflict, give_up_at, sleep)
        else:
            return True


def _decide(log: DeltaLog, proposal: Proposal) -> _Decision:
    """Compare a proposal with what is stored now."""
    stored, now = log.files(proposal.key), stored_state(log, proposal.key)
    content, rows = proposal.writer.content, proposal.writer.rows
    if (proposal.builds_on_known or proposal.adds) and now != proposal.known:
        raise ConcurrentCommit(f"Another run replaced {proposal.key or 'all rows'} of {log.place} meanwhile.")
    if proposal.adds:
        return _addition(log, proposal, stored)
    if _is_superseded(log, proposal, now, stored):
        change = Change(content, sum(file.rows for file in stored), previous_content=_content(stored))
        return _Decision(replace(change, is_superseded=True))
    # A file of pages names the run that read them. A run that continues that run looks there. So pages get a new file.
    if (
        not proposal.is_read
        and [file.content for file in stored] == [content]
        and _is_whole(log, proposal.writer, stored[0])
    ):
        return _Decision(Change(content, rows, rows, 0, 0, 0, content))
    change, healed = _change(log, proposal.writer, stored)
    if len(stored) > 1 and not proposal.is_read and change.same_rows and _may_stay(log, proposal.writer, stored):
        return _Decision(replace(change, content=str(change.previous_content)))
    path = proposal.published or new_path(proposal.key, content)
    added = AddedFile(proposal.key, path, proposal.writer.size, rows, change.same_rows)
    return _Decision(change, [added], [RemovedFile(file, change.same_rows) for file in stored], healed)


def _is_superseded(log: DeltaLog, proposal: Proposal, now: StoredState, stored: Sequence[DataFile]) -> bool:
    """Whether what is stored stays. A complete reading replaces a newer incomplete one, but no newer complete one."""
    is_newer, changed_meanwhile = (now.newness or NEVER) > proposal.newness, now != proposal.known
    if not proposal.is_read:
        return is_newer and (changed_meanwhile or proposal.yields_to_newer)
    if is_newer and proposal.is_complete:
        return _is_complete(log, stored) and _read_as_of(log, stored, now) > proposal.newness
    # A run reads part of a day only if the stored day is incomplete. The stored day may have become complete since.
    return is_newer or (changed_meanwhile and not proposal.is_complete and _is_complete(log, stored))


def _is_complete(log: DeltaLog, stored: Sequence[DataFile]) -> bool:
    """Whether the newest stored file of a partition says that the partition is complete."""
    try:
        reaches = [StoredFooter(log.store, log.place, file).reach for file in stored[-1:]]
    except Unreadable:
        return False
    return any(reach is not None and reach.is_complete for reach in reaches)


def _newness(log: DeltaLog, proposal: Proposal) -> int:
    """The newness of a partition with the proposal: that of pages never falls, also if an older complete reading
    replaces a newer incomplete one.
    """
    return max(proposal.newness, log.newness(proposal.key) or NEVER) if proposal.is_read else proposal.newness


def _read_as_of(log: DeltaLog, stored: Sequence[DataFile], now: StoredState) -> int:
    """When the stored pages were true, in milliseconds. Their newness may be that of pages which they replaced."""
    try:
        newest = StoredPages(open_files(log.store, log.place, stored)).newest_as_of
    except Unreadable:
        return NEVER
    return (now.newness or NEVER) if newest is None else milliseconds(newest)


def _addition(log: DeltaLog, proposal: Proposal, stored: Sequence[DataFile]) -> _Decision:
    """Adds a file beside the stored ones. A stored file without rows only recorded the reach, so it is removed. Raises
    Unreadable if a stored file is lost or truncated: the partition would stay unreadable.
    """
    for file in stored:
        if not _has_its_size(log, file):
            place = log.store.uri(f"{log.place}/{file.path}")
            raise Unreadable(f"{place} is lost or truncated: rows cannot be added to its partition.")
    content, rows, before = proposal.writer.content, proposal.writer.rows, sum(file.rows for file in stored)
    empty = [file for file in stored if not file.rows]
    kept_contents = [file.content for file in stored if file.rows]
    path = proposal.published or new_path(proposal.key, content)
    change = Change("+".join([*kept_contents, content]), before + rows, before, rows, 0, 0, _content(stored))
    added = AddedFile(proposal.key, path, proposal.writer.size, rows, change.same_rows, _later_than(stored))
    return _Decision(change, [added], [RemovedFile(file, same_rows=True) for file in empty])


def _later_than(stored: Sequence[DataFile]) -> int:
    """The time of a file that is added beside the stored ones. Files of a partition are ordered by their times, also if
    two are added within a millisecond, or by machines whose clocks differ.
    """
    return max([log_entry.now_ms(), *(file.modified_ms + 1 for file in stored)])


def _may_stay(log: DeltaLog, writer: FinishedDraft, stored: Sequence[DataFile]) -> bool:
    """Whether several stored files with the rows of a draft can replace it: same columns, same reach, none
    truncated.
    """
    files = [StoredFile(log.store, log.place, file) for file in stored]
    has_columns = all(file.parquet.schema_arrow.remove_metadata() == writer.schema for file in files)
    return has_columns and files[-1].reach == writer.reach and all(_has_its_size(log, file) for file in stored)


def _is_whole(log: DeltaLog, writer: FinishedDraft, file: DataFile) -> bool:
    """Whether a stored file with the content of a draft still has all its bytes."""
    if not _has_its_size(log, file):
        return False
    return not log.store.may_alter_files or writer.has_the_bytes_of(log.store, f"{log.place}/{file.path}")


def _has_its_size(log: DeltaLog, file: DataFile) -> bool:
    """Whether a stored file has the size that the log says: a disk may have lost bytes, S3 keeps all or none."""
    return log.store.size(f"{log.place}/{file.path}") == file.size


def _change(log: DeltaLog, writer: FinishedDraft, stored: Sequence[DataFile]) -> tuple[Change, bool]:
    """What is new, and whether the draft heals the partition: its stored files could not be read."""
    first = Change(writer.content, writer.rows)
    if not stored:
        return first, False
    try:
        before = rows_at_rest([StoredFile(log.store, log.place, file) for file in stored])
        figures = writer.changes_since(before)
    except Unreadable:
        return first, True
    return Change(writer.content, previous_content=_content(stored), **figures), False


def _content(stored: Sequence[DataFile]) -> str | None:
    return "+".join(file.content for file in stored) or None


def _publish(log: DeltaLog, proposals: Sequence[Proposal], decisions: Mapping[Key, _Decision]) -> None:
    """Publish the files that a commit will add, several at once."""
    pending = [each for each in proposals if decisions[each.key].added and each.published is None]

    def publish(proposal: Proposal) -> None:
        path = decisions[proposal.key].added[0].path
        proposal.writer.draft.publish(f"{log.place}/{path}")
        proposal.published = path

    with at_once(_UPLOADS_AT_ONCE, len(pending), "publish") as map_:
        list(map_(publish, pending))
