"""A place for files: a local folder or an S3 prefix. It knows keys and bytes, not what they mean (`lake`).

A file is replaced whole: it is written beside its place and moved there, on S3 with one upload. A reader sees the old
or the new.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pyarrow.fs as pafs

# As long as boto3 waits for S3. Arrow's own three seconds are too short for a busy store or a busy machine.
_PATIENCE_SECONDS = 60


class Store(Protocol):
    """Files by key; keys are relative paths with `/`."""

    filesystem: pafs.FileSystem

    def path(self, key: str) -> str:
        """The key as `filesystem` names it."""

    def uri(self, key: str) -> str:
        """The key as a person or another engine names it."""

    def scratch(self) -> contextlib.AbstractContextManager[Path]:
        """A folder for files in the making, gone afterwards."""

    def put(self, finished: Path, key: str) -> None:
        """Move a finished file of `scratch` to its key, replacing what is there at once."""

    def delete(self, key: str) -> None:
        """Remove a file; nothing happens where there is none."""

    def exists(self, key: str) -> bool:
        return bool(self.filesystem.get_file_info(self.path(key)).type == pafs.FileType.File)

    def keys(self, prefix: str) -> list[str]:
        """All keys under a folder, sorted; hidden files left out."""
        selector = pafs.FileSelector(self.path(prefix), allow_not_found=True, recursive=True)
        root = self.path("")
        return sorted(
            info.path.removeprefix(root)
            for info in self.filesystem.get_file_info(selector)
            if info.type == pafs.FileType.File and not info.base_name.startswith(".")
        )


class LocalStore(Store):
    """A folder on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.filesystem = pafs.LocalFileSystem()

    def path(self, key: str) -> str:
        return f"{self.folder}/{key}"

    def uri(self, key: str) -> str:
        return self.path(key)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        making = self.folder / ".making"
        making.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=making))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):
                making.rmdir()

    def put(self, finished: Path, key: str) -> None:
        target = self.folder / key
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(finished, target)

    def delete(self, key: str) -> None:
        (self.folder / key).unlink(missing_ok=True)


class S3Store(Store):
    """A prefix of an S3 bucket. Uploads go through boto3, whose upload is complete or absent; reads through Arrow."""

    def __init__(self, bucket: str, prefix: str, client: Callable[[], Any]) -> None:
        self.bucket = bucket
        self.prefix = prefix.strip("/")
        self._client = client

    @property
    def filesystem(self) -> pafs.FileSystem:
        if not hasattr(self, "_filesystem"):
            self._filesystem = _arrow_s3(self._client())
        return self._filesystem

    def _key(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key

    def path(self, key: str) -> str:
        return f"{self.bucket}/{self._key(key)}"

    def uri(self, key: str) -> str:
        return f"s3://{self.path(key)}"

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="genesys_assets_") as folder:
            yield Path(folder)

    def put(self, finished: Path, key: str) -> None:
        self._client().upload_file(str(finished), self.bucket, self._key(key))

    def delete(self, key: str) -> None:
        self._client().delete_object(Bucket=self.bucket, Key=self._key(key))


def open_store(location: str, s3_client: Callable[[], Any]) -> Store:
    """The store at `folder` or `s3://bucket/prefix`."""
    if not location.startswith("s3://"):
        return LocalStore(Path(location).expanduser())
    parts = urlsplit(location)
    return S3Store(parts.netloc, parts.path, s3_client)


def _arrow_s3(client: Any) -> pafs.S3FileSystem:
    """Arrow's view of the bucket: boto3's endpoint and region, credentials from the AWS environment as every AWS tool
    reads them.
    """
    endpoint = urlsplit(client.meta.endpoint_url)
    return pafs.S3FileSystem(
        region=client.meta.region_name,
        scheme=endpoint.scheme,
        endpoint_override=endpoint.netloc,
        connect_timeout=_PATIENCE_SECONDS,
        request_timeout=_PATIENCE_SECONDS,
    )
