"""Observations of a day, such as members of queues: a table that is made of the stored pages of the same day."""

from __future__ import annotations

from genesys_assets.lake.lake import Lake


def pages_of(place: str) -> str:
    """The place of the pages of an observation: `pages/reference_queue_members` of `reference/queue_members`."""
    return f"pages/{place.replace('/', '_')}"


def is_waiting(lake: Lake, place: str, day: str) -> bool:
    """Whether the pages of a day are stored and its table was not made of them yet."""
    read = lake.log(pages_of(place)).newness(day)
    return read is not None and (lake.log(place).newness(day) or 0) < read
