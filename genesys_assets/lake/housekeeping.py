"""Housekeeping: catches up the ledger, joins small files, and removes what no reader needs any longer.

    keep_house(lake, ledgered=["tables/conversations"], keep=timedelta(hours=24), now=datetime.now(UTC))

What was removed or replaced less than `keep` ago stays readable, by whoever reads just now and by version or time
(`DeltaTable.load_as_version`): the data files of all versions that were current since, the commits since, and the
checkpoint and commits from which the first of these is made. Older commits go only once the ledger has them. Rows of
conversations that must be forgotten leave with the older files.

Whatever a writer has published and not yet committed must be younger than `keep`, or it is taken for a leftover: keep
more than a run takes. (`DeltaTable.vacuum` would also remove tables that lie below others, counts in whole hours, and
commits twice, so that whoever writes meanwhile has to try again.)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

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
"""Tables below are added to and never replaced."""
_PARTITION = r"(?:date=[^/]+/(?:hour=[^/]+/)?)?"
_DATA_FILE = re.compile(rf"{_PARTITION}[^/=]+\.parquet")
_OURS = re.compile(rf"(.+?)/{_PARTITION}[0-9a-f]{{32}}-[0-9a-f]{{12}}\.parquet")
"""A file that we published, with its table."""


@dataclass(slots=True)
class HousekeepingResult:
    """What was done. `removed` counts data files by table. Tables with a problem are left for the next time."""

    removed: Counter[str] = field(default_factory=Counter)
    bytes_removed: int = 0
    commits_removed: int = 0
    drafts_removed: int = 0
    days_joined: dict[str, list[str]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def files_removed(self) -> int:
        return self.removed.total()


def keep_house(
    lake: Lake, ledgered: Sequence[str], *, keep: timedelta, now: datetime, provenance: Provenance | None = None
) -> HousekeepingResult:
    """Keep the house of all tables of a lake. `ledgered` are the places of tables whose readings the ledger has, as far
    as they exist.
    """
    lake, report, before = lake.refreshed(), HousekeepingResult(), now - keep
    published = lake.store.listed("")
    tables = places(published)
    readable = [place for place in tables if _has_readable_log(lake, place, report)]
    in_ledger = _catch_up(lake, [place for place in ledgered if place in readable], provenance or {}, report)
    for place in readable:
        try:
            _join_days(lake, place, f"{now:%Y-%m-%d}", report)
            _remove_files(lake.log(place), published, before, report)
            _clean_log(lake.log(place), before, in_ledger.get(place), report)
        except (TableContended, Unreadable) as error:
            report.problems[place] = str(error)
    _remove_of_no_table(lake.store, published, tables, before, report)
    _forget_drafts(lake.store, before, report)
    return report


def places(files: Iterable[ListedFile]) -> list[str]:
    """The tables of a lake, also those that lie below others."""
    return sorted({file.key.split(f"/{LOG}/")[0] for file in files if f"/{LOG}/" in file.key})


def _has_readable_log(lake: Lake, place: str, report: HousekeepingResult) -> bool:
    try:
        lake.log(place)
    except UnreadableLog as error:
        report.problems[place] = str(error)
    return place not in report.problems


# -- the ledger --------------------------------------------------------------------------------------------------------


def _catch_up(
    lake: Lake, ledgered: Sequence[str], provenance: Provenance, report: HousekeepingResult
) -> dict[str, int]:
    """Catch up the ledger; gives the version of each table up to which the ledger has all readings."""
    if LEDGER in report.problems:
        return dict.fromkeys(ledgered, 0)
    versions = {place: lake.log(place).version for place in ledgered}
    try:
        catch_up(lake, ledgered, [], provenance)
    except TableContended as error:
        report.problems[LEDGER] = str(error)
        return {place: ledger_version(lake, place) for place in ledgered}
    return versions


# -- many files of a day -----------------------------------------------------------------------------------------------


def _join_days(lake: Lake, place: str, until: str, report: HousekeepingResult) -> None:
    """Join the files of each finished day of a table that is added to."""
    if not place.startswith(_APPENDED):
        return
    log = lake.log(place)
    for day in log.partitions():
        try:
            if day < until and len(log.files(day)) > 1 and _join_day(lake, log, day):
                report.days_joined.setdefault(place, []).append(day)
        except Unreadable as error:
            report.problems[place] = str(error)


def _join_day(lake: Lake, log: DeltaLog, day: str) -> bool:
    """Write the rows of all files of a day to one, in the order in which they were added. Raises Unreadable."""
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


def _remove_files(log: DeltaLog, files: Iterable[ListedFile], before: datetime, report: HousekeepingResult) -> None:
    """Remove data files that were published before a moment, and that no version since then has.

    The files were listed before the log is read, and the log is read before its commits are listed: what is committed
    meanwhile is found in one of them.
    """
    below = f"{log.place}/"
    published = {file.key.removeprefix(below): file for file in files if file.key.startswith(below)}
    log.refresh()
    needed = {file.path for _, file in log.every_file()} | _named_since(log, before)
    left = [
        file
        for path, file in published.items()
        if file.modified < before and path not in needed and _DATA_FILE.fullmatch(path)
    ]
    _remove(log.store, log.place, left, report)


def _named_since(log: DeltaLog, moment: datetime) -> set[str]:
    """The files that commits since a moment have added or removed."""
    young = commits(_name(file) for file in _log_files(log) if file.modified >= moment)
    return {
        action[kind]["path"]
        for actions in log.actions([version for version in young if version <= log.version])
        for action in actions
        for kind in ("add", "remove")
        if kind in action
    }


def _remove_of_no_table(
    store: Store, files: Iterable[ListedFile], tables: Collection[str], before: datetime, report: HousekeepingResult
) -> None:
    """Remove what we published before a moment for tables that were never made."""
    for file in files:
        ours = _OURS.fullmatch(file.key)
        if ours and ours[1] not in tables and file.modified < before:
            _remove(store, ours[1], [file], report)


def _remove(store: Store, place: str, files: Sequence[ListedFile], report: HousekeepingResult) -> None:
    _delete(store, files)
    if files:
        report.removed[place] += len(files)
        report.bytes_removed += sum(file.size for file in files)


def _forget_drafts(store: Store, before: datetime, report: HousekeepingResult) -> None:
    try:
        report.drafts_removed = store.forget_drafts(before)
    except LakeUnreachable as error:
        report.problems[store.uri("")] = (
            f"{error} To remove uploads in parts that broke off takes s3:ListBucketMultipartUploads and "
            "s3:AbortMultipartUpload."
        )


# -- the log -----------------------------------------------------------------------------------------------------------


def _clean_log(log: DeltaLog, before: datetime, in_ledger: int | None, report: HousekeepingResult) -> None:
    """Write a checkpoint, and remove the commits that no version since a moment is made of, as far as the ledger has
    them (`in_ledger`; None: the ledger does not ask for them).

    Who has read the log since then has begun at a checkpoint that was there at that moment, or at a newer one.
    """
    if log.version > max(checkpoints(map(_name, _log_files(log))), default=-1):
        log.checkpoint()
    files = _log_files(log)
    base = max(checkpoints(_name(file) for file in files if file.modified < before), default=-1)
    older = [file for file in files if version_of(_name(file)) < base]
    gone = [
        file for file in older if is_commit(_name(file)) and (in_ledger is None or version_of(_name(file)) <= in_ledger)
    ]
    _delete(log.store, gone)
    _delete(log.store, [file for file in older if is_checkpoint(_name(file))])
    _delete(log.store, [file for file in files if is_unfinished(_name(file)) and file.modified < before])
    report.commits_removed += len(gone)


def _log_files(log: DeltaLog) -> list[ListedFile]:
    return log.store.listed(f"{log.place}/{LOG}")


def _name(file: ListedFile) -> str:
    return file.key.rsplit("/", 1)[-1]


def _delete(store: Store, files: Iterable[ListedFile]) -> None:
    """Remove files, the oldest versions of a log first: what is left begins at one."""
    for file in files:
        store.delete(file.key)
