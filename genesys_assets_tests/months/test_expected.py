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
import pytest

from genesys_assets.cloud.http.page import Page
from genesys_assets.days import utc_day, waits
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.sandbox import memberships
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS
from genesys_assets.tables.observations import QUEUE_MEMBERS
from genesys_assets.tables.users.waits import queue_waits
from genesys_assets_tests.months.bounds import bounds, window
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


def store_observed_day(lake: Lake, organisation: Organisation, day: str, *offered: datetime, is_complete: bool) -> None:
    """The members of a day, and legs that waited a minute in the first queue."""
    queues = [queue for queue in organisation.directory.queues if not queue.deleted]
    begin, end = utc_day(day)
    rows = [
        dict.fromkeys(INTERACTION_LEGS.schema.names)
        | {"conversation_id": f"{at:%H:%M}", "conversation_start": begin, "leg_no": 1, "queue_id": queues[0].id}
        | {"offered_at": at, "t_wait_ms": 60_000, "outcome": "abandoned", "media_type": "voice"}
        for at in offered
    ]
    table = pa.Table.from_pylist(rows, INTERACTION_LEGS.schema)
    lake.write(LEGS, INTERACTION_LEGS, table, day, {"run_id": "r"}, reach=Reach(end, is_complete=is_complete))
    number = (begin.date() - date(1970, 1, 1)).days
    members = [
        dict.fromkeys(QUEUE_MEMBERS.schema.names)
        | {"day": begin.date(), "as_of": begin, "queue_id": queue.id, "user_id": member["id"]}
        | {"joined": member["joined"]}
        for queue in queues
        for member in memberships.members(organisation.directory, queue, number)
    ]
    table = pa.Table.from_pylist(members, QUEUE_MEMBERS.schema)
    lake.write(MEMBERS, QUEUE_MEMBERS, table, day, {"run_id": "r"})


@pytest.mark.parametrize(
    "zone", ["Pacific/Kiritimati", "Pacific/Auckland", "Europe/Zurich", "UTC", "Pacific/Pago_Pago", "Etc/GMT+12"]
)
def test_a_business_day_has_its_local_date_in_each_zone(zone: str) -> None:
    day = date(2026, 1, 15)
    start, end = window(day, ZoneInfo(zone))
    assert bounds(start, end, ZoneInfo(zone)) == {"interval_start": start, "interval_end": end, "local_date": day}


@pytest.mark.parametrize("is_complete", [True, False])
def test_members_after_midnight_are_known_once_the_next_day_is_complete_even_if_the_day_before_was_never_read(
    tmp_path: Path, is_complete: bool
) -> None:
    organisation, lake, midnight = Organisation(3, 40), Lake(LocalStore(tmp_path)), utc_day(NEXT)[0]
    of_day = [midnight - timedelta(minutes=5), midnight + timedelta(minutes=5)]
    store_observed_day(lake, organisation, DAY, *of_day, is_complete=True)
    store_observed_day(lake, organisation, NEXT, is_complete=is_complete)
    read(lake, DAY, READ_AT)
    expected = ExpectedFigures(Past(organisation), lake.refreshed(), date.fromisoformat(DAY), ZoneInfo("UTC"))
    rows = expected.missed_while_idle(date.fromisoformat(DAY)) or []
    assert [row["members"] is not None for row in rows] == [True, is_complete]
    assert [row["overtaken_by"] for row in rows] == [None, None]
    inputs = waits.read(lake.refreshed(), DAY)
    found = queue_waits(inputs.legs, inputs.around).to_pylist()
    names = ("conversation_id", "members", "unknown", "overtaken_by")
    assert [[row[name] for name in names] for row in rows] == [[row[name] for name in names] for row in found]


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
