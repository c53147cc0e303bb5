"""The judge expects in a report only data that the lake has read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from genesys_assets.cloud.http.page import Page
from genesys_assets.days import utc_day
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS
from genesys_assets.tables.observations import QUEUE_MEMBERS
from genesys_assets_tests.months.expected import LEGS, MEMBERS, ExpectedFigures
from genesys_assets_tests.months.history import Past
from genesys_assets_tests.months.readings import USERS
from genesys_assets_tests.plain_figures import moment

DAY, NEXT = "2026-03-02", "2026-03-03"
READ_AT = datetime(2026, 3, 6, tzinfo=UTC)
LATER = READ_AT + timedelta(days=1)


def read(lake: Lake, day: str, at: datetime) -> None:
    """A reading of agents' status; its content does not matter here."""
    with lake.page_writers(USERS, [day], {"run_id": "r"}) as writers:
        request = json.dumps({"path": "/api/v2/analytics/users/details/jobs/1/results"})
        writers[day].write(Page(1, request, at, "c", b"{}", as_of=at))
        writers[day].reach = Reach(utc_day(day)[1], is_complete=True)


def waits_during_interactions(organisation: Organisation) -> Iterator[dict[str, Any]]:
    """A wait of one second at the beginning of each interaction of the day."""
    numbers = count(1)
    for item in organisation.conversations(date.fromisoformat(DAY)):
        for participant in item["participants"]:
            for segment in participant["sessions"][0]["segments"] if "userId" in participant else ():
                if segment["segmentType"] == "interact" and "queueId" in segment:
                    yield dict.fromkeys(INTERACTION_LEGS.schema.names) | {
                        "conversation_id": item["conversationId"],
                        "conversation_start": moment(item["conversationStart"]),
                        "leg_no": next(numbers),
                        "queue_id": segment["queueId"],
                        "offered_at": moment(segment["segmentStart"]),
                        "t_wait_ms": 1_000,
                    }


def test_waits_of_a_day_stand_beside_what_agents_did_as_of_the_reading_of_that_day(tmp_path: Path) -> None:
    organisation, lake = Organisation(3, 40), Lake(LocalStore(tmp_path))
    past, legs = Past(organisation), list(waits_during_interactions(organisation))
    table = pa.Table.from_pylist(legs, INTERACTION_LEGS.schema)
    lake.write(LEGS, INTERACTION_LEGS, table, DAY, {"run_id": "r"})
    lake.write(MEMBERS, QUEUE_MEMBERS, QUEUE_MEMBERS.schema.empty_table(), DAY, {"run_id": "r"})

    def idle_ms() -> list[int]:
        told = ExpectedFigures(past, lake.refreshed(), date.fromisoformat(DAY), ZoneInfo("UTC"))
        return [row["idle_ms"] for row in told.missed_while_idle(date.fromisoformat(DAY)) or ()]

    read(lake, DAY, READ_AT)
    before = idle_ms()
    for conversation_id in sorted({leg["conversation_id"] for leg in legs})[::2]:
        past.delete(conversation_id, LATER)
    read(lake, NEXT, LATER + timedelta(hours=1))
    assert idle_ms() == before
    read(lake, DAY, LATER + timedelta(hours=1))
    assert idle_ms() != before
