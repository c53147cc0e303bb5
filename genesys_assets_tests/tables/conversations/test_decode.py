from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.tables.conversations import decode_arrow, decode_values, model, nested
from genesys_assets.tables.conversations.decode import DecodedPage, Decoder, UnreadablePage, decode, starts
from genesys_assets.tables.conversations.nested import conformed
from genesys_assets_tests import samples
from genesys_assets_tests.tables.builders import conversation, metric, page, participant, segment, session


def fast(body: bytes) -> DecodedPage:
    """The page as Arrow's reader decodes it, with all fields of the model."""
    return in_full(DecodedPage(*decode_arrow.ConversationsReader().read([body])[0]))


def tolerant(body: bytes) -> DecodedPage:
    return in_full(DecodedPage(*decode_values.read(body)))


def in_full(decoded: DecodedPage) -> DecodedPage:
    return replace(decoded, conversations=conformed(decoded.conversations, model.CONVERSATION_TYPE))


def test_a_page_without_conversations_decodes_to_none() -> None:
    for body in (b"{}", b'{"totalHits": 0}', b'{"conversations": null}', b'{"conversations": []}'):
        assert len(decode(body).conversations) == 0


def test_milliseconds_are_kept_and_finer_digits_cut() -> None:
    body = page({"conversationId": "a", "conversationStart": "2026-01-31T12:00:00.123987Z"})
    for decoded in (fast(body), tolerant(body)):
        assert decoded.conversations[0].as_py()["conversationStart"].isoformat() == "2026-01-31T12:00:00.123000+00:00"
        assert not decoded.losses


def test_a_time_with_an_offset_becomes_utc() -> None:
    body = page({"conversationId": "a", "conversationStart": "2026-01-31T13:00:00.000+01:00"})
    for decoded in (fast(body), tolerant(body)):
        assert decoded.conversations[0].as_py()["conversationStart"].isoformat() == "2026-01-31T12:00:00+00:00"


def test_unknown_fields_are_counted_by_path_and_not_kept() -> None:
    body = page(
        conversation("a", participant("p", "agent", session("s", newThing={"x": 1}), weather="rain")),
        conversation("b", participant("p", "agent", weather="sun"), mood=7),
        newEnvelope=1,
    )
    expected = {
        "newEnvelope": 1,
        "conversations.mood": 1,
        "conversations.participants.weather": 2,
        "conversations.participants.sessions.newThing": 1,
    }
    for decoded in (fast(body), tolerant(body)):
        assert dict(decoded.unknown) == expected
        assert decoded.conversations.type == model.CONVERSATION_TYPE


@pytest.mark.parametrize(
    ("wrong", "loss"),
    [
        (
            {"mediaStatsMinConversationMos": "bad"},
            "conversations.mediaStatsMinConversationMos: str is no number",
        ),
        ({"conversationEnd": "yesterday"}, "conversations.conversationEnd: str is no timestamp"),
        ({"conversationEnd": "2026-02-30T00:00:00Z"}, "conversations.conversationEnd: str is no timestamp"),
        ({"divisionIds": "not-a-list"}, "conversations.divisionIds: str is no list"),
        ({"selfServed": 2}, "conversations.selfServed: int is no boolean"),
        ({"externalTag": {"x": 1}}, "conversations.externalTag: dict is no string"),
        ({"participants": ["nobody"]}, "conversations.participants: str is no object"),
    ],
)
def test_a_value_of_the_wrong_kind_is_lost_alone_and_reported(wrong: dict[str, Any], loss: str) -> None:
    decoded = decode(page(conversation("a") | wrong, conversation("b")))
    assert dict(decoded.losses) == {loss: 1}
    assert [item.as_py()["conversationId"] for item in decoded.conversations] == ["a", "b"]


def test_a_fraction_in_an_integer_is_never_cut_to_fit() -> None:
    body = page(
        conversation("a", participant("p", "agent", session("s", metrics=[metric("tTalk", 1) | {"value": 12.5}])))
    )
    decoded = decode(body)
    assert dict(decoded.losses) == {"conversations.participants.sessions.metrics.value: float is no integer": 1}


