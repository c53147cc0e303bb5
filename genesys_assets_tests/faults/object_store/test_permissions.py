"""The policy of docs/security.md allows exactly the requests to S3, recorded between us and a real server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.preflight import check_places
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import drafts
from genesys_assets.publishing.garbage import remove_garbage
from genesys_assets.publishing.private_bucket import PrivateBucket
from genesys_assets.publishing.publisher import Publisher
from genesys_assets.publishing.report_files import write_report_files
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.lake.faulty_s3 import FaultyS3, in_front_of
from genesys_assets_tests.lake.things import DAYS, NOON, PLACE, SPEC, bodies, things, write_pages
from genesys_assets_tests.publishing.published_files import DAY, TABLE, a_manifest

_DOCUMENT = Path(__file__).parents[3] / "docs" / "security.md"
_LONG_AFTER = datetime.now(UTC) + timedelta(days=60)


def policy() -> dict[str, Any]:
    (block,) = re.findall(r"<!-- iam policy -->\n```json\n(.*?)```", _DOCUMENT.read_text(), re.DOTALL)
    stated: dict[str, Any] = json.loads(block)
    return stated


def action_of(request: str) -> str:
    """The permission that AWS requires for a request:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html."""
    method, _, url = request.partition(" ")
    path, query = urlsplit(url).path, parse_qs(urlsplit(url).query, keep_blank_values=True)
    is_file = "/" in path.strip("/")
    match method, is_file:
        case "HEAD", False:
            return "s3:ListBucket"
        case "GET", False if "list-type" in query:
            return "s3:ListBucket"
        case "GET", False if "uploads" in query:
            return "s3:ListBucketMultipartUploads"
        case (("GET" | "HEAD"), True) if query.keys() <= _OF_READING or "X-Amz-Signature" in query:
            return "s3:GetObject"
        case "PUT", True if query.keys() <= {"partNumber", "uploadId"}:
            return "s3:PutObject"
        case "POST", True if query.keys() <= {"uploads", "uploadId"}:
            return "s3:PutObject"
        case "DELETE", True:
            return "s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject"
    raise AssertionError(f"no permission is known for {request}")


_OF_READING = {"partNumber"}


@pytest.fixture
def between(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    with in_front_of(object_store.endpoint_url) as proxy:
        for name, value in {**object_store.environment(), "AWS_ENDPOINT_URL_S3": proxy.endpoint_url}.items():
            monkeypatch.setenv(name, value)
        yield proxy


def test_the_policy_is_one_that_aws_takes() -> None:
    stated = policy()
    assert stated["Version"] == "2012-10-17"
    for statement in stated["Statement"]:
        assert statement.keys() == {"Sid", "Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        assert all(re.fullmatch(r"s3:[A-Z][A-Za-z]+", action) for action in statement["Action"]), (
            "the policy names no action by a pattern"
        )
    of_bucket, of_files = stated["Statement"]
    assert of_bucket["Resource"] == "arn:aws:s3:::my-bucket"
    assert all(re.fullmatch(r"arn:aws:s3:::my-bucket/[a-z]+/\*", resource) for resource in of_files["Resource"])


@pytest.mark.long
def test_what_is_asked_of_s3_is_what_the_policy_allows(between: FaultyS3, bucket: str, tmp_path: Path) -> None:
    client: Any = boto3.client("s3")
    store = S3Store(bucket, "genesys", lambda: client)
    _use_lake(store, client)
    _publish(client, bucket, tmp_path)
    with environment(
        {"GENESYS_ASSETS_LAKE": f"s3://{bucket}/genesys", "GENESYS_ASSETS_PUBLISH_URL": f"s3://{bucket}/p"}
    ):
        assert all(result.level == "ok" for result in check_places(lambda: client))
    asked = {action_of(request) for request in between.requests}
    allowed = {action for statement in policy()["Statement"] for action in statement["Action"]}
    assert asked == allowed


def _use_lake(store: S3Store, client: Any) -> None:
    """Do everything that the package does with a lake: write, read, join, clean."""
    lake = Lake(store)
    for n in range(4):
        lake.write(PLACE, SPEC, things(("a", n)), DAYS[0], {})
    lake.append("live/things", SPEC, things(("a", 1)), NOON, {})
    write_pages(lake, DAYS[0], [b"{}"])
    fresh = Lake(store)
    assert fresh.read(PLACE, DAYS[0])["n"].to_pylist() == [3]
    assert bodies(fresh, DAYS[0]) == [b"{}"]
    assert len(list(fresh.pieces(PLACE, [DAYS[0]], schema=SPEC.schema, columns=["n"]))) == 1
    with drafts(store) as begin:
        large = begin()
        large.file.write(bytes(9 << 20))
        large.publish("large")
    assert store.size("large") == 9 << 20
    with store.open("large") as opened:
        assert opened.read(4) == bytes(4)
    client.create_multipart_upload(Bucket=store.bucket, Key="genesys/broken-off")
    assert store.remove_drafts(_LONG_AFTER) == 1
    lake.remove(PLACE, [DAYS[0]])
    assert "large" in store.keys("")
    store.delete("large")


def _publish(client: Any, bucket: str, folder: Path) -> None:
    """Do everything that the package does with published files: write, prove, read, clean."""
    publisher = Publisher(PrivateBucket(client, f"s3://{bucket}/published"))
    published = publisher.publish("agent_daily", DAY, write_report_files([TABLE], TABLE.schema, folder, "agent_daily"))
    publisher.publish_manifest(a_manifest(files=tuple(published), bucket=publisher.place.bucket))
    assert publisher.manifest(DAY)
    remove_garbage(publisher, _LONG_AFTER)
