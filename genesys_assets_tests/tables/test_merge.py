from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.tables.decode import decode, starts
from genesys_assets.tables.merge import Stub, merged, plan
from genesys_assets_tests.tables.builders import conversation, page

DAY = datetime(2026, 1, 31, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)

Row = tuple[str, int, int]
"""id, start in milliseconds after midnight, a tag that tells versions apart"""


def _page(rows: list[Row]) -> bytes:
    return page(
        *(
            conversation(id_, start=DAY + timedelta(milliseconds=ms), seconds=None, externalTag=str(tag))
            for id_, ms, tag in rows
        )
    )


def _merge(pages: list[list[Row]], fetched: list[int] | None = None) -> tuple[list[Row], int, int]:
    bodies = [_page(rows) for rows in pages]
    times = fetched or list(range(len(pages)))
    stubs = [
        Stub(DAY, NEXT, NEXT + timedelta(seconds=time), starts(body)) for time, body in zip(times, bodies, strict=True)
    ]
    planned = plan(stubs)
    out: list[Row] = []
    for part in merged(planned, (decode(bodies[index]).conversations for index in planned.order)):
        out += _rows(part)
    return out, planned.outside, planned.duplicates


def _rows(part: pa.StructArray) -> list[Row]:
    ids = pc.struct_field(part, "conversationId").to_pylist()
    begun = pc.struct_field(part, "conversationStart").cast(pa.int64()).to_pylist()
    tags = pc.struct_field(part, "externalTag").to_pylist()
    midnight = int(DAY.timestamp() * 1000)
    return [(id_, start - midnight, int(tag)) for id_, start, tag in zip(ids, begun, tags, strict=True)]


def test_ordered_pages_pass_through_in_order() -> None:
    rows, outside, duplicates = _merge([[("a", 1, 0), ("b", 2, 0)], [("c", 3, 0)]])
    assert [row[0] for row in rows] == ["a", "b", "c"]
    assert (outside, duplicates) == (0, 0)


def test_what_began_outside_the_day_is_dropped_and_counted() -> None:
    midnight_after = 24 * 3600 * 1000
    rows, outside, _ = _merge(
        [[("before", -1, 0), ("first", 0, 0), ("last", midnight_after - 1, 0), ("after", midnight_after, 0)]]
    )
    assert [row[0] for row in rows] == ["first", "last"]
    assert outside == 2


def test_a_page_stored_with_two_hours_gives_each_its_own_conversations() -> None:
    body = _page([("a", 1, 0), ("b", 2, 0)])
    border = DAY + timedelta(milliseconds=2)
    planned = plan([Stub(DAY, border, NEXT, starts(body)), Stub(border, NEXT, NEXT, starts(body))])
    assert [_rows(part)[0][0] for part in merged(planned, (decode(body).conversations for _ in planned.order))] == [
        "a",
        "b",
    ]
    assert (planned.outside, planned.duplicates) == (2, 0)


def test_of_duplicates_the_most_recently_fetched_stays() -> None:
    rows, _, duplicates = _merge([[("a", 5, 1)], [("a", 5, 2)]], fetched=[9, 3])
    assert rows == [("a", 5, 1)]
    assert duplicates == 1


def test_a_conversation_whose_start_was_corrected_is_still_one() -> None:
    rows, _, duplicates = _merge([[("a", 5, 1), ("b", 6, 1)], [("c", 70, 1), ("a", 80, 2)]])
    assert rows == [("b", 6, 1), ("c", 70, 1), ("a", 80, 2)]
    assert duplicates == 1


def test_equal_starts_across_pages_are_ordered_by_id() -> None:
    rows, _, _ = _merge([[("b", 5, 0), ("d", 5, 0)], [("a", 5, 0), ("c", 5, 0)]])
    assert [row[0] for row in rows] == ["a", "b", "c", "d"]


def test_pages_that_touch_no_other_are_never_held_together() -> None:
    stubs = [Stub(DAY, NEXT, NEXT, starts(_page([(f"{i}", 10 * i, 0), (f"{i}x", 10 * i + 5, 0)]))) for i in range(5)]
    assert [len(group) for group in plan(stubs).groups] == [1, 1, 1, 1, 1]


def test_no_pages_give_no_conversations() -> None:
    assert _merge([]) == ([], 0, 0)
    assert _merge([[]]) == ([], 0, 0)


_pages = st.lists(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(-5, 40), st.integers(0, 99)), max_size=6),
    max_size=6,
)


@settings(max_examples=80)
@given(_pages)
def test_any_pages_give_each_conversation_once_in_order_in_its_newest_form(pages: list[list[Row]]) -> None:
    expected: dict[str, Row] = {}
    for rows in pages:
        for row in rows:
            if row[1] >= 0:
                expected[row[0]] = row
    merged_rows, _, _ = _merge(pages)
    assert merged_rows == sorted(expected.values(), key=lambda row: (row[1], row[0]))


@settings(max_examples=30)
@given(_pages)
def test_merging_again_what_was_merged_changes_nothing(pages: list[list[Row]]) -> None:
    once, _, _ = _merge(pages)
    twice, outside, duplicates = _merge([once])
    assert (twice, outside, duplicates) == (once, 0, 0)
