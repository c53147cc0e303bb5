"""What the waits in queues of a day are read from: the day's legs, the members of queues observed on it, and agents'
status of the day and, once jobs have all of it, of the next one, into which waits last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa

from genesys_assets.days.made_of import Part, number, parts
from genesys_assets.days.sources import NotFetched, Partition
from genesys_assets.days.users import USER_DETAILS
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.spans import Window, utc_day
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS
from genesys_assets.tables.observations import QUEUE_MEMBERS
from genesys_assets.tables.users.spans import Span, decoded, newest
from genesys_assets.tables.users.waits import QUEUE_WAITS, Members, joined_members

LEGS, MEMBERS = f"tables/{INTERACTION_LEGS.name}", f"reference/{QUEUE_MEMBERS.name}"
PLACE = f"tables/{QUEUE_WAITS.name}"


@dataclass(frozen=True, slots=True)
class Beside:
    """What waits are read from. `members` is None where nobody observed them, `known` where no status is stored."""

    legs: pa.Table
    members: Members | None
    spans: list[Span]
    known: Window | None
    reach: Reach | None
    inputs: list[Partition]


def read(lake: Lake, day: str) -> Beside:
    """Raises NotFetched where the day has no legs."""
    if day not in lake.stored(LEGS):
        raise NotFetched(f"genesys/{LEGS} has no partition {day}: materialise it first.")
    inputs = [(place, key) for place, key, _ in _inputs(lake, day)]
    observed = (MEMBERS, day) in inputs
    members = joined_members(lake.read(MEMBERS, day, schema=QUEUE_MEMBERS.schema)) if observed else None
    spans, known = _status(lake, [key for place, key in inputs if place == USER_DETAILS and key is not None])
    legs = lake.read(LEGS, day, schema=INTERACTION_LEGS.schema)
    return Beside(legs, members, spans, known, lake.reach(LEGS, day), inputs)


def made_of(lake: Lake, day: str) -> int:
    """What the waits of a day are made of."""
    return number((part for _, _, part in _inputs(lake, day)), QUEUE_WAITS.name, QUEUE_WAITS.version)


def _inputs(lake: Lake, day: str) -> Iterator[tuple[str, str | None, Part]]:
    days = [day, *([following] if _is_complete(lake, following := _day_after(day)) else [])]
    for place, keys in ((LEGS, [day]), (MEMBERS, [day]), (USER_DETAILS, days)):
        for part in parts(lake, place, keys):
            yield place, part.key, part._replace(newness=0)


def _status(lake: Lake, days: list[str]) -> tuple[list[Span], Window | None]:
    """The spans that the pages of these days tell, which follow each other, and the time of which they tell."""
    readings, end = [], None
    for day in days:
        pages = lake.pages(USER_DETAILS, day)
        if pages is None or (end is not None and end < utc_day(day)[0]):
            break
        readings += [(page.as_of, decoded(page.body).spans) for page in pages]
        end = pages.reach.through if pages.reach else utc_day(day)[0]
    if end is None:
        return [], None
    return newest(readings), Window(utc_day(days[0])[0], end)


def _is_complete(lake: Lake, day: str) -> bool:
    footer = lake.footer(USER_DETAILS, day)
    return footer is not None and footer.reach is not None and footer.reach.is_complete


def _day_after(day: str) -> str:
    return f"{utc_day(day)[0] + timedelta(days=1):%Y-%m-%d}"
