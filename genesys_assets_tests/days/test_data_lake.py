"""How far files of the data lake extraction cover a day if some schemas were switched on later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from genesys_assets.days import data_lake, data_lake_status
from genesys_assets.days.data_lake import FILES, LAKE_FILES
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.spans import days_around, utc_day
from genesys_assets.tables.data_lake.schemas import CONVERSATIONS, METRICS, PRESENCE, ROUTING_STATUS, SEGMENTS
from genesys_assets.tables.data_lake.start_days import SOME_DAY
from genesys_assets_tests.automation.a_lake import store

DAY, LAG = "2026-01-10", timedelta(hours=24)
LATER = days_around(DAY, before=-10, after=12)
BEFORE_IT_WAS_ON = days_around(DAY, before=0, after=9)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def listed(lake: Lake, day: str, schemas: Mapping[str, list[str]]) -> None:
    """List a day to its end; each schema has one file, with rows that began on these days."""
    files = {f"{schema} of {day}": {"schema": schema, "days": days} for schema, days in schemas.items()}
    store(lake, LAKE_FILES, day, reach=Reach(utc_day(day)[1], is_complete=True), said={FILES: files})


# -- conversations -----------------------------------------------------------------------------------------------------


def test_a_schema_that_was_switched_on_ten_days_later_leaves_the_day_unmade(lake: Lake) -> None:
    for day in BEFORE_IT_WAS_ON:
        listed(lake, day, {CONVERSATIONS: [day], SEGMENTS: [day]})
    for day in LATER:
        listed(lake, day, {CONVERSATIONS: [day], SEGMENTS: [day], METRICS: [day]})
    assert data_lake.reach_of(lake, DAY, LAG) is None
    assert data_lake.lacking(lake, DAY) == [METRICS]
    assert data_lake.reach_of(lake, LATER[0], LAG) is not None


@pytest.mark.parametrize("of", [DAY, SOME_DAY])
def test_a_late_file_of_the_day_counts(lake: Lake, of: str) -> None:
    for day in BEFORE_IT_WAS_ON:
        listed(lake, day, {CONVERSATIONS: [day], SEGMENTS: [day]})
    listed(lake, LATER[0], {METRICS: [of]})
    assert data_lake.lacking(lake, DAY) == []
    reach = data_lake.reach_of(lake, DAY, LAG)
    assert reach is not None
    assert reach.is_complete


# -- agents' status ----------------------------------------------------------------------------------------------------


def test_a_schema_of_status_that_was_switched_on_ten_days_later_leaves_the_day_unknown(lake: Lake) -> None:
    for day in BEFORE_IT_WAS_ON:
        listed(lake, day, {PRESENCE: [day]})
    # Its first file has the ends of spans that began long ago.
    listed(lake, LATER[0], {PRESENCE: [LATER[0]], ROUTING_STATUS: [DAY, LATER[0]]})
    listed(lake, LATER[1], {PRESENCE: [LATER[1]], ROUTING_STATUS: [LATER[1]]})
    listed(lake, LATER[2], {})
    assert data_lake_status.reach_of(lake, DAY, LAG) is None
    assert data_lake_status.reach_of(lake, LATER[1], LAG) == Reach(utc_day(LATER[1])[1], is_complete=True)


def test_a_quiet_day_is_known_if_both_schemas_had_files_before(lake: Lake) -> None:
    before, day, after, last = days_around(DAY, before=1, after=2)
    listed(lake, before, {PRESENCE: [before], ROUTING_STATUS: [before]})
    for quiet in (day, after, last):
        listed(lake, quiet, {})
    assert data_lake_status.reach_of(lake, day, LAG) == Reach(utc_day(day)[1], is_complete=True)


def test_a_schema_of_status_that_begins_on_a_day_counts_from_that_day(lake: Lake) -> None:
    before, day, after, last = days_around(DAY, before=1, after=2)
    listed(lake, before, {PRESENCE: [before]})
    for each in (day, after, last):
        listed(lake, each, {PRESENCE: [each], ROUTING_STATUS: [each]})
    assert data_lake_status.reach_of(lake, before, LAG) is None
    assert data_lake_status.reach_of(lake, day, LAG) == Reach(utc_day(day)[1], is_complete=True)
