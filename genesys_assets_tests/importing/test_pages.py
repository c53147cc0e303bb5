from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.imported_page import DAILY, DETAILS, HOURLY
from genesys_assets.tables.conversations import decode
from genesys_assets_tests import samples
from genesys_assets_tests.importing.saved import (
    DAY,
    HOUR,
    QUARTER,
    as_bytes,
    by_partition,
    conversation,
    converted,
    metric,
    request_of,
    result,
)

NOTHING = metric("nError", count=1)


def results(*intervals: str, **group: str) -> dict[str, Any]:
    return {"results": [result(group, NOTHING, interval=interval) for interval in intervals]}


def test_conversations_go_to_the_day_they_began_unchanged() -> None:
    late = conversation("B", "2026-01-29T00:00:00.000Z", None, futureField={"kept": [1]})
    early = conversation("A", "2026-01-28T23:59:59.999Z", "2026-01-29T00:10:00.000Z")
    found = converted({"conversations": [late, early], "totalHits": 2})
    assert by_partition(found) == {
        (DETAILS, "2026-01-28"): [{"conversations": [early]}],
        (DETAILS, "2026-01-29"): [{"conversations": [late]}],
    }
    assert found.conversations == 2


def test_a_page_is_dated_by_the_last_event_of_the_conversation_that_fell_silent_first() -> None:
    noisy = conversation("A", end=None, emitted="2026-01-28T13:40:00.000Z")
    quiet = conversation("B", end="2026-01-28T13:20:00.000Z")
    (page,) = converted([noisy, quiet]).pages
    assert page.page.fetched_at == datetime(2026, 1, 28, 13, 20, tzinfo=UTC)


def test_conversations_that_fell_silent_in_another_hour_have_a_page_of_their_own() -> None:
    long, short = conversation("A", end="2026-01-28T17:00:00.000Z"), conversation("B")
    told = [
        (each.page.fetched_at.hour, len(each.page.json()["conversations"])) for each in converted([long, short]).pages
    ]
    assert told == [(13, 1), (17, 1)]


def test_a_callback_that_is_due_later_does_not_date_the_page() -> None:
    document = conversation("A", inactivityTimeout="2026-02-01T00:00:00.000Z")
    (page,) = converted(document).pages
    assert page.page.fetched_at == datetime(2026, 1, 28, 13, 9, tzinfo=UTC)


def test_a_conversation_without_id_or_start_is_left_out_and_reported() -> None:
    found = converted([conversation("A"), {"conversationId": "B", "participants": []}, conversation("C", "soon")])
    assert found.conversations == 1
    assert found.left_out == {
        "conversation left out: it has no conversationId or no conversationStart": 1,
        "conversation left out: one of its values cannot be read": 1,
        "conversations.conversationStart: 'soon' is no instant: write it like 2026-01-31T13:00:00Z": 1,
        "conversations.participants.sessions.segments.segmentStart: "
        "'soon' is no instant: write it like 2026-01-31T13:00:00Z": 1,
    }


def test_a_conversation_that_a_file_repeats_is_kept_once_as_it_was_last() -> None:
    forms = [conversation("A", end=None), conversation("A"), conversation("A", end=None, externalTag="stale")]
    found = converted(b"\n".join(as_bytes({"conversations": [form]}) for form in forms))
    assert found.conversations == 1
    assert by_partition(found) == {(DETAILS, "2026-01-28"): [{"conversations": [conversation("A")]}]}


def test_figures_go_by_hours_and_by_whole_days() -> None:
    quarter = "2026-01-28T12:15:00.000Z/2026-01-28T12:30:00.000Z"
    found = converted(results(HOUR, quarter, DAY, queueId="Q"))
    assert found.buckets == 3
    pages = by_partition(found)
    assert pages.keys() == {(HOURLY, "2026-01-28"), (DAILY, "2026-01-28")}
    ((body,), (daily,)) = (pages[key] for key in sorted(pages, reverse=True))
    assert [data["interval"] for data in body["results"][0]["data"]] == [HOUR, quarter]
    assert [data["interval"] for data in daily["results"][0]["data"]] == [DAY]
    assert {each.page.fetched_at for each in found.pages} == {
        datetime(2026, 1, 28, 14, tzinfo=UTC),
        datetime(2026, 1, 29, tzinfo=UTC),
    }


