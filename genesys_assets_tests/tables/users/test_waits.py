"""Waits in queues beside idle agents, against counting every millisecond. Unknown never counts as nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.lake.audit import audit
from genesys_assets.spans import Window
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS
from genesys_assets.tables.observations import QUEUE_MEMBERS
from genesys_assets.tables.users.spans import Span
from genesys_assets.tables.users.waits import QUEUE_WAITS, Surroundings, joined_members, queue_waits

DAY = datetime(2026, 1, 28, tzinfo=UTC)
MS = timedelta(milliseconds=1)
KNOWN = Window(DAY, DAY + 40 * MS)


def leg(name: str, offered: int, wait: int | None, *, answered: int | None = None, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(INTERACTION_LEGS.schema.names)
    row |= {"conversation_id": name, "conversation_start": DAY, "leg_no": 1, "queue_id": "Q", "media_type": "voice"}
    row |= {"offered_at": DAY + offered * MS, "t_wait_ms": wait, "outcome": "abandoned", "user_id": f"of {name}"}
    return row | ({} if answered is None else {"answered_at": DAY + answered * MS, "outcome": "answered"}) | more


def waits(
    *legs: dict[str, Any],
    idle: Sequence[tuple[str, int, int]] = (),
    members: Any = None,
    known: Any = KNOWN,
    neighbours: Sequence[dict[str, Any]] = (),
    legs_until: datetime = DAY + timedelta(days=1),
    members_of_next_day: Any = None,
) -> Any:
    spans = [Span(user, "routing", DAY + start * MS, DAY + end * MS, "IDLE") for user, start, end in sorted(idle)]
    of_days = {DAY.date(): members, DAY.date() + timedelta(days=1): members_of_next_day}
    observed = {day: of_day for day, of_day in of_days.items() if of_day is not None}
    others = pa.Table.from_pylist(list(neighbours), INTERACTION_LEGS.schema)
    around = Surroundings(others, legs_until, observed, spans, known)
    table = queue_waits(pa.Table.from_pylist(list(legs), INTERACTION_LEGS.schema), around)
    assert audit(QUEUE_WAITS, "2026-01-28", [table]) == {}
    return {row["conversation_id"]: row for row in table.to_pylist()}


_MOMENT = st.integers(0, 40)
_IDLE = st.lists(st.tuples(st.sampled_from("abc"), _MOMENT, st.integers(1, 5)), max_size=8)
_LEGS = st.lists(
    st.tuples(_MOMENT, st.integers(0, 20), st.booleans(), st.sampled_from(["Q", "R"])), min_size=1, max_size=8
)


@given(_IDLE, _LEGS)
def test_each_wait_is_as_counting_every_millisecond_says(
    drawn: list[tuple[str, int, int]], of: list[tuple[int, int, bool, str]]
) -> None:
    idle = list(
        {(user, start // 6): (user, start // 6 * 6, start // 6 * 6 + length) for user, start, length in drawn}.values()
    )
    legs = [
        leg(f"{nth}", offered, wait, answered=offered + wait if taken else None, queue_id=queue)
        for nth, (offered, wait, taken, queue) in enumerate(of)
    ]
    found = waits(*legs, idle=idle, members={"Q": ["a", "b", "nobody"]})
    busy = {user: {at for who, start, end in idle if who == user for at in range(start, min(end, 40))} for user in "ab"}
    for nth, (offered, wait, _, queue) in enumerate(of):
        row, waited = found[f"{nth}"], set(range(offered, offered + wait))
        shares = [len(waited & busy[user]) for user in "ab"]
        if queue == "R":
            assert (row["members"], row["idle_members"], row["unknown"]) == (None, None, "queue_members")
        elif offered + wait > 40:
            assert (row["members"], row["idle_ms"], row["unknown"]) == (3, None, "user_status")
        else:
            assert (row["idle_members"], row["idle_ms"]) == (sum(share > 0 for share in shares), sum(shares))
            assert (row["members"], row["unknown"]) == (3, None)
        overtook = [
            (other_offered + other_wait, other)
            for other, (other_offered, other_wait, taken, of_queue) in enumerate(of)
            if taken and of_queue == queue and other_offered > offered and other_offered + other_wait < offered + wait
        ]
        assert row["overtaken_by"] == len(overtook)
        first = f"{min(overtook)[1]}" if overtook else None
        assert row["overtaking_conversation_id"] == first
        assert row["overtaking_user_id"] == (f"of {first}" if overtook else None)


@pytest.mark.parametrize(
    ("members", "known", "unknown"),
    [
        (None, KNOWN, "queue_members"),
        ({}, KNOWN, "queue_members"),
        ({"Q": []}, None, "user_status"),
        ({"Q": []}, KNOWN, None),
    ],
)
def test_missing_data_are_unknown_and_a_queue_without_members_has_nobody(
    members: Any, known: Window | None, unknown: str | None
) -> None:
    row = waits(leg("a", 1, 5), members=members, known=known)["a"]
    assert row["unknown"] == unknown
    assert row["idle_members"] == row["idle_ms"] == (0 if unknown is None else None)


def test_only_legs_that_ended_a_wait_are_waits() -> None:
    legs = [leg("a", 1, None), leg("b", 1, 4, queue_id=None), leg("c", 1, 4)]
    assert list(waits(*legs, members={"Q": []})) == ["c"]


def test_another_medium_overtakes_nobody() -> None:
    found = waits(leg("a", 1, 9), leg("b", 2, 3, answered=5, media_type="chat"), members=None)
    assert found["a"]["overtaken_by"] == 0


@pytest.mark.parametrize("begun", [DAY - timedelta(hours=1), DAY + timedelta(days=1)])
def test_an_interaction_that_began_on_a_neighbouring_day_overtakes(begun: datetime) -> None:
    night = 86_400_000
    mine, other = leg("a", night - 5, 20), leg("b", night + 2, 3, answered=night + 5, conversation_start=begun)
    found = waits(mine, neighbours=[other], legs_until=DAY + timedelta(days=2), members=None)
    names = ("overtaken_by", "overtaking_conversation_id", "overtaking_user_id")
    assert [found["a"][name] for name in names] == [1, "b", "of b"]


@pytest.mark.parametrize(("wait", "overtaken_by"), [(5, 1), (6, None)])
def test_who_overtook_is_unknown_while_a_wait_lasts_beyond_the_known_legs(wait: int, overtaken_by: int | None) -> None:
    night = 86_400_000
    found = waits(leg("a", night - 5, wait), leg("b", night - 3, 1, answered=night - 2), members=None)["a"]
    assert found["overtaken_by"] == overtaken_by
    assert found["overtaking_conversation_id"] == ("b" if overtaken_by else None)


def test_the_members_are_those_of_the_day_on_which_the_wait_was_offered() -> None:
    night = 86_400_000
    legs = [leg("a", night - 1, 5), leg("b", night, 5), leg("c", 2 * night, 5)]
    found = waits(*legs, members={"Q": ["a"]}, members_of_next_day={"Q": ["a", "b", "c"]}, known=None)
    assert {name: (row["members"], row["unknown"]) for name, row in found.items()} == {
        "a": (1, "user_status"),
        "b": (3, "user_status"),
        "c": (None, "queue_members"),
    }


def test_members_are_those_who_joined() -> None:
    rows = [("Q", "a", True), ("Q", "b", False), ("R", None, None)]
    named = [dict(zip(("queue_id", "user_id", "joined"), row, strict=True)) for row in rows]
    table = pa.Table.from_pylist(
        [dict.fromkeys(QUEUE_MEMBERS.schema.names) | row for row in named], QUEUE_MEMBERS.schema
    )
    assert joined_members(table) == {"Q": ["a"], "R": []}


def test_a_queue_with_a_member_who_may_be_joined_has_no_known_members() -> None:
    rows = [("Q", "a", True), ("Q", "b", None), ("R", "c", True), ("S", None, None)]
    table = pa.Table.from_pylist(
        [{"queue_id": queue, "user_id": user, "joined": joined} for queue, user, joined in rows], QUEUE_MEMBERS.schema
    )
    members = joined_members(table)
    assert members == {"R": ["c"], "S": []}
    found = waits(leg("l", 0, 5), idle=[("a", 0, 5)], members=members)["l"]
    assert (found["members"], found["idle_members"], found["unknown"]) == (None, None, "queue_members")
