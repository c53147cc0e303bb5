"""Files that a tool wrapped, cut short or respelled are read, or refused for the right reason. No incomplete file
passes as complete.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from genesys_assets.importing.documents import documents
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.imported_page import DETAILS
from genesys_assets_tests.importing.saved import (
    QUARTER,
    as_bytes,
    by_partition,
    conversation,
    converted,
    metric,
    result,
)

NOTHING = {"count": None, "sum": None}
ANSWER = {"conversations": [conversation("A")]}
UUID = "5a0c0000-1111-4222-8333-000000000a01"


def refusal(document: Any) -> str:
    with pytest.raises(CannotImport) as refused:
        converted(document)
    return str(refused.value)


@pytest.mark.parametrize(
    ("document", "hint"),
    [
        ({"_airbyte_raw_id": "1", "_airbyte_extracted_at": 1, "_airbyte_data": ANSWER}, "records of Airbyte"),
        ({"_airbyte_ab_id": "1", "_airbyte_data": json.dumps(ANSWER)}, "jq -c ._airbyte_data FILE"),
        ({"type": "RECORD", "stream": "calls", "record": ANSWER, "time_extracted": "x"}, "jq -c 'select(.type"),
        ({"type": "SCHEMA", "stream": "calls", "schema": {}, "key_properties": []}, "Singer tap"),
        ({"type": "STATE", "value": {}}, "Singer tap"),
        ({"type": "RECORD", "record": {"stream": "calls", "data": ANSWER, "emitted_at": 1}}, "Airbyte .record.data"),
        ({"recordId": "1", "approximateArrivalTimestamp": 1, "data": "eyJh"}, "records of Firehose"),
        ({"version": "0", "detail-type": "v2", "source": "aws.partner", "detail": ANSWER}, "`detail`"),
        ({"Records": [{"kinesis": {"data": "eyJh"}}]}, "`kinesis.data`"),
    ],
)
def test_a_file_that_a_pipeline_wrapped_is_refused_with_the_place_of_the_answer(document: Any, hint: str) -> None:
    assert hint in refusal(document)
    assert hint in refusal([document])


@pytest.mark.parametrize("kind", [["RECORD"], {"RECORD": 1}, None, 1])
def test_a_type_that_is_no_text_is_no_message_of_a_pipeline(kind: Any) -> None:
    assert "none of the known shapes" in refusal({"type": kind})


def test_documents_that_firehose_joined_without_a_line_end_are_read() -> None:
    one, other = (as_bytes({"conversations": [conversation(id_)]}) for id_ in "AB")
    assert converted(one + other).conversations == 2


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", "without -i"),
        (b"HTTP/2 200\r\n\r\n", "headers of an HTTP answer"),
        (b"data: ", "server-sent events"),
        (b"event: message\ndata: ", "server-sent events"),
        (b")]}'\n", "take that line out"),
        (b")]}',\n", "take that line out"),
        (b"while(1);", "take that out"),
        (b"for(;;);", "take that out"),
        (b"\n  HTTP/1.1 200 OK\r\n\r\n", "without -i"),
    ],
)
def test_what_stands_before_the_answer_is_named(before: bytes, why: str) -> None:
    assert why in refusal(before + as_bytes(ANSWER))


@pytest.mark.parametrize(
    "answer",
    [ANSWER, {"results": [result({}, metric("nError", count=1), interval=QUARTER)]}],
    ids=["details", "figures"],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_an_answer_that_names_errors_is_not_whole(answer: dict[str, Any], is_first: bool) -> None:
    errors = {"errors": [{"message": "some of it timed out"}]}
    found = converted(errors | answer if is_first else answer | errors)
    assert found.left_out == {"errors: an answer says that it does not have all it was asked for": 1}
    assert converted(answer | {"errors": []}).left_out == {}


def test_errors_behind_a_long_list_are_seen() -> None:
    long = {"conversations": [{"conversationId": f"{number}"} for number in range(50)], "errors": ["cut"]}
    parts = [part.value for part in documents([as_bytes(long)], part=100)]
    assert parts[-1] == {"errors": ["cut"], "conversations": []}
    assert sum(len(part["conversations"]) for part in parts) == 50


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            {"group": {"mediaType": "voice"}, "data": None},
            "results.data: null or missing, instead of a group's buckets",
        ),
        (
            {"group": {}, "data": [{"interval": QUARTER, "metrics": None}]},
            "metrics: null or missing, instead of a bucket's figures",
        ),
        (
            {"group": {}, "data": [{"interval": QUARTER, "metrics": [{"metric": "tTalk", "stats": None}]}]},
            "tTalk: null in the place of its stats",
        ),
        (
            {"group": {}, "data": [{"interval": QUARTER, "metrics": [{"metric": "tTalk", "stats": NOTHING}]}]},
            "tTalk: null in the place of its stats",
        ),
    ],
)
def test_null_instead_of_figures_is_left_out_and_reported(answer: dict[str, Any], said: str) -> None:
    whole = result({"mediaType": "voice"}, metric("nError", count=1), interval=QUARTER)
    assert converted({"results": [answer, whole]}).left_out == {said: 1}


@pytest.mark.parametrize("hits", [3, "3", {"$numberLong": "3"}])
def test_a_total_is_known_however_it_is_written(hits: Any) -> None:
    assert converted(ANSWER | {"totalHits": hits}).total_hits == {"3": 1}


def test_a_total_behind_a_long_list_is_known() -> None:
    long = {"conversations": [conversation(f"{number}") for number in range(1_500)], "totalHits": 4_000}
    assert len(as_bytes(long)) > 400_000
    assert converted(long).total_hits == {"4000": 1_500}


def test_a_view_is_left_out_and_its_metric_stays() -> None:
    written = result({"mediaType": "voice"}, metric("nError", count=1), interval=QUARTER)
    written["data"][0]["views"] = [{"name": "short", "stats": {"count": 1}}]
    found = converted({"results": [written]})
    assert found.buckets == 1
    assert found.left_out == {"results.data.views: only the query says of which metric a view is": 1}


def test_an_empty_end_is_none() -> None:
    found = converted({"conversations": [conversation("A") | {"conversationEnd": ""}]})
    (page,) = by_partition(found)[DETAILS, "2026-01-28"]
    assert page["conversations"][0].get("conversationEnd") is None
    assert found.left_out == {}


def test_an_empty_start_is_no_instant() -> None:
    left = refusal({"conversations": [conversation("A") | {"conversationStart": ""}]})
    assert "conversations.conversationStart" in left


def test_a_uuid_without_hyphens_is_the_same_conversation() -> None:
    bare = UUID.replace("-", "").upper()
    newer = conversation(UUID)
    forms = [newer | {"conversationId": bare}, newer | {"externalTag": bare}]
    (page,) = by_partition(converted(forms))[DETAILS, "2026-01-28"]
    assert [(each["conversationId"], each["externalTag"]) for each in page["conversations"]] == [(UUID, bare)]


def test_a_uuid_without_hyphens_is_the_same_group() -> None:
    answers = [
        result({"queueId": id_}, metric("nError", count=1), interval=QUARTER) for id_ in (UUID, UUID.replace("-", ""))
    ]
    found = converted({"results": answers})
    groups = [each["group"] for page in found.pages for each in page.page.json()["results"]]
    assert groups == [{"queueId": UUID}]
