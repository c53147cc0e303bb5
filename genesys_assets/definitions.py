"""Puts a code location together: assets, resources, jobs, schedules and sensors. Importing this module reads nothing
and builds nothing.
"""

from __future__ import annotations

import contextlib
import gc
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from genesys_assets.assets.common import stub
from genesys_assets.keys import LAYERS, naming

if TYPE_CHECKING:
    from genesys_assets.cloud.analytics.queries import AggregateQuestion
    from genesys_assets.layers import Contents
    from genesys_assets.partitions import Calendar
    from genesys_assets.presentation import Where
    from genesys_assets.reports.meaning.report import Report
    from genesys_assets.resources import PublishingResource


@dataclass(frozen=True)
class Pipeline:
    """What a code location holds. If unset, `calendar`, `lake`, `reports_file` and `families` come from the settings.

    `layers`: the layers that are built; Dagster looks for their inputs from other layers in other code locations.
    `built_in`: names of the built-in reports to include, None for all. `component_reports`: reports whose assets are
    built by components of their own. `unrequested` names those of them that no sensor requests: Dagster computes them
    by an automation condition, or nothing does. `running`: names of the sensors and schedules that start switched on.
    `translate` gives
    each asset another key, group, owners or tags.
    """

    calendar: Calendar | None = None
    lake: str | None = None
    layers: Sequence[str] = LAYERS
    built_in: Sequence[str] | None = None
    component_reports: Sequence[Report] = ()
    unrequested: frozenset[str] = frozenset()
    reports_file: Path | None = None
    families: str | None = None
    questions: Sequence[AggregateQuestion] = ()
    resources: Mapping[str, Any] = field(default_factory=dict)
    running: frozenset[str] = frozenset()
    translate: Callable[[dg.AssetSpec], dg.AssetSpec] | None = None

    @property
    def lake_location(self) -> str:
        from genesys_assets.settings import LakeSettings

        return LakeSettings.load(lake=self.lake).location

    @property
    def translate_key(self) -> Callable[[dg.AssetKey], dg.AssetKey] | None:
        """`translate` as a function of keys. It is applied to a stub of a spec, which has the key and the layer's
        default group, owners and tags.
        """
        translate = self.translate
        return None if translate is None else lambda key: translate(stub(key)).key


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Switches Python's garbage collector off while definitions are loaded. Loading makes many objects and no garbage,
    and looking for garbage would take a seventh of the time. Afterwards these objects are moved to the oldest
    generation, so that the next collections do not scan them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.unfreeze()
            gc.enable()


@_without_garbage_collection()
def build_definitions(
    *, resources: Mapping[str, Any] | None = None, questions: Sequence[AggregateQuestion] = ()
) -> dg.Definitions:
    """Builds the code location that the environment's settings describe. `resources` replace the default resources of
    the same names: `genesys_cloud`, `lake`, `publishing`, `s3`, `io_manager`. `questions` are asked of the aggregates
    endpoints in addition to those that reports and settings need.
    """
    from genesys_assets.lake.io_manager import LakeIOManager

    by_name = {"io_manager": LakeIOManager(), **(resources or {})}
    return build_pipeline(Pipeline(resources=by_name, questions=questions), executor=dg.in_process_executor)


@_without_garbage_collection()
def build_pipeline(pipeline: Pipeline, executor: dg.ExecutorDefinition | None = None) -> dg.Definitions:
    """Builds the assets, checks, jobs, schedules and sensors of a pipeline, with the resources they need. `executor`
    executes runs that are launched outside the pipeline's jobs, for example a materialisation from the UI.
    """
    from genesys_assets.assets.common import beta_parameters
    from genesys_assets.automation.jobs import build_jobs
    from genesys_assets.automation.schedules import build_schedules
    from genesys_assets.layers import BUILDERS
    from genesys_assets.presentation import describe_assets

    contents = _contents(pipeline)
    with beta_parameters(), naming(pipeline.translate_key):
        layers = [BUILDERS[name](contents) for name in LAYERS if name in pipeline.layers]
        assets = describe_assets(
            [asset for layer in layers for asset in layer.assets], contents, _where(pipeline), pipeline.translate
        )
        checks = [check for layer in layers for check in layer.checks]
        jobs, sensors = build_jobs(pipeline.layers), _sensors(pipeline, contents)
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        resources={**_resources(pipeline), **pipeline.resources},
        jobs=jobs,
        schedules=build_schedules(pipeline.layers, pipeline.running),
        sensors=sensors,
        executor=executor,
    )


def _contents(pipeline: Pipeline) -> Contents:
    """What the assets are built from. If the reports file has mistakes, none of its reports is built, and the mistakes
    are logged.
    """
    from genesys_assets.assets.reports_file import explain
    from genesys_assets.layers import Contents
    from genesys_assets.partitions import Calendar
    from genesys_assets.reports.built_in import built_in_reports
    from genesys_assets.reports.custom import CustomReports
    from genesys_assets.reports.meaning.questions import all_questions
    from genesys_assets.settings import AggregatesSettings, ReportSettings

    file_reports = CustomReports.read(ReportSettings.load(reports=pipeline.reports_file).file)
    if file_reports.problems:
        logging.getLogger(__name__).error(explain(file_reports))
    built_in = [
        report for report in built_in_reports() if pipeline.built_in is None or report.name in pipeline.built_in
    ]
    families = AggregatesSettings.load(further_families=pipeline.families).families
    questions = all_questions(
        [*built_in, *file_reports.reports, *pipeline.component_reports], families, pipeline.questions
    )
    return Contents(
        pipeline.calendar or Calendar.from_environment(), built_in, file_reports, pipeline.component_reports, questions
    )


def _where(pipeline: Pipeline) -> Where:
    from genesys_assets.presentation import Where
    from genesys_assets.settings import PublishSettings

    publishing: PublishingResource | None = pipeline.resources.get("publishing")
    publish_url = publishing.publish_url if publishing is not None else None
    return Where(pipeline.lake_location, PublishSettings.load(publish_url=publish_url).location)


def _sensors(pipeline: Pipeline, contents: Contents) -> list[dg.SensorDefinition]:
    from genesys_assets.automation.alerts import build_alerts
    from genesys_assets.automation.run_metrics import build_run_metrics_sensor
    from genesys_assets.automation.sensors import build_sensors
    from genesys_assets.automation.unreported import build_unreported_sensor

    running, reports = pipeline.running, [*contents.built_in, *contents.other_reports]
    return [
        *build_sensors(contents.calendar, reports, contents.questions, pipeline.layers, running, pipeline.unrequested),
        *build_alerts(contents.calendar, reports, running),
        build_unreported_sensor(contents.calendar, running),
        build_run_metrics_sensor(running),
    ]


def _resources(pipeline: Pipeline) -> dict[str, Any]:
    from genesys_assets.resources import GenesysCloudResource, LakeResource, PublishingResource
    from genesys_assets.s3 import LazyS3Resource

    return {
        "genesys_cloud": GenesysCloudResource(),
        "lake": LakeResource(location=pipeline.lake),
        "publishing": PublishingResource(),
        "s3": LazyS3Resource(),
    }


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster loads, once in each process. The definitions live as long as the process, so they are frozen: the
    garbage collector then skips them.
    """
    loaded = build_definitions()
    gc.freeze()
    return loaded
