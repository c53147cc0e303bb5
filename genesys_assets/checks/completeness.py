"""Completeness: what is stored of a day is what the platform says there is.

    genesys/tables/conversations
        as_many_as_the_platform_says   as many rows as there are conversations, as many pages stored as were read
    genesys/pages/daily_details
        day_has_not_shrunk             a warning where less than half of a day came back

`totalHits` is an estimate. Where it may be too high, the position of the last conversation was asked for, which is
exact. Where that is unknown, there is a tolerance. What was not judged is a warning. All figures are read from the
lake: what the platform said stands in the page files (`days.completeness`). Whether the figures of a day agree with
each other is a matter of `reconciliation`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from genesys_assets.checks.looked_at import AS_MANY, CHECKED
from genesys_assets.checks.reconciliation import run_days
from genesys_assets.days import completeness as figures
from genesys_assets.days.verdicts import Verdict, give, looked_at
from genesys_assets.keys import named, our_key
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import Calendar, utc_day
from genesys_assets.resources import LakeResource
from genesys_assets.tolerance import Tolerance

TABLE = our_key("tables", "conversations")
PAGES = our_key("pages", "daily_details")
NOT_SHRUNK = "day_has_not_shrunk"


@dataclass(frozen=True, slots=True)
class DayFigures:
    """The figures of one day; None where unknown."""

    day: str
    total_hits: int
    there: int | None
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
        """How many the day has: the position of the last one if that was asked for, else the estimate."""
        return self.total_hits if self.there is None else self.there

    @property
    def missing(self) -> int:
        """More rows than expected are fine: the expected figure may be older."""
        return max(0, self.expected - self.rows - self.forgotten)

    def problems(self, tolerance: Tolerance) -> list[str]:
        """What is wrong with the day."""
        found = []
        if self.missing and not tolerance.admits(self.expected, self.rows + self.forgotten):
            found.append(f"{self.missing:,} of {self.expected:,} conversations are missing")
        there = self.rows + self.forgotten
        if self.conversations_read is not None and there < self.conversations_read:
            found.append(f"{self.conversations_read - there:,} conversations were read and are not in the table")
        if self.pages_stored is not None and self.pages_stored != self.pages_read:
            found.append(f"{self.pages_read} pages were read and {self.pages_stored} are stored")
        if self.moved_again:
            found.append("pages moved while they were read, and again when they were read once more")
        return found


def day_figures(lake: Lake, day: str) -> DayFigures | str:
    """What is known of the day, or why it cannot be judged."""
    end = utc_day(day)[1]
    if end > datetime.now(UTC):
        return "the day is not over"
    if not lake.has("tables/conversations", day):
        return "conversations is not stored"
    is_complete = figures.is_complete(lake, day)
    said = figures.newest_figures(lake, day, [figures.DAILY] if is_complete else [figures.DAILY, figures.HOURLY])
    if said.get(figures.TOTAL_HITS) is None:
        return "the platform gave no total"
    if datetime.fromisoformat(said[figures.READ_AT]) < end:
        return f"it was last read at {said[figures.READ_AT]}, before it was over"
    return DayFigures(
        day=day,
        total_hits=said[figures.TOTAL_HITS],
        there=said.get(figures.THERE),
        rows=lake.rows("tables/conversations", day),
        conversations_read=said[figures.CONVERSATIONS] if is_complete else None,
        pages_read=said.get(figures.PAGES),
        pages_expected=said.get(figures.PAGES_EXPECTED),
        pages_stored=len(lake.pages(figures.DAILY, day) or ()) if is_complete else None,
        duplicates_dropped=lake.provenance("tables/conversations", day).get("duplicates_dropped"),
        rereads=said.get(figures.REREADS),
        moved_again=bool(said.get(figures.MOVED_AGAIN)),
        forgotten=figures.taken_out(lake, day),
    )


def shrunk(lake: Lake, day: str) -> tuple[int, int] | None:
    """How many conversations the day had and has, where the last reading brought less than half of them."""
    said = figures.newest_figures(lake, day, [figures.DAILY])
    before, now = said.get(figures.BEFORE), said.get(figures.CONVERSATIONS)
    return (before, now) if before is not None and now is not None and 2 * now < before else None


def build_table_check(calendar: Calendar, *, tolerance: str) -> dg.AssetChecksDefinition:
    """The check of conversations; `tolerance` is written as `Tolerance.parse` reads it."""
    return _as_many(calendar, Tolerance.parse(tolerance))


def _as_many(calendar: Calendar, tolerance: Tolerance) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name=AS_MANY,
        asset=named(TABLE),
        description="The day has no fewer rows than the platform said it has conversations, give or take "
        "GENESYS_ASSETS_COMPLETENESS_TOLERANCE, and every page that was read.",
    )
    def as_many(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        found = {day: day_figures(lake.lake, day) for day in run_days(context, calendar)}
        for day, of_day in found.items():
            rows = looked_at(lake.lake, day, CHECKED["conversations"].looked_at)
            give(
                lake.lake, day, [_verdict(of_day, tolerance)], rows, {"run_id": context.run.run_id, "source": "checks"}
            )
        known = [of_day for of_day in found.values() if isinstance(of_day, DayFigures)]
        problems = {of_day.day: of_day.problems(tolerance) for of_day in known}
        metadata: dict[str, Any] = {"tolerance": str(tolerance)}
        if known:
            metadata["missing"] = sum(of_day.missing for of_day in known)
            metadata["days"] = dg.MetadataValue.md(_table(known))
        if any(problems.values()):
            metadata["problems"] = _listed([f"{day}: {said}" for day, all_ in problems.items() for said in all_])
        unknown = [f"{day}: {reason}" for day, reason in found.items() if isinstance(reason, str)]
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
        asset=named(PAGES),
        description="The day was not left with less than half of the conversations it had when it was read before. "
        "A division that the OAuth client lost looks like this.",
    )
    def not_shrunk(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        found = {day: shrunk(lake.lake, day) for day in run_days(context, calendar)}
        less = [f"{day}: {was[0]:,} before, {was[1]:,} now" for day, was in found.items() if was is not None]
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
