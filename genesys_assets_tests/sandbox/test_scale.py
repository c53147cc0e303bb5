"""The sandbox serves a day of 120,000 conversations, more than the query can page through."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import requests

from genesys_assets.sandbox.server import running
from genesys_assets_tests.sandbox.conftest import DAY, LATER, Client, client_of
from genesys_assets_tests.sandbox.test_jobs import JOBS, state, submit

DAY_INTERVAL = "2026-01-28T00:00:00.000Z/2026-01-29T00:00:00.000Z"
COUNT = 120_000


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    def conversations(day: date) -> int:
        return COUNT if day == DAY else 10

    with (
        running(now=LATER, conversations_per_day=conversations, requests_per_minute=None) as sandbox,
        requests.Session() as session,
    ):
        yield client_of(sandbox, session)


def page(client: Client, number: int, order: str) -> list[str]:
    answer = client.details(interval=DAY_INTERVAL, order=order, paging={"pageSize": 100, "pageNumber": number}).json()
    assert answer["totalHits"] == COUNT
    return [conversation["conversationId"] for conversation in answer["conversations"]]


@pytest.mark.long
def test_the_query_reaches_100000_from_either_end(client: Client) -> None:
    ids = [arrival.id for arrival in client.sandbox.organisation.arrivals(DAY)]
    assert len(set(ids)) == COUNT
    assert page(client, 1, "asc") == ids[:100]
    assert page(client, 1000, "asc") == ids[99_900:100_000]
    assert page(client, 1, "desc") == ids[-100:][::-1]
    assert page(client, 1000, "desc") == ids[20_000:20_100][::-1]
    beyond = client.details(interval=DAY_INTERVAL, order="desc", paging={"pageSize": 100, "pageNumber": 1001})
    assert beyond.status_code == 400


@pytest.mark.parametrize("by_day", [True, False])
def test_a_job_reaches_the_end_of_the_day(client: Client, by_day: bool) -> None:
    job_id = submit(client, startOfDayIntervalMatching=by_day)
    assert state(client, job_id) == "FULFILLED"
    cursor: dict[str, Any] = {}
    for _ in range(2):
        answer = client.get(f"{JOBS}/{job_id}/results", pageSize=1000, **cursor).json()
        assert len(answer["conversations"]) == 1000
        cursor = {"cursor": answer["cursor"]}
    found = client.sandbox.jobs[-1].found
    assert found is not None
    assert {arrival.id for arrival in found} >= {arrival.id for arrival in client.sandbox.organisation.arrivals(DAY)}
    assert (len(found) == COUNT) == by_day


def test_ids_are_found_in_it(client: Client) -> None:
    ids = [arrival.id for arrival in client.sandbox.organisation.arrivals(DAY)[:: COUNT // 100]]
    answers = [client.get(f"/api/v2/analytics/conversations/{id_}/details").json() for id_ in ids]
    assert [conversation["conversationId"] for conversation in answers] == ids
