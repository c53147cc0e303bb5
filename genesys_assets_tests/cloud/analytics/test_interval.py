"""Laws of intervals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.cloud.analytics.interval import CLOCK_SKEW, Interval, iso
from genesys_assets.cloud.errors import InvalidQuery

START = datetime(2026, 1, 31, 13, tzinfo=UTC)
HOUR = Interval(START, START + timedelta(hours=1))

instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.timezones())


@st.composite
def intervals(draw: st.DrawFn, shortest: timedelta = timedelta(milliseconds=1)) -> Interval:
    start = draw(instants)
    length = draw(st.timedeltas(shortest, timedelta(days=40)))
    return Interval(start, start.astimezone(UTC) + length)


@given(intervals())
def test_parsing_what_was_written_gives_the_same_interval(interval: Interval) -> None:
    assert Interval.parse(str(interval)) == interval


@given(intervals(), st.timezones())
def test_so_does_parsing_it_with_another_offset(interval: Interval, zone: ZoneInfo) -> None:
    parsed = Interval.parse(interval.text(zone))
    # Offsets before standard time have seconds, which ISO 8601 text keeps.
    assert parsed == interval


@given(intervals(timedelta(milliseconds=2)))
def test_halves_partition_the_interval(interval: Interval) -> None:
    early, late = interval.halves()
    assert (early.start, late.end) == (interval.start, interval.end)
    assert early.end == late.start
    assert early.start < early.end < late.end


@given(intervals(), st.integers(1, 7))
def test_days_partition_the_interval_and_touch_no_more_days_than_asked(interval: Interval, most: int) -> None:
    pieces = interval.days(most)
    assert (pieces[0].start, pieces[-1].end) == (interval.start, interval.end)
    assert all(before.end == after.start for before, after in pairwise(pieces))
    assert all(piece.start.time() == datetime.min.time() for piece in pieces[1:])
    assert all(
        (piece.end - timedelta(milliseconds=1)).date() - piece.start.date() < timedelta(most) for piece in pieces
    )


def test_an_interval_is_written_as_the_platform_reads_it() -> None:
    assert str(HOUR) == "2026-01-31T13:00:00.000Z/2026-01-31T14:00:00.000Z"
    assert HOUR.text(ZoneInfo("Asia/Kolkata")) == "2026-01-31T18:30:00.000+05:30/2026-01-31T19:30:00.000+05:30"


def test_instants_become_utc_and_whole_milliseconds() -> None:
    here = timezone(timedelta(hours=2))
    interval = Interval(datetime(2026, 1, 1, 2, 0, 0, 1999, here), datetime(2026, 1, 1, 3, tzinfo=here))
    assert interval.start == datetime(2026, 1, 1, 0, 0, 0, 1000, UTC)
    assert interval.start.tzinfo is UTC


def test_the_end_is_not_inside() -> None:
    assert HOUR.start in HOUR
    assert HOUR.end not in HOUR
    assert HOUR.duration == timedelta(hours=1)


def test_halves_of_several_days_are_whole_days() -> None:
    three_days = Interval(datetime(2026, 1, 1, 6, tzinfo=UTC), datetime(2026, 1, 4, 6, tzinfo=UTC))
    assert three_days.halves()[1].start in (
        datetime(2026, 1, 2, tzinfo=UTC),
        datetime(2026, 1, 3, tzinfo=UTC),
    )


@pytest.mark.parametrize("length", [timedelta(0), timedelta(microseconds=999), timedelta(seconds=-1)])
def test_an_empty_interval_is_refused(length: timedelta) -> None:
    with pytest.raises(InvalidQuery, match="its start must lie before its end"):
        Interval(START, START + length)


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(InvalidQuery, match="has no time zone"):
        Interval(datetime(2026, 1, 1), START)
    with pytest.raises(InvalidQuery, match="has no time zone"):
        Interval.parse("2026-01-01T00:00:00/2026-01-02T00:00:00Z")


@pytest.mark.parametrize("text", ["", "2026-01-01", "2026-01-01T00:00:00Z/", "yesterday/today", "a/b/c"])
def test_a_malformed_interval_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidQuery, match=r"is not an interval. Write start/end, as in 2026-01-01T"):
        Interval.parse(text)


def test_an_interval_in_the_future_is_refused() -> None:
    assert HOUR.require_past(HOUR.end) is HOUR
    assert HOUR.require_past(HOUR.end - CLOCK_SKEW) is HOUR
    with pytest.raises(InvalidQuery, match="ends in the future"):
        HOUR.require_past(HOUR.end - CLOCK_SKEW - timedelta(milliseconds=1))
    with pytest.raises(InvalidQuery, match="lies in the future"):
        HOUR.require_past(HOUR.start - timedelta(milliseconds=1))


def test_iso_has_three_digits_of_milliseconds() -> None:
    assert iso(datetime(2026, 1, 1, 0, 0, 0, 7000, UTC)) == "2026-01-01T00:00:00.007Z"
