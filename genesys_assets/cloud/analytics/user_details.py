"""Agents' presence and routing status, by the users' details query: all pages of an interval.

The query covers at most 7 days, a page may hold fewer users than requested and still not be the last, and totalHits is
an estimate. This module works around these limits. The answer for any interval that a span touches has the whole span,
so pages and days repeat spans: keep the newest of each. Bulk history belongs to details jobs. Source:
https://developer.genesys.cloud/analyticsdatamanagement/analytics/detail/user-query.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any, TypeVar

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.analytics.queries import LARGEST_PAGE, LONGEST, MOST_RESULTS, UserDetailsQuery
from genesys_assets.cloud.errors import EndlessPages, UnexpectedAnswer
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.paging import list_in, with_smaller_pages
from genesys_assets.cloud.http.parsing import read_count
from genesys_assets.cloud.http.transport import GenesysCloud

PATH = "/api/v2/analytics/users/details/query"
ROWS = "userDetails"
PERMISSION = "analytics:userDetail:view"

OnProgress = Callable[[int, int | None, int | None], None]
P = TypeVar("P", bound=Page)


@dataclass(frozen=True, slots=True)
class UsersPage(Page):
    """A page of `rows` users. `ids` has a digest of each row, by which a repeated page is recognised."""

    rows: int = 0
    ids: tuple[str, ...] = ()


def fetch(
    cloud: GenesysCloud,
    interval: Interval,
    *,
    page_size: int = LARGEST_PAGE,
    on_progress: OnProgress | None = None,
) -> Iterator[UsersPage]:
    """Every page of the interval, numbered from 1; none if the platform knows no user. A short page need not be the
    last one: only two consecutive pages without users are the end. If pages are too large, smaller ones are read from
    page 1.
    `on_progress(pages done, pages expected, total hits)` is called for each page. From `POST
    /api/v2/analytics/users/details/query`. Raises InvalidQuery for an interval that reaches into the future,
    UnexpectedAnswer if a page lost its users, EndlessPages, or any other GenesysCloudError.
    """
    interval.require_past(cloud.now())
    UserDetailsQuery(interval=interval.days()[0], page_size=page_size)

    def read(piece: Interval) -> list[UsersPage]:
        return with_smaller_pages(lambda size: _read(cloud, piece, size, on_progress), page_size)

    pages = chain.from_iterable(map(read, interval.days(LONGEST.days)))
    return (replace(page, number=number) for number, page in enumerate(pages, start=1))


def with_facts(page: Page, kind: type[P], **more: Any) -> P:
    """The page as a page of type `kind`, with its facts and the fields in `more`. Raises UnexpectedAnswer if its
    `userDetails` are not a list.
    """
    rows = list_in(page, ROWS)
    fields: dict[str, Any] = {
        "number": page.number,
        "request": page.request,
        "fetched_at": page.fetched_at,
        "correlation_id": page.correlation_id,
        "body": page.body,
        "as_of": page.as_of,
        "rows": len(rows),
        "ids": tuple(map(_digest, rows)),
    }
    return kind(**fields, **more)


def _read(cloud: GenesysCloud, interval: Interval, size: int, on_progress: OnProgress | None) -> list[UsersPage]:
    """The pages of an interval of at most 7 days."""
    pages: list[UsersPage] = []
    seen: set[tuple[str, ...]] = set()
    for number in count(1):
        if number * size > MOST_RESULTS:
            raise EndlessPages(f"The users' details of {interval} go on after {MOST_RESULTS:,} results: ask for less.")
        page, total = _ask(cloud, interval, size, number)
        if not page.rows:
            _require_end(cloud, interval, size, page, total)
            return pages
        if page.ids in seen:
            raise EndlessPages(
                f"Page {number} of the users' details of {interval} repeats the users of an earlier page."
            )
        seen.add(page.ids)
        pages.append(page)
        if on_progress is not None:
            on_progress(number, -(-total // size) if total else None, total)
    raise AssertionError("count() has no end")


def _require_end(cloud: GenesysCloud, interval: Interval, size: int, page: UsersPage, total: int | None) -> None:
    """Raises UnexpectedAnswer if a page without users is not the end: the next page has users, or page 1 has none
    although the platform counts some.
    """
    lost_all = page.number == 1 and bool(total)
    behind = lost_all or _ask(cloud, interval, size, page.number + 1)[0].rows > 0
    if behind:
        raise UnexpectedAnswer(
            f"Page {page.number} of the users' details of {interval} came without users, though the platform has more."
            " Nothing of it is used. Retry later.",
            correlation_id=page.correlation_id,
        )


def _ask(cloud: GenesysCloud, interval: Interval, size: int, number: int) -> tuple[UsersPage, int | None]:
    query = UserDetailsQuery(interval=interval, page_number=number, page_size=size)
    answer = cloud.post(PATH, query.body())
    return replace(with_facts(answer, UsersPage), number=number), read_count(answer.json().get("totalHits"))


def _digest(row: Any) -> str:
    canonical = json.dumps(row, sort_keys=True).encode("utf-8", "surrogatepass")
    return hashlib.sha256(canonical).hexdigest()
