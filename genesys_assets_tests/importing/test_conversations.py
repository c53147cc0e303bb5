"""Conversations as the SDK and other tools write them equal those of the platform; lost values are counted by path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import PureCloudPlatformClientV2 as sdk
import pyarrow as pa
import pytest

from genesys_assets.importing.conversations import read_conversation
from genesys_assets.importing.spelling import plain, unwrapped
from genesys_assets.tables.conversations import decode
from genesys_assets.tables.conversations.model import CONVERSATION_TYPE, snake_case
from genesys_assets_tests import samples
from genesys_assets_tests.faults.import_files.written import in_snake_case, with_one
from genesys_assets_tests.importing.saved import conversation


def fields(type_: pa.DataType) -> Iterator[str]:
    if pa.types.is_list(type_):
        yield from fields(type_.value_type)
    elif pa.types.is_struct(type_):
        for member in type_:
            yield member.name
            yield from fields(member.type)


def decoded(conversations: list[dict[str, Any]]) -> list[Any]:
    found: list[Any] = decode.decode(json.dumps({"conversations": conversations}).encode()).conversations.to_pylist()
    return found


@pytest.mark.parametrize("name", samples.CONVERSATIONS)
def test_a_recorded_conversation_in_snake_case_is_the_conversation(name: str) -> None:
    recorded = samples.conversations(name)
    read = [read_conversation(in_snake_case(each), None) for each in recorded]
    assert [each.losses for each in read] == [{}] * len(recorded)
    assert decoded([each.conversation for each in read]) == decoded(recorded)


@pytest.mark.parametrize("name", samples.CONVERSATIONS)
def test_a_recorded_conversation_stays_as_it_is(name: str) -> None:
    conversations = list(samples.conversations(name))
    assert conversations
    for recorded in conversations:
        read = read_conversation(recorded, None)
        assert (read.conversation, read.losses) == (recorded, {})


def test_no_two_fields_of_an_object_have_one_spelling() -> None:
    names = list(fields(CONVERSATION_TYPE))
    assert "conversationId" in names
    for name in names:
        assert plain(snake_case(name)) == plain(name)


@pytest.mark.parametrize(
    "model", ["AnalyticsConversation", "AnalyticsParticipant", "AnalyticsSession", "AnalyticsConversationSegment"]
)
def test_names_of_the_sdk_are_those_of_the_platform_in_snake_case(model: str) -> None:
    wire_names = getattr(sdk, model)().attribute_map
    assert wire_names
    for attribute, wire in wire_names.items():
        assert plain(attribute) == plain(wire)


def test_losses_of_one_kind_are_counted_and_the_first_is_shown() -> None:
    metrics = [{"name": "tHandle", "value": 1, "emitDate": text} for text in ("soon", "later")]
    written = {"conversationId": "A", "participants": [{"sessions": [{"metrics": metrics}]}]}
    (loss,) = read_conversation(written, None).losses.values()
    path = "conversations.participants.sessions.metrics.emitDate"
    assert (loss.text, loss.count) == (f"{path}: 'soon' is no instant: write it like 2026-01-31T13:00:00Z", 2)


@pytest.mark.parametrize("cut", ["a\ud83d", "\ude00b", "\ud83d\ud83d", "M\u00fcller \udfff"])
def test_half_a_character_is_named_and_read_as_the_sign_for_it(cut: str) -> None:
    written = with_one("externalTag", cut)
    written["participants"][0]["attributes"] = {"whole": "\U0001f600", cut: cut}
    read = read_conversation(written, None)
    (found,) = decoded([read.conversation])
    mended = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in cut)
    assert (found["externalTag"], read.losses) == (mended, {})
    attributes = {each["name"]: each["value"] for each in found["participants"][0]["attributes"]}
    assert attributes == {"whole": "\U0001f600", mended: mended}
    half = "half a character (a lone surrogate) read as U+FFFD, because no table can store it"
    paths = ("externalTag", "participants.attributes", "participants.attributes.value")
    assert read.notes == {f"conversations.{path}: {half}": 1 for path in paths}


def test_two_attributes_whose_names_differ_only_in_half_a_character_are_lost() -> None:
    written = with_one("participants.0.attributes", dict.fromkeys(("k\ud800", "k\ud801"), "1"))
    assert list(read_conversation(written, None).losses) == [
        "conversations.participants.attributes: two names that differ only in half a character"
    ]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ({"$numberLong": "5"}, 5),
        ({"$numberInt": 5}, 5),
        ({"$numberDouble": "0.5"}, 0.5),
        ({"$numberLong": "five"}, {"$numberLong": "five"}),
        ({"$numberLong": None}, {"$numberLong": None}),
        ({"$oid": "5"}, {"$oid": "5"}),
        ("5", "5"),
    ],
)
def test_a_number_of_mongodb_is_the_number(written: Any, value: Any) -> None:
    assert unwrapped(written) == value


@pytest.mark.parametrize(
    ("start", "first", "zone", "is_lost"),
    [
        ("2026-01-29T00:00:00.000Z", "2026-01-28T23:50:00.000Z", None, True),
        ("2026-01-29T00:00:00.000Z", "2026-01-28T23:59:59.700Z", None, False),
        ("2026-01-28T00:00:00.000Z", "2026-01-28T11:40:00.000Z", None, True),
        ("2026-01-28T00:00:00.000Z", "2026-01-28T00:10:00.000Z", None, False),
        ("2026-01-28T00:00:00.001Z", "2026-01-28T11:40:00.000Z", None, False),
        ("2026-01-28T00:00:00", "2026-01-28T06:40:00", "America/New_York", True),
        ("2026-01-29T05:00:00Z", "2026-01-29T04:50:00Z", "America/New_York", True),
        ("2026-01-29T05:00:00Z", "2026-01-29T04:50:00Z", None, False),
    ],
)
def test_a_start_that_was_rounded_to_a_day_is_lost(start: str, first: str, zone: str | None, *, is_lost: bool) -> None:
    written = conversation("A", start, None)
    written["participants"][0]["sessions"][0]["segments"][0]["segmentStart"] = first
    read = read_conversation(written, ZoneInfo(zone) if zone else None)
    assert [
        loss.text.endswith("the start was rounded to a day. Save it with its time") for loss in read.losses.values()
    ] == ([True] if is_lost else [])
