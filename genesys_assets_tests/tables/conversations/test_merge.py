from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.tables.conversations.decode import decode, starts
from genesys_assets.tables.conversations.forms import Forms, concat_forms
from genesys_assets.tables.conversations.merge import Plan, Stub, in_larger_parts, merged, plan
from genesys_assets_tests.tables.builders import conversation, page, participant

DAY = datetime(2026, 1, 31, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)

Row = tuple[str, int, int]
"""id, start in milliseconds after midnight, a tag that tells forms apart"""


@dataclass(frozen=True)
class SentPage:
    """A page: its rows, and what the plan knows about it. `as_of` is in seconds after the day."""

    rows: list[Row]
    as_of: int = 0
    decides: bool = True
    by_job: bool = False

    def body(self) -> bytes:
        return page(
            *(
                conversation(
                    id_,
                    participant("p", "agent", attributes={"tag": str(tag)}),
                    start=DAY + timedelta(milliseconds=ms),
                    seconds=None,
                    externalTag=str(tag),
                )
                for id_, ms, tag in self.rows
            )
        )

    def stub(self) -> Stub:
        as_of = NEXT + timedelta(seconds=self.as_of)
        return Stub(DAY, NEXT, as_of, starts(self.body()), decides=self.decides, by_job=self.by_job)


@dataclass(frozen=True)
class MergeResult:
    """The result of merging pages: rows in order, and by id the tag of a row's supplement."""

    rows: list[Row]
    supplements: dict[str, int]
    planned: Plan


def sent(*pages: list[Row], as_of: Sequence[int] | None = None) -> list[SentPage]:
    """Deciding pages, each newer than the one before."""
    return [
        SentPage(rows, as_of=instant)
        for rows, instant in zip(pages, as_of if as_of is not None else range(len(pages)), strict=True)
    ]


def merge(pages: Sequence[SentPage]) -> MergeResult:
    planned = plan([page.stub() for page in pages])
    rows: list[Row] = []
    supplements: dict[str, int] = {}
    for part in merged(planned, (decode(pages[index].body()).conversations for index in planned.order)):
        rows += rows_of(part.conversations)
        supplements |= supplements_of(part)
    return MergeResult(rows, supplements, planned)


def rows_of(part: pa.StructArray) -> list[Row]:
    ids = pc.struct_field(part, "conversationId").to_pylist()
    begun = pc.struct_field(part, "conversationStart").cast(pa.int64()).to_pylist()
    tags = pc.struct_field(part, "externalTag").to_pylist()
    midnight = int(DAY.timestamp() * 1000)
    return [(id_, start - midnight, int(tag)) for id_, start, tag in zip(ids, begun, tags, strict=True)]


def supplements_of(part: Forms) -> dict[str, int]:
    """The tag in the attributes of each supplement, by the id of its conversation."""
    ids = pc.struct_field(part.conversations, "conversationId").take(pa.array(part.supplements.of)).to_pylist()
    found = part.supplements.rows.to_pylist()
    assert [row["conversationId"] for row in found] == ids
    return {row["conversationId"]: int(row["participants"][0]["attributes"][0]["value"]) for row in found}


# -- bounds, duplicates, order -----------------------------------------------------------------------------------------


def test_ordered_pages_pass_through_in_order() -> None:
    found = merge(sent([("a", 1, 0), ("b", 2, 0)], [("c", 3, 0)]))
    assert [row[0] for row in found.rows] == ["a", "b", "c"]
    assert (found.planned.outside, found.planned.duplicates, found.planned.deleted) == (0, 0, 0)


def test_what_began_outside_the_day_is_dropped_and_counted() -> None:
    midnight_after = 24 * 3600 * 1000
    found = merge(
        sent([("before", -1, 0), ("first", 0, 0), ("last", midnight_after - 1, 0), ("after", midnight_after, 0)])
    )
    assert [row[0] for row in found.rows] == ["first", "last"]
    assert found.planned.outside == 2


