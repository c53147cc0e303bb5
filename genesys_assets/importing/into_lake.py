"""Writes saved files to the lake, one after the other, and records the outcome of each.

    pages/imported_details             conversations, by the UTC day they began
    pages/imported_hourly_aggregates   buckets within an hour, by UTC day
    pages/imported_daily_aggregates    whole business days
    imports/<sha256>.json              see `records`
    imports/starts/…                   see `start_index`

A file is recognised by its sha256. Importing it again changes nothing, unless it is read with other options: then its
new pages replace its old ones. `take_back` removes files again.
"""

from __future__ import annotations

import ctypes
import functools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import chain, starmap
from typing import Any

import pyarrow as pa

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.http.page import Page
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.files import CannotImport, SavedFile, sha256_of, unaltered
from genesys_assets.importing.imported_page import ASSETS, DETAILS, file_of, identity
from genesys_assets.importing.overlaps import leave_out_overlapping, spans_of
from genesys_assets.importing.pages import FileContents, convert
from genesys_assets.importing.partitions import is_fetched, until_committed, write_pages
from genesys_assets.importing.records import Outcome, Record, files_in, key_of, read_record
from genesys_assets.importing.remarks import counted, printable
from genesys_assets.importing.result import ImportResult, days_to_mark, days_within
from genesys_assets.importing.spool import Partition, Span, Spool
from genesys_assets.importing.start_days import Overtaken, leave_out_moved, shared_days
from genesys_assets.importing.start_index import data_file
from genesys_assets.importing.versions import leave_out_parts
from genesys_assets.lake.files import StoredPages, Unreadable
from genesys_assets.lake.lake import Lake
from genesys_assets.privacy.answers import CannotDrop
from genesys_assets.privacy.forgotten import ForgottenIds

_BYTES_AT_ONCE = 1 << 30
"""How many bytes of pages wait on disk before they are written: the more, the less often a day of many files is
written.
"""
_LONGEST_REASON = 1_000
_NOT_WRITTEN = "it was read, but an error ended the import before all of it was written: import it again"
_REPLACED = (
    "figure of a bucket that went on when the answer was saved left out: the whole bucket, or a longer part, counts"
)
_MOST_NAMED = 10
_LOOKS = 5
"""How often to look whether somebody was forgotten while records were stored."""
_READER_VERSION = 13
"""The version of the way in which files are read. Raise it when the same bytes give other pages, or something else is
left out, so that files that were imported before are read again.
"""


class DamagedPages(Exception):
    """The imported pages of a day are damaged, and not all files that have pages there are imported again. The message
    names the day and the files.
    """


def import_files(
    lake: Lake,
    files: Iterable[SavedFile],
    options: ImportOptions,
    *,
    complete: Interval | None = None,
    run_id: str | None = None,
    on_file: Callable[[Outcome], None] = lambda _: None,
    result: ImportResult | None = None,
) -> ImportResult:
    """Import files into the lake. A file that cannot be read is skipped, and the others are imported. `on_file` is
    called with the outcome of each. `result` is returned, and holds what was done until then if an error is raised.

    `complete` is the span whose data the files hold completely: its days count as complete, unless a file was skipped,
    something was left out, an answer counted more conversations than the files have, the last page of a job's results
    is missing, or jobs had no data yet of the end of a day.
    Raises CannotImport where that span is not over, or holds no whole day.
    """
    now = datetime.now(UTC)
    if complete is not None and complete.end > now:
        raise CannotImport(f"{complete} is not over, so nobody can have all of it yet")
    if complete is not None and not any(list(days_within(complete, asset, options)) for asset in ASSETS):
        raise CannotImport(f"{complete} holds no whole day, and only whole days can be complete")
    try:
        with Spool() as spool:
            running = _Import(lake.isolated(), spool, options, now, run_id, result)
            try:
                for file in files:
                    on_file(running.take(file))
                running.flush()
            except Exception:
                running.abandon()
                raise
            running.end(complete)
            return running.result
    finally:
        lake.look_again(map("pages/{}".format, ASSETS))


