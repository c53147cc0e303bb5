"""Report assets: each report of the language as an asset, computed from stored tables a day at a time.

A report depends on the tables of its own day. Where a figure reaches beyond it (an agent handles today what began last
week) the neighbouring days are read as far as they are stored; declaring them as dependencies would make every backfill
of a day run a month of reports again. A report over several days has a partition for the last day of each period, and
reads the others in the same way. How a report is computed is in `genesys_assets.reports`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from genesys_assets.assets.charts import chart_metadata
from genesys_assets.assets.common import (
    attributes,
    change_metadata,
    checked_keys,
    description,
    failing_by_name,
    provenance,
    report_partition,
    table_metadata,
    window_metadata,
)
from genesys_assets.checks.table_checks import check_specs, failed_checks, passed_checks
from genesys_assets.cloud.analytics.queries import GRANULARITIES, Granularity
from genesys_assets.days.verdicts import why_closed
from genesys_assets.keys import asset_key
from genesys_assets.lake.lake import AuditFailed, Lake
from genesys_assets.lake.opening import open_lake
from genesys_assets.partitions import Calendar, utc_day
from genesys_assets.reports.engine.compute import compute
from genesys_assets.reports.engine.made_of import made_of, windows_of
from genesys_assets.reports.engine.stored import NotStored, StoredDay
from genesys_assets.reports.language.formulas import NumberTooLarge
from genesys_assets.reports.meaning.report import Report
from genesys_assets.resources import LakeResource
from genesys_assets.settings import ReconciliationSettings
from genesys_assets.tables.service_levels import SERVICE_LEVELS_HISTORY


class ReportConfig(dg.Config):
    """Length of the report's intervals in this run: PT15M, PT30M, PT1H or P1D; empty for that of its definition."""

    granularity: str = ""


def build_report_assets(calendar: Calendar, reports: Sequence[Report]) -> list[dg.AssetsDefinition]:
    return [_report_asset(report, calendar) for report in reports]


def _report_asset(report: Report, calendar: Calendar) -> dg.AssetsDefinition:
    @_asset(report, calendar)
    def computed(
        context: dg.AssetExecutionContext, config: ReportConfig, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        yield from _computed(context, report, calendar, config.granularity, lake.lake)

    return computed


def build_standalone_report_asset(calendar: Calendar, report: Report, lake: str | None = None) -> dg.AssetsDefinition:
    """The report in a code location of its own, where it needs no resource: without `lake` that of
    GENESYS_ASSETS_LAKE.
    """

    @_asset(report, calendar)
    def computed(
        context: dg.AssetExecutionContext, config: ReportConfig
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        yield from _computed(context, report, calendar, config.granularity, open_lake(lake))

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
        backfill_policy=calendar.daily_runs,
        check_specs=check_specs(report.spec, key),
        output_required=report.period.is_day,
        **attributes("reports", "arrow", "parquet"),
    )


def _computed(
    context: dg.AssetExecutionContext, report: Report, calendar: Calendar, granularity: str, lake: Lake
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Computes and stores the days of a run. One that fails keeps no other from being computed."""
    spec, place, key = report.spec, f"reports/{report.name}", context.asset_key
    wanted = _by(report, granularity) if granularity else report
    failed: dict[str, Exception] = {}
    is_blocking = ReconciliationSettings.load().is_blocking
    days = checked_keys(context, calendar.daily)
    computed = [day for day in days if report.has_partition(day, calendar.start_date)]
    if len(computed) < len(days):
        context.log.info(f"{report.name} has a partition for the last day of each {report.period.unit} since the start")
    for day in computed:
        read = windows_of(report, day, calendar.zone)
        closed = why_closed(lake, {each: None for _, of in read for each in of.utc_days()}) if is_blocking else None
        if closed:
            failed[day] = dg.Failure(f"{day}: {closed}", allow_retries=False)
            continue
        stored = StoredDay(lake, day, calendar.zone, calendar.start_date)
        origin = provenance(context, f"genesys/tables for {day}", partition=day)
        try:
            with failing_by_name(NotStored, NumberTooLarge), lake.table_writers({place: spec}, day, origin) as writing:
                table = compute(wanted, stored)
                writing[place].write(table)
                writing.reach, writing.newness = stored.reach(wanted), stored.newness
                if not granularity:
                    writing.made_of = {place: made_of(lake, report, day, calendar.zone)}
        except Exception as error:
            failed[day] = error
            continue
        metadata = table_metadata(spec, table, len(table), path=lake.place(place, day))
        shown = chart_metadata(wanted, table, calendar.zone)
        for name, remark in stored.remarks.items():
            context.log.info(f"{day}: attribute {name}: {remark}")
            shown |= {f"attribute {name}": f"{remark}"}
        more = shown | change_metadata(writing.changes[place]) | window_metadata(*utc_day(day))
        report_partition(context, key, day, metadata | more, lake.content(place, day))
    for audit in [error for error in failed.values() if isinstance(error, AuditFailed)][:1]:
        yield from failed_checks(audit, {place: (spec, key)})
    if failed:
        raise _failure(failed)
    # Otherwise Dagster would report every day of the run as stored. Those that are were reported one by one.
    if len(computed) == len(days):
        yield dg.MaterializeResult()
    yield from passed_checks(spec, key)


def _failure(failed: Mapping[str, Exception]) -> Exception:
    """The failure that ends a run: one line for each day that failed."""
    first = next(iter(failed.values()))
    if len(failed) == 1 and not isinstance(first, AuditFailed):
        return first
    lines = (f"{error}" if day in f"{error}" else f"{day}: {error}" for day, error in failed.items())
    return dg.Failure("\n".join(lines), allow_retries=False)


def _deps(report: Report) -> Iterator[dg.AssetKey]:
    if report.only_live:
        # Snapshots come every few minutes: what is made of them is computed when an hour's figures have landed.
        yield asset_key("tables", "interval_metrics")
    for place in (*report.metrics_places, *report.places):
        yield asset_key(*place.split("/"))
    for history in report.histories:
        yield asset_key("reference", f"{history}_history")
    if report.has_queue_settings:
        yield asset_key("reference", SERVICE_LEVELS_HISTORY.name)


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
