"""Files on S3, below a prefix of a bucket. `store` says what every store does, `s3_failures` what a failure of S3
means.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import IO, Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.fs as pafs
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential, wait_random

from genesys_assets.cloud.http.urls import without_user_info
from genesys_assets.lake.s3_failures import (
    ABOUT_ONE_FILE,
    NO_CONDITIONS,
    TAKEN,
    WrongSize,
    code_of,
    is_404_of_something_else,
    is_endless_redirect,
    is_temporary,
    is_temporary_once_reached,
    status_of,
)
from genesys_assets.lake.store import Draft, LakeUnreachable, ListedFile, Store, Tag, is_hidden
from genesys_assets.s3_body import LARGEST, read_at_most
from genesys_assets.settings import SettingError

PATIENCE_SECONDS = 90
"""How long S3 may answer 429 or 5xx, or drop connections, before a read or write fails."""
_TIMEOUT_SECONDS = 60
_MOST_PAGES = 10_000
"""Pages of one listing: ten million files. A server that sends more pages is assumed to repeat itself."""
LISTED_AT_ONCE = 1000
"""How many files S3 lists in one answer.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""
_WHOLE_BYTES = 64 << 20
"""A file up to this size is read with one request. Of a larger one only the needed parts are read."""

_CHECK = "check AWS_ENDPOINT_URL_S3, AWS_DEFAULT_REGION and the AWS credentials."


