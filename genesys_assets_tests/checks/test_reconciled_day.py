"""Compares one day two ways: which files the check reads, which differences remain, and which have an explanation."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from genesys_assets.checks import reconciled_day
from genesys_assets.checks.reconciled_day import (
    HANDLE_TIME,
    QUEUES_MATCH,
    USERS_MATCH,
    WAIT,
    DayComparison,
    begun_earlier,
    reconcile_daily,
    reconcile_sessions,
    unread_conversations,
)
from genesys_assets.days import Window
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.partitions import Calendar
from genesys_assets.sandbox.server import running
from genesys_assets.tables.metrics.buckets import DAILY_METRICS
from genesys_assets.tolerance import Tolerance
from genesys_assets_tests.assets.world import TABLES_OF_HOURS, World, definitions, hours
from genesys_assets_tests.checks.stored_days import (
    DAY,
    EXACT,
    FLOWED_OUT,
    IN_UTC,
    NEXT_DAY,
    NOON,
    TO_THE_END,
    UNTIL_20,
    WHOLE,
    bucket,
    e_mail,
    flowed_out,
    offered,
    put,
    read_overlap,
    store_conversations,
    store_hours,
    store_reach,
)
from genesys_assets_tests.clocks import standing_at
from genesys_assets_tests.conftest import DAY as PAST_DAY


def count_differences(lake: Lake, name: str = QUEUES_MATCH) -> tuple[int, int]:
    """How many differences remain, and how many are explained by unread conversations."""
    comparison = reconcile_sessions(lake, DAY, EXACT)[name]
    assert isinstance(comparison, DayComparison)
    return len(comparison.differences), len(comparison.unread or ())


# -- a real day --------------------------------------------------------------------------------------------------------


def test_a_day_of_the_sandbox_reconciles_to_the_millisecond(past_days: World) -> None:
    comparisons = reconcile_sessions(past_days.lake, f"{PAST_DAY}", EXACT, reach_days=3)
    assert WAIT in comparisons
    comparisons["day"] = reconcile_daily(past_days.lake, f"{PAST_DAY}", EXACT, IN_UTC)
    for name, comparison in comparisons.items():
        assert isinstance(comparison, DayComparison), f"{name}: {comparison}"
        assert comparison.compared > (15 if name == WAIT else 80), name
        assert comparison.differences.to_pylist() == [], name
        assert not len(comparison.unread or ()), name
        assert not comparison.left_out, name


def test_the_same_day_does_not_reconcile_without_the_days_before(past_days: World) -> None:
    """Otherwise no session of that day began earlier, and the test above proves less than it says."""
    comparison = reconcile_sessions(past_days.lake, f"{PAST_DAY}", EXACT, reach_days=0)[QUEUES_MATCH]
    assert isinstance(comparison, DayComparison)
    assert len(comparison.differences) + len(comparison.unread or ())


@pytest.mark.long
def test_a_complete_day_reconciles_alone_and_strictly(tmp_path: Path) -> None:
    """With details jobs, unread conversations explain nothing, though no earlier day is stored."""
    now = datetime(2026, 2, 1, 9, tzinfo=UTC)
    with running(seed=125, conversations_per_day=130, now=now, requests_per_minute=None) as sandbox:
        world = World(sandbox, tmp_path, definitions(DAY))
        world.run("hourly", "pages/hourly_aggregates", between=hours(DAY))
        world.run("complete", partition=DAY)
        world.run("daily", *TABLES_OF_HOURS, "pages/daily_aggregates", "tables/daily_metrics", partition=DAY)
    assert all(run.success for run in world.runs)
    comparisons = reconcile_sessions(world.lake, DAY, EXACT) | {"day": reconcile_daily(world.lake, DAY, EXACT, IN_UTC)}
    for name, comparison in comparisons.items():
        assert isinstance(comparison, DayComparison), f"{name}: {comparison}"
        assert comparison.compared > (15 if name == WAIT else 80), name
        assert comparison.differences.to_pylist() == [], name
        assert not comparison.reason, name
    assert len(begun_earlier(world.lake, DAY) or ()) > 0


@pytest.mark.parametrize("rows_at_once", [1, 1_000])
def test_a_day_compared_in_parts_gives_the_same(
    past_days: World, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    at_once = reconcile_sessions(past_days.lake, f"{PAST_DAY}", EXACT, reach_days=0)
    monkeypatch.setattr(reconciled_day, "_ROWS_AT_ONCE", rows_at_once)
    in_parts = reconcile_sessions(past_days.lake, f"{PAST_DAY}", EXACT, reach_days=0)
    assert WAIT in at_once
    for name, comparison in at_once.items():
        part = in_parts[name]
        assert isinstance(comparison, DayComparison)
        assert isinstance(part, DayComparison)
        assert (part.compared, part.differences.to_pylist()) == (
            comparison.compared,
            comparison.differences.to_pylist(),
        )


# -- which differences remain, and which have an explanation
# ----------------------------------------------------------------------------


def test_a_lost_conversation_is_found_where_all_was_read(lake: Lake) -> None:
    store_reach(lake)
    store_conversations(lake)
    store_hours(lake, bucket())
    assert count_differences(lake) == (1, 0)


def test_a_conversation_counted_twice_is_found_whatever_was_read(lake: Lake) -> None:
    store_conversations(lake, offered(2), reach=TO_THE_END, open_media="voice")
    store_hours(lake, bucket())
    assert count_differences(lake) == (1, 0)


def test_conversations_begun_on_days_that_are_not_stored_may_account_for_more(lake: Lake) -> None:
    store_conversations(lake)
    store_hours(lake, bucket())
    assert count_differences(lake) == (0, 1)
    comparison = reconcile_sessions(lake, DAY, EXACT)[QUEUES_MATCH]
    assert isinstance(comparison, DayComparison)
    assert comparison.reason == "31 earlier days are not stored (2025-12-31 to 2026-01-30)"
    assert not comparison.judged


@pytest.mark.parametrize("how", ["open_media", "open_session"])
def test_conversations_open_when_they_were_read_may_account_for_more_of_their_media_type(lake: Lake, how: str) -> None:
    store_reach(lake)
    store_conversations(lake, reach=TO_THE_END, **{how: "email"})
    store_hours(lake, bucket(media="email"), bucket(media="chat"))
    assert count_differences(lake) == (1, 1)


def test_an_open_callback_may_yet_become_a_call(lake: Lake) -> None:
    store_reach(lake)
    store_conversations(lake, reach=None, open_media="callback")
    assert unread_conversations(lake, DAY).open == {"callback": 1, "voice": 1}


@pytest.mark.parametrize(("missing", "explained"), [(1, True), (3, True), (4, False), (4_000, False)])
def test_one_open_conversation_explains_no_more_than_it_can_have_emitted(
    lake: Lake, missing: int, explained: bool
) -> None:
    read_overlap(lake)
    store_conversations(lake, reach=TO_THE_END, open_media="email")
    store_hours(lake, bucket(missing, media="email"))
    assert count_differences(lake) == ((0, 1) if explained else (1, 0))
    comparison = reconcile_sessions(lake, DAY, EXACT)[QUEUES_MATCH]
    assert isinstance(comparison, DayComparison)
    assert comparison.reason == "conversations were open when they were last read (1 email)"


def test_an_open_conversation_may_emit_as_often_as_the_busiest_one_did(lake: Lake) -> None:
    read_overlap(lake)
    often = [offered(media="email") | {"ordinal": number} for number in range(5)]
    store_conversations(lake, *often, reach=TO_THE_END, open_media="email")
    store_hours(lake, bucket(10, media="email"))
    assert count_differences(lake) == (0, 1)
    store_hours(lake, bucket(11, media="email"))
    assert count_differences(lake) == (1, 0)


def test_what_is_missing_in_many_places_is_counted_together(lake: Lake) -> None:
    read_overlap(lake)
    store_conversations(lake, reach=TO_THE_END, open_media="email")
    places = [bucket(media="email", start=NOON + timedelta(hours=number)) for number in range(4)]
    store_hours(lake, *places[:3])
    assert count_differences(lake) == (0, 3)
    store_hours(lake, *places)
    assert count_differences(lake) == (4, 0)


def test_a_day_read_after_the_end_leaves_nothing_open(lake: Lake) -> None:
    store_reach(lake)
    store_conversations(lake, reach=WHOLE, open_media="email")
    assert not unread_conversations(lake, DAY).open


def test_an_earlier_day_read_too_early_leaves_its_open_conversations_out(lake: Lake) -> None:
    store_reach(lake)
    early = Reach(datetime(2026, 1, 31, 6, tzinfo=UTC), is_complete=True)
    store_conversations(lake, day="2026-01-20", reach=early, open_media="email")
    store_conversations(lake)
    assert unread_conversations(lake, DAY).open == {"email": 1}


def test_what_began_on_an_earlier_day_is_read_there(lake: Lake) -> None:
    store_reach(lake)
    store_conversations(lake)
    store_conversations(lake, offered(), day="2026-01-05")
    store_hours(lake, bucket())
    assert count_differences(lake) == (0, 0)


def test_what_began_earlier_is_read_from_the_overlap_whatever_days_are_stored(lake: Lake) -> None:
    store_conversations(lake)
    store_hours(lake, bucket(media="email"))
    read_overlap(lake, e_mail(("nOffered", NOON - timedelta(days=9)), ("nOffered", NOON)))
    assert count_differences(lake) == (0, 0)
    store_hours(lake, bucket(2, media="email"))
    assert count_differences(lake) == (1, 0)


def test_the_overlap_takes_the_place_of_what_is_stored_of_its_conversations(lake: Lake) -> None:
    stored = offered(media="email") | {"conversation_id": "C9", "conversation_start": NOON - timedelta(days=11)}
    other = stored | {"conversation_id": "C8"}
    store_conversations(lake)
    store_conversations(lake, stored, other, day="2026-01-20", open_media="email", reach=None)
    store_hours(lake, bucket(3, media="email"))
    assert count_differences(lake) == (0, 1)
    read_overlap(lake, e_mail(("nOffered", NOON), ("nOffered", NOON + timedelta(minutes=1))))
    assert count_differences(lake) == (0, 0)


@pytest.mark.parametrize("began", ["2025-12-31", "2025-12-30", "2024-02-29"])
def test_the_overlap_counts_however_long_ago_its_conversations_began(lake: Lake, began: str) -> None:
    store_conversations(lake)
    store_hours(lake, bucket(media="email"))
    read_overlap(lake, e_mail(("nOffered", NOON), began=began))
    assert count_differences(lake) == (0, 0)


def test_an_overlap_read_before_the_day_was_over_is_not_used(lake: Lake) -> None:
    store_conversations(lake)
    store_hours(lake, bucket(media="email"))
    read_overlap(lake, reach=UNTIL_20)
    assert count_differences(lake) == (0, 1)


def test_a_day_read_again_counts_as_read_although_nothing_changed(lake: Lake) -> None:
    store_reach(lake)
    store_conversations(lake, reach=UNTIL_20)
    store_conversations(lake, reach=WHOLE)
    store_hours(lake)
    assert count_differences(lake) == (0, 0)


def test_a_tolerated_difference_is_none(lake: Lake) -> None:
    store_reach(lake)
    store_conversations(lake, offered(9))
    store_hours(lake, bucket(10))
    assert count_differences(lake) == (1, 0)
    comparison = reconcile_sessions(lake, DAY, Tolerance.parse("10%"))[QUEUES_MATCH]
    assert isinstance(comparison, DayComparison)
    assert len(comparison.differences) == 0


# -- metrics that sessions may not carry ------------------------------------------------------------------------------


def left_out(lake: Lake, name: str = QUEUES_MATCH) -> dict[str, str]:
    comparison = reconcile_sessions(lake, DAY, EXACT)[name]
    assert isinstance(comparison, DayComparison)
    return dict(comparison.left_out)


def test_what_sessions_were_never_seen_to_carry_is_said_and_not_compared(lake: Lake) -> None:
    read_overlap(lake)
    store_conversations(lake, offered())
    store_hours(lake, bucket(), FLOWED_OUT)
    assert count_differences(lake) == (0, 0)
    assert left_out(lake) == {"tFlowOut": "no session of the days that were read has it"}


def test_what_sessions_carried_on_another_day_is_missed_on_this_one(lake: Lake) -> None:
    read_overlap(lake)
    store_conversations(lake, flowed_out("2026-01-05"), day="2026-01-05")
    store_conversations(lake, offered())
    store_hours(lake, bucket(), FLOWED_OUT)
    assert count_differences(lake) == (1, 0)


def test_what_the_aggregates_never_have_is_said_and_not_compared(lake: Lake) -> None:
    read_overlap(lake)
    store_conversations(lake, offered(), flowed_out())
    store_hours(lake, bucket())
    assert left_out(lake) == {"tFlowOut": "the aggregates of the days that were read do not have it"}
    store_hours(lake, FLOWED_OUT, day="2026-01-20", reach=WHOLE)
    assert (count_differences(lake), left_out(lake)) == ((1, 0), {})


def test_what_sessions_are_known_to_carry_is_missed_whatever_was_seen(lake: Lake) -> None:
    read_overlap(lake)
    store_conversations(lake, offered())
    store_hours(lake, bucket(), FLOWED_OUT | {"metric": "tHandle"})
    assert (count_differences(lake), left_out(lake)) == ((1, 0), {})


def test_a_wait_is_expected_of_no_session_but_compared_with_the_ways_out_of_the_queue(lake: Lake) -> None:
    read_overlap(lake)
    waited = bucket() | {"metric": "tWait", "count": 2, "sum": 12, "min": 5, "max": 7}
    answered = flowed_out() | {"metric": "tAnswered", "value": 7, "session_id": "S2"}
    store_conversations(lake, flowed_out(), answered)
    ways_out = [FLOWED_OUT, FLOWED_OUT | {"metric": "tAnswered", "sum": 7, "min": 7, "max": 7}]
    store_hours(lake, waited, *ways_out)
    assert (count_differences(lake), count_differences(lake, WAIT), left_out(lake, WAIT)) == ((0, 0), (0, 0), {})
    store_hours(lake, waited | {"sum": 13, "max": 8}, *ways_out)
    assert (count_differences(lake), count_differences(lake, WAIT)) == ((0, 0), (1, 0))


# -- days that cannot be compared -------------------------------------------------------------------------------------


def test_a_day_whose_hours_are_incomplete_is_not_evaluated(lake: Lake) -> None:
    store_conversations(lake)
    store_hours(lake, reach=UNTIL_20)
    reason = "interval_metrics of 2026-01-31 reaches only to 2026-01-31T20:00:00+00:00"
    assert {*map(str, reconcile_sessions(lake, DAY, EXACT).values())} == {reason}


def test_a_day_whose_conversations_are_incomplete_is_not_evaluated(lake: Lake) -> None:
    store_conversations(lake, reach=UNTIL_20)
    store_hours(lake)
    reason = "session_metrics of 2026-01-31 reaches only to 2026-01-31T20:00:00+00:00"
    assert reconcile_sessions(lake, DAY, EXACT)[USERS_MATCH] == reason


def test_a_day_without_one_of_the_tables_is_not_evaluated(lake: Lake) -> None:
    assert reconcile_daily(lake, DAY, EXACT, IN_UTC) == "daily_metrics of 2026-01-31 is not stored"
    store_conversations(lake)
    assert reconcile_sessions(lake, DAY, EXACT)[HANDLE_TIME] == "interval_metrics of 2026-01-31 is not stored"


def test_today_is_not_evaluated(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    midnight = datetime(2026, 2, 1, tzinfo=UTC)
    store_conversations(lake, reach=None)
    store_hours(lake, reach=None)
    monkeypatch.setattr(reconciled_day, "datetime", standing_at(midnight - timedelta(milliseconds=1)))
    assert reconcile_sessions(lake, DAY, EXACT)[QUEUES_MATCH] == "the day is not over"
    monkeypatch.setattr(reconciled_day, "datetime", standing_at(midnight))
    assert isinstance(reconcile_sessions(lake, DAY, EXACT)[QUEUES_MATCH], DayComparison)


# -- days and hours ----------------------------------------------------------------------------------------------------


def test_a_day_is_the_sum_of_its_hours(lake: Lake) -> None:
    store_hours(lake, bucket(2), bucket(3, start=NOON + timedelta(hours=5)))
    put(lake, DAILY_METRICS, [bucket(5, start=NOON.replace(hour=0))], DAY, None)
    comparison = reconcile_daily(lake, DAY, EXACT, IN_UTC)
    assert isinstance(comparison, DayComparison)
    assert (comparison.compared, len(comparison.differences)) == (1, 0)


def test_a_day_that_is_not_the_sum_of_its_hours_is_listed(lake: Lake) -> None:
    store_hours(lake, bucket(2))
    put(lake, DAILY_METRICS, [bucket(5, start=NOON.replace(hour=0))], DAY, None)
    comparison = reconcile_daily(lake, DAY, EXACT, IN_UTC)
    assert isinstance(comparison, DayComparison)
    (difference,) = comparison.differences.to_pylist()
    assert (difference["expected_count"], difference["found_count"]) == (5, 2)


@pytest.mark.parametrize(
    ("zone", "end", "of_the_day"),
    [("Europe/Zurich", 23, "2026-01-30T23:30"), ("America/Los_Angeles", 8, "2026-02-01T07:45")],
)
def test_a_business_day_is_the_sum_of_its_own_hours(lake: Lake, zone: str, end: int, of_the_day: str) -> None:
    calendar = Calendar(date(2026, 1, 1), ZoneInfo(zone), 4)
    start, over = calendar.business_day(DAY)
    edge = datetime.fromisoformat(f"{of_the_day}:00+00:00")
    outside = [start - timedelta(minutes=15), over]
    assert over.hour == end
    hours = [bucket(2), bucket(3, start=edge), *(bucket(9, start=instant) for instant in outside)]
    for day in Window(start, over).utc_days():
        of_day = [row for row in hours if f"{row['interval_start']:%Y-%m-%d}" == day]
        store_hours(lake, *of_day, day=day, reach=WHOLE)
    put(lake, DAILY_METRICS, [bucket(5, start=start) | {"local_date": date.fromisoformat(DAY)}], DAY, WHOLE)
    comparison = reconcile_daily(lake, DAY, EXACT, calendar)
    assert isinstance(comparison, DayComparison)
    assert (comparison.compared, len(comparison.differences)) == (1, 0)


def test_a_business_day_whose_last_hours_are_not_stored_is_not_evaluated(lake: Lake) -> None:
    pacific = Calendar(date(2026, 1, 1), ZoneInfo("America/Los_Angeles"), 4)
    put(lake, DAILY_METRICS, [bucket(5, start=NOON)], DAY, WHOLE)
    store_hours(lake, bucket(5))
    assert reconcile_daily(lake, DAY, EXACT, pacific) == "interval_metrics of 2026-02-01 is not stored"
    early = Reach(datetime(2026, 2, 1, 7, tzinfo=UTC))
    store_hours(lake, day=NEXT_DAY, reach=early)
    said = "interval_metrics of 2026-02-01 reaches only to 2026-02-01T07:00:00+00:00"
    assert reconcile_daily(lake, DAY, EXACT, pacific) == said
