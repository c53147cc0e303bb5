"""Aggregates equal counting the conversations by hand, and are as strict as the real API."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from genesys_assets.sandbox import aggregates, facts
from genesys_assets.sandbox.times import iso, millis
from genesys_assets_tests.sandbox.conftest import LATER, NOON, Client

DAY = "2026-01-28T00:00:00.000Z/2026-01-29T00:00:00.000Z"
Item = dict[str, Any]


def by_hand(client: Client, now: datetime, start: str, end: str) -> list[tuple[Item, Item, Item, Item]]:
    """Conversation, participant, session and metric of every metric emitted in [start, end)."""
    first = date.fromisoformat(start[:10]) - timedelta(days=5)
    return [
        (conversation, participant, session, item)
        for number in range(7)
        for complete in client.sandbox.organisation.conversations(first + timedelta(days=number))
        if (conversation := client.sandbox.organisation.as_of(complete, now)) is not None
        for participant in conversation["participants"]
        for session in participant["sessions"]
        for item in session.get("metrics", ())
        if start <= item["emitDate"] < end
    ]


def flat(answer: Item) -> dict[tuple[tuple[tuple[str, str], ...], str, str], Item]:
    """(group, interval, metric) -> stats."""
    return {
        (tuple(sorted(result["group"].items())), data["interval"], metric["metric"]): metric["stats"]
        for result in answer["results"]
        for data in result["data"]
        for metric in data["metrics"]
    }


def queue_of(session: Item) -> str | None:
    queues = [step["queueId"] for step in session["segments"] if "queueId" in step]
    return queues[-1] if queues else None


@pytest.mark.parametrize("now", [NOON, LATER])
def test_figures_are_those_counted_by_hand_when_they_were_emitted(
    at_noon: Client, afterwards: Client, now: datetime
) -> None:
    client = at_noon if now == NOON else afterwards
    metrics = ["nOffered", "nConnected", "tHandle", "tAnswered", "tWait", "tAcw", "oMessageTurn"]
    answer = client.aggregates(
        interval=DAY, granularity="PT15M", groupBy=["queueId", "mediaType"], metrics=metrics
    ).json()
    expected: dict[Any, list[int]] = {}
    for _, _, session, item in by_hand(client, now, *DAY.split("/")):
        # Each way out of a queue ends a wait, which no session shows.
        waited = ["tWait"] if item["name"] in ("tAnswered", "tAbandon", "tFlowOut") else []
        for name in [item["name"], *waited] if item["name"] in metrics else waited:
            start = millis(item["emitDate"]) // 900_000 * 900_000
            group = {"mediaType": session["mediaType"]}
            if queue := queue_of(session):
                group["queueId"] = queue
            key = (tuple(sorted(group.items())), f"{iso(start)}/{iso(start + 900_000)}", name)
            expected.setdefault(key, []).append(item["value"])
    assert flat(answer) == {
        key: {"count": sum(values)}
        if key[2].startswith("n")
        else {"count": len(values), "sum": sum(values), "min": min(values), "max": max(values)}
        for key, values in expected.items()
    }
    assert len(expected) > 100


def test_what_began_days_before_counts_when_it_is_emitted(afterwards: Client) -> None:
    emitted = by_hand(afterwards, LATER, *DAY.split("/"))
    earlier = [item for conversation, _, _, item in emitted if conversation["conversationStart"] < DAY]
    assert earlier
    stats = flat(afterwards.aggregates(interval=DAY, metrics=["tHandle"]).json())
    count = sum(item["name"] == "tHandle" for _, _, _, item in emitted)
    assert stats[(), DAY, "tHandle"]["count"] == count


def test_an_instant_belongs_to_the_interval_that_it_starts_not_to_the_one_that_it_ends(
    afterwards: Client,
) -> None:
    _, _, _, item = next(row for row in by_hand(afterwards, LATER, *DAY.split("/")) if row[3]["name"] == "tIvr")
    instant = millis(item["emitDate"])
    starts = f"{iso(instant)}/{iso(instant + 1)}"
    ends = f"{iso(instant - 1)}/{iso(instant)}"
    assert flat(afterwards.aggregates(interval=starts, metrics=["tIvr"]).json())[(), starts, "tIvr"]["count"] == 1
    assert flat(afterwards.aggregates(interval=ends, metrics=["tIvr"]).json()) == {}


def test_a_session_counts_for_the_queue_that_its_segments_name_last() -> None:
    steps = [{"queueId": "first"}, {"queueId": "second"}, {"segmentType": "wrapup"}]
    found = facts.of_session({"purpose": "agent"}, {"sessionId": "s", "segments": steps})
    assert found == {"purpose": "agent", "sessionId": "s", "queueId": "second"}


def test_buckets_add_up_to_the_whole(afterwards: Client) -> None:
    whole = flat(afterwards.aggregates(interval=DAY, metrics=["tHandle", "nOffered"]).json())
    parts = flat(afterwards.aggregates(interval=DAY, granularity="PT1H", metrics=["tHandle", "nOffered"]).json())
    for name in ("tHandle", "nOffered"):
        added = sum(stats["count"] for (_, _, metric), stats in parts.items() if metric == name)
        assert added == whole[(), DAY, name]["count"]


def test_the_service_level_follows_from_the_counts_beside_it(afterwards: Client) -> None:
    metrics = ["oServiceLevel", "oServiceTarget", "tAnswered", "nOverSla", "tAbandon", "tShortAbandon"]
    answer = afterwards.aggregates(interval=DAY, groupBy=["queueId", "mediaType"], metrics=metrics).json()
    checked = 0
    for result in answer["results"]:
        stats = {metric["metric"]: metric["stats"] for metric in result["data"][0]["metrics"]}
        if "oServiceLevel" not in stats:
            continue
        count = Counter({name: stats[name]["count"] for name in metrics[2:] if name in stats})
        level = stats["oServiceLevel"]
        assert level["numerator"] == count["tAnswered"] - count["nOverSla"]
        assert level["denominator"] == count["tAnswered"] + count["tAbandon"] - count["tShortAbandon"]
        assert level["ratio"] == pytest.approx(level["numerator"] / level["denominator"])
        queue = afterwards.sandbox.organisation.directory.queue_by_id[result["group"]["queueId"]]
        assert level["target"] == queue.service_level(result["group"]["mediaType"])[0]
        assert stats["oServiceTarget"] == {"current": level["target"]}
        checked += 1
    assert checked > 10


def test_queues_metrics_have_no_user(afterwards: Client) -> None:
    metrics = ["nOffered", "tWait", "tAbandon", "nOverSla", "oServiceLevel", "tHandle", "tAnswered"]
    answer = flat(afterwards.aggregates(interval=DAY, groupBy=["userId"], metrics=metrics).json())
    assert {metric for _, _, metric in answer} == {"tHandle", "tAnswered"}
    user = next(dict(group)["userId"] for group, _, _ in answer)
    filter_ = {"type": "and", "predicates": [{"dimension": "userId", "value": user}]}
    filtered = flat(afterwards.aggregates(interval=DAY, filter=filter_, metrics=metrics).json())
    assert {metric for _, _, metric in filtered} <= {"tHandle", "tAnswered"}


def test_nothing_is_no_row(afterwards: Client) -> None:
    future = "2026-03-01T00:00:00.000Z/2026-03-02T00:00:00.000Z"
    assert afterwards.aggregates(interval=future, metrics=["tHandle"]).json() == {"results": []}
    answer = flat(afterwards.aggregates(interval=DAY, granularity="PT15M", groupBy=["userId"], metrics=["tAcw"]).json())
    assert all(stats["count"] > 0 for stats in answer.values())


def test_a_dimension_without_a_value_is_absent_from_its_group(afterwards: Client) -> None:
    answer = afterwards.aggregates(interval=DAY, groupBy=["queueId"], metrics=["nConnected"]).json()
    assert {} in [result["group"] for result in answer["results"]]
    nowhere = afterwards.aggregates(interval=DAY, groupBy=["teamId"], metrics=["nConnected"]).json()
    assert [result["group"] for result in nowhere["results"]] == [{}]


def test_a_value_of_several_counts_in_each_group_unless_flattened(afterwards: Client) -> None:
    query = {"interval": DAY, "groupBy": ["requestedRoutingSkillId"], "metrics": ["nOffered"]}
    split = flat(afterwards.aggregates(**query).json())
    joined = flat(afterwards.aggregates(**query, flattenMultivaluedDimensions=True).json())
    total = flat(afterwards.aggregates(interval=DAY, metrics=["nOffered"]).json())[(), DAY, "nOffered"]["count"]
    assert sum(stats["count"] for stats in joined.values()) == total
    assert sum(stats["count"] for stats in split.values()) > total
    assert any("," in value for group, _, _ in joined for _, value in group)
    assert not any("," in value for group, _, _ in split for _, value in group)


def test_conversations_are_counted_once_however_many_metrics_they_emit(afterwards: Client) -> None:
    emitted = by_hand(afterwards, LATER, *DAY.split("/"))
    distinct = len({conversation["conversationId"] for conversation, _, _, _ in emitted})
    answer = flat(afterwards.aggregates(interval=DAY, metrics=["nConversations"]).json())
    assert answer[(), DAY, "nConversations"] == {"count": distinct}


def test_filters_choose_by_value_and_by_presence(afterwards: Client) -> None:
    def count(**filter_: Any) -> int:
        body = {"type": "and", **filter_}
        answer = flat(afterwards.aggregates(interval=DAY, filter=body, metrics=["nConnected"]).json())
        return int(answer[(), DAY, "nConnected"]["count"]) if answer else 0

    voice = {"dimension": "mediaType", "value": "voice"}
    chat = {"type": "dimension", "dimension": "mediaType", "operator": "matches", "value": "chat"}
    queued = {"dimension": "queueId", "operator": "exists"}
    either = {"type": "or", "predicates": [voice, chat]}
    total = flat(afterwards.aggregates(interval=DAY, metrics=["nConnected"]).json())[(), DAY, "nConnected"]
    assert count(predicates=[voice]) + count(predicates=[chat]) == count(clauses=[either])
    assert count(predicates=[voice, chat]) == 0
    assert 0 < count(clauses=[either], predicates=[queued]) < count(clauses=[either])
    unqueued = {"dimension": "queueId", "operator": "notExists"}
    assert count(predicates=[queued]) + count(predicates=[unqueued]) == total["count"]


def test_a_view_counts_what_lies_in_its_range(afterwards: Client) -> None:
    view = {
        "target": "tHandle",
        "name": "short",
        "function": "rangeBound",
        "range": {"gte": 0, "lt": 120_000},
    }
    answer = afterwards.aggregates(interval=DAY, metrics=["tHandle"], views=[view]).json()
    told = answer["results"][0]["data"][0]["views"]
    values = [
        item["value"]
        for _, _, _, item in by_hand(afterwards, LATER, *DAY.split("/"))
        if item["name"] == "tHandle" and item["value"] < 120_000
    ]
    assert [view["name"] for view in told] == ["short"]
    assert (told[0]["stats"]["count"], told[0]["stats"]["sum"]) == (len(values), sum(values))


def test_the_longest_come_first_when_asked_for_the_top(afterwards: Client) -> None:
    answer = afterwards.aggregates(
        interval=DAY,
        groupBy=["userId"],
        metrics=["tHandle", "tAcw"],
        queryType="topN",
        limit=3,
        sortMetric={"name": "tHandle", "function": "sum"},
    ).json()
    sums = [result["data"][0]["metrics"][0]["stats"]["sum"] for result in answer["results"]]
    assert len(sums) == 3
    assert sums == sorted(sums, reverse=True)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-03-30", 24), ("2025-10-26", 25)])
def test_a_day_of_a_time_zone_has_its_own_length(day: str, hours: int) -> None:
    winter = {"2026-03-29": "+01:00", "2026-03-30": "+02:00", "2025-10-26": "+02:00"}[day]
    start = datetime.fromisoformat(f"{day}T00:00:00{winter}")
    interval = f"{start.isoformat()}/{(start + timedelta(hours=hours + 24)).isoformat()}"
    query = aggregates.parse(
        {"interval": interval, "granularity": "P1D", "timeZone": "Europe/Berlin", "metrics": ["tHandle"]}
    )
    first, second = query.buckets
    assert first.end - first.start == hours * 3_600_000
    assert second.start == first.end
    assert second.end == query.interval.end


def test_a_last_bucket_ends_with_the_interval() -> None:
    query = aggregates.parse(
        {
            "interval": "2026-01-28T10:00:00+01:00/2026-01-28T10:50:00Z",
            "granularity": "PT30M",
            "metrics": ["tHandle"],
        }
    )
    edges = [(bucket.start, bucket.end) for bucket in query.buckets]
    assert len(edges) == 4
    assert all(end == start for (_, end), (start, _) in pairwise(edges))
    assert edges[-1][1] - edges[-1][0] == 20 * 60_000


REFUSED: dict[str, tuple[Item, str, str]] = {
    "no interval": ({"metrics": ["tHandle"]}, "bad.request", "interval"),
    "half an interval": ({"interval": "2026-01-28T00:00:00Z", "metrics": ["tHandle"]}, "invalid.date", "ISO"),
    "no date": ({"interval": "a/b", "metrics": ["tHandle"]}, "invalid.date", "ISO-8601"),
    "backwards": (
        {"interval": "/".join(reversed(DAY.split("/"))), "metrics": ["tHandle"]},
        "bad.request",
        "before",
    ),
    "no metrics": ({"interval": DAY}, "bad.request", "metric"),
    "unknown metric": (
        {"interval": DAY, "metrics": ["handleTime"]},
        "invalid.value",
        "Value [handleTime] is not valid for field type [ConversationAggregateMetric]. Allowable values are:",
    ),
    "unknown dimension": (
        {"interval": DAY, "metrics": ["tHandle"], "groupBy": ["date"]},
        "invalid.value",
        "Value [date] is not valid for field type [ConversationAggregateDimension]",
    ),
    "empty filter type": (
        {"interval": DAY, "metrics": ["tHandle"], "filter": {"type": ""}},
        "invalid.value",
        "Value [] is not valid for field type [QueryFilterType]. Allowable values are: and, or",
    ),
    "a filter of three levels": (
        {
            "interval": DAY,
            "metrics": ["tHandle"],
            "filter": {"type": "and", "clauses": [{"type": "or", "clauses": []}]},
        },
        "invalid.property",
        "clauses",
    ),
    "a predicate without a value": (
        {
            "interval": DAY,
            "metrics": ["tHandle"],
            "filter": {"type": "and", "predicates": [{"dimension": "queueId"}]},
        },
        "bad.request",
        "value",
    ),
    "unknown property": (
        {"interval": DAY, "metrics": ["tHandle"], "groupby": ["queueId"]},
        "invalid.property",
        "Value [groupby] is not a valid property for object [ConversationAggregationQuery]",
    ),
    "granularity": ({"interval": DAY, "metrics": ["tHandle"], "granularity": "15M"}, "invalid.value", "15M"),
    "no granularity": ({"interval": DAY, "metrics": ["tHandle"], "granularity": "PT"}, "invalid.value", "PT"),
    "time zone": (
        {"interval": DAY, "metrics": ["tHandle"], "timeZone": "Mars/Crater"},
        "invalid.value",
        "Mars",
    ),
    "views": ({"interval": DAY, "metrics": ["tHandle"], "views": [{}] * 11}, "bad.request", "10 views"),
    "top without an order": (
        {"interval": DAY, "metrics": ["tHandle", "tAcw"], "queryType": "topN"},
        "bad.request",
        "sortMetric",
    ),
    "unsortable": (
        {"interval": DAY, "metrics": ["tWait"], "queryType": "topN", "sortMetric": {"name": "tWait"}},
        "invalid.value",
        "tWait",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_query_that_the_platform_would_refuse_is_refused(at_noon: Client, case: str) -> None:
    body, code, text = REFUSED[case]
    answer = at_noon.aggregates(**body)
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert text in answer.json()["message"]


@pytest.mark.parametrize(
    ("zone", "start", "end", "hours"),
    [
        ("Europe/London", "2026-03-28T00:00:00+00:00", "2026-03-31T00:00:00+01:00", [24, 23, 24]),
        ("Europe/London", "2026-10-24T00:00:00+01:00", "2026-10-27T00:00:00+00:00", [24, 25, 24]),
        ("America/New_York", "2026-03-07T00:00:00-05:00", "2026-03-10T00:00:00-04:00", [24, 23, 24]),
        ("America/New_York", "2026-10-31T00:00:00-04:00", "2026-11-03T00:00:00-05:00", [24, 25, 24]),
        # In this zone the clocks move by half an hour.
        ("Australia/Lord_Howe", "2026-10-03T00:00:00+10:30", "2026-10-06T00:00:00+11:00", [24, 23.5, 24]),
        ("Australia/Lord_Howe", "2026-04-04T00:00:00+11:00", "2026-04-07T00:00:00+10:30", [24, 24.5, 24]),
    ],
)
def test_days_around_a_change_of_the_clocks_are_as_long_as_they_are_there(
    zone: str, start: str, end: str, hours: list[float]
) -> None:
    body = {"interval": f"{start}/{end}", "granularity": "P1D", "timeZone": zone, "metrics": ["tHandle"]}
    buckets = aggregates.parse(body).buckets
    assert [(bucket.end - bucket.start) / 3_600_000 for bucket in buckets] == hours
    assert (buckets[0].start, buckets[-1].end) == (millis(start), millis(end))
    in_utc = {**body, "interval": f"{iso(millis(start))}/{iso(millis(end))}"}
    assert aggregates.parse(in_utc).buckets == buckets
    each = [
        aggregates.parse({**body, "interval": str(bucket), "granularity": granularity}).buckets
        for bucket in buckets
        for granularity in ("P1D", "PT30M")
    ]
    assert [len(parts) for parts in each] == [number for length in hours for number in (1, int(2 * length))]


def test_what_is_emitted_at_midnight_of_a_short_day_counts_on_the_next(afterwards: Client) -> None:
    organisation = afterwards.sandbox.organisation
    emitted = ["2025-03-29T23:59:59.999Z", "2025-03-30T00:00:00Z", "2025-03-30T22:59:59.999Z", "2025-03-30T23:00:00Z"]
    metrics = [{"name": "oMediaCount", "value": 1, "emitDate": when} for when in emitted]
    step = {"segmentStart": emitted[0], "segmentEnd": emitted[3], "segmentType": "interact"}
    session = {"sessionId": "s", "mediaType": "message", "roomId": "dst", "segments": [step], "metrics": metrics}
    organisation.plant(
        {
            "conversationId": "dst",
            "conversationStart": emitted[0],
            "participants": [{"purpose": "customer", "sessions": [session]}],
        }
    )
    answer = afterwards.aggregates(
        interval="2025-03-29T00:00:00Z/2025-04-01T00:00:00+01:00",
        granularity="P1D",
        timeZone="Europe/London",
        metrics=["oMediaCount"],
        filter={"type": "and", "predicates": [{"dimension": "roomId", "value": "dst"}]},
    )
    counts = {interval: stats["count"] for (_, interval, _), stats in flat(answer.json()).items()}
    assert counts == {
        "2025-03-29T00:00:00.000Z/2025-03-30T00:00:00.000Z": 1,
        "2025-03-30T00:00:00.000Z/2025-03-30T23:00:00.000Z": 2,
        "2025-03-30T23:00:00.000Z/2025-03-31T23:00:00.000Z": 1,
    }
