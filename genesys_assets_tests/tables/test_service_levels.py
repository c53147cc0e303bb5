"""Service levels over time, computed from listings that show only the current settings."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.tables.entities import ENTITIES
from genesys_assets.tables.service_levels import SERVICE_LEVELS_HISTORY, Level, levels_at, service_levels_history

NIGHT = datetime(2026, 1, 31, 2, tzinfo=UTC)
LONG_AGO = NIGHT - timedelta(days=90)
MILLISECOND = timedelta(milliseconds=1)


def settings(**levels: tuple[float, int]) -> str:
    of = {name: {"serviceLevel": {"percentage": share, "durationMs": ms}} for name, (share, ms) in levels.items()}
    return json.dumps(of)


def listed(said: str | None, modified: datetime | None = LONG_AGO) -> pa.Table:
    row = {"id": "Q1", "name": "Sales", "date_modified": modified, "media_settings": said, "is_deleted": False}
    return pa.Table.from_pylist([row], ENTITIES["queues"].schema)


def nights(*listings: pa.Table) -> pa.Table:
    """The history after these listings, one each night."""
    known: pa.Table | None = None
    for number, each in enumerate(listings):
        known = service_levels_history(each, known, NIGHT + timedelta(days=number))
    assert known is not None
    return known


def test_what_is_first_seen_was_set_since_the_queue_was_changed_last() -> None:
    known = nights(listed(settings(call=(0.8, 20_000), email=(0.5, 14_400_000))))
    expected = {("Q1", "voice"): Level(0.8, 20_000), ("Q1", "email"): Level(0.5, 14_400_000)}
    assert levels_at(known, NIGHT) == levels_at(known, LONG_AGO + MILLISECOND) == expected
    assert levels_at(known, LONG_AGO) == {}, "earlier settings are unknown"


def test_a_change_counts_from_when_the_queue_was_changed() -> None:
    changed = NIGHT + timedelta(hours=7)
    known = nights(listed(settings(call=(0.8, 20_000))), listed(settings(call=(0.9, 20_000)), changed))
    assert levels_at(known, changed) == {("Q1", "voice"): Level(0.8, 20_000)}
    assert levels_at(known, changed + MILLISECOND) == {("Q1", "voice"): Level(0.9, 20_000)}


def test_another_change_of_the_queue_begins_no_new_row() -> None:
    said = settings(call=(0.8, 20_000))
    assert len(nights(listed(said), listed(said, NIGHT + timedelta(hours=7)))) == 1


def test_a_change_without_a_date_counts_from_when_it_was_seen() -> None:
    known = nights(listed(settings(call=(0.8, 20_000)), None), listed(settings(call=(0.9, 20_000)), None))
    assert [row["valid_from"] for row in known.to_pylist()] == [NIGHT, NIGHT + timedelta(days=1)]


def test_a_medium_that_is_no_longer_set_ends_and_a_listing_without_settings_says_nothing() -> None:
    both, one = settings(call=(0.8, 20_000), chat=(0.8, 40_000)), settings(call=(0.8, 20_000))
    known = nights(listed(both), listed(None), listed(one, NIGHT + timedelta(days=1, hours=7)))
    assert set(levels_at(known, NIGHT + timedelta(days=1))) == {("Q1", "voice"), ("Q1", "chat")}
    assert set(levels_at(known, NIGHT + timedelta(days=3))) == {("Q1", "voice")}


@pytest.mark.parametrize(
    "said", ["{}", "[]", '{"call": 5}', '{"call": {"serviceLevel": {"percentage": "0.8", "durationMs": true}}}']
)
def test_settings_of_another_form_are_unknown(said: str) -> None:
    assert len(nights(listed(said))) == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, *(settings(call=(share, ms)) for share in (0.5, 0.8) for ms in (1, 2))]),
            st.none() | st.integers(-200, 200),
        ),
        max_size=6,
    )
)
def test_times_of_a_queue_and_medium_follow_each_other(said: list[tuple[str | None, int | None]]) -> None:
    listings = [listed(text, None if hours is None else NIGHT + timedelta(hours=hours)) for text, hours in said]
    rows: list[dict[str, Any]] = nights(listed(None), *listings).to_pylist()
    keys = [tuple(row[name] for name in SERVICE_LEVELS_HISTORY.key) for row in rows]
    assert len(set(keys)) == len(keys)
    for one, other in pairwise(rows):
        assert one["valid_from"] < one["valid_to"] <= other["valid_from"]
    assert sum(row["valid_to"] is None for row in rows) == bool(rows)
