"""Which stored partitions of reports are made again after somebody was forgotten, if nobody knows their definitions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from genesys_assets.forgetting import lakewide
from genesys_assets.forgetting.recomputed import Recomputation, remember_affected
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.stored_definitions import store_definition, stored_definitions
from genesys_assets.tables.spec import TableSpec, columns

MONTHS = TableSpec("months", "A report over months.", (), columns("first_date day first\nvalue string an attribute"))
DAILY = TableSpec("daily", "A report of days.", (), columns("value string an attribute"))
PLACES = ("reports/months", "reports/daily")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(LocalStore(tmp_path))
    for first, last in ((date(2026, 1, 1), "2026-01-31"), (date(2026, 2, 1), "2026-02-28")):
        rows = pa.Table.from_pylist([{"first_date": first, "value": "mauve"}], MONTHS.schema)
        lake.write("reports/months", MONTHS, rows, last, {})
    for day in ("2026-01-14", "2026-01-15", "2026-01-31"):
        lake.write("reports/daily", DAILY, pa.Table.from_pylist([{"value": "mauve"}], DAILY.schema), day, {})
    return lake.refreshed()


def concerned(lake: Lake, day: str) -> set[tuple[str, str]]:
    """Which partitions are made again if somebody was forgotten on a day."""
    return set(Recomputation().concerned(lake, PLACES, {("tables/participants", day)}))


def test_an_unknown_report_over_a_month_is_withdrawn_for_a_person_of_any_of_its_days(lake: Lake) -> None:
    first, second = ("reports/months", "2026-01-31"), ("reports/months", "2026-02-28")
    assert {first, second} <= concerned(lake, "2026-01-15")
    assert Recomputation().concerned(lake, PLACES, set()) == []


@pytest.mark.parametrize(
    ("day", "found"),
    [
        ("2025-11-11", []),
        # Compared with the month before, in which a conversation ended that had begun 31 days before.
        ("2025-11-12", ["2026-01-14"]),
        ("2025-11-29", ["2026-01-14", "2026-01-15", "2026-01-31"]),
        ("2026-01-15", ["2026-01-14", "2026-01-15", "2026-01-31"]),
        # Contacts within 30 days after a business day, which ends on the next UTC day.
        ("2026-02-14", ["2026-01-14", "2026-01-15", "2026-01-31"]),
        ("2026-03-03", ["2026-01-31"]),
        ("2026-03-04", []),
    ],
)
def test_an_unknown_report_of_days_is_withdrawn_as_far_as_any_report_reads(
    lake: Lake, day: str, found: list[str]
) -> None:
    assert sorted(key for place, key in concerned(lake, day) if place == "reports/daily") == found


def test_an_unknown_report_over_months_is_withdrawn_for_the_period_before_it(lake: Lake) -> None:
    found = [("reports/months", "2026-01-31"), ("reports/months", "2026-02-28")]
    assert {each for each in concerned(lake, "2025-11-30") if each in found} == {*found}
    assert {each for each in concerned(lake, "2025-11-29") if each in found} == {found[0]}
    assert {each for each in concerned(lake, "2025-10-29") if each in found} == set()


def test_a_built_in_report_is_computed_again_in_the_calendar_of_its_pipeline(lake: Lake) -> None:
    [report, *_] = [each for each in built_in_reports() if each.zone is None]
    store_definition(lake, report, ZoneInfo("Pacific/Auckland"), date(2026, 1, 1))
    known, place = {report.name: report}, f"reports/{report.name}"
    lake.write(place, report.spec, report.spec.empty(), "2026-01-15", {})
    read = {("tables/interval_metrics", "2026-01-14")}
    # The 15th of January begins in Auckland on the 14th in UTC.
    assert Recomputation(known).concerned(lake.refreshed(), [place], read) == []
    again = Recomputation(known, stored=stored_definitions(lake))
    assert again.concerned(lake.refreshed(), [place], read) == [(place, "2026-01-15")]


def test_a_file_that_a_run_may_be_about_to_commit_is_named_with_an_hour_after_it_was_stored(lake: Lake) -> None:
    place, day = "reports/daily", "2026-01-15"
    remember_affected(lake, [("tables/participants", day)])
    key = f"{place}/date={day}/{'1' * 32}-{'1' * 12}.parquet"
    (stored,) = lake.log(place).files(day)
    lake.store.put(key, lake.store.get(f"{place}/{stored.path}") or b"")
    (modified,) = (file.modified for file in lake.store.listed(place) if file.key == key)
    # The file is half an hour old.
    report = lakewide.forget(lake, {}, modified + timedelta(minutes=30))
    until = modified.astimezone(UTC) + timedelta(hours=1)
    assert f"Run this again after {until:%Y-%m-%d %H:%M} UTC." in report.problems[key]
    assert datetime.now(UTC) - modified < timedelta(minutes=10)
