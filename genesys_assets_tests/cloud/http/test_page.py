"""The instant as of which a page's content is true."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from genesys_assets.cloud.analytics.conversations import ConversationsPage, with_facts
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.jobs.endpoints import JobPage
from genesys_assets_tests.cloud.platform import NOON

MORNING = NOON.replace(hour=8)


def page(as_of: datetime) -> Page:
    return Page(1, "{}", NOON, None, b'{"conversations":[{"conversationId":"a"}]}', as_of=as_of)


def test_a_page_is_true_as_of_when_it_was_fetched_unless_something_else_is_said() -> None:
    assert Page(1, "{}", NOON, None, b"{}").as_of == NOON
    assert Page(number=1, request="{}", fetched_at=NOON, correlation_id=None, body=b"{}").as_of == NOON
    assert page(MORNING).as_of == MORNING


@pytest.mark.parametrize("later", [timedelta(milliseconds=1), timedelta(days=1)])
def test_a_page_is_never_true_as_of_later_than_it_was_fetched(later: timedelta) -> None:
    assert page(NOON + later).as_of == NOON
    assert replace(page(MORNING), fetched_at=MORNING - later).as_of == MORNING - later


def test_the_instant_is_utc_in_whole_milliseconds() -> None:
    in_tokyo = (MORNING + timedelta(microseconds=123_999)).astimezone(timezone(timedelta(hours=9)))
    as_of = page(in_tokyo).as_of
    assert as_of == MORNING + timedelta(milliseconds=123)
    assert as_of.tzinfo is UTC


@pytest.mark.parametrize("kind", [ConversationsPage, JobPage])
def test_every_form_of_a_page_keeps_the_instant(kind: type[ConversationsPage]) -> None:
    found = with_facts(page(MORNING), kind)
    assert found.as_of == found.bare().as_of == replace(found, number=7).as_of == MORNING
    assert found.rows == 1
