"""A report outside reports.yaml: an entry with its name. The platform is asked nothing for it, so it can use only
figures that are always asked.
"""

from __future__ import annotations

from pydantic_core import InitErrorDetails

from genesys_assets.reports.language.model import ReportName
from genesys_assets.reports.language.problems import Path
from genesys_assets.reports.language.strict_model import mistake
from genesys_assets.reports.meaning.entries import Entry
from genesys_assets.settings import AggregatesSettings


class StandaloneReport(Entry):
    """One report: figures from one or several sources, grouped by interval and dimensions, and the columns shown."""

    name: ReportName
    """The report becomes the asset genesys/reports/<name>."""

    @classmethod
    def _without(cls, value: object, errors: list[InitErrorDetails]) -> object:
        rest = super()._without(value, errors)
        return None if rest is None else {"name": "report", **rest}

    def _mistakes(self) -> list[InitErrorDetails]:
        from genesys_assets.reports.built_in import built_in_reports, operating_reports

        found = super()._mistakes()
        if self.name in [report.name for report in (*built_in_reports(), *operating_reports())]:
            message = f"{self.name!r} is the name of a report that ships. Choose another"
            found.append(mistake(("name",), message, self.name))
        return found or self._unasked()

    def _unasked(self) -> list[InitErrorDetails]:
        """What the platform would have to be asked for this report alone."""
        from genesys_assets.reports.built_in import asked_in_any_case
        from genesys_assets.reports.meaning.questions import further_questions, question_in_words, wanted_by_settings

        in_any_case = [*asked_in_any_case(), *wanted_by_settings(AggregatesSettings.load().families)]
        found = []
        for index, part in enumerate(self.report(self.name).aggregates):
            path: Path = ("aggregates", index) if isinstance(self.aggregates, list) else ("aggregates",)
            for question in further_questions([part.source.question], in_any_case):
                asked = question_in_words(question)
                message = (
                    f"nothing asks the platform for {asked}. Put the report into reports.yaml of the code location "
                    "genesys_assets (GENESYS_ASSETS_REPORTS), which then does; or count from `details`"
                )
                found.append(mistake(path, message, ", ".join(question.metrics)))
        return found
