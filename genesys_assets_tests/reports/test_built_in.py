"""The built-in reports, each computed from a few rows that show one rule."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.cloud.analytics.queries import Granularity
from genesys_assets.reports.built_in import FILE, OPERATING_FILE, PAGE_FILE, built_in_reports
from genesys_assets.reports.language.file import Document
from genesys_assets.tables.metrics.buckets import QUEUE_GROUPING, USER_GROUPING
from genesys_assets_tests.reports.small_lake import DAY, Row, at, called, computed, measured, small_lake

REPORTS = {report.name: report for report in built_in_reports()}
USERS = called(U1="Ana", U2="Ben")
QUEUES = called(Q1="Sales")


@pytest.mark.parametrize("file", [FILE, OPERATING_FILE, PAGE_FILE])
def test_the_built_in_file_is_read_like_a_custom_file(file: Path) -> None:
    ours, theirs = (Document.of(file.read_text(), file.name, is_shipped=shipped) for shipped in (True, False))
    assert ours.value == theirs.value
    assert ours.value["reports"]
    assert ours.problems == theirs.problems == ()


def handled(*rows: tuple[str, str | None, float]) -> list[Row]:
    return [{"conversation_id": c, "user_id": u, "metric": "tHandle", "emit_date": at(m)} for c, u, m in rows]


def conversations(*rows: tuple[str, float, str | None, int | None]) -> list[Row]:
    names = ("conversation_id", "conversation_start", "media_type", "duration_ms")
    return [dict(zip(names, (c, at(m), t, d), strict=True)) for c, m, t, d in rows]


def emitted(*rows: tuple[str, str | None, str | None, str, int]) -> list[Row]:
    names = ("conversation_id", "media_type", "queue_id", "metric", "value")
    return [{**dict(zip(names, row, strict=True)), "purpose": "agent"} for row in rows]


def test_agents_are_summed_by_the_hour_and_a_conversation_counts_once(tmp_path: Path) -> None:
    lake = small_lake(
        tmp_path,
        users=USERS,
        interval_metrics=[
            measured(0, USER_GROUPING, "tHandle", user_id="U1", media_type="voice", count=1, sum=60_000),
            measured(45, USER_GROUPING, "tHandle", user_id="U1", media_type="chat", count=2, sum=30_000),
            measured(45, USER_GROUPING, "tAcw", user_id="U1", media_type="chat", count=1, sum=6_000),
            measured(60, USER_GROUPING, "tHandle", user_id="U1", media_type="chat", count=1, sum=1_000),
            measured(0, QUEUE_GROUPING, "tHandle", queue_id="Q1", media_type="voice", count=9, sum=9),
            measured(0, USER_GROUPING, "tHandle", media_type="voice", count=9, sum=9),
        ],
        session_metrics=handled(
            ("a", "U1", 1),
            ("a", "U1", 50),
            ("b", "U1", 59.99),
            ("c", "U1", 60),
            ("d", None, 1),
            ("e", "U1", 24 * 60),
        ),
    )
    first, second = computed(REPORTS["agent_hourly"], lake)
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


def test_an_agent_of_unknown_name_is_called_by_the_id(tmp_path: Path) -> None:
    rows = [measured(0, USER_GROUPING, "tTalkComplete", user_id="gone", count=1, sum=60_000)]
    (row,) = computed(REPORTS["agent_daily"], small_lake(tmp_path, users=USERS, interval_metrics=rows))
    assert (row["user_id"], row["user_name"], row["total_talk_time_minutes"]) == ("gone", "gone", 1.0)
    assert row["conversation_count"] is None
    assert row["average_handle_time_seconds"] is None


def test_agent_daily_is_one_row_of_the_day(tmp_path: Path) -> None:
    lake = small_lake(
        tmp_path,
        users=USERS,
        interval_metrics=[
            measured(0, USER_GROUPING, "tHandle", user_id="U2", count=1, sum=60_000),
            measured(24 * 60 - 15, USER_GROUPING, "tHandle", user_id="U2", count=1, sum=120_000),
            measured(24 * 60, USER_GROUPING, "tHandle", user_id="U2", count=1, sum=7),
        ],
        session_metrics=handled(("a", "U2", 5), ("a", "U2", 500)),
    )
    (row,) = computed(REPORTS["agent_daily"], lake)
    assert (row["interval_start"], row["interval_end"]) == (DAY, DAY + timedelta(days=1))
    assert row["local_date"] == date(2026, 1, 31)
    assert (row["total_handle_time_minutes"], row["conversation_count"]) == (3.0, 1)
    assert row["average_handle_time_seconds"] == 90.0


@pytest.mark.parametrize(
    ("granularity", "starts"), [("PT15M", [0, 30, 45]), ("PT30M", [0, 30]), ("PT1H", [0]), ("P1D", [0])]
)
def test_intervals_have_the_length_asked_for(tmp_path: Path, granularity: Granularity, starts: list[int]) -> None:
    lake = small_lake(
        tmp_path,
        interval_metrics=[
            measured(0, QUEUE_GROUPING, "tHandle", count=1, sum=10_000),
            measured(30, QUEUE_GROUPING, "tHandle", queue_id="Q1", count=1, sum=20_000),
            measured(30, QUEUE_GROUPING, "tAbandon", queue_id="Q1", count=2, sum=1),
        ],
        conversations=conversations(("a", 45, "voice", 1), ("b", 45.5, "voice", None)),
    )
    figures = computed(REPORTS["interval"].every(granularity), lake)
    assert [row["interval_start"] for row in figures] == [at(start) for start in starts]
    assert sum(row["conversation_count"] or 0 for row in figures) == 2
    assert sum(row["handled_count"] or 0 for row in figures) == 2
    assert sum(row["abandoned_count"] or 0 for row in figures) == 2


def test_an_interval_with_nothing_handled_has_no_average(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, conversations=conversations(("a", 20, "voice", 1)))
    (row,) = computed(REPORTS["interval"], lake)
    assert (row["interval_start"], row["interval_end"], row["conversation_count"]) == (at(15), at(30), 1)
    assert row["handled_count"] is row["average_handle_time_seconds"] is row["service_level"] is None


def test_service_level_is_the_ratio_of_sums_and_its_target_stands_only_if_it_is_one(tmp_path: Path) -> None:
    parts = {"queue_id": "Q1", "media_type": "voice"}
    rows = [
        measured(0, QUEUE_GROUPING, "oServiceLevel", **parts, ratio=1.0, numerator=1, denominator=1, target=0.8),
        measured(15, QUEUE_GROUPING, "oServiceLevel", **parts, ratio=0.0, numerator=0, denominator=3, target=0.8),
    ]
    (row,) = computed(REPORTS["queue_media"], small_lake(tmp_path, interval_metrics=rows))
    assert (row["service_level"], row["service_level_numerator"], row["service_level_denominator"]) == (0.25, 1, 4)
    assert row["service_level_target"] == 0.8
    other = measured(30, QUEUE_GROUPING, "oServiceLevel", **parts, numerator=1, denominator=1, target=0.9)
    (row,) = computed(REPORTS["queue_media"], small_lake(tmp_path / "other", interval_metrics=[*rows, other]))
    assert row["service_level_target"] is None


def test_queue_media_adds_offered_and_outbound_and_names_the_queue(tmp_path: Path) -> None:
    voice = {"queue_id": "Q1", "media_type": "voice"}
    lake = small_lake(
        tmp_path,
        queues=QUEUES,
        interval_metrics=[
            measured(0, QUEUE_GROUPING, "nOffered", **voice, count=3),
            measured(15, QUEUE_GROUPING, "nOutbound", **voice, count=2),
            measured(0, QUEUE_GROUPING, "tWait", **voice, count=3, sum=900),
            measured(0, QUEUE_GROUPING, "tHandle", **voice, count=0, sum=0),
            measured(0, QUEUE_GROUPING, "nOutbound", media_type="email", count=4),
            measured(0, QUEUE_GROUPING, "tAnswered", queue_id="gone", media_type="voice", count=1, sum=1),
        ],
    )
    by_queue = {row["queue_id"]: row for row in computed(REPORTS["queue_media"], lake)}
    sales = by_queue["Q1"]
    assert (sales["queue_name"], sales["total_interactions"], sales["wait_time_ms"]) == ("Sales", 5, 900)
    assert sales["average_handle_time_ms"] is None, "0 handled: no average"
    assert sales["answered"] is None
    assert (by_queue[None]["media_type"], by_queue[None]["total_interactions"]) == ("email", 4)
    assert (by_queue["gone"]["queue_name"], by_queue["gone"]["total_interactions"]) == ("gone", None)


def test_conversation_type_takes_durations_of_complete_conversations_only(tmp_path: Path) -> None:
    lake = small_lake(
        tmp_path,
        conversations=conversations(
            ("a", 5, "voice", 100_000), ("b", 6, "voice", None), ("c", 65, "voice", 0), ("d", 7, None, None)
        ),
        session_metrics=[
            *emitted(("a", "chat", None, "tAcd", 2_000), ("a", None, None, "tHeldComplete", 10_000)),
            *emitted(("b", None, None, "tHeldComplete", 15_000)),
        ],
    )
    none, voice, later = sorted(
        computed(REPORTS["conversation_type"], lake), key=lambda row: (row["interval_start"], row["media_type"] or "")
    )
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
    assert (later["conversation_count"], later["duration_seconds"], later["hold_percentage"]) == (1, 0.0, None)


def _quality(
    folder: Path, talk: list[Any], durations: list[tuple[str, int | None]], touched: list[tuple[str, str | None]]
) -> list[Row]:
    lake = small_lake(
        folder,
        queues=QUEUES,
        wrapup_codes=called(w1="Sold"),
        conversations=conversations(*((c, 5, "voice", d) for c, d in durations)),
        sessions=[{"conversation_id": c, "media_type": "voice", "queue_id": q, "purpose": "acd"} for c, q in touched],
        session_metrics=emitted(*talk),
        segments=[
            {"media_type": "voice", "session_queue_id": "Q1", "wrap_up_code": code, "purpose": purpose}
            for code, purpose in (("w2", "agent"), ("w1", "agent"), ("w2", "acd"), ("w3", "customer"))
        ],
    )
    return computed(REPORTS["conversation_quality"], lake)


def test_quality_counts_a_conversation_once_in_every_group_it_touches(tmp_path: Path) -> None:
    rows = _quality(
        tmp_path,
        [("a", "voice", "Q1", "tTalkComplete", 50_000), ("a", "voice", "Q1", "tHeldComplete", 20_000)],
        [("a", 100_000), ("b", None), ("c", 10_000)],
        [("a", "Q1"), ("a", "Q1"), ("a", "Q2"), ("b", "Q1")],
    )
    by_queue = {row["queue_id"]: row for row in rows}
    first, second = by_queue["Q1"], by_queue["Q2"]
    assert (first["queue_name"], first["conversation_count"], first["avg_duration_seconds"]) == ("Sales", 2, 100.0)
    assert (first["talk_ratio"], first["hold_ratio"], first["efficiency_score"]) == (0.5, 0.2, 90.0)
    assert (first["unique_wrapup_codes"], first["unique_wrapup_code_names"]) == (["w1", "w2"], ["Sold", "w2"])
    assert (second["conversation_count"], second["hold_ratio"], second["efficiency_score"]) == (1, None, None)
    assert (second["unique_wrapup_codes"], second["unique_wrapup_code_names"]) == (None, None)
    assert (by_queue[None]["conversation_count"], by_queue[None]["avg_duration_seconds"]) == (1, 10.0)


def test_ratios_leave_conversations_in_progress_out_and_the_score_never_falls_below_0(tmp_path: Path) -> None:
    (row,) = _quality(
        tmp_path,
        [("a", "voice", "Q1", "tHeldComplete", 50_000), ("b", "voice", "Q1", "tHeldComplete", 999_999)],
        [("a", 10_000), ("b", None)],
        [("a", "Q1"), ("b", "Q1")],
    )
    assert (row["hold_ratio"], row["efficiency_score"], row["talk_ratio"]) == (5.0, 0.0, None)


@pytest.mark.parametrize("name", REPORTS)
def test_reports_of_nothing_are_empty_and_of_the_declared_shape(tmp_path: Path, name: str) -> None:
    assert computed(REPORTS[name], small_lake(tmp_path)) == []
