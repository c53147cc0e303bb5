"""The file of a user's own reports as an asset, so that the UI shows mistakes in it beside the missing reports."""

from collections.abc import Iterable

import dagster as dg

from genesys_assets.assets.common import attributes
from genesys_assets.keys import asset_key
from genesys_assets.reports.custom import CustomReports
from genesys_assets.reports.language.file import Problem

VALID = "reports_file_is_valid"


def build_reports_file_asset(loaded: CustomReports) -> dg.AssetsDefinition:
    """`loaded` is the file as the code location has read it. The asset reads it again, and its check fails on any
    problem.
    """
    key = asset_key("ops", "reports_file")

    @dg.asset(
        key=key,
        description=f"One row per report of GENESYS_ASSETS_REPORTS, shown in the metadata.\n\n{_describe(loaded)}",
        check_specs=[dg.AssetCheckSpec(VALID, asset=key, description="The file has no mistakes.")],
        code_version=loaded.version or None,
        automation_condition=dg.AutomationCondition.missing() | dg.AutomationCondition.code_version_changed(),
        **attributes("ops", "yaml"),
    )
    def reports_file() -> dg.MaterializeResult:
        current = CustomReports.read(loaded.path)
        problems = {"problems": dg.MetadataValue.md(as_table(current.problems))} if current.problems else {}
        return dg.MaterializeResult(
            metadata={
                "file": str(current.path or "none"),
                "reports": len(current.reports),
                "dagster/row_count": len(current.reports),
                "names": ", ".join(report.name for report in current.reports) or "none",
                **problems,
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name=VALID, passed=not current.problems, metadata={**problems, **_stale(current)}
                )
            ],
        )

    def _stale(current: CustomReports) -> dict[str, str]:
        if current.version == loaded.version:
            return {}
        return {"note": "The file has changed since the code location was loaded: reload it to use the new version."}

    return reports_file


def _describe(loaded: CustomReports) -> str:
    if loaded.path is None:
        return "There is no such file: docs/reports.md shows how to write one."
    if loaded.problems:
        return (
            f"**{loaded.path} is refused: none of its reports is loaded.** Correct it, then reload the code "
            f"location:\n\n{as_table(loaded.problems)}"
        )
    listed = ", ".join(f"`genesys/reports/{report.name}`" for report in loaded.reports)
    return f"{loaded.path} has {listed or 'no reports'}."


def as_table(problems: Iterable[Problem]) -> str:
    """Problems as a Markdown table."""
    from tabulate import tabulate

    rows = [
        [f"{each.line}:{each.column}", each.field, _cell(each.message), _cell(each.value_text)] for each in problems
    ]
    return tabulate(rows, headers=["line", "field", "what is wrong", "value"], tablefmt="github", disable_numparse=True)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def explain(loaded: CustomReports) -> str:
    """A text for the log about a file that is refused."""
    return "\n".join([f"{loaded.path} is refused: none of its reports is loaded.", *map(str, loaded.problems)])
