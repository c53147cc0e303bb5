"""Reconciles one day: which files are read for it, and which differences have an innocent explanation.

An aggregate counts what was emitted on the day, whenever its conversation began. Once pages/daily_overlap has been
read, it has all conversations that began earlier and were alive on the day, and the comparison is strict. Until then
the stored tables of earlier days are used. They lack conversations of days that are not stored, and what open
conversations have emitted since they were read. An open conversation explains no more than it can have emitted. If
days are not stored, a difference that they may explain is not judged.

What is compared and how is in `tables.reconcile`, the Dagster checks are in `reconciliation`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.days import Window
from genesys_assets.days.sources import OVERLAP
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.partitions import LONGEST_OPEN_DAYS, Calendar, days_around, utc_day
from genesys_assets.tables import reconcile
from genesys_assets.tables.conversations import decode, merge
from genesys_assets.tables.conversations.explode import explode
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS, SESSION_METRICS, SESSIONS
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, INTERVAL_METRICS
from genesys_assets.tables.reconcile import Comparison, Grouping
from genesys_assets.tolerance import Tolerance

if TYPE_CHECKING:
    import pyarrow.dataset as pads

QUEUES_MATCH = "queues_match_interval_metrics"
USERS_MATCH = "users_match_interval_metrics"
WAIT = "wait_is_its_ways_out"
HANDLE_TIME = "handle_time_is_its_parts"
"""The names of the checks that `reconcile_sessions` evaluates."""

_ROWS_AT_ONCE = 1_000_000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DayComparison:
    """The result of comparing a day: how many figures were compared, and the differences. Conversations that were not
    read may explain those in `unread`; `reason` says why they were not read.

    `left_out` are metrics that were not compared, each with the reason. A comparison is not `judged` if it depends on
    days that are not stored, because it is unknown how much they would explain.
    """

    compared: int
    differences: pa.Table
    unread: pa.Table | None = None
    reason: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    judged: bool = True


@dataclass(frozen=True, slots=True)
class UnreadConversations:
    """Conversations whose metrics of the day the tables may lack: those begun on days that are not stored, and those
    that were open when they were last read. The latter are counted by media type.
    """

    days: tuple[str, ...]
    open: Counter[str]

    def most(self, busiest: Mapping[tuple[str, str], int]) -> Callable[[str | None, str], float]:
        """A function of media type and metric that says how often these conversations can have emitted it.

        Each is assumed to have emitted it as often as the busiest conversation that was read, and at least
        `reconcile.AT_LEAST` times.
        """

        def times(media: str | None, metric: str) -> float:
            if self.days:
                return math.inf
            each = reconcile.AT_LEAST if media is None else busiest.get((media, metric), 0)
            return self.open[media or ""] * max(reconcile.AT_LEAST, each)

        return times

    def __str__(self) -> str:
        reasons = []
        if self.days:
            reasons.append(f"{len(self.days)} earlier days are not stored ({self.days[0]} to {self.days[-1]})")
        if self.open:
            listed = ", ".join(f"{self.open[media]} {media}" for media in sorted(self.open))
            reasons.append(f"conversations were open when they were last read ({listed})")
        return "; ".join(reasons)


def reconcile_sessions(
    lake: Lake, day: str, tolerance: Tolerance, *, reach_days: int = LONGEST_OPEN_DAYS
) -> dict[str, DayComparison | str]:
    """The result of each check for the day, or why it could not be evaluated, by the name of the check."""
    obstacle = _obstacle(lake, day, "session_metrics", "interval_metrics")
    if obstacle:
        return dict.fromkeys((QUEUES_MATCH, USERS_MATCH, WAIT, HANDLE_TIME), obstacle)
    sides = _Sides.of(lake, day, reach_days)
    unread = unread_conversations(lake, day, reach_days if sides.newer is None else 0)
    comparisons: dict[str, DayComparison | str] = {
        name: _separate_unread(sides, unread, grouping, sides.compare(grouping, tolerance))
        for name, grouping in {
            QUEUES_MATCH: reconcile.BY_QUEUE,
            USERS_MATCH: reconcile.BY_USER,
            WAIT: reconcile.WAITS,
        }.items()
    }
    begun = lake.dataset("tables/session_metrics", day, SESSION_METRICS.schema)
    still_open = _still_open(lake, day)
    parts = [reconcile.unbalanced_handle_times(begun, window, still_open, tolerance) for window in sides.windows]
    compared = Comparison.together(parts)
    comparisons[HANDLE_TIME] = DayComparison(compared.compared, compared.differences)
    return comparisons


@dataclass(frozen=True, slots=True)
class _Sides:
    """The two sides of a comparison: aggregates, and the metrics that sessions emitted.

    `all_aggregates` and `emitted` also have the days around the day, to know which metrics each side ever has. `newer`
    are metrics of conversations that began earlier, None if they were not read again after the day.
    """

    day: Window
    windows: list[Window]
    aggregates: pads.Dataset
    all_aggregates: pads.Dataset
    emitted: pads.Dataset
    newer: pa.Table | None

    @classmethod
    def of(cls, lake: Lake, day: str, reach_days: int) -> _Sides:
        around = days_around(day, reach_days, 1)
        return cls(
            Window.of_utc_day(day),
            _windows(day, lake.rows("tables/session_metrics", day)),
            lake.dataset("tables/interval_metrics", day, INTERVAL_METRICS.schema),
            lake.dataset("tables/interval_metrics", around, INTERVAL_METRICS.schema),
            lake.dataset("tables/session_metrics", around, SESSION_METRICS.schema),
            begun_earlier(lake, day),
        )

    def compare(self, grouping: Grouping, tolerance: Tolerance) -> Comparison:
        if grouping is reconcile.WAITS:
            expected = reconcile.of_aggregates(self.aggregates, grouping, self.day, in_one_bucket=True)
            found = reconcile.of_ways_out(self.emitted, self.day, self.newer)
            return reconcile.compare(expected, found, grouping, tolerance)
        return Comparison.together([self._compared(grouping, window, tolerance) for window in self.windows])

    def _compared(self, grouping: Grouping, window: Window, tolerance: Tolerance) -> Comparison:
        expected = reconcile.of_aggregates(self.aggregates, grouping, window)
        found = reconcile.of_sessions(self.emitted, grouping, window, self.newer)
        return reconcile.compare(expected, found, grouping, tolerance)

    def left_out(self, grouping: Grouping, compared: Comparison) -> Iterator[tuple[str, str]]:
        """Metrics that only one side has, and the reason why they are not compared: it is unknown whether sessions
        carry them, and the other side does not have them on the days around either.
        """
        only_expected, only_found = (
            (these - those) & reconcile.UNPROVEN
            for these, those in ((compared.expected, compared.found), (compared.found, compared.expected))
        )
        if only_expected:
            sessions = [self.emitted] if self.newer is None else [self.emitted, _dataset(self.newer)]
            known = {name for each in sessions for name in reconcile.metrics_in(each, only_expected, grouping)}
            yield from dict.fromkeys(
                sorted(only_expected - known), "no session of the days that were read has it"
            ).items()
        if only_found:
            known = {*reconcile.metrics_in(self.all_aggregates, only_found, grouping)}
            why = "the aggregates of the days that were read do not have it"
            yield from dict.fromkeys(sorted(only_found - known), why).items()


def _separate_unread(
    sides: _Sides, unread: UnreadConversations, grouping: Grouping, compared: Comparison
) -> DayComparison:
    """Split the differences of a comparison: those that unread conversations may explain, and the others."""
    left_out = dict(sides.left_out(grouping, compared))
    compared = compared.without(left_out)
    busiest: Mapping[tuple[str, str], int] = {}
    if unread.open and not unread.days and len(compared.differences):
        busiest = reconcile.busiest(sides.emitted, sides.day, unread.open)
    standing, explained = compared.of_unread(unread.most(busiest))
    judged = not (unread.days and len(explained))
    return DayComparison(compared.compared, standing, explained, str(unread), left_out, judged)


def reconcile_daily(lake: Lake, day: str, tolerance: Tolerance, calendar: Calendar) -> DayComparison | str:
    """A comparison of the business day's aggregates with the sum of its hours, or the reason why they cannot be
    compared.
    """
    window = Window(*calendar.business_day(day))
    obstacle = _obstacle(lake, day, "daily_metrics", until=window.end)
    for utc in window.utc_days():
        end = min(window.end, utc_day(utc)[1])
        obstacle = obstacle or _obstacle(lake, utc, "interval_metrics", until=end)
    if obstacle:
        return obstacle
    datasets = [
        lake.dataset("tables/daily_metrics", day, DAILY_METRICS.schema),
        lake.dataset("tables/interval_metrics", window.utc_days(), INTERVAL_METRICS.schema),
    ]
    parts = []
    for grouping in (reconcile.BY_QUEUE, reconcile.BY_USER):
        of_day, of_hours = (
            reconcile.of_aggregates(metrics, grouping, window, in_one_bucket=True) for metrics in datasets
        )
        parts.append(reconcile.compare(of_day, of_hours, grouping, tolerance))
    compared = Comparison.together(parts)
    return DayComparison(compared.compared, compared.differences)


def unread_conversations(lake: Lake, day: str, reach_days: int = LONGEST_OPEN_DAYS) -> UnreadConversations:
    """The conversations whose metrics of `day` the aggregates may count, but the tables of sessions may lack.

    A stored day has none if it was read after everything up to the end of `day` was available.
    """
    reach = days_around(day, reach_days, 0)
    missing = tuple(earlier for earlier in reach if not lake.has("tables/session_metrics", earlier))
    early = [earlier for earlier in reach if earlier not in missing and not _read_after(lake, earlier, day)]
    open_conversations: set[tuple[str, str]] = set()
    unfinished = ((CONVERSATIONS, ~pc.field("is_complete")), (SESSIONS, pc.field("session_end").is_null()))
    for spec, where in unfinished:
        dataset = lake.dataset(f"tables/{spec.name}", early, spec.schema)
        if dataset is not None:
            columns = dataset.to_table(columns=["media_type", "conversation_id"], filter=where).to_pydict().values()
            open_conversations.update((media, id_) for media, id_ in zip(*columns, strict=True) if media)
    # The voice session of a callback begins later.
    open_conversations |= {("voice", id_) for media, id_ in open_conversations if media == "callback"}
    return UnreadConversations(missing, Counter(media for media, _ in open_conversations))


def begun_earlier(lake: Lake, day: str) -> pa.Table | None:
    """Rows of `SESSION_METRICS` of the conversations in pages/daily_overlap, which began earlier, however long ago, and
    were alive on the day; None if these pages were not read after the end of the day.
    """
    pages = lake.pages(OVERLAP, day)
    if pages is None or not _reaches(pages.reach, day):
        return None
    start = utc_day(day)[0]
    planned = merge.plan([merge.Stub(_LONG_AGO, start, page.as_of, decode.starts(page.body)) for page in pages])
    decoder = decode.Decoder()
    forms = merge.merged(planned, (decoder.decode(pages[index].body).conversations for index in planned.order))
    rows = [explode(part.conversations)[SESSION_METRICS.name] for part in forms]
    return pa.concat_tables([SESSION_METRICS.empty(), *rows])


def _reaches(reach: Reach | None, day: str) -> bool:
    """Whether all data up to the end of the day was available when it was read."""
    return reach is not None and reach.covers_day(day)


def _read_after(lake: Lake, earlier: str, day: str) -> bool:
    reach = lake.reach("tables/session_metrics", earlier)
    return reach is not None and reach.is_complete and _reaches(reach, day)


def _obstacle(lake: Lake, day: str, *tables: str, until: datetime | None = None) -> str | None:
    """Why a day cannot be compared yet: it is not over, or a table does not have all of it. `until` is the end of the
    day if that is not the end of the UTC day.
    """
    end = until or utc_day(day)[1]
    if end > datetime.now(UTC):
        return "the day is not over"
    for name in tables:
        if not lake.has(f"tables/{name}", day):
            return f"{name} of {day} is not stored"
        reach = lake.reach(f"tables/{name}", day)
        if reach is not None and reach.imported:
            return f"{name} of {day} has imported figures, and the imported files may lack some"
        if reach is not None and reach.through < end:
            return f"{name} of {day} reaches only to {reach.through.isoformat()}"
    return None


def _still_open(lake: Lake, day: str) -> pa.ChunkedArray:
    place, column = f"tables/{CONVERSATIONS.name}", "conversation_id"
    where = ~pc.field("is_complete")
    return lake.read(place, day, columns=[column], where=where, schema=CONVERSATIONS.schema)[column]


def _dataset(rows: pa.Table) -> pads.Dataset:
    import pyarrow.dataset as pads

    return pads.dataset(rows)


def _windows(day: str, rows: int) -> list[Window]:
    """The day, or parts of it that are compared one after the other, because memory grows with the rows of a part."""
    start, end = utc_day(day)
    parts = next(count for count in (1, 2, 4, 8, 24) if rows <= count * _ROWS_AT_ONCE or count == 24)
    length = (end - start) / parts
    return [Window(start + length * index, start + length * (index + 1)) for index in range(parts)]
