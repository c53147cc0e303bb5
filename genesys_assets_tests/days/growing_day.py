"""A day whose hours are fetched one after the other: the new hours, and the tables after each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.cloud.http.page import Page, request_text
from genesys_assets.days import day_tables, hours_of, utc_hour
from genesys_assets.days.sources import (
    HOURLY_DETAILS,
)
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS, PARTICIPANTS, SEGMENTS
from genesys_assets.tables.spec import TableSpec

DAY, NEXT = "2099-01-28", "2099-01-29"
"""Not over for a while: an hour may be missing."""
HOURS = hours_of(DAY)
MADE = (CONVERSATIONS, PARTICIPANTS, SEGMENTS)
ORIGIN = {"run_id": "r"}
QUERY = request_text("POST", "/api/v2/analytics/conversations/details/query")
JOB = request_text("GET", "/api/v2/analytics/conversations/details/jobs/1/results")
AGGREGATES = "/api/v2/analytics/conversations/aggregates/query"

Item = dict[str, Any]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path / "lake"))


# -- the organisation --------------------------------------------------------------------------------------------------


def conversation(name: str, start: datetime, *, ended: bool = True, note: str = "") -> Item:
    """Two segments; the later one identifies the form of the conversation."""
    said: Item = {
        "conversationId": name,
        "conversationStart": iso(start),
        "participants": [
            {
                "participantId": f"{name}-p",
                "purpose": "customer",
                "sessions": [
                    {
                        "sessionId": f"{name}-s",
                        "mediaType": "voice",
                        "segments": [
                            {"segmentStart": iso(start), "segmentType": "ivr"},
                            {"segmentStart": iso(start), "segmentType": "interact", "wrapUpNote": note},
                        ],
                    }
                ],
            }
        ],
    }
    return said | ({"conversationEnd": iso(start + timedelta(minutes=9))} if ended else {})


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.000Z}"


def store(
    lake: Lake,
    place: str,
    key: str,
    *items: Item,
    as_of: datetime,
    request: str = QUERY,
    reach: Reach | None = None,
    said: Mapping[str, Any] | None = None,
) -> None:
    body = json.dumps({"conversations": items}).encode()
    with lake.refreshed().page_writers(place, [key], dict(ORIGIN)) as writers:
        writers[key].write(Page(1, request, as_of, f"{place} {key} {as_of}", body, as_of=as_of))
        writers[key].reach = reach
        writers[key].provenance |= said or {}


def write(lake: Lake, *specs: TableSpec) -> None:
    day_tables.write_conversations(lake.refreshed(), DAY, specs or MADE, dict(ORIGIN))


def anew(lake: Lake, *specs: TableSpec) -> None:
    day_tables._write_conversations(lake.refreshed(), DAY, specs or MADE, dict(ORIGIN), may_add=False)


def files(lake: Lake, spec: TableSpec = CONVERSATIONS) -> list[int]:
    """The number of rows of each file of the day."""
    return [file.rows for file in lake.refreshed().log(f"tables/{spec.name}").files(DAY)]


def ids(lake: Lake) -> list[str]:
    return list(lake.refreshed().read("tables/conversations", DAY)["conversation_id"].to_pylist())


def land(lake: Lake, hour: int, *items: Item, after: timedelta = timedelta(minutes=10)) -> None:
    """Fetch an hour that time after its end."""
    store(lake, HOURLY_DETAILS, HOURS[hour], *items, as_of=utc_hour(HOURS[hour])[1] + after)


def at(hour: int, minute: int = 30) -> datetime:
    return utc_hour(HOURS[hour])[0] + timedelta(minutes=minute)
