"""Uploading to a real S3 server, and the errors if that fails."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from dagster_aws.s3 import S3Resource

from genesys_assets.publishing.errors import InvalidLocation, NotPermitted, NotReadable, PublishingError, UploadRefused
from genesys_assets.publishing.private_bucket import PrivateBucket
from genesys_assets.publishing.publisher import Publisher
from genesys_assets.publishing.report_files import LocalFile
from genesys_assets.publishing.s3_bucket import S3Bucket, s3_location
from genesys_assets_tests.ports import refusing_port
from genesys_assets_tests.publishing.published_files import DAY


def test_a_missing_bucket_is_named(s3_client: Any, files: list[LocalFile]) -> None:
    with pytest.raises(UploadRefused, match=r"s3://no-such-bucket/p/.* was not uploaded \(.*NoSuchBucket"):
        Publisher(PrivateBucket(s3_client, "s3://no-such-bucket/p")).publish("agent_daily", DAY, files)


def test_a_wrong_secret_is_reported_without_being_shown(
    s3_resource: S3Resource, bucket: str, files: list[LocalFile]
) -> None:
    wrong = s3_resource.model_copy(update={"aws_secret_access_key": "not-the-secret"})
    with contextlib.closing(wrong.get_client()) as client, pytest.raises(UploadRefused) as failure:
        Publisher(PrivateBucket(client, f"s3://{bucket}/p")).publish("agent_daily", DAY, files)

    assert "SignatureDoesNotMatch" in str(failure.value)
    assert "not-the-secret" not in str(failure.value)


def test_a_server_that_is_down_is_reported(s3_resource: S3Resource, files: list[LocalFile]) -> None:
    refused = pytest.raises(UploadRefused, match="Could not connect")
    with refusing_port() as port:
        nowhere = s3_resource.model_copy(update={"endpoint_url": f"http://127.0.0.1:{port}"})
        with contextlib.closing(nowhere.get_client()) as client, refused:
            Publisher(PrivateBucket(client, "s3://bucket/p")).publish("agent_daily", DAY, files)


def test_a_report_is_saved_under_its_name_and_day_and_kept_by_no_cache(
    publisher: Publisher, files: list[LocalFile], s3_client: Any
) -> None:
    uploaded = list(publisher.publish("agent_daily", DAY, files))
    assert len(uploaded) == len(files) > 0
    for published in uploaded:
        head = s3_client.head_object(Bucket=publisher.place.bucket, Key=published.key)
        name = f"agent_daily-{DAY}.{published.format}"
        assert (head["ContentDisposition"], head["CacheControl"]) == (
            f'attachment; filename="{name}"',
            "private, no-store",
        )


def test_a_file_altered_since_it_was_measured_is_not_taken(
    publisher: Publisher, files: list[LocalFile], s3_client: Any
) -> None:
    with pytest.raises(UploadRefused):
        publisher.publish("agent_daily", DAY, [replace(files[0], sha256="00" * 32)])

    assert s3_client.list_objects_v2(Bucket=publisher.place.bucket)["KeyCount"] == 0


def test_a_manifest_that_may_not_be_read_is_an_error_that_names_it(s3_resource: S3Resource, bucket: str) -> None:
    stranger = s3_resource.model_copy(update={"aws_secret_access_key": "not-the-key"})
    with contextlib.closing(stranger.get_client()) as client, pytest.raises(NotReadable) as refused:
        Publisher(PrivateBucket(client, f"s3://{bucket}/p")).manifest(DAY)

    assert f"s3://{bucket}/p/reports/manifest/date=2026-01-31/manifest.json was not read" in str(refused.value)
    assert "s3:ListBucket" in str(refused.value)


@pytest.mark.parametrize(
    ("code", "status", "may_not_exist"),
    [
        ("AccessDenied", 403, True),
        ("SignatureDoesNotMatch", 403, False),
        ("RequestTimeTooSkewed", 403, False),
        ("SlowDown", 503, False),
    ],
)
def test_only_a_file_to_which_access_is_denied_may_not_exist(code: str, status: int, may_not_exist: bool) -> None:
    made_up = {"region_name": "eu-central-1", "aws_access_key_id": "made-up", "aws_secret_access_key": "made-up"}
    with contextlib.closing(boto3.client("s3", **made_up)) as client, Stubber(client) as s3:
        s3.add_client_error("get_object", service_error_code=code, http_status_code=status)
        with pytest.raises(NotReadable, match=code) as failure:
            S3Bucket(client, "s3://bucket/p").get("p/a")
    assert isinstance(failure.value, NotPermitted) == may_not_exist


def test_what_cannot_be_listed_or_deleted_is_named(s3_client: Any) -> None:
    nowhere = S3Bucket(s3_client, "s3://no-such-bucket/p")
    with pytest.raises(NotReadable, match=r"s3://no-such-bucket/p/a was not listed"):
        list(nowhere.files("p/a"))
    with pytest.raises(PublishingError, match=r"s3://no-such-bucket/p/a was not deleted"):
        nowhere.delete("p/a")


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
