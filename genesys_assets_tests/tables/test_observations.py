"""Answers about members of queues and skills of users become rows of a day."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from genesys_assets.cloud.http.page import Page, request_text
from genesys_assets.tables.conversations.decode import UnreadablePage
from genesys_assets.tables.observations import QUEUE_MEMBERS, USER_SKILLS, queue_members, user_skills

DAY = date(2026, 2, 20)
AT = datetime(2026, 2, 20, 0, 12, tzinfo=UTC)


def page(path: str, body: object) -> Page:
    return Page(1, request_text("GET", path), AT, None, json.dumps(body).encode())


def of_queue(queue: str, *members: dict[str, Any]) -> Page:
    return page(f"/api/v2/routing/queues/{queue}/members", {"entities": list(members)})


def of_users(*users: dict[str, Any]) -> Page:
    return page("/api/v2/users", {"entities": list(users)})


def test_a_member_of_two_queues_has_a_row_in_each() -> None:
    ada = {"id": "ada", "joined": True, "ringNumber": 2, "memberBy": "user", "name": "Ada", "future": 1}
    rows = queue_members(DAY, [of_queue("b", ada), of_queue("a", {**ada, "joined": False, "ringNumber": 1})])
    assert rows.schema.equals(QUEUE_MEMBERS.schema)
    assert rows.to_pylist() == [
        {"day": DAY, "as_of": AT, "queue_id": "a", "user_id": "ada", "joined": False, "ring_number": 1}
        | {"member_by": "user"},
        {"day": DAY, "as_of": AT, "queue_id": "b", "user_id": "ada", "joined": True, "ring_number": 2}
        | {"member_by": "user"},
    ]


def test_a_queue_without_members_has_one_row_that_names_nobody() -> None:
    (row,) = queue_members(DAY, [of_queue("empty")]).to_pylist()
    assert (row["queue_id"], row["user_id"], row["joined"], row["ring_number"]) == ("empty", None, None, None)


def test_a_last_page_without_members_names_nobody_beside_those_before() -> None:
    pages = [of_queue("a", {"id": "ada"}), of_queue("a")]
    assert queue_members(DAY, pages)["user_id"].to_pylist() == ["ada"]
    assert queue_members(DAY, pages[::-1])["user_id"].to_pylist() == ["ada"]


def test_a_member_that_comes_on_two_pages_counts_once() -> None:
    rows = queue_members(DAY, [of_queue("a", {"id": "ada", "ringNumber": 1}), of_queue("a", {"id": "ada"})])
    assert rows["user_id"].to_pylist() == ["ada"]


def test_each_skill_of_a_user_is_a_row() -> None:
    skills = [{"id": "s2", "proficiency": 3.5, "state": "active"}, {"id": "s1", "proficiency": 0, "state": "inactive"}]
    rows = user_skills(DAY, [of_users({"id": "ada", "skills": skills})])
    assert rows.schema.equals(USER_SKILLS.schema)
    assert [(row["skill_id"], row["proficiency"], row["state"]) for row in rows.to_pylist()] == [
        ("s1", 0.0, "inactive"),
        ("s2", 3.5, "active"),
    ]


def test_a_user_whose_skills_are_left_out_is_not_one_without_skills() -> None:
    rows = user_skills(DAY, [of_users({"id": "ada", "skills": []}, {"id": "bo"}, {"id": "cy", "skills": None})])
    assert [(row["user_id"], row["skill_id"]) for row in rows.to_pylist()] == [("bo", None), ("cy", None)]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"entities": {}}'])
def test_an_answer_without_a_list_is_refused_and_no_empty_day(body: bytes) -> None:
    asked = request_text("GET", "/api/v2/routing/queues/q/members")
    with pytest.raises(UnreadablePage, match=r"queue_members"):
        queue_members(DAY, [Page(1, asked, AT, None, body)])
    with pytest.raises(UnreadablePage, match=r"user_skills"):
        user_skills(DAY, [Page(1, asked, AT, None, body)])


def test_an_answer_about_no_queue_is_refused() -> None:
    with pytest.raises(UnreadablePage, match=r"names no queue"):
        queue_members(DAY, [of_users({"id": "ada"})])
