"""Agents' status over HTTP: the details query, details jobs, aggregates."""

from __future__ import annotations

from typing import Any

import pytest

from genesys_assets.sandbox.server import Sandbox
from genesys_assets.sandbox.timelines import presence, routing
from genesys_assets.sandbox.times import DAY as A_DAY
from genesys_assets.sandbox.times import day_start, millis
from genesys_assets_tests.sandbox.conftest import DAY, NOON, Client

BASE = "/api/v2/analytics/users"
INTERVAL = "2026-01-28T00:00:00.000Z/2026-01-29T00:00:00.000Z"
START = day_start(DAY)


def _pages(client: Client, size: int, **body: Any) -> list[dict[str, Any]]:
    pages: list[dict[str, Any]] = []
    while True:
        paging = {"pageSize": size, "pageNumber": len(pages) + 1}
        answer = client.post(f"{BASE}/details/query", {"interval": INTERVAL, "paging": paging, **body}).json()
        if "userDetails" not in answer:
            return pages
        pages.append(answer)


def _spans(pages: list[dict[str, Any]], name: str) -> dict[str, set[tuple[str, ...]]]:
    found: dict[str, set[tuple[str, ...]]] = {}
    for page in pages:
        for user in page["userDetails"]:
            for item in user.get(name, ()):
                found.setdefault(user["userId"], set()).add(tuple(item.values()))
    return found


def test_all_pages_together_hold_each_span_that_touches_the_day(afterwards: Client) -> None:
    timelines = afterwards.sandbox.timelines
    found = _spans(_pages(afterwards, 100), "primaryPresence")
    assert any(found.values())
    for user_id in timelines.user_ids:
        assert len(found[user_id]) == len(timelines.spans(user_id, START, START + A_DAY, presence))


def test_pages_are_shorter_than_asked_for_users_come_twice_and_total_hits_is_too_high(afterwards: Client) -> None:
    pages = _pages(afterwards, 7)
    sizes = [len(page["userDetails"]) for page in pages]
    assert min(sizes[:-1]) < 7
    users = [user["userId"] for page in pages for user in page["userDetails"]]
    assert len(users) > len(set(users)) == 30
    assert pages[0]["totalHits"] > 30
    assert _spans(pages, "routingStatus") == _spans(_pages(afterwards, 100), "routingStatus")


def test_what_goes_on_has_no_end_and_what_is_to_come_is_not_shown(at_noon: Client) -> None:
    pages = _pages(at_noon, 100)
    now = NOON.isoformat()
    assert any(page["userDetails"] for page in pages)
    for page in pages:
        for user in page["userDetails"]:
            assert "endTime" not in user["primaryPresence"][-1]
            assert all(millis(item["startTime"]) <= millis(now) for item in user["primaryPresence"])
            assert all("endTime" in item for item in user["primaryPresence"][:-1])


def test_filters_choose_users_and_spans(afterwards: Client) -> None:
    user_id = afterwards.sandbox.timelines.user_ids[0]
    of_user = {"type": "and", "predicates": [{"dimension": "userId", "value": user_id}]}
    offline = {"type": "and", "predicates": [{"dimension": "systemPresence", "value": "OFFLINE"}]}
    pages = _pages(afterwards, 100, userFilters=[of_user], presenceFilters=[offline])
    assert {user["userId"] for page in pages for user in page["userDetails"]} == {user_id}
    shown = {item["systemPresence"] for item in pages[0]["userDetails"][0]["primaryPresence"]}
    assert shown == {"OFFLINE"}


@pytest.mark.long
@pytest.mark.parametrize(
    ("days", "filtered", "status"), [(7, False, 200), (8, False, 400), (31, True, 200), (32, True, 400)]
)
def test_a_query_covers_seven_days_and_with_a_filter_thirty_one(
    afterwards: Client, days: int, filtered: bool, status: int
) -> None:
    interval = f"2026-01-01T00:00:00.000Z/{f'2026-01-{1 + days:02}' if days < 31 else f'2026-02-{days - 30:02}'}T00:00Z"
    user_id = afterwards.sandbox.timelines.user_ids[0]
    of_user = [{"type": "and", "predicates": [{"dimension": "userId", "value": user_id}]}] if filtered else []
    answer = afterwards.post(f"{BASE}/details/query", {"interval": interval, "userFilters": of_user})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("post", "details/query", "analytics:userDetail:view"),
        ("post", "details/jobs", "analytics:userDetail:view"),
        ("get", "details/jobs/availability", "analytics:userDetail:view"),
        ("get", "details/jobs/0/results", "analytics:userDetail:view"),
        ("post", "aggregates/query", "analytics:userAggregate:view"),
    ],
)
def test_each_endpoint_needs_its_permission(afterwards: Client, method: str, path: str, permission: str) -> None:
    afterwards.sandbox.behaviour.missing_permissions.add(permission)
    url = f"{BASE}/{path}"
    answer = afterwards.get(url) if method == "get" else afterwards.post(url, {"interval": INTERVAL})
    assert answer.status_code == 403
    assert permission in answer.text


