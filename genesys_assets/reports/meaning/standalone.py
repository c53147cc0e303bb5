"""A report outside reports.yaml: an entry with its name. It sends no questions of its own to the platform, so it can
only use figures that are fetched anyway.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import InitErrorDetails

from genesys_assets.reports.language.model import ReportName
from genesys_assets.reports.language.problems import Path, Unknown
from genesys_assets.reports.language.remaining import Remaining
from genesys_assets.reports.language.strict_model import mistake
from genesys_assets.reports.meaning.entries import Entry
from genesys_assets.settings import AggregatesSettings


class StandaloneReport(Entry):
    """One report: figures from one or several sources, grouped by interval and dimensions, and the columns shown."""

    name: ReportName
    """The report becomes the asset genesys/reports/<name>."""

    @classmethod
    def _remaining(cls, value: Any, errors: list[InitErrorDetails]) -> Remaining | None:
        remaining = super()._remaining(value, errors)
        if remaining is not None:
            remaining.value.setdefault("name", "report")
        return remaining

    def _mistakes(self, unknown: Unknown | None = None) -> list[InitErrorDetails]:
        from genesys_assets.reports.built_in import built_in_reports, operating_reports

        mistakes = super()._mistakes(unknown)
        if self.name in [report.name for report in (*built_in_reports(), *operating_reports())]:
            message = f"{self.name!r} is the name of a built-in report. Choose another"
            mistakes.append(mistake(("name",), message, self.name))
        return mistakes or self._unasked()

    def _unasked(self) -> list[InitErrorDetails]:
        """A mistake for each question that the platform would have to be asked for this report alone."""
        from genesys_assets.reports.built_in import asked_in_any_case
        from genesys_assets.reports.meaning.questions import further_questions, question_in_words, wanted_by_settings

        always_asked = [*asked_in_any_case(), *wanted_by_settings(AggregatesSettings.load().families)]
        mistakes = []
        for index, part in enumerate(self.report(self.name).aggregates):
            path: Path = ("aggregates", index) if isinstance(self.aggregates, list) else ("aggregates",)
            for question in further_questions([part.source.question], always_asked):
                message = (
                    f"no other report and no setting asks the platform for {question_in_words(question)}. Put this "
                    "report into reports.yaml of the code location genesys_assets (GENESYS_ASSETS_REPORTS), so that it "
                    "is asked for, or count from `details`"
                )
                mistakes.append(mistake(path, message, ", ".join(question.metrics)))
        return mistakes
