"""The lists of things that analytics names by id: queues, users, wrap-up codes, skills, divisions.

Here stands where each list is and how it is read. What a row of it is belongs to `tables.entities`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from genesys_assets.cloud.catalogue import closest
from genesys_assets.cloud.errors import InvalidQuery, UnexpectedAnswer
from genesys_assets.cloud.page import Page
from genesys_assets.cloud.paging import NextUri, list_in
from genesys_assets.cloud.transport import GenesysCloud

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

    Raises InvalidQuery for an unknown name, UnexpectedAnswer for a page without entities, or any other
    GenesysCloudError.
    """
    if name not in LISTINGS:
        close = closest(name, LISTINGS) or tuple(LISTINGS)
        raise InvalidQuery(f"There is no listing {name!r}. Closest: {', '.join(close)}.")
    if page_size < 1:
        raise InvalidQuery(f"A page holds at least one entity; {page_size} are asked for.")
    return _pages(cloud, LISTINGS[name], page_size)


def _pages(cloud: GenesysCloud, listing: Listing, page_size: int) -> Iterator[Page]:
    params = {**listing.params, "pageSize": page_size, "pageNumber": 1}
    for page in NextUri(cloud.get).pages(listing.path, params):
        # A list that cannot be read is not an empty list.
        if page.json().get("entities") is None:
            raise UnexpectedAnswer(
                f"{listing.path} was answered without 'entities'.", correlation_id=page.correlation_id
            )
        list_in(page, "entities")
        yield page
