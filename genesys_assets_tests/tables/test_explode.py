from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.tables.conversation_model import CONVERSATION_TABLES
from genesys_assets.tables.decode import decode
from genesys_assets.tables.explode import explode
from genesys_assets_tests.tables.builders import conversation, metric, page, participant, segment, session

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
    for name, table in explode(decode(b"{}").conversations).items():
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
