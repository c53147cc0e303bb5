"""Members of queues and skills of users, listed day by day."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from genesys_assets.sandbox import memberships
from genesys_assets.sandbox.directory import build
from genesys_assets_tests.sandbox.conftest import Client
from genesys_assets_tests.sandbox.test_reference import entities

DIRECTORY = build(1)
DAYS = range(20_000, 20_028)


def of_day(day: int) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        queue.id: {member["id"]: member for member in memberships.members(DIRECTORY, queue, day)}
        for queue in DIRECTORY.queues
    }


def test_an_agent_who_serves_a_queue_is_a_joined_member_of_it_every_day() -> None:
    assert DAYS
    assert DIRECTORY.queues
    for day in DAYS:
        members = of_day(day)
        for queue in DIRECTORY.queues:
            serving = [id_ for id_ in queue.members if DIRECTORY.user_by_id[id_]["state"] != "deleted"]
            assert serving
            assert all(members[queue.id][id_]["joined"] for id_ in serving)


def test_others_join_and_leave_within_four_weeks() -> None:
    days = [{(queue, user) for queue, members in of_day(day).items() for user in members} for day in DAYS]
    changes = [(len(after - before), len(before - after)) for before, after in pairwise(days)]
    assert sum(joined for joined, _ in changes) > 10
    assert sum(left for _, left in changes) > 10
    assert (0, 0) in changes


def test_a_deleted_user_is_no_member(at_noon: Client) -> None:
    deleted = {user["id"] for user in DIRECTORY.users if user["state"] == "deleted"}
    assert deleted & {user for queue in DIRECTORY.queues for user in queue.members}
    assert not deleted & {user for members in of_day(20_000).values() for user in members}


def test_members_are_paged_without_a_total(at_noon: Client) -> None:
    queue = at_noon.sandbox.organisation.directory.queues[0]
    path = f"/api/v2/routing/queues/{queue.id}/members"
    page = at_noon.get(path, pageSize=5).json()
    assert "nextUri" in page
    assert not {"total", "pageCount", "lastUri"} & page.keys()
    assert len(entities(at_noon, f"{path}?pageSize=5")) == len(entities(at_noon, f"{path}?pageSize=100")) >= 10
    assert at_noon.get(path, pageSize=101).status_code == 400


def test_a_queue_that_is_deleted_has_no_list_of_members(at_noon: Client) -> None:
    (deleted,) = (queue for queue in at_noon.sandbox.organisation.directory.queues if queue.deleted)
    assert at_noon.get(f"/api/v2/routing/queues/{deleted.id}/members").status_code == 404


def test_members_need_one_of_four_permissions(at_noon: Client) -> None:
    path = f"/api/v2/routing/queues/{at_noon.sandbox.organisation.directory.queues[0].id}/members"
    names = ("routing:queue:view", "routing:queue:edit", "routing:queue:readonly", "routing:queueMember:manage")
    missing = at_noon.sandbox.behaviour.missing_permissions
    missing |= set(names[:3])
    assert at_noon.get(path).status_code == 200
    missing |= set(names)
    refused = at_noon.get(path)
    missing -= set(names)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing.any.permissions")


@pytest.mark.parametrize("expand", ["skills", "languages,skills"])
def test_skills_are_listed_where_they_are_asked_for_and_now_and_then_left_out(at_noon: Client, expand: str) -> None:
    assert all("skills" not in user for user in entities(at_noon, "/api/v2/users?state=any"))
    users = entities(at_noon, f"/api/v2/users?state=any&expand={expand}")
    without = [user for user in users if "skills" not in user]
    assert 0 < len(without) < len(users) / 4
    assert any(user.get("skills") == [] for user in users)
    assert all(0 <= skill["proficiency"] <= 5 for user in users for skill in user.get("skills", ()))
