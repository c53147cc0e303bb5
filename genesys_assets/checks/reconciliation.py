"""Reconciliation: a day's sessions, hours and days must give the same figures.

    genesys/tables/session_metrics
        queues_match_interval_metrics   per 15 minutes x queue x media type x metric
        users_match_interval_metrics    per 15 minutes x user x media type x metric
        wait_is_its_ways_out            per queue x media type: tWait and tAnswered + tAbandon + tFlowOut
        handle_time_is_its_parts        per session: tHandle and tTalkComplete + tHeldComplete + tAcw + tContacting
                                        + tDialing
        abandons_are_in_legs            per conversation: tAbandon of sessions and t_abandon_ms of legs
    genesys/tables/daily_metrics
        day_matches_interval_metrics    per business day x queue or user x media type x metric

Genesys does not document the equations of waits, handle times and abandons; we observed them. So they only warn. A day
that could not be compared is a warning, and so is a comparison of nothing.

A check runs with the assets that it checks, for every day of their run. This module has the checks and what the UI
shows; `reconciled_day` reads the files of a day, `tables.reconcile` compares figures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pyarrow as pa

from genesys_assets.checks.abandons import ABANDONS, reconcile_abandons
from genesys_assets.checks.checked_tables import CHECKED, DAY_MATCHES
from genesys_assets.checks.reconciled_day import (
    HANDLE_TIME,
    QUEUES_MATCH,
    USERS_MATCH,
    WAIT,
    DayComparison,
    reconcile_daily,
    reconcile_sessions,
)
from genesys_assets.days.verdicts import Verdict, checked_rows, store_verdicts
from genesys_assets.keys import our_key, translated_key
from genesys_assets.partitions import Calendar
from genesys_assets.resources import LakeResource
from genesys_assets.tables.personal import CONVERSATION_IDS
from genesys_assets.tables.reconcile import BY_USER
from genesys_assets.tolerance import Tolerance

SESSIONS = our_key("tables", "session_metrics")
HOURS = our_key("tables", "interval_metrics")
DAYS = our_key("tables", "daily_metrics")

FIRST_DAY, LAST_DAY = "genesys_assets/first_day", "genesys_assets/last_day"
"""Tags of a run that has checks only: the days to check."""
_OBSERVED_EQUATIONS = (WAIT, HANDLE_TIME, ABANDONS)
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
    descriptions = {
        QUEUES_MATCH: "Counts, sums, minima and maxima of every metric, recomputed from the sessions by the time of "
        "emission, equal those of the aggregates, per 15 minutes, queue and media type.",
        USERS_MATCH: "The same per 15 minutes, user and media type.",
        WAIT: "tWait of the aggregates, which no session emits, is the sum of tAnswered, tAbandon and tFlowOut of the "
        "sessions, per day, queue and media type.",
        HANDLE_TIME: "tHandle = tTalkComplete + tHeldComplete + tAcw + tContacting + tDialing in every session that "
        "emitted it.",
        ABANDONS: "The legs of a conversation have every tAbandon that its queues and agents emitted. What other "
        "sessions emitted is in no leg, and is listed: the aggregates count it.",
    }

    key = translated_key(SESSIONS)

    @dg.multi_asset_check(
        name="reconcile_sessions",
        specs=[
            dg.AssetCheckSpec(
                name,
                asset=key,
                additional_deps=[translated_key(HOURS)],
                description=text,
                blocking=blocking and name not in _OBSERVED_EQUATIONS,
            )
            for name, text in descriptions.items()
        ],
    )
    def sessions_match(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> Iterator[dg.AssetCheckResult]:
        results = {
            name: CheckResults(
                SESSIONS, key, name, dg.AssetCheckSeverity.WARN if name in _OBSERVED_EQUATIONS else severity, blocking
            )
            for name in descriptions
        }
        for day in run_days(context, calendar):
            stored = lake.lake
            rows = checked_rows(stored, day, CHECKED[SESSIONS.path[-1]].places)
            comparisons = {**reconcile_sessions(stored, day, tolerance), ABANDONS: reconcile_abandons(stored, day)}
            for name, comparison in comparisons.items():
                results[name].add(day, comparison)
            store_verdicts(
                stored,
                day,
                [results_of_check.verdict(day) for results_of_check in results.values()],
                rows,
                _origin(context),
            )
        for results_of_check in results.values():
            yield results_of_check.result(tolerance)

    return sessions_match


def _of_days(
    calendar: Calendar, tolerance: Tolerance, severity: dg.AssetCheckSeverity, blocking: bool
) -> dg.AssetChecksDefinition:
    key = translated_key(DAYS)

    @dg.asset_check(
        name=DAY_MATCHES,
        asset=key,
        additional_deps=[translated_key(HOURS)],
        blocking=blocking,
        description="The aggregates of the business day are the sum of the aggregates of its hours, per queue or user, "
        "media type and metric. Both were fetched.",
    )
    def day_matches(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        results = CheckResults(DAYS, key, DAY_MATCHES, severity, blocking)
        for day in run_days(context, calendar):
            stored = lake.lake
            rows = checked_rows(stored, day, CHECKED[DAYS.path[-1]].places)
            results.add(day, reconcile_daily(stored, day, tolerance, calendar))
            store_verdicts(stored, day, [results.verdict(day)], rows, _origin(context))
        return results.result(tolerance)

    return day_matches


def _origin(context: dg.AssetCheckExecutionContext) -> dict[str, str]:
    return {"run_id": context.run.run_id, "source": "checks"}


def run_days(context: dg.AssetCheckExecutionContext, calendar: Calendar) -> Sequence[str]:
    """The days of the run that the check is part of. A check that runs on its own checks yesterday."""
    run = context.op_execution_context
    if run.has_partition_key or run.has_partition_key_range:
        return calendar.daily.get_partition_keys_in_range(run.partition_key_range)
    if FIRST_DAY in context.run.tags:
        first = context.run.tags[FIRST_DAY]
        last = context.run.tags.get(LAST_DAY, first)
        return calendar.daily.get_partition_keys_in_range(dg.PartitionKeyRange(first, last))
    return [f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"]


# -- what the UI shows -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class CheckResults:
    """The results of a check for the days of its run.

    `asset` is the key of the table in this project, `key` the one in the code location, which may be translated.
    """

    asset: dg.AssetKey
    key: dg.AssetKey
    check: str
    severity: dg.AssetCheckSeverity
    blocking: bool
    of_days: dict[str, DayComparison] = field(default_factory=dict)
    not_evaluated: dict[str, str] = field(default_factory=dict)

    def add(self, day: str, comparison: DayComparison | str) -> None:
        if isinstance(comparison, str):
            self.not_evaluated[day] = comparison
            return
        self.of_days[day] = comparison
        if not comparison.compared:
            self.not_evaluated[day] = "there was nothing to compare"
        elif not comparison.judged:
            self.not_evaluated[day] = (
                f"the aggregates have more than the sessions, and {comparison.reason}: to find out why, materialise "
                f"genesys/pages/daily_overlap of {day}"
            )

    def verdict(self, day: str) -> Verdict:
        """The verdict on one of the days."""
        found, reason = self.of_days.get(day), self.not_evaluated.get(day)
        differing = len(found.differences) if found else 0
        says = f"{differing} of {found.compared} figures differ" if found and differing else reason
        is_error = self.severity == dg.AssetCheckSeverity.ERROR
        return Verdict(
            self.asset.path[-1],
            self.check,
            False if differing else None if reason else True,
            is_error,
            self.blocking and is_error,
            says,
        )

    def result(self, tolerance: Tolerance) -> dg.AssetCheckResult:
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
                "\n".join(
                    f"- {day}: the aggregates have more than the sessions; {found.reason}"
                    for day, found in unread.items()
                )
            )
        left_out = {day: found.left_out for day, found in self.of_days.items() if found.left_out}
        if left_out:
            metadata["metrics_left_out"] = dg.MetadataValue.md(
                "\n".join(f"- {day}: {name}, {why}" for day, each in left_out.items() for name, why in each.items())
            )
        if self.not_evaluated:
            metadata["not_evaluated"] = dg.MetadataValue.md(
                "\n".join(f"- {day}: {reason}" for day, reason in self.not_evaluated.items())
            )
        return dg.AssetCheckResult(
            check_name=self.check,
            asset_key=self.key,
            passed=not differing and not self.not_evaluated,
            severity=dg.AssetCheckSeverity.WARN if self.not_evaluated and not differing else self.severity,
            metadata=metadata,
        )

    def _listed(self) -> str:
        """The first differences of each day with both figures."""
        return "\n\n".join(
            f"{day}: {len(found.differences)} of {found.compared}\n\n{table_of_differences(found.differences)}"
            for day, found in self.of_days.items()
            if len(found.differences)
        )


def table_of_differences(differences: pa.Table) -> str:
    """The first differences as a Markdown table, without statistics that are null in all of them, and without ids of
    users and conversations.
    """
    from tabulate import tabulate

    first = differences.slice(0, _ROWS_SHOWN)
    blank = {name for name in first.column_names if first[name].null_count == len(first)}
    # Ids of people must not be in Dagster's events, from which nobody can be forgotten.
    hidden = blank | {BY_USER.column} | CONVERSATION_IDS
    names = [name for name in first.column_names if not {name, _other_side(name)} <= hidden]
    rows = [[_format_cell(row[name]) for name in names] for row in first.to_pylist()]
    return tabulate(rows, headers=names, tablefmt="github", disable_numparse=True)


def _other_side(name: str) -> str:
    return name.replace("expected_", "found_") if name.startswith("expected_") else name.replace("found_", "expected_")


def _format_cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
