"""Checks before the first run: can the lake and the published files be written, and does S3's clock agree?

It writes a file to each place and removes it again. `cloud.preflight` checks the platform.
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

from genesys_assets.cloud.http.urls import without_user_info
from genesys_assets.cloud.preflight import PreflightResult, clock
from genesys_assets.settings import LakeSettings, PublishSettings, SettingError

LAKE, PUBLISHED, S3_CLOCK = "lake", "published files", "S3 clock"
LITTLE_SPACE = 2**30
_WRITTEN = "genesys_assets.preflight"
"""The name of the file that is written to a bucket."""
_ENDPOINT = "Check AWS_ENDPOINT_URL_S3, AWS_DEFAULT_REGION and the AWS credentials."
_SIGNING = "S3 refuses what is signed with a time 15 minutes off."


def check_places(
    s3_client: Callable[[], Any], lake: str | None = None, published: str | None = None
) -> tuple[PreflightResult, ...]:
    """Check both places: those given, else those of the settings. Raises nothing: an error becomes a result too."""
    return tuple(_check_places(s3_client, lake, published))


def _check_places(s3_client: Callable[[], Any], lake: str | None, published: str | None) -> Iterator[PreflightResult]:
    reported: set[str] = set()
    for what, locate in ((LAKE, partial(_lake, lake)), (PUBLISHED, partial(_published, published))):
        try:
            location = locate()
        except SettingError as error:
            yield PreflightResult("fail", what, "not understood", str(error))
            continue
        is_bucket = location.startswith("s3://")
        for result in _bucket(what, location, s3_client) if is_bucket else [_folder(what, location)]:
            if result.what != S3_CLOCK or S3_CLOCK not in reported:
                yield result
            reported.add(result.what)


def _lake(stated: str | None) -> str:
    return LakeSettings.load(lake=stated).location


def _published(stated: str | None) -> str:
    return PublishSettings.load(publish_url=stated).location


def _folder(what: str, location: str) -> PreflightResult:
    path = urlsplit(location).path if location.startswith("file://") else location
    folder = Path(path).expanduser().absolute()
    try:
        existing = next(place for place in (folder, *folder.parents) if place.exists())
        with tempfile.TemporaryFile(dir=existing):
            free = shutil.disk_usage(existing).free
    except OSError as error:
        return PreflightResult(
            "fail",
            what,
            f"{folder} cannot be written ({error.strerror})",
            "Choose another folder, or make this one writable.",
        )
    value = f"{folder}, writable, {free / 2**30:.1f} GiB free"
    if free < LITTLE_SPACE:
        return PreflightResult(
            "warn", what, value, "A day of 100,000 conversations takes some 300 MB. Make room on the disk."
        )
    return PreflightResult("ok", what, value)


def _bucket(what: str, location: str, s3_client: Callable[[], Any]) -> Iterator[PreflightResult]:
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, prefix = urlsplit(location).netloc, urlsplit(location).path.strip("/")
    # A name of its own kind: a file that a killed check left behind is removed by the next one, and no other is
    # touched.
    key = f"{prefix}/{_WRITTEN}".strip("/")
    try:
        client = s3_client()
        endpoint = client.meta.endpoint_url
        answer = client.head_bucket(Bucket=bucket)
        client.put_object(Bucket=bucket, Key=key, Body=b"")
        client.delete_object(Bucket=bucket, Key=key)
    except ClientError as error:
        answer = error.response
        yield PreflightResult("fail", what, *_refusal(bucket, endpoint, answer))
    except SettingError as error:
        yield PreflightResult("fail", what, "not understood", str(error))
        return
    except (BotoCoreError, ValueError) as error:
        # boto3 raises ValueError for an endpoint that is not a URL.
        problem = without_user_info(str(error)).rstrip(".")
        yield PreflightResult("fail", what, f"no answer for bucket {bucket} ({problem})", _ENDPOINT)
        return
    else:
        yield PreflightResult("ok", what, f"{location}, writable, at {endpoint}")
    date = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date", "")
    of_clock = clock(S3_CLOCK, "S3's", date, datetime.now(UTC))
    if of_clock.level == "ok":
        yield of_clock
    else:
        yield PreflightResult(of_clock.level, of_clock.what, of_clock.value, f"{of_clock.advice} {_SIGNING}".strip())


def _refusal(bucket: str, endpoint: str, answer: Any) -> tuple[str, str]:
    """What is wrong with the bucket, and what to do."""
    status, code = answer["ResponseMetadata"].get("HTTPStatusCode"), answer.get("Error", {}).get("Code")
    if status == 404:
        return f"there is no bucket {bucket} at {endpoint}", "Create it, or name another."
    needed = "s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject"
    return (
        f"bucket {bucket} at {endpoint} refuses (HTTP {status}, {code})",
        f"Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and their permissions {needed}.",
    )