def test_a_page_stored_with_two_hours_gives_each_its_own_conversations() -> None:
    body = SentPage([("a", 1, 0), ("b", 2, 0)]).body()
    border = DAY + timedelta(milliseconds=2)
    planned = plan([Stub(DAY, border, NEXT, starts(body)), Stub(border, NEXT, NEXT, starts(body))])
    parts = merged(planned, (decode(body).conversations for _ in planned.order))
    assert [rows_of(part.conversations)[0][0] for part in parts] == ["a", "b"]
    assert (planned.outside, planned.duplicates) == (2, 0)


def test_the_newest_form_is_that_of_the_highest_as_of() -> None:
    found = merge(sent([("a", 5, 1)], [("a", 5, 2)], as_of=[9, 3]))
    assert found.rows == [("a", 5, 1)]
    assert found.planned.duplicates == 1


def test_of_forms_as_of_the_same_instant_the_last_stays() -> None:
    assert merge(sent([("a", 5, 1), ("a", 5, 2)], [("a", 5, 3), ("a", 5, 4)], as_of=[7, 7])).rows == [("a", 5, 4)]


def test_a_conversation_whose_start_was_corrected_is_still_one() -> None:
    found = merge(sent([("a", 5, 1), ("b", 6, 1)], [("c", 70, 1), ("a", 80, 2)]))
    assert found.rows == [("b", 6, 1), ("c", 70, 1), ("a", 80, 2)]
    assert found.planned.duplicates == 1


def test_equal_starts_across_pages_are_ordered_by_id() -> None:
    found = merge(sent([("b", 5, 0), ("d", 5, 0)], [("a", 5, 0), ("c", 5, 0)]))
    assert [row[0] for row in found.rows] == ["a", "b", "c", "d"]


def test_no_pages_give_no_conversations() -> None:
    for pages in ([], sent([]), sent([("before", -1, 0)])):
        found = merge(pages)
        assert (found.rows, found.planned.conversations, found.planned.order) == ([], 0, [])


# -- which conversations exist -------------------------------------------------------------------------------------


def test_a_page_that_does_not_decide_brings_a_newer_form_of_a_conversation_that_another_page_has() -> None:
    found = merge([SentPage([("a", 5, 1), ("b", 6, 1)], as_of=1), SentPage([("a", 5, 2)], as_of=2, decides=False)])
    assert found.rows == [("a", 5, 2), ("b", 6, 1)]
    assert (found.planned.duplicates, found.planned.deleted) == (1, 0)


def test_an_older_form_stays_behind_whoever_decides() -> None:
    found = merge([SentPage([("a", 5, 1)], as_of=2), SentPage([("a", 5, 2)], as_of=1, decides=False)])
    assert found.rows == [("a", 5, 1)]


def test_a_conversation_that_no_page_has_which_decides_was_deleted() -> None:
    kept, gone = [("a", 5, 1)], [("b", 6, 1), ("c", 7, 1)]
    hours = [SentPage([*kept, *gone], as_of=2, decides=False), SentPage(gone[:1], as_of=3, decides=False)]
    found = merge([SentPage(kept, as_of=1), *hours])
    assert found.rows == [("a", 5, 1)]
    assert (found.planned.duplicates, found.planned.deleted) == (1, 2)


# -- what only jobs know -----------------------------------------------------------------------------------------------


def test_the_newest_form_by_job_supplements_a_newer_one_of_the_query() -> None:
    found = merge(
        [
            SentPage([("a", 5, 1), ("b", 6, 1)], as_of=1, by_job=True),
            SentPage([("a", 5, 2)], as_of=2, by_job=True),
            SentPage([("a", 5, 3)], as_of=3),
        ]
    )
    assert found.rows == [("a", 5, 3), ("b", 6, 1)]
    assert found.supplements == {"a": 2}
    assert found.planned.duplicates == 2


