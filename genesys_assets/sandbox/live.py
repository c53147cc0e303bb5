"""The present: conversation activity and queue observations, which show what is waiting, alerting and interacting now.
As on the platform, the answers have no timestamp.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any

from genesys_assets.sandbox import facts, filters, refusals, validation, vocabulary
from genesys_assets.sandbox.directory import Directory, Queue
from genesys_assets.sandbox.facts import Value
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.times import HOUR, iso, millis

Item = dict[str, Any]

ACTIVITY = filters.Vocabulary("ConversationActivity", vocabulary.ACTIVITY_DIMENSIONS)
OBSERVATION = filters.Vocabulary("QueueObservation", ("queueId", "mediaType"))
_LONGEST = {"oLongestWaiting": "oWaiting", "oLongestInteracting": "oInteracting"}
_PROPERTIES = ("metrics", "groupBy", "filter", "order", "interval")


@dataclass(frozen=True, slots=True)
class Activity:
    """An open session of a queue: the metric that counts it, since when (in ms), and its dimensions."""

    metric: str
    since: int
    dimensions: dict[str, Value]


def conversation_activity(organisation: Organisation, body: Any, parameters: dict[str, str], now: int) -> Item:
    validation.known_properties(body, _PROPERTIES, "ConversationActivityQuery")
    metrics = _activity_metrics(body.get("metrics"))
    group_by = validation.names(body.get("groupBy"), vocabulary.ACTIVITY_DIMENSIONS, "ConversationActivityDimension")
    if not group_by:
        raise refusals.bad_request("At least one groupBy dimension is required.")
    filter_ = None if body.get("filter") is None else filters.check(body["filter"], ACTIVITY)
    size = validation.number_parameter(parameters, "pageSize", 25, 1000)
    number = validation.number_parameter(parameters, "pageNumber", 1)
    groups: dict[tuple[str | None, ...], list[Activity]] = {}
    for activity in _activities(organisation, now):
        if filter_ is None or filters.matches(filter_, activity.dimensions.get):
            for group in product(*(_several(activity.dimensions.get(name)) for name in group_by)):
                groups.setdefault(group, []).append(activity)
    results = [
        {
            "group": {name: value for name, value in zip(group_by, group, strict=True) if value is not None},
            **_activity_data(metrics, groups[group], now),
        }
        for group in sorted(groups, key=lambda group: tuple(value or "" for value in group))
    ]
    return {"entityIdDimension": "conversationId", "results": results[(number - 1) * size : number * size]}


def queue_observations(organisation: Organisation, body: Any, now: int) -> Item:
    validation.known_properties(body, ("filter", "metrics", "detailMetrics"), "QueueObservationQuery")
    filter_ = filters.check(body.get("filter") or {}, OBSERVATION)
    metrics = validation.names(body.get("metrics"), vocabulary.QUEUE_OBSERVATION_METRICS, "QueueObservationMetric")
    if not metrics:
        raise refusals.bad_request("At least one metric is required.")
    if "queueId" not in _named(filter_):
        raise refusals.bad_request("At least one queueId predicate is required in the filter.")
    counts: Counter[tuple[Value | None, ...]] = Counter()
    busy = set()
    for activity in _activities(organisation, now):
        dimensions = activity.dimensions
        counts[dimensions.get("queueId"), dimensions["mediaType"], activity.metric] += 1
        busy.add(dimensions.get("userId"))
    results: list[Item] = []
    for queue in organisation.directory.queues:
        if filters.matches(filter_, {"queueId": queue.id}.get) and (
            data := _users_data(organisation.directory, queue, metrics, busy, now)
        ):
            results.append({"group": {"queueId": queue.id}, "data": data})
        for media in queue.media_types:
            shown = [name for name in metrics if name in ("oInteracting", "oWaiting", "oAlerting")]
            if shown and filters.matches(filter_, {"queueId": queue.id, "mediaType": media}.get):
                data = [{"metric": name, "stats": {"count": counts[queue.id, media, name]}} for name in shown]
                results.append({"group": {"queueId": queue.id, "mediaType": media}, "data": data})
    return {"systemToOrganizationMappings": _presence_mappings(organisation.directory), "results": results}


def _activities(organisation: Organisation, now: int) -> Iterator[Activity]:
    """The sessions of queues with an open segment."""
    for arrival in organisation.active(now, now + 1):
        for participant in organisation.shown(arrival, now).get("participants", ()):
            for session in participant["sessions"]:
                step = session["segments"][-1]
                metric = _state(participant["purpose"], step)
                if metric is not None and "queueId" in step:
                    dimensions = facts.of_session(participant, session)
                    dimensions["conversationId"] = arrival.id
                    yield Activity(metric, millis(step["segmentStart"]), dimensions)


def _state(purpose: str, step: Item) -> str | None:
    if "segmentEnd" in step or step["segmentType"] == "wrapup":
        return None
    if purpose == "acd":
        return "oWaiting"
    if purpose == "agent":
        return "oAlerting" if step["segmentType"] == "alert" else "oInteracting"
    return None


def _activity_metrics(metrics: Any) -> list[Item]:
    if not isinstance(metrics, list) or not metrics:
        raise refusals.bad_request("At least one metric is required.")
    for metric in metrics:
        validation.known_properties(metric, ("metric", "details"), "ConversationActivityQueryMetric")
        validation.one_of(metric.get("metric"), vocabulary.ACTIVITY_METRICS, "ConversationActivityMetric")
    return metrics


def _activity_data(metrics: list[Item], activities: list[Activity], now: int) -> Item:
    data = []
    entities = []
    for wanted in metrics:
        name = wanted["metric"]
        matching = [activity for activity in activities if activity.metric == _LONGEST.get(name, name)]
        if name in _LONGEST:
            if matching:
                eldest = min(matching, key=lambda activity: activity.since)
                data.append({"metric": name, "calculatedMetricValue": now - eldest.since, "entityIds": _ids([eldest])})
            continue
        data.append({"metric": name, "count": len(matching), "entityIds": _ids(matching)})
        if wanted.get("details"):
            entities += [_entity(activity) for activity in matching]
    return {"data": data, "truncated": False, **({"entities": entities} if entities else {})}


def _entity(activity: Activity) -> Item:
    shown = (
        "conversationId",
        "sessionId",
        "queueId",
        "userId",
        "mediaType",
        "direction",
        "ani",
        "dnis",
        "usedRouting",
    )
    return {
        "activityDate": iso(activity.since),
        "metric": activity.metric,
        **{name: activity.dimensions[name] for name in shown if name in activity.dimensions},
        "requestedRoutingSkillIds": [
            skill for skill in _several(activity.dimensions.get("requestedRoutingSkillId")) if skill is not None
        ],
    }


def _ids(activities: list[Activity]) -> list[Value]:
    return [activity.dimensions["conversationId"] for activity in activities]


def _several(value: Value | None) -> tuple[str | None, ...]:
    return value if isinstance(value, tuple) else (value,)


def _users_data(
    directory: Directory, queue: Queue, metrics: list[str], busy: set[Value | None], now: int
) -> list[Item]:
    members = [user for user in queue.members if directory.user_by_id[user]["state"] == "active"]
    status = {user: _routing_status(user, busy, now) for user in members}
    statuses: Counter[str | None] = Counter(status.values())
    off_queue = statuses["OFF_QUEUE"]
    on_queue = {value: count for value, count in statuses.items() if value != "OFF_QUEUE"}
    presence = {entity["systemPresence"]: entity["id"] for entity in directory.presences}
    counts: dict[str, dict[str | None, int]] = {
        "oMemberUsers": {None: len(members)},
        "oActiveUsers": {None: len(members)},
        "oUserRoutingStatuses": dict(+statuses),
        "oOnQueueUsers": on_queue,
        "oOffQueueUsers": {presence["AVAILABLE"]: off_queue} if off_queue else {},
        "oUserPresences": {presence["ON_QUEUE"]: sum(on_queue.values()), presence["AVAILABLE"]: off_queue},
    }
    return [
        {"metric": name, **({} if qualifier is None else {"qualifier": qualifier}), "stats": {"count": count}}
        for name in metrics
        for qualifier, count in sorted(counts.get(name, {}).items(), key=str)
    ]


def _routing_status(user: str, busy: set[Value | None], now: int) -> str:
    if user in busy:
        return "INTERACTING"
    return "IDLE" if Random(f"{user} {now // HOUR}").random() < 0.6 else "OFF_QUEUE"


def _presence_mappings(directory: Directory) -> dict[str, list[str]]:
    return {entity["systemPresence"]: [entity["id"]] for entity in directory.presences}


def _named(filter_: Item) -> set[str]:
    names = {predicate.get("dimension", "") for predicate in filter_.get("predicates") or ()}
    for clause in filter_.get("clauses") or ():
        names |= _named(clause)
    return names
