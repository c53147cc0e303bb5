"""The members of queues on a day, and the skills of users.

Users who serve conversations of a queue are always its members. Others change from week to week, and some of them have
not joined. `reference` answers listings.
"""

from __future__ import annotations

from random import Random
from typing import Any

from genesys_assets.sandbox.directory import Directory, Entity, Queue

Item = dict[str, Any]

_WEEK = 7
_RINGS = 6


def members(directory: Directory, queue: Queue, day: int) -> list[Item]:
    """The members of a queue on a day, which is counted from 1970-01-01. Deleted users are no members."""
    guests = [user for user in directory.users if user["id"] not in queue.members and _is_guest(queue, user, day)]
    permanent = [directory.user_by_id[id_] for id_ in queue.members]
    return [
        _member(queue, user, joined=user in permanent or Random(f"joined {queue.id} {user['id']} {day}").random() < 0.5)
        for user in (*permanent, *guests)
        if user["state"] != "deleted"
    ]


def with_skills(directory: Directory, user: Entity) -> Item:
    """A user as listed with `expand=skills`. As on the platform, the skills of some users are left out."""
    rng = Random(f"skills {user['id']}")
    lot = rng.random()
    if lot < 0.05:
        return user
    skills = [] if lot < 0.15 else rng.sample(directory.skills, rng.randrange(1, 4))
    return {**user, "skills": [_skill(user, skill, float(rng.randrange(0, 11)) / 2) for skill in skills]}


def _is_guest(queue: Queue, user: Entity, day: int) -> bool:
    """Whether a user who does not serve the queue is its member in the week of a day: a tenth of them are. Weeks begin
    on another day for each queue.
    """
    begins = Random(f"week {queue.id}").randrange(_WEEK)
    return Random(f"guest {queue.id} {user['id']} {(day + begins) // _WEEK}").random() < 0.1


def _member(queue: Queue, user: Entity, *, joined: bool) -> Item:
    ring = Random(f"ring {queue.id} {user['id']}").randrange(_RINGS) + 1
    return {
        "id": user["id"],
        "name": user["name"],
        "user": {"id": user["id"], "name": user["name"], "selfUri": user["selfUri"]},
        "ringNumber": ring,
        "joined": joined,
        "memberBy": "group" if ring == _RINGS else "user",
        "selfUri": f"/api/v2/routing/queues/{queue.id}/members/{user['id']}",
    }


def _skill(user: Entity, skill: Entity, proficiency: float) -> Item:
    return {
        "id": skill["id"],
        "name": skill["name"],
        "proficiency": proficiency,
        "state": skill["state"],
        "skillUri": skill["selfUri"],
        "selfUri": f"/api/v2/users/{user['id']}/routingskills/{skill['id']}",
    }
