"""The law of forgetting: tables made of scrubbed answers equal the scrubbed tables of the answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.lake.store import LocalStore
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.forgotten import ForgottenIds, Kind, remember, remember_names
from genesys_assets.privacy.protection import KEEP, Protection
from genesys_assets.privacy.scrubbed_answers import scrubbed as scrubbed_answer
from genesys_assets.privacy.scrubbed_rows import Traces
from genesys_assets.privacy.scrubbed_rows import scrubbed as scrubbed_rows
from genesys_assets.tables.conversations.decode import decode
from genesys_assets.tables.conversations.explode import explode
from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets_tests.tables.builders import conversation, metric, participant, segment, session

pytestmark = pytest.mark.long

DETAILS, AGGREGATES, USERS = "pages/daily_details", "pages/hourly_aggregates", "pages/reference_users"
CONVERSATIONS, USER, CONTACT = ("conv-one", "conv-two", "conv-three"), "user-one", "contact-one"
NAMES = ("Ann Miller", "tel:+41791112233", "a queue")


def who(kind: Kind, *ids: str, protection: Protection = KEEP) -> ForgottenIds:
    return ForgottenIds().joined_by(kind, ids, protection)


def _people() -> st.SearchStrategy[dict[str, Any]]:
    calls = st.builds(
        lambda remote, note: session("s-1", "voice", segments=[segment("interact", 0, 9, **note)], metrics=[]) | remote,
        st.fixed_dictionaries({}, optional={"remote": st.sampled_from(NAMES), "ani": st.sampled_from(NAMES)}),
        st.fixed_dictionaries({}, optional={"wrapUpNote": st.sampled_from([*CONVERSATIONS, "spoke to Ann Miller"])}),
    )
    more = st.fixed_dictionaries(
        {},
        optional={
            "userId": st.sampled_from([USER, "user-two"]),
            "externalContactId": st.sampled_from([CONTACT, "contact-two"]),
            "attributes": st.dictionaries(st.just("seen"), st.sampled_from([*CONVERSATIONS, CONTACT])),
        },
    )
    return st.builds(lambda calls, more: participant("p-1", "agent", *calls) | more, st.lists(calls, max_size=2), more)


def _conversations() -> st.SearchStrategy[list[dict[str, Any]]]:
    related = st.fixed_dictionaries({}, optional={"associatedConversationId": st.sampled_from(CONVERSATIONS)})
    one = st.tuples(st.lists(_people(), max_size=3), related)
    return st.lists(one, min_size=3, max_size=3).map(
        lambda drawn: [
            conversation(id_, *people, **more) for id_, (people, more) in zip(CONVERSATIONS, drawn, strict=True)
        ]
    )


@given(_conversations(), st.sampled_from([(Kind.CONVERSATION, CONVERSATIONS[0]), (Kind.USER, USER)]))
def test_tables_of_scrubbed_answers_are_scrubbed_tables(
    items: list[dict[str, Any]], forgotten: tuple[Kind, str]
) -> None:
    agree(items, who(*forgotten))


@given(_conversations())
def test_so_are_those_of_external_contacts(items: list[dict[str, Any]]) -> None:
    met = [
        each["conversationId"]
        for each in items
        if any(one.get("externalContactId") == CONTACT for one in each["participants"])
    ]
    agree(items, who(Kind.EXTERNAL_CONTACT, CONTACT).joined_by(Kind.CONTACT_CONVERSATION, met, KEEP))


def agree(items: list[dict[str, Any]], forgotten: ForgottenIds) -> None:
    raw = json.dumps({"conversations": items}).encode()
    left = scrubbed_answer(DETAILS, raw, forgotten)
    before, after = explode(decode(raw).conversations), explode(decode(left.body if left else raw).conversations)
    for spec in CONVERSATION_TABLES:
        rows = scrubbed_rows(f"tables/{spec.name}", before[spec.name], forgotten, Traces())
        rows = before[spec.name] if rows is None else rows
        assert rows.to_pylist() == after[spec.name].to_pylist(), spec.name


@given(_conversations(), st.sampled_from([(Kind.CONVERSATION, CONVERSATIONS[0]), (Kind.USER, USER)]))
def test_nobody_stands_in_what_was_scrubbed_and_to_scrub_it_again_changes_nothing(
    items: list[dict[str, Any]], forgotten: tuple[Kind, str]
) -> None:
    list_, raw = who(*forgotten), json.dumps({"conversations": items}).encode()
    left = scrubbed_answer(DETAILS, raw, list_)
    body = left.body if left else raw
    assert forgotten[1].encode() not in body
    assert scrubbed_answer(DETAILS, body, list_) is None


@pytest.mark.parametrize("written", ["user-one", "/api/v2/users/user-one/x", "of user-one, and others"])
def test_an_id_is_found_wherever_it_stands(written: str) -> None:
    text = json.dumps({"conversations": [conversation("c-1", externalTag=written)]})
    left = scrubbed_answer(DETAILS, text.encode(), who(Kind.USER, USER))
    assert left is not None
    assert b"user-one" not in left.body


def test_an_id_is_found_where_it_is_written_with_escapes() -> None:
    text = '{"conversations":[{"conversationId":"conv-\\u006fne","conversationStart":"2026-01-31T12:00:00Z"}]}'
    left = scrubbed_answer(DETAILS, text.encode(), who(Kind.CONVERSATION, "conv-one"))
    assert left is not None
    assert json.loads(left.body) == {"conversations": []}


def test_an_id_that_is_part_of_another_one_is_not_meant() -> None:
    text = json.dumps({"conversations": [conversation("conv-one-more"), conversation("not-conv-one")]})
    assert scrubbed_answer(DETAILS, text.encode(), who(Kind.CONVERSATION, "conv-one")) is None


@pytest.mark.parametrize("wanted", [str.upper, str.lower])
def test_a_uuid_is_the_same_in_upper_and_lower_case(wanted: Callable[[str], str]) -> None:
    id_ = "5e4f9c1a-0d5b-4c55-9c0f-1f2f4be0a001"
    text = json.dumps({"conversations": [conversation(id_), conversation("other", externalTag=f"of {id_.upper()}")]})
    left = scrubbed_answer(DETAILS, text.encode(), who(Kind.CONVERSATION, wanted(id_)))
    assert left is not None
    assert id_ not in left.body.decode().lower()
    assert [each["conversationId"] for each in json.loads(left.body)["conversations"]] == ["other"]


def test_an_id_in_a_map_of_another_tables_is_found() -> None:
    rows = pa.table({"tags": pa.array([[("of", CONTACT)], []], pa.map_(pa.string(), pa.string()))})
    left = scrubbed_rows("downstream/tags", rows, who(Kind.EXTERNAL_CONTACT, CONTACT), Traces())
    assert left is not None
    assert CONTACT not in str(left.to_pylist())


@pytest.mark.parametrize(
    ("text", "is_gone"), [("Anna Bell", True), ("Anna Bells Notiz", True), ("Joanna Bellamy", False)]
)
def test_a_name_within_the_name_of_another_is_not_meant(text: str, is_gone: bool) -> None:
    rows = pa.table({"participant_name": [text]})
    left = scrubbed_rows("tables/participants", rows, ForgottenIds(), Traces({"anna bell": "forgotten:1"}))
    assert (left is not None) == is_gone


def test_an_id_that_was_hashed_is_known_too() -> None:
    protection = Protection(dict.fromkeys(PersonalData, "hash"), b"k" * 32)
    list_ = who(Kind.USER, USER, protection=protection)
    answer = {"conversations": [conversation("c-1", participant("p", "agent", userId=protection.hashed(USER)))]}
    left = scrubbed_answer(DETAILS, json.dumps(answer).encode(), list_)
    raw = scrubbed_answer(DETAILS, json.dumps(answer).replace(protection.hashed(USER), USER).encode(), list_)
    assert left is not None
    assert raw is not None
    assert left.body == raw.body


def test_a_user_keeps_no_more_than_a_pseudonym_and_a_division() -> None:
    user = {"id": USER, "name": "Ann Miller", "division": {"id": "d"}, "state": "active", "selfUri": f"/users/{USER}"}
    left = scrubbed_answer(USERS, json.dumps({"entities": [user]}).encode(), who(Kind.USER, USER))
    assert left is not None
    (kept,) = json.loads(left.body)["entities"]
    assert kept == {"id": kept["id"], "division": {"id": "d"}, "state": "active"}
    assert kept["id"].startswith("forgotten:")


def test_a_group_of_a_forgotten_contact_keeps_its_figures() -> None:
    group = {"externalContactId": CONTACT, "ani": "tel:+4179", "queueId": "q-1"}
    answer = {"results": [{"group": group, "data": [1]}, {"group": {"conversationId": "conv-one"}, "data": []}]}
    list_ = who(Kind.EXTERNAL_CONTACT, CONTACT).joined_by(Kind.CONVERSATION, ["conv-one"], KEEP)
    left = scrubbed_answer(AGGREGATES, json.dumps(answer).encode(), list_)
    assert left is not None
    (result,) = json.loads(left.body)["results"]
    pseudonym = result["group"]["ani"]
    assert pseudonym.startswith("forgotten:")
    assert result == {"group": {"externalContactId": pseudonym, "ani": pseudonym, "queueId": "q-1"}, "data": [1]}
    key = json.dumps(group, sort_keys=True, separators=(",", ":"))
    row = dict.fromkeys(INTERVAL_METRICS.schema.names) | {"group_key": key}
    rows = scrubbed_rows(
        "tables/interval_metrics", pa.Table.from_pylist([row], INTERVAL_METRICS.schema), list_, Traces()
    )
    assert rows is not None
    assert json.loads(rows["group_key"][0].as_py()) == result["group"]


@pytest.mark.parametrize("body", [b"{}", b'{"conversations":null}', b'{"conversations":[null,5,{"participants":7}]}'])
def test_an_answer_of_another_form_is_left_as_it_is(body: bytes) -> None:
    assert scrubbed_answer(DETAILS, body, who(Kind.USER, USER)) is None


def test_a_name_is_found_in_texts_and_not_in_what_has_no_class() -> None:
    names = {"ann miller": "forgotten:1"}
    answer = {"conversations": [conversation("c-1", participant("p", "acd", participantName="Ann Miller"))]}
    left = scrubbed_answer(DETAILS, json.dumps(answer).encode(), who(Kind.USER, USER), names)
    assert left is not None
    assert b"Ann" not in left.body
    rows = pa.table({"user_name": ["Ann Miller", "Bob"], "points": [1, 2]})
    after = scrubbed_rows("reports/own", rows, ForgottenIds(), Traces(names))
    assert after is not None
    assert after["user_name"].to_pylist() == ["forgotten:1", "Bob"]
    queues = pa.table({"id": ["q"], "name": ["Ann Miller"]})
    assert scrubbed_rows("reference/queues", queues, ForgottenIds(), Traces(names)) is None


def test_metrics_and_instants_stay() -> None:
    item = conversation("c-1", participant("p", "agent", session("s-1", metrics=[metric("tHandle", 5)]), userId=USER))
    left = scrubbed_answer(DETAILS, json.dumps({"conversations": [item]}).encode(), who(Kind.USER, USER))
    assert left is not None
    (kept,) = json.loads(left.body)["conversations"]
    assert kept["participants"][0]["sessions"] == item["participants"][0]["sessions"]


def test_a_member_of_a_queue_stays_without_a_name_and_so_does_a_user_with_skills() -> None:
    named = {"id": USER, "name": "Ann Miller", "user": {"id": USER, "name": "Ann Miller"}, "ringNumber": 2}
    other = {"id": "user-two", "name": "Bo Roe", "joined": True}
    forgotten = who(Kind.USER, USER)
    for place, more in (("queue_members", {"joined": True}), ("user_skills", {"skills": [{"id": "s", "name": "S"}]})):
        body = json.dumps({"entities": [named | more, other]}).encode()
        left = scrubbed_answer(f"pages/reference_{place}", body, forgotten)
        assert left is not None
        first, second = json.loads(left.body)["entities"]
        assert first.pop("id").startswith("forgotten:")
        assert (first, second) == ({"ringNumber": 2} | more, other)


def _noted(note: str, name: str = "Ann Miller") -> dict[str, Any]:
    call = session("s-1", "voice", segments=[segment("interact", 0, 9, wrapUpNote=note)])
    return conversation("c-1", participant("p-1", "agent", call, userId="user-two", participantName=name))


def listed(tmp_path: Path, *names: str) -> ForgottenIds:
    """The list of forgotten ids in a lake, with the names of a user."""
    store = LocalStore(tmp_path)
    remember(store, Kind.USER, [USER], KEEP)
    remember_names(store, dict.fromkeys(names, "forgotten:0123456789abcdef"))
    return ForgottenIds.load(store)


@pytest.mark.parametrize("note", ["ask Ann Miller", "ANN MILLER's desk", "Ann Millers desk", "(ann miller)"])
def test_the_name_of_a_forgotten_user_does_not_come_back_in_a_later_note(tmp_path: Path, note: str) -> None:
    body = json.dumps({"conversations": [_noted(note)]}).encode()
    left = scrubbed_answer(DETAILS, body, listed(tmp_path, "ann miller", "ann@example.com"))
    assert left is not None
    assert b"desk" not in left.body
    assert "wrapUpNote" not in left.body.decode()


@pytest.mark.parametrize("note", ["call Joann Millerton", "ann", "miller, ann", ""])
def test_a_note_that_names_nobody_stays(tmp_path: Path, note: str) -> None:
    body = json.dumps({"conversations": [_noted(note)]}).encode()
    assert scrubbed_answer(DETAILS, body, listed(tmp_path, "ann miller")) is None


def test_a_person_with_the_same_name_as_a_forgotten_user_keeps_it(tmp_path: Path) -> None:
    body = json.dumps({"conversations": [_noted("ask Ann Miller")]}).encode()
    left = scrubbed_answer(DETAILS, body, listed(tmp_path, "ann miller"))
    assert left is not None
    assert json.loads(left.body)["conversations"][0]["participants"][0]["participantName"] == "Ann Miller"


def test_the_list_of_names_reveals_no_name(tmp_path: Path) -> None:
    listed(tmp_path, "ann miller")
    (kept,) = (path.name for path in tmp_path.rglob("user-name/*"))
    assert hashlib.sha256(b"ann miller").hexdigest() not in kept
    assert kept.endswith(".0123456789abcdef.10")
