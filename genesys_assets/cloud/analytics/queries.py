"""Queries of analytics, checked before they are sent.

A query that exists is valid: its constructor raises InvalidQuery, which names what is wrong. Whether its interval has
passed depends on the clock, so `require_past(now)` of the query or of its interval is called before the request.
`aggregates`, `details_paging`, `user_details` and `jobs.endpoints` send queries.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

from genesys_assets.cloud.analytics import catalogue
from genesys_assets.cloud.analytics.families import CONVERSATIONS, AggregateFamily
from genesys_assets.cloud.analytics.filters import Clause, Filter, Predicate, Range, any_of
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.errors import InvalidQuery

__all__ = [
    "AggregateQuery",
    "AggregateQuestion",
    "Clause",
    "DetailsJobQuery",
    "DetailsQuery",
    "Filter",
    "Granularity",
    "Interval",
    "Order",
    "Predicate",
    "Range",
    "UserDetailsJobQuery",
    "UserDetailsQuery",
    "View",
    "any_of",
]

Granularity = Literal["PT15M", "PT30M", "PT1H", "P1D"]
Order = Literal["asc", "desc"]

GRANULARITIES: tuple[Granularity, ...] = get_args(Granularity)
MOST_VIEWS = 10
"""Views of one query. Source:
https://developer.genesys.cloud/analyticsdatamanagement/analytics/aggregate/aggregate-views.
"""
LARGEST_PAGE = 100
"""The most conversations or users of one page. If more are requested, the platform answers 400 (not documented)."""
MOST_RESULTS = 100_000
"""The largest page number times page size; the platform refuses later pages. Source: analytics in
https://developer.genesys.cloud/organization/organization/limits.
"""
LONGEST = timedelta(days=7)
"""The longest interval of a details query without filters. Source:
https://developer.genesys.cloud/analyticsdatamanagement/analytics/detail/.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Counts how often a value of the timer `target` lies in [gte, lt) milliseconds. `name` names the figure in the
    answer.
    """

    target: str
    name: str
    gte: int | None = None
    lt: int | None = None
    family: AggregateFamily = CONVERSATIONS

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", self.family.metric(self.target))
        if not self.target.startswith("t"):
            raise InvalidQuery(
                f"The view {self.name!r} is about {self.target}, which is no timer. Use a metric named t…."
            )
        if self.gte is None and self.lt is None:
            raise InvalidQuery(f"The view {self.name!r} has no bound: give it gte, lt or both, in milliseconds.")
        if self.gte is not None and self.lt is not None and self.gte >= self.lt:
            raise InvalidQuery(
                f"The view {self.name!r} counts nothing: no time is {self.gte} ms or more and less than {self.lt} ms. "
                "Swap the bounds."
            )

    def body(self) -> dict[str, Any]:
        bounds = Range(gte=self.gte, lt=self.lt).body()
        return {"target": self.target, "name": self.name, "function": "rangeBound", "range": bounds}


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateQuery:
    """A query for figures of one family, by bucket and group. A metric counts in the bucket in which it was emitted.

    `time_zone` is an IANA name. It places the bounds of P1D buckets, and the interval is written with that zone's
    offset, since the platform heeds the offset too. `batch` are values of the dimension `family.batched_by`.
    """

    interval: Interval
    granularity: Granularity
    group_by: tuple[str, ...] = ()
    metrics: tuple[str, ...] = catalogue.DEFAULT_METRICS
    filter: Filter | None = None
    time_zone: str | None = None
    flatten_multivalued_dimensions: bool = False
    views: tuple[View, ...] = ()
    family: AggregateFamily = CONVERSATIONS
    batch: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "group_by", _resolved(self.group_by, self.family.dimension, "group_by"))
        object.__setattr__(self, "metrics", _resolved(self.metrics, self.family.metric, "metrics"))
        object.__setattr__(self, "views", tuple(self.views))
        if self.batch and self.family.batched_by is None:
            raise InvalidQuery(f"A query of the family {self.family.name} takes no batch. Leave it out.")
        if self.batch and self.filter is not None:
            raise InvalidQuery("A query has either a batch or a filter. Leave one out.")
        if len(self.batch) > self.family.largest_batch:
            raise InvalidQuery(
                f"A batch of {self.family.batched_by} has at most {self.family.largest_batch} values, "
                f"got {len(self.batch)}. Ask for several batches."
            )
        if self.granularity not in GRANULARITIES:
            raise InvalidQuery(f"{self.granularity!r} is not a granularity. Allowed are {', '.join(GRANULARITIES)}.")
        if not self.metrics:
            raise InvalidQuery("An aggregate query needs at least one metric.")
        if len(self.views) > MOST_VIEWS:
            raise InvalidQuery(f"An aggregate query takes at most {MOST_VIEWS} views, got {len(self.views)}.")
        self.body()

    def body(self) -> dict[str, Any]:
        """The query as JSON, as the platform reads it."""
        body: dict[str, Any] = {
            "interval": self.interval.text(time_zone_of(self.time_zone)),
            "granularity": self.granularity,
            "metrics": list(self.metrics),
        }
        optional: dict[str, Any] = {
            "groupBy": list(self.group_by),
            "timeZone": self.time_zone,
            "filter": self._filter(),
            "flattenMultivaluedDimensions": self.flatten_multivalued_dimensions,
            "views": [view.body() for view in self.views],
            "alternateTimeDimension": self.family.time_dimension,
        }
        return body | {name: value for name, value in optional.items() if value}

    def _filter(self) -> dict[str, Any] | None:
        filter_ = Filter(clauses=(any_of(str(self.family.batched_by), self.batch),)) if self.batch else self.filter
        return None if filter_ is None else filter_.body(self.family.dimension, self.family.metric)

    def require_past(self, now: datetime) -> Self:
        """The query itself. Raises InvalidQuery if its interval reaches into the future."""
        self.interval.require_past(now)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateQuestion:
    """An aggregates query without its interval: grouping, metrics, filter, views and family."""

    group_by: tuple[str, ...]
    metrics: tuple[str, ...] = catalogue.DEFAULT_METRICS
    filter: Filter | None = None
    flatten_multivalued_dimensions: bool = False
    views: tuple[View, ...] = ()
    family: AggregateFamily = CONVERSATIONS

    def over(
        self,
        interval: Interval,
        granularity: Granularity,
        time_zone: str | None = None,
        batch: tuple[str, ...] = (),
    ) -> AggregateQuery:
        """The query for one interval, and for a batch if the family needs one. Raises InvalidQuery."""
        return AggregateQuery(
            interval=interval,
            granularity=granularity,
            group_by=self.group_by,
            metrics=self.metrics,
            filter=self.filter,
            time_zone=time_zone,
            flatten_multivalued_dimensions=self.flatten_multivalued_dimensions,
            views=self.views,
            family=self.family,
            batch=batch,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailsQuery:
    """One page of the conversations that started on any UTC day that the interval touches, in the order of
    conversationStart. Source: https://developer.genesys.cloud/analyticsdatamanagement/analytics/detail/.
    """

    interval: Interval
    page_number: int = 1
    page_size: int = LARGEST_PAGE
    order: Order = "asc"

    def __post_init__(self) -> None:
        if self.order not in get_args(Order):
            raise InvalidQuery(f"{self.order!r} is not an order. Allowed are {', '.join(get_args(Order))}.")
        if not 1 <= self.page_size <= LARGEST_PAGE:
            raise InvalidQuery(f"A page of details holds 1 to {LARGEST_PAGE} conversations, got {self.page_size}.")
        if self.page_number < 1:
            raise InvalidQuery(f"Pages are numbered from 1, got {self.page_number}.")
        if self.page_number * self.page_size > MOST_RESULTS:
            raise InvalidQuery(
                f"Page {self.page_number} of {self.page_size} lies beyond the first {MOST_RESULTS:,} results:"
                " ask for a shorter interval."
            )
        if self.interval.duration > LONGEST:
            raise InvalidQuery(f"The interval {self.interval} is longer than {LONGEST.days} days: ask for its parts.")

    def body(self) -> dict[str, Any]:
        """The query as JSON, as the platform reads it."""
        return {
            "interval": str(self.interval),
            "order": self.order,
            "orderBy": "conversationStart",
            "paging": {"pageSize": self.page_size, "pageNumber": self.page_number},
        }

    def require_past(self, now: datetime) -> Self:
        """The query itself. Raises InvalidQuery if its interval reaches into the future."""
        self.interval.require_past(now)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailsJobQuery:
    """Conversations by a bulk job, ascending by conversationStart.

    With `start_of_day_interval_matching`, those that started on any UTC day that the interval touches, like the details
    query. If the interval is not made of whole UTC days, this is uncertain: the SDK calls it a filter in addition to
    the overlap. Without it, all whose lifetime overlaps the interval, however long ago they started. Source:
    https://developer.genesys.cloud/api/rest/v2/analytics/conversation_details_job.
    """

    interval: Interval
    start_of_day_interval_matching: bool

    def body(self) -> dict[str, Any]:
        """The query as JSON, as the platform reads it."""
        return {
            "interval": str(self.interval),
            "order": "asc",
            "orderBy": "conversationStart",
            "startOfDayIntervalMatching": self.start_of_day_interval_matching,
        }

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits that are the same for the same question, on any machine and at any time."""
        return _digest(self.body())

    def require_past(self, now: datetime) -> Self:
        """The query itself. Raises InvalidQuery if its interval reaches into the future."""
        self.interval.require_past(now)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDetailsQuery:
    """One page of users, each with the spans of presence and routing status that touch the interval. Source:
    https://developer.genesys.cloud/analyticsdatamanagement/analytics/detail/user-query.
    """

    interval: Interval
    page_number: int = 1
    page_size: int = LARGEST_PAGE

    def __post_init__(self) -> None:
        if not 1 <= self.page_size <= LARGEST_PAGE:
            raise InvalidQuery(f"A page holds 1 to {LARGEST_PAGE} users, got {self.page_size}.")
        if self.page_number < 1:
            raise InvalidQuery(f"Pages are numbered from 1, got {self.page_number}.")
        if self.interval.duration > LONGEST:
            raise InvalidQuery(f"The interval {self.interval} is longer than {LONGEST.days} days: ask for its parts.")

    def body(self) -> dict[str, Any]:
        """The query as JSON, as the platform reads it."""
        paging = {"pageSize": self.page_size, "pageNumber": self.page_number}
        return {"interval": str(self.interval), "order": "asc", "paging": paging}


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDetailsJobQuery:
    """The same as `UserDetailsQuery`, by a bulk job."""

    interval: Interval

    def body(self) -> dict[str, Any]:
        """The query as JSON, as the platform reads it."""
        return {"interval": str(self.interval), "order": "asc"}

    @property
    def fingerprint(self) -> str:
        """As `DetailsJobQuery.fingerprint`. No query of one kind has the fingerprint of one of the other kind."""
        return _digest({"users": self.body()})

    def require_past(self, now: datetime) -> Self:
        """The query itself. Raises InvalidQuery if its interval reaches into the future."""
        self.interval.require_past(now)
        return self


def _digest(question: dict[str, Any]) -> str:
    canonical = json.dumps(question, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _resolved(names: tuple[str, ...], resolve: Any, field: str) -> tuple[str, ...]:
    if isinstance(names, str):
        raise InvalidQuery(f"{field} takes several names: write ({names!r},).")
    return tuple(dict.fromkeys(resolve(name) for name in names))


def time_zone_of(name: str | None) -> tzinfo:
    if name is None or name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidQuery(f"{name!r} is not a time zone. Use an IANA name, for example Europe/London.") from None