def test_a_job_gives_what_the_query_gives(afterwards: Client) -> None:
    job = afterwards.post(f"{BASE}/details/jobs", {"interval": INTERVAL}).json()["jobId"]
    while afterwards.get(f"{BASE}/details/jobs/{job}").json()["state"] != "FULFILLED":
        pass
    pages = [afterwards.get(f"{BASE}/details/jobs/{job}/results", pageSize=11).json()]
    while cursor := pages[-1].get("cursor"):
        pages.append(afterwards.get(f"{BASE}/details/jobs/{job}/results", pageSize=11, cursor=cursor).json())
    assert len(pages) > 2
    assert all("dataAvailabilityDate" in page for page in pages)
    assert _spans(pages, "primaryPresence") == _spans(_pages(afterwards, 100), "primaryPresence")
    url = f"{afterwards.sandbox.url}{BASE}/details/jobs/{job}"
    assert afterwards.session.delete(url, timeout=60).status_code == 204
    assert afterwards.get(f"{BASE}/details/jobs/{job}").status_code == 404
    assert [each.id for each in afterwards.sandbox.user_jobs][-1] == job


def test_aggregates_add_up_to_the_spans(afterwards: Client) -> None:
    timelines = afterwards.sandbox.timelines
    metrics = ["tAgentRoutingStatus", "tSystemPresence", "tOrganizationPresence"]
    body = {"interval": INTERVAL, "granularity": "PT1H", "groupBy": ["userId"], "metrics": metrics}
    answer = afterwards.post(f"{BASE}/aggregates/query", body).json()
    sums: dict[tuple[str, str, str], int] = {}
    for result in answer["results"]:
        for bucket in result["data"]:
            for item in bucket["metrics"]:
                key = (result["group"]["userId"], item["metric"], item["qualifier"])
                sums[key] = sums.get(key, 0) + item["stats"]["sum"]
    expected: dict[tuple[str, str, str], int] = {}
    for user_id in timelines.user_ids:
        for metric, of in (("tSystemPresence", presence), ("tAgentRoutingStatus", routing)):
            for span in timelines.spans(user_id, START, START + A_DAY, of):
                key = (user_id, metric, span.value[0])
                length = min(span.end, START + A_DAY) - max(span.start, START)
                expected[key] = expected.get(key, 0) + length
    assert {key: value for key, value in sums.items() if key[1] != "tOrganizationPresence"} == expected
    mapping = answer["systemToOrganizationMappings"]
    assert set(mapping) >= {"OFFLINE", "ON_QUEUE"}
    assert {q for _, metric, q in sums if metric == "tOrganizationPresence"} == {
        each for ids in mapping.values() for each in ids
    }


def test_aggregates_take_user_ids_only_and_a_hundred_of_them(afterwards: Client) -> None:
    body: dict[str, Any] = {"interval": INTERVAL, "metrics": ["tSystemPresence"]}
    refused = afterwards.post(f"{BASE}/aggregates/query", {**body, "groupBy": ["queueId"]})
    assert refused.status_code == 400
    assert refused.json()["message"].endswith("Allowable values are: userId")
    several = {"type": "or", "predicates": [{"dimension": "userId", "value": str(n)} for n in range(101)]}
    assert afterwards.post(f"{BASE}/aggregates/query", {**body, "filter": several}).status_code == 400


def test_the_official_sdk_reads_it(sandbox_afterwards: Sandbox, afterwards: Client) -> None:
    sdk = pytest.importorskip("PureCloudPlatformClientV2")
    answer = _pages(afterwards, 100)[0]
    client = sdk.api_client.ApiClient(afterwards.sandbox.url)
    read = client._ApiClient__deserialize(answer, "AnalyticsUserDetailsQueryResponse")
    assert len(read.user_details) == 30
    assert "outdated_sdk_version" not in str(read.to_dict())
