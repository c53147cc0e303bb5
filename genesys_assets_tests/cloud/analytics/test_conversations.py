"""What the client reads from a page of conversations when it arrives."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.cloud.analytics.conversations import ConversationsPage, with_facts
from genesys_assets.cloud.analytics.interval import iso
from genesys_assets.cloud.errors import UnexpectedAnswer
from genesys_assets.cloud.http.page import Page
from genesys_assets_tests.cloud.platform import NOON


def page(body: Any) -> ConversationsPage:
    return with_facts(Page(3, "{}", NOON, "corr-1", json.dumps(body).encode()), ConversationsPage)


def starting(*starts: Any) -> ConversationsPage:
    return page({"conversations": [{"conversationStart": start} for start in starts]})


@given(st.lists(st.integers(0, 10**10), max_size=20), st.sampled_from(["alike", "with an offset", "mixed"]))
def test_the_span_is_that_of_the_instants_however_they_are_written(milliseconds: list[int], written: str) -> None:
    instants = [NOON + timedelta(milliseconds=number) for number in milliseconds]
    zoned = [instant.astimezone(UTC).isoformat() for instant in instants]
    texts = {"alike": [iso(instant) for instant in instants], "with an offset": zoned}
    mixed = [text if at % 2 else iso(instant) for at, (text, instant) in enumerate(zip(zoned, instants, strict=True))]
    found = starting(*texts.get(written, mixed)).span
    assert found == ((min(instants), max(instants)) if instants else None)


def test_what_is_no_instant_is_passed_over() -> None:
    found = page(
        {
            "conversations": [
                {"conversationStart": "2026-01-31T10:00:00.001Z"},
                {"conversationStart": "x"},
                7,
                {"conversationStart": "2026-01-31T09:00:00.0004Z"},
                {"conversationStart": "2026-01-31T09:30:00"},
            ]
        }
    )
    assert found.span == (datetime(2026, 1, 31, 9, 0, 0, 400, UTC), datetime(2026, 1, 31, 10, 0, 0, 1000, UTC))
    assert found.rows == 5


@pytest.mark.parametrize("broken", ["9999-99-99T99:99:99.999Z", "0000-00-00T00:00:00.000Z", "zzzzzzzzzzzzzzzzzzzzzzzZ"])
def test_a_broken_instant_that_looks_like_the_others_is_passed_over(broken: str) -> None:
    found = starting("2026-01-31T10:00:00.000Z", broken, "2026-01-31T09:00:00.000Z").span
    assert found == (datetime(2026, 1, 31, 9, tzinfo=UTC), datetime(2026, 1, 31, 10, tzinfo=UTC))


@pytest.mark.parametrize("body", [{}, {"conversations": None}, {"conversations": []}, {"conversations": [{}, 7]}])
def test_a_page_without_instants_has_no_span(body: Any) -> None:
    assert page(body).span is None
    assert page(body).ids == ()


def test_ids_are_those_that_are_sound() -> None:
    found = page({"conversations": [{"conversationId": "a"}, {"conversationId": 1}, {}, {"conversationId": "b"}]})
    assert found.ids == ("a", "b")
    assert (found.number, found.correlation_id, found.fetched_at) == (3, "corr-1", NOON)


def test_nothing_that_was_parsed_is_kept() -> None:
    body = {"conversations": [{"conversationId": "a"}]}
    came = Page(1, "{}", NOON, None, json.dumps(body).encode(), body)
    assert came.json() is body
    assert with_facts(came, ConversationsPage).content is None
    assert came.bare().content is None
    assert came.bare() == came


def test_conversations_that_are_no_list_are_an_error() -> None:
    with pytest.raises(UnexpectedAnswer, match="no list"):
        page({"conversations": {"a": 1}})
