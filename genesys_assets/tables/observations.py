"""The tables of members of queues and skills of users, observed day by day: the platform keeps no history of them.

    queue_members   a row per queue and member; one with null in `user_id` for a queue without members
    user_skills     a row per user and skill; one with null in `skill_id` for a user whose skills were left out

A day that was not observed has no partition. An observed day is known as of one moment of the day.
`cloud.observations` fetches the pages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date
from typing import Any

import pyarrow as pa

from genesys_assets.cloud.http.page import Page
from genesys_assets.tables import stored_answers
from genesys_assets.tables.conversations.decode_values import UnreadablePage
from genesys_assets.tables.spec import TableSpec, columns
from genesys_assets.tables.stored_answers import Fields

QUEUE_MEMBERS = TableSpec(
    "queue_members",
    "One row per queue and member, as the platform had it at one moment of the UTC day; a queue without members has "
    "one row with null in user_id. Source: GET /api/v2/routing/queues/{queueId}/members.",
    ("day", "queue_id", "user_id"),
    columns("""
day day the UTC day that was observed
as_of instant the moment of the day at which the queue had these members, by the platform's clock
queue_id string queue
user_id string the member; null where the queue had none
joined boolean whether the member had joined the queue; false for one who only may join it
ring_number integer the ring of bullseye routing, from 1 on
member_by string user, or group where the user is a member through one
"""),
    partition_column="as_of",
    null_in_key=("user_id",),
)
USER_SKILLS = TableSpec(
    "user_skills",
    "One row per active user and routing skill, as the platform had it at one moment of the UTC day; a user without "
    "skills has no row. Source: GET /api/v2/users?expand=skills.",
    ("day", "user_id", "skill_id"),
    columns("""
day day the UTC day that was observed
as_of instant the moment of the day at which the user had these skills, by the platform's clock
user_id string agent
skill_id string routing skill; null where the platform left the user's skills out, which are unknown then
proficiency number how well, from 0 to 5
state string active, inactive or deleted, of the skill
"""),
    partition_column="as_of",
    null_in_key=("skill_id",),
)

_QUEUE = re.compile(r"/routing/queues/([^/?]+)/members$")


def queue_members(day: date, pages: Iterable[Page]) -> pa.Table:
    """Rows of `QUEUE_MEMBERS`. A member that moved to another page meanwhile counts once. Raises UnreadablePage."""
    members: dict[str, dict[str | None, dict[str, Any]]] = {}
    for page in pages:
        queue_id = _queue_of(page)
        of_queue = members.setdefault(queue_id, {})
        for entity in _entities(page, QUEUE_MEMBERS):
            of_queue[entity.text("id")] = _member(day, page, queue_id, entity)
        if not of_queue:
            of_queue[None] = _member(day, page, queue_id, Fields("", {}))
        elif len(of_queue) > 1:
            of_queue.pop(None, None)
    return _table(QUEUE_MEMBERS, [row for of_queue in members.values() for row in of_queue.values()])


def user_skills(day: date, pages: Iterable[Page]) -> pa.Table:
    """Rows of `USER_SKILLS`. Raises UnreadablePage."""
    skills: dict[tuple[str | None, str | None], dict[str, Any]] = {}
    for page in pages:
        for user in _entities(page, USER_SKILLS):
            for skill in _skills(user):
                skills[user.text("id"), skill.text("id")] = {
                    "day": day,
                    "as_of": page.as_of,
                    "user_id": user.text("id"),
                    "skill_id": skill.text("id"),
                    "proficiency": skill.value("proficiency"),
                    "state": skill.value("state"),
                }
    return _table(USER_SKILLS, list(skills.values()))


def _skills(user: Fields) -> Iterable[Fields]:
    """The skills of a user; if the platform left them out, one skill without an id."""
    if user.value("skills") is None:
        return [Fields(user.page, {})]
    return [skill for skill in user.objects("skills") if skill.text("id")]


def _member(day: date, page: Page, queue_id: str, entity: Fields) -> dict[str, Any]:
    return {
        "day": day,
        "as_of": page.as_of,
        "queue_id": queue_id,
        "user_id": entity.text("id"),
        "joined": entity.value("joined"),
        "ring_number": entity.value("ringNumber"),
        "member_by": entity.value("memberBy"),
    }


def _queue_of(page: Page) -> str:
    match = _QUEUE.search(str(json.loads(page.request).get("path")))
    if match is None:
        raise UnreadablePage(f"a page of {QUEUE_MEMBERS.name} has the request {page.request}, which names no queue")
    return match[1]


def _entities(page: Page, spec: TableSpec) -> list[Fields]:
    return stored_answers.entities(page.body, f"a page of {spec.name}")


def _table(spec: TableSpec, rows: list[dict[str, Any]]) -> pa.Table:
    table = stored_answers.table(rows, spec.schema, f"a page of {spec.name}")
    return table.sort_by([(name, "ascending") for name in spec.key])
