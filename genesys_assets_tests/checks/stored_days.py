"""Days stored by hand, for the tests that compare sessions with aggregates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from genesys_assets.cloud.http.page import Page
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.partitions import LONGEST_OPEN_DAYS, Calendar, days_around, utc_day
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS, SESSION_METRICS
from genesys_assets.tables.conversations.flat_tables import SESSIONS as SESSION_TABLE
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets.tables.spec import TableSpec
from genesys_assets.tolerance import Tolerance
from genesys_assets_tests.copied_lakes import copy_into
from genesys_assets_tests.keyed_rows import keyed
from genesys_assets_tests.tables import builders

DAY, NEXT_DAY = "2026-01-31", "2026-02-01"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
EXACT = Tolerance()
IN_UTC = Calendar(date(2026, 1, 1), ZoneInfo("UTC"), 4)
WHOLE = Reach(datetime(2026, 2, 3, tzinfo=UTC), is_complete=True)
"""The reach of a day that was read after all that is compared here."""
TO_THE_END = Reach(datetime(2026, 2, 1, tzinfo=UTC))
UNTIL_20 = Reach(datetime(2026, 1, 31, 20, tzinfo=UTC))


def put(lake: Lake, spec: TableSpec, rows: Iterable[Mapping[str, Any]], day: str, reach: Reach | None) -> None:
    """Rows that began on another day get the noon of this day, because they lie in its partition."""
    begins = str(spec.partition_column)
    noon: date = utc_day(day)[0] + timedelta(hours=12)
    if pa.types.is_date(spec.schema.field(begins).type):
        noon = date.fromisoformat(day)
    of_day = [{**row, begins: row[begins] if f"{row.get(begins)}"[:10] == day else noon} for row in rows]
    table = pa.Table.from_pylist(keyed(of_day, spec), spec.schema)
    lake.write(f"tables/{spec.name}", spec, table, day, {}, reach=reach)


def offered(count: int = 1, media: str = "voice") -> dict[str, Any]:
    return {
        "conversation_id": "C1",
        "conversation_start": NOON,
        "participant_id": "P1",
        "session_id": "S1",
        "media_type": media,
        "queue_id": "Q1",
        "metric": "nOffered",
        "emit_date": NOON,
        "value": count,
        "ordinal": 0,
    }


def conversation(media: str = "voice", complete: bool = True) -> dict[str, Any]:
    return {"conversation_id": "C1", "conversation_start": NOON, "media_type": media, "is_complete": complete}


def session(media: str = "voice", over: bool = True) -> dict[str, Any]:
    began = {"conversation_id": "C1", "conversation_start": NOON, "participant_id": "P1", "session_id": "S1"}
    return began | {"media_type": media, "session_start": NOON, "session_end": NOON if over else None}


def bucket(count: int = 1, media: str = "voice", start: datetime = NOON) -> dict[str, Any]:
    key = {"interval_start": start, "grouping": "mediaType,queueId", "queue_id": "Q1", "media_type": media}
    return key | {"selection": "", "view": "", "metric": "nOffered", "count": count}


def store_conversations(
    lake: Lake,
    *emitted: Mapping[str, Any],
    day: str = DAY,
    open_media: str | None = None,
    open_session: str | None = None,
    reach: Reach | None = WHOLE,
) -> None:
    put(lake, SESSION_METRICS, emitted, day, reach)
    legs = [{"conversation_id": "C1", "conversation_start": NOON, "leg_no": 1}] if emitted else []
    put(lake, INTERACTION_LEGS, legs, day, reach)
    put(lake, CONVERSATIONS, [conversation(open_media, complete=False)] if open_media else [], day, reach)
    put(lake, SESSION_TABLE, [session(open_session, over=False)] if open_session else [session()], day, reach)


def store_reach(lake: Lake) -> None:
    """Store empty days as far back as conversations may have begun, in a lake without their tables."""
    assert isinstance(lake.store, LocalStore)
    copy_into(lake.store.folder, "reach", _store_reach)


def _store_reach(lake: Lake) -> None:
    for day in days_around(DAY, LONGEST_OPEN_DAYS, -1):
        store_conversations(lake, day=day)


def store_hours(lake: Lake, *rows: Mapping[str, Any], day: str = DAY, reach: Reach | None = TO_THE_END) -> None:
    put(lake, INTERVAL_METRICS, rows, day, reach)


def read_overlap(lake: Lake, *conversations: dict[str, Any], reach: Reach = TO_THE_END) -> None:
    """Store the overlap: conversations that began before the day and were alive on it, read on a later day."""
    with lake.page_writers("pages/daily_overlap", [DAY], {}) as writers:
        writers[DAY].reach = reach
        body = builders.page(*conversations)
        writers[DAY].write(Page(number=1, request="{}", fetched_at=NOON, correlation_id=None, body=body))


def e_mail(*emitted: tuple[str, datetime], began: str = "2026-01-20") -> dict[str, Any]:
    """A conversation begun days ago, with one counter per instant."""
    metrics = [{"name": name, "value": 1, "emitDate": builders.wire(at)} for name, at in emitted]
    waiting = builders.session(
        "S9", "email", metrics=metrics, segments=[builders.segment("interact", 0, 1, queueId="Q1")]
    )
    start = datetime.fromisoformat(f"{began}T12:00:00+00:00")
    return builders.conversation("C9", builders.participant("P9", "acd", waiting), start=start)


def flowed_out(day: str = DAY) -> dict[str, Any]:
    hour = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    return offered() | {"metric": "tFlowOut", "value": 5, "conversation_start": hour, "emit_date": hour}


FLOWED_OUT = bucket() | {"metric": "tFlowOut", "sum": 5, "min": 5, "max": 5}
