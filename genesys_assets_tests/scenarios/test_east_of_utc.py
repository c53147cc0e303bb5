"""In Sydney a business day begins on the UTC day before: the first one begins before anything is fetched, so that it is
never called complete, unless that UTC day is stored.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.publishing.day import PublishRequest, publish_day
from genesys_assets.publishing.publisher import open_publisher
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.engine.compute import compute
from genesys_assets.reports.engine.stored import NotStored, StoredDay
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets_tests.publishing.made_up_day import ASKED, DAY, business_day, made_up_lake
from genesys_assets_tests.publishing.published_files import body_of
from genesys_assets_tests.reports.small_lake import KEY, small_lake

SYDNEY = ZoneInfo("Australia/Sydney")
REPORTS = {report.name: report for report in built_in_reports()}
STORED = [REPORTS["queue_media"], REPORTS["agent_daily"]]
BEFORE = "2026-01-30"
WHOLE = Reach(datetime(2026, 2, 3, tzinfo=UTC), is_complete=True)
NEVER = "Data before 2026-01-31 00:00 UTC was never fetched, so figures lack the first hours of the day."


def lake_of(folder: Path, *days: str) -> Lake:
    """A lake with these complete UTC days."""
    return small_lake(folder, days=days, reach=WHOLE, only=["interval_metrics"])


def reach_of(lake: Lake, start_date: date) -> Reach:
    stored = StoredDay(lake, KEY, SYDNEY, start_date)
    compute(REPORTS["queue_media"], stored)
    reach = stored.reach(REPORTS["queue_media"])
    assert reach is not None
    return reach


def test_a_report_of_the_first_business_day_does_not_count_as_complete(tmp_path: Path) -> None:
    reach = reach_of(lake_of(tmp_path, KEY), date(2026, 1, 31))
    assert (reach.is_complete, reach.through) == (False, datetime(2026, 1, 30, 13, tzinfo=UTC))


def test_it_counts_as_complete_where_the_utc_day_before_is_stored(tmp_path: Path) -> None:
    reach = reach_of(lake_of(tmp_path, BEFORE, KEY), date(2026, 1, 31))
    assert (reach.is_complete, reach.through) == (True, datetime(2026, 1, 31, 13, tzinfo=UTC))


def test_what_is_stored_of_the_utc_day_before_must_reach_to_its_end(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, KEY)
    half = Reach(datetime(2026, 1, 30, 20, tzinfo=UTC), questions=ASKED)
    lake.write("tables/interval_metrics", INTERVAL_METRICS, INTERVAL_METRICS.empty(), BEFORE, {}, reach=half)
    with pytest.raises(NotStored, match="of 2026-01-30 reaches 2026-01-30T20:00:00"):
        compute(REPORTS["queue_media"], StoredDay(lake.refreshed(), KEY, SYDNEY, date(2026, 1, 31)))


@pytest.mark.parametrize("is_stored", [False, True])
def test_the_page_of_the_first_business_day_says_what_was_never_fetched(tmp_path: Path, is_stored: bool) -> None:
    lake = made_up_lake(tmp_path / "lake", agents=3)
    if is_stored:
        for spec in (INTERVAL_METRICS, CONVERSATIONS):
            lake.write(f"tables/{spec.name}", spec, spec.empty(), BEFORE, {}, reach=replace(WHOLE, questions=ASKED))
    publisher = open_publisher(str(tmp_path / "published"), lambda: None)
    day = business_day(zone="Australia/Sydney")
    done = publish_day(lake.refreshed(), publisher, PublishRequest(day, STORED, "a-run", {}, DAY))
    assert done.manifest.is_complete == is_stored
    assert done.page is not None
    assert (NEVER in " ".join(body_of(done.page.url).decode().split())) != is_stored
