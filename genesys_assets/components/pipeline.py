"""The Dagster component `genesys_assets.GenesysCloud`: the whole pipeline in another project's `defs.yaml`.

This module defines the attributes that it may have there; `definitions` builds the pipeline.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import dagster as dg
from pydantic import Field, ValidationError
from pydantic_core import InitErrorDetails

from genesys_assets.components.attributes import (
    attributes_model,
    components_of,
    mistakes_in_words,
    resolve_templates,
    translation,
)
from genesys_assets.definitions import Pipeline, build_pipeline
from genesys_assets.keys import LAYERS, LayerName
from genesys_assets.reports.language.problems import Mistake, one_of, quoted
from genesys_assets.reports.language.strict_model import Model, mistake, mistakes_of

if TYPE_CHECKING:
    from pydantic import BaseModel

    from genesys_assets.settings.group import Group

_OF_THE_PIPELINE = {
    "deps": "An asset depends on what it is made of",
    "partitions_def": "Partitions follow from start_date",
    "skippable": "The pipeline decides what may be skipped",
    "code_version": "The version is that of the definition",
}
"""What `translation` must not change."""


def _all_layers() -> list[LayerName]:
    return list(LAYERS)


class Attributes(Model):
    """A mapping whose attributes are all checked, even if some are wrong."""

    @classmethod
    def _without(cls, value: Any, errors: list[InitErrorDetails]) -> Any:
        wrong = {line["loc"][0] for line in errors if line["loc"]}
        return {name: each for name, each in value.items() if name not in wrong} if isinstance(value, dict) else None


class Organisation(Attributes):
    """The Genesys Cloud organisation, and the OAuth client that reads it."""

    region: str | None = None
    """Region as key or domain: us_east_1, mypurecloud.com. Not stated: GENESYS_CLOUD_REGION."""
    api_url: str | None = None
    """URL of the API instead of a region: a gateway, or the sandbox. Not stated: GENESYS_CLOUD_API_URL."""
    login_url: str | None = None
    """URL of the login instead of a region. Not stated: GENESYS_CLOUD_LOGIN_URL."""
    client_id: str | None = None
    """Id of the OAuth client. Not stated: GENESYS_CLOUD_CLIENT_ID."""
    client_secret: str | None = None
    """Its secret, as "{{ env.NAME }}" or secretsmanager:NAME. Not stated: GENESYS_CLOUD_CLIENT_SECRET."""
    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    """Most requests a minute; the API's headers may lower it. Not stated: GENESYS_CLOUD_REQUESTS_PER_MINUTE, or 300."""

    def _mistakes(self) -> list[InitErrorDetails]:
        from genesys_assets.cloud.errors import UnknownRegion
        from genesys_assets.cloud.http.regions import hosts

        try:
            if self.region or self.api_url:
                hosts(self.region, self.api_url, self.login_url)
        except UnknownRegion as refused:
            field = "api_url" if self.api_url else "region"
            return [mistake((field,), str(refused), None)]
        return []


class Publishing(Attributes):
    """Where reports are published, and how long presigned URLs work."""

    url: str | None = None
    """s3://bucket/prefix, a folder, or file:///folder. Not stated: GENESYS_ASSETS_PUBLISH_URL."""
    url_expiry_seconds: int | None = None
    """Lifetime of presigned URLs, 1 to 604800. Not stated: GENESYS_ASSETS_URL_EXPIRY_SECONDS, or 86400."""

    def _mistakes(self) -> list[InitErrorDetails]:
        from genesys_assets.settings import PublishSettings

        given = {"publish_url": self.url, "url_expiry_seconds": self.url_expiry_seconds}
        return list(_refused(PublishSettings, given, {"publish_url": "url"}))


class Reports(Attributes):
    """Which reports are computed."""

    built_in: Literal["all"] | list[str] = "all"
    """The built-in reports: all, or a list of names; [] for none."""
    file: str | None = None
    """File of reports of your own, beside this one or as a path. Not stated: GENESYS_ASSETS_REPORTS."""

    def _mistakes(self) -> list[InitErrorDetails]:
        from genesys_assets.reports.built_in import built_in_reports

        names = [report.name for report in built_in_reports()]
        wanted = [] if self.built_in == "all" else self.built_in
        return [
            mistake(("built_in", index), f"{quoted(name)} is not a built-in report. {one_of(names, name)}", name)
            for index, name in enumerate(wanted)
            if name not in names
        ]