def test_values_that_mean_the_same_are_kept_without_loss() -> None:
    body = page(
        conversation("a", participant("p", "agent", session("s", mediaCount="12", sessionDnis=5, recording="true")))
    )
    decoded = decode(body)
    kept = decoded.conversations[0].as_py()["participants"][0]["sessions"][0]
    assert (kept["mediaCount"], kept["sessionDnis"], kept["recording"]) == (12, "5", True)
    assert not decoded.losses


def test_a_lone_surrogate_becomes_a_replacement_and_the_rest_stays() -> None:
    body = (
        b'{"conversations":[{"conversationId":"a","conversationStart":"2026-01-31T12:00:00Z","externalTag":"\\ud800"}]}'
    )
    assert decode(body).conversations[0].as_py()["externalTag"] == "?"


def test_bytes_that_are_no_utf8_do_not_stop_the_page() -> None:
    body = b'{"conversations":[{"conversationId":"a","conversationStart":"2026-01-31T12:00:00Z","externalTag":"\xff"}]}'
    assert decode(body).conversations[0].as_py()["externalTag"] == "\ufffd"


def test_conversations_without_id_or_start_are_dropped_and_counted() -> None:
    keyless = [{"conversationId": "b"}, {"conversationStart": "2026-01-31T12:00:00Z"}, None]
    for kept in (conversation("a"), conversation("a", selfServed=2)):
        decoded = decode(page(kept, *keyless))
        assert len(decoded.conversations) == 1
        assert decoded.losses["conversations: no conversationId or conversationStart, dropped"] == 2


@pytest.mark.parametrize("nulls", [1, 3])
def test_null_in_place_of_a_conversation_is_counted(nulls: int) -> None:
    loss = {"conversations: null in place of a conversation, dropped": nulls}
    body = page(*[None] * nulls, conversation("a"))
    for decoded in (fast(body), tolerant(body), decode(body), *Decoder().decode_all([body, body])):
        assert [item.as_py()["conversationId"] for item in decoded.conversations] == ["a"]
        assert dict(decoded.losses) == loss
    for decoded in (fast(page(*[None] * nulls)), tolerant(page(*[None] * nulls))):
        assert (len(decoded.conversations), dict(decoded.losses)) == (0, loss)
    other, odd = Decoder().decode_all([page(conversation("b")), page(*[None] * nulls, conversation("a", selfServed=2))])
    assert (dict(other.losses), odd.losses[next(iter(loss))]) == ({}, nulls)


def test_a_conversation_that_ends_before_it_begins_is_kept_and_counted() -> None:
    backwards = conversation("b", conversationEnd="2020-01-01T00:00:00Z")
    for kept in (conversation("a"), conversation("a", selfServed=2)):
        decoded = decode(page(kept, backwards))
        assert len(decoded.conversations) == 2
        assert decoded.losses["conversations: conversationEnd before conversationStart, kept"] == 1


@pytest.mark.parametrize("conversations", [[], [conversation("a", seconds=None)], [{"conversationId": "a"}]])
def test_a_page_on_which_nothing_has_ended_is_read_whole_and_not_value_by_value(conversations: list[Any]) -> None:
    body = page(*conversations)
    assert b"conversationEnd" not in body
    decoded = decode(body)
    assert decoded.conversations.type != model.CONVERSATION_TYPE
    value_by_value = decode(page(*conversations, {"selfServed": 2}))
    assert value_by_value.conversations.type == model.CONVERSATION_TYPE
    assert in_full(decoded).conversations.equals(value_by_value.conversations)


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b'{"conversations": [', b"[]", b'"text"', b"null"])
def test_what_is_no_page_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(UnreadablePage, match="page is"):
        decode(body)


def test_the_error_about_an_invalid_page_shows_nothing_of_it() -> None:
    with pytest.raises(UnreadablePage, match="it has 24 bytes") as refused:
        decode(b'"Anna Bell" +41791234567')
    assert not [part for part in ("Anna", "4179") if part in str(refused.value)]


def test_starts_agree_with_the_full_decoding() -> None:
    body = page(conversation("b"), {"conversationId": "x"}, conversation("a"), None)
    found = starts(body)
    whole = decode(body).conversations
    assert found.field("conversationId").equals(whole.field("conversationId"))
    assert found.field("conversationStart").equals(whole.field("conversationStart"))


