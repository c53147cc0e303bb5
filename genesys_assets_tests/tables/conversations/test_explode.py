from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.conversations.decode import decode
from genesys_assets.tables.conversations.explode import explode
from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS, interaction_legs
from genesys_assets_tests.tables.builders import conversation, metric, page, participant, segment, session
from genesys_assets_tests.tables.strategies import Item, conversations

pytestmark = pytest.mark.long

CUSTOMER = participant(
    "customer",
    "customer",
    session(
        "c1",
        "voice",
        segments=[segment("ivr", 0, 5), segment("interact", 5, 60)],
        mediaEndpointStats=[{"minMos": 4.5, "codecs": ["audio/opus"]}, {"minMos": 4.9}],
    ),
)
QUEUE = participant(
    "queue",
    "acd",
    session(
        "q1",
        "voice",
        segments=[segment("interact", 5, 9, queueId="Q1"), segment("interact", 9, 10)],
        metrics=[metric("nOffered", 1, 5), metric("tAcd", 5000, 10)],
    ),
)
AGENT = participant(
    "agent",
    "agent",
    session(
        "a1",
        "voice",
        segments=[
            segment("interact", 10, 50, queueId="Q1"),
            segment("wrapup", 50, None, queueId="Q2", wrapUpCode="W"),
        ],
        metrics=[metric("nConnected", 1, 10), metric("nConnected", 1, 10), metric("nConnected", 1, 11)],
        flow={
            "flowId": "F",
            "endingLanguage": "en-us",
            "outcomes": [{"flowOutcomeId": "O1"}, {"flowOutcomeId": "O2"}],
        },
    ),
    userId="U1",
)


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    whole = conversation(
        "whole",
        CUSTOMER,
        QUEUE,
        AGENT,
        evaluations=[{"evaluationId": "E", "oTotalScore": 88}],
        surveys=[{"surveyId": "S"}],
    )
    still_open = conversation("open", participant("p", "agent", session("s", "email")), seconds=None)
    empty = conversation("empty")
    return explode(decode(page(whole, still_open, empty)).conversations)


def rows(table: pa.Table, *names: str) -> list[Any]:
    listed = table.select(list(names)).to_pylist()
    return [tuple(row.values()) if len(names) > 1 else next(iter(row.values())) for row in listed]


def test_every_table_has_exactly_its_declared_columns(tables: dict[str, pa.Table]) -> None:
    for spec in CONVERSATION_TABLES:
        assert tables[spec.name].schema == spec.schema
        assert len({column.name for column in spec.columns}) == len(spec.columns)
        assert set(spec.key) <= set(spec.schema.names)


def test_duration_is_null_while_a_conversation_is_in_progress(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["conversations"], "conversation_id", "is_complete", "duration_ms") == [
        ("whole", True, 60_000),
        ("open", False, None),
        ("empty", True, 60_000),
    ]


def test_a_session_without_segments_has_no_start_and_no_queue(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["sessions"], "session_id", "session_start", "session_end", "queue_id")[-1] == (
        "s",
        None,
        None,
        None,
    )


def test_a_sessions_queue_is_that_of_its_last_segment_that_has_one(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["sessions"], "session_id", "queue_id") == [
        ("c1", None),
        ("q1", "Q1"),
        ("a1", "Q2"),
        ("s", None),
    ]


def test_an_open_segment_leaves_its_session_open(tables: dict[str, pa.Table]) -> None:
    ended = dict(rows(tables["sessions"], "session_id", "session_end"))
    assert ended["a1"] is None
    assert ended["q1"].second == 10


def test_segments_are_numbered_inside_their_session(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["segments"], "session_id", "ordinal", "duration_ms") == [
        ("c1", 0, 5_000),
        ("c1", 1, 55_000),
        ("q1", 0, 4_000),
        ("q1", 1, 1_000),
        ("a1", 0, 40_000),
        ("a1", 1, None),
    ]


def test_equal_metrics_in_one_session_stay_apart(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["session_metrics"], "metric", "value", "ordinal", "user_id", "queue_id") == [
        ("nOffered", 1, 0, None, "Q1"),
        ("tAcd", 5000, 0, None, "Q1"),
        ("nConnected", 1, 0, "U1", "Q2"),
        ("nConnected", 1, 1, "U1", "Q2"),
        ("nConnected", 1, 0, "U1", "Q2"),
    ]


