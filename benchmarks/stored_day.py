"""A past day of the sandbox's organisation, put into a lake as if it had been fetched: pages by the hour.

The pages are written straight into the lake; `pacing`, `end_to_end` and `backfill` measure fetching them over HTTP.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from genesys_assets.cloud.http.page import Page, request_text
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.partitions import hours_of, utc_day
from genesys_assets.sandbox.organisation import Organisation, encode
from genesys_assets.tables.conversations.model import CONVERSATION_TYPE

DAY = "2026-01-28"
PAGES = "pages/hourly_details"
DAILY_PAGES = "pages/daily_details"
PAGE_SIZE = 100
JOB_PAGE_SIZE = 1_000
_PATH = "/api/v2/analytics/conversations/details/query"
_JOB_PATH = "/api/v2/analytics/conversations/details/jobs/1/results"
_FETCHED_AT = datetime(2026, 2, 1, tzinfo=UTC)


@contextmanager
def stored_day(conversations: int) -> Iterator[Path]:
    """The folder of a lake that holds the pages of DAY; it is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="genesys_assets_benchmark_") as folder:
        store_hours(lake_at(Path(folder)), Organisation(conversations_per_day=conversations))
        yield Path(folder)


def lake_at(folder: Path) -> Lake:
    return Lake(LocalStore(folder))


def bodies(lake: Lake) -> list[bytes]:
    """The bytes of the day's distinct pages."""
    return list(dict.fromkeys(page.body for hour in hours_of(DAY) for page in lake.pages(PAGES, hour) or ()))


@contextmanager
def page_files(pages: list[bytes]) -> Iterator[Path]:
    """A folder with each page as a file, and the documented fields as the file `model`; see `sides.rounds`."""
    with tempfile.TemporaryDirectory(prefix="genesys_assets_benchmark_") as name:
        folder = Path(name)
        for number, body in enumerate(pages):
            (folder / f"{number:06d}.json").write_bytes(body)
        (folder / "model").write_text(json.dumps(_model(CONVERSATION_TYPE)))
        yield folder


def _model(type_: pa.DataType) -> Any:
    """A type of the conversation model as JSON; see `sides.rounds.model_of`."""
    if pa.types.is_struct(type_):
        return {member.name: _model(member.type) for member in type_ if member.name != "attributes"}
    if pa.types.is_list(type_):
        return [_model(type_.value_type)]
    if pa.types.is_timestamp(type_):
        return "instant"
    return {pa.string(): "string", pa.int64(): "integer", pa.float64(): "number", pa.bool_(): "boolean"}[type_]


def store_hours(lake: Lake, organisation: Organisation) -> None:
    """As the details query answers: a page that crosses the full hour is stored with both hours."""
    arrivals = organisation.arrivals(date.fromisoformat(DAY))
    now = _milliseconds(_FETCHED_AT)
    with lake.page_writers(PAGES, hours_of(DAY), {"source": "sandbox"}) as writers:
        for first in range(0, len(arrivals), PAGE_SIZE):
            page, number = arrivals[first : first + PAGE_SIZE], first // PAGE_SIZE + 1
            conversations = b",".join(encode(organisation.shown(arrival, now)) for arrival in page)
            body = b'{"conversations":[%b],"totalHits":%d}' % (conversations, len(arrivals))
            for hour in sorted({_hour(arrival.start) for arrival in page}):
                writers[hour].write(Page(number, request_text("POST", _PATH), _FETCHED_AT, None, body))


def store_day(lake: Lake, organisation: Organisation) -> None:
    """As a details job answers: the complete day."""
    arrivals = organisation.arrivals(date.fromisoformat(DAY))
    now = _milliseconds(_FETCHED_AT)
    with lake.page_writers(DAILY_PAGES, [DAY], {"source": "sandbox"}) as writers:
        for number, first in enumerate(range(0, len(arrivals), JOB_PAGE_SIZE), 1):
            shown = (encode(organisation.shown(arrival, now)) for arrival in arrivals[first : first + JOB_PAGE_SIZE])
            body = b'{"conversations":[%b]}' % b",".join(shown)
            writers[DAY].write(Page(number, request_text("GET", _JOB_PATH), _FETCHED_AT, None, body))
        writers[DAY].reach = Reach(utc_day(DAY)[1], is_complete=True)


def _hour(start: int) -> str:
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=start):%Y-%m-%d-%H:00}"


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
