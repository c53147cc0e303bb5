from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.tables.entities import ENTITIES, entity_table
from genesys_assets.tables.names import HISTORIES, history, names_of_ids, names_on, system_name

QUEUES = HISTORIES["queues"]
DAY = timedelta(days=1)
MONDAY = datetime(2026, 2, 2, tzinfo=UTC)
TUESDAY, WEDNESDAY, THURSDAY = MONDAY + DAY, MONDAY + 2 * DAY, MONDAY + 3 * DAY
READ = timedelta(hours=2)


def history_after(*readings: tuple[datetime, list[dict[str, Any]]]) -> pa.Table:
    """The history after these listings were read one after the other."""
    entities = known = None
    for seen_at, listed in readings:
        body = json.dumps({"entities": listed}).encode()
        entities = entity_table(ENTITIES["queues"], [body], entities, accept_disappearances=True)
        known = history(QUEUES, entities, known, seen_at)
    assert known is not None
    return known


def queue(name: str | None, modified: datetime | None = None, id_: str = "q") -> dict[str, Any]:
    return {"id": id_, "name": name} | ({"dateModified": modified.isoformat()} if modified else {})


def spans(table: pa.Table) -> list[tuple[Any, ...]]:
    return [(row["name"], row["valid_from"], row["valid_to"], row["is_deleted"]) for row in table.to_pylist()]


def names_of(table: pa.Table, at: datetime) -> dict[str, str]:
    names = names_on(table, at)
    return dict(zip(names["id"].to_pylist(), names["name"].to_pylist(), strict=True))


def test_a_name_is_valid_from_its_first_sight_until_the_next_one() -> None:
    table = history_after((MONDAY, [queue("Sales")]), (WEDNESDAY, [queue("Sales Europe")]))
    assert spans(table) == [
        ("Sales", MONDAY, WEDNESDAY, False),
        ("Sales Europe", WEDNESDAY, None, False),
    ]
    assert table.schema == QUEUES.schema


def test_reading_the_same_again_changes_nothing() -> None:
    once = history_after((MONDAY, [queue("Sales"), queue("Billing", id_="b")]))
    again = history_after(*[(MONDAY + READ * times, [queue("Billing", id_="b"), queue("Sales")]) for times in range(3)])
    assert again.equals(once)


def test_a_change_of_anything_but_the_name_begins_no_new_row() -> None:
    table = history_after((MONDAY, [queue("Sales")]), (TUESDAY, [{**queue("Sales", TUESDAY), "memberCount": 7}]))
    assert spans(table) == [("Sales", MONDAY, None, False)]


def test_a_rename_counts_from_when_the_platform_says_it_was_made() -> None:
    renamed_at = TUESDAY + timedelta(hours=10)
    table = history_after(
        (MONDAY, [queue("Sales", MONDAY - DAY)]), (WEDNESDAY + READ, [queue("Sales Europe", renamed_at)])
    )
    assert spans(table) == [("Sales", MONDAY, renamed_at, False), ("Sales Europe", renamed_at, None, False)]
    assert names_of(table, WEDNESDAY) == {"q": "Sales Europe"}


@pytest.mark.parametrize("modified", [MONDAY - DAY, MONDAY, THURSDAY])
def test_a_time_of_change_that_cannot_be_true_is_not_used(modified: datetime) -> None:
    table = history_after((MONDAY, [queue("Sales")]), (WEDNESDAY, [queue("Sales Europe", modified)]))
    assert [row[1] for row in spans(table)] == [MONDAY, WEDNESDAY]


def test_a_deletion_ends_a_row_and_keeps_the_name() -> None:
    table = history_after(
        (MONDAY, [queue("Sales", MONDAY + READ)]), (TUESDAY, [queue("Sales", MONDAY + READ)]), (WEDNESDAY, [])
    )
    assert spans(table) == [("Sales", MONDAY, WEDNESDAY, False), ("Sales", WEDNESDAY, None, True)]
    assert names_of(table, THURSDAY) == {"q": "Sales"}


