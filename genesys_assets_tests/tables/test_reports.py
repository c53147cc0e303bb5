from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.cloud.queries import Granularity
from genesys_assets.tables import reports
from genesys_assets.tables.metrics import INTERVAL_METRICS
from genesys_assets.tables.reports import BY_QUEUE, BY_USER, Window

DAY = datetime(2026, 1, 31, tzinfo=UTC)
WINDOW = Window(DAY, DAY + timedelta(days=1))
USERS = pa.table({"id": ["U1", "U2"], "name": ["Ana", "Ben"]})
QUEUES = pa.table({"id": ["Q1"], "name": ["Sales"]})


def at(minutes: float) -> datetime:
    return DAY + timedelta(minutes=minutes)


def measured(minutes: float, grouping: str, metric: str, **more: Any) -> dict[str, Any]:
    row = dict.fromkeys(INTERVAL_METRICS.schema.names)
    return row | {
        "interval_start": at(minutes),
        "grouping": grouping,
        "group_key": "{}",
        "metric": metric,
        **more,
    }


def metrics(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), INTERVAL_METRICS.schema)


def handled(*rows: tuple[str, str | None, float]) -> pa.Table:
    schema = pa.schema(
        [
            ("conversation_id", pa.string()),
            ("user_id", pa.string()),
            ("metric", pa.string()),
            ("emit_date", pa.timestamp("ms", "UTC")),
        ]
    )
    return pa.Table.from_pylist(
        [{"conversation_id": c, "user_id": u, "metric": "tHandle", "emit_date": at(m)} for c, u, m in rows],
        schema,
    )


def conversations(*rows: tuple[str, float, str | None, int | None]) -> pa.Table:
    schema = pa.schema(
        [
            ("conversation_id", pa.string()),
            ("conversation_start", pa.timestamp("ms", "UTC")),
            ("media_type", pa.string()),
            ("duration_ms", pa.int64()),
        ]
    )
    names = schema.names
    return pa.Table.from_pylist([dict(zip(names, (c, at(m), t, d), strict=True)) for c, m, t, d in rows], schema)


def emitted(*rows: tuple[str, str | None, str | None, str, int]) -> pa.Table:
    names = ["conversation_id", "media_type", "queue_id", "metric"]
    schema = pa.schema([*((name, pa.string()) for name in names), ("value", pa.int64())])
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)


def test_agents_are_summed_by_the_hour_and_a_conversation_counts_once() -> None:
    table = reports.agent_hourly(
        metrics(
            measured(0, BY_USER, "tHandle", user_id="U1", media_type="voice", count=1, sum=60_000),
            measured(45, BY_USER, "tHandle", user_id="U1", media_type="chat", count=2, sum=30_000),
            measured(45, BY_USER, "tAcw", user_id="U1", media_type="chat", count=1, sum=6_000),
            measured(60, BY_USER, "tHandle", user_id="U1", media_type="chat", count=1, sum=1_000),
            measured(0, BY_QUEUE, "tHandle", queue_id="Q1", media_type="voice", count=9, sum=9),
            measured(0, BY_USER, "tHandle", media_type="voice", count=9, sum=9),
        ),
        handled(
            ("a", "U1", 1),
            ("a", "U1", 50),
            ("b", "U1", 59.99),
            ("c", "U1", 60),
            ("d", None, 1),
            ("e", "U1", 24 * 60),
        ),
        USERS,
        WINDOW,
    )
    first, second = table.to_pylist()
    assert first == {
        "interval_start": at(0),
        "interval_end": at(60),
        "user_id": "U1",
        "user_name": "Ana",
        "conversation_count": 2,
        "total_handle_time_minutes": 1.5,
        "total_wrap_up_minutes": 0.1,
        "total_talk_time_minutes": None,
        "total_hold_time_minutes": None,
        "average_handle_time_seconds": 30.0,
    }
    assert (second["interval_start"], second["conversation_count"]) == (at(60), 1)


def test_an_agent_of_unknown_name_is_called_by_the_id() -> None:
    rows = metrics(measured(0, BY_USER, "tTalkComplete", user_id="gone", count=1, sum=60_000))
    (row,) = reports.agent_daily(rows, handled(), USERS, WINDOW).to_pylist()
    assert (row["user_id"], row["user_name"], row["total_talk_time_minutes"]) == ("gone", "gone", 1.0)
    assert row["conversation_count"] is None
    assert row["average_handle_time_seconds"] is None


