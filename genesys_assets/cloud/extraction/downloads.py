"""Downloads files of the data lake extraction: `POST …/downloads/bulk` gives signed URLs, other hosts serve the bytes.

A signed URL is a secret: anybody who has it can read the file. So it is requested without the token, appears in no
message and no log, and must be https (or this machine, if the API itself is this machine). It works for minutes; if it
is refused, a new one is requested. If a download is cut short or is not a Parquet file, it is retried; in the end an
error is raised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

import requests

from genesys_assets.cloud.errors import (
    AnswerTooLarge,
    BrokenAnswer,
    DownloadFailed,
    FileGone,
    NotAParquetFile,
    ServerTrouble,
    Unreachable,
    UrlNotTrusted,
    UrlRefused,
)
from genesys_assets.cloud.extraction.listing import LakeFile
from genesys_assets.cloud.http import limits
from genesys_assets.cloud.http.exchange import Answer, exchange, session
from genesys_assets.cloud.http.paging import list_in
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.http.urls import is_loopback, origin
from genesys_assets.unlogged import URLS, unlogged

PATH = "/api/v2/analytics/dataextraction/downloads/bulk"
MOST_AT_ONCE = 200
"""Ids of one request: the size of a page of the listing. The platform documents no maximum."""
# The format of a Parquet file: https://parquet.apache.org/docs/file-format/.
_MAGIC = b"PAR1"
_SHORTEST = 12
_TIMEOUT = (10.0, 60.0)
_TRIES = 4
_CHECK = "the network, and that no firewall or proxy keeps this machine from the host of the files"
FIRST_PAUSE = 1.0
"""Seconds before an incomplete download is retried; each further pause is twice as long."""
_LONGEST_URL = 16_384
_EXPIRED = (400, 401, 403, 404, 410)
"""The statuses with which hosts refuse a signed URL that no longer works. Not documented: S3 answers 403, the others
are assumed.
"""


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """Limits for one file: its bytes, and the seconds from the request to the last byte."""

    most_bytes: int = 256 * limits.MIB
    longest_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Download:
    """A downloaded file with its bytes, unchanged."""

    file: LakeFile
    body: bytes = field(repr=False)
    sha256: str
    fetched_at: datetime


def download(
    cloud: GenesysCloud,
    files: Sequence[LakeFile],
    allowed: DownloadLimits | None = None,
    *,
    at_once: int = MOST_AT_ONCE,
) -> Iterator[Download]:
    """Downloads the files in the given order; URLs are requested for `at_once` files at a time.

    Raises FileGone, UrlRefused, UrlNotTrusted, NotAParquetFile, AnswerTooLarge or any other GenesysCloudError.
    """
    with closing(session(1)) as http:
        http.headers.update({"Accept": "*/*", "Accept-Encoding": "identity"})
        fetcher = _Fetcher(cloud, http, allowed or DownloadLimits())
        for first in range(0, len(files), at_once):
            batch = files[first : first + at_once]
            urls = fetcher.urls(batch)
            for position, file in enumerate(batch):
                yield fetcher.file(file, urls, batch[position:])


@dataclass(slots=True)
class _Fetcher:
    cloud: GenesysCloud
    http: requests.Session
    allowed: DownloadLimits

    def urls(self, files: Sequence[LakeFile]) -> dict[str, str]:
        """A signed URL for each file that still exists."""
        page = self.cloud.post(PATH, {"files": [file.id for file in files]})
        entities = [entity for entity in list_in(page, "entities") if isinstance(entity, dict)]
        return {str(entity.get("id")): str(entity["signedUrl"]) for entity in entities if entity.get("signedUrl")}

    def file(self, file: LakeFile, urls: dict[str, str], not_yet: Sequence[LakeFile]) -> Download:
        """Downloads a file by its URL in `urls`. If the URL is refused, new URLs are requested for all files that are
        not downloaded yet (`not_yet`).
        """
        failure: DownloadFailed | None = None
        refused = 0
        for number in range(_TRIES):
            if number:
                to_renew = not_yet if isinstance(failure, UrlRefused) else [file]
                urls |= dict.fromkeys((each.id for each in to_renew), "") | self.urls(to_renew)
            url = urls.get(file.id)
            if not url:
                raise FileGone(
                    f"{_name(file)} is listed, but the platform gives no URL for it: it has expired. What it held can "
                    "be fetched by details jobs."
                )
            try:
                return self._fetch(file, url)
            except UrlRefused as error:
                refused += 1
                failure = error if refused == 1 else _refused(file, error.status, refused)
            except (BrokenAnswer, Unreachable, ServerTrouble, NotAParquetFile) as error:
                failure = _error_of(file, error)
                if number + 1 < _TRIES:
                    self.cloud.sleep(FIRST_PAUSE * 2**number)
        assert failure is not None
        raise failure

    def _fetch(self, file: LakeFile, url: str) -> Download:
        _require_trusted(url, self.cloud.hosts.api_url, file)
        with unlogged(URLS):
            try:
                answer = exchange(
                    self.http,
                    "GET",
                    url,
                    what=_name(file),
                    timeout=_TIMEOUT,
                    most=self.allowed.most_bytes,
                    received=self.allowed.most_bytes,
                    longest=self.allowed.longest_seconds,
                    check=_CHECK,
                    auth=_without_login,
                )
            except AnswerTooLarge as error:
                raise AnswerTooLarge(
                    f"{_name(file)} has more than {self.allowed.most_bytes / limits.MIB:g} MiB. Allow more with "
                    "GENESYS_ASSETS_DATA_LAKE_LARGEST_FILE_MIB; a file is held in memory as a whole."
                ) from error
        _require_success(answer, file)
        _require_parquet(answer.body, file)
        return Download(file, answer.body, hashlib.sha256(answer.body).hexdigest(), self.cloud.now())


def _without_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Adds no login. Without this, `requests` would send one that it finds in a .netrc file."""
    return request


