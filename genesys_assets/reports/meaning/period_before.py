"""Columns that are compared with the period before: the value then, and the difference.

The value then is null if that period has none. The difference is null if either period has none: no value is not 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from genesys_assets.periods import Period, week_before
from genesys_assets.reports.language.formulas import NUMBERS
from genesys_assets.reports.language.model import ReportDefinition
from genesys_assets.reports.language.problems import Mistakes, one_of, quoted
from genesys_assets.reports.meaning.columns import OutputColumn

BEFORE: Final = "before"
CHANGE: Final = "change"


@dataclass(frozen=True, slots=True)
class PeriodBefore:
    """The period that a period is compared with: the one right before it, or the one that ends a week earlier."""

    to: Literal["period_before", "week_before"]

    def last_day(self, period: Period, key: str) -> str:
        """The last day of the period to compare with, for the period that ends on the day `key`."""
        return week_before(key) if self.to == "week_before" else period.before(key)


def period_before(stated: ReportDefinition, period: Period, mistakes: Mistakes) -> PeriodBefore | None:
    """The period that the entry compares with; None if it does not compare. Mistakes are added to `mistakes`."""
    if stated.compare is None:
        return None
    if stated.compare.to == "week_before" and period.unit in ("week", "month"):
        message = f"over: {period.unit} is compared with the {period.unit} before. Write period_before"
        mistakes.add(("compare", "to"), message, stated.compare.to)
    if period.is_day and stated.granularity != "P1D":
        message = "only whole days are compared, because days may have 23 or 25 hours. Use granularity P1D"
        mistakes.add(("compare",), message, stated.granularity)
    return PeriodBefore(stated.compare.to)


def with_compared(
    stated: ReportDefinition, shown: Sequence[OutputColumn], taken: Collection[str], mistakes: Mistakes
) -> tuple[OutputColumn, ...]:
    """The columns that are shown. Each compared one is followed by its value before and by the difference. `taken` are
    the names of columns that the report has without declaring them.
    """
    if stated.compare is None:
        return tuple(shown)
    numbers = {each.known_as: each for each in shown if each.type in NUMBERS}
    for index, name in enumerate(stated.compare.columns):
        if name not in numbers and name not in mistakes.unknown:
            message = f"{quoted(name)} is no column of numbers in this report. {one_of(numbers, name)}"
            mistakes.add(("compare", "columns", index), message, name)
    columns = tuple(_with_before_and_change(shown, set(stated.compare.columns) & set(numbers)))
    for name in [each.name for each in columns if each.of in (BEFORE, CHANGE)]:
        if name in taken or sum(each.name == name for each in columns) > 1:
            message = f"compare adds a column {name}, but the report already has one. Call that one differently"
            mistakes.add(("compare", "columns"), message, name)
    return columns


def _with_before_and_change(shown: Sequence[OutputColumn], compared: set[str]) -> Iterator[OutputColumn]:
    for each in shown:
        yield each
        if each.known_as in compared:
            unit = f"_{each.unit}" if each.unit else ""
            stem = each.name.removesuffix(unit)
            before = f"{each.description}, in the period that it is compared with"
            yield replace(each, name=f"{stem}_{BEFORE}{unit}", description=before, of=BEFORE)
            change = f"{each.description}: the difference to {stem}_{BEFORE}{unit}"
            yield replace(each, name=f"{stem}_{CHANGE}{unit}", description=change, of=CHANGE)
