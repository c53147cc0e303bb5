"""What the waits in queues of a day are read from: the day's legs, the members of queues observed on it, and agents'
status of the day and, once all of it is known, of the next one, into which waits last.
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
class Beside:
    """What waits are read from. `members` is None where nobody observed them, `known` where no status is stored."""

    legs: pa.Table
    members: Members | None
    spans: Sequence[Span]
    known: Window | None
    reach: Reach | None
    inputs: list[Partition]


def read(lake: Lake, day: str) -> Beside:
    """Raises NotFetched where the day has no legs."""
    if day not in lake.stored(LEGS):
        raise NotFetched(f"genesys/{LEGS} has no partition {day}: materialise it first.")
    status = status_within(lake, _days(lake, day))
    is_observed = day in lake.stored(MEMBERS)
    members = joined_members(lake.read(MEMBERS, day, schema=QUEUE_MEMBERS.schema)) if is_observed else None
    legs = lake.read(LEGS, day, schema=INTERACTION_LEGS.schema)
    inputs: list[Partition] = [(LEGS, day), *([(MEMBERS, day)] if is_observed else []), *status.inputs]
    return Beside(legs, members, status.spans, status.known, lake.reach(LEGS, day), inputs)


def made_of(lake: Lake, day: str) -> int:
    """What the waits of a day are made of."""
    own = (part._replace(newness=0) for place in (LEGS, MEMBERS) for part in parts(lake, place, [day]))
    status = ((key, of_user_tables(lake, key, [USER_TIME])) for key in _days(lake, day))
    told = [Part(0, place, key, f"{made}") for key, of_day in status for place, made in of_day.items()]
    return number([*own, *told], QUEUE_WAITS.name, QUEUE_WAITS.version)


def _days(lake: Lake, day: str) -> list[str]:
    """The days of which status is read."""
    following = f"{utc_day(day)[0] + timedelta(days=1):%Y-%m-%d}"
    return [day, following] if is_status_complete(lake, following) else [day]
