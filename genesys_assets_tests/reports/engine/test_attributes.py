"""Participant attributes as typed columns: values of another type become null, and are counted and reported."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.personal_data import PersonalData
from genesys_assets.reports.engine.attributes import NEEDED, typed
from genesys_assets.reports.engine.compute import compute
from genesys_assets.reports.engine.stored import StoredDay
from genesys_assets.reports.language.measures import AttributeType
from genesys_assets.reports.language.sources import TypedAttribute
from genesys_assets.tables.conversations.flat_tables import PARTICIPANT_ATTRIBUTES
from genesys_assets_tests.reports.engine.test_compute import only, report
from genesys_assets_tests.reports.small_lake import DAY, KEY, Row, at, computed, small_lake

ATTRIBUTES = {
    "tier": {"attribute": "customerTier"},
    "order_value": {"attribute": "OrderValue", "type": "decimal"},
}


def attribute_row(
    conversation: str, name: str, value: str | None, ordinal: int = 0, *, is_truncated: bool = False
) -> Row:
    return {
        "conversation_id": conversation,
        "participant_id": f"p{ordinal}",
        "participant_ordinal": ordinal,
        "name": name,
        "value": value,
        "is_truncated": is_truncated,
    }


def begun(*names: str) -> list[Row]:
    return [{"conversation_id": name, "media_type": "voice"} for name in names]


ROWS = [
    attribute_row("a", "customerTier", "gold"),
    attribute_row("a", "OrderValue", " 12.50 "),
    attribute_row("b", "customerTier", "gold"),
    attribute_row("b", "OrderValue", "12,50"),
    attribute_row("c", "OrderValue", "-0.25", ordinal=2),
    attribute_row("c", "OrderValue", "7", ordinal=1),
    attribute_row("d", "OrderValue", "9" * 15, is_truncated=True),
    attribute_row("d", "Order Value", "1"),
]


def of_conversations(**more: Any) -> dict[str, Any]:
    return {"details": {"table": "conversations", "attributes": ATTRIBUTES, **more}}


def test_rows_are_grouped_and_summed_by_attributes_of_their_conversation(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, conversations=begun("a", "b", "c", "d", "e"), participant_attributes=ROWS)
    measures = {
        "conversations": "count",
        "value": {"sum": "order_value"},
        "unreadable": {"count": "conversation_id", "where": {"order_value_unreadable": True}},
        "truncated": {"count": "conversation_id", "where": {"order_value_truncated": True}},
    }
    by_tier = report({"group_by": ["tier"], **of_conversations(measures=measures)})
    rows = only(computed(by_tier, lake), "tier", "conversations", "value", "unreadable", "truncated")
    assert rows == [("gold", 2, 12.5, 1, None), (None, 3, 7.0, 1, 1)]


def test_other_tables_have_the_attributes_of_their_conversation_too(tmp_path: Path) -> None:
    sessions = [{"conversation_id": name, "session_id": session} for name in "ac" for session in ("s", "t")]
    lake = small_lake(tmp_path, sessions=sessions, participant_attributes=ROWS)
    entry = {
        "details": {
            "table": "sessions",
            "attributes": ATTRIBUTES,
            "where": {"order_value": {"gt": 10}},
            "once_per": "conversation_id",
            "measures": {"conversations": "count", "value": {"sum": "order_value"}},
        }
    }
    assert only(computed(report(entry), lake), "conversations", "value") == [(1, 12.5)]


@pytest.mark.parametrize(
    ("where", "counted"),
    [({"vip": True}, 3), ({"vip": {"ne": True}}, 2), ({"vip": "True"}, 1), ({"vip": [False, "yes"]}, 2)],
)
def test_true_without_quotes_is_any_spelling_of_it_in_a_text(tmp_path: Path, where: Any, counted: int) -> None:
    texts = ("True", "true", "TRUE", "yes", "False")
    lake = small_lake(
        tmp_path,
        conversations=begun(*texts),
        participant_attributes=[attribute_row(text, "verified", text) for text in texts],
    )
    attributes = {"vip": {"attribute": "verified"}}
    entry = {"table": "conversations", "attributes": attributes, "where": where, "measures": {"n": "count"}}
    assert only(computed(report({"details": entry}), lake), "n") == [(counted,)]


@pytest.mark.parametrize(("time", "begin"), [("conversation.conversation_end", 60), ("promised", 120)])
def test_an_instant_of_the_conversation_or_of_an_attribute_places_a_row(
    tmp_path: Path, time: str, begin: float
) -> None:
    ended = {**begun("a")[0], "conversation_start": at(-60), "conversation_end": at(70)}
    promise = {**attribute_row("a", "promise", "2026-01-31T02:10:00Z"), "conversation_start": at(-60)}
    session = {"conversation_id": "a", "session_id": "s", "conversation_start": at(-60)}
    lake = small_lake(tmp_path, conversations=[ended], sessions=[session], participant_attributes=[promise])
    entry = {
        "granularity": "PT1H",
        "details": {
            "table": "sessions",
            "attributes": {"promised": {"attribute": "promise", "type": "instant"}},
            "time": time,
            "measures": {"n": "count"},
        },
    }
    assert only(computed(report(entry), lake), "interval_start", "n") == [(at(begin), 1)]


def test_unreadable_values_are_reported(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, conversations=begun("a", "b", "c", "d"), participant_attributes=ROWS)
    stored = StoredDay(lake, KEY, ZoneInfo("UTC"))
    compute(report(of_conversations(measures={"value": {"sum": "order_value"}, "tiers": {"distinct": "tier"}})), stored)
    assert f"{stored.remarks['tier']}" == "2 values"
    assert f"{stored.remarks['order_value']}" == (
        "4 values, of which 2 are null because they are not of the type or may have been truncated, 1 may have been "
        "truncated by the platform, 1 belong to conversations whose participants have different ones"
    )


def test_a_column_of_an_attribute_is_content(tmp_path: Path) -> None:
    shown = report({"group_by": ["tier"], **of_conversations(measures={"most": {"max": "order_value"}})})
    classes = {column.name: shown.spec.personal(column) for column in shown.spec.columns}
    assert (classes["tier"], classes["most"]) == (PersonalData.CONTENT, PersonalData.CONTENT)


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        ("text", " as it came ", " as it came "),
        ("integer", "+12", 12),
        ("integer", "-012", -12),
        ("integer", "+-12", None),
        ("integer", "12.0", None),
        ("integer", "9" * 19, None),
        ("integer", "", None),
        ("integer", "١٢", None),
        ("decimal", "12", 12.0),
        ("decimal", "+-0.5", None),
        ("decimal", "12.", None),
        ("decimal", "1e5", None),
        ("decimal", "1'000.00", None),
        ("decimal", "NaN", None),
        ("boolean", "TRUE", True),
        ("boolean", "false ", False),
        ("boolean", "1", None),
        ("instant", "2026-11-20T09:30:00.1239Z", datetime(2026, 11, 20, 9, 30, 0, 123_000, UTC)),
        ("instant", "2026-11-20T09:30:00+01:00", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
        ("instant", "2026-11-20T09:30:00", None),
        ("instant", "20 November", None),
        ("instant", "0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("instant", "0001-01-01T00:00:00+01:00", None),
        ("instant", "9999-12-31T23:59:59-01:00", None),
        ("integer", "hash:0123456789abcdef0123456789abcdef", None),
    ],
)
def test_a_value_is_of_a_type_or_null(type_: AttributeType, text: str, value: Any) -> None:
    assert read(text, type_) == (value, value is None)


@given(st.text(max_size=30), st.sampled_from(["integer", "decimal", "boolean", "instant"]))
def test_no_text_breaks_the_reading(text: str, type_: AttributeType) -> None:
    value, is_unreadable = read(text, type_)
    assert (value is None) == is_unreadable


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_a_whole_number_is_read_as_it_is(number: int) -> None:
    assert read(str(number), "integer") == (number, False)


def read(text: str, type_: AttributeType) -> tuple[Any, bool]:
    attribute = TypedAttribute("value", "OrderValue", type_)
    row = {**attribute_row("a", "OrderValue", text), "conversation_start": DAY}
    rows = pa.Table.from_pylist([row], PARTICIPANT_ATTRIBUTES.schema).select(list(NEEDED))
    (found,) = typed(rows, attribute).to_pylist()
    return found[attribute.column], found[attribute.unreadable]