@pytest.mark.parametrize("name", samples.CONVERSATIONS)
def test_the_samples_decode_without_loss(name: str) -> None:
    pages = {"conversations": samples.conversations(name)}
    body = json.dumps(pages).encode()
    decoded = fast(body)
    assert not decoded.losses
    assert not decoded.unknown
    assert [_without_nulls(item.as_py()) for item in decoded.conversations] == [
        _comparable(item) for item in pages["conversations"]
    ]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _comparable(value: Any) -> Any:
    """The sample's own values, with times as Python writes them."""
    if isinstance(value, dict):
        return {name: _comparable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    if isinstance(value, str) and value.endswith("Z") and value[4:5] == "-" and value[10:11] == "T":
        return datetime.fromisoformat(value).isoformat()
    return value


def _values(type_: pa.DataType) -> st.SearchStrategy[Any]:
    if pa.types.is_list(type_):
        return st.lists(_values(type_.value_type) | st.none(), max_size=3)
    if pa.types.is_struct(type_):
        members = {member.name: _values(member.type) | st.none() for member in type_}
        return st.fixed_dictionaries({}, optional=members)
    if pa.types.is_timestamp(type_):
        moments = st.datetimes(datetime(1700, 1, 1))
        return moments.map(lambda moment: moment.isoformat(timespec="seconds") + ".250Z")
    if pa.types.is_integer(type_):
        return st.integers(-(2**63), 2**63 - 1)
    if pa.types.is_floating(type_):
        return st.floats(allow_nan=False, allow_infinity=False)
    return (
        st.booleans() if pa.types.is_boolean(type_) else st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
    )


def _small(type_: pa.DataType, keep: set[str]) -> pa.DataType:
    """The model with fewer scalar fields, so that generated pages stay small."""
    if pa.types.is_list(type_):
        return pa.list_(_small(type_.value_type, keep))
    if pa.types.is_struct(type_):
        nested = [m for m in type_ if (pa.types.is_nested(m.type) and m.name != "attributes") or m.name in keep]
        return pa.struct([(m.name, _small(m.type, keep)) for m in nested])
    return type_


_FEW = _small(
    model.CONVERSATION_TYPE,
    {
        "conversationId",
        "conversationStart",
        "sessionId",
        "name",
        "value",
        "emitDate",
        "segmentStart",
        "selfServed",
        "minMos",
    },
)


@settings(max_examples=60)
@given(st.lists(_values(_FEW) | st.none(), max_size=3))
def test_both_paths_give_the_same_on_pages_both_accept(conversations: list[Any]) -> None:
    body = json.dumps({"conversations": conversations}).encode()
    arrow, values = fast(body), tolerant(body)
    assert arrow.conversations.equals(values.conversations)
    assert arrow.losses == values.losses
    assert arrow.unknown == values.unknown


@settings(max_examples=60)
@given(st.lists(st.lists(_values(_FEW), max_size=2), max_size=4))
def test_what_earlier_pages_held_changes_nothing(pages: list[list[Any]]) -> None:
    decoder = Decoder()
    for conversations in pages:
        body = json.dumps({"conversations": conversations}).encode()
        after_others, alone = decoder.decode(body), decode(body)
        assert in_full(after_others).conversations.equals(in_full(alone).conversations)
        assert (after_others.losses, after_others.unknown) == (alone.losses, alone.unknown)


@settings(max_examples=60)
@given(st.lists(st.lists(_values(_FEW), max_size=2), max_size=4), st.integers(0, 4))
def test_pages_read_at_once_are_what_each_is_alone(pages: list[list[Any]], odd: int) -> None:
    bodies = [json.dumps({"conversations": conversations}).encode() for conversations in pages]
    bodies.insert(odd, page(conversation("a", selfServed=2), mood=1))
    for together, body in zip(Decoder().decode_all(bodies), bodies, strict=True):
        alone = decode(body)
        assert in_full(together).conversations.equals(in_full(alone).conversations)
        assert (together.losses, together.unknown) == (alone.losses, alone.unknown)


def test_a_field_that_a_later_page_is_the_first_to_have_is_kept() -> None:
    decoder = Decoder()
    decoder.decode(page(conversation("a", participant("p", "agent", session("s")))))
    later = page(
        conversation("b", participant("p", "agent", session("t", flow={"flowId": "f"}), attributes={"k": "v"})),
        conversation("c", participant("p", "agent", attributes={"j": "w"}), externalTag="5"),
    )
    first, second = (item.as_py() for item in decoder.decode(later).conversations)
    assert first["participants"][0]["sessions"][0]["flow"] == {"flowId": "f"}
    assert first["participants"][0]["attributes"] == [{"name": "k", "value": "v"}]
    assert (second["externalTag"], second["participants"][0]["attributes"]) == ("5", [{"name": "j", "value": "w"}])


def test_finer_times_on_one_page_do_not_slow_or_change_the_others() -> None:
    decoder = Decoder()
    for digits in ("123", "123987", "123"):
        body = page({"conversationId": "a", "conversationStart": f"2026-01-31T12:00:00.{digits}Z"})
        start = decoder.decode(body).conversations[0].as_py()["conversationStart"]
        assert start.isoformat() == "2026-01-31T12:00:00.123000+00:00"


ATTRIBUTES = {"account": "42", "när": "2026-01-31", "empty": "", "long": "x" * 1024, "none": None}


def test_participant_attributes_come_as_pairs_and_stay_text() -> None:
    people: list[Any] = [participant("p", "customer") | {"attributes": ATTRIBUTES}, participant("q", "agent"), None]
    body = page(conversation("a", *people), None, conversation("b", participant("r", "acd") | {"attributes": {}}))
    pairs = [{"name": name, "value": value} for name, value in sorted(ATTRIBUTES.items()) if value is not None]
    for decoded in (fast(body), tolerant(body)):
        first, second = (item.as_py()["participants"] for item in decoded.conversations)
        assert [person and person["attributes"] for person in first] == [pairs, None, None]
        assert second[0]["attributes"] == []
        assert not decoded.unknown
        assert dict(decoded.losses) == {"conversations: null in place of a conversation, dropped": 1}
    assert fast(body).conversations.equals(tolerant(body).conversations)


def test_participants_without_any_attribute_have_no_pairs() -> None:
    decoded = decode(page(conversation("a", participant("p", "customer") | {"attributes": {}})))
    assert decoded.conversations[0].as_py()["participants"][0]["attributes"] == []


def test_very_many_names_of_attributes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nested, "MOST_NAMES", 3)
    decoder = Decoder()
    for number in range(10):
        body = page(conversation("a", participant("p", "customer") | {"attributes": {f"n{number}": "v"}}))
        decoded = decoder.decode(body)
        assert decoded.conversations[0].as_py()["participants"][0]["attributes"] == [
            {"name": f"n{number}", "value": "v"}
        ]
        assert not decoded.losses


