"""Reconciliation: a day's sessions, hours and days must give the same figures.

    genesys/tables/session_metrics
        queues_match_interval_metrics   per 15 minutes x queue x media type x metric
        users_match_interval_metrics    per 15 minutes x user x media type x metric
        handle_time_is_its_parts        per session: tHandle and tTalkComplete + tHeldComplete + tAcw + tContacting
                                        + tDialing; always a warning, for it is an observed law, no promised one
    genesys/tables/daily_metrics
        day_matches_interval_metrics    per queue or user x media type x metric, where the business day is the UTC day

A check reads what is stored and asks nothing. It runs with the assets it is about, for every day of their run. What is
compared and how is in `tables.reconcile`; here stands which days are read, and which differences may be nobody's
fault: an aggregate counts what was emitted on the day, whenever its conversation began, and conversations begun on days
that are not stored, or still open when they were last read, are not there to be counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
from tabulate import tabulate

from genesys_assets.assets.common import asset_key
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import REACH_DAYS, Calendar, days_around, utc_day
from genesys_assets.resources import LakeResource
from genesys_assets.tables import reconcile
from genesys_assets.tables.conversation_model import CONVERSATIONS
from genesys_assets.tables.reconcile import Comparison, Tolerance
from genesys_assets.tables.reports import Window

SESSIONS = asset_key("tables", "session_metrics")
HOURS = asset_key("tables", "interval_metrics")
DAYS = asset_key("tables", "daily_metrics")
QUEUES_MATCH = "queues_match_interval_metrics"
USERS_MATCH = "users_match_interval_metrics"
HANDLE_TIME = "handle_time_is_its_parts"
DAY_MATCHES = "day_matches_interval_metrics"

_ROWS_AT_ONCE = 1_000_000
_ROWS_SHOWN = 20


def build_reconciliation_checks(
    calendar: Calendar,
    *,
    tolerance: str = "0",
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    blocking: bool = False,
) -> list[dg.AssetChecksDefinition]:
    """The checks; `tolerance` is written as `Tolerance.parse` reads it. With `blocking` and the severity ERROR a
    difference keeps the run's reports from being computed and published.
    """
    allowed = Tolerance.parse(tolerance)
    return [_of_sessions(calendar, allowed, severity, blocking), _of_days(calendar, allowed, severity, blocking)]


def _of_sessions(
    calendar: Calendar, tolerance: Tolerance, severity: dg.AssetCheckSeverity, blocking: bool
) -> dg.AssetChecksDefinition:
    described = {
        QUEUES_MATCH: "Counts, sums, minima and maxima of every metric, recomputed from the sessions by the time of "
        "emission, are those of the aggregates, per 15 minutes, queue and media type.",
        USERS_MATCH: "The same per 15 minutes, user and media type.",
        HANDLE_TIME: "tHandle = tTalkComplete + tHeldComplete + tAcw + tContacting + tDialing in every session that "
        "emitted it.",
    }

    @dg.multi_asset_check(
        name="reconcile_sessions",
        specs=[
            dg.AssetCheckSpec(
                name,
                asset=SESSIONS,
                additional_deps=[HOURS],
                description=text,
                blocking=blocking and name != HANDLE_TIME,
            )
            for name, text in described.items()
        ],
    )
    def reconcile_sessions(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> Iterator[dg.AssetCheckResult]:
        findings = {name: Findings() for name in described}
        for day in run_days(context, calendar):
            for name, finding in reconcile_sessions_of(lake.lake, day, tolerance).items():
                findings[name].add(day, finding)
        for name, found in findings.items():
            warning = name == HANDLE_TIME
            yield found.result(name, SESSIONS, tolerance, dg.AssetCheckSeverity.WARN if warning else severity)

    return reconcile_sessions


def _of_days(
    calendar: Calendar, tolerance: Tolerance, severity: dg.AssetCheckSeverity, blocking: bool
) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name=DAY_MATCHES,
        asset=DAYS,
        additional_deps=[HOURS],
        blocking=blocking,
        description="The aggregates asked for the day are the sum of those asked for its hours, per queue or user, "
        "media type and metric. Evaluated where the business day is the UTC day.",
    )
    def day_matches(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        found = Findings()
        for day in run_days(context, calendar):
            if calendar.business_day(day) == utc_day(day):
                found.add(day, reconcile_day(lake.lake, day, tolerance))
            else:
                found.add(day, f"the business day of {calendar.zone.key} is not the UTC day")
        return found.result(DAY_MATCHES, DAYS, tolerance, severity)

    return day_matches


def run_days(context: dg.AssetCheckExecutionContext, calendar: Calendar) -> Sequence[str]:
    """The days of the run that the check is part of; run on its own, a check is about yesterday."""
    run = context.op_execution_context
    if run.has_partition_key or run.has_partition_key_range:
        return calendar.daily.get_partition_keys_in_range(run.partition_key_range)
    return [f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"]


# -- one day -----------------------------------------------------------------------------------------------------------


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


def reconcile_sessions_of(
    lake: Lake, day: str, tolerance: Tolerance, *, reach_days: int = REACH_DAYS
) -> dict[str, Finding | str]:
    """By name of the check what it found of the day, or why it could not be evaluated."""
    obstacle = _obstacle(lake, day, "session_metrics", "interval_metrics")
    if obstacle:
        return dict.fromkeys((QUEUES_MATCH, USERS_MATCH, HANDLE_TIME), obstacle)
    emitted = lake.dataset("tables/session_metrics", days_around(day, reach_days, 1))
    begun = lake.dataset("tables/session_metrics", day)
    aggregates = lake.dataset("tables/interval_metrics", day)
    windows = _windows(day, lake.rows("tables/session_metrics", day))
    unread = unread_conversations(lake, day, reach_days)
    findings: dict[str, Finding | str] = {}
    for name, grouping in {QUEUES_MATCH: reconcile.BY_QUEUE, USERS_MATCH: reconcile.BY_USER}.items():
        parts = [
            reconcile.compare(
                reconcile.of_aggregates(aggregates, grouping, window),
                reconcile.of_sessions(emitted, grouping, window),
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


def reconcile_day(lake: Lake, day: str, tolerance: Tolerance) -> Finding | str:
    """What the comparison of the day's aggregates with those of its hours gave, or why there was none."""
    obstacle = _obstacle(lake, day, "daily_metrics", "interval_metrics")
    if obstacle:
        return obstacle
    window = Window(*utc_day(day))
    asked = [lake.dataset(f"tables/{name}", day) for name in ("daily_metrics", "interval_metrics")]
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
    for name, where in (("conversations", ~pc.field("is_complete")), ("sessions", pc.field("session_end").is_null())):
        dataset = lake.dataset(f"tables/{name}", early)
        if dataset is not None:
            media.update(pc.unique(dataset.to_table(columns=["media_type"], filter=where)["media_type"]).to_pylist())
    if "callback" in media:
        media.add("voice")  # the call back is yet to come
    return Unread(missing, frozenset(name for name in media if name))


