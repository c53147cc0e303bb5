"""Which days belong to a week, a month or rolling days."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.periods import Period

DATES = st.dates(date(2024, 1, 1), date(2028, 12, 31))
PERIODS = st.sampled_from([Period(), Period("week"), Period("month"), Period("rolling", 7), Period("rolling", 28)])


@given(DATES, st.sampled_from([Period("week"), Period("month")]))
def test_every_day_belongs_to_one_week_and_one_month(day: date, period: Period) -> None:
    ends = [key for offset in range(31) if period.ends_on(key := f"{day + timedelta(days=offset)}")]
    assert f"{day}" in period.days(ends[0])
    assert all(f"{day}" not in period.days(end) for end in ends[1:])


@given(DATES)
def test_a_week_is_that_of_iso_8601(day: date) -> None:
    if Period("week").ends_on(f"{day}"):
        weeks = {date.fromisoformat(key).isocalendar()[:2] for key in Period("week").days(f"{day}")}
        assert weeks == {day.isocalendar()[:2]}


@given(DATES, PERIODS)
def test_a_period_begins_where_the_one_before_ends(day: date, period: Period) -> None:
    before = period.before(f"{day}")
    assert date.fromisoformat(before) + timedelta(days=1) == period.first(f"{day}")


@pytest.mark.parametrize(
    ("period", "hours"), [(Period(), 23), (Period("week"), 7 * 24 - 1), (Period("rolling", 2), 47)]
)
def test_a_period_in_which_clocks_go_forward_is_an_hour_shorter(period: Period, hours: int) -> None:
    window = period.window("2026-03-29", ZoneInfo("Europe/Zurich"))
    assert window.end - window.start == timedelta(hours=hours)
