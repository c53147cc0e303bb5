"""One answer of the API, unchanged.

`cloud` returns pages, and the lake stores them. `tables` reads what is inside; only the few fields that paging needs
are read in `paging` and in the endpoint's module.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self

from genesys_assets.spans import whole_milliseconds

_WHEN_FETCHED = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Page:
    """The body of one successful answer and its origin.

    `number` counts from 1 within one fetch. `request` is the request as compact JSON (see `request_text`). `fetched_at`
    is UTC in whole milliseconds. `correlation_id` is what Genesys support asks for. `body` is the unzipped body of the
    answer, unchanged (but see `aggregate_windows`). `content` is the parsed body of a page that has just arrived.

    `as_of` says when the content was true, UTC in whole milliseconds. Of two pages about the same conversation the one
    with the later `as_of` is newer. A query is answered as of the answer's Date, by the platform's clock; `fetched_at`
    is the default. A details job shows conversations as of its submission or, if that is earlier, as of the instant up
    to which jobs had all data, no matter when its pages are fetched. An instant after `fetched_at` is replaced by
    `fetched_at`.
    """

    number: int
    request: str
    fetched_at: datetime
    correlation_id: str | None
    body: bytes
    content: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)
    as_of: datetime = _WHEN_FETCHED

    def __post_init__(self) -> None:
        as_of = min(self.as_of, self.fetched_at).astimezone(UTC)
        object.__setattr__(self, "as_of", whole_milliseconds(as_of))

    def json(self) -> Mapping[str, Any]:
        """The body as a dict; a page's body is always a JSON object."""
        if self.content is not None:
            return self.content
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    def bare(self) -> Self:
        """The page without its parsed content, which takes many times the memory of the body."""
        return replace(self, content=None)


def request_text(method: str, path: str, params: Mapping[str, object] | None = None, body: object = None) -> str:
    """A request as canonical JSON: the same request gives the same text."""
    request: dict[str, object] = {"method": method, "path": path}
    if params:
        request["params"] = dict(params)
    if body is not None:
        request["body"] = body
    return as_text(request)


def as_text(request: Mapping[str, object]) -> str:
    """A request as canonical JSON: compact, with sorted keys."""
    return json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