def _read_after(lake: Lake, earlier: str, day: str) -> bool:
    said = lake.provenance("tables/session_metrics", earlier)
    through = said.get("data_available_through")
    return bool(said.get("is_complete") and through) and datetime.fromisoformat(str(through)) >= utc_day(day)[1]


def _obstacle(lake: Lake, day: str, *tables: str) -> str | None:
    """Why a day can not be compared yet: it is not over, or a table does not hold all of it."""
    end = utc_day(day)[1]
    if end > datetime.now(UTC):
        return "the day is not over"
    for name in tables:
        if not lake.has(f"tables/{name}", day):
            return f"{name} is not stored"
        through = lake.provenance(f"tables/{name}", day).get("data_available_through")
        if through and datetime.fromisoformat(str(through)) < end:
            return f"{name} holds the day until {through} only"
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


# -- what the UI shows -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Findings:
    """What a check found of each day of its run."""

    of_days: dict[str, Finding] = field(default_factory=dict)
    not_evaluated: dict[str, str] = field(default_factory=dict)

    def add(self, day: str, finding: Finding | str) -> None:
        if isinstance(finding, str):
            self.not_evaluated[day] = finding
        else:
            self.of_days[day] = finding

    def result(
        self, name: str, key: dg.AssetKey, tolerance: Tolerance, severity: dg.AssetCheckSeverity
    ) -> dg.AssetCheckResult:
        differing = sum(len(found.differences) for found in self.of_days.values())
        metadata: dict[str, Any] = {
            "compared": sum(found.compared for found in self.of_days.values()),
            "differing": differing,
            "tolerance": str(tolerance),
        }
        if differing:
            metadata["differences"] = dg.MetadataValue.md(self._listed())
        unread = {day: found for day, found in self.of_days.items() if found.unread is not None and len(found.unread)}
        if unread:
            metadata["unread"] = sum(len(found.unread) for found in unread.values() if found.unread is not None)
            metadata["why_unread"] = dg.MetadataValue.md(
                "\n".join(f"- {day}: the aggregates have more; {found.reason}" for day, found in unread.items())
            )
        if self.not_evaluated:
            metadata["not_evaluated"] = dg.MetadataValue.md(
                "\n".join(f"- {day}: {reason}" for day, reason in self.not_evaluated.items())
            )
        return dg.AssetCheckResult(
            check_name=name, asset_key=key, passed=not differing, severity=severity, metadata=metadata
        )

    def _listed(self) -> str:
        """The first differences of each day with both figures."""
        return "\n\n".join(
            f"{day}: {len(found.differences)} of {found.compared}\n\n{listed(found.differences)}"
            for day, found in self.of_days.items()
            if len(found.differences)
        )


def listed(differences: pa.Table) -> str:
    """The first differences as a Markdown table, without the statistics that no figure has."""
    first = differences.slice(0, _ROWS_SHOWN)
    blank = {name for name in first.column_names if first[name].null_count == len(first)}
    names = [name for name in first.column_names if not {name, _other_side(name)} <= blank]
    rows = [[_shown(row[name]) for name in names] for row in first.to_pylist()]
    return tabulate(rows, headers=names, tablefmt="github", disable_numparse=True)


def _other_side(name: str) -> str:
    return name.replace("expected_", "found_") if name.startswith("expected_") else name.replace("found_", "expected_")


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
