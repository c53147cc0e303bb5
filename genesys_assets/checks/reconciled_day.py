"""One day reconciled: which files are read for it, and which differences may be nobody's fault.

An aggregate counts what was emitted on the day, whenever its conversation began. Of conversations that began earlier,
pages/daily_overlap has all that were alive on the day, as they were after it; where it has been read the comparison is
strict. Until then the stored tables of earlier days have to do, and conversations begun on days that are not stored, or
still open when they were last read, are not there to be counted.

What is compared and how is in `tables.reconcile`, the Dagster checks are in `reconciliation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.days import Window
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.partitions import REACH_DAYS, days_around, utc_day
from genesys_assets.tables import decode, merge, reconcile
from genesys_assets.tables.conversation_model import CONVERSATIONS, SESSION_METRICS, SESSIONS
from genesys_assets.tables.explode import explode
from genesys_assets.tables.metrics import DAILY_METRICS, INTERVAL_METRICS
from genesys_assets.tables.reconcile import Comparison
from genesys_assets.tolerance import Tolerance

QUEUES_MATCH = "queues_match_interval_metrics"
USERS_MATCH = "users_match_interval_metrics"
HANDLE_TIME = "handle_time_is_its_parts"
"""What `reconcile_sessions` finds, by the name of the check."""

_ROWS_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What the comparison of a day gave: differences that stand, and those that unread conversations may explain."""

    compared: int
    differences: pa.Table
    unread: pa.Table | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """Conversations that may have emitted on the day and are not in the tables."""

    days: tuple[str, ...]
    open_media: frozenset[str]

    @property
    def media(self) -> frozenset[str] | None:
        """Their media types, None for all."""
        return None if self.days else self.open_media

    def __str__(self) -> str:
        reasons = []
        if self.days:
            reasons.append(f"{len(self.days)} earlier days are not stored ({self.days[0]} to {self.days[-1]})")
        if self.open_media:
            reasons.append(f"conversations were open when they were last read ({', '.join(sorted(self.open_media))})")
        return "; ".join(reasons)


def reconcile_sessions(
    lake: Lake, day: str, tolerance: Tolerance, *, reach_days: int = REACH_DAYS
) -> dict[str, Finding | str]:
    """By name of the check what it found of the day, or why it could not be evaluated."""
    obstacle = _obstacle(lake, day, "session_metrics", "interval_metrics")
    if obstacle:
        return dict.fromkeys((QUEUES_MATCH, USERS_MATCH, HANDLE_TIME), obstacle)
    emitted = lake.dataset("tables/session_metrics", days_around(day, reach_days, 1), SESSION_METRICS.schema)
    begun = lake.dataset("tables/session_metrics", day, SESSION_METRICS.schema)
    aggregates = lake.dataset("tables/interval_metrics", day, INTERVAL_METRICS.schema)
    windows = _windows(day, lake.rows("tables/session_metrics", day))
    newer = begun_earlier(lake, day, reach_days)
    unread = unread_conversations(lake, day, reach_days if newer is None else 0)
    findings: dict[str, Finding | str] = {}
    for name, grouping in {QUEUES_MATCH: reconcile.BY_QUEUE, USERS_MATCH: reconcile.BY_USER}.items():
        parts = [
            reconcile.compare(
                reconcile.of_aggregates(aggregates, grouping, window),
                reconcile.of_sessions(emitted, grouping, window, newer),
                grouping,
                tolerance,
            )
            for window in windows
        ]
        compared = Comparison.together(parts)
        standing, explained = compared.of_unread(unread.media)
        findings[name] = Finding(compared.compared, standing, explained, str(unread))
    still_open = _still_open(lake, day)
    parts = [reconcile.unbalanced_handle_times(begun, window, still_open, tolerance) for window in windows]
    compared = Comparison.together(parts)
    findings[HANDLE_TIME] = Finding(compared.compared, compared.differences)
    return findings


