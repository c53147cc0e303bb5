"""Table assets: decode stored pages to tables, a UTC day at a time (daily_metrics: a business day). `tables` declares
the tables; `days.day_tables` writes a day of them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from genesys_assets.assets.common import (
    attributes,
    checked_keys,
    description,
    fail_without_retry,
    provenance,
    report_table,
)
from genesys_assets.checks.table_checks import check_specs, failed_checks, passed_checks
from genesys_assets.days import made_of
from genesys_assets.days.day_tables import (
    LOST,
    UNKNOWN,
    DecodingCounts,
    MetricsOfDay,
    new_hours_of_interval_metrics,
    write_conversations,
    write_metrics,
)
from genesys_assets.days.sources import Metrics, NotFetched, daily_metrics_of, interval_metrics_of
from genesys_assets.keys import asset_key
from genesys_assets.lake.lake import AuditFailed, Lake, Writing
from genesys_assets.partitions import Calendar, hours_to_days
from genesys_assets.resources import LakeResource
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, INTERVAL_METRICS


def build_table_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    return [_conversation_tables(calendar), _interval_metrics(calendar), _daily_metrics(calendar)]


_SOURCE_OF_CONVERSATIONS = (
    "Source: genesys/pages/daily_details. Until it is complete, conversations that only genesys/pages/hourly_details "
    "or genesys/pages/imported_details have count too, and one that no page has is taken from "
    "genesys/pages/lake_files. Newer versions of conversations that began on this day always count, from "
    "genesys/pages/hourly_details and from genesys/pages/daily_overlap of later days. "
    "Of several versions of a conversation the newest counts, together with fields that only details jobs return. "
    "Pages of an incomplete import are dated by the latest event they contain."
)


def _conversation_tables(calendar: Calendar) -> dg.AssetsDefinition:
    keys = {spec.name: asset_key("tables", spec.name) for spec in DAY_TABLES}
    hours = dg.AssetDep(asset_key("pages", "hourly_details"), partition_mapping=hours_to_days())

    @dg.multi_asset(
        name="conversation_tables",
        specs=[
            dg.AssetSpec(
                keys[spec.name],
                deps=[
                    hours,
                    asset_key("pages", "daily_details"),
                    asset_key("pages", "imported_details"),
                    asset_key("pages", "lake_files"),
                ],
                description=description(spec, _SOURCE_OF_CONVERSATIONS),
                skippable=True,
                **attributes("tables", "arrow", "parquet"),
            )
            for spec in DAY_TABLES
        ],
        partitions_def=calendar.daily,
        backfill_policy=calendar.daily_runs,
        can_subset=True,
        check_specs=[check for spec in DAY_TABLES for check in check_specs(spec, keys[spec.name])],
    )
    def conversation_tables(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        stored = lake.lake
        tables = {
            f"tables/{spec.name}": (spec, keys[spec.name])
            for spec in DAY_TABLES
            if keys[spec.name] in context.selected_asset_keys
        }
        absent: dict[str, Counter[str]] = {place: Counter() for place in tables}
        for day in checked_keys(context, calendar.daily):
            try:
                with fail_without_retry(NotFetched):
                    selected = [spec for spec, _ in tables.values()]
                    origin = provenance(context, "details pages", partition=day)
                    writing, decoding = write_conversations(stored, day, selected, origin)
            except AuditFailed as failed:
                yield from failed_checks(failed, tables)
                raise dg.Failure(str(failed), allow_retries=False) from failed
            if decoding.data_lake_problem:
                context.log.warning(f"{day} is made without the data lake: {decoding.data_lake_problem}")
            more = _metadata_of(writing, decoding) | {"is_complete": bool(writing.reach and writing.reach.is_complete)}
            for place, (_, key) in tables.items():
                absent[place] += writing[place].absent
                report_table(context, stored, writing, place, key, day, more)
        for place, (spec, key) in tables.items():
            yield dg.MaterializeResult(asset_key=key)
            yield from passed_checks(spec, key, absent[place])

    return conversation_tables


def _interval_metrics(calendar: Calendar) -> dg.AssetsDefinition:
    key = asset_key("tables", INTERVAL_METRICS.name)

    @dg.asset(
        key=key,
        deps=[
            dg.AssetDep(asset_key("pages", "hourly_aggregates"), partition_mapping=hours_to_days()),
            asset_key("pages", "imported_hourly_aggregates"),
        ],
        description=description(
            INTERVAL_METRICS,
            "Source: genesys/pages/hourly_aggregates; for hours that were never fetched, "
            "genesys/pages/imported_hourly_aggregates, whose buckets may be longer.",
        ),
        partitions_def=calendar.daily,
        backfill_policy=calendar.daily_runs,
        check_specs=check_specs(INTERVAL_METRICS, key),
        **attributes("tables", "arrow", "parquet"),
    )
    def interval_metrics(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        metrics = MetricsOfDay(
            INTERVAL_METRICS, interval_metrics_of, made_of.of_interval_metrics, new_hours_of_interval_metrics
        )
        yield from write_metrics_of_days(context, lake.lake, checked_keys(context, calendar.daily), key, metrics)

    return interval_metrics


def _daily_metrics(calendar: Calendar) -> dg.AssetsDefinition:
    key = asset_key("tables", DAILY_METRICS.name)

    @dg.asset(
        key=key,
        deps=[asset_key("pages", "daily_aggregates"), asset_key("pages", "imported_daily_aggregates")],
        description=description(
            DAILY_METRICS,
            "Source: genesys/pages/daily_aggregates; for days that were never fetched, "
            "genesys/pages/imported_daily_aggregates.",
        ),
        partitions_def=calendar.daily,
        backfill_policy=calendar.daily_runs,
        check_specs=check_specs(DAILY_METRICS, key),
        **attributes("tables", "arrow", "parquet"),
    )
    def daily_metrics(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        def pages_of(stored: Lake, day: str) -> Metrics:
            return daily_metrics_of(stored, day, *calendar.business_day(day))

        metrics = MetricsOfDay(DAILY_METRICS, pages_of, made_of.of_daily_metrics)
        yield from write_metrics_of_days(context, lake.lake, checked_keys(context, calendar.daily), key, metrics)

    return daily_metrics


def write_metrics_of_days(
    context: dg.AssetExecutionContext,
    lake: Lake,
    days: Sequence[str],
    key: dg.AssetKey,
    metrics: MetricsOfDay,
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Compute and store some days of a table of buckets, and report each to Dagster."""
    spec, place = metrics.spec, f"tables/{metrics.spec.name}"
    for day in days:
        try:
            with fail_without_retry(NotFetched):
                origin = provenance(context, "aggregates pages", partition=day)
                writing, decoding = write_metrics(lake, metrics, day, origin)
        except AuditFailed as failed:
            yield from failed_checks(failed, {place: (spec, key)})
            raise dg.Failure(str(failed), allow_retries=False) from failed
        report_table(context, lake, writing, place, key, day, _metadata_of(writing, decoding))
    yield dg.MaterializeResult(asset_key=key)
    yield from passed_checks(spec, key)


def _metadata_of(writing: Writing, decoding: DecodingCounts) -> dict[str, Any]:
    """Metadata about the decoded pages and how far they reach."""
    metadata: dict[str, Any] = dict(decoding.counts)
    if writing.reach is not None:
        metadata["data_available_through"] = dg.MetadataValue.timestamp(writing.reach.through)
    if decoding.data_lake_problem:
        metadata["data_lake_problem"] = decoding.data_lake_problem
    for name, counts in ((UNKNOWN, decoding.unknown), (LOST, decoding.losses)):
        if counts:
            metadata[name] = dg.MetadataValue.json(dict(counts))
    return metadata
