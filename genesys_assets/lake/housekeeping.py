"""Housekeeping: older versions, leftovers of killed runs and old commits go; a finished day of snapshots is one file.

Nothing that readers see now changes. When it runs is decided in `assets.housekeeping`; rows of conversations that must
be forgotten leave with the older versions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from genesys_assets.lake.delta import Added, Conflict, DataFile, DeltaLog, Removed, new_path
from genesys_assets.lake.files import TableWriter
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import DRAFTS, drafts
from genesys_assets.tables.spec import Column, TableSpec

_LOG = "/_delta_log/"
SNAPSHOTS = "live/"
"""Where tables lie to which each run adds a file."""


@dataclass(slots=True)
class Tidied:
    """What housekeeping did: names of removed files by table, and how many days of snapshots were put together."""

    removed: dict[str, list[str]] = field(default_factory=dict)
    days_put_together: int = 0
    contended: list[str] = field(default_factory=list)

    @property
    def files(self) -> int:
        return sum(map(len, self.removed.values()))


def keep_house(lake: Lake, keep: timedelta, now: datetime) -> Tidied:
    """Remove what is older than `keep` and no part of any table now: files of older versions, files that a killed run
    published and never committed, drafts. `keep` must be longer than any run: a shorter one takes away what running
    ones are about to commit.

    A table that others commit to at the moment is left for the next time, and named in `contended`.
    """
    done = Tidied()
    files = lake.store.listing("")
    tables = sorted({key.split(_LOG)[0] for key, _ in files if _LOG in key})
    for place in tables:
        try:
            if place.startswith(SNAPSHOTS):
                done.days_put_together += _put_together(lake, place, f"{now.astimezone(UTC):%Y-%m-%d}")
            _note(done, place, _remove_old_files(lake.log(place), keep))
        except Conflict:
            done.contended.append(place)
    for key in _leftovers(files, tables, now - keep):
        lake.store.delete(key)
        _note(done, key.rpartition("/")[0], [key])
    return done


def _note(done: Tidied, place: str, removed: list[str]) -> None:
    if removed:
        done.removed.setdefault(place, []).extend(removed)


def _remove_old_files(log: DeltaLog, keep: timedelta) -> list[str]:
    """The table's files that no version younger than `keep` has, and files that were never committed. The log is kept
    for as long as `delta.logRetentionDuration` says; a checkpoint lets readers do without older commits.
    """
    with log.exclusive() as table:
        if table is None:
            return []
        hours = int(keep.total_seconds() // 3600)
        options = {"retention_hours": hours, "enforce_retention_duration": False, "full": True}
        if not table.vacuum(dry_run=True, **options):
            return []
        removed = list(table.vacuum(dry_run=False, **options))
        table.create_checkpoint()
        table.cleanup_metadata()
        return removed


def _put_together(lake: Lake, place: str, today: str) -> int:
    """Snapshots of finished days, a file each, as one file a day. The rows stay what they are."""
    log, days = lake.log(place), 0
    for day in log.partitions():
        files = log.files(day)
        if day < today and len(files) > 1:
            _rewrite(lake, log, day, files)
            days += 1
    return days


def _rewrite(lake: Lake, log: DeltaLog, day: str, files: list[DataFile]) -> None:
    schema, at = log.schema(), log.version
    spec = TableSpec(log.place, "", (), tuple(Column(each.name, each.type, "") for each in schema))
    with drafts(lake.store) as begin:
        with TableWriter(begin(), spec, lake.provenance(log.place, day)) as writer:
            for rows in lake.row_groups(log.place, day):
                writer.write(_with_columns(rows, schema))
        path = new_path(day, writer.content)
        writer.draft.publish(f"{log.place}/{path}")
        added = Added(day, path, writer.size, writer.rows, same_rows=True)
        removed = [Removed(file, same_rows=True) for file in files]
        log.commit(schema, [added], removed, {"put_together": day}, {}, on_top_of=at)


def _with_columns(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        rows[each.name].cast(each.type) if each.name in rows.column_names else pa.nulls(len(rows), each.type)
        for each in schema
    ]
    return pa.table(columns, schema=schema)


def _leftovers(files: list[tuple[str, datetime]], tables: list[str], before: datetime) -> list[str]:
    """Drafts of killed runs, and published files of tables that were never made."""
    old = [key for key, modified in files if modified <= before]
    return [key for key in old if key.startswith(f"{DRAFTS}/") or _is_of_no_table(key, tables)]


def _is_of_no_table(key: str, tables: list[str]) -> bool:
    return key.endswith(".parquet") and not any(key.startswith(f"{place}/") for place in tables)
