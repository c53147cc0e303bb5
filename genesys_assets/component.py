"""The Dagster component `genesys_assets.GenesysReport`: a report of somebody's own in another project's `defs.yaml`.

Here stands what Dagster's components need. What a report may say is `reports`, how it is computed `assets.reports`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    from genesys_assets.reports.meaning.standalone import StandaloneReport

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


class ReportScaffolder(dg.Scaffolder[Any]):
    """Writes a report that works, named as its folder."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        from dagster.components import scaffold_component

        report = {"name": _name(request.target_path), **_EXAMPLE}
        if request.scaffold_format == "yaml":
            scaffold_component(request, report)
        else:
            text = _IN_PYTHON.format(report=json.dumps(report, indent=4))
            (request.target_path / "component.py").write_text(text)


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
        """Raises dagster.DagsterInvalidDefinitionError, which tells all that is wrong with the report."""
        from pydantic import ValidationError

        from genesys_assets.reports.meaning.standalone import StandaloneReport

        resolution = context.resolution_context
        stated = _filled_in(attributes.model_dump() if attributes else {}, resolution.at_path("attributes"))
        try:
            return cls(StandaloneReport.model_validate(stated))
        except ValidationError as error:
            raise dg.DagsterInvalidDefinitionError(_explained(error, resolution)) from None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        from genesys_assets.assets.common import automated, beta_parameters
        from genesys_assets.assets.reports import build_standalone_report_asset
        from genesys_assets.automation.conditions import refresh_elsewhere
        from genesys_assets.partitions import Calendar

        calendar = Calendar.from_environment()
        report = self.definition.report(self.definition.name)
        with beta_parameters():
            asset = build_standalone_report_asset(calendar, report)
        return dg.Definitions(list(automated([asset], refresh_elsewhere(calendar))))


def _attributes_model() -> type[BaseModel]:
    """Anything, described to editors and to `dg check yaml` as a report: what is wrong is told by `load`, in words."""
    from pydantic import GetJsonSchemaHandler, RootModel
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

    from genesys_assets.reports.meaning.standalone import StandaloneReport

    class Attributes(RootModel[dict[str, Any]]):
        @classmethod
        def __get_pydantic_json_schema__(cls, _: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
            return handler.resolve_ref_schema(handler(StandaloneReport.__pydantic_core_schema__))

    return Attributes


def _filled_in(value: Any, context: dg.ResolutionContext) -> Any:
    """With the templates in it resolved. Other texts stay: Dagster would take "1.10" for a number."""
    if isinstance(value, dict):
        return {name: _filled_in(each, context.at_path(name)) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled_in(each, context.at_path(index)) for index, each in enumerate(value)]
    return context.resolve_value(value) if isinstance(value, str) and "{{" in value else value


def _explained(error: ValidationError, context: dg.ResolutionContext) -> str:
    """Each mistake as `dg check yaml` tells one: file, line, field, and the lines around it."""
    from genesys_assets.reports.language.forms import told
    from genesys_assets.reports.language.problems import shown

    lines = ["this report cannot be computed:"]
    for found in told(error):
        path = ["attributes", *found.path]
        value = shown(found.value, found.message)
        message = found.message + (f" (value: {value})" if value else "")
        if context.source_position_tree is None:
            lines.append(f"{'.'.join(map(str, path))}: {message}")
            continue
        there = context.source_position_tree.source_error(path, found.message, value_error=False)
        lines.append(f"{there.file_name}:{there.start_line_no} - {there.location}: {message}\n{there.snippet}")
    return "\n".join(lines)
