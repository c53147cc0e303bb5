"""The lists of things that analytics names by id: queues, users, wrap-up codes, flows, campaigns and so on.

This module knows where each list is and how it is read. `tables.entities` says what a row is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from genesys_assets.cloud.analytics.catalogue import closest
from genesys_assets.cloud.errors import EndlessPages, InvalidQuery, UnexpectedAnswer
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.paging import Cursor, NextUri, after_of_answer, held_together, list_in
from genesys_assets.cloud.http.parsing import read_count
from genesys_assets.cloud.http.transport import GenesysCloud

PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of the API: its path, what is asked besides the page, and how it goes on.

    `permission` is what a role needs for it, None where the platform asks for none. Without a list that `is_needed`
    figures have no names that every report shows; any other one may be refused. `size` names the parameter with the
    page's size, None where the list comes whole; `cursor` the one with a cursor, where pages have no numbers.
    """

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    permission: str | None = None
    is_needed: bool = False
    size: str | None = "pageSize"
    cursor: str | None = None


# Paths, parameters and permissions: the docstrings of PureCloudPlatformClientV2, and its documentation.
LISTINGS: Mapping[str, Listing] = MappingProxyType(
    {
        "queues": Listing("/api/v2/routing/queues", permission="routing:queue:view", is_needed=True),
        # The default hides inactive and deleted users, whose conversations remain. No permission is documented; without
        # this one nobody is listed.
        "users": Listing("/api/v2/users", {"state": "any"}, permission="directory:user:view", is_needed=True),
        "wrapup_codes": Listing("/api/v2/routing/wrapupcodes", permission="routing:wrapupCode:view", is_needed=True),
        "skills": Listing("/api/v2/routing/skills", permission="routing:skill:view", is_needed=True),
        "divisions": Listing("/api/v2/authorization/divisions", is_needed=True),
        # The permission is asked only for definitions that belong to a division.
        "presence_definitions": Listing(
            "/api/v2/presence/definitions", permission="presence:presenceDefinition:view", size=None
        ),
        "teams": Listing("/api/v2/teams", permission="groups:team:view", cursor="after"),
        "groups": Listing("/api/v2/groups"),
        "languages": Listing("/api/v2/routing/languages"),
        "locations": Listing("/api/v2/locations"),
        "flows": Listing("/api/v2/flows", permission="architect:flow:view"),
        "flow_outcomes": Listing("/api/v2/flows/outcomes", permission="architect:flowOutcome:view"),
        "flow_milestones": Listing("/api/v2/flows/milestones", permission="architect:flowMilestone:view"),
        "campaigns": Listing("/api/v2/outbound/campaigns", permission="outbound:campaign:view"),
        # `externalcontacts/organizations` ends at the first thousand.
        "external_organizations": Listing(
            "/api/v2/externalcontacts/scan/organizations",
            permission="externalContacts:externalOrganization:view",
            size="limit",
            cursor="cursor",
        ),
    }
)


def fetch(cloud: GenesysCloud, name: str, page_size: int = PAGE_SIZE) -> Iterator[Page]:
    """Every page of a list, with its entities in `entities`. Raises InvalidQuery for an unknown name; UnexpectedAnswer
    for a page without entities, and for a list that ends before its total; EndlessPages; or any other
    GenesysCloudError.
    """
    if name not in LISTINGS:
        close = closest(name, LISTINGS) or tuple(LISTINGS)
        raise InvalidQuery(f"There is no listing {name!r}. Closest: {', '.join(close)}.")
    if page_size < 1:
        raise InvalidQuery(f"A page holds at least one entity; {page_size} are asked for.")
    return held_together(pages_of(cloud, LISTINGS[name], page_size), LISTINGS[name].path)


def pages_of(cloud: GenesysCloud, listing: Listing, page_size: int = PAGE_SIZE) -> Iterator[Page]:
    """The pages of any list whose entities have ids. Raises as `fetch` does."""
    ids: set[str] = set()
    for page in _answers(cloud, listing, page_size):
        known = len(ids)
        ids.update(_ids(listing.path, page))
        if _goes_on(listing, page):
            if len(ids) == known:
                raise EndlessPages(
                    f"{listing.path} has a page {page.number} that lists nothing new and leads on to another.",
                    correlation_id=page.correlation_id,
                )
        else:
            _must_be_whole(listing.path, page, len(ids))
        yield page


def _answers(cloud: GenesysCloud, listing: Listing, page_size: int) -> Iterator[Page]:
    if listing.size is None:
        return iter([cloud.get(listing.path, listing.params)])
    params = {**listing.params, listing.size: page_size}
    if listing.cursor is None:
        return NextUri(cloud.get).pages(listing.path, {**params, "pageNumber": 1})
    return Cursor(cloud.get, listing.size, listing.cursor, after_of_answer).pages(listing.path, params)


def _goes_on(listing: Listing, page: Page) -> bool:
    if listing.cursor is not None:
        return bool(after_of_answer(listing.path, page))
    return listing.size is not None and bool(page.json().get("nextUri"))


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
    """A list that ends early would look as if the rest had been deleted."""
    told = last.json()
    total, number, count = (read_count(told.get(name)) for name in ("total", "pageNumber", "pageCount"))
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
