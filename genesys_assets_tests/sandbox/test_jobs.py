"""Details jobs: their life, the conversations that they find, their fields, and their failures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import requests

from genesys_assets.sandbox.server import running
from genesys_assets_tests.patience import PATIENCE_SECONDS
from genesys_assets_tests.sandbox.conftest import DAY, LATER, Client, client_of

DAY_INTERVAL = "2026-01-28T00:00:00.000Z/2026-01-29T00:00:00.000Z"
JOBS = "/api/v2/analytics/conversations/details/jobs"
Item = dict[str, Any]


def submit(client: Client, **body: Any) -> str:
    answer = client.post(JOBS, {"interval": DAY_INTERVAL, **body})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["jobId"])


def state(client: Client, job_id: str) -> str:
    return str(client.get(f"{JOBS}/{job_id}").json()["state"])


def pages(client: Client, job_id: str, size: int = 1000) -> Iterator[Item]:
    cursor: Item = {}
    while True:
        answer = client.get(f"{JOBS}/{job_id}/results", pageSize=size, **cursor)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield page
        if "cursor" not in page:
            return
        cursor = {"cursor": page["cursor"]}


def results(client: Client, size: int = 1000, **body: Any) -> list[Item]:
    job_id = submit(client, **body)
    assert state(client, job_id) == "FULFILLED"
    return [item for page in pages(client, job_id, size) for item in page.get("conversations", ())]


def without_attributes(conversations: list[Item]) -> list[Item]:
    for conversation in conversations:
        for participant in conversation["participants"]:
            participant.pop("attributes", None)
    return conversations


def test_a_job_by_day_finds_what_the_query_finds(afterwards: Client) -> None:
    found = results(afterwards, startOfDayIntervalMatching=True)
    assert without_attributes(found) == afterwards.sandbox.organisation.conversations(DAY)


def test_a_job_by_lifetime_finds_whatever_was_in_progress(afterwards: Client) -> None:
    organisation = afterwards.sandbox.organisation
    start, end = DAY_INTERVAL.split("/")
    expected = [
        conversation["conversationId"]
        for number in range(-31, 1)
        for conversation in organisation.conversations(DAY + timedelta(days=number))
        if conversation["conversationStart"] < end and conversation.get("conversationEnd", "~") > start
    ]
    found = results(afterwards)
    assert [conversation["conversationId"] for conversation in found] == expected
    starts = [conversation["conversationStart"] for conversation in found]
    ended = [item for item in found if item["conversationStart"] < start and "conversationEnd" in item]
    assert starts == sorted(starts)
    assert starts[0] < "2026-01-20"
    assert ended


def test_an_hour_holds_what_was_in_progress_in_it(afterwards: Client) -> None:
    start, end = "2026-01-28T10:00:00.000Z", "2026-01-28T11:00:00.000Z"
    found = results(afterwards, interval=f"{start}/{end}")
    today = [item for item in found if item["conversationStart"].startswith(f"{DAY}")]
    expected = [
        conversation
        for conversation in afterwards.sandbox.organisation.conversations(DAY)
        if conversation["conversationStart"] < end and conversation.get("conversationEnd", "~") > start
    ]
    assert without_attributes(today) == expected
    assert 0 < len(expected) < 100
    by_day = results(afterwards, interval=f"{start}/{end}", startOfDayIntervalMatching=True)
    assert len(by_day) == 400


@pytest.mark.parametrize("size", [7, 100, 400])
def test_pages_lead_to_each_other_by_cursor_until_there_is_none(afterwards: Client, size: int) -> None:
    job_id = submit(afterwards, startOfDayIntervalMatching=True)
    state(afterwards, job_id)
    answered = list(pages(afterwards, job_id, size))
    ids = [item["conversationId"] for page in answered for item in page["conversations"]]
    assert ids == [arrival.id for arrival in afterwards.sandbox.organisation.arrivals(DAY)]
    assert [len(page["conversations"]) for page in answered[:-1]] == [size] * (len(answered) - 1)
    assert afterwards.sandbox.jobs[-1].pages == -(-400 // size) == len(answered)


def test_a_page_can_be_asked_for_again(afterwards: Client) -> None:
    job_id = submit(afterwards, startOfDayIntervalMatching=True)
    state(afterwards, job_id)
    first = next(pages(afterwards, job_id, 10))
    asked = {"cursor": first["cursor"], "pageSize": 10}
    second, again = (afterwards.get(f"{JOBS}/{job_id}/results", **asked).json() for _ in range(2))
    assert second == again != first


def test_order_limit_and_filters_are_kept(afterwards: Client) -> None:
    everything = results(afterwards, startOfDayIntervalMatching=True)
    assert results(afterwards, startOfDayIntervalMatching=True, order="desc") == everything[::-1]
    assert results(afterwards, startOfDayIntervalMatching=True, limit=5) == everything[:5]
    open_ = [{"type": "and", "predicates": [{"dimension": "conversationEnd", "operator": "notExists"}]}]
    found = results(afterwards, startOfDayIntervalMatching=True, conversationFilters=open_)
    assert found == [item for item in everything if "conversationEnd" not in item]
    mail = [{"type": "and", "predicates": [{"dimension": "mediaType", "value": "email"}]}]
    mails = results(afterwards, startOfDayIntervalMatching=True, segmentFilters=mail)
    assert 0 < len(mails) < len(everything)


def test_only_jobs_show_attributes_always_the_same_and_cut_at_1024(afterwards: Client) -> None:
    afterwards.sandbox.behaviour.reset()
    interval = "2026-01-26T00:00:00Z/2026-01-29T00:00:00Z"
    found = results(afterwards, interval=interval, startOfDayIntervalMatching=True)
    assert found == results(afterwards, interval=interval, startOfDayIntervalMatching=True)
    attributes = [
        participant["attributes"]
        for conversation in found
        for participant in conversation["participants"]
        if "attributes" in participant
    ]
    assert all(attributes)
    assert len(attributes) > 500
    names = {name for each in attributes for name in each}
    values = {value for each in attributes for value in each.values()}
    assert max(len(name) for name in names) == 1024
    assert max(len(value) for value in values) == 1024
    assert not all(name.isascii() for name in names)
    assert any("🌻" in value for value in values)
    assert "" in values
    page = afterwards.details(interval=interval, paging={"pageSize": 100, "pageNumber": 1}).json()
    assert not [one for item in page["conversations"] for one in item["participants"] if "attributes" in one]
    by_id = afterwards.sandbox.organisation.conversation(found[0]["conversationId"], with_attributes=True)
    assert by_id == found[0]


def test_what_is_judged_afterwards_is_there(afterwards: Client) -> None:
    interval = "2026-01-20T00:00:00Z/2026-01-30T00:00:00Z"
    found = results(afterwards, interval=interval, startOfDayIntervalMatching=True)
    for name in ("evaluations", "surveys", "resolutions"):
        assert [item for item in found if name in item], name
    resolution = next(item["resolutions"][0] for item in found if "resolutions" in item)
    assert set(resolution) == {"eventTime", "queueId", "userId", "nNextContactAvoided"}


def test_a_job_states_its_dates(afterwards: Client) -> None:
    job_id = submit(afterwards)
    told = afterwards.get(f"{JOBS}/{job_id}").json()
    assert told == {
        "state": "FULFILLED",
        "submissionDate": "2026-02-20T00:00:00.000Z",
        "completionDate": "2026-02-20T00:00:00.000Z",
        "expirationDate": "2026-02-21T00:00:00.000Z",
    }


def test_a_job_takes_its_time_by_the_clock_of_the_sandbox() -> None:
    seconds = [0.0]
    with running(now=LATER, clock=lambda: seconds[0]) as sandbox, requests.Session() as session:
        client = client_of(sandbox, session)
        sandbox.behaviour.job_seconds = 30
        job_id = submit(client)
        told = [state(client, job_id)]
        too_early = client.get(f"{JOBS}/{job_id}/results")
        for seconds[0] in (10.0, 29.9, 30.0):
            told.append(state(client, job_id))
        assert told == ["QUEUED", "PENDING", "PENDING", "FULFILLED"]
        assert (too_early.status_code, too_early.json()["code"]) == (400, "bad.request")
        assert "QUEUED" in too_early.json()["message"]


def test_a_job_can_take_a_number_of_polls(afterwards: Client) -> None:
    afterwards.sandbox.behaviour.job_polls = 3
    job_id = submit(afterwards)
    assert [state(afterwards, job_id) for _ in range(4)] == ["QUEUED", "PENDING", "PENDING", "FULFILLED"]


def test_data_are_available_with_a_lag(afterwards: Client) -> None:
    afterwards.sandbox.behaviour.availability_lag_seconds = 7200
    path = f"{JOBS}/availability"
    assert afterwards.get(path).json() == {"dataAvailabilityDate": "2026-02-19T22:00:00.000Z"}
    afterwards.sandbox.behaviour.availability = datetime(2026, 1, 28, 20, tzinfo=UTC)
    assert afterwards.get(path).json() == {"dataAvailabilityDate": "2026-01-28T20:00:00.000Z"}
    afterwards.sandbox.behaviour.availability = lambda: datetime(2026, 1, 28, 21, tzinfo=UTC)
    assert afterwards.get(path).json() == {"dataAvailabilityDate": "2026-01-28T21:00:00.000Z"}


@pytest.mark.parametrize("by_day", [True, False])
def test_what_is_not_available_yet_is_missing_silently(afterwards: Client, by_day: bool) -> None:
    evening = datetime(2026, 1, 28, 20, tzinfo=UTC)
    afterwards.sandbox.behaviour.availability = evening
    job_id = submit(afterwards, startOfDayIntervalMatching=by_day)
    assert state(afterwards, job_id) == "FULFILLED"
    answered = list(pages(afterwards, job_id))
    assert {page["dataAvailabilityDate"] for page in answered} == {"2026-01-28T20:00:00.000Z"}
    found = [item for page in answered for item in page["conversations"]]
    today = [item for item in found if item["conversationStart"].startswith(f"{DAY}")]
    organisation = afterwards.sandbox.organisation
    shown = [organisation.as_of(item, evening) for item in organisation.conversations(DAY)]
    assert without_attributes(today) == [item for item in shown if item is not None]
    assert 300 < len(today) < 400
    assert (len(found) == len(today)) == by_day


def test_a_job_without_any_data_has_a_page_without_conversations(afterwards: Client) -> None:
    afterwards.sandbox.behaviour.availability = datetime(2026, 1, 27, tzinfo=UTC)
    job_id = submit(afterwards)
    state(afterwards, job_id)
    assert list(pages(afterwards, job_id)) == [{"dataAvailabilityDate": "2026-01-27T00:00:00.000Z"}]


@pytest.mark.parametrize("outcome", ["FAILED", "CANCELLED", "EXPIRED"])
def test_a_job_ends_as_scripted_and_the_next_one_well(afterwards: Client, outcome: str) -> None:
    afterwards.sandbox.behaviour.next_job(state=outcome)
    job_id = submit(afterwards)
    told = afterwards.get(f"{JOBS}/{job_id}").json()
    assert told["state"] == outcome
    assert ("errorMessage" in told) == (outcome != "EXPIRED")
    assert afterwards.get(f"{JOBS}/{job_id}/results").status_code == (404 if outcome == "EXPIRED" else 400)
    assert len(results(afterwards, limit=3)) == 3


def test_a_job_can_expire_in_mid_paging(afterwards: Client) -> None:
    afterwards.sandbox.behaviour.next_job(state="EXPIRED", after_pages=2)
    afterwards.sandbox.behaviour.expired_results_status = 410
    job_id = submit(afterwards)
    assert state(afterwards, job_id) == "FULFILLED"
    answered = pages(afterwards, job_id, 10)
    first, second = next(answered), next(answered)
    assert first["conversations"] != second["conversations"]
    third = afterwards.get(f"{JOBS}/{job_id}/results", pageSize=10, cursor=second["cursor"])
    assert third.status_code == 410
    assert state(afterwards, job_id) == "EXPIRED"


def test_a_job_can_stay_pending_forever(afterwards: Client) -> None:
    afterwards.sandbox.behaviour.next_job(state="PENDING")
    job_id = submit(afterwards)
    assert {state(afterwards, job_id) for _ in range(20)} == {"PENDING"}


def test_a_state_that_does_not_exist_cannot_be_scripted(afterwards: Client) -> None:
    with pytest.raises(ValueError, match="no state DONE"):
        afterwards.sandbox.behaviour.next_job(state="DONE")


def test_results_expire_with_time() -> None:
    now = [LATER]
    with running(now=lambda: now[0]) as sandbox, requests.Session() as session:
        client = client_of(sandbox, session)
        job_id = submit(client)
        assert state(client, job_id) == "FULFILLED"
        now[0] += timedelta(days=1)
        assert state(client, job_id) == "EXPIRED"


def test_a_deleted_job_is_gone(afterwards: Client) -> None:
    job_id = submit(afterwards)
    url = f"{afterwards.sandbox.url}{JOBS}/{job_id}"
    gone = afterwards.session.delete(url, timeout=PATIENCE_SECONDS)
    assert (gone.status_code, gone.content) == (204, b"")
    assert afterwards.session.delete(url, timeout=PATIENCE_SECONDS).status_code == 404
    assert afterwards.get(f"{JOBS}/{job_id}").status_code == 404
    assert afterwards.get(f"{JOBS}/{job_id}/results").status_code == 404
    assert afterwards.sandbox.jobs[-1].deleted


def test_all_jobs_are_on_record(afterwards: Client) -> None:
    before = len(afterwards.sandbox.jobs)
    job_id = submit(afterwards, order="desc")
    state(afterwards, job_id)
    (job,) = afterwards.sandbox.jobs[before:]
    assert (job.id, job.polls, job.pages, job.state, job.deleted) == (job_id, 1, 0, "FULFILLED", False)
    assert job.query == {"interval": DAY_INTERVAL, "order": "desc"}


@pytest.mark.parametrize("fault", [{"status": 200, "truncated": True}, {"status": 504, "takes_effect": True}])
def test_the_answer_to_a_submission_can_be_lost(afterwards: Client, fault: Item) -> None:
    before = len(afterwards.sandbox.jobs)
    afterwards.sandbox.behaviour.fail_next(path=JOBS, method="POST", **fault)
    assert afterwards.get(f"{JOBS}/availability").status_code == 200
    try:
        status = afterwards.post(JOBS, {"interval": DAY_INTERVAL}).status_code
    except requests.exceptions.ChunkedEncodingError:
        status = 200
    assert status == fault["status"]
    assert len(afterwards.sandbox.jobs) == before + 1


def test_without_takes_effect_a_failed_submission_leaves_no_job(afterwards: Client) -> None:
    before = len(afterwards.sandbox.jobs)
    afterwards.sandbox.behaviour.fail_next(504, path=JOBS, method="POST")
    assert afterwards.post(JOBS, {"interval": DAY_INTERVAL}).status_code == 504
    assert len(afterwards.sandbox.jobs) == before


def test_a_page_of_results_can_lack_its_conversations_once(afterwards: Client) -> None:
    job_id = submit(afterwards, limit=20)
    state(afterwards, job_id)
    afterwards.sandbox.behaviour.answers_without_conversations = 1
    first, second = pages(afterwards, job_id, 10)
    assert set(first) == {"dataAvailabilityDate", "cursor"}
    assert len(second["conversations"]) == 10


def test_results_can_end_with_a_page_without_conversations(afterwards: Client) -> None:
    afterwards.sandbox.behaviour.job_results_end_empty = True
    job_id = submit(afterwards, limit=20)
    state(afterwards, job_id)
    first, second, last = pages(afterwards, job_id, 10)
    assert (len(first["conversations"]), len(second["conversations"])) == (10, 10)
    assert set(last) == {"dataAvailabilityDate"}


def test_unknown_fields_can_be_added_to_jobs_too(afterwards: Client) -> None:
    afterwards.sandbox.behaviour.unknown_fields = True
    job_id = submit(afterwards)
    assert "sandboxFutureField" in afterwards.get(f"{JOBS}/{job_id}").json()
    page = next(pages(afterwards, job_id, 10))
    assert "sandboxFutureField" in page
    assert all("sandboxFutureField" in item for item in page["conversations"])


def test_availability_needs_the_one_permission_and_jobs_either(afterwards: Client) -> None:
    missing = afterwards.sandbox.behaviour.missing_permissions
    missing.add("analytics:conversationDetail:view")
    refused = afterwards.get(f"{JOBS}/availability")
    assert (refused.status_code, refused.json()["code"]) == (403, "missing.permissions")
    assert afterwards.post(JOBS, {"interval": DAY_INTERVAL}).status_code == 202
    missing.add("analytics:agentConversationDetail:view")
    refused = afterwards.post(JOBS, {"interval": DAY_INTERVAL})
    assert (refused.status_code, refused.json()["code"]) == (403, "missing.any.permissions")


@pytest.mark.parametrize(
    "more",
    [
        {"paging": {"pageSize": 100, "pageNumber": 1}},
        {"aggregations": []},
        {"limit": 0},
        {"limit": "5"},
        {"startOfDayIntervalMatching": "true"},
        {"order": "up"},
        {"interval": "yesterday"},
        {"conversationFilters": [{"type": "and", "predicates": [{"dimension": "queueId", "value": "x"}]}]},
    ],
)
def test_a_job_that_the_platform_would_refuse_is_refused(afterwards: Client, more: Item) -> None:
    before = len(afterwards.sandbox.jobs)
    answer = afterwards.post(JOBS, {"interval": DAY_INTERVAL, **more})
    assert answer.status_code == 400
    assert len(afterwards.sandbox.jobs) == before


@pytest.mark.parametrize("asked", [{"cursor": "nonsense"}, {"cursor": "é"}, {"pageSize": 0}, {"pageSize": "x"}])
def test_a_page_that_does_not_exist_is_refused(afterwards: Client, asked: Item) -> None:
    job_id = submit(afterwards)
    state(afterwards, job_id)
    assert afterwards.get(f"{JOBS}/{job_id}/results", **asked).json()["code"] == "invalid.query.param.value"


def test_a_cursor_is_of_use_to_its_own_job_only(afterwards: Client) -> None:
    one, other = submit(afterwards), submit(afterwards)
    assert [state(afterwards, job_id) for job_id in (one, other)] == ["FULFILLED"] * 2
    cursor = next(pages(afterwards, one, 10))["cursor"]
    assert afterwards.get(f"{JOBS}/{other}/results", cursor=cursor).status_code == 400


def test_more_than_1000_to_a_page_are_not_given() -> None:
    day = date(2026, 1, 28)
    with (
        running(now=LATER, conversations_per_day=lambda each: 1_100 if each == day else 0) as sandbox,
        requests.Session() as session,
    ):
        client = client_of(sandbox, session)
        job_id = submit(client)
        state(client, job_id)
        assert [len(page["conversations"]) for page in pages(client, job_id, 5000)] == [1000, 100]
