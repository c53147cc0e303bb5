"""Housekeeping: catches up the ledger, joins small files, and removes what no reader needs any longer.

    clean_up(lake, ledgered=["tables/conversations"], keep=timedelta(hours=24), now=datetime.now(UTC))

What was removed or replaced less than `keep` ago stays readable, both for readers that are at work and by version or
time (`DeltaTable.load_as_version`). So these files stay: the data files of all versions that were current since then,
the commits since then, and the checkpoint and commits that the first of these versions is read from. Older commits are
removed only once the ledger has them. Rows of conversations that must be forgotten leave with the older files.

A file that is older than `keep` and not committed is taken for a leftover of a killed run and removed, so `keep` must
be longer than a run takes. (`DeltaTable.vacuum` would also remove tables that lie below others, counts in whole hours,
and commits twice, so that concurrent writers have to try again.)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from genesys_assets.lake.audit import AuditFailed
from genesys_assets.lake.commit import TableContended, join
from genesys_assets.lake.delta import DeltaLog, UnreadableLog
from genesys_assets.lake.files import Unreadable, common_schema, open_files, rows_of
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.ledger import LEDGER, catch_up, ledger_version
from genesys_assets.lake.log_files import LOG, checkpoints, commits, is_checkpoint, is_commit, is_unfinished, version_of
from genesys_assets.lake.parquet_files import Provenance
from genesys_assets.lake.store import LakeUnreachable, ListedFile, Store, drafts
from genesys_assets.lake.writers import TableWriter
from genesys_assets.tables.api_requests import API_REQUESTS
from genesys_assets.tables.spec import Column, TableSpec

_APPENDED = ("live/", f"tables/{API_REQUESTS.name}")
"""Files are only added to the partitions of tables below these places, until housekeeping joins them."""
_PARTITION = r"(?:date=[^/]+/(?:hour=[^/]+/)?)?"
_DATA_FILE = re.compile(rf"{_PARTITION}[^/=]+\.parquet")
_PUBLISHED_BY_US = re.compile(rf"(.+?)/{_PARTITION}[0-9a-f]{{32}}-[0-9a-f]{{12}}\.parquet")
"""The key of a file that we published; the first group is its table."""


@dataclass(slots=True)
class HousekeepingResult:
    """What was done. `removed` counts data files by table. Tables with a problem are left for the next run."""

    removed: Counter[str] = field(default_factory=Counter)
    bytes_removed: int = 0
    commits_removed: int = 0
    drafts_removed: int = 0
    days_joined: dict[str, list[str]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def files_removed(self) -> int:
        return self.removed.total()


def clean_up(
    lake: Lake, ledgered: Sequence[str], *, keep: timedelta, now: datetime, provenance: Provenance | None = None
) -> HousekeepingResult:
    """Clean up all tables of a lake: join small files, and remove files and log entries that nobody needs any more.

    `ledgered` are the places of the tables whose readings go to the ledger; they need not exist. `provenance` is
    that of the ledger's new rows.
    """
    lake, result, before = lake.refreshed(), HousekeepingResult(), now - keep
    published = lake.store.listed("")
    tables = list_tables(published)
    readable = [place for place in tables if _has_readable_log(lake, place, result)]
    in_ledger = _catch_up(lake, [place for place in ledgered if place in readable], provenance or {}, result)
    for place in readable:
        try:
            _join_days(lake, place, f"{now:%Y-%m-%d}", result)
            _remove_files(lake.log(place), published, before, result)
            _clean_log(lake.log(place), before, in_ledger.get(place), result)
        except (TableContended, Unreadable) as error:
            result.problems[place] = str(error)
    _remove_files_of_no_table(lake.store, published, tables, before, result)
    _remove_drafts(lake.store, before, result)
    return result


def list_tables(files: Iterable[ListedFile]) -> list[str]:
    """The places of all tables of a lake, also of those that lie below others."""
    return sorted({file.key.split(f"/{LOG}/")[0] for file in files if f"/{LOG}/" in file.key})


def _has_readable_log(lake: Lake, place: str, result: HousekeepingResult) -> bool:
    try:
        lake.log(place)
    except UnreadableLog as error:
        result.problems[place] = str(error)
    return place not in result.problems


# -- the ledger --------------------------------------------------------------------------------------------------------


def _catch_up(
    lake: Lake, ledgered: Sequence[str], provenance: Provenance, result: HousekeepingResult
) -> dict[str, int]:
    """Catch up the ledger; gives the version of each table up to which the ledger has all readings."""
    if LEDGER in result.problems:
        return dict.fromkeys(ledgered, 0)
    versions = {place: lake.log(place).version for place in ledgered}
    try:
        catch_up(lake, ledgered, [], provenance)
    except (TableContended, AuditFailed) as error:
        result.problems[LEDGER] = str(error)
        return {place: ledger_version(lake, place) for place in ledgered}
    return versions


# -- joining the files of a day ----------------------------------------------------------------------------------------


def _join_days(lake: Lake, place: str, until: str, result: HousekeepingResult) -> None:
    """Join the files of each finished day of a table that files are added to."""
    if not place.startswith(_APPENDED):
        return
    log = lake.log(place)
    for day in log.partitions():
        try:
            if day < until and len(log.files(day)) > 1 and _join_day(lake, log, day):
                result.days_joined.setdefault(place, []).append(day)
        except Unreadable as error:
            result.problems[place] = str(error)


def _join_day(lake: Lake, log: DeltaLog, day: str) -> bool:
    """Write the rows of all files of a day to one file, in the order in which they were added. Raises Unreadable."""
    stored = log.files(day)
    files = open_files(lake.store, log.place, stored)
    schema, last = common_schema(files), files[-1].provenance
    spec = TableSpec(
        log.place.rsplit("/", 1)[-1],
        "",
        (),
        tuple(Column(each.name, each.type, "") for each in schema),
        version=last.get("schema_version", 1),
    )
    with drafts(lake.store) as begin:
        with TableWriter(begin(), spec, {**last, "joined_files": len(files)}) as writer:
            for rows in rows_of(files, schema):
                writer.write(rows)
        return join(log, day, writer, stored)


# -- files that nobody needs -------------------------------------------------------------------------------------------


def _remove_files(log: DeltaLog, files: Iterable[ListedFile], before: datetime, result: HousekeepingResult) -> None:
    """Remove data files that were published before a moment, and that no version since then has.

    `files` were listed before the log is read here, and the log is read before its commits are listed. So a file that
    is committed meanwhile is either not in `files`, or named in the log or in one of these commits.
    """
    below = f"{log.place}/"
    published = {file.key.removeprefix(below): file for file in files if file.key.startswith(below)}
    log.refresh()
    needed = {file.path for _, file in log.every_file()} | _paths_named_since(log, before)
    unneeded = [
        file
        for path, file in published.items()
        if file.modified < before and path not in needed and _DATA_FILE.fullmatch(path)
    ]
    _remove(log.store, log.place, unneeded, result)


def _paths_named_since(log: DeltaLog, moment: datetime) -> set[str]:
    """The paths of the files that commits since a moment have added or removed."""
    young = commits(_name(file) for file in _log_files(log) if file.modified >= moment)
    return {
        action[kind]["path"]
        for actions in log.actions([version for version in young if version <= log.version])
        for action in actions
        for kind in ("add", "remove")
        if kind in action
    }


def _remove_files_of_no_table(
    store: Store, files: Iterable[ListedFile], tables: Collection[str], before: datetime, result: HousekeepingResult
) -> None:
    """Remove what we published before a moment for tables that were never created."""
    for file in files:
        match = _PUBLISHED_BY_US.fullmatch(file.key)
        if match and match[1] not in tables and file.modified < before:
            _remove(store, match[1], [file], result)


def _remove(store: Store, place: str, files: Sequence[ListedFile], result: HousekeepingResult) -> None:
    _delete(store, files)
    if files:
        result.removed[place] += len(files)
        result.bytes_removed += sum(file.size for file in files)


def _remove_drafts(store: Store, before: datetime, result: HousekeepingResult) -> None:
    try:
        result.drafts_removed = store.remove_drafts(before)
    except LakeUnreachable as error:
        result.problems[store.uri("")] = (
            f"{error} Removing unfinished multipart uploads needs the permissions s3:ListBucketMultipartUploads and "
            "s3:AbortMultipartUpload."
        )


# -- the log -----------------------------------------------------------------------------------------------------------


def _clean_log(log: DeltaLog, before: datetime, in_ledger: int | None, result: HousekeepingResult) -> None:
    """Write a checkpoint, and remove the commits that no version since a moment is read from. `in_ledger` is the
    version up to which the ledger has all readings: newer commits stay. None: the ledger does not need this table.

    Everybody who has read the log since that moment began at a checkpoint that existed then, or at a newer one.
    """
    if log.version > max(checkpoints(map(_name, _log_files(log))), default=-1):
        log.checkpoint()
    files = _log_files(log)
    base = max(checkpoints(_name(file) for file in files if file.modified < before), default=-1)
    older = [file for file in files if version_of(_name(file)) < base]
    removed = [
        file for file in older if is_commit(_name(file)) and (in_ledger is None or version_of(_name(file)) <= in_ledger)
    ]
    _delete(log.store, removed)
    _delete(log.store, [file for file in older if is_checkpoint(_name(file))])
    _delete(log.store, [file for file in files if is_unfinished(_name(file)) and file.modified < before])
    result.commits_removed += len(removed)


def _log_files(log: DeltaLog) -> list[ListedFile]:
    return log.store.listed(f"{log.place}/{LOG}")


def _name(file: ListedFile) -> str:
    return file.key.rsplit("/", 1)[-1]


def _delete(store: Store, files: Iterable[ListedFile]) -> None:
    """Remove files in the order given. Of a log that is the oldest version first, so that a crash leaves no gap in
    it.
    """
    for file in files:
        store.delete(file.key)
