"""Report assets: each report of the language as an asset, computed from stored tables a day at a time.

A report depends on the tables of its own day. Where a figure reaches beyond it (an agent handles today what began last
week) the neighbouring days are read as far as they are stored; declaring them as dependencies would make every backfill
of a day run a month of reports again. How a report is computed is in `genesys_assets.reports`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg

from genesys_assets.assets.charts import Chart, chart_metadata
from genesys_assets.assets.common import (
    ONE_RUN,
    asset_key,
    attributes,
    change_metadata,
    checked_keys,
    description,
    provenance,
    table_metadata,
    window_metadata,
)
from genesys_assets.checks.table_checks import check_specs, check_table
from genesys_assets.cloud.queries import GRANULARITIES, Granularity
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import Calendar, utc_day
from genesys_assets.reports.compute import compute
from genesys_assets.reports.report import Report
from genesys_assets.reports.stored import NotStored, StoredDay
from genesys_assets.resources import LakeResource


class ReportConfig(dg.Config):
    """Length of the report's intervals in this run: PT15M, PT30M, PT1H or P1D; empty for that of its definition."""

    granularity: str = ""


def build_report_assets(calendar: Calendar, reports: Sequence[Report]) -> list[dg.AssetsDefinition]:
    return [_report_asset(report, calendar) for report in reports]


def _report_asset(report: Report, calendar: Calendar) -> dg.AssetsDefinition:
    @_asset(report, calendar)
    def computed(context: dg.AssetExecutionContext, config: ReportConfig, lake: LakeResource) -> dg.MaterializeResult:
        return _computed(context, report, calendar, config.granularity, lake.lake)

    return computed


def build_standalone_report_asset(calendar: Calendar, report: Report) -> dg.AssetsDefinition:
    """The report in a code location of its own, where it needs no resource: the lake is that of GENESYS_ASSETS_LAKE."""

    @_asset(report, calendar)
    def computed(context: dg.AssetExecutionContext, config: ReportConfig) -> dg.MaterializeResult:
        return _computed(context, report, calendar, config.granularity, LakeResource().lake)

    return computed


def _asset(report: Report, calendar: Calendar) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """The decorator, with what the asset says of itself."""
    deps = list(dict.fromkeys(_deps(report)))
    key = asset_key("reports", report.name)
    return dg.asset(
        key=key,
        deps=deps,
        description=description(report.spec, "Source: " + ", ".join(f"`{dep.to_user_string()}`" for dep in deps)),
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        check_specs=check_specs(report.spec, key),
        **attributes("reports", "arrow", "parquet"),
    )


def _computed(
    context: dg.AssetExecutionContext, report: Report, calendar: Calendar, granularity: str, lake: Lake
) -> dg.MaterializeResult:
    """Computes and stores the days of a run."""
    spec, place = report.spec, f"reports/{report.name}"
    days = list(checked_keys(context, calendar.daily))
    wanted = _by(report, granularity) if granularity else report
    for day in days:
        try:
            table = compute(wanted, StoredDay(lake, day, calendar.zone, calendar.start_date))
        except NotStored as missing:
            raise dg.Failure(str(missing), allow_retries=False) from missing
        origin = provenance(context, f"genesys/tables for {day}", partition=day)
        change = lake.write(place, spec, table, day, origin)
        metadata = table_metadata(spec, table, len(table), path=lake.place(place, day))
        shown = chart_metadata(table, Chart(report.chart.x, report.chart.y)) if report.chart else {}
        more = shown | change_metadata(change) | window_metadata(*utc_day(day))
        context.add_asset_metadata(metadata | more, partition_key=day)
    return dg.MaterializeResult(check_results=check_table(lake, place, days, spec, asset_key("reports", report.name)))


def _deps(report: Report) -> Iterator[dg.AssetKey]:
    if report.aggregates or report.only_live:
        # Snapshots come every few minutes: what is made of them is computed when an hour's figures have landed.
        yield asset_key("tables", "interval_metrics")
    for place in report.places:
        yield asset_key(*place.split("/"))
    for history in report.histories:
        yield asset_key("reference", f"{history}_history")


def _by(report: Report, granularity: str) -> Report:
    """The report by intervals of another length, which must not change its columns."""
    chosen: Granularity | None = next((known for known in GRANULARITIES if known == granularity), None)
    if chosen is None:
        raise dg.Failure(
            f"granularity {granularity!r} is not valid: choose one of {', '.join(GRANULARITIES)}.",
            allow_retries=False,
        )
    try:
        other = report.every(chosen)
    except ValueError as refused:
        raise dg.Failure(f"{report.name} by {granularity}: {refused}", allow_retries=False) from refused
    if other.spec.schema != report.spec.schema:
        raise dg.Failure(
            f"granularity {granularity!r} would change the columns of {report.name}, which is by "
            f"{report.granularity} of {report.time_zone}: define a report of its own.",
            allow_retries=False,
        )
    return other
