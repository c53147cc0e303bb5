"""What agents do all day: the laws that tie presence and routing status to each other and to conversations."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.shifts import Piece, State, unknown_presence_id
from genesys_assets.sandbox.timelines import Timelines, painted, presence, routing
from genesys_assets.sandbox.times import DAY, day_start, millis

WEDNESDAY = date(2026, 1, 28)
MORNING, MIDNIGHT = day_start(WEDNESDAY), day_start(WEDNESDAY) + DAY


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation(seed=1, conversations_per_day=120)


@pytest.fixture(scope="module")
def quiet() -> Organisation:
    """Few conversations, so that some agents have none."""
    return Organisation(seed=1, conversations_per_day=12)


@pytest.fixture(scope="module")
def timelines(organisation: Organisation) -> Timelines:
    return Timelines(organisation)


def test_every_millisecond_of_a_day_has_one_presence_and_one_routing_status(timelines: Timelines) -> None:
    assert timelines.user_ids
    for user_id in timelines.user_ids:
        for of in (presence, routing):
            spans = timelines.spans(user_id, MORNING, MIDNIGHT, of)
            assert spans[0].start <= MORNING
            assert spans[-1].end >= MIDNIGHT
            assert all(one.end == other.start and one.value != other.value for one, other in pairwise(spans))


def test_a_span_is_the_same_whichever_day_asks_for_it(timelines: Timelines) -> None:
    assert timelines.user_ids
    for user_id in timelines.user_ids:
        days = [timelines.spans(user_id, MORNING + n * DAY, MORNING + (n + 1) * DAY, presence) for n in range(5)]
        together = timelines.spans(user_id, MORNING, MORNING + 5 * DAY, presence)
        assert sorted({span for day in days for span in day}) == together


def test_an_agent_with_a_segment_is_on_queue_and_at_work(organisation: Organisation, timelines: Timelines) -> None:
    seen = 0
    for conversation in organisation.conversations(WEDNESDAY):
        for participant in conversation["participants"]:
            for session in participant["sessions"]:
                for step in session["segments"]:
                    if "userId" not in participant or "segmentEnd" not in step or step["segmentType"] == "parked":
                        continue
                    start, end = millis(step["segmentStart"]), millis(step["segmentEnd"])
                    if start == end:
                        continue
                    seen += 1
                    present = timelines.spans(participant["userId"], start, end, presence)
                    assert [span.value[0] for span in present] == ["ON_QUEUE"]
                    at_work = {span.value[0] for span in timelines.spans(participant["userId"], start, end, routing)}
                    queued = "queueId" in step
                    assert at_work <= (
                        {"INTERACTING"} if queued else {"INTERACTING", "COMMUNICATING", "NOT_RESPONDING"}
                    )
    assert seen > 100


def test_a_phone_that_rings_in_vain_is_followed_by_not_responding(
    organisation: Organisation, timelines: Timelines
) -> None:
    silent = [
        (participant["userId"], millis(metric["emitDate"]))
        for conversation in organisation.conversations(WEDNESDAY)
        for participant in conversation["participants"]
        for session in participant["sessions"]
        for metric in session.get("metrics", ())
        if metric["name"] == "tNotResponding"
    ]
    assert silent
    for user_id, at in silent:
        assert timelines.spans(user_id, at, at + 1, routing)[0].value[0] in ("NOT_RESPONDING", "INTERACTING")
    assert any(timelines.spans(user, at, at + 1, routing)[0].value[0] == "NOT_RESPONDING" for user, at in silent)


def test_off_queue_and_on_queue_agree_in_both_timelines(timelines: Timelines) -> None:
    assert timelines.user_ids
    for user_id in timelines.user_ids:
        on_queue = [
            (max(span.start, MORNING), min(span.end, MIDNIGHT))
            for span in timelines.spans(user_id, MORNING, MIDNIGHT, presence)
            if span.value[0] == "ON_QUEUE"
        ]
        off = [
            (max(span.start, MORNING), min(span.end, MIDNIGHT))
            for span in timelines.spans(user_id, MORNING, MIDNIGHT, routing)
            if span.value[0] == "OFF_QUEUE"
        ]
        assert sum(end - start for start, end in (*on_queue, *off)) == DAY


def test_the_world_has_nights_days_off_long_spans_and_a_presence_that_no_definition_knows(
    quiet: Organisation,
) -> None:
    timelines = Timelines(quiet)
    spans = {user_id: timelines.spans(user_id, MORNING, MIDNIGHT, presence) for user_id in timelines.user_ids}
    every = [span for of_user in spans.values() for span in of_user]
    assert any(of_user[0].start < MORNING and of_user[0].value[0] == "ON_QUEUE" for of_user in spans.values())
    assert any(len(of_user) == 1 and of_user[0].value[0] == "OFFLINE" for of_user in spans.values())
    assert any(span.end - span.start > DAY for span in every)
    week = [
        span
        for user_id in timelines.user_ids
        for span in timelines.spans(user_id, MORNING, MORNING + 7 * DAY, presence)
    ]
    assert unknown_presence_id(quiet.directory) in {span.value[1] for span in week}
    assert {span.value[0] for span in week} >= {
        "AVAILABLE", "AWAY", "BUSY", "BREAK", "MEAL", "MEETING", "TRAINING", "OFFLINE", "ON_QUEUE", "IDLE",
    }  # fmt: skip


def test_somebody_who_is_deleted_later_was_there_before() -> None:
    organisation = Organisation(seed=3, conversations_per_day=10)
    timelines = Timelines(organisation)
    user_id = timelines.user_ids[0]
    before = timelines.spans(user_id, MORNING, MORNING + 3 * DAY, presence)
    organisation.remove("users", user_id)
    assert timelines.spans(user_id, MORNING, MORNING + 3 * DAY, presence) == before


def test_a_planted_conversation_puts_its_agent_to_work() -> None:
    organisation = Organisation(seed=3, conversations_per_day=0)
    timelines = Timelines(organisation)
    user_id = next(user["id"] for user in organisation.directory.users if user["state"] == "inactive")
    sunday = day_start(date(2026, 2, 1))
    assert {span.value[0] for span in timelines.spans(user_id, sunday, sunday + DAY, routing)} == {"OFF_QUEUE"}
    story = Organisation(seed=4, conversations_per_day=50)
    made = next(
        conversation
        for conversation in story.conversations(WEDNESDAY + timedelta(days=4))
        if any("userId" in participant for participant in conversation["participants"])
    )
    for participant in made["participants"]:
        if "userId" in participant:
            participant["userId"] = user_id
    organisation.plant(made)
    assert "INTERACTING" in {span.value[0] for span in timelines.spans(user_id, sunday, sunday + 2 * DAY, routing)} | {
        span.value[0] for span in timelines.spans(user_id, sunday, sunday + 2 * DAY, routing)
    }


_CUTS = st.lists(st.integers(0, 60), max_size=12, unique=True).map(sorted)


@given(_CUTS)
def test_what_is_painted_over_a_timeline_replaces_exactly_itself(cuts: list[int]) -> None:
    below, above = State("A", None, "a"), State("B", None, "b")
    over = [Piece(start, end, above) for start, end in list(pairwise(cuts))[::2]]
    made = painted([Piece(0, 25, below), Piece(25, 60, below)], over)
    assert [(piece.start, piece.end) for piece in made] == sorted((piece.start, piece.end) for piece in made)
    told = {instant: piece.state for piece in made for instant in range(piece.start, piece.end)}
    expected = dict.fromkeys(range(60), below) | {
        instant: above for piece in over for instant in range(piece.start, min(piece.end, 60))
    }
    assert told == expected
    assert sum(piece.end - piece.start for piece in made) == 60
