"""The ledger of history: what each reading of a day changed in each table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from genesys_assets.tables.spec import TableSpec, columns

RESTATEMENTS = TableSpec(
    "restatements",
    "One row per table and reading of the day after the first. Genesys Cloud processes history again, 48 hours and "
    "more afterwards, and deletes on request: figures that were published can change.",
    ("day", "table", "read_at"),
    columns("""
day day the day that was read again
table string the table
read_at instant when
run_id string the Dagster run
rows_before integer rows the day had
rows_after integer rows it has now
rows_added integer rows whose key is new
rows_changed integer rows whose key stayed and something else changed
rows_removed integer rows whose key is gone
"""),
)


def restatements(day: date, rereads: Mapping[str, Sequence[Mapping[str, Any]]]) -> pa.Table:
    """`RESTATEMENTS` of a day from what stands beside each table, by table."""
    rows = [
        {**reread, "day": day, "table": table, "read_at": datetime.fromisoformat(reread["read_at"])}
        for table, listed in rereads.items()
        for reread in listed
    ]
    rows.sort(key=lambda row: (row["table"], row["read_at"]))
    return pa.Table.from_pylist(rows, RESTATEMENTS.schema)
