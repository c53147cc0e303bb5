"""Helpers of the tests about complete days: they read and store days of the sandbox."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

from genesys_assets_tests.assets.world import TABLES_OF_HOURS, World

DETAILS, OVERLAP = "pages/daily_details", "pages/daily_overlap"
DAY, NEXT, TODAY = "2026-01-28", "2026-01-29", "2026-01-30"
DATE, TODAYS_DATE = date(2026, 1, 28), date(2026, 1, 30)
START, END = datetime(2026, 1, 28, tzinfo=UTC), datetime(2026, 1, 29, tzinfo=UTC)
AVAILABLE = datetime(2026, 1, 30, 10, 7, 30, 123_000, tzinfo=UTC)
TABLES = TABLES_OF_HOURS[1:]
A_LONG_TIME = 10 * 365 * 86_400
"""In which jobs of the sandbox's days are still there on the day of the test."""


def read(world: World, asset: str, day: str, *, page_size: int = 1000) -> Any:
    ops = {f"genesys__{name.replace('/', '__')}": {"config": {"page_size": page_size}} for name in (DETAILS, OVERLAP)}
    return world.run("complete", asset, partition=day, config={"ops": {of: ops[of] for of in ops if asset[6:] in of}})


def tables(world: World, day: str, *names: str) -> Any:
    return world.run("daily", *(names or TABLES), partition=day)


def stored_ids(world: World, day: str, asset: str = DETAILS) -> list[str]:
    """The id of each row on the pages of a day."""
    pages = world.lake.pages(asset, day)
    assert pages is not None
    return [item["conversationId"] for page in pages for item in json.loads(page.body).get("conversations", ())]


def table_ids(world: World, day: str) -> list[str]:
    listed: list[str] = world.lake.read("tables/conversations", day)["conversation_id"].to_pylist()
    return listed
