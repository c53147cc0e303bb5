"""Conditions on computed columns, on prefixes and substrings of texts, and percentiles of few values."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.reports.meaning.entries import read_text
from genesys_assets.tables.aggregate import Measure, aggregate
from genesys_assets_tests.reports.engine.test_compute import of_queue, only, report
from genesys_assets_tests.reports.small_lake import at, called, computed, small_lake

ENTRY: dict[str, Any] = {
    "group_by": ["queueId"],
    "aggregates": {"metrics": {"handled": "tHandle.count", "handle_time": "tHandle.sum"}},
    "columns": {"handled": None, "handle_time": {"unit": "minutes"}, "busy": "handled > 2"},
}
ROWS = [
    of_queue("tHandle", count=1, sum=60_000),
    of_queue("tHandle", queue="Q2", count=3, sum=120_000),
    of_queue("tHandle", queue="Q3", count=5, sum=600_000),
    of_queue("tHandle", queue=None, count=7, sum=None),
]
NAMES = called(Q1="Sales UK", Q2="Sales DE", Q3="Service")


@pytest.mark.parametrize(
    ("having", "queues"),
    [
        ({"handled": {"gte": 3}}, ["Q2", "Q3", None]),
        ({"handle_time_minutes": {"gt": 1, "lt": 10}}, ["Q2"]),
        ({"handle_time": {"gte": 120_000}}, ["Q2", "Q3"]),
        ({"handle_time": {"exists": False}}, [None]),
        ({"handle_time_minutes": {"lt": 2**53 + 1}}, ["Q1", "Q2", "Q3"]),
        ({"handled": {"between": [1.5, 2**53 + 1]}}, ["Q2", "Q3", None]),
        ({"queue_name": {"starts_with": "Sales"}}, ["Q1", "Q2"]),
        ({"queue_name": {"contains": ["UK", "vice"]}}, ["Q1", "Q3"]),
        ({"or": [{"queue_name": "Sales UK"}, {"busy": True, "handle_time": {"exists": True}}]}, ["Q1", "Q2", "Q3"]),
        ({"queue_name": {"ne": "Service"}}, ["Q1", "Q2"]),
        ({"interval_start": {"gte": "2026-01-31T00:00:00Z", "lt": "2026-01-31T01:00:00+01:00"}}, []),
        ({"interval_start": {"lte": "2026-01-31T01:00:00+01:00"}, "handled": {"lt": 3}}, ["Q1"]),
    ],
)
def test_rows_are_shown_whose_columns_and_figures_fulfil_the_condition(
    tmp_path: Path, having: Any, queues: list[str | None]
) -> None:
    lake = small_lake(tmp_path, queues=NAMES, interval_metrics=ROWS)
    rows = computed(report({**ENTRY, "having": having}), lake)
    assert [queue for (queue,) in only(rows, "queue_id")] == queues


def test_the_first_rows_are_the_first_of_those_that_are_shown(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, queues=NAMES, interval_metrics=ROWS)
    best = report({**ENTRY, "having": {"handled": {"lt": 5}}, "order_by": ["handled desc"], "top": 1})
    assert only(computed(best, lake), "queue_id", "handled") == [("Q2", 3)]


def test_a_row_is_shown_by_how_it_has_changed(tmp_path: Path) -> None:
    earlier = [
        {**row, **{end: row[end] - timedelta(days=1) for end in ("interval_start", "interval_end")}} for row in ROWS
    ]
    more = [*ROWS[1:], *earlier, of_queue("tHandle", 15, queue="Q3", count=1, sum=1)]
    lake = small_lake(tmp_path, queues=NAMES, interval_metrics=more)
    changed = report({**ENTRY, "compare": {"columns": ["handled"]}, "having": {"handled_change": {"ne": 0}}})
    assert only(computed(changed, lake), "queue_id", "handled", "handled_before") == [("Q3", 6, 5)]


@pytest.mark.parametrize(
    ("condition", "conversations"),
    [
        ({"conversation_start": {"gte": "2026-01-31T00:00:00Z"}}, 3),
        ({"conversation_start": {"gt": "2026-01-31T01:00:00+01:00"}}, 2),
        ({"conversation_end": {"lt": "2026-01-31T00:01:30Z"}}, 1),
        ({"conversation_end": {"between": ["2026-01-31T00:01:00Z", "2026-01-31T00:02:00Z"]}}, 2),
    ],
)
def test_instants_lie_in_a_range_and_what_is_missing_in_none(
    tmp_path: Path, condition: Any, conversations: int
) -> None:
    rows = [
        {"conversation_id": f"c{minutes}", "conversation_start": at(minutes), "conversation_end": end}
        for minutes, end in ((0, at(1)), (1, at(2)), (2, None))
    ]
    entry = {"details": {"table": "conversations", "where": condition, "measures": {"conversations": "count"}}}
    assert only(computed(report(entry), small_lake(tmp_path, conversations=rows)), "conversations") == [
        (conversations,)
    ]


def test_dates_lie_in_a_range(tmp_path: Path) -> None:
    entry = {**ENTRY, "over": {"rolling": 2}}
    lake = small_lake(tmp_path, queues=NAMES, interval_metrics=ROWS)
    for bound, count in (("2026-01-31", 4), ("2026-02-01", 0)):
        assert len(computed(report({**entry, "having": {"last_date": {"gte": bound}}}), lake)) == count


@pytest.mark.parametrize(
    ("having", "said"),
    [
        ({"handled": {"gt": "2026-01-31"}}, "handled is a whole number, so gt must be one too"),
        (
            {"interval_start": {"gt": 5}},
            "interval_start is an instant, so gt must be one too, such as 2026-01-31T00:00:00Z",
        ),
        ({"interval_start": {"gt": "2026-01-31"}}, "so gt must be one too, such as 2026-01-31T00:00:00Z"),
        ({"queue_name": {"gt": "2026-01-31"}}, "queue_name is text, which has no range"),
    ],
)
def test_a_bound_of_another_kind_is_refused_with_what_the_column_is(having: Any, said: str) -> None:
    assert said in mistakes({**ENTRY, "having": having})


@pytest.mark.parametrize("name", ["handled_before", "handled_change"])
def test_a_compared_column_takes_no_name_that_the_report_has_given(name: str) -> None:
    entry = {**ENTRY, "columns": {"handled": None, name: "handled * 2"}, "compare": {"columns": ["handled"]}}
    assert f"compare adds a column {name}, but the report already has one" in mistakes(entry)


def mistakes(entry: dict[str, Any]) -> str:
    text = json.dumps({"reports": {"mine": {"description": "One row per group.", **entry}}})
    return "\n".join(map(str, read_text(text, "reports.yaml").problems))


@pytest.mark.parametrize(
    ("condition", "sessions"),
    [
        ({"ani": {"starts_with": "tel:+41"}}, 2),
        ({"ani": {"startsWith": ["tel:+41", "sip:"]}}, 3),
        ({"ani": {"contains": "4179"}}, 1),
        ({"type": "simple", "attribute": "ani", "condition": "starts_with", "value": "tel:+49"}, 1),
    ],
)
def test_rows_count_whose_text_begins_with_or_contains_another(tmp_path: Path, condition: Any, sessions: int) -> None:
    numbers = ("tel:+41791112233", "tel:+41441112233", "tel:+49301112233", "sip:ana", None)
    rows = [{"conversation_id": f"c{number}", "ani": ani} for number, ani in enumerate(numbers)]
    lake = small_lake(tmp_path, sessions=rows)
    entry = {"details": {"table": "sessions", "where": condition, "measures": {"sessions": "count"}}}
    assert only(computed(report(entry), lake), "sessions") == [(sessions,)]


@pytest.mark.parametrize(
    ("values", "median", "most"),
    [([], None, None), ([7], 7, 7), ([1, 9], 1, 9), ([1, 2, 9], 2, 9), ([5] * 19 + [9], 5, 5)],
)
def test_a_percentile_is_one_of_the_values_and_null_of_none(
    tmp_path: Path, values: list[int], median: int | None, most: int | None
) -> None:
    rows = [{"conversation_id": "c", "metric": "tHandle", "value": value} for value in [None, *values]]
    lake = small_lake(tmp_path, session_metrics=rows)
    measures = {"median": {"median": "value"}, "most": {"percentile": "value", "at": 95}}
    entry = {"details": {"table": "session_metrics", "measures": measures}}
    assert only(computed(report(entry), lake), "median", "most") == [(median, most)]


@given(
    st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.none() | st.integers(-9, 9)), max_size=60),
    st.integers(1, 99_999),
    st.integers(1, 7),
)
def test_a_percentile_is_the_smallest_value_that_its_share_of_values_does_not_exceed(
    pairs: list[tuple[str | None, int | None]], rank: int, size: int
) -> None:
    schema = pa.schema([("key", pa.string()), ("value", pa.int64())])
    rows = pa.Table.from_pylist([{"key": key, "value": value} for key, value in pairs], schema)
    parts = [schema.empty_table(), *(rows.slice(start, size) for start in range(0, len(rows), size))]
    measures = [Measure("at", "value", "percentile", rank), Measure("count", "value", "count")]
    groups = aggregate(parts, ["key"], measures).to_pylist()
    assert {group["key"] for group in groups} == {key for key, _ in pairs}
    for group in groups:
        values = [value for key, value in pairs if key == group["key"] and value is not None]
        enough = [value for value in values if 100_000 * sum(each <= value for each in values) >= rank * len(values)]
        assert (group["at"], group["count"]) == (min(enough, default=None), len(values))
