"""The Dagster component `genesys_assets.GenesysReport`: a custom report in another project's `defs.yaml`.

This module has only the component. `reports` defines the language of reports, `assets.reports` makes the asset.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg

from genesys_assets.components.attributes import (
    attributes_model,
    components_of,
    mistakes_in_words,
    resolve_templates,
    translation,
)
from genesys_assets.keys import LAYER, naming
from genesys_assets.reports.language.problems import Mistake, quoted
from genesys_assets.reports.language.strict_model import Model, mistake, mistakes_of
from genesys_assets.reports.meaning.standalone import StandaloneReport

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import InitErrorDetails

    from genesys_assets.definitions import Pipeline
    from genesys_assets.partitions import Calendar
    from genesys_assets.reports.meaning.report import Report

Read = TypeVar("Read", bound=Model)
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


class AssetAttributes(Model):
    """Attributes of the asset, which are not part of the report."""

    group: str | None = None
    """The asset's group. Not stated: reports."""
    owners: list[str] | None = None
    """The owners of the asset: e-mail addresses, or team:<name>. Not stated: those of genesys_assets."""
    tags: dict[str, str] | None = None
    """Tags of the asset, in addition to those of genesys_assets."""
    condition: Any = "refreshed"
    """When it is computed automatically: refreshed (as soon as its tables are computed again), never, or a condition of
    Dagster as a template, such as "{{ dg.AutomationCondition.on_cron('0 6 * * *') }}".
    """
    translation: dict[str, Any] | str | None = None
    """The translation of the pipeline whose tables it reads, if that is in another project."""

    def _mistakes(self) -> list[InitErrorDetails]:
        if self.condition in ("refreshed", "never") or isinstance(self.condition, dg.AutomationCondition):
            return []
        message = (
            f"condition must be refreshed, never or a condition of Dagster, got {quoted(self.condition)}. Write a "
            "template such as \"{{ dg.AutomationCondition.on_cron('0 6 * * *') }}\"."
        )
        return [mistake(("condition",), message, None)]


class PipelineReport(StandaloneReport):
    """A report in the same project as a pipeline, which fetches what the report needs."""

    def _unasked(self) -> list[InitErrorDetails]:
        return []


