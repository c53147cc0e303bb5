"""The listings: queues and their members, users, wrap-up codes, skills, divisions, flows, presence definitions.

This module pages and filters lists. `directory` has the entities.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from genesys_assets.sandbox import memberships, refusals, validation
from genesys_assets.sandbox.directory import Directory

Item = dict[str, Any]
Listing = Callable[[Directory, dict[str, str]], Item]

MOST_PER_PAGE = 500
LEAST_PER_SCAN, MOST_PER_SCAN = 10, 200
MOST_MEMBERS_PER_PAGE = 100
STATES = ("active", "inactive", "deleted", "any")


def queues(directory: Directory, parameters: dict[str, str]) -> Item:
    """Deleted queues are not listed, although conversations still name them."""
    return _page("routing/queues", [queue.entity for queue in directory.queues if not queue.deleted], parameters)


def members(directory: Directory, queue_id: str, day: int, parameters: dict[str, str]) -> Item:
    """The members of a queue on a day, which is counted from 1970-01-01. As on the platform, the answer has no total
    and no page count.
    """
    queue = directory.queue_by_id.get(queue_id)
    if queue is None or queue.deleted:
        raise refusals.of_status(404)
    listed = memberships.members(directory, queue, day)
    page = _page(f"routing/queues/{queue_id}/members", listed, parameters, MOST_MEMBERS_PER_PAGE)
    return {name: value for name, value in page.items() if name not in ("total", "pageCount", "lastUri")}


def users(directory: Directory, parameters: dict[str, str]) -> Item:
    """Active users only, unless `state` says otherwise; with their skills where `expand` asks for them."""
    state = parameters.get("state", "active")
    if state not in STATES:
        raise refusals.invalid_parameter(state, "state", ", ".join(STATES))
    listed = [user for user in directory.users if state in ("any", user["state"])]
    if "skills" in parameters.get("expand", "").split(","):
        listed = [memberships.with_skills(directory, user) for user in listed]
    return _page("users", listed, parameters)


def wrapup_codes(directory: Directory, parameters: dict[str, str]) -> Item:
    return _page("routing/wrapupcodes", list(directory.wrapup_codes), parameters)


def skills(directory: Directory, parameters: dict[str, str]) -> Item:
    return _page("routing/skills", list(directory.skills), parameters)


def divisions(directory: Directory, parameters: dict[str, str]) -> Item:
    return _page("authorization/divisions", list(directory.divisions), parameters)


def flows(directory: Directory, parameters: dict[str, str]) -> Item:
    return _page("flows", list(directory.flows), parameters)


def presence_definitions(directory: Directory, parameters: dict[str, str]) -> Item:
    """All at once: this list has no pages."""
    listed = list(directory.presences)
    return {"total": len(listed), "entities": listed, "selfUri": "/api/v2/presence/definitions"}


def numbered(path: str, name: str) -> Listing:
    """The listing of entities in `Directory.surroundings`, with numbered pages."""
    return lambda directory, parameters: _page(path, list(directory.surroundings[name]), parameters)


def teams(directory: Directory, parameters: dict[str, str]) -> Item:
    """Paged by a cursor in the URL of the next page, without a total."""
    page, after = _after("teams", list(directory.surroundings["teams"]), parameters, "pageSize", "after")
    if after is None:
        return page
    return {**page, "nextUri": f"/api/v2/teams?{urlencode({**parameters, 'after': after})}"}


def external_organizations(directory: Directory, parameters: dict[str, str]) -> Item:
    """A scan, paged by cursor: 10 to 200 entities on a page, 100 by default."""
    if validation.number_parameter(parameters, "limit", 100, MOST_PER_SCAN) < LEAST_PER_SCAN:
        raise refusals.invalid_parameter(parameters["limit"], "limit", "10 to 200")
    listed = list(directory.surroundings["external_organizations"])
    page, after = _after("externalcontacts/scan/organizations", listed, parameters, "limit", "cursor")
    return {**page, "cursors": {} if after is None else {"after": after}}


def _after(
    path: str, listed: list[Item], parameters: dict[str, str], size_name: str, cursor_name: str
) -> tuple[Item, str | None]:
    """A page, and the cursor of the next one. A cursor is the id of the last entity before it."""
    size = validation.number_parameter(parameters, size_name, 100, MOST_PER_SCAN)
    in_order = sorted(listed, key=lambda entity: str(entity["id"]))
    cursor = parameters.get(cursor_name, "")
    remaining = [entity for entity in in_order if entity["id"] > cursor]
    page: Item = {"entities": remaining[:size], "selfUri": f"/api/v2/{path}"}
    return page, remaining[size - 1]["id"] if len(remaining) > size else None


def _page(path: str, listed: list[Item], parameters: dict[str, str], most: int = MOST_PER_PAGE) -> Item:
    size = validation.number_parameter(parameters, "pageSize", 25, most)
    number = validation.number_parameter(parameters, "pageNumber", 1)
    matching = _wanted(listed, parameters)
    last = max(1, -(-len(matching) // size))

    def uri(page: int) -> str:
        others = {name: value for name, value in parameters.items() if name not in ("pageSize", "pageNumber")}
        return f"/api/v2/{path}?{urlencode({'pageSize': size, 'pageNumber': page, **others})}"

    answer: Item = {
        "entities": matching[(number - 1) * size : number * size],
        "pageSize": size,
        "pageNumber": number,
        "total": len(matching),
        "firstUri": uri(1),
        "selfUri": uri(number),
        "lastUri": uri(last),
        "pageCount": last,
    }
    if number < last:
        answer["nextUri"] = uri(number + 1)
    if number > 1:
        answer["previousUri"] = uri(min(number - 1, last))
    return answer


def _wanted(listed: list[Item], parameters: dict[str, str]) -> list[Item]:
    """The entities in the order of their names, filtered by the requested ids, divisions and name."""
    chosen = sorted(listed, key=lambda entity: str(entity.get("name", entity["id"])).casefold())
    if ids := parameters.get("id"):
        chosen = [entity for entity in chosen if entity["id"] in ids.split(",")]
    if divisions := parameters.get("divisionId"):
        chosen = [entity for entity in chosen if entity.get("division", {}).get("id") in divisions.split(",")]
    if name := parameters.get("name", "").strip("*").casefold():
        chosen = [entity for entity in chosen if name in str(entity.get("name", "")).casefold()]
    order = parameters.get("sortOrder", "asc").lower()
    if order not in ("asc", "ascending", "desc", "descending"):
        raise refusals.invalid_parameter(parameters["sortOrder"], "sortOrder", "asc, desc")
    return chosen[::-1] if order.startswith("desc") else chosen
