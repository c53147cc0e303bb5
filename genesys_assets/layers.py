"""The assets and checks of each layer of the pipeline. Modules of a layer are imported when the layer is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from genesys_assets.cloud.analytics.families import AggregateFamily
    from genesys_assets.cloud.analytics.queries import AggregateQuestion
    from genesys_assets.partitions import Calendar
    from genesys_assets.reports.custom import CustomReports
    from genesys_assets.reports.meaning.report import Report


@dataclass(frozen=True, slots=True)
class Contents:
    """What the assets of a code location are built from: its calendar, its reports and the questions that it asks the
    aggregates endpoints. `custom` are the reports of the reports file. The assets of `component_reports` are built by
    components of their own.
    """

    calendar: Calendar
    built_in: Sequence[Report]
    custom: CustomReports
    component_reports: Sequence[Report]
    questions: Sequence[AggregateQuestion]

    @property
    def other_reports(self) -> Sequence[Report]:
        """All reports except the built-in ones."""
        return [*self.custom.reports, *self.component_reports]

    @property
    def families(self) -> Sequence[AggregateFamily]:
        from genesys_assets.reports.meaning.questions import families_of

        return families_of(self.questions)


@dataclass(frozen=True, slots=True)
class Layer:
    assets: Sequence[Any]
    checks: Sequence[Any] = ()


def ops(contents: Contents) -> Layer:
    from genesys_assets.assets.housekeeping import build_housekeeping_asset
    from genesys_assets.assets.importing import build_import_asset
    from genesys_assets.assets.preflight import build_preflight_asset
    from genesys_assets.assets.reports_file import build_reports_file_asset
    from genesys_assets.assets.superseded import build_superseded_asset

    return Layer(
        [
            build_preflight_asset(contents.families),
            build_superseded_asset(),
            build_housekeeping_asset(),
            build_reports_file_asset(contents.custom),
            build_import_asset(contents.calendar),
        ]
    )


def reference(contents: Contents) -> Layer:
    from genesys_assets.assets.api_usage import build_api_usage_asset
    from genesys_assets.assets.observations import build_observation_assets
    from genesys_assets.assets.reference import build_reference_assets

    return Layer(
        [
            *build_reference_assets(),
            *build_observation_assets(contents.calendar),
            build_api_usage_asset(contents.calendar),
        ]
    )


def pages(contents: Contents) -> Layer:
    from genesys_assets.assets.aggregates import build_aggregates_assets
    from genesys_assets.assets.daily_details import build_daily_details_assets
    from genesys_assets.assets.importing import build_imported_pages
    from genesys_assets.assets.lake_files import build_lake_files_asset
    from genesys_assets.assets.pages import build_page_assets
    from genesys_assets.assets.users import build_user_pages
    from genesys_assets.checks.completeness import build_pages_check
    from genesys_assets.checks.data_lake import build_data_lake_check

    return Layer(
        [
            *build_aggregates_assets(contents.calendar, contents.questions),
            *build_page_assets(contents.calendar),
            *build_daily_details_assets(contents.calendar),
            build_user_pages(contents.calendar),
            build_lake_files_asset(contents.calendar),
            *build_imported_pages(contents.calendar),
        ],
        [build_pages_check(contents.calendar), build_data_lake_check(contents.calendar)],
    )


def tables(contents: Contents) -> Layer:
    from genesys_assets.assets.families import build_family_assets
    from genesys_assets.assets.open_conversations import build_open_conversation_assets
    from genesys_assets.assets.queue_waits import build_queue_waits_asset
    from genesys_assets.assets.request_table import build_request_table
    from genesys_assets.assets.restatements import build_restatement_assets
    from genesys_assets.assets.tables import build_table_assets
    from genesys_assets.assets.users import build_user_tables
    from genesys_assets.checks.completeness import build_table_check
    from genesys_assets.checks.reconciliation import build_reconciliation_checks
    from genesys_assets.settings import CompletenessSettings, ReconciliationSettings

    reconciliation = ReconciliationSettings.load()
    return Layer(
        [
            *build_table_assets(contents.calendar),
            *build_family_assets(contents.calendar, contents.families),
            build_user_tables(contents.calendar),
            build_queue_waits_asset(contents.calendar),
            *build_open_conversation_assets(),
            *build_restatement_assets(contents.calendar),
            build_request_table(),
        ],
        [
            build_table_check(contents.calendar, tolerance=CompletenessSettings.load().tolerance),
            *build_reconciliation_checks(
                contents.calendar,
                tolerance=reconciliation.tolerance,
                severity=dg.AssetCheckSeverity[reconciliation.severity.upper()],
                blocking=reconciliation.blocking,
            ),
        ],
    )


def reports(contents: Contents) -> Layer:
    from genesys_assets.assets.reports import build_report_assets
    from genesys_assets.checks.api_budget import build_api_budget_check
    from genesys_assets.reports.built_in import operating_reports

    all_reports = [*contents.built_in, *contents.custom.reports, *operating_reports()]
    return Layer(build_report_assets(contents.calendar, all_reports), [build_api_budget_check(contents.calendar)])


def published(contents: Contents) -> Layer:
    from genesys_assets.assets.published import build_published_assets
    from genesys_assets.assets.published_index import build_published_index_assets

    return Layer(
        [
            *build_published_assets(contents.calendar, contents.built_in, contents.other_reports),
            *build_published_index_assets(contents.calendar),
        ]
    )


def live(contents: Contents) -> Layer:
    from genesys_assets.assets.live import build_live_assets

    return Layer(build_live_assets())


BUILDERS: Mapping[str, Callable[[Contents], Layer]] = {
    "ops": ops,
    "reference": reference,
    "pages": pages,
    "tables": tables,
    "reports": reports,
    "published": published,
    "live": live,
}
"""The layers in the order in which data pass through them."""
