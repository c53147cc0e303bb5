"""The client lists and downloads files of the data lake extraction from the sandbox and from hosts that misbehave."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.errors import (
    AnswerTooLarge,
    DownloadFailed,
    EndlessPages,
    FileGone,
    GenesysCloudError,
    MissingPermission,
    NotAParquetFile,
    UnexpectedAnswer,
    UrlNotTrusted,
    UrlRefused,
)
from genesys_assets.cloud.extraction import downloads, listing
from genesys_assets.cloud.extraction.downloads import DownloadLimits, download
from genesys_assets.cloud.extraction.listing import LakeFile, list_files
from genesys_assets.cloud.http.regions import hosts
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.preflight import preflight
from genesys_assets.sandbox.extraction import FILES_PATH
from genesys_assets.sandbox.extraction_rows import COLUMNS
from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets_tests.cloud.platform import Platform, Reply
from genesys_assets_tests.ports import free_port

DAY = datetime(2026, 1, 28, tzinfo=UTC)
OF_DAY = Interval(DAY, DAY + timedelta(days=1))
FILE = LakeFile("file-1", "segments", DAY, None)
PARQUET = b"PAR1" + bytes(20) + (4).to_bytes(4, "little") + b"PAR1"


class Now:
    """A clock that the test sets."""

    now = DAY + timedelta(days=3)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def now() -> Now:
    return Now()


@pytest.fixture(scope="module")
def warehouse(now: Now) -> Iterator[Sandbox]:
    with running(seed=3, conversations_per_day=20, now=now, requests_per_minute=None) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(warehouse: Sandbox) -> Iterator[Sandbox]:
    warehouse.behaviour.reset()
    warehouse.requests.clear()
    yield warehouse
    warehouse.behaviour.reset()


@pytest.fixture
def lake(sandbox: Sandbox) -> Iterator[GenesysCloud]:
    """A client of the sandbox whose retries do not wait."""
    there = hosts(None, api_url=sandbox.url, login_url=sandbox.url)
    with GenesysCloud(
        there, sandbox.client_id, sandbox.client_secret, requests_per_minute=10**6, sleep=lambda seconds: None
    ) as cloud:
        yield cloud


# -- listing -----------------------------------------------------------------------------------------------------------


def test_a_listing_has_every_file_once_whatever_the_size_of_its_pages(lake: GenesysCloud) -> None:
    whole = list_files(lake, OF_DAY)
    assert len(whole.files) == 24 * len(COLUMNS)
    assert list_files(lake, OF_DAY, page_size=11).files == whole.files
    assert whole.enabled == tuple(COLUMNS)


def test_only_the_wished_schemas_are_listed(lake: GenesysCloud) -> None:
    found = list_files(lake, OF_DAY, ["segments", "conversations"])
    assert {file.schema for file in found.files} == {"segments", "conversations"}
    assert len(found.files) == 48


def test_without_the_permission_the_error_names_it(lake: GenesysCloud, sandbox: Sandbox) -> None:
    sandbox.behaviour.missing_permissions.add(listing.PERMISSION)
    with pytest.raises(MissingPermission) as caught:
        list_files(lake, OF_DAY)
    assert caught.value.permissions == (listing.PERMISSION,)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({}, UnexpectedAnswer),
        ({"entities": [{"id": "a", "dataSchema": "segments"}]}, UnexpectedAnswer),
        ({"entities": [{"id": "a", "dataSchema": "segments", "dateCreated": "soon"}]}, UnexpectedAnswer),
        ({"entities": [None]}, UnexpectedAnswer),
        ({"entities": [], "nextUri": "https://elsewhere.example/next"}, UnexpectedAnswer),
        ({"entities": [], "nextUri": 7}, UnexpectedAnswer),
        ({"entities": [], "nextUri": "/api?after=same"}, EndlessPages),
    ],
)
def test_a_listing_that_cannot_be_read_whole_is_an_error(
    platform: Platform, cloud: GenesysCloud, answer: object, error: type[Exception]
) -> None:
    platform.on(listing.PATH, *[Reply(body=answer)] * 4)
    with pytest.raises(error):
        list_files(cloud, OF_DAY)


def test_what_was_asked_for_is_asked_for_on_each_page(platform: Platform, cloud: GenesysCloud) -> None:
    first = {"entities": [], "nextUri": "api/v2/analytics/dataextraction/downloads/metadata?after=c1"}
    platform.on(listing.PATH, Reply(body=first), Reply(body={"entities": []}))
    list_files(cloud, OF_DAY, ["segments"])
    asked = [request.params for request in platform.requests_to(listing.PATH)]
    assert [each.pop("after", None) for each in asked] == [None, "c1"]
    assert asked[0] == asked[1]


# -- downloads ---------------------------------------------------------------------------------------------------------


def test_files_come_as_the_host_has_them(lake: GenesysCloud, sandbox: Sandbox) -> None:
    files = list_files(lake, OF_DAY, ["conversations", "segments"]).files
    found = list(download(lake, files, at_once=20))
    assert [each.file for each in found] == list(files)
    assert sandbox.requested(downloads.PATH) == 3
    for each in found:
        assert each.sha256 == hashlib.sha256(each.body).hexdigest()
        pq.read_table(io.BytesIO(each.body))


def test_urls_that_expired_are_asked_for_again_together(lake: GenesysCloud, sandbox: Sandbox, now: Now) -> None:
    files = list_files(lake, OF_DAY, ["segments"]).files
    coming = download(lake, files)
    first = next(coming)
    before, now.now = now.now, now.now + timedelta(seconds=sandbox.behaviour.extraction_url_seconds)
    try:
        rest = list(coming)
    finally:
        now.now = before
    assert [first.file, *(each.file for each in rest)] == list(files)
    assert sandbox.requested(downloads.PATH) == 2


def test_a_url_that_never_works_is_a_named_error_without_the_url(lake: GenesysCloud, sandbox: Sandbox) -> None:
    files = list_files(lake, OF_DAY, ["segments"]).files[:1]
    sandbox.behaviour.fail_next(403, times=99, path=FILES_PATH)
    with pytest.raises(UrlRefused) as caught:
        list(download(lake, files))
    assert files[0].id in str(caught.value)
    assert "refused 4 signed URLs, one after the other, of" in str(caught.value)
    assert "Signature" not in str(caught.value)
    assert FILES_PATH not in str(caught.value)


def test_only_refused_urls_are_reported_as_refused(lake: GenesysCloud, sandbox: Sandbox) -> None:
    files = list_files(lake, OF_DAY, ["segments"]).files[:1]
    sandbox.behaviour.fail_next(503, times=downloads._TRIES - 1, path=FILES_PATH)
    sandbox.behaviour.fail_next(403, path=FILES_PATH)
    with pytest.raises(UrlRefused, match="refused the newest signed URL of the file"):
        list(download(lake, files))


def test_a_file_that_comes_in_part_is_fetched_again(lake: GenesysCloud, sandbox: Sandbox) -> None:
    files = list_files(lake, OF_DAY, ["segments"]).files[:1]
    whole = [each.body for each in download(lake, files)]
    sandbox.behaviour.fail_next(200, path=FILES_PATH, truncated=True)
    sandbox.behaviour.fail_next(200, path=FILES_PATH, dropped=True)
    sandbox.behaviour.fail_next(503, path=FILES_PATH)
    assert [each.body for each in download(lake, files)] == whole


def test_a_file_that_always_comes_in_part_is_a_named_error(lake: GenesysCloud, sandbox: Sandbox) -> None:
    files = list_files(lake, OF_DAY, ["segments"]).files[:1]
    sandbox.behaviour.fail_next(200, times=99, path=FILES_PATH, truncated=True)
    with pytest.raises(DownloadFailed, match=files[0].id):
        list(download(lake, files))


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"PAR1", PARQUET[:-1], b"PAR1" + b"\xff" * 20 + b"PAR1"])
def test_what_is_no_whole_parquet_file_is_refused(lake: GenesysCloud, sandbox: Sandbox, body: bytes) -> None:
    files = list_files(lake, OF_DAY, ["segments"]).files[:1]
    sandbox.behaviour.fail_next(200, times=99, path=FILES_PATH, body=body)
    with pytest.raises(NotAParquetFile, match=files[0].id):
        list(download(lake, files))


def test_a_file_larger_than_allowed_is_refused(lake: GenesysCloud) -> None:
    files = list_files(lake, OF_DAY, ["segments"]).files[:1]
    with pytest.raises(AnswerTooLarge, match="GENESYS_ASSETS_DATA_LAKE_LARGEST_FILE_MIB"):
        list(download(lake, files, DownloadLimits(most_bytes=1000)))


def test_a_file_that_expired_after_it_was_listed_is_a_named_error(lake: GenesysCloud, sandbox: Sandbox) -> None:
    files = list_files(lake, OF_DAY, ["segments"]).files[:1]
    sandbox.behaviour.extraction_retention_days = 0.5
    with pytest.raises(FileGone, match=files[0].id):
        list(download(lake, files))


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example/a?sig=1",
        "ftp://files.example/a",
        "https://user:word@files.example/a",
        "https:///a",
        "file:///etc/passwd",
        "https://files.example/" + "a" * 20_000,
    ],
)
def test_a_url_that_leads_elsewhere_is_not_fetched(platform: Platform, cloud: GenesysCloud, url: str) -> None:
    platform.on(downloads.PATH, Reply(body={"entities": [{"id": FILE.id, "signedUrl": url}]}))
    with pytest.raises(UrlNotTrusted) as caught:
        list(download(cloud, [FILE]))
    assert url not in str(caught.value)


def test_a_url_is_in_no_log_and_carries_no_token(
    platform: Platform, cloud: GenesysCloud, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"{cloud.hosts.api_url}/files/1?X-Signature=very-secret"
    platform.on(downloads.PATH, Reply(body={"entities": [{"id": FILE.id, "signedUrl": url}]}))
    platform.on("/files/1", Reply(body=PARQUET))
    assert [each.body for each in download(cloud, [FILE])] == [PARQUET]
    assert "very-secret" not in caplog.text
    (request,) = platform.requests_to("/files/1")
    assert "authorization" not in {name.lower() for name in request.headers}


@pytest.mark.parametrize("host", ["127.0.0.1:{closed}", "127.0.0.1:70000"])
def test_a_host_of_files_that_is_not_reached_blames_no_setting_of_the_api(
    platform: Platform, cloud: GenesysCloud, host: str
) -> None:
    url = f"http://{host.format(closed=free_port())}/file?sig=1"
    platform.on(downloads.PATH, *[Reply(body={"entities": [{"id": FILE.id, "signedUrl": url}]})] * 4)
    with pytest.raises(GenesysCloudError) as caught:
        list(download(cloud, [FILE]))
    assert "GENESYS_CLOUD" not in str(caught.value)
    assert "region" not in str(caught.value)
    assert url not in str(caught.value)


def test_a_redirect_is_not_followed(platform: Platform, cloud: GenesysCloud) -> None:
    url = f"{cloud.hosts.api_url}/files/1"
    platform.on(downloads.PATH, Reply(body={"entities": [{"id": FILE.id, "signedUrl": url}]}))
    platform.on("/files/1", Reply(302, headers={"Location": f"{cloud.hosts.api_url}/files/2"}))
    with pytest.raises(DownloadFailed, match="302"):
        list(download(cloud, [FILE]))
    assert not platform.requests_to("/files/2")


# -- preflight ---------------------------------------------------------------------------------------------------------


def test_preflight_says_whether_the_extraction_is_permitted_where_it_is_wanted(
    lake: GenesysCloud, sandbox: Sandbox
) -> None:
    def results(*, data_lake: bool = False) -> dict[str, tuple[str, str]]:
        return {each.what: (each.level, each.value) for each in preflight(lake, data_lake=data_lake).results}

    assert "data lake extraction" not in results()
    assert results(data_lake=True)["data lake extraction"] == ("ok", "permitted")
    sandbox.behaviour.extraction_schemas = ("conversations", "segments")
    level, value = results(data_lake=True)["data lake extraction"]
    assert (level, value) == ("warn", "permitted, without conversation-metrics")
    sandbox.behaviour.missing_permissions.add(listing.PERMISSION)
    refused = [each for each in preflight(lake, data_lake=True).results if each.what == "data lake extraction"]
    assert [each.permissions for each in refused] == [(listing.PERMISSION,)]
    assert refused[0].level == "warn"
