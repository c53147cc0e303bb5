"""Spans of presence and routing status, made of rows that are emitted again and again."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from genesys_assets.tables.data_lake.decode import decode
from genesys_assets.tables.data_lake.schemas import PRESENCE, ROUTING_STATUS, Names
from genesys_assets.tables.data_lake.spans import spans
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
