"""Figures of how much of a day was read, which are stored with its pages; and when a new reading is refused.

The figures are in the metadata of the materialisation and in the provenance of the page file, under the same names.
`checks.completeness` judges them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from genesys_assets.cloud.analytics import details
from genesys_assets.cloud.analytics.conversations import ConversationsPage
from genesys_assets.cloud.analytics.fetch_progress import FetchProgress
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.days.sources import DAILY_DETAILS as DAILY_DETAILS
from genesys_assets.days.sources import HOURLY_DETAILS as HOURLY_DETAILS
from genesys_assets.lake.files import TAKEN_OUT
from genesys_assets.lake.lake import Lake
from genesys_assets.spans import hours_of, utc_day

READ_AT = "day_read_at"
CONVERSATIONS = "day_conversations_read"
COUNT_BEFORE = "day_conversations_before"
TOTAL_HITS = "day_total_hits_last"
PAGES, PAGES_EXPECTED = "day_pages_read", "day_pages_expected"
MISSING = "day_missing"
EXACT_COUNT = "day_conversations_there"
REREADS, MOVED_AGAIN = "day_rereads", "day_moved_again"

Figures = dict[str, Any]


def is_figure(name: str) -> bool:
    """Whether a name in a page file's provenance is that of a figure."""
    return name.startswith("day_")


class DayRefused(Exception):
    """The new reading of a day is worse than the stored one, so it is not stored."""


class DayEmptied(DayRefused):
    """The platform no longer has any conversation, or any agents' status, of a day that had some."""


class DayNotComplete(DayRefused):
    """Details jobs no longer cover a day that they had covered completely."""


@dataclass(slots=True)
class PageCounts:
    """Counts what the pages of a day hold, as far as they were read."""

    pages: int = 0
    rows: int = 0
    ids: set[str] = field(default_factory=set)

    def take(self, page: ConversationsPage) -> None:
        """Counts the conversations of one page."""
        self.pages += 1
        # A row without an id repeats none.
        self.rows += len(page.ids)
        self.ids.update(page.ids)


def figures_of_query(reading: FetchProgress, read_at: datetime) -> Figures:
    """The figures of a reading by the details query: pages and conversations of the hours read, totals of the UTC
    day.
    """
    return _without_nulls(
        {
            READ_AT: read_at.isoformat(),
            CONVERSATIONS: reading.conversations,
            "day_total_hits_first": reading.total_hits_first,
            TOTAL_HITS: reading.total_hits_last,
            PAGES: reading.pages,
            PAGES_EXPECTED: reading.pages_expected,
            "day_rows_repeated": reading.repeated,
            REREADS: reading.rereads,
            MOVED_AGAIN: reading.moved_again or None,
            MISSING: reading.missing,
        }
    )


def counted_by_position(cloud: GenesysCloud, day: str, figures: Figures) -> Figures:
    """The exact number of the day's conversations, by the position of the last one, as a further figure: the total is
    an estimate. It is looked up only if the day is over, and if its total exceeds the conversations that were read or
    only a part of the day was read; otherwise no figure is returned.
    """
    total, bounds = figures.get(TOTAL_HITS), Interval(*utc_day(day))
    if not total or figures.get(MISSING) == 0 or bounds.end > cloud.now():
        return {}
    return _without_nulls({EXACT_COUNT: details.exact_total(cloud, bounds, total)})