class PipelineAttributes(Attributes):
    """The attributes of a pipeline. Each may be left out; then the settings in the environment apply."""

    organisation: Organisation = Field(default_factory=Organisation)
    """The Genesys Cloud organisation, and the OAuth client that reads it."""
    lake: str | None = None
    """A folder or s3://bucket/prefix. Not stated: GENESYS_ASSETS_LAKE."""
    start_date: date | str | None = None
    """First partition, a UTC date. Not stated: GENESYS_ASSETS_START_DATE, or 2026-01-01."""
    time_zone: str | None = None
    """The business day's IANA time zone, such as Europe/London. Not stated: GENESYS_ASSETS_TIME_ZONE, or UTC."""
    look_back_days: int | None = None
    """How many days back are read again each night, 1 to 31. Not stated: GENESYS_ASSETS_LOOK_BACK_DAYS, or 4."""
    month_close_day: int | None = None
    """Day of the month on which the month before is read again, 1 to 28. Not stated: GENESYS_ASSETS_MONTH_CLOSE_DAY."""
    layers: Annotated[list[LayerName], Field(min_length=1)] = Field(default_factory=_all_layers)
    """The layers in this project. Assets of other layers are expected in other code locations."""
    reports: Reports = Field(default_factory=Reports)
    """Which reports are computed."""
    families: list[str] | None = None
    """Families of aggregates to fetch although no report needs them. Not stated: GENESYS_ASSETS_FAMILIES."""
    publishing: Publishing = Field(default_factory=Publishing)
    """Where reports are published, and how long presigned URLs work."""
    running: Literal["all"] | list[str] = Field(default_factory=list)
    """Sensors and schedules that run unless somebody switches them off in the UI: all, or a list of names."""
    translation: dict[str, Any] | str | None = None
    """New keys, groups, owners, tags or kinds of the assets. Templates know the asset as `spec`."""

    def _mistakes(self) -> list[InitErrorDetails]:
        from genesys_assets.settings import CalendarSettings, LakeSettings

        return [
            *_refused(LakeSettings, {"lake": self.lake}),
            *_refused(CalendarSettings, self.calendar),
            *self._unknown_families(),
            *self._unknown_switches(),
            *self._translated_wrongly(),
        ]

    @property
    def calendar(self) -> dict[str, Any]:
        """The attributes of the calendar, by the names of their settings."""
        names = ("start_date", "time_zone", "look_back_days", "month_close_day")
        return {name: getattr(self, name) for name in names}

    def _unknown_families(self) -> Iterator[InitErrorDetails]:
        from genesys_assets.cloud.analytics.families import family
        from genesys_assets.cloud.errors import InvalidQuery

        for index, name in enumerate(self.families or []):
            try:
                family(name)
            except InvalidQuery as refused:
                yield mistake(("families", index), str(refused), name)

    def _unknown_switches(self) -> Iterator[InitErrorDetails]:
        from genesys_assets.automation.switches import switches

        names = switches(self.layers)
        for index, name in enumerate([] if self.running == "all" else self.running):
            if name not in names:
                message = f"{quoted(name)} is not a sensor or schedule of these layers. {one_of(names, name)}"
                yield mistake(("running", index), message, name)

    def _translated_wrongly(self) -> Iterator[InitErrorDetails]:
        stated = self.translation if isinstance(self.translation, dict) else {}
        for name in stated.keys() & _OF_THE_PIPELINE.keys():
            yield mistake(("translation", name), f"{_OF_THE_PIPELINE[name]}. Take {name} out", None)


def _refused(
    group: type[Group], given: Mapping[str, Any], called: Mapping[str, str] | None = None
) -> Iterator[InitErrorDetails]:
    """The mistakes that a group of settings finds in these values; `called` gives the attribute of a field."""
    from genesys_assets.settings.group import allowed

    stated = {name: value for name, value in given.items() if value is not None}
    aliases = {field.validation_alias: name for name, field in group.model_fields.items()}
    try:
        group(**stated)
    except ValidationError as error:
        for problem in error.errors():
            where = str(problem["loc"][0]) if problem["loc"] else ""
            name = str(aliases.get(where, where))
            if name not in stated:
                # The mistake is in a variable of the environment, not in an attribute.
                yield mistake((), group.explain(problem), None)
                continue
            field, reason = group.model_fields[name], allowed(problem)
            example = f"For example {(field.examples or ['…'])[0]}."
            attribute = (called or {}).get(name, name)
            message = f"{reason}. {field.description} {example}"
            yield mistake((attribute,), message, stated[name])


