from __future__ import annotations

import json
from datetime import UTC, datetime

from genesys_assets.cloud.analytics.conversations import ConversationsPage, with_facts
from genesys_assets.cloud.http.page import Page
from genesys_assets.days.completeness import PageCounts, figures_of_job

NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)


def test_null_in_place_of_a_conversation_is_missing_and_repeats_none() -> None:
    rows = [None, {"conversationId": "a"}, {"conversationId": "b"}, {"conversationId": "a"}, None]
    body = json.dumps({"conversations": rows}).encode()
    pages_read = PageCounts()
    pages_read.take(with_facts(Page(1, "{}", NOON, None, body), ConversationsPage))
    figures = figures_of_job(pages_read, NOON, 4, 100)
    counts = [figures[name] for name in ("day_conversations_read", "day_rows_repeated", "day_missing")]
    assert counts == [2, 1, 2]
