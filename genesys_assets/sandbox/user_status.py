"""/api/v2/analytics/users: presence and routing status of agents, by the details query, by details jobs, as aggregates.

This module shows the spans in `timelines` as the API does. The answer for an interval has every span that touches it,
in full; a span that still lasts has no endTime. A user whose first presence began more than two hours before the
interval is found twice, so a page may hold fewer users than requested, and a user may be on two pages; totalHits counts
both. Source: https://developer.genesys.cloud/analyticsdatamanagement/analytics/detail/user-query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from genesys_assets.sandbox import filters, refusals, validation
from genesys_assets.sandbox.jobs import Job, checked_limit
from genesys_assets.sandbox.organisation import encode
from genesys_assets.sandbox.timelines import Span, Timelines, presence, routing
from genesys_assets.sandbox.times import DAY, iso
from genesys_assets.sandbox.validation import Interval

Item = dict[str, Any]

UNFILTERED_DAYS, FILTERED_DAYS = 7, 31
MOST_USERS = 100
METRICS = ("tAgentRoutingStatus", "tOrganizationPresence", "tSystemPresence")
_FILTERS = {
    "userFilters": filters.Vocabulary("UserDetail", ("userId",)),
    "presenceFilters": filters.Vocabulary("PresenceDetail", ("organizationPresenceId", "systemPresence")),
    "routingStatusFilters": filters.Vocabulary("RoutingStatusDetail", ("routingStatus",)),
}
_JOB = ("interval", *_FILTERS, "order")
_AGGREGATES = (
    "interval", "granularity", "timeZone", "groupBy", "filter", "metrics", "flattenMultivaluedDimensions", "views",
    "alternateTimeDimension",
)  # fmt: skip
_OF_USERS = filters.Vocabulary("UserAggregate", ("userId",))


@dataclass(frozen=True, slots=True)
class UserQuery:
    """The validated interval, filters and order of a query or job."""

    interval: Interval
    filters: dict[str, list[Item]]
    descending: bool

    def passes(self, kind: str, values: Item) -> bool:
        return all(filters.matches(each, values.get) for each in self.filters[kind])


@dataclass(frozen=True, slots=True)
class Row:
    """Spans of one user, in the form of the API."""

    user_id: str
    presences: list[Item]
    statuses: list[Item]


def query(timelines: Timelines, body: Any, now: int) -> Item:
    """The answer of a details query."""
    validation.known_properties(
        body, (*_JOB, "presenceAggregations", "routingStatusAggregations", "paging"), "UserDetailsQuery"
    )
    for name in ("presenceAggregations", "routingStatusAggregations"):
        if body.get(name):
            raise refusals.bad_request(f"The sandbox does not support [{name}].")
    query_ = parse(body)
    most_days = FILTERED_DAYS if any(query_.filters.values()) else UNFILTERED_DAYS
    if query_.interval.end - query_.interval.start > most_days * DAY:
        raise refusals.interval_too_long(most_days)
    size, number = validation.paging(body.get("paging"))
    rows = select(timelines, query_, now)
    items = [_item(row) for row in _once(rows[(number - 1) * size : number * size])]
    return {**({"userDetails": items} if items else {}), "totalHits": len(rows)}


def parse(body: Item) -> UserQuery:
    by_name: dict[str, list[Item]] = {}
    for name, vocabulary in _FILTERS.items():
        filters_ = body.get(name) or []
        if not isinstance(filters_, list):
            raise refusals.of_status(400)
        by_name[name] = [filters.check(each, vocabulary) for each in filters_]
    order = validation.one_of(body.get("order", "asc"), ("asc", "desc", "unordered"), "UserDetailsQueryOrder")
    return UserQuery(validation.interval(body), by_name, order == "desc")


def select(timelines: Timelines, query_: UserQuery, now: int) -> list[Row]:
    """All rows as of `now`, in order of user ids; the second row of a user follows two users later."""
    rows: list[tuple[float, Row]] = []
    if query_.interval.start > now:
        return []
    for place, user_id in enumerate(sorted(timelines.user_ids, reverse=query_.descending)):
        if not query_.passes("userFilters", {"userId": user_id}):
            continue
        presences = [
            item
            for span in _known(timelines, user_id, query_.interval, now, presence)
            if query_.passes("presenceFilters", item := _presence(span, now))
        ]
        statuses = [
            item
            for span in _known(timelines, user_id, query_.interval, now, routing)
            if query_.passes("routingStatusFilters", item := _status(span, now))
        ]
        if presences or statuses:
            rows.append((place, Row(user_id, presences, statuses)))
        if presences and presences[0]["startTime"] < iso(query_.interval.start - DAY // 12):
            rows.append((place + 2.5, Row(user_id, presences[:1], statuses[:1])))
    return [row for _, row in sorted(rows, key=lambda each: each[0])]


class UserJobs:
    """Finds the results of jobs of users: see `jobs`."""

    def __init__(self, timelines: Timelines) -> None:
        self._timelines = timelines

    def parse(self, body: Any) -> UserQuery:
        validation.known_properties(body, (*_JOB, "limit"), "AsyncUserDetailsQuery")
        checked_limit(body)
        return parse(body)

    def select(self, job: Job, seen: int) -> list[Row]:
        return select(self._timelines, job.wanted, seen)[: job.query.get("limit")]

    def shown(self, page: list[Row], seen: int) -> list[bytes]:
        return [encode(_item(row)) for row in _once(page)]


def aggregates(timelines: Timelines, body: Any, now: int) -> Item:
    """The answer of users/aggregates/query: milliseconds by user, bucket and qualifier, as far as they have passed."""
    validation.known_properties(body, _AGGREGATES, "UserAggregationQuery")
    whole = validation.interval(body)
    metrics = validation.names(body.get("metrics"), METRICS, "UserAggregateMetric")
    if not metrics:
        raise refusals.bad_request("At least one metric is required.")
    grouped = validation.names(body.get("groupBy"), ("userId",), "UserAggregateDimension")
    value = body.get("filter")
    filter_ = None if value is None else filters.check(value, _OF_USERS)
    if filter_ is not None and len(filter_.get("predicates") or ()) > MOST_USERS:
        raise refusals.bad_request(f"A query of users takes at most {MOST_USERS} predicates.")
    buckets = validation.buckets(body, whole)
    groups: dict[str | None, list[str]] = {}
    for user_id in timelines.user_ids:
        if filter_ is None or filters.matches(filter_, {"userId": user_id}.get):
            groups.setdefault(user_id if grouped else None, []).append(user_id)
    results = []
    named: dict[str, set[str]] = {}
    for group, user_ids in groups.items():
        data = []
        for bucket in buckets:
            sums = _sums(timelines, user_ids, bucket, now, named)
            metrics_of_bucket = [
                {"metric": metric, "qualifier": qualifier, "stats": {"sum": total}}
                for (metric, qualifier), total in sorted(sums.items())
                if metric in metrics and total
            ]
            if metrics_of_bucket:
                data.append({"interval": str(bucket), "metrics": metrics_of_bucket})
        if data:
            results.append({"group": {} if group is None else {"userId": group}, "data": data})
    mapping = {system: sorted(ids) for system, ids in sorted(named.items())}
    return {"systemToOrganizationMappings": mapping, "results": results}


def _sums(
    timelines: Timelines, user_ids: list[str], bucket: Interval, now: int, named: dict[str, set[str]]
) -> dict[tuple[str, str], int]:
    """The milliseconds in a bucket up to `now`, by metric and qualifier. Adds the organisation presences that occurred
    to `named`, by system presence.
    """
    sums: dict[tuple[str, str], int] = {}

    def add(metric: str, qualifier: str | None, span: Span) -> None:
        passed = min(span.end, bucket.end, now) - max(span.start, bucket.start)
        if qualifier is not None and passed > 0:
            sums[metric, qualifier] = sums.get((metric, qualifier), 0) + passed

    for user_id in user_ids:
        for span in _known(timelines, user_id, bucket, now, presence):
            system, of_organization = span.value
            add("tSystemPresence", system, span)
            add("tOrganizationPresence", of_organization, span)
            if of_organization is not None:
                named.setdefault(system, set()).add(of_organization)
        for span in _known(timelines, user_id, bucket, now, routing):
            add("tAgentRoutingStatus", span.value[0], span)
    return sums


def _known(
    timelines: Timelines, user_id: str, interval: Interval, now: int, of: Callable[..., tuple[str, str | None]]
) -> Iterator[Span]:
    """The spans that touch the interval and have begun by `now`."""
    return (span for span in timelines.spans(user_id, interval.start, interval.end, of) if span.start <= now)


def _presence(span: Span, now: int) -> Item:
    system, of_organization = span.value
    named = {} if of_organization is None else {"organizationPresenceId": of_organization}
    return {**_times(span, now), "systemPresence": system, **named}


def _status(span: Span, now: int) -> Item:
    return {**_times(span, now), "routingStatus": span.value[0]}


def _times(span: Span, now: int) -> Item:
    ended = {"endTime": iso(span.end)} if span.end <= now else {}
    return {"startTime": iso(span.start), **ended}


def _once(rows: list[Row]) -> list[Row]:
    """Each user of a page once: of two rows the one with more spans."""
    by_user: dict[str, Row] = {}
    for row in rows:
        other = by_user.get(row.user_id)
        if other is None or len(other.presences) + len(other.statuses) < len(row.presences) + len(row.statuses):
            by_user[row.user_id] = row
    return list(by_user.values())


def _item(row: Row) -> Item:
    lists = (("primaryPresence", row.presences), ("routingStatus", row.statuses))
    return {"userId": row.user_id, **{name: items for name, items in lists if items}}
