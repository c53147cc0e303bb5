"""Publishes to one place: reports under names that depend on their content, and the manifest of the day.

`day` decides what a day consists of, `place` the names of files. `s3_bucket` and `folder` write files, `private_bucket`
checks who can read them.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from genesys_assets.publishing.csv_text import CsvStyle
from genesys_assets.publishing.errors import AlteredFile, ConcurrentPublish, InvalidManifest
from genesys_assets.publishing.folder import Folder
from genesys_assets.publishing.manifest import Manifest, PublishedFile
from genesys_assets.publishing.place import INDEX, MANIFEST, FileUrl, Place, key_of, key_of_content, manifest_key
from genesys_assets.publishing.report_files import LocalFile

_TRIES = 5
"""How often a file of the list is written, and a manifest checked, if other runs replace it at the same time."""


def open_publisher(
    location: str, s3_client: Callable[[], Any], *, expiry_seconds: int = 86_400, style: CsvStyle | None = None
) -> Publisher:
    """A publisher to `s3://bucket/prefix`, a folder or file:///folder. Raises InvalidLocation, InvalidExpiry."""
    if not location.startswith("s3://"):
        return Publisher(Folder(location), style)
    # boto3 takes a quarter of a second to import.
    from genesys_assets.publishing.private_bucket import PrivateBucket

    return Publisher(PrivateBucket(s3_client(), location, expiry_seconds=expiry_seconds), style)


class Publisher:
    """Publishes to one place; `style` is how its CSV is written. Every method raises PublishingError."""

    def __init__(self, place: Place, style: CsvStyle | None = None) -> None:
        self.place = place
        self.style = style or CsvStyle()

    def publish(self, report: str, day: date, files: Sequence[LocalFile]) -> list[PublishedFile]:
        """Upload the files of one report and day, and check their URLs.

        An existing file is written again, so that it counts as new when old files are removed.
        """
        return [self._write(report, self._content_key(report, day, file), file) for file in files]

    def publish_manifest(self, manifest: Manifest) -> PublishedFile:
        """Replace the manifest of a day whose files are published already. Until then readers see the previous
        manifest.

        On S3 the manifest contains presigned URLs; treat it as secret. Raises ConcurrentPublish if another run replaced
        it at the same time.
        """
        key = manifest_key(self.place, manifest.date)
        body = self._seen_from(key, manifest).as_json()
        self.place.put(key, io.BytesIO(body), "application/json", _sha256(body))
        for _ in range(_TRIES):
            try:
                return self._manifest_file(key, body, manifest)
            except AlteredFile:
                body = self.place.get(key) or b""
                if not _says_the_same(body, manifest):
                    break
        raise ConcurrentPublish(
            f"{self.place.describe(key)} was replaced while it was being checked: find out what "
            "writes there besides genesys/published/reports, and publish again"
        )

    def _manifest_file(self, key: str, body: bytes, manifest: Manifest) -> PublishedFile:
        digest = _sha256(body)
        return _published(MANIFEST, "json", key, len(manifest.files), len(body), digest, self._checked_url(key, digest))

    def manifest(self, day: date) -> Manifest | None:
        """The manifest of a day; None if it was never published. Raises InvalidManifest, NotReadable."""
        key = manifest_key(self.place, day)
        body = self.place.get(key)
        if body is None:
            return None
        try:
            return Manifest.from_json(body)
        except ValueError as wrong:
            raise InvalidManifest(
                f"{self.place.describe(key)} is not a manifest ({wrong}): publish the day again"
            ) from wrong

    def replace(self, name: Sequence[str], file: LocalFile) -> PublishedFile:
        """Write a file of the list of days, which has a fixed name: ("index.html",)."""
        key = key_of(self.place, INDEX, *name)
        for _ in range(_TRIES - 1):
            try:
                return self._write(INDEX, key, file)
            except AlteredFile:
                # Another run published the list at the same time. Both lists have the same days: write it again.
                continue
        return self._write(INDEX, key, file)

    def _content_key(self, report: str, day: date, file: LocalFile) -> str:
        return key_of_content(self.place, report, day, file.path.name, file.sha256)

    def _write(self, report: str, key: str, file: LocalFile) -> PublishedFile:
        with file.path.open("rb") as body:
            self.place.put(key, body, file.content_type, file.sha256)
        return _published(
            report, file.format, key, file.rows, file.bytes, file.sha256, self._checked_url(key, file.sha256)
        )

    def _checked_url(self, key: str, sha256: str) -> FileUrl:
        file_url = self.place.url_of(key)
        self.place.prove(key, file_url.url, sha256)
        return file_url

    def _seen_from(self, key: str, manifest: Manifest) -> Manifest:
        """The manifest with links to its files that work from the manifest's own place."""
        files = tuple(replace(file, url=self.place.link(file.key, file.url, key)) for file in manifest.files)
        return replace(manifest, files=files, bucket=self.place.bucket)


def _published(
    report: str, format_: str, key: str, rows: int | None, size: int, sha256: str, file_url: FileUrl
) -> PublishedFile:
    return PublishedFile(report, format_, key, rows, size, sha256, file_url.url, file_url.expires_at)


def _says_the_same(body: bytes, manifest: Manifest) -> bool:
    try:
        return Manifest.from_json(body).says_the_same_as(manifest)
    except ValueError:
        return False


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
