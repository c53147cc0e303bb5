"""The platform's official Python SDK takes the sandbox for the platform.

Importing the SDK takes seconds, so only this module imports it, and only once.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets_tests.sandbox.conftest import LATER

DAY = "2026-01-28T00:00:00.000Z/2026-01-29T00:00:00.000Z"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running(now=LATER) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def sdk() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import PureCloudPlatformClientV2
    return PureCloudPlatformClientV2


@pytest.fixture(scope="module")
def client(sdk: Any, sandbox: Sandbox) -> Any:
    client = sdk.api_client.ApiClient(sandbox.url)
    client.get_client_credentials_token(sandbox.client_id, sandbox.client_secret)
    return client


def test_it_logs_in(client: Any) -> None:
    assert client.access_token


def test_it_lists_queues(sdk: Any, client: Any, sandbox: Sandbox) -> None:
    listed = sdk.RoutingApi(client).get_routing_queues(page_size=100)
    expected = {queue.name for queue in sandbox.organisation.directory.queues if not queue.deleted}
    assert {queue.name for queue in listed.entities} == expected
    assert all(queue.media_settings.call.service_level.duration_ms for queue in listed.entities)


def test_it_lists_users_of_any_state(sdk: Any, client: Any) -> None:
    listed = sdk.UsersApi(client).get_users(page_size=100, state="any")
    assert {user.state for user in listed.entities} == {"active", "inactive", "deleted"}


def test_it_reads_aggregates(sdk: Any, client: Any) -> None:
    query = sdk.ConversationAggregationQuery()
    query.interval = DAY
    query.group_by = ["queueId", "mediaType"]
    query.metrics = ["tHandle", "nOffered", "oServiceLevel"]
    answer = sdk.AnalyticsApi(client).post_analytics_conversations_aggregates_query(query)
    stats = {metric.metric: metric.stats for result in answer.results for metric in result.data[0].metrics}
    assert stats["tHandle"].sum > 0
    assert stats["nOffered"].count > 0
    assert 0 <= stats["oServiceLevel"].ratio <= 1


def test_it_pages_through_details(sdk: Any, client: Any, sandbox: Sandbox) -> None:
    api = sdk.AnalyticsApi(client)
    found: list[str] = []
    number = 1
    while True:
        query = sdk.ConversationQuery()
        query.interval = DAY
        query.paging = sdk.PagingSpec()
        query.paging.page_size, query.paging.page_number = 100, number
        page = api.post_analytics_conversations_details_query(query)
        if not page.conversations:
            break
        found += [conversation.conversation_id for conversation in page.conversations]
        number += 1
    day = LATER.date().replace(month=1, day=28)
    assert found == [arrival.id for arrival in sandbox.organisation.arrivals(day)]


@pytest.mark.long
def test_it_reads_a_details_job_to_the_end(sdk: Any, client: Any, sandbox: Sandbox) -> None:
    api = sdk.AnalyticsApi(client)
    assert api.get_analytics_conversations_details_jobs_availability().data_availability_date
    query = sdk.AsyncConversationQuery()
    query.interval, query.start_of_day_interval_matching = DAY, True
    job_id = api.post_analytics_conversations_details_jobs(query).job_id
    assert api.get_analytics_conversations_details_job(job_id).state == "FULFILLED"
    found = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get_analytics_conversations_details_job_results(job_id, page_size=150, **cursor)
        found += page.conversations
        if not page.cursor:
            break
        cursor = {"cursor": page.cursor}
    day = LATER.date().replace(month=1, day=28)
    ids = [conversation.conversation_id for conversation in found]
    assert ids == [arrival.id for arrival in sandbox.organisation.arrivals(day)]
    assert any(participant.attributes for participant in found[0].participants + found[1].participants)
    assert "outdated_sdk_version" not in str([conversation.to_dict() for conversation in found])
    api.delete_analytics_conversations_details_job(job_id)
    assert sandbox.jobs[-1].deleted


def test_it_knows_every_enumerated_value_that_occurs(sdk: Any, client: Any) -> None:
    query = sdk.ConversationQuery()
    query.interval = DAY
    query.paging = sdk.PagingSpec()
    query.paging.page_size, query.paging.page_number = 100, 2
    page = sdk.AnalyticsApi(client).post_analytics_conversations_details_query(query)
    assert "outdated_sdk_version" not in str(page.to_dict())


def test_it_raises_the_platforms_error(sdk: Any, client: Any) -> None:
    query = sdk.ConversationAggregationQuery()
    query.interval = DAY
    with pytest.raises(sdk.rest.ApiException) as raised:
        sdk.AnalyticsApi(client).post_analytics_conversations_aggregates_query(query)
    assert raised.value.status == 400


def test_it_lists_files_of_the_data_lake_and_gets_their_urls(sdk: Any, client: Any, sandbox: Sandbox) -> None:
    api = sdk.AnalyticsApi(client)
    start, end = DAY.split("/")
    listed = api.get_analytics_dataextraction_downloads_metadata(
        data_schema="segments", date_start=start, date_end=end, page_size=10
    )
    assert len(listed.entities) == 10
    assert {file.data_schema for file in listed.entities} == {"segments"}
    assert all(file.date_created and file.date_expires for file in listed.entities)
    assert "segments" in listed.enabled_data_schemas
    assert listed.next_uri
    request = sdk.DownloadServiceRequest()
    request.files = [listed.entities[0].id]
    (signed,) = api.post_analytics_dataextraction_downloads_bulk(request).entities
    assert signed.id == listed.entities[0].id
    assert signed.signed_url.startswith(sandbox.url)
