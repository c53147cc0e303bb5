"""Reports of people's own: what their file gives, what is wrong with it, and a look at one of them.

The file must not take a name that ships. Where it lies is in `settings`; `meaning.entries` reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from genesys_assets.cloud.analytics.families import AggregateFamily
from genesys_assets.lake.lake import Lake
from genesys_assets.reports.built_in import asked_in_any_case, built_in_reports, operating_reports
from genesys_assets.reports.engine.compute import compute
from genesys_assets.reports.engine.stored import StoredDay
from genesys_assets.reports.language.file import Problem
from genesys_assets.reports.meaning.entries import read_reports
from genesys_assets.reports.meaning.questions import families_of, questions_of, wanted_by_settings
from genesys_assets.reports.meaning.report import Report
from genesys_assets.settings import AggregatesSettings, ReportSettings

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class OwnReports:
    """The reports of a file, or what is wrong with it; without a file, none of either."""

    path: Path | None
    reports: tuple[Report, ...] = ()
    problems: tuple[Problem, ...] = ()
    version: str = ""

    @classmethod
    def read(cls, path: Path | None) -> OwnReports:
        """What is in the file now. Nothing is raised: problems are returned."""
        if path is None:
            return cls(None)
        try:
            reading = read_reports(path, [report.name for report in (*built_in_reports(), *operating_reports())])
        except Exception as error:
            # No file, whatever it holds, may keep everything else from loading.
            reason = f"cannot be read: {type(error).__name__}: {error}. This is a mistake in genesys_assets"
            return cls(path, problems=(Problem(str(path), 1, 1, "", f"{reason}: report it with the file"),))
        return cls(path, tuple(reading.reports.values()), reading.problems, reading.version)


def wanted_families() -> tuple[AggregateFamily, ...]:
    """The families of aggregates, except conversations, that reports or settings need. Raises SettingError."""
    own, further = OwnReports.read(ReportSettings.load().file), AggregatesSettings.load().families
    return families_of([*asked_in_any_case(), *questions_of(own.reports), *wanted_by_settings(further)])


def check(path: Path) -> list[Problem]:
    """All that is wrong with a file, in the order of its lines; nothing where it can be used."""
    return list(OwnReports.read(path).problems)


def preview(report: Report, lake: Lake, day: str, *, zone: ZoneInfo = _UTC, start_date: date = date.min) -> pa.Table:
    """The report of one day, or of the week or month that it belongs to, from stored tables. It is not stored. `zone`
    is that of the business day. Raises NotStored.
    """
    return compute(report, StoredDay(lake, report.period.last(day), zone, start_date))
