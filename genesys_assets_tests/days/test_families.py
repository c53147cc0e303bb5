"""What a new reading of an hour keeps of families that the platform now refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from genesys_assets.cloud.analytics.families import FAMILIES
from genesys_assets.cloud.http.page import Page, request_text
from genesys_assets.days.families import ANSWERED, HOURLY_AGGREGATES, answers_to_keep
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore

HOUR, AT = "2026-01-28-13:00", datetime(2026, 1, 28, 14, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(LocalStore(tmp_path))
    with lake.page_writers(HOURLY_AGGREGATES, [HOUR], {"run_id": "r"}) as writers:
        writers[HOUR].provenance |= {ANSWERED: ["conversations", "flows"]}
        for name in ("conversations", "flows"):
            request = request_text("POST", FAMILIES[name].path, None, {"groupBy": ["flowId"]})
            writers[HOUR].write(Page(1, request, AT, "c", b'{"results":[]}', as_of=AT))
    return lake


def test_the_answers_of_a_refused_family_are_kept(lake: Lake) -> None:
    kept = answers_to_keep(lake, HOURLY_AGGREGATES, HOUR, {"flows": "refused"})
    assert {name: len(pages) for name, pages in kept.items()} == {"flows": 1}


def test_a_damaged_hour_keeps_nothing_so_that_it_can_be_written_anew(lake: Lake) -> None:
    for path in Path(lake.store.path(HOURLY_AGGREGATES)).rglob("*.parquet"):
        raw = path.read_bytes()
        path.write_bytes(raw[:4] + bytes(each ^ 0xFF for each in raw[4:200]) + raw[200:])
    damaged = lake.refreshed()
    assert damaged.footer(HOURLY_AGGREGATES, HOUR) is not None
    assert answers_to_keep(damaged, HOURLY_AGGREGATES, HOUR, {"flows": "refused"}) == {}