def test_what_comes_back_under_another_name_has_three_rows() -> None:
    table = history_after(
        (MONDAY, [queue("Sales")]), (TUESDAY, []), (WEDNESDAY, [queue("Sales 2")]), (THURSDAY, [queue("Sales 2")])
    )
    assert spans(table) == [
        ("Sales", MONDAY, TUESDAY, False),
        ("Sales", TUESDAY, WEDNESDAY, True),
        ("Sales 2", WEDNESDAY, None, False),
    ]


def test_an_entity_without_a_name_has_no_row_until_it_has_one() -> None:
    assert spans(history_after((MONDAY, [queue(None)]))) == []
    assert spans(history_after((MONDAY, [queue(None)]), (TUESDAY, [queue("Sales")]))) == [
        ("Sales", TUESDAY, None, False)
    ]
    assert spans(history_after((MONDAY, [queue("Sales")]), (TUESDAY, [queue(None)]))) == [
        ("Sales", MONDAY, None, False)
    ]


@pytest.mark.parametrize("back", [timedelta(), timedelta(days=30)])
def test_a_clock_that_was_set_back_loses_no_name_and_repeats_no_key(back: timedelta) -> None:
    table = history_after((TUESDAY, [queue("Sales")]), (TUESDAY - back, [queue("Sales Europe")]))
    next_moment = TUESDAY + timedelta(milliseconds=1)
    assert spans(table) == [("Sales", TUESDAY, next_moment, False), ("Sales Europe", next_moment, None, False)]


def test_a_day_has_the_names_of_its_end() -> None:
    table = history_after(
        (MONDAY + READ, [queue("Monday's")]),
        (TUESDAY + READ, [queue("Tuesday's")]),
        (WEDNESDAY, [queue("Wednesday's")]),
    )
    assert names_of(table, TUESDAY) == {"q": "Monday's"}
    assert names_of(table, WEDNESDAY) == {"q": "Tuesday's"}
    assert names_of(table, THURSDAY) == {"q": "Wednesday's"}
    assert names_of(table, THURSDAY + 365 * DAY) == {"q": "Wednesday's"}


def test_days_before_the_first_sight_have_the_first_name_known() -> None:
    table = history_after((WEDNESDAY, [queue("Sales")]), (THURSDAY, [queue("Sales Europe"), queue("New", id_="n")]))
    assert names_of(table, MONDAY) == {"q": "Sales", "n": "New"}


def test_no_history_has_no_names() -> None:
    names = names_on(QUEUES.empty(), MONDAY)
    assert names.column_names == ["id", "name"]
    assert names.num_rows == 0
    assert names_of_ids(pa.chunked_array([["q"]]), names).to_pylist() == ["q"]


def test_an_id_is_named_by_its_entity_else_by_its_meaning_else_by_itself() -> None:
    names = names_on(
        history_after((MONDAY, [queue("Sales"), queue("Agent forgot", id_="ININ-WRAP-UP-TIMEOUT")])), TUESDAY
    )
    ids = ["x", "q", None, "ININ-WRAP-UP-TIMEOUT", "ININ-WRAP-UP-SKIPPED", "q"]
    assert names_of_ids(pa.chunked_array([ids]), names).to_pylist() == [
        "x", "Sales", None, "Agent forgot", "Wrap-up: skipped", "Sales",
    ]  # fmt: skip
    assert names_of_ids(pa.chunked_array([], pa.string()), names).to_pylist() == []


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("ININ-WRAP-UP-TIMEOUT", "Wrap-up: timeout"),
        ("ININ-OUTBOUND-PREVIEW-SKIPPED", "Outbound: preview skipped"),
        ("ININ-OUTBOUND-SIT-UNCALLABLE", "Outbound: SIT uncallable"),
        ("ININ-OUTBOUND-ON-DO-NOT-CALL-LIST", "Outbound: on do not call list"),
        ("ININ-SOMETHING-NEW", "System: something new"),
        ("ININ-", None),
        ("7fb334b0-0e9e-11e4-9191-0800200c9a66", None),
        ("", None),
        (None, None),
    ],
)
def test_a_system_code_says_what_it_means(code: str | None, name: str | None) -> None:
    assert system_name(code) == name
