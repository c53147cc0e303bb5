from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from genesys_assets.tables.conversations.decode import decode
from genesys_assets.tables.conversations.explode import explode
from genesys_assets.tables.conversations.open import OPEN_CONVERSATIONS, open_conversations
from genesys_assets_tests.tables.builders import NOON, conversation, page, participant, segment, session


def register(*conversations: dict[str, object], as_of: datetime) -> pa.Table:
    tables = explode(decode(page(*conversations)).conversations)
    return open_conversations(tables["conversations"], tables["sessions"], as_of)


def test_an_open_conversation_has_its_age_and_its_queue() -> None:
    queue = participant("q", "acd", session("1", "email", segments=[segment("interact", 0, 60, queueId="Q1")]))
    agent = participant(
        "a", "agent", session("2", "email", segments=[segment("interact", 90, None, queueId="Q2")]), userId="U"
    )
    later = register(conversation("x", agent, queue, seconds=None), as_of=NOON + timedelta(days=3, hours=23))
    assert later.schema == OPEN_CONVERSATIONS.schema
    (row,) = later.to_pylist()
    assert (row["open_days"], row["media_type"], row["queue_id"], row["user_id"]) == (3, "email", "Q2", "U")
    assert row["last_activity"] == NOON + timedelta(seconds=90)


def test_an_open_conversation_without_sessions_has_no_queue() -> None:
    (row,) = register(conversation("x", seconds=None), as_of=datetime(2026, 2, 1, 12, tzinfo=UTC)).to_pylist()
    assert (row["open_days"], row["last_activity"], row["queue_id"]) == (1, None, None)


def test_with_none_open_the_register_is_empty() -> None:
    assert len(register(as_of=NOON)) == 0
