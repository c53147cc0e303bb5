"""How far a stored partition is known: one value, written with the partition.

Reports, checks, publishing and automation use its methods. `parquet_files` knows where it is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

from genesys_assets.spans import Window, utc_day

Questions = Mapping[str, list[str]]
"""The metrics that the request of every hour named, by question: see `tables.metrics.question.answered_everywhere`."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Everything before `through` is known, UTC.

    `is_complete`: details jobs returned all of the partition, or each of its hours of aggregates was fetched after it
    was over, or files of the data lake reach to its end, or the person who imported files said that they hold all of
    it. `imported`: some rows come from imported files. `fetched_hours`, of aggregates, counts the hours that were
    fetched.
    """

    through: datetime
    is_complete: bool = False
    imported: bool = False
    fetched_hours: int | None = None
    questions: Questions = field(default_factory=dict)

    def covers(self, window: Window) -> bool:
        """Whether all of the window is known."""
        return self.through >= window.end

    def covers_day(self, day: str) -> bool:
        """Whether all of a UTC day is known."""
        return self.through >= utc_day(day)[1]

    def has_asked(self, question: str, metrics: Iterable[str]) -> bool:
        """Whether the request of every fetched hour named these metrics. Imported hours are exempt: they hold whatever
        the file had.
        """
        if self.imported and not self.fetched_hours:
            return True
        return set(metrics) <= set(self.questions.get(question, ()))

    @classmethod
    def of_all(cls, window: Window, days: Mapping[str, Iterable[Self | None]]) -> Self:
        """How far a window is known if it is computed from tables of several UTC days: the earliest of all gaps counts.

        `days` gives, by UTC day, the reach of each table; None for a table that is not stored.
        """
        through, is_complete, imported = window.end, True, False
        for day, reaches in days.items():
            start, end = utc_day(day)
            for reach in reaches:
                known = start if reach is None else reach.through
                if known < min(end, window.end):
                    through = min(through, max(window.start, known))
                is_complete &= reach is not None and reach.is_complete
                imported |= reach is not None and reach.imported
        return cls(through, is_complete and through >= window.end, imported)

    @classmethod
    def least(cls, first: Self, *others: Self) -> Self:
        """How far several tables of one window are known together."""
        known = (first, *others)
        return cls(
            min(reach.through for reach in known),
            all(reach.is_complete for reach in known),
            any(reach.imported for reach in known),
        )

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "through": self.through.isoformat(timespec="milliseconds")}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(**{**value, "through": datetime.fromisoformat(value["through"])})
