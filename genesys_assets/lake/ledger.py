"""The ledger of readings: which partition was read again, when, and what that changed.

It is a table made from the notes in the commits of other tables. A commit of the ledger also stores up to which version
of each table the ledger is caught up. So it can be caught up at any time, and has each reading once. A day of the
ledger that can no longer be read is made again from the commits that the logs still have.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from genesys_assets.lake.audit import AuditFailed
from genesys_assets.lake.changes import Change
from genesys_assets.lake.commit import Commit, ConcurrentCommit, Proposal, TableContended, stored_state
from genesys_assets.lake.delta import WHOLE
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import drafts
from genesys_assets.lake.writers import TableWriter
from genesys_assets.tables.restatements import RESTATEMENTS, Reading, restatements

LEDGER = f"tables/{RESTATEMENTS.name}"
_TRIES = 20
_LONGEST_PAUSE_SECONDS = 0.5


def readings(lake: Lake, place: str, since: int = 0) -> Iterator[Reading]:
    """The readings in the commits of a table after version `since`, the oldest first. The first reading of a partition
    is left out: it changed nothing.
    """
    for version, note in lake.log(place).notes(since):
        for partition, reading in note.get("readings", {}).items():
            if not reading["first"] and partition != WHOLE:
                figures = {name: count for name, count in reading.items() if name.startswith("rows_")}
                read_at = datetime.fromisoformat(note["read_at"])
                table = place.rsplit("/", 1)[-1]
                yield Reading(table, partition, version, read_at, note.get("run_id"), figures)


def ledger_version(lake: Lake, place: str) -> int:
    """The version up to which the ledger has all readings of a table; 0 if it has none. A table that was deleted and
    created again starts at 0.
    """
    return lake.log(LEDGER).number(_mark(lake, place)) or 0


def _mark(lake: Lake, place: str) -> str:
    return f"{place} {lake.log(place).table_id}"


def catch_up(
    lake: Lake,
    places: Sequence[str],
    days: Iterable[str],
    provenance: Mapping[str, Any],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Change]:
    """Write all new readings of the tables to the ledger, in one commit. Returns the change of each day of the ledger
    that has new readings, and of `days`. Raises TableContended if others write the ledger again and again, AuditFailed.
    """
    wanted = list(days)
    for _ in range(_TRIES):
        try:
            return _catch_up(lake, places, wanted, provenance)
        except ConcurrentCommit:
            sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))
    raise TableContended(f"Other processes replaced {LEDGER} {_TRIES} times in a row. Run it again.")


def days_written(lake: Lake, since: int) -> set[str]:
    """The days of the ledger that its commits after version `since` have written."""
    return {day for _, note in lake.log(LEDGER).notes(since) for day in note.get("readings", {})}


def _catch_up(
    lake: Lake,
    places: Sequence[str],
    days: Sequence[str],
    provenance: Mapping[str, Any],
) -> dict[str, Change]:
    log = lake.log(LEDGER)
    existing = [place for place in places if lake.log(place).table_id is not None]
    marks = {_mark(lake, place): max(lake.log(place).version, ledger_version(lake, place)) for place in existing}
    new: dict[str, list[Reading]] = defaultdict(list)
    for place in existing:
        for reading in readings(lake, place, ledger_version(lake, place)):
            new[reading.partition].append(reading)
    proposals = []
    with drafts(lake.store) as begin:
        for day in sorted({*days, *new}):
            stored, known = stored_state(log, day), lake.read_to_build_on(LEDGER, day, RESTATEMENTS.schema)
            if known is None:
                known, new[day] = RESTATEMENTS.empty(), _readings_of(lake, existing, day)
            with TableWriter(begin(), RESTATEMENTS, {**provenance, "partition": day}) as writer:
                writer.write(_together(known, restatements(new[day])))
            if findings := writer.audit(day):
                raise AuditFailed(day, {LEDGER: findings})
            proposals.append(Proposal(day, writer, stored, sum(marks.values()), builds_on_known=True))
        commit = Commit(log, proposals, provenance.get("run_id"), marks)
        commit.prepare()
        return {str(day): change for day, change in commit.commit().items()}


def _readings_of(lake: Lake, places: Iterable[str], day: str) -> list[Reading]:
    """All readings of a day that the commits still have."""
    return [reading for place in places for reading in readings(lake, place) if reading.partition == day]


def _together(known_rows: pa.Table, new: pa.Table) -> pa.Table:
    """The rows of both in key order. A new row that the ledger already has is left out."""
    key = list(RESTATEMENTS.key)
    known_keys = {tuple(row.values()) for row in known_rows.select(key).to_pylist()}
    is_unknown = [tuple(row.values()) not in known_keys for row in new.select(key).to_pylist()]
    return pa.concat_tables([known_rows, new.filter(pa.array(is_unknown, pa.bool_()))]).sort_by(
        [(name, "ascending") for name in key]
    )
