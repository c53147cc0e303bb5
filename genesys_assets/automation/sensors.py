"""Sensors that launch runs. Each compares what is stored with what should be, and launches one range of partitions at a
time.

    upkeep     reference data and housekeeping, once a night
    observe    today's members of queues and skills of users; the platform's own count of a finished day's requests
    hours      pages of full hours; aggregates of look-back days again
    users      agents' status of days, and of today after each full hour
    days       complete days as soon as details jobs cover them, daily aggregates; look-back days again
    data_lake  days whose files of the data lake extraction may not all be stored
    tables     days whose pages have changed; the table of open conversations each night
    checks     finished days whose tables have changed since they were checked
    reports    days whose tables, names or definitions have changed
    publish    finished days of which a report, a table of the page or a failing check has changed

`tick` says what each finds missing or stale, `next_run` which range of it runs next.

Another sensor, `reports_file`, runs `ops/reports_file` when the file of custom reports has changed.

All ship stopped: switch them on in the UI.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import dagster as dg

from genesys_assets.automation import backlog, stale
from genesys_assets.automation.next_run import (
    CHECKS,
    MOST_DAYS,
    Backlog,
    NextRun,
    Request,
)
from genesys_assets.automation.progress import NIGHT, RANGE_END, RANGE_START
from genesys_assets.automation.switches import sensor_status
from genesys_assets.automation.tick import Tick
from genesys_assets.checks.reconciliation import FIRST_DAY, LAST_DAY
from genesys_assets.cloud.analytics.queries import AggregateQuestion
from genesys_assets.keys import LAYERS, asset_key
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.opening import shared_lake
from genesys_assets.partitions import Calendar
from genesys_assets.reports.meaning.report import Report
from genesys_assets.resources import GenesysCloudResource, LakeResource, PublishingResource

_MOST_HOURS = 7 * 24
_LONGEST_WAIT_SECONDS = 10.0
"""How long a tick waits for the platform. Dagster allows a minute, but the thread also serves the other sensors."""


@dataclass(frozen=True)
class SensorSpec:
    """The specification of a sensor: its job, its layer, the function that gives its backlog, the most partitions of
    one run, and the seconds between ticks. `can_make`: see `next_run.choose_next_run`.
    """

    name: str
    job: str
    layer: str
    wanted: Callable[[Tick], Backlog]
    description: str
    most: int = MOST_DAYS
    can_make: Callable[[Tick, str, str], bool] | None = None
    every_seconds: int = 60


SENSORS = (
    SensorSpec(
        "upkeep",
        "upkeep",
        "reference",
        Tick.upkeep,
        "Reads the reference data and does the housekeeping once a night, from 02:00 UTC on.",
        every_seconds=300,
    ),
    SensorSpec(
        "observe",
        "observe",
        "reference",
        Tick.observations,
        "Fetches once a day, from 00:10 UTC on, the members of queues and the skills of users, because the platform "
        "keeps no history of them. GENESYS_ASSETS_OBSERVE_QUEUE_MEMBERS and GENESYS_ASSETS_OBSERVE_USER_SKILLS switch "
        "that off. With GENESYS_ASSETS_API_USAGE also the platform's own count of a finished day's requests.",
        most=1,
        every_seconds=300,
    ),
    SensorSpec(
        "hours",
        "hourly",
        "pages",
        Tick.hours,
        "Fetches the pages of each full hour ten minutes after its end, catches up on missing hours, and from 03:30 "
        "UTC on reads the aggregates of look-back days again.",
        most=_MOST_HOURS,
    ),
    SensorSpec(
        "days",
        "complete",
        "pages",
        Tick.days,
        "Fetches days as soon as details jobs cover them, the aggregates of finished business days, and from 03:30 UTC "
        "on also look-back days again.",
        every_seconds=600,
    ),
    SensorSpec(
        "data_lake",
        "data_lake",
        "pages",
        Tick.lake_files,
        "Fetches the files of the data lake extraction of each day, until the day is over and all are listed. Needs "
        "GENESYS_ASSETS_DATA_LAKE=on.",
        every_seconds=600,
    ),
    SensorSpec(
        "users",
        "users",
        "pages",
        Tick.users,
        "Fetches agents' status: of days as soon as details jobs cover them, of today after each full hour, of "
        "look-back days again from 03:30 UTC on. GENESYS_ASSETS_USER_STATUS=false switches it off.",
        every_seconds=300,
    ),
    SensorSpec(
        "tables",
        "recompute",
        "tables",
        Tick.tables,
        "Computes the tables of days whose pages changed since the tables were computed, and once a night, from 04:00 "
        "UTC on, the table of open conversations.",
        can_make=Tick.can_make_table,
    ),
    SensorSpec(
        "checks",
        "checks",
        "tables",
        Tick.checks,
        "Runs the checks of finished days whose tables changed since they were checked.",
    ),
    SensorSpec(
        "reports",
        "recompute",
        "reports",
        Tick.reports,
        "Computes the reports of days whose tables, names or definitions changed since the reports were computed.",
        can_make=Tick.can_make_report,
    ),
    SensorSpec(
        "publish",
        "recompute",
        "published",
        Tick.published,
        "Publishes finished business days of which a report, a table of the page or a failing check changed since they "
        "were published, and the list of days.",
        every_seconds=300,
    ),
)


def build_sensors(
    calendar: Calendar,
    reports: Sequence[Report],
    questions: Sequence[AggregateQuestion],
    layers: Collection[str] = LAYERS,
    running: Collection[str] = (),
    unrequested: Collection[str] = (),
) -> list[dg.SensorDefinition]:
    """The sensors of the layers. `reports` are those of the code location, `questions` the aggregates questions that
    are asked; `running` names the sensors that run without being switched on. `unrequested` names the reports that are
    computed by a condition of their own, or never.
    """

    def tick(
        context: dg.SensorEvaluationContext, lake: Lake, cloud: GenesysCloudResource, publishing: PublishingResource
    ) -> Tick:
        return Tick(
            context, lake, cloud, publishing, calendar, reports, questions, datetime.now(UTC), frozenset(unrequested)
        )

    sensors = [_sensor(spec, tick, calendar.days_per_run, running) for spec in SENSORS if spec.layer in layers]
    return [*sensors, *([_reports_file(running)] if "ops" in layers else [])]


def _reports_file(running: Collection[str]) -> dg.SensorDefinition:
    return dg.AutomationConditionSensorDefinition(
        "reports_file",
        target=dg.AssetSelection.assets(asset_key("ops", "reports_file")),
        default_status=sensor_status("reports_file", running),
        description="Runs ops/reports_file when the file of custom reports has changed.",
    )


def _sensor(
    spec: SensorSpec,
    tick_of: Callable[[dg.SensorEvaluationContext, Lake, GenesysCloudResource, PublishingResource], Tick],
    days_per_run: int | None,
    running: Collection[str],
) -> dg.SensorDefinition:
    @dg.sensor(
        name=spec.name,
        job_name=spec.job,
        description=spec.description,
        minimum_interval_seconds=spec.every_seconds,
        default_status=sensor_status(spec.name, running),
    )
    def launch(
        context: dg.SensorEvaluationContext,
        genesys_cloud: GenesysCloudResource,
        lake: LakeResource,
        publishing: PublishingResource,
    ) -> list[dg.RunRequest] | dg.SkipReason:
        genesys_cloud.give_up_after(_LONGEST_WAIT_SECONDS)
        tick = tick_of(context, shared_lake(lake.location), genesys_cloud, publishing)
        wanted, next_run = _look(spec, tick)
        if next_run.request is not None:
            # Look again at the lake, now that the runs are read: a run may have stored what is wanted, and ended.
            wanted, next_run = _look(spec, tick.after_runs())
        if next_run.request is None:
            return dg.SkipReason(next_run.reason(wanted))
        return [run_request(request, tick.keys) for request in next_run.request.cut(days_per_run)]

    return launch


def _look(spec: SensorSpec, tick: Tick) -> tuple[Backlog, NextRun]:
    """The backlog of a sensor, and which of it runs next."""
    wanted = spec.wanted(tick)
    return wanted, tick.next_run(wanted, spec.most, spec.can_make and partial(spec.can_make, tick))


def run_request(request: Request, keys: Mapping[str, dg.AssetKey]) -> dg.RunRequest:
    """A request as Dagster's RunRequest. `keys` are the keys of assets, by place."""
    first, last, assets = request.first, request.last, request.assets
    if assets <= {*backlog.REFERENCE}:
        return dg.RunRequest(tags={NIGHT: last})
    if assets == {CHECKS}:
        return dg.RunRequest(tags={FIRST_DAY: first, LAST_DAY: last})
    selection = [keys[asset] for asset in sorted(assets)]
    if assets <= {stale.OPEN_CONVERSATIONS_PLACE, stale.INDEX}:
        return dg.RunRequest(tags={NIGHT: last}, asset_selection=selection)
    return dg.RunRequest(tags={RANGE_START: first, RANGE_END: last}, asset_selection=selection)
