"""The inputs of a day's waits: what counts of the neighbouring days, and when the waits are computed again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from genesys_assets.days import waits
from genesys_assets.days.sources import NotFetched
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.spans import utc_day
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS
from genesys_assets.tables.observations import QUEUE_MEMBERS
from genesys_assets.tables.users.waits import queue_waits

BEFORE, DAY, NEXT = "2026-01-27", "2026-01-28", "2026-01-29"
MIDNIGHT = datetime(2026, 1, 29, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def store_legs(lake: Lake, day: str, *legs: tuple[str, int, int, bool], is_complete: bool = True) -> None:
    """Legs of a day: name, seconds from midnight to the offer, seconds of the wait, and whether it was answered."""
    rows = []
    for name, offered, wait, is_answered in legs:
        at = MIDNIGHT + timedelta(seconds=offered)
        row = dict.fromkeys(INTERACTION_LEGS.schema.names) | {"conversation_id": name, "leg_no": 1}
        row |= {"conversation_start": utc_day(day)[0], "queue_id": "Q", "media_type": "voice", "offered_at": at}
        row |= {"t_wait_ms": wait * 1000, "user_id": f"agent of {name}"}
        rows.append(row | ({"answered_at": at + timedelta(seconds=wait)} if is_answered else {}))
    table = pa.Table.from_pylist(rows, INTERACTION_LEGS.schema)
    reach = Reach(utc_day(day)[1], is_complete=is_complete)
    lake.write(waits.LEGS, INTERACTION_LEGS, table, day, {}, reach=reach)


def store_members(lake: Lake, day: str, *users: str) -> None:
    rows = [{"queue_id": "Q", "user_id": user, "joined": True, "day": utc_day(day)[0].date()} for user in users]
    table = pa.Table.from_pylist(
        [dict.fromkeys(QUEUE_MEMBERS.schema.names) | {"as_of": utc_day(day)[0]} | row for row in rows],
        QUEUE_MEMBERS.schema,
    )
    lake.write(waits.MEMBERS, QUEUE_MEMBERS, table, day, {})


def figures(lake: Lake, name: str, *columns: str) -> list[object]:
    inputs = waits.read(lake.refreshed(), DAY)
    (row,) = (row for row in queue_waits(inputs.legs, inputs.around).to_pylist() if row["conversation_id"] == name)
    return [row[column] for column in columns]


def test_a_wait_into_the_next_day_is_overtaken_by_a_conversation_of_that_day_once_it_is_complete(lake: Lake) -> None:
    store_legs(lake, BEFORE)
    store_legs(lake, DAY, ("a", -30, 90, False))
    store_legs(lake, NEXT, ("b", 10, 20, True), is_complete=False)
    names = ("overtaken_by", "overtaking_conversation_id", "overtaking_user_id")
    assert figures(lake, "a", *names) == [None, None, None]
    store_legs(lake, NEXT, ("b", 10, 20, True))
    assert figures(lake, "a", *names) == [1, "b", "agent of b"]


def test_a_conversation_of_the_day_before_overtakes_too(lake: Lake) -> None:
    store_legs(lake, BEFORE, ("old", -500, 20, True))
    store_legs(lake, DAY, ("a", -600, 300, False))
    assert figures(lake, "a", "overtaken_by", "overtaking_conversation_id") == [1, "old"]


def test_who_overtook_is_unknown_until_the_day_and_the_day_before_are_complete(lake: Lake) -> None:
    store_legs(lake, DAY, ("a", -600, 300, False))
    assert figures(lake, "a", "overtaken_by") == [None], "the day before was never read"
    store_legs(lake, BEFORE, ("old", -500, 20, True), is_complete=False)
    assert figures(lake, "a", "overtaken_by") == [None]
    store_legs(lake, BEFORE, ("old", -500, 20, True))
    assert figures(lake, "a", "overtaken_by") == [1]
    store_legs(lake, DAY, ("a", -600, 300, False), is_complete=False)
    assert figures(lake, "a", "overtaken_by") == [None]


def test_who_is_offered_on_the_next_day_waits_beside_the_members_of_that_day(lake: Lake) -> None:
    store_legs(lake, DAY, ("a", -30, 10, False), ("b", 30, 10, False))
    store_members(lake, DAY, "x")
    store_members(lake, NEXT, "x", "y")
    assert figures(lake, "b", "members", "unknown") == [None, "queue_members"]
    store_legs(lake, NEXT)
    assert (figures(lake, "a", "members"), figures(lake, "b", "members")) == ([1], [2])


def test_waits_are_stale_when_legs_of_a_neighbouring_day_that_count_have_changed(lake: Lake) -> None:
    store_legs(lake, DAY, ("a", -30, 90, False))
    numbers = [waits.made_of(lake.refreshed(), DAY)]

    def is_stale() -> bool:
        numbers.append(waits.made_of(lake.refreshed(), DAY))
        return numbers[-1] != numbers[-2]

    store_legs(lake, NEXT, ("b", 10, 20, True), is_complete=False)
    assert not is_stale(), "today changes every hour"
    store_members(lake, NEXT, "x")
    assert not is_stale()
    store_legs(lake, NEXT, ("b", 10, 20, True))
    assert is_stale()
    store_legs(lake, NEXT, ("b", 10, 25, True))
    assert is_stale()
    store_legs(lake, BEFORE, ("old", -500, 20, True), is_complete=False)
    assert not is_stale()
    store_legs(lake, BEFORE, ("old", -500, 20, True))
    assert is_stale()
    store_legs(lake, DAY, ("a", -30, 90, False), is_complete=False)
    assert is_stale(), "the same rows are no longer complete"
    store_legs(lake, "2026-01-30", ("later", 90_000, 20, True))
    assert not is_stale()


def test_waits_are_stale_when_the_members_of_their_days_have_changed(lake: Lake) -> None:
    store_legs(lake, DAY, ("a", -30, 10, False), ("b", 30, 10, False))
    store_legs(lake, NEXT)
    numbers = [waits.made_of(lake.refreshed(), DAY)]

    def is_stale() -> bool:
        numbers.append(waits.made_of(lake.refreshed(), DAY))
        return numbers[-1] != numbers[-2]

    for day in (DAY, NEXT):
        store_members(lake, day, "x")
        assert is_stale(), "the day was not observed before"
        store_members(lake, day, "x")
        assert not is_stale(), "the same members"
        store_members(lake, day, "x", "y")
        assert is_stale(), "one more has joined"
    assert (figures(lake, "a", "members"), figures(lake, "b", "members")) == ([2], [2])
    for day in (BEFORE, "2026-01-30"):
        store_members(lake, day, "x")
        assert not is_stale()


def test_waits_need_legs_of_the_day(lake: Lake) -> None:
    store_legs(lake, NEXT, ("b", 10, 20, True))
    with pytest.raises(NotFetched, match=f"no partition {DAY}: materialise it first"):
        waits.read(lake, DAY)