def test_children_of_flows_and_media_keep_their_session(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["flow_outcomes"], "session_id", "ordinal", "flow_id", "flow_outcome_id") == [
        ("a1", 0, "F", "O1"),
        ("a1", 1, "F", "O2"),
    ]
    assert rows(tables["media_endpoint_stats"], "session_id", "ordinal", "codecs") == [
        ("c1", 0, ["audio/opus"]),
        ("c1", 1, None),
    ]
    assert rows(tables["evaluations"], "conversation_id", "evaluation_id", "o_total_score") == [("whole", "E", 88)]
    assert rows(tables["surveys"], "conversation_id", "survey_id") == [("whole", "S")]


@pytest.mark.parametrize(
    ("participants", "expected"),
    [
        (
            (participant("a", "agent", session("1", "chat", segments=[segment("interact", 0, 1)])), CUSTOMER),
            "voice",
        ),
        (
            (
                participant("e", "external", session("1", "email", segments=[segment("interact", 9, 10)])),
                AGENT,
            ),
            "email",
        ),
        (
            (AGENT, participant("q", "acd", session("1", "message", segments=[segment("interact", 1, 2)]))),
            "message",
        ),
        ((participant("c", "customer", session("1", "chat")), CUSTOMER), "voice"),
        ((participant("c", "customer", session("1", "chat")),), "chat"),
        ((participant("n", None, session("1", "callback")),), "callback"),  # type: ignore[arg-type]
        ((), None),
    ],
)
def test_media_type_is_that_of_the_earliest_session_from_outside(participants: Any, expected: str | None) -> None:
    tables = explode(decode(page(conversation("x", *participants))).conversations)
    assert rows(tables["conversations"], "media_type") == [expected]


def test_no_conversations_give_empty_tables_of_the_same_shape() -> None:
    tables = explode(decode(b"{}").conversations)
    assert set(tables) == {spec.name for spec in CONVERSATION_TABLES}
    for name, table in tables.items():
        assert len(table) == 0
        assert table.schema == next(spec.schema for spec in CONVERSATION_TABLES if spec.name == name)


def test_nulls_anywhere_in_the_nesting_leave_the_rest_standing() -> None:
    odd = conversation(
        "a",
        None,  # type: ignore[arg-type]
        participant("p", "agent", None, session("s", segments=None, metrics=[None, metric("tTalk", 5)], flow=None)),  # type: ignore[arg-type]
        {"participantId": "q", "sessions": None},
    )
    tables = explode(decode(page(odd)).conversations)
    assert {name: len(table) for name, table in tables.items() if len(table)} == {
        "conversations": 1,
        "participants": 2,
        "sessions": 1,
        "session_metrics": 1,
    }


# -- what the platform leaves out, or sends twice ----------------------------------------------------------------------


def exploded(*items: Item) -> dict[str, pa.Table]:
    return explode(decode(page(*items)).conversations)


def keys(table: pa.Table, key: tuple[str, ...]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in table.select(list(key)).to_pylist()]


def test_an_evaluation_that_is_listed_twice_is_two_rows() -> None:
    scores = [
        {"evaluationId": "E", "oTotalScore": 50},
        {"evaluationId": "F", "oTotalScore": 70},
        {"evaluationId": "E", "oTotalScore": 60, "rescored": True},
    ]
    tables = exploded(conversation("a", evaluations=scores), conversation("b", evaluations=scores[:1]))
    assert rows(tables["evaluations"], "conversation_id", "evaluation_id", "ordinal", "o_total_score") == [
        ("a", "E", 0, 50),
        ("a", "F", 0, 70),
        ("a", "E", 1, 60),
        ("b", "E", 0, 50),
    ]


def test_surveys_without_an_id_are_numbered() -> None:
    tables = exploded(conversation("a", surveys=[{"surveyPromoterScore": 1}, {"surveyId": "S"}, {}]))
    assert rows(tables["surveys"], "survey_id", "ordinal", "survey_promoter_score") == [
        (None, 0, 1),
        ("S", 0, None),
        (None, 1, None),
    ]


def test_metrics_without_an_emit_date_are_numbered_beside_those_that_have_one() -> None:
    emitted = [{"name": "tTalk", "value": 1}, metric("tTalk", 2), {"name": "tTalk", "value": 3}, {"value": 4}]
    tables = exploded(conversation("a", participant("p", "agent", session("s", metrics=emitted))))
    assert rows(tables["session_metrics"], "metric", "value", "ordinal") == [
        ("tTalk", 1, 0),
        ("tTalk", 2, 0),
        ("tTalk", 3, 1),
        (None, 4, 0),
    ]
    assert tables["session_metrics"]["emit_date"].null_count == 3


