"""Live data: activity and observations agree with the conversations in progress."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from genesys_assets.sandbox import live
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.times import from_datetime
from genesys_assets_tests.sandbox.conftest import DAY, NOON, Client

ACTIVITY = "/api/v2/analytics/conversations/activity/query"
OBSERVATIONS = "/api/v2/analytics/queues/observations/query"
METRICS = [{"metric": name, "details": True} for name in ("oWaiting", "oAlerting", "oInteracting")]
Item = dict[str, Any]


def in_progress(client: Client) -> Counter[tuple[str, str, str]]:
    """Metric, queueId and mediaType of the sessions in progress, taken from the conversations."""
    found: Counter[tuple[str, str, str]] = Counter()
    organisation = client.sandbox.organisation
    for back in range(4):
        for conversation in organisation.conversations(DAY - timedelta(days=back)):
            shown = organisation.as_of(conversation, NOON)
            for participant in shown["participants"] if shown else ():
                for session in participant["sessions"]:
                    step = session["segments"][-1]
                    if "segmentEnd" in step or "queueId" not in step or step["segmentType"] == "wrapup":
                        continue
                    state = {"acd": "oWaiting", "agent": "oInteracting"}.get(participant["purpose"])
                    if state is not None:
                        state = "oAlerting" if step["segmentType"] == "alert" else state
                        found[state, step["queueId"], session["mediaType"]] += 1
    return found


def queues_filter(client: Client) -> Item:
    queues = client.sandbox.organisation.directory.queues
    return {"type": "or", "predicates": [{"dimension": "queueId", "value": queue.id} for queue in queues]}


def test_activity_counts_the_sessions_at_work(at_noon: Client) -> None:
    answer = at_noon.post(f"{ACTIVITY}?pageSize=500", {"metrics": METRICS, "groupBy": ["queueId", "mediaType"]}).json()
    assert answer["entityIdDimension"] == "conversationId"
    counted = Counter(
        {
            (data["metric"], result["group"]["queueId"], result["group"]["mediaType"]): data["count"]
            for result in answer["results"]
            for data in result["data"]
            if data["count"]
        }
    )
    assert counted == in_progress(at_noon)
    assert sum(counted.values()) > 5


def test_after_call_work_is_no_activity() -> None:
    organisation = Organisation(seed=2, conversations_per_day=5_000)
    now = from_datetime(NOON)
    working = [
        participant["userId"]
        for arrival in organisation.active(now, now + 1)
        for participant in organisation.shown(arrival, now)["participants"]
        for session in participant["sessions"]
        if session["segments"][-1]["segmentType"] == "wrapup" and "segmentEnd" not in session["segments"][-1]
    ]
    body = {"metrics": METRICS, "groupBy": ["queueId"]}
    answer = live.conversation_activity(organisation, body, {"pageSize": "500"}, now)
    sessions = {entity["sessionId"] for result in answer["results"] for entity in result["entities"]}
    steps = {
        session["sessionId"]: session["segments"][-1]
        for arrival in organisation.active(now, now + 1)
        for participant in organisation.shown(arrival, now)["participants"]
        for session in participant["sessions"]
    }
    assert working
    assert "wrapup" not in {steps[session]["segmentType"] for session in sessions}


def test_activity_lists_each_session_behind_a_count(at_noon: Client) -> None:
    answer = at_noon.post(f"{ACTIVITY}?pageSize=500", {"metrics": METRICS, "groupBy": ["queueId"]}).json()
    assert any(result.get("entities") for result in answer["results"])
    for result in answer["results"]:
        entities = result.get("entities", [])
        assert len(entities) == sum(data["count"] for data in result["data"])
        for entity in entities:
            assert entity["queueId"] == result["group"]["queueId"]
            assert entity["activityDate"] <= "2026-01-28T12:00:00.000Z"


def test_activity_comes_in_pages(at_noon: Client) -> None:
    body = {"metrics": METRICS, "groupBy": ["queueId", "mediaType"]}
    whole = at_noon.post(f"{ACTIVITY}?pageSize=500", body).json()["results"]
    first = at_noon.post(f"{ACTIVITY}?pageSize=2&pageNumber=1", body).json()["results"]
    second = at_noon.post(f"{ACTIVITY}?pageSize=2&pageNumber=2", body).json()["results"]
    beyond = at_noon.post(f"{ACTIVITY}?pageSize=500&pageNumber=2", body).json()["results"]
    assert (first + second, beyond) == (whole[:4], [])


def test_the_longest_wait_is_a_duration(at_noon: Client) -> None:
    body = {"metrics": [{"metric": "oLongestWaiting"}], "groupBy": ["queueId"]}
    data = [item for result in at_noon.post(ACTIVITY, body).json()["results"] for item in result["data"]]
    assert data
    assert all(item["calculatedMetricValue"] > 0 for item in data)


def test_observations_are_zero_where_nothing_happens(at_noon: Client) -> None:
    names = ["oWaiting", "oInteracting", "oAlerting"]
    answer = at_noon.post(OBSERVATIONS, {"filter": queues_filter(at_noon), "metrics": names}).json()
    counts = [data["stats"]["count"] for result in answer["results"] for data in result["data"]]
    assert 0 in counts
    assert max(counts) > 0
    assert all(set(result["group"]) == {"queueId", "mediaType"} for result in answer["results"])


def test_observations_agree_with_activity(at_noon: Client) -> None:
    names = ["oWaiting", "oInteracting", "oAlerting"]
    observed = at_noon.post(OBSERVATIONS, {"filter": queues_filter(at_noon), "metrics": names}).json()
    activity = at_noon.post(
        f"{ACTIVITY}?pageSize=500", {"metrics": METRICS, "groupBy": ["queueId", "mediaType"]}
    ).json()
    assert _counts(observed) == _counts(activity)


def _counts(answer: Item) -> dict[tuple[str, str, str], int]:
    return {
        (result["group"]["queueId"], result["group"]["mediaType"], data["metric"]): count
        for result in answer["results"]
        for data in result["data"]
        if (count := data.get("count", data.get("stats", {}).get("count")))
    }


def test_users_of_a_queue_are_all_accounted_for(at_noon: Client) -> None:
    names = ["oMemberUsers", "oActiveUsers", "oOnQueueUsers", "oOffQueueUsers", "oUserRoutingStatuses"]
    body = {"filter": queues_filter(at_noon), "metrics": [*names, "oUserPresences"]}
    answer = at_noon.post(OBSERVATIONS, body).json()
    presences = {id_ for ids in answer["systemToOrganizationMappings"].values() for id_ in ids}
    assert len(answer["results"]) == 11
    for result in answer["results"]:
        assert set(result["group"]) == {"queueId"}
        total: Counter[str] = Counter()
        for data in result["data"]:
            total[data["metric"]] += data["stats"]["count"]
            if data["metric"] in ("oUserPresences", "oOffQueueUsers"):
                assert data["qualifier"] in presences
        members = total["oMemberUsers"]
        assert members == total["oUserRoutingStatuses"] == total["oUserPresences"]
        assert members == total["oOnQueueUsers"] + total["oOffQueueUsers"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (ACTIVITY, {"metrics": METRICS}),
        (ACTIVITY, {"groupBy": ["queueId"]}),
        (ACTIVITY, {"metrics": [{"metric": "tHandle"}], "groupBy": ["queueId"]}),
        (ACTIVITY, {"metrics": [{"name": "oWaiting"}], "groupBy": ["queueId"]}),
        (ACTIVITY, {"metrics": METRICS, "groupBy": ["wrapUpCode"]}),
        (OBSERVATIONS, {"metrics": ["oWaiting"]}),
        (OBSERVATIONS, {"metrics": ["oWaiting"], "filter": {"type": "and"}}),
        (
            OBSERVATIONS,
            {
                "metrics": [],
                "filter": {"type": "and", "predicates": [{"dimension": "queueId", "value": "x"}]},
            },
        ),
    ],
)
def test_a_query_that_the_platform_would_refuse_is_refused(at_noon: Client, path: str, body: Item) -> None:
    answer = at_noon.post(path, body)
    assert answer.status_code == 400
    assert answer.json()["code"] in ("bad.request", "invalid.value", "invalid.property")
