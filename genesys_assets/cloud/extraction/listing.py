"""Lists the files of the data lake extraction: `GET /api/v2/analytics/dataextraction/downloads/metadata`.

The platform documents only the shape of the answers. It does not document how often files appear, how long they stay,
and with which time `dateStart` and `dateEnd` are compared. So callers use each file's own `dateCreated`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from genesys_assets.cloud.analytics.interval import Interval, iso
from genesys_assets.cloud.errors import EndlessPages, UnexpectedAnswer
from genesys_assets.cloud.http import limits
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.paging import limit_total_size, list_in
from genesys_assets.cloud.http.parsing import instant, words
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.spans import whole_milliseconds

PATH = "/api/v2/analytics/dataextraction/downloads/metadata"
PERMISSION = "analytics:datawarehouse:view"
MOST_PER_PAGE = 200
"""Source: "Maximum of 200" for `pageSize` in the SDK, https://github.com/MyPureCloud/platform-client-sdk-python."""
_LONGEST_NAME = 300


@dataclass(frozen=True, slots=True)
class LakeFile:
    """A file that the platform has made. Instants are UTC; `expires` is None if the platform did not say."""

    id: str
    schema: str
    created: datetime
    expires: datetime | None


@dataclass(frozen=True, slots=True)
class FileListing:
    """The listed files, in the order of their creation. `as_of` is the instant of the first answer. `enabled`: the
    schemas that are switched on for the organisation, None if the platform did not say.
    """

    files: tuple[LakeFile, ...]
    enabled: tuple[str, ...] | None
    as_of: datetime


def list_files(
    cloud: GenesysCloud, interval: Interval, schemas: Sequence[str] = (), page_size: int = MOST_PER_PAGE
) -> FileListing:
    """The files that the platform lists for an interval, of these schemas or, without `schemas`, of all.

    Raises MissingPermission without analytics:datawarehouse:view, UnexpectedAnswer, EndlessPages, TooLarge or any
    other GenesysCloudError: a listing that could not be read to its end is never returned.
    """
    listed = (page for schema in schemas or (None,) for page in _pages(cloud, interval, schema, page_size))
    pages = list(limit_total_size(listed, PATH))
    enabled = pages[0].json().get("enabledDataSchemas")
    by_id = {file.id: file for page in pages for file in _files(page)}
    return FileListing(
        tuple(sorted(by_id.values(), key=lambda file: (file.created, file.id))),
        tuple(map(str, enabled)) if isinstance(enabled, list) else None,
        pages[0].as_of,
    )


def _pages(cloud: GenesysCloud, interval: Interval, schema: str | None, size: int) -> Iterator[Page]:
    params: dict[str, Any] = {"dateStart": iso(interval.start), "dateEnd": iso(interval.end), "pageSize": size}
    if schema is not None:
        params["dataSchema"] = schema
    seen: set[str] = set()
    for _ in range(limits.MOST_PAGES):
        page = cloud.get(PATH, params)
        yield page
        next_url = page.json().get("nextUri")
        if not next_url:
            return
        # The URL of the next page may lack the parameters of the request, so only its cursor is used.
        cursor = _cursor(next_url, page)
        if cursor in seen:
            raise EndlessPages(f"{PATH} names a next page that leads nowhere new.", correlation_id=page.correlation_id)
        seen.add(cursor)
        params = {**params, "after": cursor}
    raise EndlessPages(f"{PATH} still names a next page after {limits.MOST_PAGES:,} pages.")


def _cursor(next_url: object, page: Page) -> str:
    if isinstance(next_url, str) and len(next_url) <= limits.LONGEST_URL and next_url.isprintable():
        # A text that is not a URL has no query.
        with contextlib.suppress(ValueError):
            query = dict(parse_qsl(urlsplit(next_url).query))
            if query.get("after"):
                return query["after"]
    raise UnexpectedAnswer(
        f"{PATH} names {words(str(next_url))!r} as its next page, which has no cursor `after`. It is not requested.",
        correlation_id=page.correlation_id,
    )


def _files(page: Page) -> Iterator[LakeFile]:
    if page.json().get("entities") is None:
        raise UnexpectedAnswer(f"{PATH} was answered without 'entities'.", correlation_id=page.correlation_id)
    for entity in list_in(page, "entities"):
        fields = entity if isinstance(entity, dict) else {}
        id_, schema, created = fields.get("id"), fields.get("dataSchema"), _instant(fields.get("dateCreated"))
        if not _is_name(id_) or not _is_name(schema) or created is None:
            raise UnexpectedAnswer(
                f"{PATH} lists a file without an id, a dataSchema or a dateCreated: {words(str(entity))}. Nothing of "
                "the list is used.",
                correlation_id=page.correlation_id,
            )
        yield LakeFile(str(id_), str(schema), created, _instant(fields.get("dateExpires")))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value.isprintable()


def _instant(value: object) -> datetime | None:
    """The instant in UTC, in whole milliseconds; None for anything else."""
    moment = instant(value)
    return moment and whole_milliseconds(moment)
