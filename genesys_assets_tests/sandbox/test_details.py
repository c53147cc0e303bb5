"""Details: selection by day, order, paging, filters, limits."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from genesys_assets.sandbox.times import millis
from genesys_assets_tests.sandbox.conftest import DAY, LATER, NOON, Client

DAY_INTERVAL = "2026-01-28T00:00:00.000Z/2026-01-29T00:00:00.000Z"
Item = dict[str, Any]


def all_pages(client: Client, **body: Any) -> list[Item]:
    found: list[Item] = []
    number = 1
    while (
        conversations := client.details(**body, paging={"pageSize": 100, "pageNumber": number})
        .json()
        .get("conversations")
    ):
        found += conversations
        number += 1
    return found


def predicate(dimension: str, **more: Any) -> list[Item]:
    return [{"type": "and", "predicates": [{"dimension": dimension, **more}]}]


def test_an_hour_is_answered_with_its_whole_day(afterwards: Client) -> None:
    hour = all_pages(afterwards, interval="2026-01-28T10:00:00.000Z/2026-01-28T11:00:00.000Z")
    assert len(hour) == 400
    assert hour == afterwards.sandbox.organisation.conversations(DAY)


def test_an_interval_over_midnight_touches_two_days(afterwards: Client) -> None:
    interval = "2026-01-28T23:59:59.999Z/2026-01-29T00:00:00.001Z"
    assert afterwards.details(interval=interval).json()["totalHits"] == 800


def test_an_interval_that_ends_at_midnight_does_not_touch_the_next_day(afterwards: Client) -> None:
    assert afterwards.details(interval=DAY_INTERVAL).json()["totalHits"] == 400


def test_pages_follow_each_other_in_order_of_start_without_gaps(afterwards: Client) -> None:
    ascending = all_pages(afterwards, interval=DAY_INTERVAL, order="asc", orderBy="conversationStart")
    descending = all_pages(afterwards, interval=DAY_INTERVAL, order="desc")
    starts = [conversation["conversationStart"] for conversation in ascending]
    assert starts == sorted(starts)
    assert descending == ascending[::-1]


def test_past_the_last_page_there_is_no_conversations_key(afterwards: Client) -> None:
    page = afterwards.details(interval=DAY_INTERVAL, paging={"pageSize": 100, "pageNumber": 5}).json()
    assert page == {"totalHits": 400}


def test_a_page_has_25_unless_asked_otherwise(afterwards: Client) -> None:
    assert len(afterwards.details(interval=DAY_INTERVAL).json()["conversations"]) == 25


def test_now_is_what_had_happened_by_then(at_noon: Client) -> None:
    organisation = at_noon.sandbox.organisation
    shown = [organisation.as_of(conversation, NOON) for conversation in organisation.conversations(DAY)]
    expected = [conversation for conversation in shown if conversation is not None]
    assert all_pages(at_noon, interval=DAY_INTERVAL) == expected
    assert any("conversationEnd" not in conversation for conversation in expected)


def test_the_future_is_empty(at_noon: Client) -> None:
    interval = "2026-02-01T00:00:00.000Z/2026-02-02T00:00:00.000Z"
    assert at_noon.details(interval=interval).json() == {"totalHits": 0}


def test_an_answer_can_lack_its_conversations_once(afterwards: Client) -> None:
    afterwards.sandbox.behaviour.answers_without_conversations = 1
    assert afterwards.details(interval=DAY_INTERVAL).json() == {"totalHits": 400}
    assert "conversations" in afterwards.details(interval=DAY_INTERVAL).json()


def test_the_total_can_be_too_high_where_there_is_anything(at_noon: Client) -> None:
    total = at_noon.details(interval=DAY_INTERVAL).json()["totalHits"]
    at_noon.sandbox.behaviour.total_hits_too_many = 3
    assert at_noon.details(interval=DAY_INTERVAL).json()["totalHits"] == total + 3
    future = "2026-02-01T00:00:00.000Z/2026-02-02T00:00:00.000Z"
    assert at_noon.details(interval=future).json() == {"totalHits": 0}


def test_filters_choose_by_the_conversation(at_noon: Client) -> None:
    everything = all_pages(at_noon, interval=DAY_INTERVAL)
    open_ = all_pages(
        at_noon,
        interval=DAY_INTERVAL,
        conversationFilters=predicate("conversationEnd", operator="notExists"),
    )
    assert open_ == [conversation for conversation in everything if "conversationEnd" not in conversation]
    assert open_
    outbound = all_pages(
        at_noon,
        interval=DAY_INTERVAL,
        conversationFilters=predicate("originatingDirection", value="outbound"),
    )
    assert outbound == [
        conversation for conversation in everything if conversation["originatingDirection"] == "outbound"
    ]
    one = everything[7]["conversationId"]
    by_id = predicate("conversationId", value=one)
    assert all_pages(at_noon, interval=DAY_INTERVAL, conversationFilters=by_id) == [everything[7]]


def test_filters_choose_by_duration(afterwards: Client) -> None:
    def duration(conversation: Item) -> int:
        return millis(conversation["conversationEnd"]) - millis(conversation["conversationStart"])

    lasting = [
        {
            "type": "and",
            "predicates": [
                {"type": "metric", "metric": "tConversationDuration", "range": {"gte": 600_000}},
            ],
        }
    ]
    found = all_pages(afterwards, interval=DAY_INTERVAL, conversationFilters=lasting)
    complete = [item for item in all_pages(afterwards, interval=DAY_INTERVAL) if "conversationEnd" in item]
    assert found == [conversation for conversation in complete if duration(conversation) >= 600_000]
    assert 0 < len(found) < len(complete)


@pytest.mark.parametrize("dimension", ["mediaType", "queueId", "userId", "wrapUpCode", "purpose"])
def test_filters_choose_by_segment(afterwards: Client, dimension: str) -> None:
    everything = all_pages(afterwards, interval=DAY_INTERVAL)

    def values(conversation: Item) -> set[str]:
        return {
            {**participant, **session, **step}[dimension]
            for participant in conversation["participants"]
            for session in participant["sessions"]
            for step in session["segments"]
            if dimension in {**participant, **session, **step}
        }

    wanted = sorted(set().union(*(values(conversation) for conversation in everything)))[0]
    found = all_pages(afterwards, interval=DAY_INTERVAL, segmentFilters=predicate(dimension, value=wanted))
    assert found == [conversation for conversation in everything if wanted in values(conversation)]
    assert 0 < len(found) < len(everything)


def test_a_week_is_the_most_without_a_filter_and_31_days_with_one(afterwards: Client) -> None:
    def answer(days: int, **more: Any) -> Any:
        end = datetime(2026, 1, 29) + timedelta(days=0)
        start = end - timedelta(days=days)
        return afterwards.details(interval=f"{start.isoformat()}Z/{end.isoformat()}Z", **more).json()

    start = "You must specify a search interval as part of your query that does not exceed"
    assert answer(7)["totalHits"] == 7 * 400
    assert answer(8)["message"] == f"{start} 7 days"
    filters = predicate("originatingDirection", value="outbound")
    assert answer(31, conversationFilters=filters)["totalHits"] > 0
    assert answer(32, conversationFilters=filters)["message"] == f"{start} 31 days"


def test_results_beyond_100000_are_refused_in_the_platforms_words(afterwards: Client) -> None:
    last = afterwards.details(interval=DAY_INTERVAL, paging={"pageSize": 100, "pageNumber": 1000})
    assert last.status_code == 200
    refused = afterwards.details(interval=DAY_INTERVAL, paging={"pageSize": 100, "pageNumber": 1001})
    assert refused.status_code == 400
    assert refused.json()["message"].startswith(
        "Pagination may not exceed 100000 results.\n\nTip: When extracting large chunks of data"
    )


@pytest.mark.parametrize(
    "more",
    [
        {"paging": {"pageSize": 101, "pageNumber": 1}},
        {"paging": {"pageSize": 0, "pageNumber": 1}},
        {"paging": {"pageSize": 100, "pageNumber": 0}},
        {"paging": {"pageSize": "100", "pageNumber": 1}},
        {"paging": {"cursor": "x"}},
        {"order": "ascending"},
        {"orderBy": "conversationId"},
        {"conversationFilters": predicate("queueId", value="x")},
        {"segmentFilters": predicate("conversationEnd", operator="exists")},
        {"conversationFilters": {"type": "and"}},
        {"metrics": ["tHandle"]},
    ],
)
def test_a_query_that_the_platform_would_refuse_is_refused(afterwards: Client, more: Item) -> None:
    answer = afterwards.details(interval=DAY_INTERVAL, **more)
    assert answer.status_code == 400
    assert set(answer.json()) >= {"message", "code", "status", "contextId"}


def test_every_listed_id_leads_to_its_conversation(at_noon: Client) -> None:
    page = at_noon.details(interval=DAY_INTERVAL, paging={"pageSize": 100, "pageNumber": 1}).json()
    listed = page["conversations"][:5]
    assert len(listed) == 5
    for conversation in listed:
        path = f"/api/v2/analytics/conversations/{conversation['conversationId']}/details"
        assert at_noon.get(path).json() == conversation


def test_an_id_without_a_conversation_is_not_found(at_noon: Client) -> None:
    not_begun = at_noon.sandbox.organisation.arrivals(date(2026, 1, 28))[-1].id
    for id_ in (not_begun, "nonsense"):
        assert at_noon.get(f"/api/v2/analytics/conversations/{id_}/details").status_code == 404


def test_an_open_conversation_stays_open(afterwards: Client) -> None:
    open_ = predicate("conversationEnd", operator="notExists")
    found = all_pages(
        afterwards,
        interval="2026-01-22T00:00:00Z/2026-01-29T00:00:00Z",
        conversationFilters=open_,
    )
    assert found
    assert all(conversation["conversationStart"] < LATER.isoformat() for conversation in found)
