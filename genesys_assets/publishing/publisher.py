"""Reports on S3: upload, presigned address, and the proof that only its holder can read the file.

An address is handed out only after three things were seen: without its signature the object is refused,
with it the object comes, and what comes has the sha256 that was written. The formats are `report_files`;
which reports of which day, and the Dagster asset, are `assets.published`.

    <prefix>/reports/<report>/date=2026-01-31/<report>.parquet|.csv|.json
    <prefix>/reports/day_page/date=2026-01-31/day_page.html
    <prefix>/reports/manifest/date=2026-01-31/manifest.json
    <prefix>/reports/index/index.html

**A presigned address is a key**: whoever has it reads the file until it expires. Addresses stand in the
manifest, in the list of days and in the materialisation's metadata, never in a log or an error. Manifest and list
are thus as secret as what they name, and are published under the same proof.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlsplit

import requests
from botocore.exceptions import BotoCoreError, ClientError

from genesys_assets.publishing.report_files import LocalFile

LONGEST_EXPIRY_SECONDS = 7 * 24 * 3600
_REFUSED = (401, 403)
_TIMEOUT_SECONDS = (10, 60)
_CHUNK = 1 << 20
_SIGV4 = "genesys_assets-sigv4"
_BUCKET_AND_PREFIX = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")


class PublishingError(Exception):
    """A file was not published: no address of it was handed out."""


class UploadRefused(PublishingError):
    """S3 did not take the file."""


class PubliclyReadable(PublishingError):
    """Anyone can read what was published; it was taken away again."""


class NotRefused(PublishingError):
    """Without a signature the answer was neither a refusal nor the object, which proves nothing."""


class NotReadable(PublishingError):
    """The presigned address does not give the object."""


class Altered(PublishingError):
    """The presigned address gives other bytes than were written."""


class InvalidExpiry(PublishingError, ValueError):
    """A lifetime outside 1 second to 7 days, the bounds of SigV4."""


class InvalidLocation(PublishingError, ValueError):
    """Not of the form s3://bucket/prefix."""


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file on S3; `rows` None where it is a page to look at. `url` is its presigned address, which whoever holds
    it can read until `expires_at`.
    """

    report: str
    format: str
    key: str
    rows: int | None
    bytes: int
    sha256: str
    url: str = field(repr=False)
    expires_at: datetime


class Publisher:
    """Publishes to one `s3://bucket/prefix`, through a boto3 client such as dagster-aws's S3Resource gives.

    An address never outlives the credentials it was signed with: with temporary ones it may end before its
    `expires_at`. Raises InvalidLocation and InvalidExpiry.
    """

    def __init__(
        self,
        s3_client: Any,
        url: str,
        *,
        expiry_seconds: int = 86_400,
        http: requests.Session | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.bucket, self.prefix = s3_location(url)
        if not 1 <= expiry_seconds <= LONGEST_EXPIRY_SECONDS:
            raise InvalidExpiry(
                f"presigned addresses cannot live {expiry_seconds} seconds: choose 1 to "
                f"{LONGEST_EXPIRY_SECONDS} (7 days), for example GENESYS_ASSETS_URL_EXPIRY_SECONDS=86400"
            )
        self.expiry_seconds = expiry_seconds
        self._client = sign_with_sigv4(s3_client)
        self._http = http
        self._now = now

    def publish(self, report: str, day: date, files: Sequence[LocalFile]) -> list[PublishedFile]:
        """Upload the files of one report and day, and give their proven addresses. Raises PublishingError."""
        return [self._publish_file(report, self._key(report, day, file.path.name), file) for file in files]

    def publish_index(self, file: LocalFile) -> PublishedFile:
        """Replace the list of days, which belongs to no day. Raises PublishingError."""
        return self._publish_file("index", self._in_prefix("index", file.path.name), file)

    def publish_manifest(
        self,
        day: date,
        files: Sequence[PublishedFile],
        *,
        data_available_through: datetime | None,
        is_complete: bool,
        run_id: str,
        headline: Mapping[str, float | None] | None = None,
    ) -> PublishedFile:
        """Say what stands on S3 for the day, and the figures that sum it up.

        Publish it last: until then readers have the manifest of before.

        The manifest holds presigned addresses; treat it as secret. Raises PublishingError.
        """
        manifest = {
            "date": day.isoformat(),
            "generated_at": _moment(self._now()),
            "data_available_through": data_available_through and _moment(data_available_through),
            "is_complete": is_complete,
            "run_id": run_id,
            "headline": headline,
            "bucket": self.bucket,
            "files": [_entry(file) for file in files],
        }
        body = json.dumps(manifest, ensure_ascii=False, indent=2).encode()
        digest = hashlib.sha256(body).hexdigest()
        key = self._key("manifest", day, "manifest.json")
        self._upload(key, io.BytesIO(body), "application/json", digest)
        url = self._proven_url(key, digest)
        return PublishedFile("manifest", "json", key, len(files), len(body), digest, url, _expires_at(url))

    def manifest(self, day: date) -> dict[str, Any] | None:
        """What was said to stand on S3 for the day; None where it was never published. Raises PublishingError."""
        key = self._key("manifest", day, "manifest.json")
        try:
            body = self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            return None
        except (ClientError, BotoCoreError) as error:
            raise NotReadable(
                f"{self._place(key)} was not read ({str(error).rstrip('.')}): check the bucket in "
                "GENESYS_ASSETS_PUBLISH_URL, the AWS credentials, and their permissions s3:GetObject and "
                "s3:ListBucket (without the latter S3 refuses what is not there)"
            ) from error
        return dict(json.loads(body))

    def sign_again(self, entry: Mapping[str, Any]) -> PublishedFile:
        """A file that a manifest lists, with a fresh address, proven like the first. Raises PublishingError."""
        url = self._proven_url(entry["key"], entry["sha256"])
        return PublishedFile(**{**entry, "url": url, "expires_at": _expires_at(url)})

    def _publish_file(self, report: str, key: str, file: LocalFile) -> PublishedFile:
        with file.path.open("rb") as body:
            self._upload(key, body, file.content_type, file.sha256)
        url = self._proven_url(key, file.sha256)
        return PublishedFile(
            report=report,
            format=file.format,
            key=key,
            rows=file.rows,
            bytes=file.bytes,
            sha256=file.sha256,
            url=url,
            expires_at=_expires_at(url),
        )

    def _key(self, report: str, day: date, name: str) -> str:
        return self._in_prefix(report, f"date={day.isoformat()}", name)

    def _in_prefix(self, *names: str) -> str:
        return "/".join(filter(None, [self.prefix, "reports", *names]))

    def _place(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def _upload(self, key: str, body: BinaryIO, content_type: str, sha256: str) -> None:
        """One PUT, so that a reader sees the old file or the new one; S3 itself compares the checksum."""
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        try:
            self._client.put_object(
                Bucket=self.bucket, Key=key, Body=body, ContentType=content_type, ChecksumSHA256=checksum
            )
        except (ClientError, BotoCoreError) as error:
            raise UploadRefused(
                f"{self._place(key)} was not uploaded ({str(error).rstrip('.')}): check the bucket in "
                "GENESYS_ASSETS_PUBLISH_URL, the AWS credentials, and their permission s3:PutObject"
            ) from error

    # -- proof ---------------------------------------------------------------------------------------

    def _proven_url(self, key: str, sha256: str) -> str:
        with _unlogged():
            url = self._presign(key)
            self._prove_private(key, url)
            self._prove_readable(key, url, sha256)
        return url

    def _presign(self, key: str) -> str:
        try:
            url: str = self._client.generate_presigned_url(
                "get_object", Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=self.expiry_seconds
            )
        except BotoCoreError as error:
            raise NotReadable(f"{self._place(key)} has no presigned address: {error}") from error
        return url

    def _prove_private(self, key: str, url: str) -> None:
        status, _ = self._get(key, url.partition("?")[0])
        if status in _REFUSED:
            return
        if 200 <= status < 300:
            raise PubliclyReadable(
                f"{self._place(key)} could be read by anyone, without a signature{self._withdraw(key)}: make "
                "the bucket private (on AWS: block public access), or name another in "
                "GENESYS_ASSETS_PUBLISH_URL"
            )
        raise NotRefused(
            f"asked for {self._place(key)} without a signature, S3 answered HTTP {status}: only 401 or 403 "
            "proves that it is private"
        )

    def _prove_readable(self, key: str, url: str, sha256: str) -> None:
        status, digest = self._get(key, url)
        if status != requests.codes.ok:
            raise NotReadable(
                f"the presigned address of {self._place(key)} was answered with HTTP {status}: check the "
                "permission s3:GetObject, the region, and this machine's clock"
            )
        if digest != sha256:
            raise Altered(
                f"{self._place(key)} gives other bytes than were written (sha256 {digest}, not {sha256}): "
                "see whether something else writes there, and publish again"
            )

    def _get(self, key: str, url: str) -> tuple[int, str]:
        """Status and sha256 of the body. An error tells only its kind: its own words hold the address."""
        digest = hashlib.sha256()
        get = self._http.get if self._http else requests.get
        try:
            # Without an `auth` of its own, requests would add credentials found in a .netrc.
            with get(url, stream=True, timeout=_TIMEOUT_SECONDS, auth=lambda request: request) as answer:
                if answer.ok:
                    for chunk in answer.iter_content(_CHUNK):
                        digest.update(chunk)
                return answer.status_code, digest.hexdigest()
        except requests.RequestException as error:
            kind = type(error).__name__
        raise NotReadable(f"{self._place(key)} could not be fetched to prove who can read it: {kind}")

    def _withdraw(self, key: str) -> str:
        """Take an exposed object away; tells what became of it."""
        try:
            self._client.delete_object(Bucket=self.bucket, Key=key)
        except (ClientError, BotoCoreError):
            return " and could not be deleted again"
        return "; it was deleted again"


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


def sign_with_sigv4(s3_client: Any) -> Any:
    """The same client, presigning with SigV4.

    Left alone, boto3 presigns with the older SigV2 where the endpoint is not AWS's; SigV2 knows no bound of a
    lifetime, and many servers refuse it.
    """
    s3_client.meta.events.register_first("choose-signer.s3.GetObject", _sigv4_for_presigning, _SIGV4)
    return s3_client


def _sigv4_for_presigning(signature_version: object, **_: object) -> str | None:
    return "s3v4-query" if str(signature_version).endswith("query") else None


def _expires_at(url: str) -> datetime:
    """When the address ends, as the address itself says."""
    query = parse_qs(urlsplit(url).query)
    signed_at = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return signed_at + timedelta(seconds=int(query["X-Amz-Expires"][0]))


def _entry(file: PublishedFile) -> dict[str, Any]:
    names = ("report", "format", "key", "rows", "bytes", "sha256", "url")
    return {name: getattr(file, name) for name in names} | {"expires_at": _moment(file.expires_at)}


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Keep signatures out of debug logs: botocore logs what it signs, urllib3 each address it asks for."""

    def serious(record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG

    loggers = [logging.getLogger(name) for name in ("botocore.auth", "urllib3.connectionpool")]
    for logger in loggers:
        logger.addFilter(serious)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(serious)
