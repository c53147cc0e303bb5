"""A lake whose pages have no content; the tests only need that they exist."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from genesys_assets.cloud.http.page import Page
from genesys_assets.days import utc_day
from genesys_assets.days.sources import DAILY_AGGREGATES, DAILY_DETAILS, OVERLAP, START_DAYS
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach

READ_AT = datetime(2026, 1, 1, tzinfo=UTC)


def store(
    lake: Lake,
    place: str,
    *keys: str,
    body: str = "[1]",
    as_of: datetime = READ_AT,
    reach: Reach | None = None,
    said: Mapping[str, Any] | None = None,
) -> None:
    """Store pages of some partitions in one commit."""
    with lake.page_writers(place, keys, {"run_id": "r"}) as writers:
        for writer in writers.values():
            writer.write(Page(1, "{}", as_of, "c", body.encode(), as_of=as_of))
            writer.reach = reach
            writer.provenance.update(said or {})


def store_days(lake: Lake, *days: str, is_complete: bool = True) -> None:
    """Store whole days, with their overlap and their aggregates."""
    for day in days:
        end = utc_day(day)[1]
        store(lake, DAILY_DETAILS, day, reach=Reach(end, is_complete))
        store(lake, OVERLAP, day, reach=Reach(end), said={START_DAYS: {}})
        store(lake, DAILY_AGGREGATES, day, reach=Reach(end))


def store_overlap(lake: Lake, day: str, began: Mapping[str, str], as_of: datetime = READ_AT) -> None:
    """Store an overlap with conversations that began on earlier days; the argument identifies those of each day."""
    reach = Reach(utc_day(day)[1])
    store(lake, OVERLAP, day, body=json.dumps([began]), as_of=as_of, reach=reach, said={START_DAYS: dict(began)})


def of(wanted: Mapping[str, Iterable[str]], place: str) -> list[str]:
    """The keys for which one asset is wanted."""
    return [key for key, assets in wanted.items() if place in assets]
