"""The ledger of readings: which partition was read again, when, and what that changed; made of what commits say.

Commits are the fact, the ledger a table made of them. It knows up to which version of each table it has all commits,
in the same commit as the rows themselves, so that it can be caught up at any time and has each reading once.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from genesys_assets.lake.changes import Change
from genesys_assets.lake.commit import Commit, Overtaken, Proposal, TableContended, stored_state
from genesys_assets.lake.delta import WHOLE
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import drafts
from genesys_assets.lake.writers import TableWriter
from genesys_assets.tables.restatements import RESTATEMENTS, Reading, restatements

LEDGER = f"tables/{RESTATEMENTS.name}"
_TRIES = 20
_LONGEST_PAUSE_SECONDS = 0.5


def readings(lake: Lake, place: str, since: int = 0) -> Iterator[Reading]:
    """The readings of a table after a version, the oldest first. The first reading of a partition is left out: it
    changed nothing.
    """
    for version, note in lake.log(place).notes(since):
        for partition, said in note.get("readings", {}).items():
            if not said["first"] and partition != WHOLE:
                figures = {name: count for name, count in said.items() if name.startswith("rows_")}
                read_at = datetime.fromisoformat(note["read_at"])
                table = place.rsplit("/", 1)[-1]
                yield Reading(table, partition, version, read_at, note.get("run_id"), figures)


def ledger_version(lake: Lake, place: str) -> int:
    """The version up to which the ledger has all readings of a table. A table that replaces a deleted one has a count
    of its own.
    """
    return lake.log(LEDGER).newness(_mark(lake, place)) or 0


def _mark(lake: Lake, place: str) -> str:
    return f"{place} {lake.log(place).table_id}"


def catch_up(
    lake: Lake,
    places: Sequence[str],
    days: Iterable[str],
    provenance: Mapping[str, Any],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Change]:
    """Bring the readings of all tables into the ledger; says what is new in each day that changed, and in `days`.

    All in one commit. Raises TableContended where others write the ledger again and again.
    """
    wanted = list(days)
    for _ in range(_TRIES):
        try:
            return _catch_up(lake, places, wanted, provenance)
        except Overtaken:
            sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))
    raise TableContended(f"{LEDGER} was replaced by others {_TRIES} times in a row: run it again, alone.")


def days_written(lake: Lake, since: int) -> set[str]:
    """The days that the ledger's commits after a version brought up to date."""
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
            stored = stored_state(log, day)
            with TableWriter(begin(), RESTATEMENTS, {**provenance, "partition": day}) as writer:
                writer.write(_together(lake.read(LEDGER, day, schema=RESTATEMENTS.schema), restatements(new[day])))
            proposals.append(Proposal(day, writer, stored, sum(marks.values()), builds_on_known=True))
        commit = Commit(log, proposals, provenance.get("run_id"), marks)
        commit.prepare()
        return {str(day): change for day, change in commit.commit().items()}


def _together(known_rows: pa.Table, new: pa.Table) -> pa.Table:
    """The rows of both in key order; a reading that the ledger has already counts once."""
    key = list(RESTATEMENTS.key)
    known_keys = {tuple(row.values()) for row in known_rows.select(key).to_pylist()}
    fresh = [tuple(row.values()) not in known_keys for row in new.select(key).to_pylist()]
    return pa.concat_tables([known_rows, new.filter(pa.array(fresh, pa.bool_()))]).sort_by(
        [(name, "ascending") for name in key]
    )
