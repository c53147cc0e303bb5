"""Agents' time in pieces that add up: spans cut at the quarters of hours of a UTC day.

In every time zone, days and hours begin at a quarter of an hour UTC, so sums of rows are right in all zones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import pyarrow as pa

from genesys_assets.spans import Window
from genesys_assets.tables.spec import INSTANT, TableSpec, columns
from genesys_assets.tables.users.spans import Kind, Piece, Span, clipped, without_overlaps

QUARTER = timedelta(minutes=15)

USER_TIME = TableSpec(
    "user_time",
    "One row per user, quarter of an hour, kind (presence or routing), status and presence of the organisation, if the "
    "user was in that status for some of the time. Times add up over any hours and days; time that the platform does "
    "not cover has no row.",
    ("user_id", "quarter_start", "kind", "status", "organization_presence_id"),
    columns("""
user_id string the user
quarter_start instant start of the quarter hour, inclusive
kind string presence or routing
status string the system presence, or the routing status; null if the platform does not say it
organization_presence_id string id of the organisation's own presence; names are in reference/presence_definitions
duration_ms integer how long the user was in it in the quarter of an hour
started_at instant when the user first was in it in the quarter of an hour
ended_at instant when the user last left it, or the end of the quarter of an hour
"""),
    partition_column="quarter_start",
    null_in_key=("status", "organization_presence_id"),
)


class Cell(NamedTuple):
    """The key of a row of `USER_TIME`."""

    user_id: str
    start: datetime
    kind: Kind
    status: str | None
    own: str | None


def time_table(spans: Iterable[Span], window: Window) -> pa.Table:
    """Rows of `USER_TIME` in a window, in the order of the key. `spans` are in the order of `newest`."""
    cells: dict[Cell, list[Piece]] = {}
    for piece in clipped(without_overlaps(spans), window):
        for part in quarters(piece):
            cell = Cell(
                part.user_id,
                part.start - _within_quarter(part.start),
                part.kind,
                part.status,
                part.own,
            )
            cells.setdefault(cell, []).append(part)
    rows = sorted(cells.items(), key=lambda item: [*item[0][:3], item[0].status or "", item[0].own or ""])
    keys, parts = [cell for cell, _ in rows], [pieces for _, pieces in rows]
    table = pa.table(
        {
            "user_id": pa.array([cell.user_id for cell in keys], pa.string()),
            "quarter_start": pa.array([cell.start for cell in keys], INSTANT),
            "kind": pa.array([cell.kind for cell in keys], pa.string()),
            "status": pa.array([cell.status for cell in keys], pa.string()),
            "organization_presence_id": pa.array([cell.own for cell in keys], pa.string()),
            "duration_ms": pa.array([sum(part.milliseconds for part in each) for each in parts], pa.int64()),
            "started_at": pa.array([min(part.start for part in each) for each in parts], INSTANT),
            "ended_at": pa.array([max(part.end for part in each) for each in parts], INSTANT),
        }
    )
    return USER_TIME.conform(table)


def quarters(piece: Piece) -> Iterator[Piece]:
    """The piece cut at the quarters of hours, UTC."""
    start = piece.start
    while start < piece.end:
        end = min(piece.end, start - _within_quarter(start) + QUARTER)
        yield piece._replace(start=start, end=end)
        start = end


def _within_quarter(moment: datetime) -> timedelta:
    return timedelta(minutes=moment.minute % 15, seconds=moment.second, microseconds=moment.microsecond)
