"""Report assets: each report is an asset, computed from stored tables a day at a time.

A report depends on the tables of its own day. Some figures need other days too: an agent may handle today a
conversation that began last week. Such days are read if they are stored, but they are not dependencies, because then
every backfill of a day would compute a month of reports again. A report over several days has a partition for the last
day of each period, and reads the other days in the same way. `genesys_assets.reports` computes reports.
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
    fail_without_retry,
    provenance,
    report_partition,
    table_metadata,
    window_metadata,
)
from genesys_assets.checks.table_checks import check_specs, failed_checks, passed_checks
from genesys_assets.cloud.analytics.queries import GRANULARITIES, Granularity
from genesys_assets.days.verdicts import blocking_reason
from genesys_assets.keys import asset_key
from genesys_assets.lake.lake import AuditFailed, Lake
from genesys_assets.lake.opening import open_lake
from genesys_assets.partitions import Calendar, utc_day
from genesys_assets.reports.engine.compute import compute
from genesys_assets.reports.engine.made_of import made_of, windows_of
from genesys_assets.reports.engine.stored import NotStored, StoredDay
from genesys_assets.reports.language.formulas import NumberTooLarge
from genesys_assets.reports.meaning.report import Report
from genesys_assets.reports.stored_definitions import store_definition
from genesys_assets.resources import LakeResource
from genesys_assets.settings import ReconciliationSettings
from genesys_assets.tables.service_levels import SERVICE_LEVELS_HISTORY


class ReportConfig(dg.Config):
    """`granularity`: length of the report's intervals in this run, PT15M, PT30M, PT1H or P1D. Empty: the report's own
    granularity.
    """

    granularity: str = ""


def build_report_assets(calendar: Calendar, reports: Sequence[Report]) -> list[dg.AssetsDefinition]:
    return [_report_asset(report, calendar) for report in reports]


def _report_asset(report: Report, calendar: Calendar) -> dg.AssetsDefinition:
    @_asset(report, calendar)
    def computed(
        context: dg.AssetExecutionContext, config: ReportConfig, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        yield from _compute_days(context, report, calendar, config.granularity, lake.lake)

    return computed


def build_standalone_report_asset(calendar: Calendar, report: Report, lake: str | None = None) -> dg.AssetsDefinition:
    """The asset of a report for another code location: it needs no resources. `lake` is the location of the lake, by
    default that of GENESYS_ASSETS_LAKE.
    """

    @_asset(report, calendar)
    def computed(
        context: dg.AssetExecutionContext, config: ReportConfig
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        yield from _compute_days(context, report, calendar, config.granularity, open_lake(lake))

    return computed


def _asset(report: Report, calendar: Calendar) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """The decorator `dg.asset` with the attributes of the report."""
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


def _compute_days(
    context: dg.AssetExecutionContext, report: Report, calendar: Calendar, granularity: str, lake: Lake
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Compute and store the days of a run. If a day fails, the others are computed all the same; then the run fails."""
    spec, place, key = report.spec, f"reports/{report.name}", context.asset_key
    wanted = _with_granularity(report, granularity) if granularity else report
    failed: dict[str, Exception] = {}
    is_blocking = ReconciliationSettings.load().is_blocking
    days = checked_keys(context, calendar.daily)
    with_partition = [day for day in days if report.has_partition(day, calendar.start_date)]
    if len(with_partition) < len(days):
        context.log.info(
            f"{report.name} has no partition for {len(days) - len(with_partition)} of these days: only the last day of "
            f"a period that does not begin before {calendar.start_date} has one"
        )
    is_defined = False
    for day in with_partition:
        windows = [window for _, window in windows_of(report, day, calendar.zone)]
        days_read = {each: None for window in windows for each in window.utc_days()}
        closed = blocking_reason(lake, days_read) if is_blocking else None
        if closed:
            failed[day] = dg.Failure(f"{day}: {closed}", allow_retries=False)
            continue
        lake.look_again()
        stored = StoredDay(lake, day, calendar.zone, calendar.start_date)
        origin = provenance(context, f"genesys/tables for {day}", partition=day)
        try:
            with (
                fail_without_retry(NotStored, NumberTooLarge),
                lake.table_writers({place: spec}, day, origin) as writing,
            ):
                table = compute(wanted, stored)
                if not is_defined:
                    store_definition(lake, report, calendar.zone, calendar.start_date)
                    is_defined = True
                writing[place].write(table)
                writing.reach, writing.newness = stored.reach(wanted), stored.newness
                if not granularity:
                    writing.made_of = {place: made_of(lake, report, day, calendar.zone)}
        except Exception as error:
            failed[day] = error
            continue
        metadata = table_metadata(spec, table, len(table), path=lake.place(place, day))
        metadata |= chart_metadata(wanted, table, calendar.zone)
        for name, remark in stored.remarks.items():
            context.log.info(f"{day}: attribute {name}: {remark}")
            metadata |= {f"attribute {name}": f"{remark}"}
        metadata |= change_metadata(writing.changes[place]) | window_metadata(*utc_day(day))
        report_partition(context, key, day, metadata, lake.content(place, day))
    for audit in [error for error in failed.values() if isinstance(error, AuditFailed)][:1]:
        yield from failed_checks(audit, {place: (spec, key)})
    if failed:
        raise _failure(failed)
    # A result for the whole run would report days without a partition as stored. The others are reported already.
    if len(with_partition) == len(days):
        yield dg.MaterializeResult()
    yield from passed_checks(spec, key)


def _failure(failed: Mapping[str, Exception]) -> Exception:
    """The failure that ends a run. If several days failed, it has a line for each."""
    first = next(iter(failed.values()))
    if len(failed) == 1 and not isinstance(first, AuditFailed):
        return first
    lines = (f"{error}" if day in f"{error}" else f"{day}: {error}" for day, error in failed.items())
    return dg.Failure("\n".join(lines), allow_retries=False)


def _deps(report: Report) -> Iterator[dg.AssetKey]:
    if report.only_live:
        # Snapshots arrive every few minutes. Reports from them are computed when the figures of an hour have arrived.
        yield asset_key("tables", "interval_metrics")
    for place in (*report.metrics_places, *report.places):
        yield asset_key(*place.split("/"))
    for history in report.histories:
        yield asset_key("reference", f"{history}_history")
    if report.has_queue_settings:
        yield asset_key("reference", SERVICE_LEVELS_HISTORY.name)


def _with_granularity(report: Report, granularity: str) -> Report:
    """The report with intervals of another length, which must not change its columns. Raises Failure."""
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
            f"granularity {granularity!r} would change the columns of {report.name}, whose granularity is "
            f"{report.granularity} in the time zone {report.time_zone}: define another report.",
            allow_retries=False,
        )
    return other