class ReportScaffolder(dg.Scaffolder[Any]):
    """Writes a report that works, with the name of its folder."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        from dagster.components import scaffold_component

        report = {"name": _name(request.target_path), **_EXAMPLE}
        if request.scaffold_format == "yaml":
            scaffold_component(request, report)
        else:
            text = _IN_PYTHON.format(report=json.dumps(report, indent=4))
            (request.target_path / "component.py").write_text(text)


def _name(path: Path) -> str:
    """A name for a report, made from the name of its folder. If the file already has reports, the name ends with a
    number.
    """
    folder, text = (path.parent, path.read_text()) if path.is_file() else (path, "")
    plain = re.sub(r"\W", "_", folder.name.lower(), flags=re.ASCII)
    name = plain if re.match("[a-z]", plain) else f"report_{plain}"
    number = text.count("attributes:") + 1
    return f"{name}_{number}" if number > 1 else name


@dg.scaffold_with(ReportScaffolder)
@dataclass(frozen=True)
class GenesysReport(dg.Component):
    """A report of Genesys Cloud analytics, computed a day at a time from the lake that genesys_assets fills.

    The attributes are those of an entry in reports.yaml of genesys_assets (see its docs/reports.md), `name`, and those
    of the asset: `group`, `owners`, `tags`, `condition` and `translation`. The report becomes the asset
    genesys/reports/<name>, with checks.

    Lake and calendar are those of the GenesysCloud component in the same project. A project without that
    component uses the settings GENESYS_ASSETS_LAKE, GENESYS_ASSETS_START_DATE and GENESYS_ASSETS_TIME_ZONE. In such a
    project a report that reads several days (`over`, `compare`) and has the condition `refreshed` comes with the sensor
    <name>_days. It launches the report again when one of its days has changed.
    """

    definition: StandaloneReport
    asset: AssetAttributes = field(default_factory=AssetAttributes)
    pipeline: Pipeline | None = None
    translate: Callable[[dg.AssetSpec], dg.AssetSpec] | None = None

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        return attributes_model(StandaloneReport, AssetAttributes)

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        return dg.ComponentTypeSpec(tags=["genesys-cloud"], produces=["asset", "asset_check", "job", "sensor"])

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> GenesysReport:
        """The component. Raises dagster.DagsterInvalidDefinitionError, which lists every mistake in the report."""
        from genesys_assets.components.pipeline import pipeline_of

        resolution, pipeline = context.resolution_context, pipeline_of(context)
        stated = resolve_templates(attributes.model_dump() if attributes else {}, resolution.at_path("attributes"))
        of_asset = {name: stated.pop(name) for name in [*stated] if name in AssetAttributes.model_fields}
        definition, wrong = _read(StandaloneReport if pipeline is None else PipelineReport, stated)
        asset, wrong_of_asset = _read(AssetAttributes, of_asset)
        if definition is None or asset is None:
            mistakes = [*wrong, *wrong_of_asset]
            raise dg.DagsterInvalidDefinitionError(
                mistakes_in_words("this report cannot be computed:", mistakes, resolution)
            )
        translate = translation(asset.translation, resolution)
        if translate is None and pipeline is not None:
            translate = pipeline.translate
        return cls(definition, asset, pipeline, translate)

    @cached_property
    def report(self) -> Report:
        """The report of this component."""
        return self.definition.report(self.definition.name)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        from genesys_assets.assets.common import beta_parameters, with_condition
        from genesys_assets.assets.reports import build_standalone_report_asset
        from genesys_assets.definitions import Pipeline
        from genesys_assets.partitions import Calendar
        from genesys_assets.presentation import describe_report_asset

        pipeline = replace(self.pipeline or Pipeline(), translate=self.translate)
        calendar = pipeline.calendar or Calendar.from_environment()
        with beta_parameters(), naming(pipeline.translate_key):
            built = build_standalone_report_asset(calendar, self.report, pipeline.lake)
            assets = describe_report_asset(built, self.report, pipeline.lake_location, self.translate)
            sensors = self._sensors(calendar)
        condition = None if sensors else self._condition(calendar)
        return dg.Definitions(
            list(with_condition(dg.map_asset_specs(self._with_asset_attributes, assets), condition)), sensors=sensors
        )

    def _sensors(self, calendar: Calendar) -> list[dg.SensorDefinition]:
        """The sensor of a report that reads several days. None is needed if the project has a pipeline, whose sensors
        launch the report.
        """
        from genesys_assets.automation.standalone_sensor import build_standalone_sensor

        if self.pipeline or self.asset.condition != "refreshed":
            return []
        if self.report.period.is_day and self.report.before is None:
            return []
        return [build_standalone_sensor(calendar, self.report)]

    def _with_asset_attributes(self, spec: dg.AssetSpec) -> dg.AssetSpec:
        """The spec with the attributes of the asset that are stated."""
        stated = self.asset
        return spec.replace_attributes(
            group_name=spec.group_name if stated.group is None else stated.group,
            owners=spec.owners if stated.owners is None else stated.owners,
        ).merge_attributes(tags={**(stated.tags or {}), LAYER: spec.tags[LAYER]})

    def _condition(self, calendar: Calendar) -> dg.AutomationCondition[Any] | None:
        """The condition of a report that is computed automatically. None is needed if the project has a pipeline, whose
        sensors launch the report.
        """
        from genesys_assets.automation.standalone_condition import standalone_condition

        stated = self.asset.condition
        if isinstance(stated, dg.AutomationCondition):
            return stated
        return None if stated == "never" or self.pipeline else standalone_condition(calendar)


def reports_of(context: dg.ComponentLoadContext) -> tuple[Report, ...]:
    """The reports that are components of the project."""
    return tuple(component.report for component in components_of(context, GenesysReport))


def unrequested_reports_of(context: dg.ComponentLoadContext) -> frozenset[str]:
    """Names of the reports of the project whose `condition` keeps the pipeline's sensors from requesting them."""
    components = components_of(context, GenesysReport)
    return frozenset(each.definition.name for each in components if each.asset.condition != "refreshed")


def _read(model: type[Read], stated: Any) -> tuple[Read | None, list[Mistake]]:
    """The model of the stated attributes and no mistakes, or None and the mistakes."""
    from pydantic import ValidationError

    try:
        return model.model_validate(stated), []
    except ValidationError as error:
        return None, list(mistakes_of(error))
