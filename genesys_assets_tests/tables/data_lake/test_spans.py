"""Spans of presence and routing status, made from rows that the platform emits repeatedly."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genesys_assets.sandbox import timelines as of_agents
from genesys_assets.sandbox.behaviour import Behaviour
from genesys_assets.sandbox.extraction import Extraction, File
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.timelines import Timelines
from genesys_assets.sandbox.times import HOUR
from genesys_assets.spans import Window
from genesys_assets.tables.data_lake import spans as in_files
from genesys_assets.tables.data_lake.decode import decode
from genesys_assets.tables.data_lake.schemas import PRESENCE, ROUTING_STATUS, Names
from genesys_assets.tables.data_lake.spans import SpansOfDay, spans
from genesys_assets.tables.data_lake.start_days import Starts

START, LATER = 1_769_558_400_000, 1_769_562_000_000


def file(schema: str, **columns: Any) -> pa.Table:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return decode(schema, sink.getvalue()).rows


def routing(end: int | None, updated: int) -> pa.Table:
    return file(
        ROUTING_STATUS,
        userId=["u"],
        startTimestamp=[START],
        endTimestamp=pa.array([end], pa.int64()),
        routingStatus=["IDLE"],
        updateTimestamp=[updated],
    )


def test_a_span_that_ended_later_has_its_end_whichever_file_comes_first() -> None:
    still_open, ended = routing(None, 1), routing(LATER, 2)
    for files in ([still_open, ended], [ended, still_open]):
        (row,) = spans(ROUTING_STATUS, files).to_pylist()
        assert row["end_time"].timestamp() * 1000 == LATER
        assert row["routing_status"] == "IDLE"


def test_spans_stand_by_user_and_start_and_one_that_goes_on_has_no_end() -> None:
    found = spans(
        PRESENCE,
        [
            file(
                PRESENCE,
                userId=["b", "a", "a"],
                startTimestamp=[START, LATER, START],
                systemPresence=["MEAL", "AVAILABLE", "BREAK"],
            )
        ],
    )
    assert found["user_id"].to_pylist() == ["a", "a", "b"]
    assert found["system_presence"].to_pylist() == ["BREAK", "AVAILABLE", "MEAL"]
    assert found["end_time"].null_count == 3
    assert found["organization_presence_id"].null_count == 3


def test_a_file_of_spans_is_of_the_days_on_which_they_began() -> None:
    sink = io.BytesIO()
    columns = {"userId": ["u", "u"], "startTimestamp": [START, START + 86_400_000], "routingStatus": ["IDLE", "IDLE"]}
    pq.write_table(pa.table(columns), sink)
    days, unknown = Starts().days_of(ROUTING_STATUS, sink.getvalue(), Names())
    assert days == {"2026-01-28", "2026-01-29"}
    assert not len(unknown)


@pytest.mark.parametrize(("schema", "of"), [(PRESENCE, of_agents.presence), (ROUTING_STATUS, of_agents.routing)])
def test_spans_of_a_day_of_files_are_those_of_the_agents(schema: str, of: Any) -> None:
    organisation = Organisation(7, 30)
    timelines = Timelines(organisation)
    extraction = Extraction(organisation, Behaviour(), timelines)
    hours = [File(schema, START + hour * HOUR) for hour in range(24)]
    found = spans(schema, [decode(schema, extraction.content(file)).rows for file in hours])
    status = "system_presence" if schema == PRESENCE else "routing_status"
    mine = {
        (user, start.timestamp() * 1000, end and end.timestamp() * 1000, value)
        for user, start, end, value in zip(
            *(found[name].to_pylist() for name in ("user_id", "start_time", "end_time", status)), strict=True
        )
    }
    end = START + 24 * HOUR
    assert mine == {
        (user, span.start, span.end if span.end < end else None, span.value[0])
        for user in timelines.user_ids
        for span in timelines.spans(user, START, end, of)
        if span.start >= START or span.end < end
    }


NOON = 12 * HOUR


def day_of(*rows: tuple[str, int, int | None, int]) -> list[tuple[str, int, int | None]]:
    """User, start and end of the spans of the day that begins at START, with one file for each row. The last number of
    a row is its time of emission.
    """
    found = SpansOfDay(ROUTING_STATUS, Window.of_utc_day("2026-01-28"))
    for user, start, end, updated in rows:
        columns = {"userId": [user], "startTimestamp": [START + start], "routingStatus": ["IDLE"]}
        ends = pa.array([None if end is None else START + end], pa.int64())
        found.add(file(ROUTING_STATUS, **columns, endTimestamp=ends, updateTimestamp=[updated]))

    def ms(moment: datetime) -> int:
        return round(moment.timestamp() * 1000) - START

    return [(span.user_id, ms(span.start), None if span.end is None else ms(span.end)) for span in found.spans()]


@pytest.mark.parametrize("rows_at_once", [0, 1, 1_000])
def test_of_a_day_count_the_spans_that_begin_on_it_and_the_last_one_before_it_that_goes_on(
    monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    monkeypatch.setattr(in_files, "_ROWS_AT_ONCE", rows_at_once)
    assert day_of(
        ("a", -5 * HOUR, None, 1),
        ("a", -3 * HOUR, None, 2),
        # Emitted a second time, in the form before its end.
        ("a", -5 * HOUR, None, 1),
        ("b", -4 * HOUR, None, 3),
        ("b", -4 * HOUR, -HOUR, 4),
        ("c", -30 * 24 * HOUR, None, 5),
        ("a", NOON, None, 6),
        ("a", -3 * HOUR, NOON, 6),
        ("a", NOON, NOON + 1, 7),
        ("d", 24 * HOUR, None, 8),
    ) == [("a", -3 * HOUR, NOON), ("a", NOON, NOON + 1), ("c", -30 * 24 * HOUR, None)]


def test_a_span_that_ended_before_the_day_does_not_come_back_by_an_older_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_files, "_ROWS_AT_ONCE", 0)
    assert day_of(("a", -4 * HOUR, None, 3), ("a", -4 * HOUR, -HOUR, 4), ("a", -4 * HOUR, None, 3)) == []


def test_a_day_without_files_has_no_spans() -> None:
    assert day_of() == []
