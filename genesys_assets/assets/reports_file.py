"""The file of people's own reports as an asset: so that a mistake in it is seen where its reports are missed."""

from collections.abc import Iterable

import dagster as dg

from genesys_assets.assets.common import attributes
from genesys_assets.keys import asset_key
from genesys_assets.reports.language.file import Problem
from genesys_assets.reports.own import OwnReports

VALID = "reports_file_is_valid"


def build_reports_file_asset(loaded: OwnReports) -> dg.AssetsDefinition:
    """`loaded` is what the code location found; the asset reads the file again, and its check fails on any problem."""
    key = asset_key("ops", "reports_file")

    @dg.asset(
        key=key,
        description=f"One row per report of GENESYS_ASSETS_REPORTS, shown in the metadata.\n\n{_describe(loaded)}",
        check_specs=[dg.AssetCheckSpec(VALID, asset=key, description="Nothing in the file is wrong.")],
        code_version=loaded.version or None,
        automation_condition=dg.AutomationCondition.missing() | dg.AutomationCondition.code_version_changed(),
        **attributes("ops", "yaml"),
    )
    def reports_file() -> dg.MaterializeResult:
        found = OwnReports.read(loaded.path)
        problems = {"problems": dg.MetadataValue.md(as_table(found.problems))} if found.problems else {}
        return dg.MaterializeResult(
            metadata={
                "file": str(found.path or "none"),
                "reports": len(found.reports),
                "dagster/row_count": len(found.reports),
                "names": ", ".join(report.name for report in found.reports) or "none",
                **problems,
            },
            check_results=[
                dg.AssetCheckResult(check_name=VALID, passed=not found.problems, metadata={**problems, **_stale(found)})
            ],
        )

    def _stale(found: OwnReports) -> dict[str, str]:
        if found.version == loaded.version:
            return {}
        return {"note": "The file has changed since the code location was loaded: reload it to get what is there now."}

    return reports_file


def _describe(loaded: OwnReports) -> str:
    if loaded.path is None:
        return "There is no such file: docs/reports.md shows how to write one."
    if loaded.problems:
        return (
            f"**{loaded.path} is refused: none of its reports is loaded.** Mend it, then reload the code location:\n\n"
            f"{as_table(loaded.problems)}"
        )
    listed = ", ".join(f"`genesys/reports/{report.name}`" for report in loaded.reports)
    return f"{loaded.path} gives {listed or 'no report'}."


def as_table(problems: Iterable[Problem]) -> str:
    """Problems as a Markdown table."""
    from tabulate import tabulate

    rows = [[f"{each.line}:{each.column}", each.field, _cell(each.message), _cell(each.shown)] for each in problems]
    return tabulate(rows, headers=["line", "field", "what is wrong", "value"], tablefmt="github", disable_numparse=True)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def explain(loaded: OwnReports) -> str:
    """What a log says of a file that is refused."""
    return "\n".join([f"{loaded.path} is refused: none of its reports is loaded.", *map(str, loaded.problems)])