class PipelineScaffolder(dg.Scaffolder[Any]):
    """Writes a pipeline for the organisation and the lake of the environment, with no sensor or schedule switched
    on.
    """

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        from dagster.components import scaffold_component

        if request.scaffold_format != "yaml":
            text = _IN_PYTHON.format(attributes=repr(_EXAMPLE))
            (request.target_path / "component.py").write_text(text)
            return
        scaffold_component(request, _EXAMPLE)


_EXAMPLE: dict[str, Any] = {
    "start_date": "2026-01-01",
    "time_zone": "UTC",
    "layers": [*LAYERS],
    "reports": {"built_in": "all"},
    "running": [],
}
_IN_PYTHON = """\
import dagster as dg

from genesys_assets import GenesysCloud


@dg.component_instance
def load(context: dg.ComponentLoadContext) -> GenesysCloud:
    return GenesysCloud.from_attributes_dict(attributes={attributes}, context=context)
"""


@dg.scaffold_with(PipelineScaffolder)
@dataclass(frozen=True)
class GenesysCloud(dg.Component):
    """Genesys Cloud analytics in your own lake: pages, tables, reports and published files of an organisation.

    Every attribute may be left out. The settings in the environment replace missing attributes, and there are more
    settings than attributes. docs/settings.md of genesys_assets lists them all.
    """

    attributes: PipelineAttributes
    folder: Path
    translate: Callable[[dg.AssetSpec], dg.AssetSpec] | None = None

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        return attributes_model(PipelineAttributes)

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        return dg.ComponentTypeSpec(
            tags=["genesys-cloud"], produces=["asset", "asset_check", "job", "schedule", "sensor", "resource"]
        )

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> GenesysCloud:
        """The component. Raises dagster.DagsterInvalidDefinitionError, which lists every mistake in the attributes."""
        resolution = context.resolution_context
        folder = context.path if context.path.is_dir() else context.path.parent
        stated = resolve_templates(attributes.model_dump() if attributes else {}, resolution.at_path("attributes"))
        try:
            read = PipelineAttributes.model_validate(stated)
            translate = translation(read.translation, resolution)
        except ValidationError as error:
            raise _refusal(mistakes_of(error), resolution) from None
        file = read.reports.file and folder / read.reports.file
        if file and not file.is_file():
            message = f"{file} does not exist. Write it, as docs/reports.md shows, or take file out"
            raise _refusal([Mistake(("reports", "file"), message)], resolution)
        return cls(read, folder, translate)

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline with these attributes. Raises SettingError if a setting that replaces a missing attribute is
        wrong.
        """
        from genesys_assets.automation.switches import switches
        from genesys_assets.partitions import Calendar
        from genesys_assets.resources import GenesysCloudResource, PublishingResource

        stated = self.attributes
        publishing = PublishingResource(
            publish_url=stated.publishing.url, url_expiry_seconds=stated.publishing.url_expiry_seconds
        )
        return Pipeline(
            calendar=Calendar.from_environment(**stated.calendar),
            lake=stated.lake,
            layers=stated.layers,
            built_in=None if stated.reports.built_in == "all" else stated.reports.built_in,
            reports_file=None if stated.reports.file is None else self.folder / stated.reports.file,
            families=None if stated.families is None else ",".join(stated.families),
            resources={
                "genesys_cloud": GenesysCloudResource(**stated.organisation.model_dump()),
                "publishing": publishing,
            },
            running=frozenset(switches(stated.layers) if stated.running == "all" else stated.running),
            translate=self.translate,
        )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The pipeline. It also fetches what the reports need that are components of the same project, and publishes
        these reports.
        """
        from genesys_assets.components.report import reports_of, unrequested_reports_of

        pipeline = replace(
            self.pipeline, component_reports=reports_of(context), unrequested=unrequested_reports_of(context)
        )
        return build_pipeline(pipeline)


def _refusal(mistakes: Iterable[Mistake], context: dg.ResolutionContext) -> dg.DagsterInvalidDefinitionError:
    return dg.DagsterInvalidDefinitionError(mistakes_in_words("this pipeline cannot be set up:", mistakes, context))


def pipeline_of(context: dg.ComponentLoadContext) -> Pipeline | None:
    """The pipeline of the project, None if it has none."""
    components = components_of(context, GenesysCloud)
    return components[0].pipeline if components else None
