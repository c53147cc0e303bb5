"""The lists of things that analytics names by id: queues, users, wrap-up codes, skills, divisions.

Here stands where each list is and how it is read. What a row of it is belongs to `tables.entities`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from genesys_assets.cloud.analytics.catalogue import closest
from genesys_assets.cloud.errors import EndlessPages, InvalidQuery, UnexpectedAnswer
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.paging import NextUri, held_together, list_in
from genesys_assets.cloud.http.transport import GenesysCloud

PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of the API: its path and what is asked besides the page."""

    path: str
    params: Mapping[str, str] = field(default_factory=dict)


LISTINGS: Mapping[str, Listing] = MappingProxyType(
    {
        "queues": Listing("/api/v2/routing/queues"),
        # The default hides inactive and deleted users, whose conversations remain.
        "users": Listing("/api/v2/users", {"state": "any"}),
        "wrapup_codes": Listing("/api/v2/routing/wrapupcodes"),
        "skills": Listing("/api/v2/routing/skills"),
        "divisions": Listing("/api/v2/authorization/divisions"),
    }
)


def fetch(cloud: GenesysCloud, name: str, page_size: int = PAGE_SIZE) -> Iterator[Page]:
    """Every page of a list, an entity each in `entities`.

    Raises InvalidQuery for an unknown name; UnexpectedAnswer for a page without entities, and for a list that ends
    before it has as many as its total; EndlessPages; or any other GenesysCloudError.
    """
    if name not in LISTINGS:
        close = closest(name, LISTINGS) or tuple(LISTINGS)
        raise InvalidQuery(f"There is no listing {name!r}. Closest: {', '.join(close)}.")
    if page_size < 1:
        raise InvalidQuery(f"A page holds at least one entity; {page_size} are asked for.")
    return held_together(pages_of(cloud, LISTINGS[name], page_size), LISTINGS[name].path)


def pages_of(cloud: GenesysCloud, listing: Listing, page_size: int = PAGE_SIZE) -> Iterator[Page]:
    """The pages of any list whose entities have ids. Raises as `fetch` does."""
    params = {**listing.params, "pageSize": page_size, "pageNumber": 1}
    ids: set[str] = set()
    for page in NextUri(cloud.get).pages(listing.path, params):
        known = len(ids)
        ids.update(_ids(listing.path, page))
        if page.json().get("nextUri"):
            if len(ids) == known:
                raise EndlessPages(
                    f"{listing.path} has a page {page.number} that lists nothing new and leads on to another.",
                    correlation_id=page.correlation_id,
                )
        else:
            _must_be_whole(listing.path, page, len(ids))
        yield page


def _ids(path: str, page: Page) -> list[str]:
    """The id of each entity. A list that cannot be read is not an empty list."""
    if page.json().get("entities") is None:
        raise UnexpectedAnswer(f"{path} was answered without 'entities'.", correlation_id=page.correlation_id)
    entities = list_in(page, "entities")
    ids = [entity.get("id") if isinstance(entity, dict) else None for entity in entities]
    if not all(isinstance(id_, str) and id_ for id_ in ids):
        raise UnexpectedAnswer(
            f"{path} lists an entity that is no object with an id. Nothing of the list is used.",
            correlation_id=page.correlation_id,
        )
    return [str(id_) for id_ in ids]


def _must_be_whole(path: str, last: Page, listed: int) -> None:
    """A list that ends early would pass for one of which the rest was deleted."""
    told = last.json()
    total, number, count = (_count(told.get(name)) for name in ("total", "pageNumber", "pageCount"))
    if total is not None and listed < total:
        problem = f"lists {listed:,} entities of {total:,}"
    elif number is not None and count is not None and number < count:
        problem = f"ends on page {number:,} of {count:,}"
    else:
        return
    raise UnexpectedAnswer(
        f"{path} {problem} and names no next page. Nothing of the list is used; ask again later.",
        correlation_id=last.correlation_id,
    )


def _count(told: object) -> int | None:
    return told if isinstance(told, int) and not isinstance(told, bool) else None