class _Import:
    """A running import. Pages are collected in the spool, so that a day of many files is written once."""

    def __init__(
        self,
        lake: Lake,
        spool: Spool,
        options: ImportOptions,
        now: datetime,
        run_id: str | None,
        result: ImportResult | None = None,
    ) -> None:
        self.lake = lake
        self.spool = spool
        self.options = options
        self.now = now
        self.provenance = {"source": "import"} | ({"run_id": run_id} if run_id else {})
        self.result = ImportResult() if result is None else result
        self._seen: dict[str, Outcome] = {}
        self._copies: dict[str, list[Outcome]] = defaultdict(list)
        self._clear_queue()

    def _clear_queue(self) -> None:
        self._read_anew: dict[Partition, set[str]] = defaultdict(set)
        self._records: dict[str, Outcome] = {}
        self._left_out_whole: set[str] = set()
        self._built_on: str | None = None
        self.spool.forget_pages()

    def take(self, file: SavedFile) -> Outcome:
        """Read one file to the spool. If the spool is full, write all of it to the lake."""
        outcome = self._read(file)
        self.result.outcomes.append(outcome)
        if self.spool.bytes >= _BYTES_AT_ONCE:
            self.flush()
        return outcome

    def _read(self, file: SavedFile) -> Outcome:
        try:
            sha256 = sha256_of(file)
        except CannotImport as reason:
            return _skipped(file, str(reason))
        if sha256 in self._seen:
            return self._copy(file, sha256)
        before = read_record(self.lake, sha256)
        if before is not None and self._is_unchanged(sha256, before):
            outcome = _unchanged(file, before.outcome, "imported before")
        else:
            try:
                converted = self._convert(file, sha256)
            except (CannotImport, CannotDrop) as reason:
                return _skipped(file, str(reason))
            except OverflowError:
                return _skipped(file, "it has a time outside the years 1 to 9999")
            except (RecursionError, MemoryError):
                return _skipped(file, "it is nested too deeply, or one value of it is too large")
            outcome = self._enqueue(file, sha256, converted)
        self._seen[sha256] = outcome
        return outcome

    def _copy(self, file: SavedFile, sha256: str) -> Outcome:
        """The outcome of a file with the bytes of an earlier one. If that one is skipped later, so is this one."""
        seen = self._seen[sha256]
        if seen.state == "skipped":
            return _skipped(file, seen.reason)
        # Its conversations were already counted with the first file.
        outcome = _unchanged(file, replace(seen, counted=[]), f"the same bytes as {seen.file}")
        self._copies[sha256].append(outcome)
        return outcome

    def _convert(self, file: SavedFile, sha256: str) -> FileContents:
        """Read the file's pages to the spool, screened as they will be stored, so that they compare with stored
        ones.
        """
        screen = functools.cache(lambda asset: self.lake.screen(f"pages/{asset}"))
        raw = unaltered(file, sha256)
        return convert(
            file.name,
            sha256,
            raw,
            self.options,
            self.now,
            self.spool,
            screened=lambda asset, page: screen(asset).page(page),
        )

    def _is_unchanged(self, sha256: str, before: Record) -> bool:
        """Whether reading a file again would change nothing: the options are the same, all its pages are stored, and no
        other file has its conversations on other days.
        """
        days = before.outcome.partitions
        return (
            not before.outcome.moved
            and (before.reader_version, before.options) == (_READER_VERSION, _as_json(self.options))
            and all(self._has_pages_of(sha256, f"pages/{asset}", day) for asset in days for day in days[asset])
        )

    def _has_pages_of(self, sha256: str, asset: str, day: str) -> bool:
        """Whether a file has pages in a partition, all of which can be read: damaged ones are written anew."""
        stored = self.lake.pages(asset, day)
        if stored is None:
            return False
        try:
            theirs = [index for index in range(len(stored)) if file_of(stored.about(index).request) == sha256]
            for index in theirs:
                stored[index]
        except Unreadable:
            return False
        return bool(theirs)

    def _enqueue(self, file: SavedFile, sha256: str, converted: FileContents) -> Outcome:
        self._records[sha256] = outcome = Outcome(
            file.place,
            "imported",
            shapes=dict(converted.shapes),
            conversations=converted.conversations,
            buckets=converted.buckets,
            counted=converted.counted,
            last_pages=sorted(converted.last_pages),
            other_pages=converted.other_pages,
            known_until=converted.known_until,
            whole_until=converted.whole_until,
            cut_until=converted.cut_until,
            partitions=self._partitions_of(sha256),
            notes=dict(converted.remarks.read),
            left_out=dict(converted.remarks.left_out),
        )
        return outcome

    def flush(self) -> None:
        """Write everything in the spool. Raises TableContended, DamagedPages.

        Records are stored before the pages, with the partitions that a file is going to have and those that it still
        has, and without the version of the reader. So if the process is killed in between, the file can be taken back,
        and is read once more if it is imported again.
        """
        _give_memory_back()
        self.lake = self.lake.refreshed()
        self._replace_old_pages()
        overtaken = Overtaken(self.lake)
        shared = shared_days(self.lake, self.spool)
        self._leave_out(leave_out_moved(self.lake, self.spool, self._replaced, self._name_of, shared))
        self._leave_out(leave_out_parts(self.lake, self.spool, self._replaced, self._name_of, shared))
        meanwhile = {
            sha256: replace(outcome, partitions=self._partitions_meanwhile(sha256))
            for sha256, outcome in self._records.items()
        }
        self._store_records(meanwhile, None)
        for partition in sorted({*self._read_anew, *self.spool.places()}):
            while self._merge(partition) and partition[0] == DETAILS and self._yield_to_others(partition, overtaken):
                pass
            _give_memory_back()
        self._store_records(self._records, _READER_VERSION)
        for sha256 in self._left_out_whole:
            self.lake.store.delete(key_of(sha256))
        self._clear_queue()

    def _store_records(self, outcomes: Mapping[str, Outcome], reader_version: int | None) -> None:
        """Store the outcomes; once more if somebody was forgotten meanwhile."""
        who: ForgottenIds | None = None
        for _ in range(_LOOKS):
            before, who = who, ForgottenIds.load(self.lake.store)
            if who == before:
                return
            for sha256, outcome in outcomes.items():
                Record(outcome, reader_version, _as_json(self.options)).store(self.lake, sha256, who)

    def end(self, complete: Interval | None) -> None:
        """Count what all files hold together, and mark days as complete if the files can hold everything."""
        self.result.conversations, self.result.buckets = self.spool.total("conversation"), self.spool.total("bucket")
        self.result.span = complete
        if complete is not None and self.result.may_be_complete:
            self.mark_complete()

    def abandon(self) -> None:
        """Note that an error ended the import: files that wait are not written, or not all of them."""
        for sha256 in self._records:
            self._skip(sha256, _NOT_WRITTEN)

    def _yield_to_others(self, partition: Partition, overtaken: Overtaken) -> bool:
        """Leave out conversations that another process has stored on another day meanwhile. Returns whether there are
        any: then the partition has to be written again.
        """
        remarks = overtaken.leave_out(
            self.lake, self.spool, self._replaced, self._name_of, day=partition[1], built_on=self._built_on
        )
        for sha256 in remarks:
            self._read_anew[partition].add(sha256)
        self._leave_out(remarks)
        return bool(remarks)

    @property
    def _replaced(self) -> set[str]:
        """The files (sha256) whose stored pages are replaced, or were."""
        return {*self._records, *chain.from_iterable(self._read_anew.values())}

    def _replace_old_pages(self) -> None:
        """Note where the files have pages from an earlier import with other options, or from one that ended while they
        were read.
        """
        for sha256 in self._records:
            before = read_record(self.lake, sha256)
            for asset, days in (before.outcome.partitions if before else {}).items():
                for day in days:
                    self._read_anew[asset, day].add(sha256)

    def _partitions_meanwhile(self, sha256: str) -> dict[str, list[str]]:
        """The days that a file may have pages in while it is written, by asset: the old ones and the new ones."""
        days: dict[str, set[str]] = defaultdict(set)
        for asset, day in self.spool.places(sha256):
            days[asset].add(day)
        for (asset, day), files in self._read_anew.items():
            if sha256 in files:
                days[asset].add(day)
        return {asset: sorted(each) for asset, each in days.items()}

    def _leave_out_overlapping(self, partition: Partition, spans: Collection[Span], stored: Iterable[Page]) -> bool:
        """Leave out figures whose buckets overlap those of stored pages that stay, or of earlier files. Returns whether
        there are any.
        """
        found = leave_out_overlapping(self.spool, partition, spans, stored, self._name_of)
        changed = {*found.remarks, *found.replaced}
        self._read_anew[partition].update(changed)
        for sha256, count in found.replaced.items():
            outcome = self._records[sha256]
            outcome.notes[_REPLACED] = outcome.notes.get(_REPLACED, 0) + count
            # If the whole bucket is taken back, the file is read again.
            outcome.moved += count
        self._leave_out({each: found.remarks[each] for each in changed}, found.buckets)
        return bool(changed)

    def _leave_out(self, remarks_by_file: Mapping[str, Counter[str]], buckets: Mapping[str, int] | None = None) -> None:
        """Note in the outcomes which conversations were left out: another file, or a fetch, has them on another day, or
        another file has parts that they lack. With `buckets`: which figures were left out, and how many buckets of each
        file lost all their figures.
        """
        for sha256, remarks in remarks_by_file.items():
            outcome = self._records[sha256]
            outcome.moved += remarks.total()
            if buckets is None:
                outcome.conversations -= remarks.total()
            else:
                outcome.buckets -= buckets[sha256]
            outcome.left_out = dict(Counter(outcome.left_out) + remarks)
            outcome.partitions = self._partitions_of(sha256)
            if not outcome.conversations and not outcome.buckets and outcome.left_out:
                reasons = "; ".join(starmap(counted, outcome.left_out.items()))
                self._skip(sha256, f"nothing of it can be taken: {reasons}")
                del self._records[sha256]
                # Its old pages, if it has any, are removed too.
                self._left_out_whole.add(sha256)
            for copy in self._copies[sha256]:
                copy.conversations, copy.buckets, copy.left_out, copy.partitions = (
                    outcome.conversations,
                    outcome.buckets,
                    outcome.left_out,
                    outcome.partitions,
                )

    def _skip(self, sha256: str, reason: str) -> None:
        """Make a file that was read a skipped one, and its copies too."""
        for outcome in (self._seen[sha256], *self._copies[sha256]):
            outcome.state, outcome.reason, outcome.left_out = "skipped", reason, {}

    def _name_of(self, sha256: str) -> str:
        """The name of an imported file."""
        if sha256 in self._records:
            return self._records[sha256].file
        record = read_record(self.lake, sha256)
        return "another file" if record is None else record.outcome.file

    def _partitions_of(self, sha256: str) -> dict[str, list[str]]:
        """The days of the waiting pages of a file, by asset."""
        partitions: dict[str, list[str]] = defaultdict(list)
        for asset, day in self.spool.places(sha256):
            partitions[asset].append(day)
        return dict(partitions)

    def _merge(self, partition: Partition) -> bool:
        """Replace the pages of the waiting files in a partition. Returns whether they changed. Raises TableContended,
        DamagedPages.
        """
        return until_committed(self.lake, partition, lambda lake: self._merge_once(lake, partition))

    def _merge_once(self, lake: Lake, partition: Partition) -> bool:
        asset, day = partition
        stored, before, spans = self._readable(lake, partition)
        new = self.spool.identities(partition)
        replaced = self._read_anew[partition] | {sha256 for sha256, _ in new}
        kept = [index for index, (sha256, _) in enumerate(before) if sha256 not in replaced]
        is_damaged = stored is None and lake.has(f"pages/{asset}", day)
        if asset != DETAILS and self._leave_out_overlapping(partition, spans, _pages_at(stored, kept)):
            new = self.spool.identities(partition)
        if [*(before[index] for index in kept), *new] == before and not is_damaged:
            return False
        if asset == DETAILS:
            self._built_on = data_file(lake, day)
        old, pages = _pages_at(stored, kept), self.spool.pages(partition)
        if not kept and not new and not self._is_complete(stored) and is_fetched(lake, partition):
            lake.remove(f"pages/{asset}", [day], builds_on_stored=True)
        elif is_damaged:
            self._heal(lake, partition, pages)
        else:
            write_pages(lake, partition, chain(old, pages), self._is_complete(stored), self.provenance)
        self.result.changed.add(partition)
        return True

    @staticmethod
    def _is_complete(stored: StoredPages | None) -> bool:
        return stored is not None and stored.reach is not None and stored.reach.is_complete

    def _heal(self, lake: Lake, partition: Partition, pages: Iterable[Page]) -> None:
        """Write damaged pages anew. They stay complete if they were; if that cannot be known, because their file is
        damaged wholly and these are other pages, they are not complete any more.
        """
        asset, day = partition
        damaged, reach = lake.log(f"pages/{asset}").files(day), lake.reach(f"pages/{asset}", day)
        was_complete = reach is not None and reach.is_complete
        contents = {file.content for file in damaged} if reach is None else set()
        known = write_pages(lake, partition, pages, was_complete, self.provenance, contents)
        if reach is None and not known:
            self.result.no_longer_complete.add(partition)

    def mark_complete(self) -> None:
        """Mark the days inside the span as complete, also days of which no file has data."""
        days = {asset: self.result.days(asset) for asset in ASSETS}
        for asset in ASSETS:
            for day in days_to_mark(days, asset, self.result, self.options):
                mark = functools.partial(self._mark_complete, partition=(asset, day))
                until_committed(self.lake, (asset, day), mark)
                self.result.complete.add(day)

    def _mark_complete(self, lake: Lake, partition: Partition) -> None:
        """Raises ConcurrentCommit, DamagedPages."""
        stored, *_ = self._readable(lake, partition)
        if stored is None or stored.reach is None or not stored.reach.is_complete:
            write_pages(lake, partition, stored or (), True, self.provenance)
            self.result.changed.add(partition)
        self.result.no_longer_complete.discard(partition)

    def _readable(
        self, lake: Lake, partition: Partition
    ) -> tuple[StoredPages | None, list[tuple[str, str]], set[Span]]:
        """The stored pages of a partition, with the file and the identity of each, and the times of all their buckets.
        None if no page is stored, or if one is damaged and all their files are imported again. Raises DamagedPages if
        one is damaged and some of their files are not imported again: the pages of these files would be lost.
        """
        asset, day = partition
        stored, known, spans = lake.pages(f"pages/{asset}", day), list[tuple[str, str]](), set[Span]()
        try:
            for page in stored or ():
                known.append((file_of(page.request), identity(page)))
                spans |= set() if asset == DETAILS else spans_of(page)
        except Unreadable:
            stored, known = None, []
        if stored is None and lake.has(f"pages/{asset}", day):
            others = sorted(name for sha256, name in files_in(lake, partition).items() if sha256 not in self._records)
            if others:
                more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
                named = ", ".join(others[:_MOST_NAMED]) + more
                raise DamagedPages(
                    f"The stored pages of {asset} of {day} are damaged. Import these files again, together with the "
                    f"present ones, or take back those that you no longer have: {named}."
                )
        return stored, known, spans


def _pages_at(stored: StoredPages | None, numbers: Iterable[int]) -> Iterator[Page]:
    return iter(()) if stored is None else (stored[number] for number in numbers)


def _give_memory_back() -> None:
    """Give freed memory back to the system. Arrow and the C library keep it for later, which is never used here: after
    a gigabyte was read, 30 MB and more. Only glibc has `malloc_trim`.
    """
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _unchanged(file: SavedFile, before: Outcome, reason: str) -> Outcome:
    return replace(before, file=file.place, state="unchanged", reason=reason)


def _skipped(file: SavedFile, reason: str) -> Outcome:
    return Outcome(file.place, "skipped", printable(reason, _LONGEST_REASON))


def _as_json(options: ImportOptions) -> dict[str, Any]:
    """The options of an import, as they are stored with its result."""
    plain = json.loads(json.dumps(asdict(options), default=str))
    return dict(plain) | {"interval": str(options.interval) if options.interval else None}
