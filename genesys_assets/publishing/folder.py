"""Publishes to a folder: the same files as on S3, without presigned URLs. Links between files are relative."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import quote, unquote, urlsplit

from genesys_assets.publishing.errors import (
    AlteredFile,
    Gone,
    InvalidLocation,
    NotReadable,
    PublishingError,
    UploadRefused,
)
from genesys_assets.publishing.place import UNFINISHED, FileUrl, PlacedFile

_CHUNK = 1 << 20


class Folder:
    """A folder on this machine, created when a file is first written to it. Raises InvalidLocation."""

    bucket: str | None = None
    prefix = ""

    def __init__(self, location: str) -> None:
        self.folder = folder_of(location)

    def describe(self, key: str) -> str:
        return str(self.folder / key)

    def put(self, key: str, body: BinaryIO, content_type: str, sha256: str) -> None:
        path = self.folder / key
        unfinished = path.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            written = _copy(body, unfinished)
            if written != sha256:
                raise UploadRefused(f"{path} was not written: its bytes changed meanwhile. Publish again.")
            os.replace(unfinished, path)
        except OSError as error:
            raise UploadRefused(
                f"{path} was not written ({error.strerror}): check the folder in GENESYS_ASSETS_PUBLISH_URL"
            ) from error
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def get(self, key: str) -> bytes | None:
        try:
            return (self.folder / key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise NotReadable(f"{self.folder / key} was not read ({error.strerror})") from error

    def files(self, prefix: str) -> Iterator[PlacedFile]:
        if not self.folder.is_dir():
            return
        begin = self.folder / prefix
        for path in sorted((begin if begin.is_dir() else begin.parent).rglob("*")):
            key = path.relative_to(self.folder).as_posix()
            with suppress(FileNotFoundError):
                if key.startswith(prefix) and path.is_file():
                    yield PlacedFile(key, datetime.fromtimestamp(path.stat().st_mtime, UTC))

    def delete(self, key: str) -> None:
        try:
            (self.folder / key).unlink(missing_ok=True)
        except OSError as error:
            raise PublishingError(f"{self.folder / key} was not deleted ({error.strerror})") from error

    def url_of(self, key: str) -> FileUrl:
        return FileUrl((self.folder / key).as_uri(), None)

    def link(self, key: str, url: str, seen_from: str) -> str:
        return quote(os.path.relpath(PurePosixPath(key), PurePosixPath(seen_from).parent), safe="/=")

    def prove(self, key: str, url: str, sha256: str) -> None:
        """Check that the file has these bytes. Who can read the folder is not checked."""
        body = self.get(key)
        if body is None:
            raise Gone(f"{self.describe(key)} no longer exists: publish it again")
        if hashlib.sha256(body).hexdigest() != sha256:
            raise AlteredFile(f"{self.describe(key)} has other bytes than were written: publish it again")


def folder_of(location: str) -> Path:
    """`file:///a/folder` or a path -> the folder. Raises InvalidLocation."""
    if "://" not in location:
        return Path(location).expanduser().absolute()
    parts = urlsplit(location)
    is_file = parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.strip("/")
    if not is_file or parts.query or parts.fragment:
        raise InvalidLocation(
            f"{location!r} is not a place to publish to: expected s3://bucket/prefix, a folder, or file:///folder, "
            "with %3F for ? and %23 for #"
        )
    return Path(unquote(parts.path))


def _copy(body: BinaryIO, path: Path) -> str:
    """Copy the bytes to the disk; returns their sha256."""
    digest = hashlib.sha256()
    with path.open("xb") as file:
        while chunk := body.read(_CHUNK):
            file.write(chunk)
            digest.update(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()
