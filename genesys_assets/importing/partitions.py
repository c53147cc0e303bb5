"""Replaces partitions of imported pages by pages that were made from the stored ones, also if others write at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from genesys_assets.cloud.http.page import Page
from genesys_assets.days import utc_day
from genesys_assets.days.sources import DAILY_AGGREGATES, DAILY_DETAILS, HOURLY_AGGREGATES, HOURLY_DETAILS
from genesys_assets.importing.imported_page import DAILY, DETAILS, HOURLY
from genesys_assets.importing.spool import Partition
from genesys_assets.lake.commit import ConcurrentCommit, TableContended
from genesys_assets.lake.lake import Lake, Provenance, Reach

_TRIES = 20
T = TypeVar("T")
_FETCHED = {
    DETAILS: (DAILY_DETAILS, HOURLY_DETAILS),
    HOURLY: (HOURLY_AGGREGATES,),
    DAILY: (DAILY_AGGREGATES,),
}
"""The places of fetched pages with the same kind of data, by asset of imported pages."""


def until_committed(lake: Lake, partition: Partition, replace: Callable[[Lake], T]) -> T:
    """Call `replace`, which builds a partition from what is stored, until nobody else has replaced it meanwhile;
    returns what it returns. Raises TableContended if others replace it again and again.
    """
    for _ in range(_TRIES):
        try:
            return replace(lake)
        except ConcurrentCommit:
            lake = lake.refreshed()
    raise TableContended(
        f"Other processes replaced pages/{partition[0]} of {partition[1]} {_TRIES} times in a row. Import it again."
    )


def is_fetched(lake: Lake, partition: Partition) -> bool:
    """Whether data of the same kind was fetched for the day. Otherwise a day that loses all its imported pages keeps an
    empty partition, so that its tables can be materialised and become empty.
    """
    asset, day = partition
    return any(key[:10] == day for place in _FETCHED[asset] for key in lake.page_partitions(place))


def write_pages(
    lake: Lake,
    partition: Partition,
    pages: Iterable[Page],
    is_complete: bool,
    provenance: Provenance,
    contents: Collection[str] = (),
) -> bool:
    """Replace a partition by pages that were made from what is stored. Raises ConcurrentCommit.

    `contents` are content ids of damaged files: if the pages were complete with one of these ids, they are complete
    again. Returns whether the pages have one of these ids now.
    """
    asset, day = partition
    start, end = utc_day(day)
    whole, part = Reach(end, is_complete=True, imported=True), Reach(start, is_complete=False, imported=True)
    with lake.page_writers(f"pages/{asset}", [day], provenance, builds_on_stored=True) as writers:
        writer = writers[day]
        writer.reach = whole
        for page in pages:
            writer.write(page)
        if not is_complete and writer.content not in contents:
            writer.reach = part
        return writer.content in contents
