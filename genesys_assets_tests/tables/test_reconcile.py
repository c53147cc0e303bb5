"""Two ways to the same figures: what is counted, in which bucket, and which differences count."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pytest

from genesys_assets.cloud.analytics.catalogue import AGGREGATE_ONLY
from genesys_assets.days import Window
from genesys_assets.tables.conversations.flat_tables import SESSION_METRICS
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets.tables.reconcile import (
    BY_QUEUE,
    BY_USER,
    METRICS,
    Comparison,
    Grouping,
    compare,
    of_aggregates,
    of_sessions,
    unbalanced_handle_times,
)
from genesys_assets.tolerance import Tolerance

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = Window(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
EXACT = Tolerance()
NOBODY = pa.array([], pa.string())


def emitted(metric: str, value: int | None = 1, at: datetime = NOON, **more: Any) -> dict[str, Any]:
    """A row of session_metrics."""
    usual = {
        "conversation_id": "C1",
        "conversation_start": NOON,
        "participant_id": "P1",
        "session_id": "S1",
        "user_id": "U1",
        "queue_id": "Q1",
        "media_type": "voice",
        "ordinal": 0,
    }
    return usual | {"metric": metric, "value": value, "emit_date": at} | more


def counted(metric: str, count: int, sum: int | None = None, **more: Any) -> dict[str, Any]:
    """A row of interval_metrics. If it has one emission, min and max equal the sum."""
    usual = {
        "interval_start": NOON,
        "grouping": "mediaType,queueId",
        "selection": "",
        "view": "",
        "queue_id": "Q1",
        "media_type": "voice",
        "min": sum,
        "max": sum,
    }
    return usual | {"metric": metric, "count": count, "sum": sum} | more


def any_number(media: str | None, metric: str) -> float:
    """The number that unread conversations may have emitted: without a limit."""
    return math.inf


def sessions(*rows: Mapping[str, Any]) -> pads.Dataset:
    return pads.dataset(pa.Table.from_pylist(list(rows), SESSION_METRICS.schema))


def aggregates(*rows: Mapping[str, Any]) -> pads.Dataset:
    return pads.dataset(pa.Table.from_pylist(list(rows), INTERVAL_METRICS.schema))


def figures(table: pa.Table) -> list[tuple[Any, ...]]:
    names = ("metric", "count", "sum", "min", "max")
    return sorted(tuple(row[name] for name in names) for row in table.to_pylist())


def compared(
    expected: pads.Dataset, found: pads.Dataset, tolerance: Tolerance = EXACT, grouping: Grouping = BY_QUEUE
) -> Comparison:
    return compare(of_aggregates(expected, grouping, DAY), of_sessions(found, grouping, DAY), grouping, tolerance)


def differing(comparison: Comparison) -> list[str]:
    return [row["metric"] for row in comparison.differences.to_pylist()]


# -- what sessions emitted ---------------------------------------------------------------------------------------------


def test_a_timer_counts_each_time_it_was_emitted() -> None:
    found = of_sessions(sessions(emitted("tTalk", 300), emitted("tTalk", 100), emitted("tTalk", 0)), BY_QUEUE, DAY)
    assert figures(found) == [("tTalk", 3, 400, 0, 300)]


def test_a_counter_counts_by_its_value_and_has_no_other_statistic() -> None:
    twice = [emitted("nConnected", 1, ordinal=0), emitted("nConnected", 1, ordinal=1)]
    found = of_sessions(sessions(*twice, emitted("nOffered", 3)), BY_QUEUE, DAY)
    assert figures(found) == [("nConnected", 2, None, None, None), ("nOffered", 3, None, None, None)]


def test_a_metric_counts_in_the_quarter_of_an_hour_in_which_it_was_emitted() -> None:
    quarter, moment = timedelta(minutes=15), timedelta(milliseconds=1)
    rows = [emitted("tTalk", 1, NOON + quarter - moment), emitted("tTalk", 2, NOON + quarter, conversation_start=NOON)]
    found = of_sessions(sessions(*rows), BY_QUEUE, DAY).sort_by("interval_start")
    assert found["interval_start"].to_pylist() == [NOON, NOON + quarter]
    assert found["sum"].to_pylist() == [1, 2]


def test_what_was_emitted_before_or_after_the_window_does_not_count() -> None:
    moment = timedelta(milliseconds=1)
    rows = [emitted("tAcw", 1, DAY.start - moment), emitted("tAcw", 2, DAY.start), emitted("tAcw", 4, DAY.end)]
    assert figures(of_sessions(sessions(*rows), BY_QUEUE, DAY)) == [("tAcw", 1, 2, 2, 2)]


def test_a_conversation_begun_on_an_earlier_day_counts_when_it_emits() -> None:
    row = emitted("tHandle", 5, conversation_start=NOON - timedelta(days=3))
    assert figures(of_sessions(sessions(row), BY_QUEUE, DAY)) == [("tHandle", 1, 5, 5, 5)]


def test_a_session_without_a_queue_is_a_group_of_its_own() -> None:
    found = of_sessions(sessions(emitted("nConnected"), emitted("nConnected", queue_id=None)), BY_QUEUE, DAY)
    assert sorted(found["queue_id"].to_pylist(), key=str) == [None, "Q1"]


def test_by_user_only_what_has_a_user_counts_and_no_metric_of_queues() -> None:
    rows = [emitted("tTalk", 7), emitted("tTalk", 8, user_id=None), emitted("nOverSla"), emitted("tWait", 9)]
    assert figures(of_sessions(sessions(*rows), BY_USER, DAY)) == [("tTalk", 1, 7, 7, 7)]


def test_a_metric_that_no_aggregate_was_asked_for_does_not_count() -> None:
    assert len(of_sessions(sessions(emitted("nBotInteractions")), BY_QUEUE, DAY)) == 0


def test_no_derived_metric_is_expected_of_sessions() -> None:
    assert AGGREGATE_ONLY.isdisjoint(METRICS)
    assert {name[0] for name in METRICS} == {"n", "t"}
    assert {"nOffered", "nConnected", "tHandle", "tAnswered", "tAbandon", "nTransferred"} <= {*METRICS}


# -- what the aggregates say -------------------------------------------------------------------------------------------


def test_aggregates_of_another_grouping_or_of_some_conversations_only_are_left_out() -> None:
    rows = [
        counted("tTalk", 1, 5),
        counted("tTalk", 1, 6, grouping="mediaType,userId", user_id="U1", queue_id=None),
        counted("tTalk", 1, 7, selection="0123456789abcdef"),
        counted("tTalk", 1, 8, view="short"),
    ]
    assert figures(of_aggregates(aggregates(*rows), BY_QUEUE, DAY)) == [("tTalk", 1, 5, 5, 5)]
    assert figures(of_aggregates(aggregates(*rows), BY_USER, DAY)) == [("tTalk", 1, 6, 6, 6)]


def test_buckets_become_one() -> None:
    later = NOON + timedelta(hours=2)
    rows = [counted("tTalk", 2, 50, min=20, max=30), counted("tTalk", 1, 10, interval_start=later)]
    rows += [counted("nOffered", 2), counted("nOffered", 3, interval_start=later)]
    table = of_aggregates(aggregates(*rows), BY_QUEUE, DAY, in_one_bucket=True)
    assert figures(table) == [("nOffered", 5, None, None, None), ("tTalk", 3, 60, 10, 30)]
    assert {*table["interval_start"].to_pylist()} == {DAY.start}


# -- comparing ---------------------------------------------------------------------------------------------------------


def test_the_same_figures_do_not_differ() -> None:
    expected = aggregates(counted("tTalk", 2, 30, min=10, max=20), counted("nOffered", 1))
    found = sessions(emitted("tTalk", 10), emitted("tTalk", 20), emitted("nOffered"))
    comparison = compared(expected, found)
    assert (comparison.compared, differing(comparison)) == (2, [])


def test_a_group_without_a_queue_is_compared_with_itself() -> None:
    expected = aggregates(counted("nConnected", 1, queue_id=None))
    assert differing(compared(expected, sessions(emitted("nConnected", queue_id=None)))) == []


def test_a_difference_shows_both_figures() -> None:
    comparison = compared(aggregates(counted("tTalk", 2, 30, min=10, max=20)), sessions(emitted("tTalk", 10)))
    assert comparison.differences.to_pylist() == [
        {
            "interval_start": NOON,
            "queue_id": "Q1",
            "media_type": "voice",
            "metric": "tTalk",
            "expected_count": 2,
            "found_count": 1,
            "expected_sum": 30,
            "found_sum": 10,
            "expected_min": 10,
            "found_min": 10,
            "expected_max": 20,
            "found_max": 10,
        }
    ]


@pytest.mark.parametrize(
    "expected",
    [
        counted("tTalk", 2, 30, min=10, max=21),
        counted("tTalk", 2, 30, min=9, max=20),
        counted("tTalk", 2, 31, min=10, max=20),
        counted("tTalk", 3, 30, min=10, max=20),
        counted("tTalk", 2, 30, min=10, max=20, media_type="callback"),
        counted("tTalk", 2, 30, min=10, max=20, queue_id="Q2"),
        counted("tTalk", 2, 30, min=10, max=20, interval_start=NOON + timedelta(minutes=15)),
    ],
)
def test_every_statistic_and_every_part_of_the_key_counts(expected: dict[str, Any]) -> None:
    found = sessions(emitted("tTalk", 10), emitted("tTalk", 20))
    assert "tTalk" in differing(compared(aggregates(expected), found))


def test_what_only_one_way_knows_differs() -> None:
    assert differing(compared(aggregates(counted("tTalk", 1, 5)), sessions())) == ["tTalk"]
    assert differing(compared(aggregates(), sessions(emitted("nOffered")))) == ["nOffered"]


def test_no_row_is_the_same_as_a_count_of_nothing() -> None:
    assert differing(compared(aggregates(counted("nOffered", 0)), sessions())) == []


def test_an_aggregate_without_a_minimum_is_compared_by_the_rest() -> None:
    assert differing(compared(aggregates(counted("tTalk", 1, 5, min=None)), sessions(emitted("tTalk", 5)))) == []


# -- tolerance ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tolerance"),
    [
        ("0", Tolerance()),
        ("", Tolerance()),
        ("2", Tolerance(count=2)),
        ("1500ms", Tolerance(milliseconds=1500)),
        ("0.1%", Tolerance(share=0.001)),
        ("2, 1500 ms,1%", Tolerance(2, 1500, 0.01)),
    ],
)
def test_a_tolerance_is_read_from_text(text: str, tolerance: Tolerance) -> None:
    assert Tolerance.parse(text) == tolerance
    assert Tolerance.parse(str(tolerance)) == tolerance


@pytest.mark.parametrize("text", ["-1", "a lot", "1.5", "1.5ms", "2, 3", "5 s", "1%%"])
def test_a_tolerance_that_is_not_one_says_how_it_is_written(text: str) -> None:
    with pytest.raises(
        ValueError,
        match=r"of a count \(2\), a time \(1500ms\) and a share \(0\.1%\)",
    ):
        Tolerance.parse(text)


@pytest.mark.parametrize(
    ("tolerance", "tolerated"), [("0", False), ("1", False), ("1, 99ms", False), ("1, 100ms", True), ("50%", True)]
)
def test_a_tolerance_covers_counts_and_times_apart(tolerance: str, tolerated: bool) -> None:
    expected = aggregates(counted("tTalk", 2, 200, min=100, max=100))
    comparison = compared(expected, sessions(emitted("tTalk", 100)), Tolerance.parse(tolerance))
    assert (differing(comparison) == []) is tolerated


def test_a_share_is_that_of_the_expected_figure() -> None:
    hundred = [emitted("nOffered", 99)]
    assert differing(compared(aggregates(counted("nOffered", 100)), sessions(*hundred), Tolerance(share=0.01))) == []
    assert differing(compared(aggregates(counted("nOffered", 101)), sessions(*hundred), Tolerance(share=0.01))) != []


# -- conversations that were not read ----------------------------------------------------------------------------------


def test_unread_conversations_account_for_more_in_the_aggregates_only() -> None:
    more = compared(aggregates(counted("tTalk", 2, 30, min=10, max=20)), sessions(emitted("tTalk", 10)))
    less = compared(aggregates(counted("tTalk", 1, 10)), sessions(emitted("tTalk", 10), emitted("tTalk", 20)))
    missing = compared(aggregates(), sessions(emitted("nOffered")))
    smaller = compared(aggregates(counted("tTalk", 2, 9, min=4, max=5)), sessions(emitted("tTalk", 10)))
    assert [len(rows) for rows in more.of_unread(any_number)] == [0, 1]
    assert [len(rows) for rows in less.of_unread(any_number)] == [1, 0]
    assert [len(rows) for rows in missing.of_unread(any_number)] == [1, 0]
    assert [len(rows) for rows in smaller.of_unread(any_number)] == [1, 0]


def test_unread_conversations_do_not_account_for_another_value_of_what_was_read() -> None:
    longer = compared(aggregates(counted("tTalk", 1, 30)), sessions(emitted("tTalk", 20)))
    assert [len(rows) for rows in longer.of_unread(any_number)] == [1, 0]


@pytest.mark.parametrize(("sum_", "explained"), [(19, False), (20, True), (30, True), (31, False)])
def test_what_is_missing_lies_between_the_shortest_and_the_longest(sum_: int, explained: bool) -> None:
    expected = aggregates(counted("tTalk", 3, 10 + sum_, min=10, max=15))
    comparison = compared(expected, sessions(emitted("tTalk", 10)))
    assert [len(rows) for rows in comparison.of_unread(any_number)] == ([0, 1] if explained else [1, 0])


def test_a_longest_time_that_nobody_is_said_to_have_is_not_explained_by_unread_conversations() -> None:
    expected = aggregates(counted("tTalk", 2, 30, min=10, max=15))
    assert [len(rows) for rows in compared(expected, sessions(emitted("tTalk", 20))).of_unread(any_number)] == [1, 0]


def test_unread_conversations_account_for_their_media_types_only() -> None:
    rows = [counted("nOffered", 1, media_type=media) for media in ("voice", "email", None)]
    standing, unread = compared(aggregates(*rows), sessions()).of_unread(lambda media, _: media == "email")
    assert unread["media_type"].to_pylist() == ["email"]
    assert sorted(standing["media_type"].to_pylist(), key=str) == [None, "voice"]


def test_comparisons_of_several_windows_are_one() -> None:
    one = compared(aggregates(counted("nOffered", 1)), sessions())
    two = compared(aggregates(counted("tTalk", 1, 5)), sessions(emitted("tTalk", 5)))
    together = Comparison.together([one, two])
    assert (together.compared, differing(together)) == (2, ["nOffered"])


# -- handle time -------------------------------------------------------------------------------------------------------


PARTS = [emitted("tTalkComplete", 50), emitted("tHeldComplete", 20), emitted("tAcw", 5)]
OUTBOUND = [emitted("tContacting", 3), emitted("tDialing", 2)]


@pytest.mark.parametrize(("rows", "handled"), [(PARTS, 75), (PARTS + OUTBOUND, 80), ([emitted("tAcw", 4)], 4), ([], 0)])
def test_a_handle_time_is_the_sum_of_its_parts(rows: list[dict[str, Any]], handled: int) -> None:
    table = sessions(*rows, emitted("tHandle", handled), emitted("tTalk", 25), emitted("tHeld", 1))
    comparison = unbalanced_handle_times(table, DAY, NOBODY, EXACT)
    assert (comparison.compared, len(comparison.differences)) == (1, 0)


def test_a_handle_time_that_is_not_shows_both_figures() -> None:
    table = sessions(*PARTS, emitted("tHandle", 76), emitted("tHandle", 9, session_id="S2"))
    (one, other) = unbalanced_handle_times(table, DAY, NOBODY, EXACT).differences.to_pylist()
    assert (one["session_id"], one["expected_sum"], one["found_sum"]) == ("S1", 76, 75)
    assert (other["session_id"], other["expected_sum"], other["found_sum"]) == ("S2", 9, None)
    assert len(unbalanced_handle_times(table, DAY, NOBODY, Tolerance(milliseconds=1)).differences) == 1


def test_a_session_that_is_not_over_is_not_compared() -> None:
    assert unbalanced_handle_times(sessions(*PARTS), DAY, NOBODY, EXACT).compared == 0
    again = sessions(*PARTS, emitted("tHandle", 75), emitted("tTalkComplete", 9, NOON + timedelta(hours=1)))
    assert len(unbalanced_handle_times(again, DAY, NOBODY, EXACT).differences) == 1
    assert unbalanced_handle_times(again, DAY, pa.array(["C1"]), EXACT).compared == 0


def test_a_handle_time_is_compared_on_the_day_its_conversation_began() -> None:
    tomorrow = NOON + timedelta(days=1)
    rows = [
        *PARTS,
        emitted("tHandle", 75, tomorrow),
        emitted("tHandle", 1, session_id="S2", conversation_start=tomorrow),
    ]
    comparison = unbalanced_handle_times(sessions(*rows), DAY, NOBODY, EXACT)
    assert (comparison.compared, len(comparison.differences)) == (1, 0)