def test_a_newest_form_by_job_needs_no_supplement() -> None:
    found = merge([SentPage([("a", 5, 1)], as_of=1, by_job=True), SentPage([("a", 5, 2)], as_of=2, by_job=True)])
    assert (found.rows, found.supplements) == ([("a", 5, 2)], {})


def test_a_supplement_finds_its_conversation_though_the_start_was_corrected() -> None:
    found = merge(
        [
            SentPage([("a", 5, 1), ("b", 90, 1)], as_of=1, by_job=True),
            SentPage([("c", 6, 2), ("a", 80, 2)], as_of=2),
            SentPage([("b", 7, 3)], as_of=3),
        ]
    )
    assert found.rows == [("c", 6, 2), ("b", 7, 3), ("a", 80, 2)]
    assert found.supplements == {"a": 1, "b": 1}


def test_supplements_stay_beside_their_conversations_when_parts_are_put_together() -> None:
    pages = [SentPage([(f"{i}", 10 * i, 1)], as_of=1, by_job=True) for i in range(6)]
    pages += [SentPage([(f"{i}", 10 * i, 2)], as_of=2) for i in (1, 4, 5)]
    planned = plan([page.stub() for page in pages])
    parts = list(merged(planned, (decode(pages[index].body()).conversations for index in planned.order)))
    assert len(parts) == 6
    for at_least in (1, 2, 4, 100):
        found = list(in_larger_parts(iter(parts), at_least))
        assert {id_: tag for part in found for id_, tag in supplements_of(part).items()} == {"1": 1, "4": 1, "5": 1}
    assert rows_of(concat_forms(parts).conversations) == [row for part in parts for row in rows_of(part.conversations)]


# -- how many pages are held in memory
# ------------------------------------------------------------------------------------------------------


def most_held(pages: Sequence[SentPage]) -> int:
    """The largest number of pages that `merged` had received and not yet wholly passed on."""
    planned = plan([page.stub() for page in pages])
    left = Counter({part.page: len(part.rows) for part in planned.parts})
    page_of = {row[0]: number for number, page in enumerate(pages) for row in page.rows}
    given: list[int] = []

    def conversations() -> Iterator[pa.StructArray]:
        for number in planned.order:
            given.append(number)
            yield decode(pages[number].body()).conversations

    held = [0]
    for part in merged(planned, conversations()):
        left.subtract(Counter(page_of[row[0]] for row in rows_of(part.conversations)))
        held.append(sum(left[number] > 0 for number in given))
    assert not +left
    return max(held)


def test_pages_that_touch_no_other_are_never_held() -> None:
    assert most_held([SentPage([(f"{i}", 10 * i, 0), (f"{i}x", 10 * i + 5, 0)]) for i in range(5)]) == 0


def test_pages_that_overlap_like_the_scales_of_a_fish_are_not_held_together() -> None:
    """The pages of a job and of the query are cut at different conversations."""
    assert most_held([SentPage([(f"{i}", 10 * i, 0), (f"{i}x", 10 * i + 15, 0)]) for i in range(50)]) == 1


def test_supplements_do_not_make_pages_wait_for_the_end_of_the_day() -> None:
    ids = [f"{i:03d}" for i in range(120)]
    by_job = [
        SentPage([(id_, 10 * int(id_), 1) for id_ in ids[i : i + 10]], as_of=1, by_job=True) for i in range(0, 120, 10)
    ]
    newer = [SentPage([(id_, 10 * int(id_), 2) for id_ in ids[max(i, 0) : i + 3]], as_of=2) for i in range(-1, 120, 3)]
    planned = plan([page.stub() for page in [*by_job, *newer]])
    given, passed, most = 0, 0, 0

    def conversations() -> Iterator[pa.StructArray]:
        nonlocal given
        for number in planned.order:
            given += len([*by_job, *newer][number].rows)
            yield decode([*by_job, *newer][number].body()).conversations

    for part in merged(planned, conversations()):
        passed += len(part) + len(part.supplements)
        most = max(most, given - passed)
    assert (passed, given) == (240, 240)
    assert most <= 10 + 3


