"""The inputs of a day's waits in queues: the day's legs, the members of queues observed on the day, and agents' status
on the day and, once it is complete, on the next day, because waits may last into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa

from genesys_assets.days.made_of import Part, number, parts
from genesys_assets.days.sources import NotFetched, Partition
from genesys_assets.days.users import is_status_complete, of_user_tables, status_within
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.spans import Window, utc_day
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS
from genesys_assets.tables.observations import QUEUE_MEMBERS
from genesys_assets.tables.users.spans import Span
from genesys_assets.tables.users.time import USER_TIME
from genesys_assets.tables.users.waits import QUEUE_WAITS, Members, joined_members

LEGS, MEMBERS = f"tables/{INTERACTION_LEGS.name}", f"reference/{QUEUE_MEMBERS.name}"
PLACE = f"tables/{QUEUE_WAITS.name}"


@dataclass(frozen=True, slots=True)
class WaitInputs:
    """The inputs of a day's waits. `members` is None if they were not observed, `known` if no status is stored."""

    legs: pa.Table
    members: Members | None
    spans: Sequence[Span]
    known: Window | None
    reach: Reach | None
    inputs: list[Partition]


def read(lake: Lake, day: str) -> WaitInputs:
    """The inputs of a day's waits. Raises NotFetched if the day has no legs."""
    if day not in lake.stored(LEGS):
        raise NotFetched(f"genesys/{LEGS} has no partition {day}: materialise it first.")
    status = status_within(lake, _days(lake, day))
    is_observed = day in lake.stored(MEMBERS)
    members = joined_members(lake.read(MEMBERS, day, schema=QUEUE_MEMBERS.schema)) if is_observed else None
    legs = lake.read(LEGS, day, schema=INTERACTION_LEGS.schema)
    inputs: list[Partition] = [(LEGS, day), *([(MEMBERS, day)] if is_observed else []), *status.inputs]
    return WaitInputs(legs, members, status.spans, status.known, lake.reach(LEGS, day), inputs)


def made_of(lake: Lake, day: str) -> int:
    """The number that identifies the inputs of a day's waits: see the module `made_of`."""
    legs_and_members = (part._replace(newness=0) for place in (LEGS, MEMBERS) for part in parts(lake, place, [day]))
    status = ((key, of_user_tables(lake, key, [USER_TIME])) for key in _days(lake, day))
    status_parts = [Part(0, place, key, f"{number_}") for key, of_day in status for place, number_ in of_day.items()]
    return number([*legs_and_members, *status_parts], QUEUE_WAITS.name, QUEUE_WAITS.version)


def _days(lake: Lake, day: str) -> list[str]:
    """The days whose status is read."""
    following = f"{utc_day(day)[0] + timedelta(days=1):%Y-%m-%d}"
    return [day, following] if is_status_complete(lake, following) else [day]
