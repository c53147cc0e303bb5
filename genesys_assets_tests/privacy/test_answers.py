"""A protected answer gives the same tables, except for the protected columns."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.cloud.http.page import Page, request_text
from genesys_assets.lake.lake import PAGES, Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.answers import CannotDrop, protected, rule_of
from genesys_assets.privacy.protection import Action, Protection
from genesys_assets.privacy.screen import Screen
from genesys_assets.tables.conversations import model
from genesys_assets.tables.conversations.decode import UnreadablePage, decode
from genesys_assets.tables.conversations.explode import explode
from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES
from genesys_assets.tables.conversations.model import Field
from genesys_assets.tables.entities import ENTITIES, entity_table
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS, metric_rows
from genesys_assets.tables.personal import MissingClass
from genesys_assets.tables.spec import TableSpec
from genesys_assets_tests.tables.builders import conversation, participant, segment, session
from genesys_assets_tests.tables.strategies import Item, few, items

DETAILS, AGGREGATES, USERS = "pages/daily_details", "pages/hourly_aggregates", "pages/reference_users"
KEY = b"a key of thirty-two characters!!"
HASH = Protection(dict.fromkeys(PersonalData, "hash"), KEY)
DROP = Protection(dict.fromkeys(PersonalData, "drop"), KEY)
BUCKET = {"interval": "2026-01-28T10:00:00.000Z/2026-01-28T10:15:00.000Z", "metrics": []}


def after(place: str, answer: Any, protection: Protection) -> Any:
    return json.loads(protected(json.dumps(answer).encode(), rule_of(place), protection))


def only(class_: PersonalData, action: Action) -> Protection:
    return Protection({class_: action}, KEY)


CALL = conversation(
    "conv-1",
    participant(
        "p1",
        "customer",
        session("s1", "voice", segments=[segment("interact", 0, 9, subject="my bill", wrapUpNote="called twice")])
        | {"ani": "tel:+41791234567", "cc": ["a@example.com", "b@example.com"], "newField": {"x": "secret", "n": 5}},
        participantName="Łucja Nowak",
        externalContactId="contact-1",
        attributes={"customer": "4711", "vip": "yes"},
    ),
    participant("p2", "agent", session("s2", "voice", segments=[]), userId="user-1", participantName="Ann"),
)


def test_a_hash_is_the_same_in_every_table() -> None:
    raw = after(DETAILS, {"conversations": [CALL]}, HASH)["conversations"][0]
    users = after(USERS, {"entities": [{"id": "user-1", "name": "Ann", "state": "active"}]}, HASH)["entities"]
    group = after(AGGREGATES, {"results": [{"group": {"userId": "user-1", "mediaType": "voice"}}]}, HASH)
    agent = raw["participants"][1]
    assert agent["userId"] == users[0]["id"] == group["results"][0]["group"]["userId"] == HASH.hashed("user-1")
    assert agent["participantName"] == users[0]["name"] == HASH.hashed("Ann")
    assert (users[0]["state"], group["results"][0]["group"]["mediaType"]) == ("active", "voice")


def test_nothing_of_a_class_is_left_where_it_is_dropped() -> None:
    customer, agent = after(DETAILS, {"conversations": [CALL]}, DROP)["conversations"][0]["participants"]
    assert customer == {
        "participantId": "p1",
        "purpose": "customer",
        "attributes": {},
        "sessions": [
            {
                **session("s1", "voice", segments=[segment("interact", 0, 9)]),
            }
        ],
    }
    assert set(agent) == {"participantId", "purpose", "userId", "sessions"}


@pytest.mark.parametrize(
    ("class_", "gone", "stays"),
    [
        ("contact", ["+4179", "Łucja", "contact-1", "a@example.com", "secret"], ["my bill", "4711", "user-1", "Ann"]),
        ("content", ["my bill", "called twice", "4711", "secret"], ["+4179", "Łucja", "user-1", "Ann"]),
        ("person", ["user-1", "Ann", "secret"], ["+4179", "Łucja", "my bill", "4711"]),
    ],
)
@pytest.mark.parametrize("action", ["hash", "drop"])
def test_each_class_is_protected_by_itself(class_: str, gone: list[str], stays: list[str], action: Action) -> None:
    left = json.dumps(after(DETAILS, {"conversations": [CALL]}, only(PersonalData(class_), action)), ensure_ascii=False)
    assert not [value for value in gone if value in left]
    assert [value for value in stays if value in left] == stays


@pytest.mark.parametrize("class_", [PersonalData.PERSON, PersonalData.CONTACT, PersonalData.CONTENT])
@pytest.mark.parametrize("action", ["hash", "drop"])
@pytest.mark.parametrize(
    ("place", "answer", "path"),
    [
        (DETAILS, {"newField": "secret"}, "newField"),
        (DETAILS, {"totalHits": {"by": "secret"}}, "totalHits"),
        (DETAILS, {"conversations": [{"newField": {"x": ["secret"]}}]}, "conversations.newField"),
        (DETAILS, {"conversations": ["secret"]}, "conversations"),
        (
            DETAILS,
            {"conversations": [{"originatingDirection": [{"x": "secret"}]}]},
            "conversations.originatingDirection",
        ),
        (AGGREGATES, {"results": [{"who": "secret"}]}, "results.who"),
        (AGGREGATES, {"results": [{"data": [{"who": "secret"}]}]}, "results.data.who"),
        (AGGREGATES, {"results": [{"data": [{"metrics": [{"stats": {"who": 5, "x": "secret"}}]}]}]}, None),
        (USERS, {"entities": [{"chat": {"jabberId": "secret"}}]}, "entities.chat"),
        ("pages/reference_queues", {"entities": [{"owner": "secret"}], "more": "secret"}, "entities.owner"),
        ("live/queues", {"results": [{"data": [{"observations": [{"ani": "secret"}]}]}]}, "results.data.observations"),
        ("live/conversations", {"entities": [{"newField": "secret"}]}, "entities.newField"),
    ],
)
def test_a_field_that_nobody_knows_is_dropped_and_counted_unless_everything_is_kept(
    class_: PersonalData, action: Action, place: str, answer: Any, path: str | None
) -> None:
    dropped: Counter[str] = Counter()
    left = protected(json.dumps(answer).encode(), rule_of(place), only(class_, action), dropped)
    assert b"secret" not in left
    assert path is None or dropped[path] == 1


def test_a_file_of_pages_says_which_unknown_fields_it_lacks(tmp_path: Path) -> None:
    lake = Lake(LocalStore(tmp_path), protection=only(PersonalData.CONTACT, "hash"))
    body = json.dumps({"conversations": [CALL, CALL | {"newField": 1}]}).encode()
    page = Page(1, request_text("GET", "/x"), datetime(2026, 1, 28, tzinfo=UTC), None, body)
    with lake.page_writers(DETAILS, ["2026-01-28"], {}) as writers:
        writers["2026-01-28"].write(page)
        writers["2026-01-28"].restart()
        writers["2026-01-28"].write(page)
    said = lake.provenance(DETAILS, "2026-01-28")["unknown_fields_dropped"]
    assert said == {"conversations.participants.sessions.newField": 2, "conversations.newField": 1}


def names(answered: Any) -> list[dict[str, Any]]:
    return [
        {
            name: value
            for item in (participant, *participant["sessions"])
            for name, value in item.items()
            if name in ("participantName", "remote", "addressSelf", "addressOther")
        }
        for participant in answered["conversations"][0]["participants"]
    ]


def between(**of_third: Any) -> Any:
    """A call by Łucja that Ann takes, with a third participant."""
    legs = {"mediaType": "voice", "direction": "inbound", "ani": "tel:+4179"}
    sessions = [
        legs | {"remote": "Ann", "addressSelf": "tel:+4179", "addressOther": "sip:ann@example.com"},
        legs | {"remote": "+4179", "addressSelf": "sip:ann@example.com", "addressOther": "sip:+4179"},
        legs | {"remote": "Łucja", "addressSelf": "sip:q@example.com"},
    ]
    people = [
        {"purpose": "customer", "participantName": "Łucja", "sessions": [sessions[0]]},
        {"purpose": "agent", "participantName": "Ann", "userId": "user-1", "sessions": [sessions[1]]},
        {"purpose": "acd", "participantName": "Sales", "sessions": [sessions[2]], **of_third},
    ]
    return {"conversations": [{"conversationId": "c", "participants": people}]}


def test_where_persons_are_dropped_nothing_names_an_agent_and_customers_stay() -> None:
    assert names(after(DETAILS, between(), only(PersonalData.PERSON, "drop"))) == [
        {"participantName": "Łucja", "addressSelf": "tel:+4179"},
        {"remote": "+4179", "addressOther": "sip:+4179"},
        {"remote": "Łucja"},
    ]


def test_where_contacts_are_dropped_nothing_names_a_customer_and_agents_stay() -> None:
    assert names(after(DETAILS, between(), only(PersonalData.CONTACT, "drop"))) == [
        {"remote": "Ann", "addressOther": "sip:ann@example.com"},
        {"participantName": "Ann", "addressSelf": "sip:ann@example.com"},
        {},
    ]


def test_a_name_of_somebody_is_hashed_or_dropped_as_the_class_that_it_has() -> None:
    mixed = Protection({PersonalData.PERSON: "hash", PersonalData.CONTACT: "drop"}, KEY)
    ann, address = HASH.hashed("Ann"), HASH.hashed("sip:ann@example.com")
    assert names(after(DETAILS, between(), mixed)) == [
        {"remote": ann, "addressOther": address},
        {"participantName": ann, "addressSelf": address},
        {},
    ]


@pytest.mark.parametrize("purpose", ["user", "Agent", "AGENT"])
def test_an_agent_is_known_by_the_purpose_in_any_case(purpose: str) -> None:
    third = names(after(DETAILS, between(purpose=purpose, participantName="Bo"), only(PersonalData.PERSON, "drop")))[2]
    assert third == {"remote": "Łucja"}


def test_a_participant_who_may_be_agent_or_customer_is_protected_as_both() -> None:
    for class_ in (PersonalData.PERSON, PersonalData.CONTACT):
        third = names(after(DETAILS, between(purpose="???", participantName="Bo"), only(class_, "drop")))[2]
        assert "participantName" not in third


@pytest.mark.parametrize(
    "session",
    [
        {"scoredAgents": [{"scoredAgentId": "u", "agentScore": 1, "agentName": "secret"}]},
        {
            "segments": [
                {"scoredAgents": [{"agentScore": 1, "agentName": "secret"}], "properties": [{"more": "secret"}]}
            ]
        },
        {"agentGroups": [{"agentGroupId": "g", "note": {"by": ["secret"]}}]},
        {"segments": "secret", "flow": "secret"},
    ],
)
def test_fields_that_nobody_knows_are_dropped_wherever_they_stand(session: dict[str, Any]) -> None:
    participant = {"participantId": "p", "attributes": "secret", "sessions": [session]}
    answer = {"conversations": [{"conversationId": "c", "participants": [participant]}]}
    assert "secret" not in json.dumps(after(DETAILS, answer, DROP))


def test_ids_of_users_are_hashed_where_persons_are_dropped() -> None:
    (user,) = after(USERS, {"entities": [{"id": "user-1", "name": "Ann", "email": "ann@example.com"}]}, DROP)[
        "entities"
    ]
    assert user == {"id": HASH.hashed("user-1")}


def test_what_is_grouped_by_is_hashed_where_it_is_dropped() -> None:
    answer = {"results": [{"group": {"ani": "tel:+4179"}, "data": [BUCKET]}]}
    assert after(AGGREGATES, answer, DROP)["results"][0]["group"] == {"ani": HASH.hashed("tel:+4179")}
    with pytest.raises(CannotDrop, match=r"^ani identifies rows and holds contact data, .* Set GENESYS_ASSETS_PERS"):
        after(AGGREGATES, answer, Protection({PersonalData.CONTACT: "drop"}))


def test_of_the_organisation_only_who_made_something_is_personal() -> None:
    queue = {
        "id": "q",
        "name": "Sales",
        "createdBy": "user-1",
        "mediaSettings": {"call": {"alertingTimeoutSeconds": 8}},
    }
    (left,) = after("pages/reference_queues", {"entities": [queue]}, HASH)["entities"]
    assert left == queue | {"createdBy": HASH.hashed("user-1")}


def test_a_number_where_a_text_belongs_is_hashed_as_the_text_that_the_table_would_have() -> None:
    answer = {"conversations": [CALL | {"externalTag": 4711, "divisionIds": ["d"]}]}
    seen = after(DETAILS, answer, HASH)["conversations"][0]
    assert (seen["externalTag"], seen["divisionIds"]) == (HASH.hashed("4711"), ["d"])


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"x"', b"[" * 100_000])
def test_an_answer_that_cannot_be_searched_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadablePage):
        protected(body, rule_of(DETAILS), HASH)


def test_a_place_of_which_nobody_said_where_personal_data_stand_is_refused() -> None:
    with pytest.raises(MissingClass, match=r"pages/new_things.*privacy/answers\.py"):
        rule_of("pages/new_things")


def test_where_everything_is_kept_a_page_is_not_looked_at() -> None:
    page = Page(1, request_text("GET", "/x"), datetime(2026, 1, 28, tzinfo=UTC), None, b"not JSON at all")
    assert Screen("pages/of nobody knows what").page(page) is page


# -- the law: protected answers give protected tables ------------------------------------------------------------------


def expected(spec: TableSpec, rows: pa.Table, protection: Protection) -> list[dict[str, Any]]:
    classified = [column.name for column in spec.columns if spec.personal(column) is not PersonalData.NONE]
    return [
        {name: _hashed(value, name, protection) if name in classified else value for name, value in row.items()}
        for row in rows.to_pylist()
    ]


def _hashed(value: Any, name: str, protection: Protection) -> Any:
    if isinstance(value, str):
        return protection.hashed(value)
    if isinstance(value, list):
        return [_hashed(each, name, protection) for each in value]
    if isinstance(value, dict):
        return {member: _hashed(each, name, protection) for member, each in value.items()}
    return value


def _drawn(type_: pa.DataType) -> st.SearchStrategy[Any] | None:
    if pa.types.is_string(type_):
        return st.text(max_size=3)
    if pa.types.is_struct(type_):
        return items(**{each.name: drawn for each in type_ if (drawn := _drawn(each.type)) is not None})
    of_elements = _drawn(type_.value_type) if pa.types.is_list(type_) else None
    return None if of_elements is None else few(of_elements)


def of_model(fields: tuple[Field, ...], **nested: st.SearchStrategy[Any]) -> st.SearchStrategy[Item]:
    """Objects with any of the fields that hold texts."""
    texts = {each.wire: drawn for each in fields if (drawn := _drawn(each.type)) is not None}
    return items(**texts, **nested)


_SESSIONS = of_model(model.SESSION, segments=few(of_model(model.SEGMENT), 2), flow=of_model(model.FLOW))
_PARTICIPANTS = of_model(
    model.PARTICIPANT,
    sessions=few(_SESSIONS, 2),
    attributes=st.dictionaries(st.sampled_from(["customer", "vip"]), st.text(max_size=3)),
)
CONVERSATIONS = of_model(
    model.CONVERSATION,
    participants=few(_PARTICIPANTS, 2),
    evaluations=few(of_model(model.EVALUATION), 1),
    surveys=few(of_model(model.SURVEY), 1),
    resolutions=few(of_model(model.RESOLUTION), 1),
).map(lambda drawn: drawn | conversation("c", *drawn.get("participants", [])))


@pytest.mark.long
@given(CONVERSATIONS)
def test_tables_of_hashed_answers_are_the_tables_with_their_columns_hashed(item: Item) -> None:
    raw = json.dumps({"conversations": [item]}).encode()
    before = explode(decode(raw).conversations)
    now = explode(decode(protected(raw, rule_of(DETAILS), HASH)).conversations)
    for spec in CONVERSATION_TABLES:
        left_out = ["is_truncated"] if "is_truncated" in spec.schema.names else []
        seen = now[spec.name].drop_columns(left_out).to_pylist()
        assert seen == expected(spec, before[spec.name].drop_columns(left_out), HASH), spec.name


def test_figures_of_hashed_answers_are_the_same_figures() -> None:
    metrics = [{"metric": "tHandle", "stats": {"count": 2, "sum": 5000, "min": 1000, "max": 4000}}]
    answer = {"results": [{"group": {"userId": f"u{nth}"}, "data": [BUCKET | {"metrics": metrics}]} for nth in (1, 2)]}
    request = request_text("POST", "/x", body={"groupBy": ["userId"]})
    raw = json.dumps(answer).encode()
    tables = [
        metric_rows(INTERVAL_METRICS, [(request, body)]).table
        for body in (raw, protected(raw, rule_of(AGGREGATES), HASH))
    ]
    ids = [HASH.hashed(user) for user in tables[0]["user_id"].to_pylist()]
    assert sorted(tables[1]["user_id"].to_pylist()) == sorted(ids)
    assert tables[1].select(["sum", "count", "min", "max"]).equals(tables[0].select(["sum", "count", "min", "max"]))


def test_a_listing_of_hashed_users_keeps_each_of_them() -> None:
    listing = {"entities": [{"id": f"u{nth}", "name": f"Agent {nth}", "state": "active"} for nth in range(3)]}
    body = protected(json.dumps(listing).encode(), rule_of(USERS), DROP)
    users = entity_table(ENTITIES["users"], [body])
    assert users["name"].null_count == len(users) == 3
    assert PAGES.name not in ENTITIES


def test_of_members_and_users_with_skills_everything_is_personal_but_where_they_belong() -> None:
    member = {"id": "u", "name": "Ann", "user": {"id": "u"}, "joined": True, "ringNumber": 1, "memberBy": "user"}
    (left,) = after("pages/reference_queue_members", {"entities": [member]}, DROP)["entities"]
    assert left == {"id": DROP.hashed("u"), "joined": True, "ringNumber": 1, "memberBy": "user"}
    user = {"id": "u", "name": "Ann", "email": "a@b", "skills": [{"id": "s", "proficiency": 1}]}
    (left,) = after("pages/reference_user_skills", {"entities": [user]}, DROP)["entities"]
    assert left == {"id": DROP.hashed("u"), "skills": [{"id": "s", "proficiency": 1}]}