# -- laws --------------------------------------------------------------------------------------------------------------

ROWS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(-5, 40), st.integers(0, 99)), max_size=6)
PAGES = st.lists(st.builds(SentPage, ROWS, st.integers(0, 3), st.booleans(), st.booleans()), max_size=6)


def plainly(pages: Sequence[SentPage]) -> tuple[list[Row], dict[str, int], int, int]:
    """Expected rows, supplements, duplicates and deletions, computed conversation by conversation."""
    forms = [
        (row, page.as_of, number, page)
        for number, page in enumerate(pages)
        for row in page.rows
        if 0 <= row[1] < 24 * 3600 * 1000
    ]
    rows, supplements, taken = [], {}, 0
    ids = {row[0] for row, *_ in forms}
    for id_ in ids:
        of_id = sorted((form for form in forms if form[0][0] == id_), key=lambda form: form[1:3])
        if not any(form[3].decides for form in of_id):
            continue
        taken += len(of_id)
        rows.append(of_id[-1][0])
        by_job = [form for form in of_id if form[3].by_job]
        if by_job and not of_id[-1][3].by_job:
            supplements[id_] = by_job[-1][0][2]
    rows.sort(key=lambda row: (row[1], row[0]))
    return rows, supplements, taken - len(rows), len(ids) - len(rows)


@settings(max_examples=200)
@given(PAGES)
def test_any_pages_give_each_conversation_once_in_order_in_its_newest_form(pages: list[SentPage]) -> None:
    found = merge(pages)
    planned = found.planned
    assert (found.rows, found.supplements, planned.duplicates, planned.deleted) == plainly(pages)
    assert planned.conversations == len(found.rows)


@settings(max_examples=80)
@given(PAGES, st.randoms(use_true_random=False))
def test_the_order_in_which_pages_are_given_does_not_matter_where_they_are_of_different_instants(
    pages: list[SentPage], shuffling: random.Random
) -> None:
    pages = [replace(page, rows=once(page.rows), as_of=number) for number, page in enumerate(pages)]
    shuffled = shuffling.sample(pages, len(pages))
    one, other = merge(pages), merge(shuffled)
    assert (one.rows, one.supplements) == (other.rows, other.supplements)
    assert one.planned.outside == other.planned.outside


def once(rows: list[Row]) -> list[Row]:
    return list({row[0]: row for row in rows}.values())


@settings(max_examples=80)
@given(PAGES, st.lists(st.integers(1, 4), min_size=1))
def test_however_a_reading_is_cut_into_pages_it_gives_the_same(pages: list[SentPage], lengths: list[int]) -> None:
    cut: list[SentPage] = []
    for number, page_ in enumerate(pages):
        length = lengths[number % len(lengths)]
        cut += [replace(page_, rows=page_.rows[at : at + length]) for at in range(0, len(page_.rows), length)]
    one, other = merge(pages), merge(cut)
    assert (one.rows, one.supplements) == (other.rows, other.supplements)
    assert replace(one.planned, parts=()) == replace(other.planned, parts=())


@settings(max_examples=30)
@given(PAGES)
def test_merging_again_what_was_merged_changes_nothing(pages: list[SentPage]) -> None:
    once_merged = merge(pages)
    again = merge(sent(once_merged.rows))
    assert again.rows == once_merged.rows
    assert (again.planned.outside, again.planned.duplicates, again.planned.deleted) == (0, 0, 0)


def test_a_plan_names_rows_by_their_position_on_their_page() -> None:
    planned = plan(
        [SentPage([("a", 5, 1), ("b", 6, 1)], as_of=1, by_job=True).stub(), SentPage([("b", 6, 2)], as_of=2).stub()]
    )
    first, second = planned.parts
    assert (first.page, first.rows.tolist(), first.supplements.tolist(), first.size) == (0, [0], [1], 2)
    assert (second.page, second.rows.tolist(), second.supplements.tolist(), second.size) == (1, [0], [], 1)
    assert np.all(first.supplemented == second.first)
