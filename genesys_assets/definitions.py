"""Where the parts are put together: assets, resources, jobs, schedules and sensors. Importing it reads nothing and
builds nothing.
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
    """What a code location holds. Unset fields come from the settings.

    `layers`: those that are built; Dagster looks for their inputs from other layers in other code locations.
    `built_in`: names of the shipped reports to include, None for all. `beside`: reports whose assets are built by
    others. `running`: sensors and schedules that start switched on. `translate` gives each asset other keys, groups,
    owners or tags.
    """

    calendar: Calendar | None = None
    lake: str | None = None
    layers: Sequence[str] = LAYERS
    built_in: Sequence[str] | None = None
    beside: Sequence[Report] = ()
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
        """`translate` for a key alone, applied to a stub with the layer's default group, owners and tags."""
        translate = self.translate
        return None if translate is None else lambda key: translate(stub(key)).key


@contextlib.contextmanager
def _collecting_no_garbage() -> Iterator[None]:
    """Loading makes many objects and leaves no garbage; looking for it would take a seventh of the time. Afterwards
    these objects belong to the oldest generation. Otherwise the next objects would make Python look through them all.
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


@_collecting_no_garbage()
def build_definitions(
    *, resources: Mapping[str, Any] | None = None, questions: Sequence[AggregateQuestion] = ()
) -> dg.Definitions:
    """The code location of the environment's settings. `resources` replace its own, by name: `genesys_cloud`, `lake`,
    `publishing`, `s3`, `io_manager`. `questions` are asked of aggregates beside the usual ones.
    """
    from genesys_assets.lake.io_manager import LakeIOManager

    own = {"io_manager": LakeIOManager(), **(resources or {})}
    return build_pipeline(Pipeline(resources=own, questions=questions), executor=dg.in_process_executor)


@_collecting_no_garbage()
def build_pipeline(pipeline: Pipeline, executor: dg.ExecutorDefinition | None = None) -> dg.Definitions:
    """The assets, checks, jobs, schedules and sensors of a pipeline, with the resources they need. `executor` is that
    of runs that no job of the pipeline launches.
    """
    from genesys_assets.assets.common import beta_parameters
    from genesys_assets.automation.jobs import build_jobs
    from genesys_assets.automation.schedules import build_schedules
    from genesys_assets.layers import BUILDERS
    from genesys_assets.presentation import presented

    of = _contents(pipeline)
    with beta_parameters(), naming(pipeline.translate_key):
        layers = [BUILDERS[name](of) for name in LAYERS if name in pipeline.layers]
        assets = presented(
            [asset for layer in layers for asset in layer.assets], of, _where(pipeline), pipeline.translate
        )
        checks = [check for layer in layers for check in layer.checks]
        jobs, sensors = build_jobs(pipeline.layers), _sensors(pipeline, of)
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
    """What the assets are about. A file of reports with mistakes gives none of its reports, and a line in the log."""
    from genesys_assets.assets.reports_file import explain
    from genesys_assets.layers import Contents
    from genesys_assets.partitions import Calendar
    from genesys_assets.reports.built_in import built_in_reports
    from genesys_assets.reports.meaning.questions import all_questions
    from genesys_assets.reports.own import OwnReports
    from genesys_assets.settings import AggregatesSettings, ReportSettings

    own = OwnReports.read(ReportSettings.load(reports=pipeline.reports_file).file)
    if own.problems:
        logging.getLogger(__name__).error(explain(own))
    built_in = [
        report for report in built_in_reports() if pipeline.built_in is None or report.name in pipeline.built_in
    ]
    families = AggregatesSettings.load(further_families=pipeline.families).families
    questions = all_questions([*built_in, *own.reports, *pipeline.beside], families, pipeline.questions)
    return Contents(pipeline.calendar or Calendar.from_environment(), built_in, own, pipeline.beside, questions)


def _where(pipeline: Pipeline) -> Where:
    from genesys_assets.presentation import Where
    from genesys_assets.settings import PublishSettings

    publishing: PublishingResource | None = pipeline.resources.get("publishing")
    stated = publishing.publish_url if publishing is not None else None
    return Where(pipeline.lake_location, PublishSettings.load(publish_url=stated).location)


def _sensors(pipeline: Pipeline, of: Contents) -> list[dg.SensorDefinition]:
    from genesys_assets.automation.alerts import build_alerts
    from genesys_assets.automation.run_metrics import build_run_metrics_sensor
    from genesys_assets.automation.sensors import build_sensors
    from genesys_assets.automation.unreported import build_unreported_sensor

    running = pipeline.running
    return [
        *build_sensors(of.calendar, [*of.built_in, *of.further], of.questions, pipeline.layers, running),
        *build_alerts(of.calendar, running),
        build_unreported_sensor(of.calendar, running),
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
    """What Dagster loads, once a process. It lives as long as the process, so garbage is not looked for in it again."""
    loaded = build_definitions()
    gc.freeze()
    return loaded
