"""A made-up day in a lake: few rows, every figure known, and very difficult names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.publishing.business_day import BusinessDay
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.meaning.questions import STANDARD, key_of
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets.tables.names import HISTORIES
from genesys_assets.tables.restatements import RESTATEMENTS
from genesys_assets.tables.spec import TableSpec
from genesys_assets_tests.keyed_rows import keyed

SPECS = {report.name: report.spec for report in built_in_reports()}
QUEUES = HISTORIES["queues"]
AGENT_DAILY, QUEUE_MEDIA = SPECS["agent_daily"], SPECS["queue_media"]
DAY = date(2026, 1, 31)
MIDNIGHT = datetime(2026, 1, 31, tzinfo=UTC)
NAMES = {
    "q1": "<script>alert('queue')</script>",
    "q2": '$\\frac{a}{b}$ & "Gold" 日本語 🌊 العربية',
    "q3": "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz" * 2,
    "q4": "Bell\x07 and\nnew line",
}

ASKED = {key_of(question): list(question.metrics) for question in STANDARD}
"""Every hour was asked the usual questions."""

Row = dict[str, Any]


def business_day(day: date = DAY, zone: str = "UTC") -> BusinessDay:
    return BusinessDay.of(f"{day}", ZoneInfo(zone))


def at(clock: str, day: date = DAY) -> datetime:
    """A time of the day in UTC."""
    return datetime.fromisoformat(f"{day}T{clock}:00+00:00")


def measured(metric: str, start: datetime, queue: str | None = "q1", medium: str = "voice", **stats: Any) -> Row:
    """A row of interval_metrics of the grouping by queue."""
    key = f"{queue}/{medium}"
    return {
        "interval_start": start,
        "interval_end": start + timedelta(minutes=15),
        "grouping": "mediaType,queueId",
        "selection": "",
        "view": "",
        "is_additive": True,
        "group_key": key,
        "queue_id": queue,
        "media_type": medium,
        "metric": metric,
        **stats,
    }


def table(spec: TableSpec, rows: Sequence[Row]) -> pa.Table:
    whole = [dict.fromkeys(spec.schema.names) | row for row in keyed(rows, spec)]
    return pa.Table.from_pylist(whole, spec.schema)


def queue_history() -> pa.Table:
    """The names of the queues, valid since always."""
    return table(QUEUES, [{"id": queue, "name": name, "valid_from": MIDNIGHT} for queue, name in NAMES.items()])


def queue_names(*queues: str | None) -> pa.Table:
    rows = [{"queue_id": queue, "queue_name": NAMES.get(queue or "", queue), "media_type": "voice"} for queue in queues]
    return table(QUEUE_MEDIA, rows)


def agent(name: str, handle: float | None, **more: Any) -> Row:
    return {"user_id": name, "user_name": name, "total_handle_time_minutes": handle, **more}


def an_interaction(start: datetime, queue: str, medium: str, *, abandons: bool, in_time: bool) -> list[Row]:
    """One offered interaction: abandoned, or answered and handled in five minutes, half of one on hold."""
    level = measured("oServiceLevel", start, queue, medium, numerator=int(in_time), denominator=1, target=0.8)
    offered = measured("nOffered", start, queue, medium, count=1)
    if abandons:
        return [offered, level, measured("tAbandon", start, queue, medium, count=1, sum=20_000)]
    times = {"tAnswered": 10_000, "tHandle": 300_000, "tTalkComplete": 250_000, "tHeldComplete": 30_000, "tAcw": 20_000}
    return [offered, level, *(measured(m, start, queue, medium, count=1, sum=ms) for m, ms in times.items())]


def made_up_lake(folder: Path, *, agents: int = 20, rows: Sequence[Row] | None = None) -> Lake:
    """A lake with the day's tables that its page reads; without `rows`, 40 interactions in four queues."""
    lake = Lake(LocalStore(folder))
    if rows is None:
        rows = [
            row
            for nth in range(40)
            for row in an_interaction(
                MIDNIGHT + timedelta(minutes=15 * (30 + nth)),
                f"q{1 + nth % 4}",
                ("voice", "chat", "email")[nth % 3],
                abandons=nth % 7 == 0,
                in_time=nth % 3 != 0,
            )
        ]
    workers = [
        agent(
            NAMES["q1"] if not nth else f"Agent {nth:04d}",
            300.0 - nth % 300,
            conversation_count=1 + nth % 9,
            total_talk_time_minutes=250.0 - nth % 250,
            total_hold_time_minutes=None if nth % 3 else 10.0,
            total_wrap_up_minutes=40.0,
            average_handle_time_seconds=301.5,
        )
        for nth in range(agents)
    ]
    queues = sorted({row["queue_id"] for row in rows if row["queue_id"]})
    lake.write("reference/queues_history", QUEUES, queue_history(), None, {})
    store(lake, "tables/interval_metrics", INTERVAL_METRICS, rows)
    store(lake, "tables/conversations", CONVERSATIONS, [])
    store(
        lake, "tables/restatements", RESTATEMENTS, [restated("conversations", 1, 2, 3), restated("sessions", 0, 0, 0)]
    )
    lake.write("reports/queue_media", QUEUE_MEDIA, queue_names(*queues), f"{DAY}", {})
    store(lake, "reports/agent_daily", AGENT_DAILY, workers)
    return lake


def restated(name: str, added: int, changed: int, removed: int, run: str = "second", day: date = DAY) -> Row:
    counts = {"rows_added": added, "rows_changed": changed, "rows_removed": removed}
    read_at = datetime(2026, 2, 3, 3, 30, tzinfo=UTC)
    reading = {"day": day, "table": name, "version": _VERSIONS[run], "read_at": read_at, "run_id": run}
    return {**reading, "rows_before": 90, "rows_after": 91, **counts}


_VERSIONS = {"second": 2, "third": 3}


def store(lake: Lake, place: str, spec: TableSpec, rows: Sequence[Row], *, is_complete: bool = True) -> None:
    reach = Reach(datetime(2026, 2, 1, tzinfo=UTC), is_complete, questions=ASKED)
    lake.write(place, spec, table(spec, rows), f"{DAY}", {"run_id": "first"}, reach=reach)