class S3Store(Store):
    """A prefix of an S3 bucket. Files are written through boto3 and read through boto3 or Arrow.

    S3 may answer 5xx, or drop connections, for `patience` seconds before a request fails. Methods raise LakeUnreachable
    where the bucket does not exist, or the credentials do not reach it. Safe for threads.
    """

    # Small, because a run requests each commit since the last checkpoint of each of its tables.
    commits_between_checkpoints = 3
    may_alter_files = False

    def __init__(self, bucket: str, prefix: str, client: Callable[[], Any], patience: float = PATIENCE_SECONDS) -> None:
        self.bucket = bucket
        self.prefix = prefix.strip("/")
        self._new_client = client
        self._patience = patience
        self._lock = threading.Lock()
        self._known_client: Any = None

    @property
    def _client(self) -> Any:
        """One client for all requests. It is created when first needed, because that takes a quarter of a second."""
        with self._lock:
            if self._known_client is None:
                client = self._made_client()
                self._require_reachable(client)
                self._known_client = client
            return self._known_client

    def _made_client(self) -> Any:
        from botocore.exceptions import BotoCoreError

        try:
            return self._new_client()
        except SettingError:
            raise
        except (BotoCoreError, ValueError) as error:
            # boto3 raises ValueError for an endpoint that is not a URL. Its text has the endpoint.
            raise LakeUnreachable(
                f"S3 cannot be reached ({without_user_info(str(error)).rstrip('.')}): {_CHECK}"
            ) from None

    def _require_reachable(self, client: Any) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._tries(is_temporary)(client.head_bucket, Bucket=self.bucket)
        except (ClientError, RecursionError) as error:
            raise self._bucket_failure(error) or LakeUnreachable(self._refusal(status_of(error))) from error
        except BotoCoreError as error:
            raise self._redirected(error) or LakeUnreachable(
                f"S3 at {client.meta.endpoint_url} cannot be reached ({str(error).rstrip('.')}): {_CHECK}"
            ) from error

    def _refusal(self, status: int) -> str:
        if status == 404:
            return f"The S3 bucket {self.bucket!r} does not exist: create it, or name another."
        return (
            f"The S3 bucket {self.bucket!r} refuses the AWS credentials (HTTP {status}): check "
            "them, their permissions s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject, and this machine's "
            "clock."
        )

    @functools.cached_property
    def filesystem(self) -> pafs.FileSystem:
        return _arrow_s3(self._client, self._patience)

    def _key(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key

    def path(self, key: str) -> str:
        return f"{self.bucket}/{self._key(key)}"

    def uri(self, key: str) -> str:
        return f"s3://{self.path(key)}"

    def draft(self) -> Draft:
        return _S3Draft(self)

    def upload(self, file: IO[bytes], key: str) -> None:
        """Upload a file from its beginning: complete, or absent."""

        def send() -> None:
            file.seek(0)
            self._client.upload_fileobj(_UnclosedFile(file), self.bucket, self._key(key))

        self._patiently(send)

    def open(self, key: str, size: int | None = None) -> pa.NativeFile:
        if size is None or size > _WHOLE_BYTES:
            try:
                return self.filesystem.open_input_file(self.path(key))
            except OSError as error:
                raise self.unreachable(error) or error from error
        whole = self._read(key, size)
        if whole is None:
            raise FileNotFoundError(self.uri(key))
        return pa.BufferReader(whole)

    def size(self, key: str) -> int | None:
        from botocore.exceptions import ClientError

        try:
            head = self._patiently(self._client.head_object, Bucket=self.bucket, Key=self._key(key))
        except ClientError as error:
            if status_of(error) == 404:
                return None
            raise
        return int(head["ContentLength"])

    def put(self, key: str, data: bytes) -> None:
        self._patiently(self._client.put_object, Bucket=self.bucket, Key=self._key(key), Body=data)

    def get(self, key: str) -> bytes | None:
        return self._read(key)

    def get_sized(self, key: str, size: int) -> bytes | None:
        """As `get`, for a file whose size is known from a listing: an answer of another size is requested again."""
        return self._read(key, size)

    def tail(self, key: str, count: int) -> bytes:
        last = self._read(key, Range=f"bytes=-{count}")
        if last is None:
            raise FileNotFoundError(self.uri(key))
        return last

    def _read(self, key: str, size: int | None = None, **options: str) -> bytes | None:
        from botocore.exceptions import ClientError

        def read() -> bytes:
            answer = self._client.get_object(Bucket=self.bucket, Key=self._key(key), **options)
            limit = LARGEST if size is None else size
            body = read_at_most(answer["Body"], limit)
            if len(body) > limit:
                raise WrongSize(f"S3 sent more than {limit} bytes of {self.uri(key)}")
            if size is not None and len(body) != size:
                raise WrongSize(f"S3 sent {len(body)} bytes of {self.uri(key)} instead of {size}")
            return body

        try:
            content: bytes = self._patiently(read)
            return content
        except ClientError as error:
            if code_of(error) == "NoSuchKey":
                return None
            raise

    def put_new(self, key: str, data: bytes) -> str:
        """Store a small file under a key that no file has yet; returns its tag. Raises FileExistsError if there is a
        file, even if an earlier try of ours stored it and the answer was lost.
        """
        from botocore.exceptions import ClientError

        where = {"Bucket": self.bucket, "Key": self._key(key)}
        try:
            answer = self._patiently(self._client.put_object, **where, Body=data, IfNoneMatch="*")
        except ClientError as error:
            if status_of(error) in TAKEN:
                raise FileExistsError(self.uri(key)) from error
            raise
        if "ETag" not in answer:
            # Something between us and S3 answered. A later read shows whether S3 has stored the file.
            raise FileExistsError(self.uri(key))
        return str(answer["ETag"])

    def replace(self, key: str, before: bytes, after: bytes) -> bool:
        from botocore.exceptions import ClientError

        where = {"Bucket": self.bucket, "Key": self._key(key)}

        def read() -> tuple[bytes, str]:
            answer = self._client.get_object(**where)
            return read_at_most(answer["Body"], LARGEST), answer["ETag"]

        def write(tag: str) -> None:
            try:
                self._client.put_object(**where, Body=after, IfMatch=tag)
            except ClientError as error:
                if code_of(error) != NO_CONDITIONS:
                    raise
                self._client.put_object(**where, Body=after)

        try:
            stored, tag = self._patiently(read)
            if stored != before:
                return False
            self._patiently(write, tag=tag)
            return True
        except ClientError as error:
            if status_of(error) in ABOUT_ONE_FILE:
                return False
            raise

    def names(self, folder: str) -> list[str]:
        return sorted(self.tags_after(folder, ""))

    def tags_after(self, folder: str, name: str) -> dict[str, Tag]:
        """The tags of the files of a folder, by name, for names that sort after `name`. Files that differ have
        different tags.
        """
        root = self._key(f"{folder}/")
        return _tags(self._objects(root, StartAfter=f"{root}{name}"), root)

    def tags_of_few(self, folder: str) -> dict[str, Tag] | None:
        """As `tags_after`, for all files of a folder; None if they are more than one request lists."""
        root = self._key(f"{folder}/")
        listed = list(itertools.islice(self._objects(root), LISTED_AT_ONCE))
        return None if len(listed) == LISTED_AT_ONCE else _tags(listed, root)

    def listed(self, prefix: str) -> list[ListedFile]:
        root = self._key("")
        folder = self._key(f"{prefix.rstrip('/')}/") if prefix else root
        files = [
            ListedFile(each["Key"].removeprefix(root), int(each["Size"]), each["LastModified"].astimezone(UTC))
            for each in self._objects(folder)
            # The S3 console creates a folder as an empty file.
            if not each["Key"].endswith("/")
        ]
        return sorted((file for file in files if not is_hidden(file.key)), key=lambda file: file.key)

    def _objects(self, prefix: str, **start: str) -> Iterator[dict[str, Any]]:
        """What the bucket lists below a prefix. Raises LakeUnreachable, also if the answer is not such a listing."""
        more = start
        for _ in range(_MOST_PAGES):
            answer = self._patiently(self._client.list_objects_v2, Bucket=self.bucket, Prefix=prefix, **more)
            listed = answer.get("Contents", [])
            if "Name" not in answer or not all(_is_listed(each, prefix) for each in listed):
                raise self._no_listing(prefix, "the answer is not a listing of it")
            yield from listed
            if not answer.get("IsTruncated"):
                return
            token = answer.get("NextContinuationToken")
            if not token or token == more.get("ContinuationToken"):
                raise self._no_listing(prefix, "a page of the listing does not name the next one")
            more = {"ContinuationToken": token}
        raise self._no_listing(prefix, f"it has more than {_MOST_PAGES:,} pages")

    def _no_listing(self, prefix: str, reason: str) -> LakeUnreachable:
        return LakeUnreachable(
            f"s3://{self.bucket}/{prefix} cannot be listed: {reason}. Check what is between this machine and S3 (a "
            "proxy, a gateway), then run it again."
        )

    def delete(self, key: str) -> None:
        self._patiently(self._client.delete_object, Bucket=self.bucket, Key=self._key(key))

    def remove_drafts(self, before: datetime) -> int:
        """Abort unfinished multipart uploads. (The drafts themselves disappear with their process.)"""
        listing = self._client.get_paginator("list_multipart_uploads")

        def uploads() -> list[dict[str, Any]]:
            pages = listing.paginate(Bucket=self.bucket, Prefix=self._key(""))
            return [upload for page in pages for upload in page.get("Uploads", ())]

        unfinished = [upload for upload in self._patiently(uploads) if upload["Initiated"] < before]
        for each in unfinished:
            # Another run of housekeeping may have been faster.
            with contextlib.suppress(self._client.exceptions.NoSuchUpload):
                abort = self._client.abort_multipart_upload
                self._patiently(abort, Bucket=self.bucket, Key=each["Key"], UploadId=each["UploadId"])
        return len(unfinished)

    def _patiently(self, call: Callable[..., Any], **arguments: Any) -> Any:
        """The result of a call. Retries 5xx, throttling, and dropped or refused connections as long as patience
        lasts.
        """
        try:
            return self._tries(is_temporary_once_reached)(call, **arguments)
        except Exception as error:
            failure = self._bucket_failure(error)
            if failure is None:
                raise
            raise failure from error

    def unreachable(self, error: Exception) -> LakeUnreachable | None:
        if isinstance(error, FileNotFoundError) or not (isinstance(error, OSError) and "AWS Error" in str(error)):
            return None
        return LakeUnreachable(
            f"The S3 bucket {self.bucket!r} could not be read ({str(error).rstrip('.')}). Run it again."
        )

    def _tries(self, is_retried: Callable[[BaseException], bool]) -> Retrying:
        return Retrying(
            retry=retry_if_exception(is_retried),
            wait=wait_exponential(multiplier=0.2, max=10) + wait_random(0, 0.5),
            stop=stop_after_delay(self._patience),
            reraise=True,
        )

    def _bucket_failure(self, error: Exception) -> LakeUnreachable | None:
        """What an error of boto3 says about the whole bucket; None if it is about one request."""
        if is_404_of_something_else(error):
            return LakeUnreachable(
                f"The S3 bucket {self.bucket!r} was not found there ({str(error).rstrip('.')}): check "
                "AWS_ENDPOINT_URL_S3 and what is between this machine and S3."
            )
        if is_temporary_once_reached(error):
            return LakeUnreachable(
                f"The S3 bucket {self.bucket!r} did not answer for {self._patience:.0f} s ({str(error).rstrip('.')}): "
                "see whether S3 is in trouble, then run it again."
            )
        redirected = self._redirected(error)
        if redirected:
            return redirected
        if code_of(error) == "RequestTimeTooSkewed":
            return LakeUnreachable(
                f"The clock of S3 bucket {self.bucket!r} differs from this machine's: set this machine's clock."
            )
        if status_of(error) in (401, 403) or code_of(error) in ("NoSuchBucket", "ExpiredToken", "InvalidToken"):
            return LakeUnreachable(self._refusal(status_of(error)))
        if status_of(error) and status_of(error) not in ABOUT_ONE_FILE:
            return LakeUnreachable(
                f"The S3 bucket {self.bucket!r} refuses a request ({str(error).rstrip('.')}): check the AWS "
                "credentials, AWS_ENDPOINT_URL_S3, AWS_DEFAULT_REGION and what is between this machine and S3."
            )
        return None

    def _redirected(self, error: Exception) -> LakeUnreachable | None:
        if not is_endless_redirect(error):
            return None
        return LakeUnreachable(
            f"The S3 bucket {self.bucket!r} redirects requests without end: check AWS_DEFAULT_REGION and "
            "AWS_ENDPOINT_URL_S3."
        )


class _S3Draft:
    """A temporary file on this machine. It is uploaded when it is published, and disappears with the process."""

    def __init__(self, store: S3Store) -> None:
        self._store = store
        self._begin()

    def _begin(self) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile(prefix="genesys_assets_")  # noqa: SIM115

    def renew(self) -> IO[bytes]:
        before = self.file
        self._begin()
        return before

    def publish(self, key: str) -> None:
        self._store.upload(self.file, key)

    def discard(self) -> None:
        self.file.close()


class _UnclosedFile:
    """A file that boto3 reads but does not close, so that the draft stays open for another try."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        """Stays open."""


def _tags(listed: Iterable[dict[str, Any]], root: str) -> dict[str, Tag]:
    return {each["Key"].removeprefix(root): Tag(str(each["ETag"]), int(each["Size"])) for each in listed}


def _is_listed(each: dict[str, Any], prefix: str) -> bool:
    """Whether an entry of a listing has all the fields that we need, and lies below the prefix."""
    return {"Key", "ETag", "Size", "LastModified"} <= each.keys() and str(each["Key"]).startswith(prefix)


def _arrow_s3(client: Any, patience: float) -> pafs.S3FileSystem:
    """Arrow's view of S3, with the endpoint and region of a boto3 client. Arrow reads the credentials from the AWS
    environment itself.
    """
    seconds = min(_TIMEOUT_SECONDS, patience)
    endpoint = urlsplit(client.meta.endpoint_url)
    return pafs.S3FileSystem(
        region=client.meta.region_name,
        scheme=endpoint.scheme,
        endpoint_override=endpoint.netloc,
        # With less patience, fewer attempts.
        retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=max(2, min(10, int(patience)))),
        # As long as boto3 waits. Arrow's own three seconds are too short for a busy store.
        connect_timeout=seconds,
        request_timeout=seconds,
    )
