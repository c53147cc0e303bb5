"""Keeping house: the ledger is caught up, small files are joined, and what no reader needs any more is removed.

    keep_house(lake, ledgered=["tables/conversations"], keep=timedelta(hours=24), now=datetime.now(UTC))

What was removed or replaced less than `keep` ago stays readable, by whoever reads just now and by version or time
(`DeltaTable.load_as_version`): the data files of all versions that were current since, the commits since, and the
checkpoint and commits from which the first of these is made. Older commits go only once the ledger has them.

Whatever a writer has published and not yet committed must be younger than `keep`, or it is taken for a leftover: keep
more than a run takes. (`DeltaTable.vacuum` would also remove tables that lie below others, counts in whole hours, and
commits twice, so that whoever writes meanwhile has to try again.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa

from genesys_assets.lake.changes import Change
from genesys_assets.lake.commit import TableContended, join
from genesys_assets.lake.delta import DeltaLog
from genesys_assets.lake.files import Provenance, StoredFile, TableWriter, Unreadable, open_files
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.ledger import LEDGER, catch_up
from genesys_assets.lake.log_files import LOG
from genesys_assets.lake.store import Listed, Store, drafts
from genesys_assets.tables.spec import Column, TableSpec, in_milliseconds

_APPENDED = "live/"
"""Tables below are added to and never replaced."""
_DATA_FILE = re.compile(r"(date=[^/]+/(hour=[^/]+/)?)?[^/=]+\.parquet")


@dataclass(slots=True)
class Report:
    """What was done. `problems` are by table: it was left as it was, and is looked at the next time."""

    restated: Mapping[str, Change] = field(default_factory=dict)
    days_joined: dict[str, list[str]] = field(default_factory=dict)
    files_removed: int = 0
    bytes_removed: int = 0
    commits_removed: int = 0
    drafts_removed: int = 0
    problems: dict[str, str] = field(default_factory=dict)


def keep_house(
    lake: Lake, ledgered: Sequence[str], *, keep: timedelta, now: datetime, provenance: Provenance | None = None
) -> Report:
    """Keep the house of all tables of a lake. `ledgered` are the places of tables whose readings the ledger has."""
    lake, report, before = lake.refreshed(), Report(), now - keep
    booked = _catch_up(lake, ledgered, provenance or {}, report)
    for place in places(lake.store):
        try:
            _join_days(lake, place, f"{now:%Y-%m-%d}", report)
            _remove_files(lake.log(place), before, report)
            _clean_log(lake.log(place), before, booked.get(place), report)
        except (TableContended, Unreadable) as error:
            report.problems[place] = str(error)
    report.drafts_removed = lake.store.forget_drafts(before)
    return report


def places(store: Store, below: str = "") -> list[str]:
    """The tables of a lake, also those that lie below others."""
    folders = store.folders(below)
    names = [folder.rsplit("/", 1)[-1] for folder in folders]
    found = [below] if LOG in names else []
    for folder, name in zip(folders, names, strict=True):
        if name != LOG and "=" not in name:
            found += places(store, folder)
    return found


# -- the ledger --------------------------------------------------------------------------------------------------------


def _catch_up(lake: Lake, ledgered: Sequence[str], provenance: Provenance, report: Report) -> dict[str, int]:
    """Catch up the ledger; gives the version of each table up to which the ledger has all readings."""
    versions = {place: lake.log(place).version for place in ledgered}
    try:
        report.restated = catch_up(lake, ledgered, [], provenance)
    except TableContended as error:
        report.problems[LEDGER] = str(error)
        return {place: lake.log(LEDGER).newness(place) or 0 for place in ledgered}
    return versions


# -- many files of a day -----------------------------------------------------------------------------------------------


def _join_days(lake: Lake, place: str, until: str, report: Report) -> None:
    """Join the files of each finished day of a table that is added to."""
    if not place.startswith(_APPENDED):
        return
    log = lake.log(place)
    for day in log.partitions():
        if day < until and len(log.files(day)) > 1 and _join_day(lake, log, day):
            report.days_joined.setdefault(place, []).append(day)


def _join_day(lake: Lake, log: DeltaLog, day: str) -> bool:
    """Write the rows of all files of a day to one, in the order in which they were added. Raises Unreadable."""
    stored = log.files(day)
    files = open_files(lake.store, log.place, stored)
    schema, last = in_milliseconds(log.schema()), files[-1].provenance
    spec = TableSpec(
        log.place.rsplit("/", 1)[-1],
        "",
        (),
        tuple(Column(name, type_, "") for name, type_ in zip(schema.names, schema.types, strict=True)),
        version=last.get("schema_version", 1),
    )
    with drafts(lake.store) as begin:
        with TableWriter(begin(), spec, {**last, "joined_files": len(files)}) as writer:
            for rows in _rows(files, schema):
                writer.write(rows)
        return join(log, day, writer, stored)


def _rows(files: Iterable[StoredFile], schema: pa.Schema) -> Iterator[pa.Table]:
    for file in files:
        for group in file.row_groups():
            columns = [group[name] if name in group.column_names else pa.nulls(len(group)) for name in schema.names]
            yield pa.table(columns, schema.names).cast(schema)


# -- files that nobody needs -------------------------------------------------------------------------------------------


def _remove_files(log: DeltaLog, before: datetime, report: Report) -> None:
    """Remove data files that were published before a moment, and that no version since then has.

    The files are listed before the log is read, and the log before its commits are listed: what is committed meanwhile
    is found in one of them.
    """
    below = f"{log.place}/"
    published = [file for file in log.store.listed(log.place) if _DATA_FILE.fullmatch(file.key.removeprefix(below))]
    log.refresh()
    needed = log.every_path() | _named_since(log, before)
    left = [file for file in published if file.modified < before and file.key.removeprefix(below) not in needed]
    _delete(log.store, left)
    report.files_removed += len(left)
    report.bytes_removed += sum(file.size for file in left)


def _named_since(log: DeltaLog, moment: datetime) -> set[str]:
    """The files that commits since a moment have added or removed."""
    since = [version for version, file in log.log_files.commits() if file.modified >= moment]
    return {
        action[kind]["path"]
        for actions in log.log_files.actions(since)
        for action in actions or ()
        for kind in ("add", "remove")
        if kind in action
    }


# -- the log -----------------------------------------------------------------------------------------------------------


def _clean_log(log: DeltaLog, before: datetime, booked: int | None, report: Report) -> None:
    """Write a checkpoint, and remove the commits that no version since a moment is made of, as far as the ledger has
    them (`booked`; None: the ledger does not ask for them).
    """
    files = log.log_files
    commits, checkpoints = files.commits(), files.checkpoints()
    if log.version > max((version for version, _ in checkpoints), default=-1):
        log.checkpoint()
        checkpoints = files.checkpoints()
    current = max((version for version, file in commits if file.modified < before), default=-1)
    base = max((version for version, _ in checkpoints if version <= current), default=-1)
    gone = [file for version, file in commits if version < base and (booked is None or version <= booked)]
    _delete(log.store, gone)
    _delete(log.store, [file for version, file in checkpoints if version < base])
    _delete(log.store, [file for file in files.unfinished() if file.modified < before])
    report.commits_removed += len(gone)


def _delete(store: Store, files: Iterable[Listed]) -> None:
    """Remove files, the oldest versions of a log first: what is left begins at one."""
    for file in files:
        store.delete(file.key)
