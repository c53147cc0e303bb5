"""Publishing to a real S3 server; a stand-in takes its place only for answers a sound server never gives."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from dagster_aws.s3 import S3Resource

from genesys_assets.publishing import publisher as publishing
from genesys_assets.publishing.publisher import (
    LONGEST_EXPIRY_SECONDS,
    Altered,
    InvalidExpiry,
    InvalidLocation,
    NotReadable,
    NotRefused,
    PubliclyReadable,
    PublishedFile,
    Publisher,
    UploadRefused,
    s3_location,
)
from genesys_assets.publishing.report_files import LocalFile, write_report_files
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets_tests.patience import PATIENCE_SECONDS
from genesys_assets_tests.ports import refusing_port
from genesys_assets_tests.publishing.s3_stand_in import Answers, StandIn

DAY = date(2026, 1, 31)
TABLE = pa.table({"user_name": ["Ana, née B.", None, "🌊"], "conversation_count": [1, 2, 3]})


@pytest.fixture
def files(tmp_path: Path) -> list[LocalFile]:
    return write_report_files([TABLE], TABLE.schema, tmp_path, "agent_daily")


@pytest.fixture
def publisher(s3_client: Any, bucket: str) -> Publisher:
    return Publisher(s3_client, f"s3://{bucket}/some/prefix")


def get(url: str) -> requests.Response:
    return requests.get(url, timeout=PATIENCE_SECONDS)


def status_of(url: str) -> int:
    return get(url).status_code


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


# -- what a reader gets ------------------------------------------------------------------------------


def test_every_published_address_gives_the_very_bytes(publisher: Publisher, files: list[LocalFile]) -> None:
    published = publisher.publish("agent_daily", DAY, files)

    assert [file.format for file in published] == ["parquet", "csv", "json"]
    for file, local in zip(published, files, strict=True):
        answer = get(file.url)
        assert answer.content == local.path.read_bytes()
        assert answer.headers["Content-Type"] == local.content_type
        assert (file.rows, file.bytes, file.sha256) == (3, local.bytes, local.sha256)


def test_the_formats_round_trip_through_s3(publisher: Publisher, files: list[LocalFile]) -> None:
    parquet, csv, js = (get(file.url).content for file in publisher.publish("agent_daily", DAY, files))

    assert pq.read_table(io.BytesIO(parquet)).equals(TABLE)
    assert csv.decode() == 'user_name,conversation_count\r\n"Ana, née B.",1\r\n,2\r\n🌊,3\r\n'
    assert json.loads(js) == TABLE.to_pylist()


def test_files_lie_by_report_and_day(publisher: Publisher, files: list[LocalFile]) -> None:
    keys = [file.key for file in publisher.publish("agent_daily", DAY, files)]

    assert keys[0] == "some/prefix/reports/agent_daily/date=2026-01-31/agent_daily.parquet"
    assert keys[1:] == [keys[0].replace(".parquet", ".csv"), keys[0].replace(".parquet", ".json")]


def test_a_bucket_without_prefix_will_do(s3_client: Any, bucket: str, files: list[LocalFile]) -> None:
    (file, *_) = Publisher(s3_client, f"s3://{bucket}").publish("agent_daily", DAY, files)

    assert file.key == "reports/agent_daily/date=2026-01-31/agent_daily.parquet"


def test_publishing_again_replaces_what_was_there(
    publisher: Publisher,
    files: list[LocalFile],
    tmp_path: Path,
) -> None:
    publisher.publish("agent_daily", DAY, files)
    again = write_report_files([TABLE.slice(0, 1)], TABLE.schema, tmp_path, "agent_daily")

    published = publisher.publish("agent_daily", DAY, again)

    bodies = [get(file.url).content for file in published]
    assert [hashlib.sha256(body).hexdigest() for body in bodies] == [file.sha256 for file in again]


def test_the_environment_of_aws_tools_is_enough(
    object_store: ObjectStore, bucket: str, files: list[LocalFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)
    with contextlib.closing(S3Resource().get_client()) as client:
        published = Publisher(client, f"s3://{bucket}/p").publish("agent_daily", DAY, files)

    assert all(status_of(file.url) == 200 for file in published)
    assert query_of(published[0].url)["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"


# -- what was published before ------------------------------------------------------------------------


def test_a_day_that_was_never_published_has_no_manifest(publisher: Publisher) -> None:
    assert publisher.manifest(DAY) is None


def test_a_manifest_is_read_back_as_it_was_written(publisher: Publisher, files: list[LocalFile]) -> None:
    published = publisher.publish("agent_daily", DAY, files)
    file = publisher.publish_manifest(
        DAY, published, data_available_through=None, is_complete=True, run_id="a-run", headline={"offered": 3}
    )

    manifest = publisher.manifest(DAY)

    assert manifest == manifest_of(file)
    assert manifest["headline"] == {"offered": 3}


def test_a_manifest_that_may_not_be_read_is_an_error_that_names_it(s3_resource: S3Resource, bucket: str) -> None:
    stranger = s3_resource.model_copy(update={"aws_secret_access_key": "not-the-key"})
    with contextlib.closing(stranger.get_client()) as client, pytest.raises(NotReadable) as refused:
        Publisher(client, f"s3://{bucket}/p").manifest(DAY)

    assert f"s3://{bucket}/p/reports/manifest/date=2026-01-31/manifest.json was not read" in str(refused.value)
    assert "s3:ListBucket" in str(refused.value)


def test_a_file_whose_address_has_ended_is_signed_again(publisher: Publisher, files: list[LocalFile]) -> None:
    [published, *_] = publisher.publish("agent_daily", DAY, files)
    with signed_at(datetime.now(UTC) - timedelta(days=2)):
        url = publisher._presign(published.key)
    ended = replace(published, url=url, expires_at=publishing._expires_at(url))
    assert status_of(ended.url) == 403

    again = publisher.sign_again(publishing._entry(ended))

    assert status_of(again.url) == 200
    assert again.expires_at - ended.expires_at >= timedelta(days=2)
    assert replace(again, url=ended.url, expires_at=ended.expires_at) == ended


def test_a_file_that_is_not_what_the_manifest_says_is_not_signed_again(
    publisher: Publisher, s3_client: Any, bucket: str, files: list[LocalFile]
) -> None:
    [file, *_] = publisher.publish("agent_daily", DAY, files)
    s3_client.put_object(Bucket=bucket, Key=file.key, Body=b"something else")
    with pytest.raises(Altered, match="gives other bytes than were written"):
        publisher.sign_again(publishing._entry(file))
    s3_client.delete_object(Bucket=bucket, Key=file.key)
    with pytest.raises(NotReadable, match="404"):
        publisher.sign_again(publishing._entry(file))


# -- the manifest ------------------------------------------------------------------------------------


def manifest_of(file: PublishedFile) -> dict[str, Any]:
    answer = get(file.url)
    assert hashlib.sha256(answer.content).hexdigest() == file.sha256
    return dict(answer.json())


def test_the_manifest_lists_every_file_with_an_address_that_works(
    s3_client: Any, bucket: str, files: list[LocalFile]
) -> None:
    now = datetime(2026, 2, 1, 2, 30, 0, 123_456, tzinfo=UTC)
    publisher = Publisher(s3_client, f"s3://{bucket}/p", now=lambda: now)
    published = publisher.publish("agent_daily", DAY, files)

    through = datetime(2026, 2, 1, tzinfo=UTC)
    file = publisher.publish_manifest(DAY, published, data_available_through=through, is_complete=True, run_id="a-run")

    manifest = manifest_of(file)
    assert file.key == "p/reports/manifest/date=2026-01-31/manifest.json"
    assert manifest | {"files": None} == {
        "date": "2026-01-31",
        "generated_at": "2026-02-01T02:30:00.123Z",
        "data_available_through": "2026-02-01T00:00:00.000Z",
        "is_complete": True,
        "run_id": "a-run",
        "headline": None,
        "bucket": bucket,
        "files": None,
    }
    for entry, expected in zip(manifest["files"], published, strict=True):
        assert entry["expires_at"] == expected.expires_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        assert set(entry) == {"report", "format", "key", "rows", "bytes", "sha256", "url", "expires_at"}
        answer = get(entry["url"])
        assert hashlib.sha256(answer.content).hexdigest() == entry["sha256"]
        assert len(answer.content) == entry["bytes"]


def test_a_manifest_can_say_that_no_data_is_available_yet(publisher: Publisher) -> None:
    file = publisher.publish_manifest(DAY, [], data_available_through=None, is_complete=False, run_id="a-run")

    assert manifest_of(file)["data_available_through"] is None
    assert manifest_of(file)["is_complete"] is False
    assert manifest_of(file)["files"] == []


# -- who may read ------------------------------------------------------------------------------------


def test_without_its_signature_an_address_is_refused(publisher: Publisher, files: list[LocalFile]) -> None:
    published = publisher.publish("agent_daily", DAY, files)
    manifest = publisher.publish_manifest(DAY, published, data_available_through=None, is_complete=True, run_id="a-run")

    for file in [*published, manifest]:
        assert status_of(file.url.partition("?")[0]) in (401, 403)


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("X-Amz-Expires=86400", "X-Amz-Expires=604800"),
        ("agent_daily.csv", "agent_daily.json"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
    ],
)
def test_a_tampered_address_is_refused(
    part: str,
    other: str,
    publisher: Publisher,
    files: list[LocalFile],
) -> None:
    address = publisher.publish("agent_daily", DAY, files)[1].url
    assert part in address

    assert status_of(address.replace(part, other)) == 403


@contextlib.contextmanager
def signed_at(moment: datetime) -> Iterator[None]:
    """Let presigning, and nothing else, happen at another time."""
    sign = publishing.Publisher._presign

    def presign(publisher: Publisher, key: str) -> str:
        with pytest.MonkeyPatch.context() as clock:
            clock.setattr("botocore.auth.get_current_datetime", lambda: moment.replace(tzinfo=None))
            return sign(publisher, key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publishing.Publisher, "_presign", presign)
        yield


def test_an_expired_address_is_never_handed_out(s3_client: Any, bucket: str, files: list[LocalFile]) -> None:
    publisher = Publisher(s3_client, f"s3://{bucket}/p", expiry_seconds=60)

    with signed_at(datetime.now(UTC) - timedelta(minutes=2)), pytest.raises(NotReadable, match="HTTP 403"):
        publisher.publish("agent_daily", DAY, files)


def test_an_address_works_to_the_end_of_its_lifetime(s3_client: Any, bucket: str, files: list[LocalFile]) -> None:
    """It was signed for seven days, of which the last hour is left."""
    signed = datetime.now(UTC).replace(microsecond=0) - timedelta(days=6, hours=23)
    publisher = Publisher(s3_client, f"s3://{bucket}/p", expiry_seconds=LONGEST_EXPIRY_SECONDS)

    with signed_at(signed):
        file = publisher.publish("agent_daily", DAY, files)[0]

    assert file.expires_at == signed + timedelta(days=7)
    assert status_of(file.url) == 200


def test_a_publicly_readable_bucket_fails_and_nothing_stays_exposed(
    s3_client: Any, public_bucket: str, files: list[LocalFile]
) -> None:
    publisher = Publisher(s3_client, f"s3://{public_bucket}/p")

    with pytest.raises(PubliclyReadable, match=r"could be read by anyone, .*; it was deleted again"):
        publisher.publish("agent_daily", DAY, files)

    assert s3_client.list_objects_v2(Bucket=public_bucket)["KeyCount"] == 0


def test_a_manifest_that_anyone_could_read_fails_too(s3_client: Any, public_bucket: str) -> None:
    publisher = Publisher(s3_client, f"s3://{public_bucket}/p")

    with pytest.raises(PubliclyReadable):
        publisher.publish_manifest(DAY, [], data_available_through=None, is_complete=True, run_id="a-run")


# -- lifetimes and places ----------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [1, 604_800])
def test_an_address_lives_as_long_as_asked(s3_client: Any, bucket: str, seconds: int) -> None:
    publisher = Publisher(s3_client, f"s3://{bucket}/p", expiry_seconds=seconds)

    assert query_of(publisher._presign("key"))["X-Amz-Expires"] == str(seconds)


@pytest.mark.parametrize("seconds", [0, -1, 604_801])
def test_a_lifetime_out_of_bounds_is_refused(s3_client: Any, seconds: int) -> None:
    with pytest.raises(InvalidExpiry, match=f"cannot live {seconds} seconds: choose 1 to 604800"):
        Publisher(s3_client, "s3://bucket/p", expiry_seconds=seconds)


def test_expires_at_is_what_the_address_says(publisher: Publisher, files: list[LocalFile]) -> None:
    file = publisher.publish("agent_daily", DAY, files)[0]

    signed = datetime.strptime(query_of(file.url)["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert file.expires_at == signed + timedelta(days=1)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://bucket", ("bucket", "")),
        ("s3://bucket/", ("bucket", "")),
        ("s3://my.bucket-1/a", ("my.bucket-1", "a")),
        ("s3://bucket/a/b/", ("bucket", "a/b")),
    ],
)
def test_a_place_is_a_bucket_and_a_prefix(url: str, place: tuple[str, str]) -> None:
    assert s3_location(url) == place


@pytest.mark.parametrize(
    "url", ["", "bucket/prefix", "/folder", "https://bucket/prefix", "s3://", "s3:///prefix", "s3://Bucket/p"]
)
def test_anything_else_is_no_place(url: str) -> None:
    with pytest.raises(InvalidLocation, match="expected s3://bucket/prefix"):
        s3_location(url)


# -- what goes wrong ---------------------------------------------------------------------------------


def test_a_missing_bucket_is_named(s3_client: Any, files: list[LocalFile]) -> None:
    with pytest.raises(UploadRefused, match=r"s3://no-such-bucket/p/.* was not uploaded \(.*NoSuchBucket"):
        Publisher(s3_client, "s3://no-such-bucket/p").publish("agent_daily", DAY, files)


def test_a_wrong_secret_is_told_without_being_shown(
    s3_resource: S3Resource, bucket: str, files: list[LocalFile]
) -> None:
    wrong = s3_resource.model_copy(update={"aws_secret_access_key": "not-the-secret"})
    with contextlib.closing(wrong.get_client()) as client, pytest.raises(UploadRefused) as failure:
        Publisher(client, f"s3://{bucket}/p").publish("agent_daily", DAY, files)

    assert "SignatureDoesNotMatch" in str(failure.value)
    assert "not-the-secret" not in str(failure.value)


def test_a_server_that_is_not_there_is_told(s3_resource: S3Resource, files: list[LocalFile]) -> None:
    refused = pytest.raises(UploadRefused, match="Could not connect")
    with refusing_port() as port:
        nowhere = s3_resource.model_copy(update={"endpoint_url": f"http://127.0.0.1:{port}"})
        with contextlib.closing(nowhere.get_client()) as client, refused:
            Publisher(client, "s3://bucket/p").publish("agent_daily", DAY, files)


def test_a_file_altered_since_it_was_measured_is_not_taken(
    publisher: Publisher, files: list[LocalFile], s3_client: Any
) -> None:
    with pytest.raises(UploadRefused):
        publisher.publish("agent_daily", DAY, [replace(files[0], sha256="00" * 32)])

    assert s3_client.list_objects_v2(Bucket=publisher.bucket)["KeyCount"] == 0


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def misled(stand_in: StandIn, s3_resource: S3Resource) -> Iterator[Publisher]:
    """A publisher to the stand-in."""
    endpoint = f"http://127.0.0.1:{stand_in.server_port}"
    with contextlib.closing(s3_resource.model_copy(update={"endpoint_url": endpoint}).get_client()) as client:
        yield Publisher(client, "s3://bucket/p")


def test_credentials_of_a_netrc_are_not_sent(
    misled: Publisher,
    stand_in: StandIn,
    files: list[LocalFile],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    stand_in.signed = (200, files[0].path.read_bytes())

    misled.publish("agent_daily", DAY, files[:1])

    assert stand_in.authorizations == [None, None]


@pytest.mark.parametrize("status", [404, 412, 500, 503])
def test_an_unclear_answer_to_an_unsigned_request_proves_nothing(
    status: int, misled: Publisher, stand_in: StandIn, files: list[LocalFile]
) -> None:
    stand_in.unsigned = (status, b"")

    with pytest.raises(NotRefused, match=f"HTTP {status}"):
        misled.publish("agent_daily", DAY, files)


def test_other_bytes_than_were_written_are_noticed(
    misled: Publisher, stand_in: StandIn, files: list[LocalFile]
) -> None:
    stand_in.signed = (200, b"something else")

    with pytest.raises(Altered, match="gives other bytes than were written"):
        misled.publish("agent_daily", DAY, files)


def test_a_connection_that_breaks_is_told_without_the_address(
    misled: Publisher, stand_in: StandIn, files: list[LocalFile]
) -> None:
    stand_in.signed = None

    with pytest.raises(NotReadable, match="ConnectionError") as failure:
        misled.publish("agent_daily", DAY, files)

    told = [failure.value, failure.value.__cause__, failure.value.__context__]
    assert not any("X-Amz" in str(error) for error in told)


def test_an_exposed_object_that_cannot_be_deleted_is_told(
    misled: Publisher, stand_in: StandIn, files: list[LocalFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.unsigned = (200, b"")
    monkeypatch.setattr(Answers, "do_DELETE", lambda request: request._say(403, b""))

    with pytest.raises(PubliclyReadable, match="could not be deleted again"):
        misled.publish("agent_daily", DAY, files)


def test_no_address_is_shown_or_logged(
    publisher: Publisher, files: list[LocalFile], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        published = publisher.publish("agent_daily", DAY, files)
        publisher.publish_manifest(DAY, published, data_available_through=None, is_complete=True, run_id="a-run")

    assert len(caplog.records) > 0
    for file in published:
        assert file.url not in repr(file)
        assert query_of(file.url)["X-Amz-Signature"] not in caplog.text