def test_agent_daily_is_one_row_of_the_day() -> None:
    rows = metrics(
        measured(0, BY_USER, "tHandle", user_id="U2", count=1, sum=60_000),
        measured(24 * 60 - 15, BY_USER, "tHandle", user_id="U2", count=1, sum=120_000),
        measured(24 * 60, BY_USER, "tHandle", user_id="U2", count=1, sum=7),
    )
    (row,) = reports.agent_daily(rows, handled(("a", "U2", 5), ("a", "U2", 500)), USERS, WINDOW).to_pylist()
    assert (row["interval_start"], row["interval_end"]) == (WINDOW.start, WINDOW.end)
    assert (row["total_handle_time_minutes"], row["conversation_count"]) == (3.0, 1)
    assert row["average_handle_time_seconds"] == 90.0


@pytest.mark.parametrize(
    ("granularity", "starts"), [("PT15M", [0, 30, 45]), ("PT30M", [0, 30]), ("PT1H", [0]), ("P1D", [0])]
)
def test_intervals_have_the_length_asked_for(granularity: Granularity, starts: list[int]) -> None:
    table = reports.interval(
        metrics(
            measured(0, BY_QUEUE, "tHandle", count=1, sum=10_000),
            measured(30, BY_QUEUE, "tHandle", queue_id="Q1", count=1, sum=20_000),
            measured(30, BY_QUEUE, "tAbandon", queue_id="Q1", count=2, sum=1),
        ),
        conversations(("a", 45, "voice", 1), ("b", 45.5, "voice", None)),
        WINDOW,
        granularity,
    )
    assert [row["interval_start"] for row in table.to_pylist()] == [at(start) for start in starts]
    figures = table.to_pylist()
    assert sum(row["conversation_count"] or 0 for row in figures) == 2
    assert sum(row["handled_count"] or 0 for row in figures) == 2
    assert sum(row["abandoned_count"] or 0 for row in figures) == 2


def test_an_interval_with_nothing_handled_has_no_average() -> None:
    table = reports.interval(metrics(), conversations(("a", 20, "voice", 1)), WINDOW)
    (row,) = table.to_pylist()
    assert (row["interval_start"], row["interval_end"], row["conversation_count"]) == (at(15), at(30), 1)
    assert row["handled_count"] is row["average_handle_time_seconds"] is row["service_level"] is None


def test_service_level_is_the_ratio_of_sums_and_its_target_stands_only_if_it_is_one() -> None:
    parts = {"queue_id": "Q1", "media_type": "voice"}
    rows = [
        measured(0, BY_QUEUE, "oServiceLevel", **parts, ratio=1.0, numerator=1, denominator=1, target=0.8),
        measured(15, BY_QUEUE, "oServiceLevel", **parts, ratio=0.0, numerator=0, denominator=3, target=0.8),
    ]
    (row,) = reports.queue_media(metrics(*rows), QUEUES, WINDOW).to_pylist()
    assert (row["service_level"], row["service_level_numerator"], row["service_level_denominator"]) == (
        0.25,
        1,
        4,
    )
    assert row["service_level_target"] == 0.8
    other = measured(30, BY_QUEUE, "oServiceLevel", **parts, numerator=1, denominator=1, target=0.9)
    (row,) = reports.queue_media(metrics(*rows, other), QUEUES, WINDOW).to_pylist()
    assert row["service_level_target"] is None


def test_queue_media_adds_offered_and_outbound_and_names_the_queue() -> None:
    voice = {"queue_id": "Q1", "media_type": "voice"}
    table = reports.queue_media(
        metrics(
            measured(0, BY_QUEUE, "nOffered", **voice, count=3),
            measured(15, BY_QUEUE, "nOutbound", **voice, count=2),
            measured(0, BY_QUEUE, "tWait", **voice, count=3, sum=900),
            measured(0, BY_QUEUE, "tHandle", **voice, count=0, sum=0),
            measured(0, BY_QUEUE, "nOutbound", media_type="email", count=4),
            measured(0, BY_QUEUE, "tAnswered", queue_id="gone", media_type="voice", count=1, sum=1),
        ),
        QUEUES,
        WINDOW,
    )
    by_queue = {row["queue_id"]: row for row in table.to_pylist()}
    assert (
        by_queue["Q1"]["queue_name"],
        by_queue["Q1"]["total_interactions"],
        by_queue["Q1"]["wait_time_ms"],
    ) == (
        "Sales",
        5,
        900,
    )
    assert by_queue["Q1"]["average_handle_time_ms"] is None, "0 handled: no average"
    assert by_queue["Q1"]["answered"] is None
    assert (by_queue[None]["media_type"], by_queue[None]["total_interactions"]) == ("email", 4)
    assert (by_queue["gone"]["queue_name"], by_queue["gone"]["total_interactions"]) == ("gone", None)


