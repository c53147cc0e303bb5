"""Which families of aggregates the stored hours of a day have answers of, and why others are missing.

The provenance of each hour's file names the families that answered and those that did not. `tables` decodes the
answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from genesys_assets.cloud.analytics.families import CONVERSATIONS, AggregateFamily
from genesys_assets.cloud.http.page import Page
from genesys_assets.lake.lake import Lake, StoredPages, Unreadable
from genesys_assets.spans import hours_of
from genesys_assets.tables.metrics.question import family_of

HOURLY_AGGREGATES = "pages/hourly_aggregates"
ANSWERED = "families_answered"
UNANSWERED = "families_unanswered"
"""Keys of the provenance of an hour's file: the families that answered, and those that did not, each with the
reason.
"""


_ANSWERED_BY_OLD_FILES = (CONVERSATIONS.name,)
"""The families of files that were stored before these keys existed."""


class PagesOfFamily:
    """The pages of an hour with answers of one family. Bodies of other pages are not read; the family of each page is
    looked up once for all families.
    """

    def __init__(self, lake: Lake, hour: str, pages: StoredPages, family: AggregateFamily) -> None:
        def family_of_each() -> list[str]:
            return [family_of(pages.about(index).request).name for index in range(len(pages))]

        self._pages = pages
        of_pages = lake.once("families", HOURLY_AGGREGATES, hour, family_of_each)
        self._where = [index for index, name in enumerate(of_pages) if name == family.name]

    def __len__(self) -> int:
        return len(self._where)

    def __iter__(self) -> Iterator[Page]:
        return (self._pages[index] for index in self._where)


def has_answers(lake: Lake, day: str, family: AggregateFamily) -> bool:
    """Whether a family answered for the first or the last stored hour of a day. The hours between are not checked: each
    would cost a read, every time.
    """
    return any(
        family.name in _provenance(lake, hour).get(ANSWERED, _ANSWERED_BY_OLD_FILES) for hour in _ends(lake, day)
    )


def answers_to_keep(lake: Lake, place: str, hour: str, refused: Collection[str]) -> dict[str, list[Page]]:
    """The stored pages of an hour with answers of families that the platform now refuses, by family. A new reading of
    the hour must keep them, otherwise it would take figures out of the families' tables.
    """
    footer = lake.footer(place, hour) if refused and hour in lake.stored(place) else None
    answered = footer.provenance.get(ANSWERED, _ANSWERED_BY_OLD_FILES) if footer else ()
    kept: dict[str, list[Page]] = {name: [] for name in answered if name in refused}
    pages = lake.pages(place, hour) if kept else None
    if pages is None:
        return {}
    try:
        for index in range(len(pages)):
            name = family_of(pages.about(index).request).name
            if name in kept:
                kept[name].append(pages[index])
    except Unreadable:
        # A damaged hour is written anew. It must not keep the answers of other families from being stored.
        return {}
    return kept


def unanswered(lake: Lake, days: Iterable[str]) -> dict[str, str]:
    """The families that the platform refused for the last stored hour of some days, each with the reason."""
    reasons: dict[str, str] = {}
    for day in days:
        for hour in _ends(lake, day)[-1:]:
            reasons |= _provenance(lake, hour).get(UNANSWERED, {})
    return reasons


def _ends(lake: Lake, day: str) -> Sequence[str]:
    stored = lake.stored(HOURLY_AGGREGATES)
    hours = [hour for hour in hours_of(day) if hour in stored]
    return list(dict.fromkeys([*hours[:1], *hours[-1:]]))


def _provenance(lake: Lake, hour: str) -> Mapping[str, Any]:
    footer = lake.footer(HOURLY_AGGREGATES, hour)
    return footer.provenance if footer else {}
