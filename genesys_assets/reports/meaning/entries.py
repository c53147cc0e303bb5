"""Reads the entries of a file. Validating an entry also looks up all names in it and compiles its report, once.

A file with a mistake is refused as a whole. `language` says how an entry is written, `report` what it means.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import PrivateAttr, ValidationError
from pydantic_core import InitErrorDetails

from genesys_assets.cloud.analytics.catalogue import few_searches
from genesys_assets.reports.language.file import (
    MOST_PROBLEMS,
    MOST_REPORTS,
    Document,
    Problem,
    UnreadableReportsFile,
    content_of,
    text_of,
)
from genesys_assets.reports.language.model import ReportDefinition, ReportName, ReportsFile
from genesys_assets.reports.language.problems import Mistakes, Unknown
from genesys_assets.reports.language.strict_model import mistake, mistakes_of
from genesys_assets.reports.meaning.report import Report


class Entry(ReportDefinition):
    """An entry with its compiled report."""

    _compiled: Report | None = PrivateAttr(default=None)

    def report(self, name: str) -> Report:
        """The report, under a name."""
        assert self._compiled is not None, "an entry is compiled when it is validated"
        return self._compiled.called(name)

    def _mistakes(self, unknown: Unknown | None = None) -> list[InitErrorDetails]:
        mistakes = Mistakes(unknown=unknown or Unknown())
        self._compiled = Report.of("report", self, mistakes)
        return [mistake(found.path, found.message, found.value) for found in mistakes.items]


class EntriesFile(ReportsFile):
    """reports.yaml: reports by name."""

    # To mypy dict[…, Entry] is no dict[…, ReportDefinition], because one could write to it. This one is frozen.
    reports: dict[ReportName, Entry]  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class ParsedReports:
    """The reports of a file by name, or its problems. `version` identifies the bytes of the file."""

    reports: Mapping[str, Report]
    problems: tuple[Problem, ...] = ()
    version: str = ""


def read_reports(path: Path, taken: Iterable[str] = (), *, is_shipped: bool = False) -> ParsedReports:
    """Read the reports of a file. `taken` are names of other reports. `is_shipped`: the file belongs to this package.

    Raises nothing: mistakes, and a file that cannot be read, become problems.
    """
    try:
        content = content_of(path)
        text = text_of(content)
    except UnreadableReportsFile as error:
        return ParsedReports({}, (Problem(str(path), 1, 1, "", f"the file cannot be read: {error}"),))
    reading = read_text(text, str(path), taken, is_shipped=is_shipped)
    return ParsedReports(reading.reports, reading.problems, hashlib.sha256(content).hexdigest()[:12])


def read_text(text: str, file: str, taken: Iterable[str] = (), *, is_shipped: bool = False) -> ParsedReports:
    """As `read_reports`, from a text; `file` is its name in problems."""
    document = Document.of(text, file, is_shipped=is_shipped)
    with few_searches(2 * MOST_PROBLEMS):
        reports = _reports(document, taken) if document.is_read else {}
    return ParsedReports({}, document.problems) if document.problems else ParsedReports(reports)


def _reports(document: Document, taken: Iterable[str]) -> dict[str, Report]:
    """The reports by name. Mistakes are added to the document."""
    stated = document.value
    if isinstance(stated, dict) and "reports" in stated and stated["reports"] is None:
        stated["reports"] = {}
    named = stated.get("reports") if isinstance(stated, dict) else None
    if isinstance(named, dict) and len(named) > MOST_REPORTS:
        message = f"a file holds at most {MOST_REPORTS} reports, this one has {len(named)}. Take some out"
        document.add(("reports",), message, None, key=True)
        return {}
    for name in set(taken) & set(named if isinstance(named, dict) else ()):
        message = f"{name!r} is the name of a built-in report. Choose another"
        document.add(("reports", name), message, name, key=True)
    try:
        entries = EntriesFile.model_validate(stated).reports
    except ValidationError as error:
        for found in mistakes_of(error):
            document.add(found.path, found.message, found.value, key=found.of_key)
        return {}
    return {name: entry.report(name) for name, entry in entries.items()}
