"""Data lake extraction: its files match the conversations. They are listed in pages, with URLs that expire."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from genesys_assets.sandbox.extraction_rows import COLUMNS, UNKNOWN_COLUMN, UNKNOWN_SCHEMA
from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets.sandbox.times import millis
from genesys_assets_tests.patience import PATIENCE_SECONDS
from genesys_assets_tests.sandbox.conftest import Client, client_of

METADATA = "/api/v2/analytics/dataextraction/downloads/metadata"
BULK = "/api/v2/analytics/dataextraction/downloads/bulk"
DAY = datetime(2026, 1, 28, tzinfo=UTC)


class Now:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = DAY + timedelta(days=4)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def clock() -> Now:
    return Now()


@pytest.fixture(scope="module")
def warehouse(clock: Now) -> Iterator[Sandbox]:
    with running(seed=3, conversations_per_day=40, now=clock, requests_per_minute=None) as sandbox:
        yield sandbox


@pytest.fixture
def client(warehouse: Sandbox, clock: Now) -> Iterator[Client]:
    clock.now = DAY + timedelta(days=4)
    warehouse.behaviour.reset()
    with requests.Session() as session:
        yield client_of(warehouse, session)
    warehouse.behaviour.reset()


def listed(client: Client, **asked: Any) -> list[dict[str, Any]]:
    """All entities, page by page."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = client.get(METADATA, **asked, **after).json()
        found += page["entities"]
        if "nextUri" not in page:
            return found
        after = {"after": page["nextUri"].split("after=")[1].split("&")[0]}


def of_day(schema: str | None = None) -> dict[str, str]:
    days = {
        "dateStart": f"{DAY:%Y-%m-%d}T00:00:00.000Z",
        "dateEnd": f"{DAY + timedelta(days=1):%Y-%m-%d}T00:00:00.000Z",
    }
    return days | ({"dataSchema": schema} if schema else {})


def urls(client: Client, *ids: str) -> dict[str, str]:
    return {entity["id"]: entity["signedUrl"] for entity in client.post(BULK, {"files": list(ids)}).json()["entities"]}


def table(client: Client, file_id: str) -> pa.Table:
    answer = requests.get(urls(client, file_id)[file_id], timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200
    return pq.read_table(io.BytesIO(answer.content))


def rows(client: Client, schema: str, until: timedelta) -> list[dict[str, Any]]:
    """All rows of a schema in the files of a span of time, in the order of the files."""
    asked = {"dateStart": f"{DAY:%Y-%m-%d}T00:00:00.000Z", "dateEnd": f"{DAY + until:%Y-%m-%d}T00:00:00.000Z"}
    files = listed(client, **asked, dataSchema=schema)
    return [row for entity in files for row in table(client, entity["id"]).to_pylist()]


def test_a_day_has_a_file_for_each_hour_and_schema(client: Client) -> None:
    found = listed(client, **of_day())
    assert len(found) == 24 * len(COLUMNS)
    assert {entity["dataSchema"] for entity in found} == set(COLUMNS)
    assert all(entity["dateCreated"].startswith(f"{DAY:%Y-%m-%d}") for entity in found)


def test_pages_hold_every_file_once(client: Client) -> None:
    whole = [entity["id"] for entity in listed(client, **of_day())]
    assert [entity["id"] for entity in listed(client, **of_day(), pageSize=7)] == whole
    assert len(set(whole)) == len(whole)


def test_times_are_whole_milliseconds(client: Client) -> None:
    file_id = listed(client, **of_day("segments"))[12]["id"]
    assert table(client, file_id).schema.field("segmentStart").type == pa.int64()


@pytest.mark.long
def test_the_newest_rows_say_what_the_conversations_say(client: Client, warehouse: Sandbox) -> None:
    newest = {row["conversationId"]: row for row in rows(client, "conversations", timedelta(days=4))}
    told = warehouse.organisation.conversations(DAY.date())
    ended = [
        item
        for item in told
        if millis(item.get("conversationEnd", "9999-01-01T00:00:00Z")) < millis("2026-01-30T00:00:00Z")
    ]
    assert len(ended) > 20
    for item in ended:
        row = newest[item["conversationId"]]
        assert row["conversationEnd"] == millis(item["conversationEnd"])
        assert row["originatingDirection"] == item["originatingDirection"]
    metrics = rows(client, "conversation-metrics", timedelta(days=4)) + rows(client, "flow-metrics", timedelta(days=4))
    known = {(row["sessionId"], row["metricName"], row["metricTimestamp"], row["metricValue"]) for row in metrics}
    for item in ended:
        for participant in item["participants"]:
            for session in participant["sessions"]:
                for metric in session.get("metrics", ()):
                    key = (session["sessionId"], metric["name"], millis(metric["emitDate"]), metric["value"])
                    assert key in known


def test_rows_come_again_with_a_newer_time(client: Client) -> None:
    found = rows(client, "conversations", timedelta(days=2))
    times: dict[str, list[int]] = {}
    for row in found:
        times.setdefault(row["conversationId"], []).append(row["updateTimestamp"])
    assert any(len(set(of)) > 1 for of in times.values())
    assert any(len(set(of)) < len(of) for of in times.values()), "no row came twice unchanged"


def test_a_url_ends(client: Client, warehouse: Sandbox, clock: Now) -> None:
    file_id = listed(client, **of_day("segments"))[0]["id"]
    url = urls(client, file_id)[file_id]
    assert requests.get(url, timeout=PATIENCE_SECONDS).status_code == 200
    clock.now += timedelta(seconds=warehouse.behaviour.extraction_url_seconds)
    assert requests.get(url, timeout=PATIENCE_SECONDS).status_code == 403


def test_a_url_works_only_as_it_was_signed_and_without_a_token(client: Client) -> None:
    file_id = listed(client, **of_day("segments"))[0]["id"]
    url = urls(client, file_id)[file_id]
    assert requests.get(url[:-1] + ("0" if url[-1] != "0" else "1"), timeout=PATIENCE_SECONDS).status_code == 403
    assert client.session.get(url, timeout=PATIENCE_SECONDS).status_code == 400


def test_a_file_that_has_expired_has_no_url(client: Client, clock: Now) -> None:
    file_id = listed(client, **of_day("segments"))[0]["id"]
    clock.now += timedelta(days=40)
    assert urls(client, file_id) == {}
    assert listed(client, **of_day("segments")) == []


def test_nobody_sees_files_without_the_permission(client: Client, warehouse: Sandbox) -> None:
    warehouse.behaviour.missing_permissions.add("analytics:datawarehouse:view")
    assert client.get(METADATA).status_code == 403
    assert client.post(BULK, {"files": ["x"]}).status_code == 403


def test_unknown_schemas_and_columns_come_where_they_are_wished(client: Client, warehouse: Sandbox) -> None:
    warehouse.behaviour.unknown_fields = True
    later = {"dateStart": "2026-01-30T00:00:00.000Z", "dateEnd": "2026-01-30T04:00:00.000Z"}
    found = listed(client, **later)
    assert UNKNOWN_SCHEMA in {entity["dataSchema"] for entity in found}
    assert UNKNOWN_COLUMN in table(client, found[0]["id"]).column_names
