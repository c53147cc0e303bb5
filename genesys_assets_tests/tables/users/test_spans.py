"""Spans of presence and routing status: each is read once from pages, and cut without losing or repeating time."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.lake.audit import audit
from genesys_assets.spans import Window
from genesys_assets.tables.conversations.decode_values import UnreadablePage
from genesys_assets.tables.users.spans import (
    SPAN_TABLES,
    Kind,
    Span,
    clipped,
    decode_spans,
    fill_from_data_lake,
    newest,
    span_table,
    stored_under,
    without_overlaps,
)
from genesys_assets.tables.users.time import QUARTER, USER_TIME, time_table

DAY = datetime(2026, 1, 28, tzinfo=UTC)
MS = timedelta(milliseconds=1)
A_DAY = Window(DAY, DAY + timedelta(days=1))
_KINDS: tuple[Kind, ...] = ("presence", "routing")
_INSTANTS = st.integers(-3 * 86_400_000, 4 * 86_400_000).map(lambda ms: DAY + ms * MS)


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    """Spans as `newest` returns them: one for each user, kind and start, in order; some go on, some overlap."""
    drawn: list[Any] = draw(
        st.lists(
            st.tuples(
                st.sampled_from("ab"), st.sampled_from(["presence", "routing"]), _INSTANTS, _INSTANTS | st.none()
            ),
            max_size=12,
            unique_by=lambda each: each[:3],
        )
    )
    return [
        Span(user, kind, start, end if end is None else max(start, end), draw(st.sampled_from(["X", "Y", None])))
        for user, kind, start, end in sorted(drawn, key=lambda each: each[:3])
    ]


def page(*users: dict[str, Any]) -> bytes:
    return json.dumps({"userDetails": users, "totalHits": 7}).encode()


def at(hour: int, minute: int = 0) -> datetime:
    return DAY + timedelta(hours=hour, minutes=minute)


@given(spans(), st.lists(_INSTANTS, min_size=2, max_size=8, unique=True).map(sorted))
def test_the_parts_of_a_partition_of_time_add_up_to_the_whole(of: list[Span], cuts: list[datetime]) -> None:
    # A span in progress lasts to the end of each window, also of the last one.
    whole = list(clipped(of, Window(cuts[0], cuts[-1])))
    parts = [piece for start, end in pairwise(cuts) for piece in clipped(of, Window(start, end))]
    assert all(cuts[0] <= piece.start < piece.end <= cuts[-1] for piece in whole)
    for user in "ab":
        for kind in ("presence", "routing"):
            assert sum(each.milliseconds for each in parts if (each.user_id, each.kind) == (user, kind)) == sum(
                each.milliseconds for each in whole if (each.user_id, each.kind) == (user, kind)
            )


@pytest.mark.long
@given(spans())
def test_without_overlaps_each_instant_belongs_to_the_span_that_began_last(of: list[Span]) -> None:
    pieces = list(clipped(without_overlaps(of), A_DAY))
    for one, other in pairwise(pieces):
        assert (one.user_id, one.kind) != (other.user_id, other.kind) or one.end <= other.start
    for piece in pieces:
        begun = [
            span
            for span in of
            if (span.user_id, span.kind) == (piece.user_id, piece.kind) and span.start <= piece.start
        ]
        assert begun[-1].status == piece.status
    before = list(clipped(of, A_DAY))
    assert {piece.user_id for piece in pieces} <= {piece.user_id for piece in before}


@pytest.mark.long
@given(spans())
def test_rows_of_quarters_of_hours_add_up_to_the_spans(of: list[Span]) -> None:
    table = time_table(of, A_DAY)
    assert audit(USER_TIME, "2026-01-28", [table]) == {}
    told: dict[tuple[str, str, str | None], int] = {}
    for piece in clipped(without_overlaps(of), A_DAY):
        key = (piece.user_id, piece.kind, piece.status)
        told[key] = told.get(key, 0) + piece.milliseconds
    rows: dict[tuple[str, str, str | None], int] = {}
    for row in table.to_pylist():
        key = (row["user_id"], row["kind"], row["status"])
        rows[key] = rows.get(key, 0) + row["duration_ms"]
        assert row["quarter_start"].minute % 15 == 0
        assert row["quarter_start"] <= row["started_at"] < row["ended_at"] <= row["quarter_start"] + QUARTER
        assert timedelta() < row["duration_ms"] * MS <= row["ended_at"] - row["started_at"]
    assert rows == told


def test_a_span_on_several_pages_is_one_and_the_newest_page_says_how_it_ended() -> None:
    open_ = Span("a", "presence", at(9), None, "ON_QUEUE")
    ended, corrected = open_._replace(end=at(10)), open_._replace(end=at(10, 1))
    assert newest([(at(12), [ended]), (at(11), [open_])]) == [ended]
    assert newest([(at(12), [ended]), (at(13), [corrected])]) == [corrected]
    assert newest([(at(12), [ended]), (at(12), [open_])]) == [ended]
    routing = open_._replace(kind="routing", status="IDLE")
    assert newest([(at(12), [routing, ended, ended])]) == [ended, routing]


def test_a_page_is_read_with_what_is_odd_on_it() -> None:
    found = decode_spans(
        page(
            {
                "userId": "a",
                "primaryPresence": [
                    {"startTime": "2026-01-28T08:00:00.123Z", "endTime": "2026-01-28T09:00:00Z", "mood": "good"},
                    {"startTime": "2026-01-28T09:00:00Z", "systemPresence": "BUSY", "organizationPresenceId": "own"},
                    {"endTime": "2026-01-28T09:00:00Z"},
                ],
                "routingStatus": [{"startTime": "2026-01-28T08:00:00Z", "endTime": "soon", "routingStatus": "IDLE"}],
                "news": 1,
            },
            {"primaryPresence": []},
            {"userId": "b", "routingStatus": {}},
        )
    )
    eight = at(8)
    assert found.spans == [
        Span("a", "presence", eight + 123 * MS, at(9), None),
        Span("a", "presence", at(9), None, "BUSY", "own"),
        Span("a", "routing", eight, None, "IDLE"),
    ]
    assert found.unknown == {"userDetails.news": 1, "primaryPresence.mood": 1}
    assert found.losses == {
        "primaryPresence without startTime": 1,
        "routingStatus.endTime": 1,
        "userDetails without userId": 1,
        "userDetails.routingStatus": 1,
    }


@pytest.mark.parametrize("body", [b"", b"[]", b'{"userDetails": 3}', b"[" * 100_000])
def test_what_is_no_page_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadablePage, match="users' details"):
        decode_spans(body)


def test_a_page_without_users_has_no_spans() -> None:
    assert decode_spans(b'{"totalHits": 0}').spans == []


@given(st.sets(st.integers(0, 9), min_size=1), st.integers(-3, 9))
def test_each_span_is_stored_under_exactly_one_day_with_pages(days: set[int], began: int) -> None:
    span = Span("a", "presence", DAY + timedelta(days=began, hours=5), None, "OFFLINE")
    stored = sorted(date(2026, 1, 28) + timedelta(days=number) for number in days)
    under = [day for day, before in zip(stored, [None, *stored], strict=False) if stored_under(span, day, before)]
    later = [day for day in stored if day >= span.start.date()]
    assert under == later[:1]


def test_tables_of_spans_have_a_key_and_no_end_where_it_goes_on() -> None:
    of = [
        Span("a", "presence", at(8), at(9), "ON_QUEUE", "own"),
        Span("a", "presence", at(9), None, "MEAL"),
        Span("a", "routing", at(8), None, "IDLE"),
    ]
    presences, statuses = (span_table(kind, of, DAY.date()) for kind in SPAN_TABLES)
    for kind, table in zip(SPAN_TABLES, (presences, statuses), strict=True):
        assert audit(SPAN_TABLES[kind], "2026-01-28", [table]) == {}
    assert presences["end_time"].to_pylist() == [at(9), None]
    assert presences["organization_presence_id"].to_pylist() == ["own", None]
    assert statuses["routing_status"].to_pylist() == ["IDLE"]
    assert set(statuses["source"].to_pylist()) == {"fetched"}


# -- with the data lake ------------------------------------------------------------------------------------------------


def span(user: str, start: int, end: int | None) -> Span:
    return Span(user, "routing", at(start), None if end is None else at(end), "IDLE")


def test_where_pages_do_not_know_how_a_span_ended_the_data_lake_says_it() -> None:
    spans, taken = fill_from_data_lake(
        [span("a", 1, None), span("b", 1, 2)], [span("a", 1, 5), span("b", 1, 9)], at(24)
    )
    assert spans == [span("a", 1, 5), span("b", 1, 2)]
    assert taken == {("a", "routing", at(1))}


def test_an_end_that_the_data_lake_does_not_know_either_leaves_the_span_to_the_pages() -> None:
    spans, taken = fill_from_data_lake([span("a", 1, None)], [span("a", 1, None)], at(24))
    assert (spans, taken) == ([span("a", 1, None)], set())


def test_spans_that_only_the_data_lake_has_count_from_where_pages_do_not_reach() -> None:
    spans, taken = fill_from_data_lake([span("b", 1, 2)], [span("a", 4, 6), span("a", 6, None), span("b", 5, 6)], at(5))
    assert spans == [span("a", 6, None), span("b", 1, 2), span("b", 5, 6)]
    assert taken == {("a", "routing", at(6)), ("b", "routing", at(5))}


def test_rows_of_the_data_lake_say_where_they_come_from() -> None:
    rows = span_table("routing", [span("a", 1, 2), span("b", 1, 2)], date(2026, 1, 28), {("b", "routing", at(1))})
    assert rows["source"].to_pylist() == ["fetched", "data_lake"]