def _name(file: LakeFile) -> str:
    return f"The file {file.id} of {file.schema}"


def _inside(file: LakeFile) -> str:
    """The name within a sentence."""
    return f"the file {file.id} of {file.schema}"


def _error_of(file: LakeFile, error: Exception) -> DownloadFailed:
    if isinstance(error, DownloadFailed):
        return error
    return DownloadFailed(f"{_name(file)} could not be downloaded: {error} Files that are stored already stay. Retry.")


def _require_trusted(url: str, api_url: str, file: LakeFile) -> None:
    try:
        scheme, host, _ = origin(url)
    except ValueError:
        scheme, host = "", ""
    here = is_loopback(host) and is_loopback(urlsplit(api_url).hostname or "")
    if len(url) > _LONGEST_URL or not url.isprintable() or not (scheme == "https" or (scheme == "http" and here)):
        raise UrlNotTrusted(
            f"The platform gave a URL for {_inside(file)} that is not fetched: it must begin with https:// and "
            "name a host, without a user or a password."
        )


def _refused(file: LakeFile, status: int | None, urls: int) -> UrlRefused:
    """The error for a file of which this many signed URLs were refused, the newest one last."""
    which = "the newest signed URL" if urls == 1 else f"{urls} signed URLs, one after the other,"
    return UrlRefused(
        f"The host of the files refused {which} of {_inside(file)}. Check the clock of this machine, and that no proxy "
        "changes URLs.",
        status=status,
    )


def _require_success(answer: Answer, file: LakeFile) -> None:
    if answer.is_good:
        return
    if answer.status in _EXPIRED:
        raise _refused(file, answer.status, 1)
    if answer.status == 429 or answer.status >= 500:
        raise ServerTrouble("the host of the files failed.", status=answer.status)
    raise DownloadFailed(f"{_name(file)} was answered with HTTP {answer.status} in place of the file.")


def _require_parquet(body: bytes, file: LakeFile) -> None:
    """Raises NotAParquetFile. A Parquet file begins and ends with PAR1, and the length of its footer precedes the
    end.
    """
    footer = int.from_bytes(body[-8:-4], "little")
    if len(body) < _SHORTEST or body[:4] != _MAGIC or body[-4:] != _MAGIC or footer > len(body) - _SHORTEST:
        raise NotAParquetFile(
            f"{_name(file)} was downloaded as {len(body):,} bytes that are no complete Parquet file. Nothing of it is "
            "stored. Retry later; if it happens again, ask Genesys."
        )