def test_a_metric_emitted_right_before_1970_is_not_one_without_an_emit_date() -> None:
    emitted = [{"name": "tTalk", "value": 1}, {"name": "tTalk", "value": 2, "emitDate": "1969-12-31T23:59:59.999Z"}]
    tables = exploded(conversation("a", participant("p", "agent", session("s", metrics=emitted))))
    assert rows(tables["session_metrics"], "ordinal") == [0, 0]


def test_sessions_without_an_id_keep_what_belongs_to_them_apart() -> None:
    def unnamed(queue_id: str) -> Item:
        return {
            "segments": [segment("interact", 0, 1, queueId=queue_id)],
            "metrics": [metric("tTalk", 1)],
            "mediaEndpointStats": [{"minMos": 4.0}],
            "flow": {"flowId": queue_id, "outcomes": [{"flowOutcomeId": "O"}]},
        }

    nobody: Item = {"purpose": "agent", "sessions": [unnamed("Q3")]}
    tables = exploded(conversation("a", participant("p", "agent", unnamed("Q1"), unnamed("Q2")), nobody, nobody))
    numbered = [("p", None, 0), ("p", None, 1), (None, None, 0), (None, None, 1)]
    assert rows(tables["sessions"], "participant_id", "session_id", "ordinal") == numbered
    assert rows(tables["sessions"], "participant_ordinal") == [0, 0, 0, 1]
    assert rows(tables["participants"], "participant_id", "ordinal") == [("p", 0), (None, 0), (None, 1)]
    for name in ("segments", "session_metrics", "media_endpoint_stats", "flow_outcomes"):
        assert rows(tables[name], "participant_id", "session_id", "session_ordinal") == numbered


@pytest.mark.parametrize(
    ("value", "is_truncated"),
    [("x" * 1023, False), ("x" * 1024, True), ("é" * 1023, False), ("🌻" * 511, False), ("🌻" * 512, True)],
)
def test_an_attribute_may_be_cut_where_it_has_1024_units_of_utf_16(value: str, is_truncated: bool) -> None:
    tables = exploded(conversation("a", {"participantId": "p", "attributes": {"k": value, "other": "short"}}))
    assert rows(tables["participant_attributes"], "name", "is_truncated") == [("k", is_truncated), ("other", False)]


def test_attributes_of_participants_without_an_id_keep_their_participant() -> None:
    people = [{"purpose": "agent", "attributes": {"k": value}} for value in "vw"]
    tables = exploded(conversation("a", *people))
    assert rows(tables["participant_attributes"], "participant_id", "participant_ordinal", "name", "value") == [
        (None, 0, "k", "v"),
        (None, 1, "k", "w"),
    ]


@settings(max_examples=150, deadline=None)
@given(st.tuples(conversations("c"), conversations("d")))
def test_keys_hold_whatever_is_left_out_or_repeated(odd: tuple[Item, Item]) -> None:
    tables = exploded(*odd)
    tables[INTERACTION_LEGS.name] = interaction_legs(tables)
    for spec in DAY_TABLES:
        found = keys(tables[spec.name], spec.key)
        assert [key for key, times in Counter(found).items() if times > 1] == [], spec.name
        for name in {*spec.key} - {*spec.null_in_key}:
            assert tables[spec.name][name].null_count == 0, f"{spec.name}.{name}"


@settings(max_examples=100, deadline=None)
@given(conversations("c"))
def test_every_row_finds_the_one_it_belongs_to_by_its_key(odd: Item) -> None:
    tables = exploded(odd)
    session_key = ("conversation_id", "participant_id", "session_id")
    sessions = keys(tables["sessions"], (*session_key, "ordinal"))
    for name in ("segments", "session_metrics", "media_endpoint_stats", "flow_outcomes"):
        assert {*keys(tables[name], (*session_key, "session_ordinal"))} <= {*sessions}
    people = keys(tables["participants"], ("participant_id", "ordinal"))
    for name in ("sessions", "participant_attributes"):
        assert {*keys(tables[name], ("participant_id", "participant_ordinal"))} <= {*people}


def test_ids_that_are_there_give_the_same_key_in_whatever_order_they_come() -> None:
    """So a restated row is compared with its own older form."""
    people = [participant(name, "agent", session(f"{name}1"), session(f"{name}2")) for name in "pqr"]
    scores = [{"evaluationId": name} for name in "EF"]
    forward = exploded(conversation("a", *people, evaluations=scores))
    back = exploded(
        conversation(
            "a",
            *({**one, "sessions": one["sessions"][::-1]} for one in people[::-1]),
            evaluations=scores[::-1],
        )
    )
    for spec in CONVERSATION_TABLES:
        assert {*keys(forward[spec.name], spec.key)} == {*keys(back[spec.name], spec.key)}