def test_conversation_type_takes_durations_of_complete_conversations_only() -> None:
    table = reports.conversation_type(
        conversations(("a", 5, "voice", 100_000), ("b", 6, "voice", None), ("c", 65, "voice", 0), ("d", 7, None, None)),
        emitted(
            ("a", None, None, "tAcd", 2_000),
            ("a", None, None, "tHeldComplete", 10_000),
            ("b", None, None, "tHeldComplete", 15_000),
            ("elsewhere", None, None, "tAcd", 999),
        ),
        WINDOW,
    )
    none, voice, later = sorted(table.to_pylist(), key=lambda row: (row["interval_start"], row["media_type"] or ""))
    assert voice == {
        "interval_start": at(0),
        "interval_end": at(60),
        "media_type": "voice",
        "conversation_count": 2,
        "duration_seconds": 100.0,
        "wait_time_seconds": 2.0,
        "hold_time_seconds": 25.0,
        "hold_percentage": 25.0,
    }
    assert (none["conversation_count"], none["duration_seconds"], none["hold_percentage"]) == (1, None, None)
    assert (later["conversation_count"], later["duration_seconds"], later["hold_percentage"]) == (
        1,
        0.0,
        None,
    )


def _quality(
    talk: list[Any], durations: list[tuple[str, int | None]], touched: list[tuple[str, str | None]]
) -> list[dict[str, Any]]:
    sessions = pa.Table.from_pylist(
        [{"conversation_id": c, "media_type": "voice", "queue_id": q} for c, q in touched],
        pa.schema([("conversation_id", pa.string()), ("media_type", pa.string()), ("queue_id", pa.string())]),
    )
    segments = pa.table(
        {
            "media_type": ["voice", "voice", "voice"],
            "session_queue_id": ["Q1", "Q1", "Q1"],
            "wrap_up_code": ["w2", "w1", "w2"],
        }
    )
    table = reports.conversation_quality(
        conversations(*((c, 5, "voice", d) for c, d in durations)),
        sessions,
        emitted(*talk),
        segments,
        QUEUES,
        pa.table({"id": ["w1"], "name": ["Sold"]}),
        WINDOW,
    )
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def test_quality_counts_a_conversation_once_in_every_group_it_touches() -> None:
    rows = _quality(
        [("a", "voice", "Q1", "tTalkComplete", 50_000), ("a", "voice", "Q1", "tHeldComplete", 20_000)],
        [("a", 100_000), ("b", None), ("c", 10_000)],
        [("a", "Q1"), ("a", "Q1"), ("a", "Q2"), ("b", "Q1")],
    )
    by_queue = {row["queue_id"]: row for row in rows}
    first = by_queue["Q1"]
    assert (first["queue_name"], first["conversation_count"], first["avg_duration_seconds"]) == (
        "Sales",
        2,
        100.0,
    )
    assert (first["talk_ratio"], first["hold_ratio"], first["efficiency_score"]) == (0.5, 0.2, 90.0)
    assert (first["unique_wrapup_codes"], first["unique_wrapup_code_names"]) == (["w1", "w2"], ["Sold", "w2"])
    assert (
        by_queue["Q2"]["conversation_count"],
        by_queue["Q2"]["hold_ratio"],
        by_queue["Q2"]["efficiency_score"],
    ) == (
        1,
        None,
        None,
    )
    assert by_queue["Q2"]["unique_wrapup_codes"] == []
    assert (by_queue[None]["conversation_count"], by_queue[None]["avg_duration_seconds"]) == (1, 10.0)


def test_ratios_leave_conversations_in_progress_out_and_the_score_never_falls_below_0() -> None:
    (row,) = _quality(
        [("a", "voice", "Q1", "tHeldComplete", 50_000), ("b", "voice", "Q1", "tHeldComplete", 999_999)],
        [("a", 10_000), ("b", None)],
        [("a", "Q1"), ("b", "Q1")],
    )
    assert (row["hold_ratio"], row["efficiency_score"], row["talk_ratio"]) == (5.0, 0.0, None)


def test_reports_of_nothing_are_empty_and_of_the_declared_shape() -> None:
    none = conversations()
    empty = [
        (reports.AGENT_HOURLY, reports.agent_hourly(metrics(), handled(), USERS, WINDOW)),
        (reports.AGENT_DAILY, reports.agent_daily(metrics(), handled(), USERS, WINDOW)),
        (reports.INTERVAL, reports.interval(metrics(), none, WINDOW)),
        (reports.QUEUE_MEDIA, reports.queue_media(metrics(), QUEUES, WINDOW)),
        (reports.CONVERSATION_TYPE, reports.conversation_type(none, emitted(), WINDOW)),
    ]
    for spec, table in empty:
        assert len(table) == 0
        assert table.schema == spec.schema
