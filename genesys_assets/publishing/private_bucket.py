"""Presigned URLs of a bucket, and the check that nobody can read a file without one.

When a file is published, its URL is handed out only after three checks: without its signature S3 refuses the file,
with it the file can be read, and its bytes have the sha256 that was written. Later links to the file, on pages, are
signed again without these checks.

**A presigned URL is a key**: anybody who has it can read the file until it expires. URLs appear in the manifest, in
pages and in the materialisation's metadata, never in a log or an error. So manifest and pages are as secret as the
files that they name, and are published with the same checks.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from botocore.exceptions import BotoCoreError
from tenacity import Retrying, retry_if_exception_type, retry_if_result, stop_after_attempt, wait_exponential
from urllib3.exceptions import HTTPError

from genesys_assets.cloud.http.deadline import TimedAdapter, within
from genesys_assets.publishing.errors import (
    AlteredFile,
    Gone,
    InvalidExpiry,
    NotReadable,
    NotRefused,
    PubliclyReadable,
    PublishingError,
)
from genesys_assets.publishing.place import LONGEST_EXPIRY, FileUrl
from genesys_assets.publishing.s3_bucket import S3Bucket
from genesys_assets.unlogged import SIGNATURES, unlogged

TRIES = 4
"""How often a URL is requested if the connection breaks, or S3 answers 429 or 5xx."""
FIRST_WAIT_SECONDS = 0.25
_REFUSED = (401, 403)
_TEMPORARY = (429, 500, 502, 503, 504)
_TIMEOUT_SECONDS = (10, 60)
LONGEST_SECONDS = 900.0
"""The time limit for all tries of one URL. S3 sends a file of a gigabyte in a minute; without a limit, an answer that
arrives byte by byte would never end.
"""
_CHUNK = 1 << 20
_BROKEN = (requests.RequestException, HTTPError, ValueError)
"""Errors of an answer that does not arrive completely. http.client raises ValueError for chunks of a negative size."""
_SIGV4 = "genesys_assets-sigv4"


class PrivateBucket(S3Bucket):
    """A bucket whose files can only be read through presigned URLs. Raises InvalidLocation and InvalidExpiry.

    A URL expires with the credentials that signed it: with temporary ones this may be before its `expires_at`.
    """

    def __init__(self, s3_client: Any, url: str, *, expiry_seconds: int = 86_400) -> None:
        super().__init__(sign_with_sigv4(s3_client), url)
        longest = LONGEST_EXPIRY // timedelta(seconds=1)
        if not 1 <= expiry_seconds <= longest:
            raise InvalidExpiry(
                f"presigned URLs cannot live {expiry_seconds} seconds: choose 1 to {longest} (7 days), for example "
                "GENESYS_ASSETS_URL_EXPIRY_SECONDS=86400"
            )
        self.expiry_seconds = expiry_seconds

    def url_of(self, key: str) -> FileUrl:
        """A presigned URL, not checked yet. Raises NotReadable."""
        try:
            with unlogged(SIGNATURES):
                url: str = self.client.generate_presigned_url(
                    "get_object", Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=self.expiry_seconds
                )
        except BotoCoreError as error:
            raise NotReadable(f"{self.describe(key)} has no presigned URL: {error}") from error
        return FileUrl(url, _expires_at(url))

    def link(self, key: str, url: str, seen_from: str) -> str:
        return url

    def prove(self, key: str, url: str, sha256: str) -> None:
        """Check that a presigned URL gives these bytes, and only with its signature. Raises PublishingError."""
        with unlogged(SIGNATURES):
            self._prove_private(key, url)
            self._prove_readable(key, url, sha256)

    def _prove_private(self, key: str, url: str) -> None:
        status, _ = self._get(key, url.partition("?")[0])
        if status in _REFUSED:
            return
        if 200 <= status < 300:
            raise PubliclyReadable(
                f"{self.describe(key)} could be read by anyone, without a signature{self._withdraw(key)}: make "
                "the bucket private (on AWS: block public access), or name another in "
                "GENESYS_ASSETS_PUBLISH_URL"
            )
        raise NotRefused(
            f"S3 answered a request for {self.describe(key)} without a signature with HTTP {status}: only 401 or 403 "
            "proves that the file is private"
        )

    def _prove_readable(self, key: str, url: str, sha256: str) -> None:
        status, digest = self._get(key, url)
        if status == requests.codes.not_found:
            raise Gone(f"{self.describe(key)} no longer exists: publish it again (HTTP 404)")
        if status != requests.codes.ok:
            raise NotReadable(
                f"the presigned URL of {self.describe(key)} was answered with HTTP {status}: check the "
                "permission s3:GetObject, the region, and this machine's clock"
            )
        if digest != sha256:
            raise AlteredFile(
                f"{self.describe(key)} gives other bytes than were written (sha256 {digest}, not {sha256}): "
                "check whether something else writes there, and publish again"
            )

    def _get(self, key: str, url: str) -> tuple[int, str]:
        """Status and sha256 of the body. An error only names its type, because its message contains the URL."""
        tries = Retrying(
            retry=retry_if_exception_type(_BROKEN) | retry_if_result(_is_temporary),
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential(multiplier=FIRST_WAIT_SECONDS),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        try:
            with within(LONGEST_SECONDS):
                answer: tuple[int, str] = tries(_get_once, url)
            return answer
        except _BROKEN as error:
            kind = type(error).__name__
        raise NotReadable(f"{self.describe(key)} could not be fetched to prove who can read it: {kind}")

    def _withdraw(self, key: str) -> str:
        """Delete an exposed file; returns words for the error message about whether that worked."""
        try:
            self.delete(key)
        except PublishingError:
            return " and could not be deleted again"
        return "; it was deleted again"


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """The target of a redirect; None if it is not valid text. (requests would raise and leave the answer open.)"""
        try:
            return super().get_redirect_target(resp)
        except ValueError:
            return None


def _get_once(url: str) -> tuple[int, str]:
    digest = hashlib.sha256()
    with _Session() as http:
        for scheme in ("https://", "http://"):
            http.mount(scheme, TimedAdapter())
        # Without an `auth` of its own, requests would add credentials found in a .netrc.
        with http.get(url, stream=True, timeout=_TIMEOUT_SECONDS, auth=lambda request: request) as answer:
            if answer.ok:
                for chunk in answer.iter_content(_CHUNK):
                    digest.update(chunk)
            return answer.status_code, digest.hexdigest()


def _is_temporary(answer: tuple[int, str]) -> bool:
    return answer[0] in _TEMPORARY


def sign_with_sigv4(s3_client: Any) -> Any:
    """The same client, presigning with SigV4.

    By default boto3 presigns with the older SigV2 if the endpoint is not AWS. SigV2 has no limit of a URL's lifetime,
    and many servers refuse it.
    """
    s3_client.meta.events.register_first("choose-signer.s3.GetObject", _sigv4_for_presigning, _SIGV4)
    return s3_client


def _sigv4_for_presigning(signature_version: object, **_: object) -> str | None:
    return "s3v4-query" if str(signature_version).endswith("query") else None


def _expires_at(url: str) -> datetime:
    """When the URL expires, from its own parameters."""
    query = parse_qs(urlsplit(url).query)
    signed_at = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return signed_at + timedelta(seconds=int(query["X-Amz-Expires"][0]))
