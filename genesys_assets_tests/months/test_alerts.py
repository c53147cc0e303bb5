"""Missing, false and repeated alerts are found."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from genesys_assets.days import hours_of
from genesys_assets.days.sources import DAILY_DETAILS, HOURLY_AGGREGATES, HOURLY_DETAILS
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets_tests.automation.a_lake import store, store_days
from genesys_assets_tests.months.alerts import PUBLISHED, LateAlerts, late_from, untrue

FIRST = date(2026, 3, 2)
MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
LATE = "pages/hourly_details"
LONG_AGO, IN_A_YEAR = MIDNIGHT - 1000 * HOUR, MIDNIGHT + 9000 * HOUR


@pytest.mark.parametrize(
    ("told", "found"),
    [(["a"], 0), ([], 1), (["a", "a"], 1), (["a", "b"], 1)],
    ids=["once", "never", "twice", "of a run that was well"],
)
def test_each_failed_run_has_one_alert(told: list[str], found: int) -> None:
    assert len(list(untrue(["a"], [{"run_id": run} for run in told]))) == found


@pytest.mark.parametrize(
    ("hours", "late"),
    [
        (4, set()),
        (4.1, {HOURLY_DETAILS, HOURLY_AGGREGATES}),
        (6.1, {HOURLY_DETAILS, HOURLY_AGGREGATES, PUBLISHED}),
        (60, {HOURLY_DETAILS, HOURLY_AGGREGATES, PUBLISHED}),
        (60.1, {HOURLY_DETAILS, HOURLY_AGGREGATES, PUBLISHED, DAILY_DETAILS}),
    ],
)
def test_the_lake_shows_what_is_late(tmp_path: Path, hours: float, late: set[str]) -> None:
    lake = Lake(LocalStore(tmp_path))
    for place in (HOURLY_DETAILS, HOURLY_AGGREGATES):
        store(lake, place, *hours_of(f"{FIRST}"))
    store_days(lake, f"{FIRST}")
    due = late_from(lake, [], FIRST, ZoneInfo("UTC"), MIDNIGHT)
    assert {what for what, dues in due.items() if MIDNIGHT + hours * HOUR > min(dues)} == late


def judged(*looks: tuple[float, bool, int, bool]) -> list[str]:
    """Looks of an hour, each with its hour, whether the figure is late at its begin, the number of its alerts, and
    whether the figure is late at its end.
    """
    posted: list[Any] = []
    is_late = False
    alerts = LateAlerts(lambda: posted, lambda: {LATE: [LONG_AGO if is_late else IN_A_YEAR]})
    found = []
    for hour, at_first, times, at_last in looks:
        is_late = at_first
        alerts.begin(MIDNIGHT + hour * HOUR)
        posted += [{"late": LATE}] * times
        is_late = at_last
        found += [
            f"{each.expected}, {each.found}" for each in alerts.end(MIDNIGHT + (hour + 1) * HOUR, is_settled=True)
        ]
    return found


@pytest.mark.parametrize(("settled", "found"), [(True, ["one, none"]), (False, [])])
def test_after_a_look_that_was_not_judged_it_counts_whether_the_daemon_has_seen_that_all_is_well(
    settled: bool, found: list[str]
) -> None:
    posted: list[Any] = [{"late": LATE}]
    due = {LATE: [LONG_AGO]}
    alerts = LateAlerts(lambda: posted, lambda: due)
    alerts.begin(MIDNIGHT)
    posted.append({"late": LATE})
    due = {LATE: [IN_A_YEAR]}
    assert not list(alerts.end(MIDNIGHT + HOUR, is_settled=settled, is_judged=False))
    due = {LATE: [LONG_AGO]}
    alerts.begin(MIDNIGHT + 8 * HOUR)
    told = [f"{each.expected}, {each.found}" for each in alerts.end(MIDNIGHT + 9 * HOUR, is_settled=True)]
    assert told == found


@pytest.mark.parametrize(("minutes", "found"), [(59, 0), (61, 1)])
def test_a_figure_that_becomes_late_in_the_middle_of_a_look_may_have_an_alert(minutes: int, found: int) -> None:
    posted: list[Any] = []
    due = {LATE: [MIDNIGHT + timedelta(minutes=minutes)]}
    alerts = LateAlerts(lambda: posted, lambda: due)
    alerts.begin(MIDNIGHT)
    posted.append({"late": LATE})
    due = {LATE: [IN_A_YEAR]}
    assert len(list(alerts.end(MIDNIGHT + HOUR, is_settled=True))) == found


@pytest.mark.parametrize(
    ("hour", "times", "found"),
    [(5, 1, []), (5, 0, ["one, none"]), (5, 2, ["one a day, 2 more"]), (-1, 1, ["one a day, 1 more"]), (-1, 0, [])],
)
def test_a_gap_that_is_late_after_the_last_alert_has_an_alert_of_its_own(
    hour: float, times: int, found: list[str]
) -> None:
    posted: list[Any] = []
    alerts = LateAlerts(lambda: posted, lambda: {LATE: [LONG_AGO, MIDNIGHT + hour * HOUR]})
    told = []
    for begin, number in ((0, 1), (8, times)):
        alerts.begin(MIDNIGHT + begin * HOUR)
        posted += [{"late": LATE}] * number
        told = [f"{each.expected}, {each.found}" for each in alerts.end(MIDNIGHT + (begin + 1) * HOUR, is_settled=True)]
    assert told == found


@pytest.mark.parametrize(
    ("looks", "found"),
    [
        ([(0, True, 1, False)], []),
        ([(0, True, 0, False)], ["one, none"]),
        ([(0, True, 2, False)], ["one a day, 2 more"]),
        ([(0, False, 1, False)], ["none: it is not late, 1"]),
        ([(0, False, 1, True), (8, True, 0, True)], []),
        ([(0, True, 1, True), (8, True, 1, True)], ["one a day, 1 more"]),
        ([(0, True, 1, False), (8, True, 1, False)], []),
        ([(0, True, 1, True), (26, True, 1, True)], []),
        ([(0, True, 1, True), (26, True, 0, True)], ["one, none"]),
    ],
    ids=[
        "told",
        "not told",
        "told twice",
        "not late",
        "late during the look, and still late at the next",
        "told again too soon",
        "late once more, after it was not",
        "told again after a day",
        "not told again after a day",
    ],
)
def test_a_late_figure_has_one_alert_a_day(looks: list[tuple[float, bool, int, bool]], found: list[str]) -> None:
    assert judged(*looks) == found
