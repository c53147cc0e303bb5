"""The reports that ship (built_in.yaml), the reports on the page of a day (day_page.yaml), and the reports about the
pipeline itself (operating.yaml).
"""

from __future__ import annotations

import functools
from pathlib import Path

from genesys_assets.cloud.analytics.queries import AggregateQuestion
from genesys_assets.reports.meaning.entries import read_reports
from genesys_assets.reports.meaning.questions import STANDARD, merged, questions_of
from genesys_assets.reports.meaning.report import Report

FILE = Path(__file__).with_name("built_in.yaml")
PAGE_FILE = Path(__file__).with_name("day_page.yaml")
OPERATING_FILE = Path(__file__).with_name("operating.yaml")


@functools.cache
def built_in_reports() -> tuple[Report, ...]:
    """The reports that ship, in the order of the file."""
    return _reports(FILE)


@functools.cache
def asked_in_any_case() -> tuple[AggregateQuestion, ...]:
    """The questions that the platform is always asked, even without reports of one's own."""
    return merged([*STANDARD, *questions_of(built_in_reports())])


@functools.cache
def page_reports() -> dict[str, Report]:
    """The reports on the page of a day, by name. They are not assets: publishing computes them."""
    return {report.name: report for report in _reports(PAGE_FILE)}


@functools.cache
def operating_reports() -> tuple[Report, ...]:
    """The reports about the pipeline. They are assets, but they are not published."""
    return _reports(OPERATING_FILE)


def _reports(file: Path) -> tuple[Report, ...]:
    reading = read_reports(file, is_shipped=True)
    assert not reading.problems, "\n".join(map(str, reading.problems))
    return tuple(reading.reports.values())
