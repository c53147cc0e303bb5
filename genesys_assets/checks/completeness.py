"""Completeness: a stored day has at least as many conversations as the platform reports.

    genesys/tables/conversations
        as_many_as_the_platform_says   at least as many rows as the platform reports conversations, and every page that
                                       was read is stored
    genesys/pages/daily_details
        day_has_not_shrunk             a warning if the last reading brought less than half of the conversations of the
                                       reading before

`totalHits` is an estimate. If it may be too high, the fetch asked for the position of the last conversation, which is
exact. A tolerance applies to either number. A day that cannot be judged is a warning. All figures are read from the
lake: those of the platform are in the page files (`days.completeness`). Whether the figures of a day agree with each
other is checked in `reconciliation`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from genesys_assets.checks.checked_tables import AS_MANY, CHECKED
from genesys_assets.checks.reconciliation import run_days
from genesys_assets.days import completeness as figures
from genesys_assets.days.verdicts import Verdict, checked_rows, store_verdicts
from genesys_assets.keys import our_key, translated_key
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import Calendar, utc_day
from genesys_assets.resources import LakeResource
from genesys_assets.tolerance import Tolerance

TABLE = our_key("tables", "conversations")
PAGES = our_key("pages", "daily_details")
NOT_SHRUNK = "day_has_not_shrunk"


@dataclass(frozen=True, slots=True)
class DayFigures:
    """The figures of one day, each None if it is unknown.

    `exact_count` is the exact number of conversations; `rows` are those of the table; `rereads` is how often pages were
    read once more because conversations had moved between them, and `moved_again` whether they moved then too;
    `forgotten` is how many conversations were removed because somebody must be forgotten.
    """

    day: str
    total_hits: int
    exact_count: int | None
    rows: int
    conversations_read: int | None
    pages_read: int | None
    pages_expected: int | None
    pages_stored: int | None
    duplicates_dropped: int | None
    rereads: int | None
    moved_again: bool
    forgotten: int = 0

    @property
    def expected(self) -> int:
        """How many conversations the day has: the exact number if it is known, else the estimate."""
        return self.total_hits if self.exact_count is None else self.exact_count

    @property
    def missing(self) -> int:
        """How many conversations are missing. More rows than expected are fine: the expected figure may be older."""
        return max(0, self.expected - self.rows - self.forgotten)

    def problems(self, tolerance: Tolerance) -> list[str]:
        """What is wrong with the day, a text for each problem."""
        problems = []
        if self.missing and not tolerance.admits(self.expected, self.rows + self.forgotten):
            problems.append(f"{self.missing:,} of {self.expected:,} conversations are missing")
        accounted = self.rows + self.forgotten
        if self.conversations_read is not None and accounted < self.conversations_read:
            problems.append(f"{self.conversations_read - accounted:,} conversations were read and are not in the table")
        if self.pages_stored is not None and self.pages_stored != self.pages_read:
            problems.append(f"{self.pages_read} pages were read and {self.pages_stored} are stored")
        if self.moved_again:
            problems.append("pages moved while they were read, and again when they were read once more")
        return problems


def day_figures(lake: Lake, day: str) -> DayFigures | str:
    """The figures of a day, or why it cannot be judged."""
    end = utc_day(day)[1]
    if end > datetime.now(UTC):
        return "the day is not over"
    if not lake.has("tables/conversations", day):
        return "conversations is not stored"
    is_complete = figures.is_complete(lake, day)
    platform = figures.figures_to_compare(lake, day)
    if platform.get(figures.TOTAL_HITS) is None:
        return "the platform gave no total"
    if datetime.fromisoformat(platform[figures.READ_AT]) < end:
        return f"it was last read at {platform[figures.READ_AT]}, before it was over"
    return DayFigures(
        day=day,
        total_hits=platform[figures.TOTAL_HITS],
        exact_count=platform.get(figures.EXACT_COUNT),
        rows=lake.rows("tables/conversations", day),
        conversations_read=platform[figures.CONVERSATIONS] if is_complete else None,
        pages_read=platform.get(figures.PAGES),
        pages_expected=platform.get(figures.PAGES_EXPECTED),
        pages_stored=len(lake.pages(figures.DAILY_DETAILS, day) or ()) if is_complete else None,
        duplicates_dropped=lake.provenance("tables/conversations", day).get("duplicates_dropped"),
        rereads=platform.get(figures.REREADS),
        moved_again=bool(platform.get(figures.MOVED_AGAIN)),
        forgotten=figures.taken_out(lake, day),
    )


def find_shrinkage(lake: Lake, day: str) -> tuple[int, int] | None:
    """How many conversations the day had before its last reading and has now, if it lost more than half; else None."""
    platform = figures.newest_figures(lake, day, [figures.DAILY_DETAILS])
    before, now = platform.get(figures.COUNT_BEFORE), platform.get(figures.CONVERSATIONS)
    return (before, now) if before is not None and now is not None and 2 * now < before else None


def build_table_check(calendar: Calendar, *, tolerance: str) -> dg.AssetChecksDefinition:
    """The check of conversations; `tolerance` is written as `Tolerance.parse` reads it."""
    return _as_many(calendar, Tolerance.parse(tolerance))


def _as_many(calendar: Calendar, tolerance: Tolerance) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name=AS_MANY,
        asset=translated_key(TABLE),
        description="The day has at least as many rows as the platform reports conversations, within "
        "GENESYS_ASSETS_COMPLETENESS_TOLERANCE, and every page that was read is stored.",
    )
    def as_many(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        figures_by_day: dict[str, DayFigures | str] = {}
        for day in run_days(context, calendar):
            # One lake for both: a verdict on older rows must not count for rows that are stored meanwhile.
            stored = lake.lake
            rows = checked_rows(stored, day, CHECKED["conversations"].places)
            figures_by_day[day] = day_figures(stored, day)
            verdict = _verdict(figures_by_day[day], tolerance)
            store_verdicts(stored, day, [verdict], rows, {"run_id": context.run.run_id, "source": "checks"})
        known = [of_day for of_day in figures_by_day.values() if isinstance(of_day, DayFigures)]
        problems = {of_day.day: of_day.problems(tolerance) for of_day in known}
        metadata: dict[str, Any] = {"tolerance": str(tolerance)}
        if known:
            metadata["missing"] = sum(of_day.missing for of_day in known)
            metadata["days"] = dg.MetadataValue.md(_table(known))
        if any(problems.values()):
            metadata["problems"] = _listed(
                [f"{day}: {problem}" for day, of_day in problems.items() for problem in of_day]
            )
        unknown = [f"{day}: {reason}" for day, reason in figures_by_day.items() if isinstance(reason, str)]
        if unknown:
            metadata["not_evaluated"] = _listed(unknown)
        wrong = any(problems.values())
        severity = dg.AssetCheckSeverity.WARN if unknown and not wrong else dg.AssetCheckSeverity.ERROR
        return dg.AssetCheckResult(passed=not wrong and not unknown, severity=severity, metadata=metadata)

    return as_many


def _verdict(of_day: DayFigures | str, tolerance: Tolerance) -> Verdict:
    if isinstance(of_day, str):
        return Verdict(TABLE.path[-1], AS_MANY, None, says=of_day)
    problems = of_day.problems(tolerance)
    return Verdict(TABLE.path[-1], AS_MANY, not problems, says="; ".join(problems) or None)


def build_pages_check(calendar: Calendar) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name=NOT_SHRUNK,
        asset=translated_key(PAGES),
        description="The last reading of the day brought at least half as many conversations as the one before. If it "
        "did not, the OAuth client may have lost a division.",
    )
    def not_shrunk(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        counts_by_day = {day: find_shrinkage(lake.lake, day) for day in run_days(context, calendar)}
        less = [
            f"{day}: {counts[0]:,} before, {counts[1]:,} now"
            for day, counts in counts_by_day.items()
            if counts is not None
        ]
        return dg.AssetCheckResult(
            passed=not less,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"problems": _listed(less)} if less else {},
        )

    return not_shrunk


def _table(days: Sequence[DayFigures]) -> str:
    from tabulate import tabulate

    rows = [asdict(of_day) for of_day in days]
    return tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)


def _listed(lines: Sequence[str]) -> dg.MetadataValue[Any]:
    return dg.MetadataValue.md("\n".join(f"- {line}" for line in lines))
