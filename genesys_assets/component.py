"""The Dagster component `genesys_assets.GenesysReport`: a report of somebody's own in another project's `defs.yaml`.

Here stands what Dagster's components need. What a report may say is `reports`, how it is computed `assets.reports`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from pprint import pformat
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from pydantic import BaseModel

    from genesys_assets.partitions import Calendar
    from genesys_assets.reports.standalone import StandaloneReport

_EXAMPLE = {
    "description": "One row per queue and hour.",
    "granularity": "PT1H",
    "group_by": ["queueId"],
    "aggregates": {
        "filter": {"mediaType": "voice"},
        "metrics": {"handled": "tHandle.count", "handle_time": "tHandle.sum"},
    },
    "columns": {
        "handled": {"description": "how many were handled"},
        "average_handle_time": {"formula": "handle_time / handled", "unit": "seconds"},
    },
}
_IN_PYTHON = """\
import dagster as dg

from genesys_assets import GenesysReport

REPORT = {report}


@dg.component_instance
def load(context: dg.ComponentLoadContext) -> GenesysReport:
    return GenesysReport.from_attributes_dict(attributes=REPORT, context=context)
"""
_NOT_PARTITIONED = ("reference", "live")


class ReportScaffolder(dg.Scaffolder[Any]):
    """Writes a report that works, named as its folder."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        from dagster.components import scaffold_component

        report = {"name": _name(request.target_path), **_EXAMPLE}
        if request.scaffold_format == "yaml":
            scaffold_component(request, report)
        else:
            shown = pformat(report, sort_dicts=False, width=100)
            (request.target_path / "component.py").write_text(_IN_PYTHON.format(report=shown))


def _name(path: Path) -> str:
    """A report's name made of the folder's; another one where it is added to a file."""
    folder, there = (path.parent, path.read_text()) if path.is_file() else (path, "")
    plain = re.sub(r"\W", "_", folder.name.lower(), flags=re.ASCII)
    name = plain if re.match("[a-z]", plain) else f"report_{plain}"
    further = there.count("attributes:") + 1
    return f"{name}_{further}" if further > 1 else name


@dg.scaffold_with(ReportScaffolder)
@dataclass(frozen=True)
class GenesysReport(dg.Component):
    """A report of Genesys Cloud analytics, computed a day at a time from the lake that genesys_assets fills.

    The attributes are those of an entry in reports.yaml of genesys_assets, explained in its docs/reports.md, with a
    name: the report becomes the asset genesys/reports/<name>, with checks. Settings are those of genesys_assets, from
    the environment: GENESYS_ASSETS_LAKE, GENESYS_ASSETS_START_DATE, GENESYS_ASSETS_TIME_ZONE.
    """

    definition: StandaloneReport

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        return _attributes_model()

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        return dg.ComponentTypeSpec(tags=["genesys-cloud"], produces=["asset", "asset_check"])

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> GenesysReport:
        """Raises pydantic.ValidationError for what is wrong with the report once its templates are filled in."""
        from genesys_assets.reports.standalone import StandaloneReport

        stated = attributes.model_dump(exclude_unset=True) if attributes else {}
        filled_in = context.resolution_context.at_path("attributes").resolve_value(stated)
        return cls(StandaloneReport.model_validate(filled_in))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        from genesys_assets.assets.common import automated, beta_parameters
        from genesys_assets.assets.reports import build_standalone_report_asset, report_deps
        from genesys_assets.automation.conditions import refresh_elsewhere
        from genesys_assets.partitions import Calendar
        from genesys_assets.reports.report import Report

        calendar = Calendar.from_environment()
        report = Report.of(self.definition.name, self.definition)
        with beta_parameters():
            asset = build_standalone_report_asset(calendar, report)
        made_elsewhere = _made_elsewhere(report_deps(report), calendar)
        return dg.Definitions([*made_elsewhere, *automated([asset], refresh_elsewhere(calendar))])


def _made_elsewhere(keys: Iterable[dg.AssetKey], calendar: Calendar) -> Iterable[dg.AssetSpec]:
    """What the code location genesys_assets makes, declared with its partitions: without that, one day that is read
    again would ask for every day of the report.
    """
    for key in dict.fromkeys(keys):
        layer = key.path[1]
        partitions = None if layer in _NOT_PARTITIONED else calendar.daily
        yield dg.AssetSpec(key, group_name=layer, partitions_def=partitions)


def _attributes_model() -> type[BaseModel]:
    from pydantic_core import InitErrorDetails

    from genesys_assets.reports.standalone import StandaloneReport

    class ReportAttributes(StandaloneReport):
        __doc__ = StandaloneReport.__doc__

        def _mistakes(self) -> list[InitErrorDetails]:
            """Names in a template can be looked up only once it is filled in."""
            return [] if "{{" in repr(self) else super()._mistakes()

    return ReportAttributes
