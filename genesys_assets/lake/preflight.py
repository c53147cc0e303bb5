"""What can be known before the first run of where things are written: lake, published files, their buckets, S3's clock.

A file is written and removed again, nothing is kept. What the platform says is looked at in `cloud.preflight`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from genesys_assets.cloud.preflight import Finding, clock
from genesys_assets.settings import LakeSettings, PublishSettings, SettingError

LAKE, PUBLISHED, S3_CLOCK = "lake", "published files", "S3 clock"
LITTLE_SPACE = 2**30
_SIGNING = "S3 refuses what is signed with a time 15 minutes off."


def places(s3_client: Callable[[], Any], lake: str | None = None, published: str | None = None) -> tuple[Finding, ...]:
    """Looks at both places, those of the settings where none are given, and raises nothing: what went wrong is a
    finding too.
    """
    return tuple(_look(s3_client, lake, published))


def _look(s3_client: Callable[[], Any], lake: str | None, published: str | None) -> Iterator[Finding]:
    told: set[str] = set()
    for what, locate in ((LAKE, partial(_lake, lake)), (PUBLISHED, partial(_published, published))):
        try:
            location = locate()
        except SettingError as error:
            yield Finding("fail", what, "not understood", str(error))
            continue
        is_bucket = location.startswith("s3://")
        for finding in _bucket(what, location, s3_client) if is_bucket else [_folder(what, location)]:
            if finding.what != S3_CLOCK or S3_CLOCK not in told:
                yield finding
            told.add(finding.what)


def _lake(stated: str | None) -> str:
    return LakeSettings.load(lake=stated).location


def _published(stated: str | None) -> str:
    return PublishSettings.load(publish_url=stated).location


def _folder(what: str, location: str) -> Finding:
    path = urlsplit(location).path if location.startswith("file://") else location
    folder = Path(path).expanduser().absolute()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        return Finding(
            "fail",
            what,
            f"{folder} cannot be written ({error.strerror})",
            "Choose another folder, or make this one writable.",
        )
    value = f"{folder}, writable, {free / 2**30:.1f} GiB free"
    if free < LITTLE_SPACE:
        return Finding("warn", what, value, "A day of 100,000 conversations takes some 100 MB: free disk space.")
    return Finding("ok", what, value)


def _bucket(what: str, location: str, s3_client: Callable[[], Any]) -> Iterator[Finding]:
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, prefix = urlsplit(location).netloc, urlsplit(location).path.strip("/")
    key = f"{prefix}/preflight-{uuid4().hex}".strip("/")
    try:
        client = s3_client()
        at = client.meta.endpoint_url
        answer = client.head_bucket(Bucket=bucket)
        client.put_object(Bucket=bucket, Key=key, Body=b"")
        client.delete_object(Bucket=bucket, Key=key)
    except ClientError as error:
        answer = error.response
        yield Finding("fail", what, *_refused(bucket, at, answer))
    except BotoCoreError as error:
        advice = "Check AWS_ENDPOINT_URL_S3, AWS_DEFAULT_REGION and the AWS credentials."
        yield Finding("fail", what, f"no answer for bucket {bucket} ({str(error).rstrip('.')})", advice)
        return
    else:
        yield Finding("ok", what, f"{location}, writable, at {at}")
    said = clock(S3_CLOCK, "S3's", answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date", ""), datetime.now(UTC))
    yield (
        said if said.level == "ok" else Finding(said.level, said.what, said.value, f"{said.advice} {_SIGNING}".strip())
    )


def _refused(bucket: str, at: str, answer: Any) -> tuple[str, str]:
    """How the bucket is, and what to do."""
    status, code = answer["ResponseMetadata"].get("HTTPStatusCode"), answer.get("Error", {}).get("Code")
    if status == 404:
        return f"there is no bucket {bucket} at {at}", "Create it, or name another."
    needed = "s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject"
    return (
        f"bucket {bucket} at {at} refuses (HTTP {status}, {code})",
        f"Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and their permissions {needed}.",
    )
