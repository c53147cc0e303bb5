"""Files as scripts save them: answers of the platform, and the same figures in the shapes of tutorials."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from genesys_assets.cloud.http.page import Page
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.files import SavedFile
from genesys_assets.importing.pages import convert
from genesys_assets.importing.spool import Spool

NOW = datetime(2026, 2, 10, tzinfo=UTC)
HOUR = "2026-01-28T13:00:00.000Z/2026-01-28T14:00:00.000Z"
QUARTER = "2026-01-28T13:15:00.000Z/2026-01-28T13:30:00.000Z"
DAY = "2026-01-28T00:00:00.000Z/2026-01-29T00:00:00.000Z"


def metric(name: str, **stats: float | None) -> dict[str, Any]:
    return {"metric": name, "stats": stats}


def result(group: dict[str, str], *metrics: dict[str, Any], interval: str = HOUR) -> dict[str, Any]:
    return {"group": group, "data": [{"interval": interval, "metrics": list(metrics)}]}


def conversation(
    id_: str,
    start: str = "2026-01-28T13:05:00.000Z",
    end: str | None = "2026-01-28T13:09:00.000Z",
    emitted: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A call of one agent session; `emitted` is when its tHandle was."""
    metrics = [{"name": "tHandle", "value": 1000, "emitDate": emitted}] if emitted else []
    session = {"sessionId": f"{id_}-s", "mediaType": "voice", "segments": [{"segmentStart": start}], "metrics": metrics}
    agent = {"participantId": f"{id_}-p", "purpose": "agent", "userId": "U", "sessions": [session]}
    told = {"conversationId": id_, "conversationStart": start, "participants": [agent], **more}
    return told | ({"conversationEnd": end} if end else {})


def as_bytes(document: Any) -> bytes:
    return json.dumps(document).encode()


@dataclass(frozen=True)
class DayPage:
    """A page and the partition it belongs to."""

    asset: str
    day: str
    page: Page


@dataclass(frozen=True)
class FilePages:
    """The outcome of one file."""

    pages: list[DayPage]
    conversations: int
    buckets: int
    notes: dict[str, int]
    left_out: dict[str, int]
    total_hits: dict[str, int]


def converted(document: Any, options: ImportOptions | None = None, *, now: datetime = NOW) -> FilePages:
    raw = document if isinstance(document, bytes) else as_bytes(document)
    with Spool() as spool:
        found = convert(
            "saved.json", hashlib.sha256(raw).hexdigest(), iter([raw]), options or ImportOptions(), now, spool
        )
        pages = [DayPage(*place, page) for place in spool.places() for page in spool.pages(place)]
    remarks = found.remarks
    said = dict(remarks.read), dict(remarks.left_out)
    totals: Counter[str] = Counter()
    for counted in found.counted:
        totals[f"{counted.total}"] += counted.new
    return FilePages(pages, found.conversations, found.buckets, *said, totals)


def saved_file(place: str, raw: bytes) -> SavedFile:
    return SavedFile(place, lambda: io.BytesIO(raw))


def by_partition(found: FilePages) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The bodies of the pages, by the partition that they go to."""
    pages: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for each in found.pages:
        pages.setdefault((each.asset, each.day), []).append(dict(each.page.json()))
    return pages


def request_of(page: DayPage) -> dict[str, Any]:
    """The request of a page."""
    return dict(json.loads(page.page.request))
