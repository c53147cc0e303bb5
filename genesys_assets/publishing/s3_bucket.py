"""Files in an S3 bucket: put, get, list, delete. `private_bucket` checks who can read them.

A file is uploaded with one PUT, so that a reader sees the old file or the new one. S3 itself checks the checksum.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from genesys_assets.publishing.errors import InvalidLocation, NotPermitted, NotReadable, PublishingError, UploadRefused
from genesys_assets.publishing.place import CACHE_CONTROL, PlacedFile, disposition
from genesys_assets.s3_body import LARGEST, read_at_most

_MOST_PAGES = 10_000
"""The most pages that are read of a listing: ten million files. A server that lists more is assumed to repeat itself.
"""
_DENIED = ("AccessDenied", "Forbidden", "403")
"""Codes with which servers deny access. Without a body the code is the status."""
_BUCKET_AND_PREFIX = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")


class S3Bucket:
    """The files under one `s3://bucket/prefix`, through a boto3 client. Raises InvalidLocation."""

    def __init__(self, s3_client: Any, url: str) -> None:
        bucket, self.prefix = s3_location(url)
        self.bucket: str | None = bucket
        self.client = s3_client

    def describe(self, key: str) -> str:
        """The file's location, for messages."""
        return f"s3://{self.bucket}/{key}"

    def put(self, key: str, body: BinaryIO, content_type: str, sha256: str) -> None:
        """Upload a file, or replace it. Raises UploadRefused."""
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        try:
            self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                ContentDisposition=disposition(key),
                CacheControl=CACHE_CONTROL,
                ChecksumSHA256=checksum,
            )
        except (ClientError, BotoCoreError, ResponseParserError, RecursionError) as error:
            raise UploadRefused(
                f"{self.describe(key)} was not uploaded ({_reason(error)}): check the bucket in "
                "GENESYS_ASSETS_PUBLISH_URL, the AWS credentials, and their permission s3:PutObject"
            ) from error

    def get(self, key: str) -> bytes | None:
        """The bytes of a file; None if it does not exist. Raises NotPermitted, and NotReadable for other failures."""
        try:
            body = read_at_most(self.client.get_object(Bucket=self.bucket, Key=key)["Body"], LARGEST)
        except self.client.exceptions.NoSuchKey:
            return None
        except (ClientError, BotoCoreError, ResponseParserError, RecursionError) as error:
            kind = NotPermitted if _is_denied(error) else NotReadable
            raise kind(
                f"{self.describe(key)} was not read ({_reason(error)}): check the bucket in "
                "GENESYS_ASSETS_PUBLISH_URL, the AWS credentials, and their permissions s3:GetObject and "
                "s3:ListBucket (without the latter S3 answers 403 for files that do not exist)"
            ) from error
        if len(body) > LARGEST:
            raise NotReadable(
                f"{self.describe(key)} was not read: S3 sent more than {LARGEST} bytes. Check what is between this "
                "machine and S3 (a proxy, a gateway)"
            )
        return body

    def files(self, prefix: str) -> Iterator[PlacedFile]:
        """Every file whose key begins with `prefix`. Raises NotReadable, also if the answer is not such a listing:
        callers may delete the files that it names.
        """
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        try:
            for number, page in enumerate(pages):
                if number == _MOST_PAGES:
                    raise NotReadable(f"{self.describe(prefix)} was not listed: it has more than {_MOST_PAGES:,} pages")
                listed = page.get("Contents", ())
                if "Name" not in page or not all(str(each.get("Key", "")).startswith(prefix) for each in listed):
                    raise NotReadable(
                        f"{self.describe(prefix)} was not listed: the answer is not a listing of it. Check what is "
                        "between this machine and S3 (a proxy, a gateway)"
                    )
                for each in listed:
                    yield PlacedFile(each["Key"], each["LastModified"])
        except (ClientError, BotoCoreError, ResponseParserError, RecursionError, KeyError) as error:
            raise NotReadable(
                f"{self.describe(prefix)} was not listed ({_reason(error)}): check the AWS credentials and their "
                "permission s3:ListBucket"
            ) from error

    def delete(self, key: str) -> None:
        """Delete a file, if it exists. Raises PublishingError."""
        try:
            self.client.delete_object(Bucket=self.bucket, Key=key)
        except (ClientError, BotoCoreError, ResponseParserError, RecursionError) as error:
            raise PublishingError(
                f"{self.describe(key)} was not deleted ({_reason(error)}): check the AWS credentials and their "
                "permission s3:DeleteObject"
            ) from error


def s3_location(url: str) -> tuple[str, str]:
    """`s3://bucket/a/prefix` -> ("bucket", "a/prefix"); the prefix may be missing. Raises InvalidLocation."""
    match = _BUCKET_AND_PREFIX.fullmatch(url)
    if match is None:
        raise InvalidLocation(
            f"{url!r} is not a place to publish to: expected s3://bucket/prefix, the bucket 3 to 63 small "
            "letters, digits, dots and hyphens"
        )
    bucket, prefix = match.groups()
    return bucket, (prefix or "").strip("/")


def _is_denied(error: Exception) -> bool:
    """Whether S3 denied access. It also answers 403 if a signature is wrong or a clock is off, with other codes:
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
    """
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status == HTTPStatus.FORBIDDEN and error.response.get("Error", {}).get("Code") in _DENIED


def _reason(error: Exception) -> str:
    return str(error).rstrip(".")
