"""Where the parts are put together: assets, resources, jobs, schedules and sensors. Importing it reads nothing and
builds nothing.
"""

from __future__ import annotations

import contextlib
import gc
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from genesys_assets.cloud.analytics.queries import AggregateQuestion


@contextlib.contextmanager
def _collecting_no_garbage() -> Iterator[None]:
    """Loading makes many objects and leaves no garbage; looking for it would take an eighth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@_collecting_no_garbage()
def build_definitions(
    *, resources: Mapping[str, Any] | None = None, questions: Sequence[AggregateQuestion] = ()
) -> dg.Definitions:
    """The code location. `resources` replace those of the environment, by name: `genesys_cloud`, `lake`,
    `publishing`, `s3`, `io_manager`. `questions` are asked of aggregates beside the usual ones.
    """
    from genesys_assets.assets.aggregates import build_aggregates_assets
    from genesys_assets.assets.api_usage import build_api_usage_asset
    from genesys_assets.assets.common import beta_parameters
    from genesys_assets.assets.daily_details import build_daily_details_assets
    from genesys_assets.assets.families import build_family_assets
    from genesys_assets.assets.housekeeping import build_housekeeping_asset
    from genesys_assets.assets.importing import build_import_assets
    from genesys_assets.assets.lake_files import build_lake_files_asset
    from genesys_assets.assets.live import build_live_assets
    from genesys_assets.assets.observations import build_observation_assets
    from genesys_assets.assets.open_conversations import build_open_conversation_assets
    from genesys_assets.assets.pages import build_page_assets
    from genesys_assets.assets.preflight import build_preflight_asset
    from genesys_assets.assets.published import build_published_assets
    from genesys_assets.assets.published_index import build_published_index_assets
    from genesys_assets.assets.queue_waits import build_queue_waits_asset
    from genesys_assets.assets.reference import build_reference_assets
    from genesys_assets.assets.reports import build_report_assets
    from genesys_assets.assets.reports_file import build_reports_file_asset, explain
    from genesys_assets.assets.request_table import build_request_table
    from genesys_assets.assets.restatements import build_restatement_assets
    from genesys_assets.assets.superseded import build_superseded_asset
    from genesys_assets.assets.tables import build_table_assets
    from genesys_assets.assets.users import build_user_assets
    from genesys_assets.automation.alerts import build_alerts
    from genesys_assets.automation.jobs import (
        CHECKS,
        COMPLETE,
        DAILY,
        DATA_LAKE,
        HOURLY,
        LIVE,
        OBSERVE,
        RECOMPUTE,
        UPKEEP,
        USERS,
    )
    from genesys_assets.automation.run_metrics import build_run_metrics_sensor
    from genesys_assets.automation.schedules import build_schedules
    from genesys_assets.automation.sensors import build_sensors
    from genesys_assets.automation.unreported import build_unreported_sensor
    from genesys_assets.checks.api_budget import build_api_budget_check
    from genesys_assets.checks.completeness import build_completeness_checks
    from genesys_assets.checks.data_lake import build_data_lake_check
    from genesys_assets.checks.reconciliation import build_reconciliation_checks
    from genesys_assets.lake.io_manager import LakeIOManager
    from genesys_assets.partitions import Calendar
    from genesys_assets.reports.built_in import built_in_reports, operating_reports
    from genesys_assets.reports.meaning.questions import all_questions, families_of
    from genesys_assets.reports.own import OwnReports
    from genesys_assets.resources import GenesysCloudResource, LakeResource, PublishingResource
    from genesys_assets.s3 import LazyS3Resource
    from genesys_assets.settings import AggregatesSettings, CompletenessSettings, ReconciliationSettings, ReportSettings

    calendar = Calendar.from_environment()
    own = OwnReports.read(ReportSettings.load().file)
    if own.problems:
        logging.getLogger(__name__).error(explain(own))
    reports = [*built_in_reports(), *own.reports]
    asked = all_questions(reports, AggregatesSettings.load().families, questions)
    families = families_of(asked)
    with beta_parameters():
        assets = [
            build_preflight_asset(),
            build_superseded_asset(),
            build_housekeeping_asset(),
            build_reports_file_asset(own),
            *build_reference_assets(),
            *build_observation_assets(calendar),
            build_api_usage_asset(calendar),
            *build_aggregates_assets(calendar, asked),
            *build_page_assets(calendar),
            *build_daily_details_assets(calendar),
            *build_user_assets(calendar),
            build_queue_waits_asset(calendar),
            *build_import_assets(calendar),
            build_lake_files_asset(calendar),
            *build_table_assets(calendar),
            *build_family_assets(calendar, families),
            *build_open_conversation_assets(),
            *build_restatement_assets(calendar),
            build_request_table(),
            *build_report_assets(calendar, [*reports, *operating_reports()]),
            *build_published_assets(calendar, built_in_reports(), own.reports),
            *build_published_index_assets(calendar),
            *build_live_assets(),
        ]
        sensors = [
            *build_sensors(calendar, reports, asked),
            *build_alerts(calendar),
            build_unreported_sensor(calendar),
            build_run_metrics_sensor(),
        ]
    reconciliation = ReconciliationSettings.load()
    return dg.Definitions(
        assets=assets,
        asset_checks=[
            build_api_budget_check(calendar),
            build_data_lake_check(calendar),
            *build_completeness_checks(calendar, tolerance=CompletenessSettings.load().tolerance),
            *build_reconciliation_checks(
                calendar,
                tolerance=reconciliation.tolerance,
                severity=dg.AssetCheckSeverity[reconciliation.severity.upper()],
                blocking=reconciliation.blocking,
            ),
        ],
        resources={
            "genesys_cloud": GenesysCloudResource(),
            "lake": LakeResource(),
            "publishing": PublishingResource(),
            "s3": LazyS3Resource(),
            "io_manager": LakeIOManager(),
            **(resources or {}),
        },
        jobs=[HOURLY, COMPLETE, DATA_LAKE, RECOMPUTE, CHECKS, UPKEEP, OBSERVE, USERS, DAILY, LIVE],
        schedules=build_schedules(),
        sensors=sensors,
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    return build_definitions()
