"""Changes of the directory: entities are renamed or deleted, and the listings show it from then on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from genesys_assets.sandbox.directory import Directory, Entity, Queue

KINDS = ("queues", "users", "wrapup_codes", "skills")


def renamed(directory: Directory, kind: str, entity_id: str, name: str) -> Directory:
    """The directory with an entity renamed. Raises LookupError if it has no such entity."""

    def change(entity: Entity) -> Entity:
        return {**entity, "name": name}

    if kind == "queues":
        return _with_queue(directory, entity_id, lambda queue: replace(queue, name=name, entity=change(queue.entity)))
    return _with_entities(directory, kind, entity_id, lambda entity: (change(entity),))


def removed(directory: Directory, kind: str, entity_id: str) -> Directory:
    """The directory with an entity deleted. Raises LookupError if it has no such entity."""
    if kind == "queues":
        return _with_queue(directory, entity_id, lambda queue: replace(queue, deleted=True))
    if kind == "users":
        return _with_entities(directory, kind, entity_id, lambda user: ({**user, "state": "deleted"},))
    return _with_entities(directory, kind, entity_id, lambda _: ())


def _with_queue(directory: Directory, queue_id: str, change: Callable[[Queue], Queue]) -> Directory:
    if queue_id not in directory.queue_by_id:
        raise LookupError(f"There is no {queue_id} among the queues of the sandbox.")
    queues = tuple(change(queue) if queue.id == queue_id else queue for queue in directory.queues)
    return replace(directory, queues=queues, queue_by_id={queue.id: queue for queue in queues})


def _with_entities(
    directory: Directory, kind: str, entity_id: str, change: Callable[[Entity], tuple[Entity, ...]]
) -> Directory:
    if kind in directory.surroundings:
        listed = directory.surroundings[kind]
        others = {**directory.surroundings, kind: _changed(kind, listed, entity_id, change)}
        return replace(directory, surroundings=others)
    if kind not in KINDS:
        raise LookupError(f"The sandbox has no {kind} to change; it has {', '.join(KINDS)}.")
    changed = _changed(kind, getattr(directory, kind), entity_id, change)
    if kind == "users":
        return replace(directory, users=changed, user_by_id={user["id"]: user for user in changed})
    if kind == "skills":
        return replace(directory, skills=changed)
    return replace(directory, wrapup_codes=changed)


def _changed(
    kind: str, listed: tuple[Entity, ...], entity_id: str, change: Callable[[Entity], tuple[Entity, ...]]
) -> tuple[Entity, ...]:
    if not any(entity["id"] == entity_id for entity in listed):
        raise LookupError(f"There is no {entity_id} among the {kind} of the sandbox.")
    return tuple(
        changed_entity
        for entity in listed
        for changed_entity in (change(entity) if entity["id"] == entity_id else (entity,))
    )
