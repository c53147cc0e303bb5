"""The lists of entities that analytics refers to by id: queues, users, wrap-up codes, flows, campaigns and so on.

This module knows the path of each list and how it is paged. `tables.entities` says what a row is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from genesys_assets.cloud.analytics.catalogue import closest
from genesys_assets.cloud.errors import EndlessPages, InvalidQuery, UnexpectedAnswer
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.paging import Cursor, NextUri, limit_total_size, list_in, read_after
from genesys_assets.cloud.http.parsing import LONGEST_ID, read_id, read_whole_count, words
from genesys_assets.cloud.http.transport import GenesysCloud

PAGE_SIZE = 100
"""Entities of a page. The platform's default is 25; its maximum differs from list to list and is mostly
undocumented.
"""


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of the API: its path, its parameters besides those of paging, and how it is paged.

    `permission`: what a role must grant, None if nothing. `is_needed`: the project requires this list, so a run fails
    if it is refused; other lists may be refused. `size_parameter` takes the page size, None if the list has no pages.
    `cursor_parameter` takes the cursor, None if pages are numbered.
    """

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    permission: str | None = None
    is_needed: bool = False
    size_parameter: str | None = "pageSize"
    cursor_parameter: str | None = None


# Source of paths, parameters and permissions: docs/*Api.md of
# https://github.com/MyPureCloud/platform-client-sdk-python.
LISTINGS: Mapping[str, Listing] = MappingProxyType(
    {
        "queues": Listing("/api/v2/routing/queues", permission="routing:queue:view", is_needed=True),
        # By default inactive and deleted users are hidden, but their conversations remain. No permission is documented;
        # without this one the list is empty.
        "users": Listing("/api/v2/users", {"state": "any"}, permission="directory:user:view", is_needed=True),
        "wrapup_codes": Listing("/api/v2/routing/wrapupcodes", permission="routing:wrapupCode:view", is_needed=True),
        "skills": Listing("/api/v2/routing/skills", permission="routing:skill:view", is_needed=True),
        "divisions": Listing("/api/v2/authorization/divisions", is_needed=True),
        # The permission is required only for definitions that belong to a division.
        "presence_definitions": Listing(
            "/api/v2/presence/definitions", permission="presence:presenceDefinition:view", size_parameter=None
        ),
        "teams": Listing("/api/v2/teams", permission="groups:team:view", cursor_parameter="after"),
        "groups": Listing("/api/v2/groups"),
        "languages": Listing("/api/v2/routing/languages"),
        "locations": Listing("/api/v2/locations"),
        "flows": Listing("/api/v2/flows", permission="architect:flow:view"),
        "flow_outcomes": Listing("/api/v2/flows/outcomes", permission="architect:flowOutcome:view"),
        "flow_milestones": Listing("/api/v2/flows/milestones", permission="architect:flowMilestone:view"),
        "campaigns": Listing("/api/v2/outbound/campaigns", permission="outbound:campaign:view"),
        # `externalcontacts/organizations` would list only the first thousand.
        "external_organizations": Listing(
            "/api/v2/externalcontacts/scan/organizations",
            permission="externalContacts:externalOrganization:view",
            size_parameter="limit",
            cursor_parameter="cursor",
        ),
    }
)


def fetch(cloud: GenesysCloud, name: str, page_size: int = PAGE_SIZE) -> Iterator[Page]:
    """Every page of the list of this name in `LISTINGS`, with the entities in `entities`. Raises InvalidQuery for an
    unknown name; UnexpectedAnswer for a page without entities, and for a list that ends before its total; EndlessPages;
    TooLarge; or any other GenesysCloudError.
    """
    if name not in LISTINGS:
        close = closest(name, LISTINGS)
        hint = f"Closest: {', '.join(close)}" if close else f"Known are {', '.join(LISTINGS)}"
        raise InvalidQuery(f"There is no listing {name!r}. {hint}.")
    if page_size < 1:
        raise InvalidQuery(f"The page size must be 1 or more, got {page_size}.")
    return limit_total_size(pages_of(cloud, LISTINGS[name], page_size), LISTINGS[name].path)