def reconcile_daily(lake: Lake, day: str, tolerance: Tolerance) -> Finding | str:
    """What the comparison of the day's aggregates with those of its hours gave, or why there was none."""
    obstacle = _obstacle(lake, day, "daily_metrics", "interval_metrics")
    if obstacle:
        return obstacle
    window = Window(*utc_day(day))
    asked = [lake.dataset(f"tables/{spec.name}", day, spec.schema) for spec in (DAILY_METRICS, INTERVAL_METRICS)]
    parts = []
    for grouping in (reconcile.BY_QUEUE, reconcile.BY_USER):
        of_day, of_hours = (reconcile.of_aggregates(metrics, grouping, window, in_one_bucket=True) for metrics in asked)
        parts.append(reconcile.compare(of_day, of_hours, grouping, tolerance))
    compared = Comparison.together(parts)
    return Finding(compared.compared, compared.differences)


def unread_conversations(lake: Lake, day: str, reach_days: int = REACH_DAYS) -> Unread:
    """Why sessions may lack what the day's aggregates count.

    A day whose file says that everything up to the end of `day` was available to it leaves nothing open.
    """
    reach = days_around(day, reach_days, 0)
    missing = tuple(earlier for earlier in reach if not lake.has("tables/session_metrics", earlier))
    early = [earlier for earlier in reach if earlier not in missing and not _read_after(lake, earlier, day)]
    media: set[str | None] = set()
    unfinished = ((CONVERSATIONS, ~pc.field("is_complete")), (SESSIONS, pc.field("session_end").is_null()))
    for spec, where in unfinished:
        dataset = lake.dataset(f"tables/{spec.name}", early, spec.schema)
        if dataset is not None:
            media.update(pc.unique(dataset.to_table(columns=["media_type"], filter=where)["media_type"]).to_pylist())
    if "callback" in media:
        media.add("voice")  # the call back is yet to come
    return Unread(missing, frozenset(name for name in media if name))


def begun_earlier(lake: Lake, day: str, reach_days: int = REACH_DAYS) -> pa.Table | None:
    """`SESSION_METRICS` of conversations that began earlier and were alive on the day, as pages/daily_overlap has them;
    None where it was not read after the day's end.
    """
    pages = lake.pages("pages/daily_overlap", day)
    if pages is None or not _reaches(pages.reach, day):
        return None
    start = utc_day(day)[0]
    first = utc_day(days_around(day, reach_days, 0)[0])[0]
    planned = merge.plan([merge.Stub(first, start, page.as_of, decode.starts(page.body)) for page in pages])
    decoder = decode.Decoder()
    forms = merge.merged(planned, (decoder.decode(pages[index].body).conversations for index in planned.order))
    rows = [explode(part.conversations)[SESSION_METRICS.name] for part in forms]
    return pa.concat_tables([SESSION_METRICS.empty(), *rows])


def _reaches(reach: Reach | None, day: str) -> bool:
    """Whether a reading had all data up to the end of the day."""
    return reach is not None and reach.covers_day(day)


def _read_after(lake: Lake, earlier: str, day: str) -> bool:
    reach = lake.reach("tables/session_metrics", earlier)
    return reach is not None and reach.is_complete and _reaches(reach, day)


def _obstacle(lake: Lake, day: str, *tables: str) -> str | None:
    """Why a day can not be compared yet: it is not over, or a table does not hold all of it."""
    if utc_day(day)[1] > datetime.now(UTC):
        return "the day is not over"
    for name in tables:
        if not lake.has(f"tables/{name}", day):
            return f"{name} is not stored"
        reach = lake.reach(f"tables/{name}", day)
        if reach is not None and reach.imported:
            return f"{name} holds imported figures, and whoever saved them may not have asked for all"
        if reach is not None and not reach.covers_day(day):
            return f"{name} holds the day until {reach.through.isoformat()} only"
    return None


def _still_open(lake: Lake, day: str) -> pa.ChunkedArray:

    place, column = f"tables/{CONVERSATIONS.name}", "conversation_id"
    where = ~pc.field("is_complete")
    return lake.read(place, day, columns=[column], where=where, schema=CONVERSATIONS.schema)[column]


def _windows(day: str, rows: int) -> list[Window]:
    """The day, or parts of it that are compared one after the other: what is held grows with the rows of a part."""
    start, end = utc_day(day)
    parts = next(count for count in (1, 2, 4, 8, 24) if rows <= count * _ROWS_AT_ONCE or count == 24)
    length = (end - start) / parts
    return [Window(start + length * index, start + length * (index + 1)) for index in range(parts)]
