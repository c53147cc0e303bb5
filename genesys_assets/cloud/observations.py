"""The members of queues and the skills of users. The platform keeps no history of them, so they must be read every day.
`tables.observations` says what a row is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from types import MappingProxyType
from urllib.parse import quote

from genesys_assets.cloud import reference
from genesys_assets.cloud.errors import NotFound
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.transport import GenesysCloud

PAGE_SIZE = 100
"""Entities of a page: the maximum of `GET routing/queues/{id}/members`. Source: get_routing_queue_members in
https://github.com/MyPureCloud/platform-client-sdk-python (docs/RoutingApi.md).
"""
MEMBERS = "/api/v2/routing/queues/{id}/members"
SKILLS = reference.Listing("/api/v2/users", MappingProxyType({"state": "active", "expand": "skills"}))
"""One request for a hundred users. `users/{id}/routingskills` would take one for each user."""


def queue_members(cloud: GenesysCloud) -> Iterator[Page]:
    """The members of each queue that is listed now: at least one page for each queue, empty if it has no members.

    Costs a request for each hundred queues, and at least one for each queue. A queue that is deleted meanwhile has no
    page. Raises a GenesysCloudError.
    """
    pages = reference.fetch(cloud, "queues")
    queue_ids = [entity["id"] for page in pages for entity in page.json()["entities"]]
    for of_queue in cloud.map_in_order(partial(_members, cloud), queue_ids):
        yield from of_queue


def user_skills(cloud: GenesysCloud) -> Iterator[Page]:
    """All active users with their skills; costs a request for each hundred. Raises a GenesysCloudError."""
    return _bare(reference.pages_of(cloud, SKILLS, PAGE_SIZE))


def _members(cloud: GenesysCloud, queue_id: str) -> list[Page]:
    try:
        path = MEMBERS.format(id=quote(queue_id, safe=""))
        return list(_bare(reference.pages_of(cloud, reference.Listing(path), PAGE_SIZE)))
    except NotFound:
        return []


def _bare(pages: Iterable[Page]) -> Iterator[Page]:
    return (page.bare() for page in pages)
