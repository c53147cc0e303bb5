"""Who can read published files, on a real S3 server. A stand-in replaces it only for answers that a working server
never gives.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from dagster_aws.s3 import S3Resource

from genesys_assets.publishing.errors import (
    AlteredFile,
    InvalidExpiry,
    NotReadable,
    NotRefused,
    PubliclyReadable,
)
from genesys_assets.publishing.place import LONGEST_EXPIRY, FileUrl
from genesys_assets.publishing.private_bucket import PrivateBucket
from genesys_assets.publishing.publisher import Publisher
from genesys_assets.publishing.report_files import LocalFile
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets_tests.publishing.published_files import DAY, a_manifest, status_of
from genesys_assets_tests.publishing.s3_stand_in import Answers, StandIn


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


# -- who may read ------------------------------------------------------------------------------------


def test_without_its_signature_a_url_is_refused(publisher: Publisher, files: list[LocalFile]) -> None:
    published = publisher.publish("agent_daily", DAY, files)
    manifest = publisher.publish_manifest(a_manifest(files=tuple(published)))

    for file in [*published, manifest]:
        assert status_of(file.url.partition("?")[0]) in (401, 403)


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("X-Amz-Expires=86400", "X-Amz-Expires=604800"),
        (".csv?", ".json?"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
    ],
)
def test_a_tampered_url_is_refused(
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
    """Let presigning happen at another time, and nothing else."""
    sign = PrivateBucket.url_of

    def presign(bucket: PrivateBucket, key: str) -> FileUrl:
        with pytest.MonkeyPatch.context() as clock:
            clock.setattr("botocore.auth.get_current_datetime", lambda: moment.replace(tzinfo=None))
            return sign(bucket, key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PrivateBucket, "url_of", presign)
        yield


def test_an_expired_url_is_never_handed_out(s3_client: Any, bucket: str, files: list[LocalFile]) -> None:
    publisher = Publisher(PrivateBucket(s3_client, f"s3://{bucket}/p", expiry_seconds=60))

    with signed_at(datetime.now(UTC) - timedelta(minutes=2)), pytest.raises(NotReadable, match="HTTP 403"):
        publisher.publish("agent_daily", DAY, files)


def test_a_url_works_to_the_end_of_its_lifetime(s3_client: Any, bucket: str, files: list[LocalFile]) -> None:
    """The URL was signed for seven days, and one hour is left."""
    signed = datetime.now(UTC).replace(microsecond=0) - timedelta(days=6, hours=23)
    publisher = Publisher(
        PrivateBucket(s3_client, f"s3://{bucket}/p", expiry_seconds=LONGEST_EXPIRY // timedelta(seconds=1))
    )

    with signed_at(signed):
        file = publisher.publish("agent_daily", DAY, files)[0]

    assert file.expires_at == signed + timedelta(days=7)
    assert status_of(file.url) == 200


def test_a_publicly_readable_bucket_fails_and_nothing_stays_exposed(
    s3_client: Any, public_bucket: str, files: list[LocalFile]
) -> None:
    publisher = Publisher(PrivateBucket(s3_client, f"s3://{public_bucket}/p"))

    with pytest.raises(PubliclyReadable, match=r"could be read by anyone, .*; it was deleted again"):
        publisher.publish("agent_daily", DAY, files)

    assert s3_client.list_objects_v2(Bucket=public_bucket)["KeyCount"] == 0


def test_a_manifest_that_anyone_could_read_fails_too(s3_client: Any, public_bucket: str) -> None:
    publisher = Publisher(PrivateBucket(s3_client, f"s3://{public_bucket}/p"))

    with pytest.raises(PubliclyReadable):
        publisher.publish_manifest(a_manifest())


@pytest.mark.long
def test_the_environment_of_aws_tools_is_enough(
    object_store: ObjectStore, bucket: str, files: list[LocalFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)
    with contextlib.closing(S3Resource().get_client()) as client:
        published = Publisher(PrivateBucket(client, f"s3://{bucket}/p")).publish("agent_daily", DAY, files)

    assert all(status_of(file.url) == 200 for file in published)
    assert query_of(published[0].url)["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"


def test_a_file_whose_url_has_ended_gets_a_fresh_one(publisher: Publisher, files: list[LocalFile]) -> None:
    [published, *_] = publisher.publish("agent_daily", DAY, files)
    with signed_at(datetime.now(UTC) - timedelta(days=2)):
        ended = publisher.place.url_of(published.key)
    assert status_of(ended.url) == 403

    again = publisher.place.url_of(published.key)

    assert status_of(again.url) == 200
    assert again.expires_at is not None
    assert ended.expires_at is not None
    assert again.expires_at - ended.expires_at >= timedelta(days=2)


# -- lifetimes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [1, 604_800])
def test_a_url_lives_as_long_as_requested(s3_client: Any, bucket: str, seconds: int) -> None:
    publisher = Publisher(PrivateBucket(s3_client, f"s3://{bucket}/p", expiry_seconds=seconds))

    assert query_of(publisher.place.url_of("key").url)["X-Amz-Expires"] == str(seconds)


@pytest.mark.parametrize("seconds", [0, -1, 604_801])
def test_a_lifetime_out_of_bounds_is_refused(s3_client: Any, seconds: int) -> None:
    with pytest.raises(InvalidExpiry, match=f"cannot live {seconds} seconds: choose 1 to 604800"):
        Publisher(PrivateBucket(s3_client, "s3://bucket/p", expiry_seconds=seconds))


def test_expires_at_is_what_the_url_says(publisher: Publisher, files: list[LocalFile]) -> None:
    file = publisher.publish("agent_daily", DAY, files)[0]

    signed = datetime.strptime(query_of(file.url)["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert file.expires_at == signed + timedelta(days=1)


# -- what goes wrong ---------------------------------------------------------------------------------


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
    """A publisher that publishes to the stand-in."""
    endpoint = f"http://127.0.0.1:{stand_in.server_port}"
    with contextlib.closing(s3_resource.model_copy(update={"endpoint_url": endpoint}).get_client()) as client:
        yield Publisher(PrivateBucket(client, "s3://bucket/p"))


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

    with pytest.raises(AlteredFile, match="gives other bytes than were written"):
        misled.publish("agent_daily", DAY, files)


def test_a_connection_that_breaks_is_reported_without_the_url(
    misled: Publisher, stand_in: StandIn, files: list[LocalFile]
) -> None:
    stand_in.signed = None

    with pytest.raises(NotReadable, match="ConnectionError") as failure:
        misled.publish("agent_daily", DAY, files)

    told = [failure.value, failure.value.__cause__, failure.value.__context__]
    assert not any("X-Amz" in str(error) for error in told)


@pytest.mark.long
def test_an_exposed_object_that_cannot_be_deleted_is_reported(
    misled: Publisher, stand_in: StandIn, files: list[LocalFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.unsigned = (200, b"")
    monkeypatch.setattr(Answers, "do_DELETE", lambda request: request._say(403, b""))

    with pytest.raises(PubliclyReadable, match="could not be deleted again"):
        misled.publish("agent_daily", DAY, files)


def test_no_url_is_shown_or_logged(
    publisher: Publisher, files: list[LocalFile], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        published = publisher.publish("agent_daily", DAY, files)
        publisher.publish_manifest(a_manifest(files=tuple(published)))

    assert len(caplog.records) > 0
    for file in published:
        assert file.url not in repr(file)
        assert query_of(file.url)["X-Amz-Signature"] not in caplog.text