def figures_of_job(pages_read: PageCounts, read_at: datetime, total_hits: int | None, page_size: int) -> Figures:
    """The figures of a day read by a job. Jobs have no total, so the query's is used."""
    expected = None if total_hits is None else max(1, -(-total_hits // page_size))
    return _of_day(pages_read, read_at, total_hits) | _without_nulls({PAGES_EXPECTED: expected})


def figures_of_both(pages_read: PageCounts, read_at: datetime, tail: FetchProgress) -> Figures:
    """The figures of a day read by a job first and then by the query. The query has the total of the day."""
    of_tail = {REREADS: tail.rereads, MOVED_AGAIN: tail.moved_again or None}
    return _of_day(pages_read, read_at, tail.total_hits_last) | _without_nulls(of_tail)


def _of_day(pages_read: PageCounts, read_at: datetime, total_hits: int | None) -> Figures:
    return _without_nulls(
        {
            READ_AT: read_at.isoformat(),
            CONVERSATIONS: len(pages_read.ids),
            TOTAL_HITS: total_hits,
            PAGES: pages_read.pages,
            "day_rows_repeated": pages_read.rows - len(pages_read.ids),
            MISSING: None if total_hits is None else max(0, total_hits - len(pages_read.ids)),
        }
    )


def is_complete(lake: Lake, day: str) -> bool:
    """Whether the stored daily pages cover the whole day, so that they decide which conversations it has."""
    reach = lake.reach(DAILY_DETAILS, day)
    return reach is not None and reach.is_complete


def newest_figures(lake: Lake, day: str, assets: Iterable[str] = (DAILY_DETAILS, HOURLY_DETAILS)) -> Figures:
    """The figures of the last reading whose pages are stored; empty if no reading has figures."""
    partitions = {DAILY_DETAILS: [day], HOURLY_DETAILS: hours_of(day)}
    return _newest(lake.provenance(asset, partition) for asset in assets for partition in partitions[asset])


def _newest(stored: Iterable[Figures]) -> Figures:
    with_figures = [figures for figures in stored if READ_AT in figures]
    return max(with_figures, key=lambda figures: str(figures[READ_AT]), default={})


def figures_to_compare(lake: Lake, day: str) -> Figures:
    """The figures with which the stored conversations of a day are compared: those of the whole day if it is
    complete. Footers are cached, because sensors ask this of many days in each look.
    """
    daily = lake.footer(DAILY_DETAILS, day)
    is_whole = daily is not None and daily.reach is not None and daily.reach.is_complete
    hourly = () if is_whole else (lake.footer(HOURLY_DETAILS, hour) for hour in hours_of(day))
    return _newest(footer.provenance for footer in (daily, *hourly) if footer)


def taken_out(lake: Lake, day: str) -> int:
    """How many conversations were read but not stored, because they must be forgotten."""
    partitions = [(DAILY_DETAILS, day), *((HOURLY_DETAILS, hour) for hour in hours_of(day))]
    return len({each for asset, key in partitions for each in lake.provenance(asset, key).get(TAKEN_OUT, ())})


def conversations_before(lake: Lake, day: str) -> int | None:
    """How many conversations the day had when it was last read; None if unknown."""
    of_day = newest_figures(lake, day, [DAILY_DETAILS])
    known = of_day.get(CONVERSATIONS) if of_day else newest_figures(lake, day, [HOURLY_DETAILS]).get(TOTAL_HITS)
    return None if known is None else int(known)


def require_not_emptied(day: str, now: int | None, before: int | None, asset: str) -> None:
    """Raises DayEmptied if the day had conversations and now has none."""
    if before and now == 0:
        raise DayEmptied(
            f"{day} no longer has any conversations: the platform has 0, the stored pages have {before:,}. A division "
            "or permission that the OAuth client lost looks like this, and so does a day older than the "
            "organisation's retention, so the stored pages are kept. Check the client's roles and divisions with "
            f"`genesys-assets preflight`; if the conversations really are gone, launch genesys/{asset} of {day} once "
            "with allow_emptied: true in its config."
        )


def require_still_complete(lake: Lake, day: str, through: datetime) -> None:
    """Raises DayNotComplete if the stored daily pages cover the whole day, but jobs have it only up to `through`."""
    if through < utc_day(day)[1] and is_complete(lake, day):
        raise DayNotComplete(
            f"Details jobs reach only to {through:%Y-%m-%d %H:%M} UTC, but the stored pages of {day} cover all of the "
            "day. The stored pages are kept. Materialise the day again once jobs reach its end; `genesys-assets "
            "preflight` shows how far they reach."
        )


def _without_nulls(figures: Mapping[str, Any]) -> Figures:
    return {name: figure for name, figure in figures.items() if figure is not None}