def pages_of(cloud: GenesysCloud, listing: Listing, page_size: int = PAGE_SIZE) -> Iterator[Page]:
    """The pages of any list whose entities have ids. Raises as `fetch` does."""
    ids: set[str] = set()
    stated: dict[str, int] = {}
    for page in _unchecked_pages(cloud, listing, page_size):
        count_before = len(ids)
        ids.update(_ids(listing.path, page))
        stated |= _counts(listing.path, page)
        if _has_next(listing, page):
            if len(ids) == count_before:
                raise EndlessPages(
                    f"{listing.path} has a page {page.number} that lists nothing new but names a next page.",
                    correlation_id=page.correlation_id,
                )
        else:
            _require_whole(listing.path, page, len(ids), stated)
        yield page


def _unchecked_pages(cloud: GenesysCloud, listing: Listing, page_size: int) -> Iterator[Page]:
    if listing.size_parameter is None:
        return iter([_only_page(cloud, listing)])
    params = {**listing.params, listing.size_parameter: page_size}
    if listing.cursor_parameter is None:
        return NextUri(cloud.get).pages(listing.path, {**params, "pageNumber": 1})
    return Cursor(cloud.get, listing.size_parameter, listing.cursor_parameter, read_after).pages(listing.path, params)


def _only_page(cloud: GenesysCloud, listing: Listing) -> Page:
    page = cloud.get(listing.path, listing.params)
    if page.json().get("nextUri"):
        raise UnexpectedAnswer(
            f"{listing.path} names a next page, though it is a list without pages. Nothing of the list is used.",
            correlation_id=page.correlation_id,
        )
    return page


def _has_next(listing: Listing, page: Page) -> bool:
    if listing.cursor_parameter is not None:
        return bool(read_after(listing.path, page))
    return listing.size_parameter is not None and bool(page.json().get("nextUri"))


def _ids(path: str, page: Page) -> list[str]:
    """The id of each entity. A list that cannot be read is not an empty list."""
    if page.json().get("entities") is None:
        raise UnexpectedAnswer(f"{path} was answered without 'entities'.", correlation_id=page.correlation_id)
    entities = list_in(page, "entities")
    ids = [read_id(entity.get("id")) if isinstance(entity, dict) else None for entity in entities]
    known = [id_ for id_ in ids if id_ is not None]
    if len(known) < len(ids):
        raise UnexpectedAnswer(
            f"{path} lists an entity that is not an object with an id of 1 to {LONGEST_ID} printable characters."
            " Nothing of the list is used.",
            correlation_id=page.correlation_id,
        )
    return known


def _counts(path: str, page: Page) -> dict[str, int]:
    """The counts of a whole list that its page states."""
    counts = {name: _count_in(path, page, name) for name in ("total", "pageCount")}
    return {name: count for name, count in counts.items() if count is not None}


def _require_whole(path: str, last: Page, listed_count: int, stated: Mapping[str, int]) -> None:
    """Raises UnexpectedAnswer if the list ended before its total: the rest would look deleted. `stated` are the newest
    counts of its pages.
    """
    total, count, number = stated.get("total"), stated.get("pageCount"), _count_in(path, last, "pageNumber")
    if number is None:
        number = _requested_number(last)
    if total is not None and listed_count < total:
        problem = f"lists {listed_count:,} entities of {total:,}"
    elif count is not None and number < count:
        problem = f"ends on page {number:,} of {count:,}"
    else:
        return
    raise UnexpectedAnswer(
        f"{path} {problem} and names no next page. Nothing of the list is used. Retry later.",
        correlation_id=last.correlation_id,
    )


def _count_in(path: str, page: Page, name: str) -> int | None:
    """The count of that name in an answer, None if it has none. Digits and whole floats are read too, because a count
    that is not understood would hide that the list ended early.
    """
    value = page.json().get(name)
    if value is None:
        return None
    count = read_whole_count(value)
    if count is None:
        raise UnexpectedAnswer(
            f"{path} has the {name} {words(repr(value))}, which is not a whole number of 0 or more. So it is unknown"
            " whether the list is complete, and nothing of it is used. Retry later.",
            correlation_id=page.correlation_id,
        )
    return count


def _requested_number(page: Page) -> int:
    """The number of the page in its request, or else among the pages that were read."""
    params = json.loads(page.request).get("params") or {}
    number = read_whole_count(params.get("pageNumber"))
    return page.number if number is None else number
