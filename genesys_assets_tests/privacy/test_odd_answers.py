"""An answer of any form is protected and scrubbed, or refused with a named error."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.answers import protected, rule_of
from genesys_assets.privacy.forgotten import ForgottenIds, Kind
from genesys_assets.privacy.protection import KEEP, Action, Protection
from genesys_assets.privacy.scrubbed_answers import scrubbed
from genesys_assets.tables.conversations.decode import UnreadablePage

PLACES = (
    *("pages/daily_details", "pages/hourly_aggregates", "pages/reference_users", "pages/reference_queues"),
    *("live/conversations", "live/queues"),
)
HASH = Protection(dict.fromkeys(PersonalData, "hash"), b"k" * 32)
IDS = ("conv-one", "user-one", "contact-one")
WHO = ForgottenIds()
for kind, id_ in zip((Kind.CONVERSATION, Kind.USER, Kind.EXTERNAL_CONTACT), IDS, strict=True):
    WHO = WHO.joined_by(kind, [id_], KEEP)

NAMES = st.sampled_from(
    [
        *("conversations", "participants", "sessions", "segments", "flow", "outcomes", "metrics", "attributes"),
        *("results", "group", "data", "entities", "id", "name", "conversationId", "userId", "externalContactId"),
        *("participantName", "ani", "subject", "wrapUpNote", "proposedAgents", "scoredAgents", "cc", "division"),
        *("callbackNumbers", "evaluations", "unknownField", "createdBy", "associatedConversationId"),
    ]
)
TEXTS = st.sampled_from([*IDS, "Ann Miller", "\ud800"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=25,
)
ANSWERS = st.dictionaries(NAMES, VALUES, max_size=4)


@given(ANSWERS, st.sampled_from(PLACES))
def test_an_answer_of_any_form_is_protected(answer: dict[str, Any], place: str) -> None:
    body = protected(json.dumps(answer).encode(), rule_of(place), HASH)
    assert protected(body, rule_of(place), HASH) == body


@given(ANSWERS, st.sampled_from(PLACES))
def test_nobody_is_left_in_an_answer_of_any_form(answer: dict[str, Any], place: str) -> None:
    raw = json.dumps(answer).encode()
    left = scrubbed(place, raw, WHO, ["ann miller"])
    body = left.body if left else raw
    assert not [id_ for id_ in IDS if id_.encode() in body]
    assert scrubbed(place, body, WHO, ["ann miller"]) is None


@pytest.mark.parametrize("action", ["hash", "drop"])
@pytest.mark.parametrize("field", ["participantName", "userId", "externalContactId"])
def test_an_object_in_place_of_a_personal_text_is_left_out_with_the_names_of_its_fields(
    field: str, action: Action
) -> None:
    participant = {"participantId": "p", field: {"Ann Miller": 1}}
    answer = {"conversations": [{"conversationId": "c", "participants": [participant]}]}
    protection = Protection(dict.fromkeys(PersonalData, action), b"k" * 32)
    dropped: Counter[str] = Counter()
    body = protected(json.dumps(answer).encode(), rule_of("pages/daily_details"), protection, dropped)
    assert b"Miller" not in body
    assert dropped == {f"conversations.participants.{field}": 1}


def refusals(body: bytes, place: str) -> list[str]:
    """The errors for an answer that is refused."""
    said = []
    for work in (lambda: protected(body, rule_of(place), HASH), lambda: scrubbed(place, body, WHO, ["ann miller"])):
        try:
            work()
        except UnreadablePage as refused:
            said.append(str(refused))
    return said


@given(st.binary(), st.sampled_from(PLACES))
def test_bytes_of_any_kind_are_taken_or_refused_by_name(body: bytes, place: str) -> None:
    assert all(refusals(body, place))


@pytest.mark.parametrize("depth", [400, 900, 2_000, 100_000])
def test_an_answer_that_is_nested_deeply_is_taken_or_refused_by_name(depth: int) -> None:
    body = b'{"conversations":[{"unknownField":' + b"[" * depth + b'"conv-one"' + b"]" * depth + b"}]}"
    assert all(said.startswith("an answer is") for said in refusals(body, PLACES[0]))
