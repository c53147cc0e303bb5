"""The ledger of restatements: what each later reading of a day changed in each table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa

from genesys_assets.tables.spec import TableSpec, columns

RESTATEMENTS = TableSpec(
    "restatements",
    "One row per table, day and reading, beginning with the day's second reading. Genesys Cloud processes history "
    "again, 48 hours and more afterwards, and deletes on request: published figures can change.",
    ("day", "table", "version", "read_at"),
    columns("""
day day the day that was read again
table string the table
version integer version of the Delta table after this reading; the version before has the earlier rows
read_at instant when it was read
run_id string the Dagster run
rows_before integer rows the day had; null if the stored rows could no longer be read
rows_after integer rows the day had after this reading
rows_added integer rows whose key is new
rows_changed integer rows whose key stayed and something else changed
rows_removed integer rows whose key is gone
"""),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One later reading of a stored day of a table. `version` is that of the table afterwards; `figures` are the counts
    of the columns that begin with rows_, null if the stored rows could no longer be read.
    """

    table: str
    partition: str
    version: int
    read_at: datetime
    run_id: str | None
    figures: Mapping[str, int | None]


def restatements(readings: Sequence[Reading]) -> pa.Table:
    """Rows of `RESTATEMENTS`, one for each reading."""
    rows = [
        {
            "day": date.fromisoformat(reading.partition),
            "table": reading.table,
            "version": reading.version,
            "read_at": reading.read_at,
            "run_id": reading.run_id,
            **reading.figures,
        }
        for reading in readings
    ]
    return pa.Table.from_pylist(rows, RESTATEMENTS.schema)
