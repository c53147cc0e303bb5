"""One saved file to pages by day: what is stored, and what of the file could not be taken.

A page looks like one that was fetched; its request names the file and the sha256 of its bytes. `fetched_at` is the last
instant that its content mentions: it can not have been saved earlier, and nobody knows how much later it was.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from genesys_assets.cloud.interval import Interval, iso
from genesys_assets.cloud.page import Page, request_text
from genesys_assets.importing.buckets import Bucket, Told, buckets, grouping, midnight
from genesys_assets.importing.files import CannotImport, documents
from genesys_assets.importing.shapes import Object, Shape, pieces
from genesys_assets.tables.decode import UnreadablePage
from genesys_assets.tables.decode_values import as_instant
from genesys_assets.tables.metrics import INTERVAL_METRICS, metric_rows
from genesys_assets.tables.sources import METHOD

DETAILS = "imported_details"
HOURLY = "imported_hourly_aggregates"
DAILY = "imported_daily_aggregates"
ASSETS = (DETAILS, HOURLY, DAILY)
"""Where pages go: conversations by the UTC day they began, buckets within an hour by their UTC day, whole business days
by their date.
"""

_Known = tuple[datetime, datetime, Object]
"""When a conversation began, the last moment it tells of, and the conversation."""

_A_PAGE = 1_000
_BUCKET = "bucket"
_NO_KEYS = "conversation left out: it has no conversationId or no conversationStart"


@dataclass(frozen=True, slots=True)
class DayPage:
    """A page and the partition it belongs to."""

    asset: str
    day: str
    page: Page


@dataclass(slots=True)
class Converted:
    """What one file holds. `notes` counts what was read under another name or left out, by reason."""

    pages: list[DayPage] = field(default_factory=list)
    shapes: Counter[str] = field(default_factory=Counter)
    conversations: int = 0
    buckets: int = 0
    notes: Counter[str] = field(default_factory=Counter)


def convert(name: str, sha256: str, raw: bytes, told: Told, now: datetime) -> Converted:
    """The pages of one file. Raises CannotImport where any part of it is not what it must be."""
    converted = Converted()
    conversations: list[Object] = []
    found: dict[tuple[str, ...], list[Bucket]] = defaultdict(list)
    for document in documents(raw):
        for piece in pieces(document):
            converted.shapes[piece.shape.value] += 1
            if piece.shape is Shape.CONVERSATION:
                conversations += piece.items
            else:
                of_piece = list(buckets(piece, told, converted.notes))
                if of_piece:
                    group_by = grouping(of_piece, told)
                    found[group_by] += of_piece
                    converted.notes[_grouped(group_by, told)] += 1
    if not converted.shapes:
        raise CannotImport("it holds no answer of the platform")
    for group_by, of_group in found.items():
        converted.pages += _metric_pages(name, sha256, group_by, of_group, told, now, converted)
    converted.pages += _conversation_pages(name, sha256, conversations, now, converted)
    if found and not converted.buckets:
        raise CannotImport("; ".join(note for note in converted.notes if note.startswith(_BUCKET)))
    return converted


# -- conversations -----------------------------------------------------------------------------------------------------


def _conversation_pages(
    name: str, sha256: str, conversations: list[Object], now: datetime, converted: Converted
) -> Iterator[DayPage]:
    """Conversations that began in one hour and last did anything in another one share a page: so a page reaches over an
    hour of starts, and tells of one hour.
    """
    together: dict[tuple[str, str], list[_Known]] = defaultdict(list)
    for known in _each_once(conversations, converted.notes):
        start, last, _ = known
        if start > now:
            raise CannotImport(f"a conversation of it begins in the future, at {iso(start)}")
        together[f"{start:%Y-%m-%dT%H}", f"{last:%Y-%m-%dT%H}"].append(known)
    for hour in sorted(together):
        rows = sorted(together[hour], key=lambda row: (row[0], row[2]["conversationId"]))
        for begin in range(0, len(rows), _A_PAGE):
            part = rows[begin : begin + _A_PAGE]
            converted.conversations += len(part)
            body = {"conversations": [conversation for _, _, conversation in part]}
            told_at = min(last for _, last, _ in part)
            page = _page(name, sha256, "conversations", {}, told_at, body)
            yield DayPage(DETAILS, hour[0][:10], page)


def _each_once(conversations: list[Object], notes: Counter[str]) -> Iterable[_Known]:
    """Each conversation in the form that tells of the latest moment; of equal ones that which comes last. Pages of the
    details query repeat a day's conversations for every hour that was asked for.
    """
    newest: dict[str, _Known] = {}
    for conversation in conversations:
        id_, start = conversation.get("conversationId"), as_instant(conversation.get("conversationStart"))
        if start is None or not isinstance(id_, str):
            notes[_NO_KEYS] += 1
            continue
        last = _lastas_instant(conversation, start)
        if id_ not in newest or last >= newest[id_][1]:
            newest[id_] = (start, last, conversation)
    return newest.values()


def _lastas_instant(conversation: Object, start: datetime) -> datetime:
    moments = [start, as_instant(conversation.get("conversationEnd"))]
    for participant in _objects(conversation.get("participants")):
        for session in _objects(participant.get("sessions")):
            for segment in _objects(session.get("segments")):
                moments += [as_instant(segment.get("segmentStart")), as_instant(segment.get("segmentEnd"))]
            moments += [as_instant(metric.get("emitDate")) for metric in _objects(session.get("metrics"))]
    return max(moment for moment in moments if moment is not None)


def _objects(value: Any) -> Iterable[Object]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


# -- figures -----------------------------------------------------------------------------------------------------------


def _metric_pages(
    name: str,
    sha256: str,
    group_by: tuple[str, ...],
    found: list[Bucket],
    told: Told,
    now: datetime,
    converted: Converted,
) -> Iterator[DayPage]:
    by_day: dict[tuple[str, str], list[Bucket]] = defaultdict(list)
    for bucket in found:
        if bucket.span.end > now:
            raise CannotImport(f"a bucket of it ends in the future: {bucket.span}")
        partition = partition_of(bucket.span, told)
        if partition is None:
            converted.notes[_nowhere(bucket.span, told)] += 1
        else:
            by_day[partition].append(bucket)
    for (asset, day), of_day in sorted(by_day.items()):
        converted.buckets += len(of_day)
        asked: Object = {"groupBy": list(group_by)}
        if asset == DAILY:
            asked["timeZone"] = told.business_zone.key
        told_at = max(bucket.span.end for bucket in of_day)
        page = _page(name, sha256, "figures", asked, told_at, {"results": _results(of_day)})
        try:
            metric_rows(INTERVAL_METRICS, [(page.request, page.body)])
        except UnreadablePage as error:
            raise CannotImport(str(error)) from None
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise CannotImport(f"a figure of it is not as the platform writes them: {error!r}") from None
        yield DayPage(asset, day, page)


def partition_of(span: Interval, told: Told) -> tuple[str, str] | None:
    """Where a bucket belongs: asset and day, None where it is neither within an hour nor a whole business day."""
    if span.end - span.start <= timedelta(hours=1) and _hour(span.start) == _hour(span.end - timedelta(milliseconds=1)):
        return HOURLY, f"{span.start:%Y-%m-%d}"
    zone = told.business_zone
    day = span.start.astimezone(zone).date()
    if (span.start, span.end) == (midnight(day, zone), midnight(day + timedelta(days=1), zone)):
        return DAILY, f"{day:%Y-%m-%d}"
    return None


def _grouped(group_by: tuple[str, ...], told: Told) -> str:
    by = ",".join(group_by) or "nothing"
    return f"answer grouped by {by}, as " + ("was told" if told.group_by else "its groups show; else say --group-by")


def _hour(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)


def _nowhere(span: Interval, told: Told) -> str:
    length = span.end - span.start
    return (
        f"{_BUCKET} of {length} left out: it is neither within one hour UTC nor a day of {told.business_zone.key} "
        "(GENESYS_ASSETS_TIME_ZONE)"
    )


def _results(found: Iterable[Bucket]) -> list[Object]:
    by_group: dict[str, Object] = {}
    for bucket in found:
        key = json.dumps(bucket.group, sort_keys=True)
        result = by_group.setdefault(key, {"group": bucket.group, "data": []})
        data: Object = {"interval": str(bucket.span), "metrics": bucket.metrics}
        result["data"].append(data | ({"views": bucket.views} if bucket.views else {}))
    return list(by_group.values())


def _page(name: str, sha256: str, shape: str, asked: Object, told_at: datetime, body: Object) -> Page:
    request = request_text(METHOD, name, {"sha256": sha256, "holds": shape}, asked or None)
    return Page(0, request, told_at, None, json.dumps(body, separators=(",", ":")).encode())
