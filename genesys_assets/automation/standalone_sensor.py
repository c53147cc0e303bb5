"""The sensor of a report over several days in another code location. It launches the report again when one of its days
has changed.

Dagster's automation conditions know only the inputs of a partition's own day. So such a report has a sensor, which
compares what the report is made of with what is stored, as `sensors` does for reports of this package.
"""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from genesys_assets.automation.jobs import at_most
from genesys_assets.automation.next_run import MOST_DAYS, Backlog, NextRun, choose_next_run
from genesys_assets.automation.progress import location_of, runs_of
from genesys_assets.automation.sensors import run_request
from genesys_assets.automation.stale import closed_by_checks, reports_backlog
from genesys_assets.keys import asset_key, keys
from genesys_assets.lake.opening import shared_lake
from genesys_assets.partitions import Calendar
from genesys_assets.reports.meaning.report import Report
from genesys_assets.settings import ReconciliationSettings


def build_standalone_sensor(calendar: Calendar, report: Report) -> dg.SensorDefinition:
    """The sensor `<report>_days`, with its job. It ships stopped."""
    name = f"{report.name}_days"
    job = dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(asset_key("reports", report.name)),
        tags=at_most(3),
        description=f"Compute {report.name} of a day, or of a range of days in one run.",
    )

    @dg.sensor(
        name=name,
        job=job,
        description=f"Computes {report.name} of days whose tables, names or definition changed since it was computed.",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def launch(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        location, lake, now = location_of(context), shared_lake(), datetime.now(UTC)

        def backlog() -> Backlog:
            closed = closed_by_checks(lake, calendar, now) if ReconciliationSettings.load().is_blocking else set()
            return reports_backlog(lake, calendar, now, [report], closed)

        if not (wanted := backlog()):
            return dg.SkipReason(NextRun(None).reason(wanted))
        # The lake once more after the runs: a run may have stored what is wanted, and ended.
        runs, lake = runs_of(context.instance, location, now), lake.refreshed()
        wanted = backlog()
        next_run = choose_next_run(wanted, runs, now, most=MOST_DAYS)
        if next_run.request is None:
            return dg.SkipReason(next_run.reason(wanted))
        by_place = keys(location)
        return [run_request(request, by_place) for request in next_run.request.cut(calendar.days_per_run)]

    return launch
