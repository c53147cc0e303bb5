"""Queries are checked before they are sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from genesys_assets.cloud.analytics.filters import Clause, Filter, Predicate, Range, any_of
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.analytics.queries import AggregateQuery, DetailsQuery, View
from genesys_assets.cloud.errors import InvalidQuery

DAY = Interval.parse("2026-01-31T00:00:00Z/2026-02-01T00:00:00Z")


def aggregate(**changes: Any) -> AggregateQuery:
    return AggregateQuery(**{"interval": DAY, "granularity": "PT15M", "metrics": ("tHandle",), **changes})


def test_an_aggregate_query_is_written_as_the_platform_reads_it() -> None:
    query = aggregate(
        group_by=("queue", "mediaType"),
        metrics=("handleTime", "nOffered", "tHandle"),
        filter=Filter((any_of("queue.id", ["q1", "q2"]),), (Predicate("userId", operator="exists"),)),
        flatten_multivalued_dimensions=True,
        views=(View(target="talkTime", name="short", lt=10_000),),
    )
    assert query.body() == {
        "interval": "2026-01-31T00:00:00.000Z/2026-02-01T00:00:00.000Z",
        "granularity": "PT15M",
        "groupBy": ["queueId", "mediaType"],
        "metrics": ["tHandle", "nOffered"],
        "filter": {
            "type": "and",
            "clauses": [
                {
                    "type": "or",
                    "predicates": [
                        {"type": "dimension", "dimension": "queueId", "operator": "matches", "value": "q1"},
                        {"type": "dimension", "dimension": "queueId", "operator": "matches", "value": "q2"},
                    ],
                }
            ],
            "predicates": [{"type": "dimension", "dimension": "userId", "operator": "exists"}],
        },
        "flattenMultivaluedDimensions": True,
        "views": [{"target": "tTalkComplete", "name": "short", "function": "rangeBound", "range": {"lt": 10_000}}],
    }


def test_unset_fields_are_not_written() -> None:
    assert set(aggregate().body()) == {"interval", "granularity", "metrics"}


def test_with_a_time_zone_the_interval_bears_its_offset_on_both_sides_of_a_clock_change() -> None:
    spring = Interval.parse("2026-03-29T00:00:00+00:00/2026-03-30T00:00:00+01:00")
    body = aggregate(interval=spring, granularity="P1D", time_zone="Europe/London").body()
    assert body["timeZone"] == "Europe/London"
    assert body["interval"] == "2026-03-29T00:00:00.000Z/2026-03-30T00:00:00.000+01:00"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"granularity": "PT5M"}, "'PT5M' is not a granularity. Allowed are PT15M, PT30M, PT1H, P1D"),
        ({"metrics": ()}, "at least one metric"),
        ({"metrics": ("tHandel",)}, "Closest: tHandle"),
        ({"metrics": "tHandle"}, "takes several names"),
        ({"group_by": ("quueId",)}, "Closest: queueId"),
        ({"group_by": ("user.name",)}, "group by userId"),
        ({"filter": Filter(predicates=(Predicate("quueId", "x"),))}, "Closest: queueId"),
        ({"time_zone": "Europe/Londn"}, "'Europe/Londn' is not a time zone"),
        ({"time_zone": "../../etc/passwd"}, "is not a time zone"),
        ({"views": [View(target="tTalk", name=str(n), gte=1) for n in range(11)]}, "at most 10 views, got 11"),
    ],
)
def test_a_wrong_aggregate_query_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidQuery, match=message):
        aggregate(**changes)


def test_views_are_about_timers_and_have_bounds() -> None:
    with pytest.raises(InvalidQuery, match="nOffered, which is no timer"):
        View(target="nOffered", name="x", gte=1)
    with pytest.raises(InvalidQuery, match="no bound"):
        View(target="tTalk", name="x")


def test_a_query_reaching_into_the_future_is_refused() -> None:
    before_the_end = datetime(2026, 1, 31, 23, tzinfo=UTC)
    for query in (aggregate(), DetailsQuery(interval=DAY)):
        assert query.require_past(DAY.end) is query
        with pytest.raises(InvalidQuery, match="ends in the future"):
            query.require_past(before_the_end)


def test_a_details_query_is_written_as_the_platform_reads_it() -> None:
    body = DetailsQuery(interval=DAY, page_number=2, page_size=50, order="desc").body()
    assert body["interval"] == str(DAY)
    assert body["paging"] == {"pageSize": 50, "pageNumber": 2}
    assert (body["order"], body["orderBy"]) == ("desc", "conversationStart")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"page_size": 101}, "1 to 100 conversations, got 101"),
        ({"page_size": 0}, "1 to 100"),
        ({"page_number": 0}, "numbered from 1"),
        ({"page_number": 1001}, "beyond the first 100,000 results"),
        ({"order": "unordered"}, "Allowed are asc, desc"),
        (
            {"interval": Interval(DAY.start, DAY.start + timedelta(days=7, milliseconds=1))},
            "longer than 7 days",
        ),
    ],
)
def test_a_wrong_details_query_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidQuery, match=message):
        DetailsQuery(**{"interval": DAY, **changes})


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Predicate(), "name one of the two"),
        (lambda: Predicate("queueId", "x", metric="tTalk"), "name one of the two"),
        (lambda: Predicate("queueId"), "compares with nothing"),
        (lambda: Predicate("queueId", range=Range()), "compares with nothing"),
        (lambda: Predicate("queueId", "x", operator="exists"), "takes no value"),
        (lambda: Predicate("queueId", "x", operator="is"), "'is' is not an operator"),  # type: ignore[arg-type]
        (lambda: Clause(()), "at least one predicate"),
        (lambda: any_of("queueId", []), "at least one predicate"),
        (lambda: Filter(), "at least one clause or predicate"),
        (lambda: Filter((any_of("queueId", ["x"]),), type="not"), "Allowed are and, or"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_filter_is_refused(build: Any, message: str) -> None:
    with pytest.raises(InvalidQuery, match=message):
        build()
