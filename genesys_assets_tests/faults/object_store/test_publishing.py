"""Publishing to an S3 that misbehaves: a file is published and proven, or refused with a named error; nothing else is
deleted."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from genesys_assets.publishing import private_bucket, s3_bucket
from genesys_assets.publishing.errors import NotReadable, PublishingError
from genesys_assets.publishing.garbage import remove_garbage
from genesys_assets.publishing.private_bucket import PrivateBucket
from genesys_assets.publishing.publisher import Publisher
from genesys_assets.publishing.report_files import write_report_files
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets_tests.faults import EVERY_CASE
from genesys_assets_tests.faults.answers.host import Chunks, RequestHead, hosts, http
from genesys_assets_tests.faults.object_store.test_lake import HTML, LISTING, LISTS, Case, answered, error
from genesys_assets_tests.lake.faulty_s3 import FaultyS3, in_front_of
from genesys_assets_tests.publishing.published_files import DAY, TABLE, a_manifest

_LONG_AFTER = datetime.now(UTC) + timedelta(days=60)
_ELSEWHERE = LISTING.format(
    "<Contents><Key>genesys/tables/x.parquet</Key><LastModified>2020-01-31T00:00:00Z</LastModified></Contents>"
)
CASES: dict[str, Case] = {
    "503 for uploads": Case("busy", method="PUT", says="was not uploaded"),
    "403 for uploads": answered(403, error("AccessDenied"), method="PUT", says="s3:PutObject", is_quick=True),
    "uploads that are dropped": Case("dropped", method="PUT", says="was not uploaded"),
    "uploads that are redirected": answered(301, error("PermanentRedirect"), method="PUT", says="was not uploaded"),
    "uploads that only seem to be taken": answered(200, "", method="PUT", says="no longer exists", is_quick=True),
    "files that anyone may read": answered(
        200, "x", method="GET", path_part=".parquet", says="could be read by anyone"
    ),
    "files with another byte": Case("altered", method="GET", path_part="X-Amz-Signature", says="gives other bytes"),
    "files of half their length": Case("short", method="GET", path_part="X-Amz-Signature", says="gives other bytes"),
    "503 for readers": Case("busy", method="GET", path_part="X-Amz-Signature", says="answered with HTTP 503"),
    "HTML for manifests": answered(200, HTML, method="GET", path_part="manifest", says="manifest"),
    "manifests without end": Case(
        "endless", method="GET", path_part="manifest", says="S3 sent more than", is_quick=True
    ),
    "403 for manifests": answered(403, error("AccessDenied"), method="GET", path_part="manifest", says="was not read"),
    "HTML in the place of listings": answered(
        200, HTML, path_part=LISTS, says="the answer is not a listing", is_quick=True
    ),
    "nothing in the place of listings": answered(200, "", path_part=LISTS, says="the answer is not a listing"),
    "a listing of the lake": answered(
        200, _ELSEWHERE, path_part=LISTS, says="the answer is not a listing", is_quick=True
    ),
    "a listing that goes on without end": answered(
        200,
        LISTING.format("<IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken>"),
        path_part=LISTS,
        says="was not listed",
    ),
}


def _params() -> Iterator[Any]:
    for name, case in CASES.items():
        costly = pytest.mark.skipif(not (EVERY_CASE or case.is_quick), reason="only `make faults` runs it")
        yield pytest.param(case, id=name, marks=costly)


@pytest.fixture(scope="module")
def faulty(object_store: ObjectStore) -> Iterator[FaultyS3]:
    with in_front_of(object_store.endpoint_url) as proxy:
        yield proxy


@pytest.fixture
def publisher(
    object_store: ObjectStore, faulty: FaultyS3, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Publisher]:
    faulty.heal()
    monkeypatch.setattr(private_bucket, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(s3_bucket, "LARGEST", 1 << 20)
    for name, value in {**object_store.environment(), "AWS_ENDPOINT_URL_S3": faulty.endpoint_url}.items():
        monkeypatch.setenv(name, value)
    client: Any = boto3.client("s3", config=Config(retries={"total_max_attempts": 1}))
    with contextlib.closing(client):
        yield Publisher(PrivateBucket(client, f"s3://{bucket}/published"))
    faulty.heal()


@pytest.mark.long
@pytest.mark.parametrize("case", list(_params()))
def test_what_is_published_is_proven_or_refused_by_name(
    publisher: Publisher, faulty: FaultyS3, s3_client: Any, bucket: str, tmp_path: Path, case: Case
) -> None:
    s3_client.put_object(Bucket=bucket, Key="genesys/tables/x.parquet", Body=b"of the lake")
    files = write_report_files([TABLE], TABLE.schema, tmp_path, "agent_daily")
    publisher.publish_manifest(a_manifest(files=tuple(publisher.publish("agent_daily", DAY, files))))
    (tmp_path / "others").mkdir()
    others = write_report_files([TABLE.slice(1)], TABLE.schema, tmp_path / "others", "agent_daily")
    faulty.spoil(case.how, case.times, method=case.method, path_part=case.path_part, **case.answer)
    said = []
    for use in (
        lambda: publisher.publish("agent_daily", DAY, others),
        lambda: publisher.manifest(DAY),
        lambda: remove_garbage(publisher, _LONG_AFTER),
    ):
        try:
            use()
        except PublishingError as named:
            said.append(str(named))
    assert faulty.spoiled > 0, "the case spoils no request"
    assert any(case.says in each for each in said), said
    assert not any("X-Amz-Signature" in each for each in said), "an error shows no presigned URL"
    faulty.heal()
    assert s3_client.get_object(Bucket=bucket, Key="genesys/tables/x.parquet")["Body"].read() == b"of the lake"
    assert len(publisher.publish("agent_daily", DAY, others)) == 3


def _dripping(_: RequestHead) -> Chunks:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    while True:
        yield b"."
        time.sleep(0.01)


PROOFS: dict[str, Chunks | Callable[[RequestHead], Chunks]] = {
    "one byte after the other": _dripping,
    "a chunk of negative size": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc"],
    "two lengths": [http(b"abc", length="3, 4")],
    "more headers than are read": [http(b"abc", 200, *["A: b"] * 500)],
    "a redirect to no host": [http(b"", 302, "Location: http://[::1")],
    "a redirect to no text": [http(b"", 302, "Location: \xff\xfe//")],
    "a redirect to itself": [http(b"", 302, "Location: ?X-Amz-Signature=s")],
    "gzip that is none": [http(b"abc", 200, "Content-Encoding: gzip")],
    "nothing": [],
}


@pytest.mark.parametrize("kind", PROOFS)
def test_whatever_the_host_of_a_url_answers_the_file_is_not_proven(
    s3_client: Any, bucket: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(private_bucket, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(private_bucket, "LONGEST_SECONDS", 1.0)
    answer = PROOFS[kind]

    def reply(asked: RequestHead) -> Chunks:
        if not asked.query:
            return [http(b"", 403)]
        return answer(asked) if callable(answer) else answer

    with hosts() as (host, _):
        host.replies["/file"] = reply
        proven = PrivateBucket(s3_client, f"s3://{bucket}/published")
        with pytest.raises(NotReadable, match=r"could not be fetched to prove|answered with HTTP 302") as refusal:
            proven.prove("file", f"http://{host.address}/file?X-Amz-Signature=s", "0" * 64)
    assert "Signature" not in str(refusal.value)
