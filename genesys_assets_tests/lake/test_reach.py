"""How far partitions are known, alone and together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.days import Window
from genesys_assets.lake.reach import Reach

START = datetime(2026, 1, 30, tzinfo=UTC)
FIRST, SECOND = "2026-01-30", "2026-01-31"


def hours(count: float) -> datetime:
    """This many hours after `START`."""
    return START + timedelta(hours=count)


def window(start: float, end: float) -> Window:
    return Window(hours(start), hours(end))


BOTH = window(0, 48)


def whole(through: float) -> Reach:
    return Reach(hours(through), is_complete=True)


def test_a_window_is_covered_when_all_before_its_end_is_known() -> None:
    assert Reach(hours(24)).covers(window(0, 24))
    assert not Reach(hours(24) - timedelta(milliseconds=1)).covers(window(0, 24))


def test_a_day_is_covered_at_the_midnight_after_it() -> None:
    assert Reach(hours(24)).covers_day(FIRST)
    assert not Reach(hours(24) - timedelta(milliseconds=1)).covers_day(FIRST)
    assert not Reach(hours(24)).covers_day(SECOND)


def test_a_metric_was_asked_for_where_every_fetched_hour_asked_for_it() -> None:
    reach = Reach(START, questions={"agents": ["tTalk", "nError"]})
    assert reach.has_asked("agents", ["tTalk"])
    assert reach.has_asked("agents", [])
    assert not reach.has_asked("agents", ["tTalk", "tHeld"])
    assert not reach.has_asked("queues", ["tTalk"])


def test_what_was_only_imported_was_asked_for_everything_that_the_file_had() -> None:
    assert Reach(START, imported=True).has_asked("agents", ["tTalk"])
    assert not Reach(START, imported=True, fetched_hours=1).has_asked("agents", ["tTalk"])


def test_complete_days_are_complete_together() -> None:
    days = {FIRST: [whole(24), whole(24)], SECOND: [whole(48)]}
    assert Reach.of_all(BOTH, days) == Reach(hours(48), is_complete=True)


def test_the_least_known_table_decides() -> None:
    assert Reach.of_all(BOTH, {FIRST: [whole(24)], SECOND: [whole(48), Reach(hours(30))]}) == Reach(hours(30))


def test_an_earlier_day_that_is_not_all_known_decides_whatever_is_known_later() -> None:
    assert Reach.of_all(BOTH, {FIRST: [Reach(hours(20))], SECOND: [whole(48)]}) == Reach(hours(20))


def test_a_table_that_is_not_stored_is_known_up_to_the_start_of_its_day() -> None:
    assert Reach.of_all(BOTH, {FIRST: [whole(24)], SECOND: [None]}) == Reach(hours(24))
    assert Reach.of_all(BOTH, {FIRST: [None], SECOND: [whole(48)]}) == Reach(START)


def test_a_window_that_ends_within_a_day_needs_no_more_of_it() -> None:
    business_day = window(5, 29)
    known = Reach.of_all(business_day, {FIRST: [whole(24)], SECOND: [Reach(hours(29), is_complete=True)]})
    assert known == Reach(hours(29), is_complete=True)


def test_a_window_is_known_at_least_up_to_its_start() -> None:
    assert Reach.of_all(window(5, 29), {FIRST: [None], SECOND: [None]}).through == hours(5)


def test_a_day_that_is_known_but_not_complete_makes_all_provisional() -> None:
    assert not Reach.of_all(BOTH, {FIRST: [Reach(hours(24))], SECOND: [whole(48)]}).is_complete


def test_one_imported_table_makes_all_imported() -> None:
    imported = Reach(hours(24), is_complete=True, imported=True)
    assert Reach.of_all(BOTH, {FIRST: [imported], SECOND: [whole(48)]}).imported
    assert not Reach.of_all(BOTH, {FIRST: [whole(24)], SECOND: [whole(48)]}).imported


def test_several_tables_of_one_window_are_known_as_the_least_of_them() -> None:
    assert Reach.least(whole(24), Reach(hours(20), is_complete=True)) == whole(20)
    assert Reach.least(whole(24), Reach(hours(24), imported=True)) == Reach(hours(24), imported=True)
    assert Reach.least(whole(24)) == whole(24)


_reaches = st.builds(
    Reach,
    st.integers(0, 10**9).map(lambda ms: START + timedelta(milliseconds=ms)),
    is_complete=st.booleans(),
    imported=st.booleans(),
    fetched_hours=st.none() | st.integers(0, 24),
    questions=st.dictionaries(st.text(max_size=5), st.lists(st.text(max_size=5))),
)


@given(_reaches)
def test_a_reach_comes_back_from_json(reach: Reach) -> None:
    assert Reach.from_json(reach.as_json()) == reach


@given(st.lists(_reaches | st.none(), min_size=1), st.lists(_reaches | st.none(), min_size=1))
def test_all_together_are_known_no_further_than_any_of_them(
    first: list[Reach | None], second: list[Reach | None]
) -> None:
    together = Reach.of_all(BOTH, {FIRST: first, SECOND: second})
    for day_start, day_end, reaches in ((START, hours(24), first), (hours(24), hours(48), second)):
        for reach in reaches:
            through = day_start if reach is None else reach.through
            assert through >= day_end or together.through <= max(through, START)
            assert not together.is_complete or (reach is not None and reach.is_complete)
    assert START <= together.through <= BOTH.end


def test_a_reach_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Reach(START).is_complete = True  # type: ignore[misc]
