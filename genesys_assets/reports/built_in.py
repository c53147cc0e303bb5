"""The reports that ship, read from built_in.yaml."""

from __future__ import annotations

import functools
from pathlib import Path

from genesys_assets.reports.file import read_reports
from genesys_assets.reports.report import Report

FILE = Path(__file__).with_name("built_in.yaml")


@functools.cache
def built_in_reports() -> tuple[Report, ...]:
    """In the order of the file."""
    reading = read_reports(FILE)
    assert not reading.problems, "\n".join(map(str, reading.problems))
    return tuple(Report.of(name, definition) for name, definition in reading.reports.items())
