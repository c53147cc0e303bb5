"""Custom reports, those of the reports file: reads the file, and previews a report.

A report in the file must not have the name of a built-in report. The setting GENESYS_ASSETS_REPORTS names the file;
`meaning.entries` parses it.
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
class CustomReports:
    """The reports of a file, or its problems. Both are empty without a file. `version` identifies its bytes."""

    path: Path | None
    reports: tuple[Report, ...] = ()
    problems: tuple[Problem, ...] = ()
    version: str = ""

    @classmethod
    def read(cls, path: Path | None) -> CustomReports:
        """Read the file as it is now. Raises nothing: what goes wrong becomes a problem."""
        if path is None:
            return cls(None)
        try:
            reading = read_reports(path, [report.name for report in (*built_in_reports(), *operating_reports())])
        except Exception as error:
            # Whatever the file holds, the rest of the code location must load.
            reason = f"the file cannot be read: {type(error).__name__}: {error}. This is a mistake in genesys_assets"
            return cls(path, problems=(Problem(str(path), 1, 1, "", f"{reason}: report it with the file"),))
        return cls(path, tuple(reading.reports.values()), reading.problems, reading.version)


def wanted_families() -> tuple[AggregateFamily, ...]:
    """The families of aggregates, except conversations, that reports or settings need. Raises SettingError."""
    custom, further = CustomReports.read(ReportSettings.load().file), AggregatesSettings.load().families
    return families_of([*asked_in_any_case(), *questions_of(custom.reports), *wanted_by_settings(further)])


def preview(report: Report, lake: Lake, day: str, *, zone: ZoneInfo = _UTC, start_date: date = date.min) -> pa.Table:
    """Compute a report of one day, or of the week or month that the day belongs to, from stored tables, without storing
    it. `zone` is that of the business day. Raises NotStored.
    """
    return compute(report, StoredDay(lake, report.period.last(day), zone, start_date))
