"""Agents' status of consecutive days that were read at different times."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from genesys_assets.days import utc_day
from genesys_assets.days.users import USER_DETAILS, status_within
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets_tests.automation.a_lake import READ_AT, store

DAY, NEXT = "2026-01-28", "2026-01-29"
HOUR = timedelta(hours=1)
MIDNIGHT = utc_day(DAY)[1]
BEFORE = [("IDLE", -2, -1), ("INTERACTING", -1, 1)]
"""One day as it was read, in hours since the midnight that ends it."""
AFTER = [("IDLE", -2, 3), ("OFF_QUEUE", 3, 24)]
"""The next one, where the conversation over midnight was not there any more."""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def read(lake: Lake, day: str, spans: list[tuple[str, int, int]], as_of: datetime) -> None:
    listed = [
        {"startTime": f"{MIDNIGHT + start * HOUR}", "endTime": f"{MIDNIGHT + end * HOUR}", "routingStatus": status}
        for status, start, end in spans
    ]
    body = json.dumps({"userDetails": [{"userId": "u", "routingStatus": listed}]})
    store(lake, USER_DETAILS, day, body=body, as_of=as_of, reach=Reach(utc_day(day)[1], is_complete=True))


@pytest.mark.parametrize("own_is_newer", [False, True])
def test_each_day_uses_its_own_reading_however_old_that_of_the_other_is(lake: Lake, own_is_newer: bool) -> None:
    read(lake, DAY, BEFORE, READ_AT + (HOUR if own_is_newer else -HOUR))
    read(lake, NEXT, AFTER, READ_AT)
    found = status_within(lake.refreshed(), [DAY, NEXT])
    told = [
        (span.status, (span.start - MIDNIGHT) // HOUR, span.end and (span.end - MIDNIGHT) // HOUR)
        for span in found.spans
    ]
    assert told == [("IDLE", -2, -1), ("INTERACTING", -1, 0), ("IDLE", 0, 3), ("OFF_QUEUE", 3, 24)]
    assert found.known is not None
    assert (found.known.start, found.known.end) == (utc_day(DAY)[0], utc_day(NEXT)[1])