def test_an_attribute_that_is_no_text_goes_the_tolerant_way() -> None:
    body = page(conversation("a", participant("p", "customer") | {"attributes": {"n": 5, "o": {"x": 1}}}))
    decoded = decode(body)
    assert decoded.conversations[0].as_py()["participants"][0]["attributes"] == [
        {"name": "n", "value": "5"},
        {"name": "o", "value": None},
    ]
    assert dict(decoded.losses) == {"conversations.participants.attributes.value: dict is no string": 1}


def test_names_of_attributes_that_differ_only_in_what_is_no_text_are_kept_once() -> None:
    names = {"\ud800": "1", "?": None} | {"\ud801": "2"}
    body = page(conversation("a", participant("p", "customer") | {"attributes": names}))
    decoded = decode(body)
    assert decoded.conversations[0].as_py()["participants"][0]["attributes"] == [{"name": "?", "value": "1"}]
    assert [*decoded.losses.values()] == [1]


def test_attributes_that_are_no_object_are_lost_and_reported() -> None:
    decoded = decode(page(conversation("a", participant("p", "customer") | {"attributes": [{"name": "n"}]})))
    assert decoded.conversations[0].as_py()["participants"][0]["attributes"] is None
    assert dict(decoded.losses) == {"conversations.participants.attributes: list is no object": 1}


def test_a_segment_may_be_open_and_a_page_pretty_printed() -> None:
    open_segment = segment("interact", 0, None)
    body = json.dumps(
        {
            "conversations": [
                conversation("a", participant("p", "agent", session("s", segments=[open_segment])), seconds=None)
            ]
        },
        indent=2,
    ).encode()
    decoded = fast(body).conversations[0].as_py()
    assert decoded["conversationEnd"] is None
    assert decoded["participants"][0]["sessions"][0]["segments"][0]["segmentEnd"] is None
