"""What a client records about each request that it sends."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.cloud import errors
from genesys_assets.cloud.http.request_log import SentRequest, template
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests.cloud.platform import NOON, TOKEN_PATH, Platform, Reply

PATH = "/api/v2/routing/queues/3c1a5f0e-0d0e-4b0a-9d0e-3f0a5c1e0d0e/members"
BUDGET = {"inin-ratelimit-count": "7", "inin-ratelimit-allowed": "300", "inin-ratelimit-reset": "40"}
LIMITED = Reply(429, {"message": "slow down", "code": "too.many.requests"}, headers={"Retry-After": "2", **BUDGET})


def sent(cloud: GenesysCloud) -> list[SentRequest]:
    return cloud.request_log.take()


@given(st.uuids(), st.sampled_from(["queues", "flowexecutions"]))
def test_no_id_stays_in_a_path(id_: UUID, word: str) -> None:
    assert template(f"/api/v2/{word}/{id_}/members?name=ada@example.com") == f"/api/v2/{word}/{{id}}/members"


@pytest.mark.parametrize("part", ["1234", "a1b2c3", "ada@example.com", "+41445550100", "%2B4144", "x" * 41, "Zoé"])
def test_any_part_that_is_no_word_counts_as_an_id(part: str) -> None:
    assert template(f"/api/v2/users/{part}") == "/api/v2/users/{id}"


@pytest.mark.parametrize("path", ["/api/v2/analytics/conversations/details/jobs/availability", "/api/v2/flows"])
def test_the_words_of_a_path_stay(path: str) -> None:
    assert template(path) == path


def test_a_request_is_kept_without_its_query_body_and_ids(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Reply(body={"entities": []}, headers=BUDGET))
    with cloud.request_log.purpose("reference/queue_members", "2026-02-20"):
        page = cloud.get(PATH, {"name": "Ada"})
    (request,) = sent(cloud)
    assert (request.method, request.path) == ("GET", "/api/v2/routing/queues/{id}/members")
    assert (request.attempt, request.status, request.size) == (1, 200, len(page.body))
    assert (request.allowed, request.left) == (300, 293)
    assert (request.asset, request.partition) == ("reference/queue_members", "2026-02-20")
    assert request.time >= NOON
    assert "Ada" not in repr(request)


def test_a_request_that_is_sent_again_is_kept_each_time_with_what_it_was_held_back(
    platform: Platform, cloud: GenesysCloud
) -> None:
    platform.on(PATH, LIMITED, Reply(503, b""), Reply(body={}))
    cloud.get(PATH)
    first, second, third = sent(cloud)
    assert [each.attempt for each in (first, second, third)] == [1, 2, 3]
    assert [each.status for each in (first, second, third)] == [429, 503, 200]
    assert len({each.id for each in (first, second, third)}) == 3
    assert second.waited_ms >= 2000
    waited = cloud.usage.snapshot().waited_seconds
    assert sum(each.waited_ms for each in (first, second, third)) == pytest.approx(waited * 1000, abs=3)


def test_a_new_login_is_no_request_of_its_own_and_the_request_after_it_is_another_attempt(
    platform: Platform, cloud: GenesysCloud
) -> None:
    platform.on(PATH, Reply(401, {"code": "bad.credentials"}), Reply(body={}))
    cloud.get(PATH)
    assert [(each.attempt, each.status) for each in sent(cloud)] == [(1, 401), (2, 200)]
    assert len(platform.requests_to(TOKEN_PATH)) == 2


def test_a_request_without_an_answer_has_no_status(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Reply(fault="reset"), Reply(fault="truncated"), Reply(404, {"code": "not.found"}))
    with pytest.raises(errors.NotFound):
        cloud.get(PATH)
    assert [(each.status, each.size is None, each.left) for each in sent(cloud)] == [
        (None, True, None),
        (None, True, None),
        (404, False, None),
    ]


def test_requests_that_were_taken_are_not_returned_again(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Reply(body={}))
    cloud.get(PATH)
    assert len(sent(cloud)) == 1
    assert sent(cloud) == []


def test_threads_share_a_log_and_every_request_is_in_it_once(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Reply(body={}))
    list(cloud.map_in_order(lambda _: cloud.get(PATH), range(60)))
    kept = sent(cloud)
    assert len(kept) == len({each.id for each in kept}) == 60
    assert {each.attempt for each in kept} == {1}
