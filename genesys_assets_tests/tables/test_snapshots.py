from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from genesys_assets.tables.conversations.decode import UnreadablePage
from genesys_assets.tables.snapshots import LIVE_CONVERSATIONS, LIVE_QUEUES, live_conversations, live_queues
from genesys_assets_tests import samples

NOW = datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=UTC)


def test_active_conversations_are_stamped_and_listed_once() -> None:
    entity = {
        "conversationId": "a",
        "sessionId": "s",
        "metric": "oWaiting",
        "activityDate": "2026-01-31T11:59:00Z",
        "queueId": "Q",
    }
    body = json.dumps({"results": [{"group": {}, "entities": [entity, entity]}], "entities": [entity]}).encode()
    table = live_conversations(NOW, [body])
    assert table.schema == LIVE_CONVERSATIONS.schema
    (row,) = table.to_pylist()
    assert row["observed_at"] == NOW
    assert (row["conversation_id"], row["queue_id"], row["user_id"]) == ("a", "Q", None)
    assert row["activity_date"].minute == 59


def test_a_count_of_zero_is_kept_as_zero() -> None:
    body = json.dumps(
        {
            "results": [
                {
                    "group": {"queueId": "Q", "mediaType": "chat"},
                    "data": [{"metric": "oWaiting", "stats": {"count": 0}}],
                }
            ]
        }
    )
    (row,) = live_queues(NOW, [body.encode()]).to_pylist()
    assert row["count"] == 0


@pytest.mark.parametrize("decode", [live_conversations, live_queues])
def test_what_is_no_answer_is_refused(decode: object) -> None:
    with pytest.raises(UnreadablePage):
        decode(NOW, [b"<html>"])  # type: ignore[operator]


def test_the_sample_of_observations_becomes_a_row_for_each_figure() -> None:
    body = samples.body("queues_observations")
    sent = [
        (
            result["group"]["queueId"],
            result["group"].get("mediaType"),
            data["metric"],
            data.get("qualifier"),
            data["stats"]["count"],
        )
        for result in json.loads(body)["results"]
        for data in result["data"]
    ]
    table = live_queues(NOW, [body])
    assert table.schema == LIVE_QUEUES.schema
    stored = [
        (row["queue_id"], row["media_type"], row["metric"], row["qualifier"], row["count"]) for row in table.to_pylist()
    ]
    assert sorted(stored, key=str) == sorted(sent, key=str)
    assert len({tuple(row[name] for name in LIVE_QUEUES.key) for row in table.to_pylist()}) == len(sent)
