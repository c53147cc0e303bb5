"""Listings: the envelope, paging, states."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from genesys_assets_tests.sandbox.conftest import Client

LISTINGS = [
    "/api/v2/routing/queues",
    "/api/v2/users",
    "/api/v2/routing/wrapupcodes",
    "/api/v2/routing/skills",
    "/api/v2/authorization/divisions",
    "/api/v2/flows",
    "/api/v2/groups",
    "/api/v2/routing/languages",
    "/api/v2/locations",
    "/api/v2/flows/outcomes",
    "/api/v2/flows/milestones",
    "/api/v2/outbound/campaigns",
]


def entities(client: Client, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    next_uri: str | None = path
    while next_uri:
        page = client.get(next_uri).json()
        found += page["entities"]
        next_uri = page.get("nextUri")
    return found


@pytest.mark.parametrize("path", LISTINGS)
@pytest.mark.parametrize("size", [1, 3, 500])
def test_following_next_uri_lists_everything_once(at_noon: Client, path: str, size: int) -> None:
    found = entities(at_noon, f"{path}?pageSize={size}")
    assert len(found) == at_noon.get(path).json()["total"] > 1
    assert len({entity["id"] for entity in found}) == len(found)


def test_the_first_page_points_on_and_the_last_points_back(at_noon: Client) -> None:
    first = at_noon.get("/api/v2/routing/queues", pageSize=6).json()
    assert (first["pageNumber"], first["pageCount"], first["total"]) == (1, 2, 10)
    assert "previousUri" not in first
    assert first["nextUri"] == first["lastUri"] == "/api/v2/routing/queues?pageSize=6&pageNumber=2"
    last = at_noon.get(first["nextUri"]).json()
    assert len(last["entities"]) == 4
    assert "nextUri" not in last
    assert last["previousUri"] == first["selfUri"]


def test_a_page_has_25_unless_asked_otherwise(at_noon: Client) -> None:
    page = at_noon.get("/api/v2/users", state="any").json()
    assert (page["pageSize"], len(page["entities"]), page["total"]) == (25, 25, 30)


def test_only_active_users_are_listed_unless_asked_otherwise(at_noon: Client) -> None:
    count = {state: len(entities(at_noon, f"/api/v2/users?state={state}")) for state in STATES}
    assert count["any"] == count["active"] + count["inactive"] + count["deleted"] == 30
    assert min(count.values()) >= 2
    listed = entities(at_noon, "/api/v2/users")
    assert len(listed) == count["active"]
    assert {user["state"] for user in listed} == {"active"}


STATES = ("active", "inactive", "deleted", "any")


def test_a_deleted_queue_is_not_listed_but_still_works_in_conversations(at_noon: Client) -> None:
    deleted = [queue for queue in at_noon.sandbox.organisation.directory.queues if queue.deleted]
    listed = {queue["id"] for queue in entities(at_noon, "/api/v2/routing/queues")}
    assert len(deleted) == 1
    assert deleted[0].id not in listed
    day = "2026-01-21T00:00:00Z/2026-01-28T00:00:00Z"
    filter_ = {"type": "and", "predicates": [{"dimension": "queueId", "value": deleted[0].id}]}
    assert at_noon.details(interval=day, segmentFilters=[filter_]).json()["totalHits"] > 0


def test_a_queue_has_its_service_level_per_media(at_noon: Client) -> None:
    queues = list(entities(at_noon, "/api/v2/routing/queues"))
    assert queues
    for queue in queues:
        for media in ("call", "callback", "chat", "email", "message"):
            level = queue["mediaSettings"][media]["serviceLevel"]
            assert 0 < level["percentage"] < 1
            assert level["durationMs"] > 0


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/api/v2/routing/queues", {"pageSize": 501}),
        ("/api/v2/routing/queues", {"pageSize": 0}),
        ("/api/v2/routing/queues", {"pageNumber": "two"}),
        ("/api/v2/routing/queues", {"sortOrder": "up"}),
        ("/api/v2/users", {"state": "gone"}),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_name(at_noon: Client, path: str, parameters: dict[str, Any]) -> None:
    answer = at_noon.get(path, **parameters)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid.query.param.value")
    assert f"[{next(iter(parameters))}]" in answer.json()["message"]


def test_listings_can_be_narrowed_by_id_and_name(at_noon: Client) -> None:
    queues = entities(at_noon, "/api/v2/routing/queues")
    wanted = [queues[0]["id"], queues[3]["id"]]
    found = at_noon.get("/api/v2/routing/queues", id=wanted).json()["entities"]
    assert [queue["id"] for queue in found] == wanted
    named = at_noon.get("/api/v2/routing/queues", name="*Sales*").json()["entities"]
    assert [queue["name"] for queue in named] == ["Sales"]


def test_presences_come_whole(at_noon: Client) -> None:
    answer = at_noon.get("/api/v2/presence/definitions", pageSize=2).json()
    assert answer["total"] == len(answer["entities"]) > 2
    assert "nextUri" not in answer


@pytest.mark.parametrize("size", [1, 3, 100])
def test_teams_are_paged_by_a_cursor_in_the_url_of_the_next_page(at_noon: Client, size: int) -> None:
    found = entities(at_noon, f"/api/v2/teams?pageSize={size}")
    assert {team["id"] for team in found} == {
        team["id"] for team in at_noon.sandbox.organisation.directory.surroundings["teams"]
    }
    assert "total" not in at_noon.get("/api/v2/teams").json()


def test_external_organisations_are_paged_by_a_separate_cursor(at_noon: Client) -> None:
    path, found, cursor = "/api/v2/externalcontacts/scan/organizations", set(), ""
    while True:
        page = at_noon.get(path, limit=10, **({"cursor": cursor} if cursor else {})).json()
        found |= {entity["name"] for entity in page["entities"]}
        if not (cursor := page["cursors"].get("after", "")):
            break
    assert len(found) == 12
    assert at_noon.get(path, limit=9).status_code == 400


def test_outcomes_of_flows_that_conversations_name_are_listed(at_noon: Client) -> None:
    listed = {outcome["id"] for outcome in entities(at_noon, "/api/v2/flows/outcomes")}
    named = {
        outcome["flowOutcomeId"]
        for conversation in at_noon.sandbox.organisation.conversations(date(2026, 1, 27))
        for participant in conversation["participants"]
        for session in participant["sessions"]
        for outcome in session.get("flow", {}).get("outcomes", ())
    }
    assert named
    assert named <= listed