def test_a_whole_day_is_one_of_the_business_zone() -> None:
    local = "2026-03-29T00:00:00.000+00:00/2026-03-30T00:00:00.000+01:00"
    told = ImportOptions(business_zone=ZoneInfo("Europe/London"))
    (page,) = converted(results(local), told, now=datetime(2026, 4, 1, tzinfo=UTC)).pages
    assert (page.asset, page.day, request_of(page)["body"]["timeZone"]) == (DAILY, "2026-03-29", "Europe/London")
    with pytest.raises(CannotImport, match=r"bucket of 23 hours left out: .* nor a day of UTC"):
        converted(results(local), now=datetime(2026, 4, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "interval",
    [
        "2026-01-28T13:30:00.000Z/2026-01-28T14:30:00.000Z",
        "2026-01-28T12:00:00.000Z/2026-01-28T14:00:00.000Z",
        "2026-01-26T00:00:00.000Z/2026-01-28T00:00:00.000Z",
    ],
)
def test_a_bucket_that_fits_nowhere_is_left_out_and_reported(interval: str) -> None:
    found = converted(results(interval, HOUR))
    assert found.buckets == 1
    (count,) = (
        count for note, count in found.left_out.items() if "neither within one hour UTC nor a day of UTC" in note
    )
    assert count == 1
    with pytest.raises(CannotImport, match=r"^nothing of it can be taken: bucket of \d \w+ left out: it is neither"):
        converted(results(interval))


def test_a_request_names_the_file_its_bytes_and_what_was_grouped_by() -> None:
    document = results(HOUR, queueId="Q", mediaType="voice")
    (page,) = converted(document).pages
    said = request_of(page)
    assert (said["method"], said["path"]) == ("IMPORT", "saved.json")
    assert len(said["params"]["sha256"]) == 64
    assert said["body"] == {"groupBy": ["mediaType", "queueId"]}


def test_each_answer_of_a_file_has_its_own_grouping() -> None:
    lines = [results(HOUR, queueId="Q"), results(HOUR, userId="U"), results(QUARTER, queueId="R")]
    found = converted(b"\n".join(map(as_bytes, lines)))
    assert [request_of(page)["body"]["groupBy"] for page in found.pages] == [["queueId"], ["userId"]]
    assert len(found.pages[0].page.json()["results"]) == 2
    assert (
        found.notes["answer grouped by queueId, as its groups show. If the query had more dimensions, pass --group-by"]
        == 2
    )


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (
            conversation("A", "2027-01-01T00:00:00.000Z") | {"conversationEnd": None},
            "begins in the future, at 2027-01-01",
        ),
        (results("2027-01-01T00:00:00.000Z/2027-01-01T01:00:00.000Z"), "ends in the future"),
        ({"results": [result({}, metric("tHandle", sum=1.5))]}, "only whole milliseconds or counts can be kept"),
        (
            {"results": [result({}, {"metric": "tHandle", "stats": [1]})]},
            "metrics.stats: a list stands where an object belongs",
        ),
        ([], "it holds no answer of the platform"),
    ],
)
def test_what_could_not_be_read_back_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(CannotImport, match=reason):
        converted(document)


def test_an_answer_with_nothing_in_it_is_no_mistake() -> None:
    nothing: list[Any] = [{"results": []}, {"totalHits": 0}, {"conversations": []}]
    assert [converted(document).pages for document in nothing] == [[], [], []]


@pytest.mark.parametrize("name", ["conversation_chat_2021", "conversation_voice_2024"])
def test_a_recorded_conversation_comes_through_whole(name: str) -> None:
    found = converted(samples.body(name))
    (page,) = found.pages
    decoded = decode.decode(page.page.body)
    assert (found.conversations, len(decoded.conversations), dict(decoded.losses)) == (1, 1, {})
    assert page.day == decoded.conversations[0].as_py()["conversationStart"].date().isoformat()


def bucket(interval: str, *names: str) -> dict[str, Any]:
    return {"interval": interval, "metrics": [metric(name, count=1) for name in names]}


@pytest.mark.parametrize(
    ("buckets", "is_refused"),
    [
        ([bucket(HOUR, "nOffered"), bucket(QUARTER, "nOffered")], True),
        ([bucket(QUARTER, "nOffered"), bucket(HOUR, "nError", "nOffered")], True),
        ([bucket(QUARTER, "nOffered"), bucket(HOUR, "nError"), bucket(HOUR, "nConnected")], False),
        ([bucket(QUARTER, "nOffered"), bucket(QUARTER, "nOffered")], False),
        ([bucket(DAY, "nOffered"), bucket(HOUR, "nOffered")], False),
    ],
)
def test_buckets_of_one_answer_that_overlap_are_refused(buckets: list[dict[str, Any]], is_refused: bool) -> None:
    answer = {"results": [{"group": {"queueId": "Q"}, "data": buckets}]}
    if is_refused:
        with pytest.raises(CannotImport, match=r"has nOffered of one group for .* which overlap"):
            converted(answer)
    else:
        assert converted(answer).left_out == {}


def test_buckets_of_several_answers_or_groups_may_overlap() -> None:
    hour, quarter = [bucket(HOUR, "nOffered")], [bucket(QUARTER, "nOffered")]
    groups = {"results": [{"group": {"queueId": "Q"}, "data": hour}, {"group": {"queueId": "R"}, "data": quarter}]}
    assert converted(groups).buckets == 2
    answers = [{"results": [{"group": {"queueId": "Q"}, "data": data}]} for data in (hour, quarter)]
    assert converted(answers).buckets == 2


_ONE = result({"queueId": "Q"}, metric("nOffered", count=3))
_BUCKET = _ONE["data"][0]


@pytest.mark.parametrize(
    ("answer", "remark", "count"),
    [
        ({"results": [_ONE, None, None]}, "aggregates: null instead of an object", 2),
        ({"results": [None] * 3 + [_ONE] * 3_900 + [None]}, "aggregates: null instead of an object", 4),
        ({"results": {"0": None, "1": _ONE}}, "aggregates: null instead of an object", 1),
        ([None, _ONE, None], "aggregates: null instead of an object", 2),
        ({"results": [_ONE | {"data": [None, _BUCKET, None]}]}, "results.data: null in the place of an object", 2),
        ({"results": [_ONE | {"data": {"0": _BUCKET, "1": None}}]}, "results.data: null in the place of an object", 1),
        (_ONE | {"data": [_BUCKET, None]}, "results.data: null in the place of an object", 1),
    ],
)
def test_nulls_among_results_and_buckets_are_counted_and_the_others_are_taken(
    answer: Any, remark: str, count: int
) -> None:
    found = converted(answer)
    assert found.left_out == {remark: count}
    assert {json.dumps(each) for of in found.pages for each in of.page.json()["results"][0]["data"]} == {
        json.dumps(_BUCKET)
    }
