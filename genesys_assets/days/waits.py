"""The inputs of a day's waits in queues, which may last into the next day: the legs of the day and its neighbours, the
members of queues observed on the day and the next, and agents' status on both.

Legs of neighbouring days are used once they are complete. The members of the next day are used once the legs of that
day are complete. Agents' status of the next day is used once this status is complete.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from genesys_assets.days.made_of import Input, number, stored_inputs
from genesys_assets.days.sources import NotFetched, Partition
from genesys_assets.days.users import is_status_complete, of_user_tables, status_within
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.spans import days_around, utc_day
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS
from genesys_assets.tables.observations import QUEUE_MEMBERS
from genesys_assets.tables.users.time import USER_TIME
from genesys_assets.tables.users.waits import OVERTAKING_COLUMNS, QUEUE_WAITS, Surroundings, joined_members

LEGS, MEMBERS = f"tables/{INTERACTION_LEGS.name}", f"reference/{QUEUE_MEMBERS.name}"
PLACE = f"tables/{QUEUE_WAITS.name}"


@dataclass(frozen=True, slots=True)
class WaitInputs:
    """The legs of a day and what happened around its waits; how far the legs are known, and the partitions read."""

    legs: pa.Table
    around: Surroundings
    reach: Reach | None
    inputs: list[Partition]


def read(lake: Lake, day: str) -> WaitInputs:
    """The inputs of a day's waits. Raises NotFetched if the day has no legs."""
    if day not in lake.stored(LEGS):
        raise NotFetched(f"genesys/{LEGS} has no partition {day}: materialise it first.")
    days = _days_of_legs(lake, day)
    neighbours = [key for key in days if key != day]
    observed = _days_of_members(lake, day, days)
    members = {key: joined_members(lake.read(MEMBERS, key, schema=QUEUE_MEMBERS.schema)) for key in observed}
    status = status_within(lake, _days_of_status(lake, day))
    schema = INTERACTION_LEGS.schema
    around = Surroundings(
        legs=lake.read(LEGS, neighbours, columns=OVERTAKING_COLUMNS, schema=schema),
        legs_until=utc_day(days[-1])[1] if _are_legs_known(lake, day) else None,
        members={date.fromisoformat(key): of_day for key, of_day in members.items()},
        spans=status.spans,
        known=status.known,
    )
    inputs: list[Partition] = [*((LEGS, key) for key in days), *((MEMBERS, key) for key in observed), *status.inputs]
    return WaitInputs(lake.read(LEGS, day, schema=schema), around, lake.reach(LEGS, day), inputs)


def made_of(lake: Lake, day: str) -> int:
    """The number that identifies the inputs of a day's waits: see the module `made_of`."""
    days = _days_of_legs(lake, day)
    stored = [*stored_inputs(lake, LEGS, days), *stored_inputs(lake, MEMBERS, _days_of_members(lake, day, days))]
    status = ((key, of_user_tables(lake, key, [USER_TIME])) for key in _days_of_status(lake, day))
    status_parts = [Input(0, place, key, f"{number_}") for key, of_day in status for place, number_ in of_day.items()]
    every = [*(input_._replace(newness=0) for input_ in stored), *status_parts]
    return number(every, QUEUE_WAITS.name, QUEUE_WAITS.version, _are_legs_known(lake, day))


def _days_of_legs(lake: Lake, day: str) -> list[str]:
    """The days whose legs are read, in order: the day, and its neighbours if they are complete. Today's legs change
    every hour.
    """
    return [each for each in days_around(day, 1, 1) if each == day or _is_complete(lake, each)]


def _are_legs_known(lake: Lake, day: str) -> bool:
    """Whether all legs are known that were offered and answered on the day."""
    return all(_is_complete(lake, each) for each in days_around(day, 1, 0))


def _is_complete(lake: Lake, day: str) -> bool:
    footer = lake.footer(LEGS, day)
    return footer is not None and footer.reach is not None and footer.reach.is_complete


def _days_of_members(lake: Lake, day: str, days_of_legs: list[str]) -> list[str]:
    """The observed days among the day and, if its legs are read, the next."""
    return [key for key in days_of_legs if key >= day and key in lake.stored(MEMBERS)]


def _days_of_status(lake: Lake, day: str) -> list[str]:
    """The days whose status is read."""
    following = days_around(day, 0, 1)[-1]
    return [day, following] if is_status_complete(lake, following) else [day]
