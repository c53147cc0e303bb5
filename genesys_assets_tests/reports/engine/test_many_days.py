"""A report over many days keeps its groups in memory, not the rows of the days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from genesys_assets.days import days_around
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.reports.meaning.questions import STANDARD, key_of
from genesys_assets.tables import aggregate
from genesys_assets.tables.conversations.flat_tables import SESSION_METRICS
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS, QUEUE_GROUPING
from genesys_assets.tables.spec import TableSpec
from genesys_assets_tests.keyed_rows import keyed
from genesys_assets_tests.reports.engine.test_compute import report
from genesys_assets_tests.reports.small_lake import Row, bucket, computed

LAST = "2026-04-05"
DAYS = days_around(LAST, 60, 0)
FIRST = datetime.fromisoformat(DAYS[0]).replace(tzinfo=UTC)
ROWS_OF_A_DAY = 4_000
ASKED = {key_of(question): list(question.metrics) for question in STANDARD}


def of_first_day(row: int) -> tuple[Row, Row]:
    """A row of the first day of each of both tables."""
    start = FIRST + timedelta(minutes=15 * (row * 96 // ROWS_OF_A_DAY))
    figures = bucket(start, QUEUE_GROUPING, "tHandle", queue_id=f"Q{row % 5}", count=1, sum=row)
    emitted = {
        "conversation_id": f"a conversation whose name is as long as a UUID {row}",
        "conversation_start": start,
        "emit_date": start,
        "queue_id": f"Q{row % 5}",
        "metric": "tTalkComplete",
        "value": row,
    }
    return figures, emitted


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(LocalStore(tmp_path_factory.mktemp("days")))
    figures, emitted = zip(*map(of_first_day, range(ROWS_OF_A_DAY)), strict=True)
    reach = Reach(datetime(2026, 4, 6, tzinfo=UTC), questions=ASKED)
    for spec, rows in ((INTERVAL_METRICS, figures), (SESSION_METRICS, emitted)):
        whole = pa.Table.from_pylist(keyed(rows, spec), spec.schema)
        for number, day in enumerate(DAYS):
            lake.write(f"tables/{spec.name}", spec, later(whole, spec, number), day, {}, reach=reach)
    return lake


def later(table: pa.Table, spec: TableSpec, days: int) -> pa.Table:
    """The same rows, this many days later."""
    for name, values in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_timestamp(values.type) and name in (*spec.key, "interval_end", "conversation_start"):
            moved = pc.add(values, pa.scalar(timedelta(days=days), pa.duration("ms")))
            table = table.set_column(table.column_names.index(name), spec.schema.field(name), moved.cast(values.type))
    return table


ENTRY: dict[str, Any] = {
    "group_by": ["queueId"],
    "names": False,
    "aggregates": {"metrics": {"handled": "tHandle.count", "handle_time": "tHandle.sum"}},
    "details": {
        "table": "session_metrics",
        "time": "emit_date",
        "measures": {"talk": {"sum": "value"}, "longest": {"max": "value"}, "rows": "count"},
    },
    "columns": dict.fromkeys(("handled", "handle_time", "talk", "longest", "rows")),
}


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes that Arrow held after each piece of a table was read."""
    read, sizes = Lake.pieces, list[int]()

    def measured(*arguments: Any, **more: Any) -> Iterator[pa.Table]:
        for piece in read(*arguments, **more):
            sizes.append(pa.total_allocated_bytes())
            yield piece

    monkeypatch.setattr(Lake, "pieces", measured)
    return sizes


@pytest.mark.long
def test_a_report_over_sixty_days_holds_no_more_than_one_over_three(
    lake: Lake, held: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The number of rows that are gathered before they are grouped: fewer than usual, so that three days reach it too.
    monkeypatch.setattr(aggregate, "_ROWS_AT_ONCE", ROWS_OF_A_DAY)
    most = {}
    for days in (3, 60):
        held.clear()
        before = pa.total_allocated_bytes()
        rows = computed(report({**ENTRY, "over": {"rolling": days}}), lake, day=LAST)
        assert len(rows) == 5
        assert sum(row["rows"] for row in rows) == sum(row["handled"] for row in rows) == days * ROWS_OF_A_DAY
        assert len(held) >= 2 * days
        most[days] = max(held) - before
    assert 0 < most[60] < 2 * most[3]
