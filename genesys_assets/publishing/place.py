"""The interface of a place to publish to, and the names of files there.

Places are an S3 prefix (`private_bucket`) and a folder (`folder`).

    <prefix>/reports/<report>/date=2026-01-31/<report>-<first of sha256>.parquet|.csv|.json
    <prefix>/reports/day_page/date=2026-01-31/day_page-<first of sha256>.html
    <prefix>/reports/manifest/date=2026-01-31/manifest.json
    <prefix>/reports/index/…

The name of a report's file ends with the first 16 hex digits of its sha256. So a file never changes, and an old
manifest stays true. Only the manifest of a day and the files of the list are ever replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol

from genesys_assets.reports.language.model import RESERVED_NAMES

ROOT = "reports"
MANIFEST, INDEX, DAY_PAGE = RESERVED_NAMES
"""Folders next to those of the reports. No report may have one of these names."""
KEY_OF_A_DAY = re.compile(r"(?P<report>[^/]+)/date=(?P<day>\d{4}-\d{2}-\d{2})/[^/]+")
"""The keys of the files of a day, without the place's root."""
UNFINISHED = ".unfinished-"
"""How the name of a file begins that is being written to a folder. One that a killed process left is garbage."""
LONGEST_EXPIRY = timedelta(days=7)
"""The longest that a presigned URL works.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
"""
CACHE_CONTROL = "private, no-store"
"""Reports contain names of people, so browsers and proxies must not store them."""
_DIGITS = 16


@dataclass(frozen=True, slots=True)
class FileUrl:
    """A URL of a file, which works until `expires_at`; None if it does not expire. Anybody with a presigned URL can
    read the file.
    """

    url: str = field(repr=False)
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file as a listing shows it; `modified` is when it was last written."""

    key: str
    modified: datetime


class Place(Protocol):
    """Files by key. Every key begins with `prefix`, if that is not empty. `bucket` is that of S3."""

    bucket: str | None
    prefix: str

    def describe(self, key: str) -> str:
        """The file's location, for messages."""

    def put(self, key: str, body: BinaryIO, content_type: str, sha256: str) -> None:
        """Write a file, or replace it atomically. Raises UploadRefused."""

    def get(self, key: str) -> bytes | None:
        """The bytes of a file; None if it does not exist. Raises NotReadable."""

    def files(self, prefix: str) -> Iterator[PlacedFile]:
        """Every file whose key begins with `prefix`. Raises NotReadable."""

    def delete(self, key: str) -> None:
        """Delete a file, if it exists. Raises PublishingError."""

    def url_of(self, key: str) -> FileUrl:
        """A URL from which the file can be read."""

    def link(self, key: str, url: str, seen_from: str) -> str:
        """The text of a link to the file `key` with the URL `url`, for use in the file `seen_from`."""

    def prove(self, key: str, url: str, sha256: str) -> None:
        """Check that a URL of the place gives these bytes, and only with its signature. Raises PublishingError."""


def key_of(place: Place, *names: str) -> str:
    """The key of a fixed name: `key_of(place, "index", "index.html")`."""
    return "/".join(filter(None, [place.prefix, ROOT, *names]))


def key_of_content(place: Place, report: str, day: date, name: str, sha256: str) -> str:
    """The key of a report's file, whose name without the digits is `name` (`<report>.csv`). Other bytes have another
    key.
    """
    path = PurePosixPath(name)
    return key_of(place, report, f"date={day.isoformat()}", f"{path.stem}-{sha256[:_DIGITS]}{path.suffix}")


def disposition(key: str) -> str:
    """The Content-Disposition of a file (RFC 6266): browsers show pages, and save reports under their name and day.

    >>> disposition("p/reports/interval/date=2026-01-31/interval-0123456789abcdef.csv")
    'attachment; filename="interval-2026-01-31.csv"'
    """
    path = PurePosixPath(key)
    day, report = path.parent.name.removeprefix("date="), path.parent.parent.name
    if day == path.parent.name or report in (MANIFEST, INDEX) or path.suffix == ".html":
        return "inline"
    return f'attachment; filename="{report}-{day}{path.suffix}"'


def manifest_key(place: Place, day: date) -> str:
    return key_of(place, MANIFEST, f"date={day.isoformat()}", "manifest.json")
