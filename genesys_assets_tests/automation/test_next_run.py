"""Which run a sensor requests next, given what is wanted, what is being made, and what failed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.automation.next_run import (
    Backlog,
    CanMake,
    NextRun,
    Request,
    Run,
    choose_next_run,
    failures_of,
    following,
    free,
    free_if_active,
    last_moment,
)

NOW = datetime(2026, 2, 20, 12, tzinfo=UTC)
A, B = "tables/a", "tables/b"


def day(number: int) -> str:
    return f"2026-02-{number:02d}"


def wanted(*numbers: int, assets: str = A) -> Backlog:
    return {day(number): frozenset([assets]) for number in numbers}


def made(of: Backlog, *runs: Run, most: int = 7, can_make: CanMake | None = None) -> NextRun:
    return choose_next_run(of, runs, NOW, most=most, can_make=can_make)


def over(first: int, last: int, minutes_ago: float, *, failed: bool, asset: str = A) -> Run:
    return Run(frozenset([asset]), day(first), day(last), NOW - timedelta(minutes=minutes_ago), failed)


def going_on(first: int, last: int, asset: str = A) -> Run:
    return Run(frozenset([asset]), day(first), day(last))


def test_nothing_is_asked_for_where_nothing_is_wanted() -> None:
    assert made({}).request is None
    assert made({}).reason({}) == "Nothing is missing or stale."


def test_days_that_follow_each_other_are_one_request() -> None:
    assert made(wanted(3, 4, 5)).request == Request(day(3), day(5), frozenset([A]))


def test_the_newest_range_comes_first() -> None:
    assert made(wanted(3, 4, 8, 9)).request == Request(day(8), day(9), frozenset([A]))


def test_a_range_has_its_limit() -> None:
    assert made(wanted(*range(1, 20)), most=7).request == Request(day(13), day(19), frozenset([A]))


def test_days_that_want_other_assets_are_asked_for_apart() -> None:
    both = {**wanted(3, 4), **wanted(5, assets=B)}
    assert made(both).request == Request(day(5), day(5), frozenset([B]))


def test_days_that_want_other_assets_are_asked_for_together_where_making_all_costs_little() -> None:
    both = {**wanted(3, 4), **wanted(5, assets=B)}
    assert made(both, can_make=lambda asset, key: True).request == Request(day(3), day(5), frozenset([A, B]))


def test_they_are_asked_for_apart_where_most_of_what_is_made_would_not_be_wanted() -> None:
    many = {day(5): frozenset("abcde"), day(4): frozenset("abc"), day(3): frozenset("a")}
    request = made(many, can_make=lambda asset, key: True).request
    assert request == Request(day(4), day(5), frozenset("abcde"))


def test_a_day_that_wants_little_is_made_with_the_days_around_it_where_another_run_would_cost_more() -> None:
    few, most_of = frozenset("ab"), frozenset("abcdefgh")
    between = {day(6): few, day(5): most_of, day(4): few, day(3): most_of}
    assert made(between, can_make=lambda asset, key: True).request == Request(day(3), day(6), most_of)


def test_days_that_want_little_are_not_made_anew_only_because_they_are_next_to_others() -> None:
    after_most = {day(5): frozenset("abcdefgh"), day(4): frozenset("ab"), day(3): frozenset("ab")}
    assert made(after_most, can_make=lambda asset, key: True).request == Request(day(5), day(5), frozenset("abcdefgh"))
    del after_most[day(5)]
    assert made(after_most, can_make=lambda asset, key: True).request == Request(day(3), day(4), frozenset("ab"))


def test_a_range_does_not_reach_over_days_that_want_nothing_are_being_made_or_pause() -> None:
    alone, can_make_all = Request(day(5), day(5), frozenset([A])), lambda asset, key: True
    assert made(wanted(3, 5), can_make=can_make_all).request == alone
    assert made(wanted(3, 4, 5), going_on(4, 4), can_make=can_make_all).request == alone
    paused = [over(4, 4, 2, failed=True), over(9, 9, 1, failed=False)]
    assert made(wanted(3, 4, 5), *paused, can_make=can_make_all).request == alone


def test_nothing_is_asked_for_that_cannot_be_made() -> None:
    both = {**wanted(3, 4), **wanted(5, assets=B)}
    without = made(both, can_make=lambda asset, key: (asset, key) != (B, day(3)))
    assert without.request == Request(day(4), day(5), frozenset([A, B]))


def test_what_is_being_made_is_not_asked_for_again() -> None:
    result = made(wanted(3, 4, 5), going_on(4, 5))
    assert result.request == Request(day(3), day(3), frozenset([A]))
    assert made(wanted(4, 5), going_on(4, 5)).request is None
    assert made(wanted(4, 5), going_on(4, 5)).reason(wanted(4, 5)) == "2 partitions are in progress."


def test_a_run_over_other_assets_holds_nothing_up() -> None:
    assert made(wanted(4), going_on(4, 4, asset=B)).request == Request(day(4), day(4), frozenset([A]))


@pytest.mark.parametrize(("failures", "minutes"), [(1, 5), (2, 15), (3, 45), (4, 135), (5, 180), (9, 180)])
def test_what_failed_is_asked_for_again_after_a_pause_that_grows(failures: int, minutes: int) -> None:
    runs = [over(4, 4, 1000 * back, failed=True) for back in range(1, failures)]
    just_before = [*runs, over(4, 4, minutes - 1, failed=True)]
    assert made(wanted(4), *just_before).request is None
    assert made(wanted(4), *just_before).paused_until == NOW + timedelta(minutes=1)
    assert made(wanted(4), *runs, over(4, 4, minutes, failed=True)).request is not None


def test_a_success_ends_the_pauses() -> None:
    runs = [over(4, 4, 60, failed=True), over(4, 4, 30, failed=False), over(4, 4, 5, failed=True)]
    assert failures_of(runs, A, day(4)) == [NOW - timedelta(minutes=5)]


def failing(first: int, last: int, times: int, *, since: float = 30) -> list[Run]:
    """Runs over a range that failed this many times, the last one some minutes ago."""
    return [over(first, last, since + 200 * back, failed=True) for back in reversed(range(times))]


WELL = over(28, 28, 20, failed=False)
"""A run over something else that was well meanwhile, so that nothing pauses but what has failed itself."""


@pytest.mark.parametrize(("times", "first"), [(0, 1), (1, 1), (2, 14), (3, 16), (4, 16)])
def test_a_range_that_failed_is_asked_for_whole_then_in_parts_then_one_by_one(times: int, first: int) -> None:
    runs = [*failing(1, 16, times, since=190), WELL]
    assert made(wanted(*range(1, 17)), *runs, most=24).request == Request(day(first), day(16), frozenset([A]))


def test_what_has_failed_more_often_is_asked_for_after_the_rest_and_alone() -> None:
    runs = [*failing(4, 4, 3, since=190), WELL]
    assert made(wanted(3, 4, 5), *runs).request == Request(day(5), day(5), frozenset([A]))
    assert made(wanted(3, 4), *runs).request == Request(day(3), day(3), frozenset([A]))
    assert made(wanted(4), *runs).request == Request(day(4), day(4), frozenset([A]))


def test_others_of_the_kind_are_asked_for_while_a_failed_one_pauses_once_one_of_them_succeeded() -> None:
    runs = [*failing(5, 5, 4, since=25), WELL]
    assert made(wanted(3, 4, 5), *runs).request == Request(day(3), day(4), frozenset([A]))


def test_while_the_last_runs_of_a_kind_failed_all_of_it_pauses_and_one_is_tried_after_each_pause() -> None:
    outage = [over(number, number, 200 - 10 * number, failed=True) for number in (1, 2, 3)]
    # The third failure in a row was 170 minutes ago: the pause of 45 minutes is over.
    assert made(wanted(*range(1, 9)), *outage).request is not None
    fresh = [*outage, over(4, 4, 100, failed=True)]
    assert made(wanted(*range(5, 9)), *fresh).request is None
    assert made(wanted(*range(5, 9)), *fresh).paused_until == NOW + timedelta(minutes=35)
    assert free(wanted(*range(5, 9)), fresh, NOW) == {}
    assert made(wanted(*range(5, 9), assets=B), *fresh).request is not None


def test_an_outage_of_a_weekend_costs_few_runs_however_much_is_missing() -> None:
    runs: list[Run] = []
    begin = NOW
    for minute in range(60 * 60):
        now = begin + timedelta(minutes=minute)
        request = choose_next_run(wanted(*range(1, 28)), runs, now, most=7).request
        if request is not None:
            runs.append(Run(request.assets, request.first, request.last, now, failed=True))
    assert len(runs) < 30


@pytest.mark.parametrize(
    ("runs", "days"),
    [
        # Nothing runs; one run has just ended; one goes on; the last one ended long ago.
        ([], set()),
        ([over(5, 5, 10, failed=False)], {2, 3, 4}),
        ([going_on(3, 5)], {2}),
        ([over(5, 5, 45, failed=False)], set()),
        # A range that failed again pauses.
        ([over(4, 4, 12, failed=True), over(5, 5, 10, failed=False)], {2, 3}),
        # Runs of another kind do not count.
        ([over(5, 5, 10, failed=False, asset=B)], set()),
    ],
)
def test_what_is_free_is_made_soon_while_runs_of_its_kind_follow_one_another(runs: list[Run], days: set[int]) -> None:
    before = [over(3, 4, 300, failed=True)]
    assert {*free_if_active(wanted(2, 3, 4), [*before, *runs], NOW)} == {day(number) for number in days}


def runs_until_done(left: set[int], runs: list[Run], *, bad: set[int], most: int) -> list[Run]:
    """The requests, minute by minute, until only bad days are left. A run over a bad day fails as a whole."""
    begun, now = len(runs), NOW
    while left - bad:
        made = choose_next_run(wanted(*left), runs, now, most=most)
        request, now = made.request, max(now, made.paused_until or now) + timedelta(minutes=1)
        if request is not None:
            now -= timedelta(minutes=1)
            keys = {number for number in left if request.first <= day(number) <= request.last}
            runs.append(Run(request.assets, request.first, request.last, now, failed=bool(keys & bad)))
            left = left if keys & bad else left - keys
        now += timedelta(minutes=1)
        assert now < NOW + timedelta(days=2)
    return runs[begun:]


def test_what_has_piled_up_in_an_outage_is_made_by_few_runs_when_it_is_over() -> None:
    outage = [over(1, 24, 600 - 60 * back, failed=True) for back in range(4)]
    asked = runs_until_done({*range(1, 25)}, outage, bad=set(), most=24)
    assert [int(run.last[-2:]) - int(run.first[-2:]) + 1 for run in asked] == [1, 1, 2, 4, 8, 8]


def test_the_days_of_a_look_back_that_failed_twice_are_read_together_once_more() -> None:
    runs = failing(3, 7, 2, since=190)
    assert made(wanted(*range(3, 8)), *runs).request == Request(day(5), day(7), frozenset([A]))
    assert [int(run.last[-2:]) for run in runs_until_done({*range(3, 8)}, runs, bad=set(), most=7)] == [7, 4]


def test_days_that_failed_often_are_read_together_once_others_succeed_however_often_each_of_them_failed() -> None:
    well = [over(28, 28, minutes, failed=False) for minutes in (30, 20)]
    runs = [*(over(4, 4, minutes, failed=True) for minutes in (900, 700, 500)), *failing(3, 3, 4, since=400), *well]
    assert made(wanted(3, 4), *runs).request == Request(day(3), day(4), frozenset([A]))
    assert made(wanted(3, 4), *runs[:-2]).request == Request(day(4), day(4), frozenset([A]))


@given(st.sets(st.integers(1, 28), min_size=1, max_size=3))
def test_bad_ones_are_left_alone_by_few_runs_and_all_others_are_made(bad: set[int]) -> None:
    assert len(runs_until_done({*range(1, 29)}, [], bad=bad, most=24)) <= 16 + 12 * len(bad)


def test_hours_follow_each_other_over_midnight() -> None:
    assert following("2026-02-28-23:00") == "2026-03-01-00:00"
    assert following("2026-03-01", -1) == "2026-02-28"
    hours = {f"2026-02-{at}:00": frozenset([A]) for at in ("03-22", "03-23", "04-00", "04-01")}
    assert made(hours, most=168).request == Request("2026-02-03-22:00", "2026-02-04-01:00", frozenset([A]))


def test_the_last_moment_of_a_clock_may_be_yesterdays() -> None:
    assert last_moment(NOW, 3, 30) == datetime(2026, 2, 20, 3, 30, tzinfo=UTC)
    assert last_moment(NOW.replace(hour=3), 3, 30) == datetime(2026, 2, 19, 3, 30, tzinfo=UTC)


_DAYS = st.sets(st.integers(1, 28), max_size=28)


@given(_DAYS, _DAYS, st.integers(1, 9))
def test_whatever_is_going_on_a_request_is_only_of_what_is_wanted_and_free(
    of: set[int], busy: set[int], most: int
) -> None:
    runs = [going_on(number, number) for number in busy]
    request = made(wanted(*of), *runs, most=most).request
    free = {day(number) for number in of - busy}
    assert (request is None) == (not free)
    if request is not None:
        keys = [request.first]
        while keys[-1] != request.last:
            keys.append(following(keys[-1]))
        assert set(keys) <= free
        assert request.last == max(free)
        assert len(keys) <= most


@given(_DAYS, st.integers(1, 9))
def test_asked_for_and_made_one_after_the_other_nothing_is_left_and_nothing_is_made_twice(
    of: set[int], most: int
) -> None:
    left, done = dict(wanted(*of)), []
    while request := made(left, most=most).request:
        key = request.first
        while key <= request.last:
            done.append(key)
            del left[key]
            key = following(key)
    assert sorted(done) == sorted(wanted(*of))


@pytest.mark.parametrize(
    ("first", "last", "days", "parts"),
    [
        ("2026-02-03", "2026-02-09", None, [("2026-02-03", "2026-02-09")]),
        ("2026-02-03", "2026-02-05", 1, [("2026-02-05",) * 2, ("2026-02-04",) * 2, ("2026-02-03",) * 2]),
        (
            "2026-02-03",
            "2026-02-07",
            2,
            [("2026-02-07",) * 2, ("2026-02-05", "2026-02-06"), ("2026-02-03", "2026-02-04")],
        ),
        ("2026-02-28-22:00", "2026-02-28-23:00", 1, [("2026-02-28-22:00", "2026-02-28-23:00")]),
        (
            *("2026-02-27-22:00", "2026-03-01-05:00", 1),
            [
                ("2026-03-01-00:00", "2026-03-01-05:00"),
                ("2026-02-28-00:00", "2026-02-28-23:00"),
                ("2026-02-27-22:00", "2026-02-27-23:00"),
            ],
        ),
    ],
)
def test_a_request_is_cut_into_runs_of_whole_days_the_newest_first(
    first: str, last: str, days: int | None, parts: list[tuple[str, str]]
) -> None:
    cut = Request(first, last, frozenset([A])).cut(days)
    assert [(part.first, part.last) for part in cut] == parts
    assert {part.assets for part in cut} == {frozenset([A])}


def test_thousands_of_runs_and_of_missing_hours_take_a_tick_a_moment() -> None:
    hours = [f"{NOW - timedelta(hours=nth):%Y-%m-%d-%H:00}" for nth in range(8_000, 0, -1)]
    assets = frozenset(["pages/hourly_aggregates", "pages/hourly_details"])
    ended = [NOW - timedelta(minutes=nth) for nth in range(2_000)]
    days = [hours[24 * (nth % 300) : 24 * (nth % 300 + 1)] for nth in range(2_000)]
    runs = [Run(assets, days[nth][0], days[nth][-1], ended[nth], failed=nth % 7 == 6) for nth in range(2_000)]
    begun = time.process_time()
    assert choose_next_run(dict.fromkeys(hours, assets), runs, NOW, most=168).request
    assert time.process_time() - begun < 5
