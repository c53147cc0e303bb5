"""In Los Angeles a business day ends eight hours after the UTC day. Sensors do not publish it before, and its last
hours change its reports.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from genesys_assets.automation.stale import published_backlog
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import Calendar
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.engine.made_of import made_of
from genesys_assets_tests.reports.small_lake import KEY, REACH, called, measured, small_lake

ZONE = ZoneInfo("America/Los_Angeles")
CALENDAR = Calendar(date(2026, 1, 31), ZONE, 4)
[QUEUES] = [report for report in built_in_reports() if report.name == "queue_media"]
PLACE = "reports/queue_media"


def with_hours(folder: Path, last: int) -> Lake:
    """A lake with the 31st of January, the first hours of the 1st of February, and the report of the 31st."""
    rows = [
        measured(60 * hour, "queueId,mediaType", "nOffered", count=1, group_key="q", queue_id="q", media_type="voice")
        for hour in range(8, last)
    ]
    lake = small_lake(folder, interval_metrics=rows, queues=called(q="Sales"))
    with lake.table_writers({PLACE: QUEUES.spec}, KEY, {}) as writing:
        writing[PLACE].write(QUEUES.spec.empty())
        writing.reach, writing.made_of = REACH, {PLACE: made_of(lake, QUEUES, KEY, ZONE)}
    return lake.refreshed()


@pytest.mark.parametrize(
    ("now", "published"),
    [
        (datetime(2026, 2, 1, 0, 13, tzinfo=UTC), False),
        (datetime(2026, 2, 1, 8, 9, tzinfo=UTC), False),
        (datetime(2026, 2, 1, 8, 10, tzinfo=UTC), True),
    ],
    ids=["16:13 of the same day", "00:09 of the next", "00:10 of the next"],
)
def test_a_business_day_is_published_ten_minutes_after_its_own_midnight(
    tmp_path: Path, now: datetime, published: bool
) -> None:
    wanted = published_backlog(with_hours(tmp_path, 24), CALENDAR, now, [QUEUES], (), lambda day: None)
    assert (KEY in wanted) == published


@pytest.mark.long
def test_the_hours_that_finish_a_day_change_its_report(tmp_path: Path) -> None:
    numbers = [made_of(with_hours(tmp_path / f"{last}", last), QUEUES, KEY, ZONE) for last in (24, 32, 33, 40)]
    assert numbers[0] != numbers[1]
    assert numbers[1] == numbers[2] == numbers[3]
