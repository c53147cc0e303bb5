"""Table assets: stored pages decoded to tables, a UTC day at a time. What the tables are is in `tables`."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pyarrow as pa

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
from genesys_assets.cloud.page import Page
from genesys_assets.lake.lake import Lake, StoredPages
from genesys_assets.lake.versions import Change
from genesys_assets.partitions import Calendar, hours_of, hours_to_days, utc_day, utc_hour
from genesys_assets.resources import LakeResource
from genesys_assets.tables import decode, merge
from genesys_assets.tables.conversation_model import CONVERSATION_TABLES
from genesys_assets.tables.explode import explode
from genesys_assets.tables.metrics import DAILY_METRICS, INTERVAL_METRICS, metric_rows
from genesys_assets.tables.spec import TableSpec


def build_table_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    return [_conversation_tables(calendar), _interval_metrics(calendar), _daily_metrics(calendar)]


def _conversation_tables(calendar: Calendar) -> dg.AssetsDefinition:
    source = (
        "Source: genesys/pages/hourly_details. Conversations begun outside the day are dropped; "
        "of duplicates the newest stays."
    )
    keys = {spec.name: asset_key("tables", spec.name) for spec in CONVERSATION_TABLES}
    hours = dg.AssetDep(asset_key("pages", "hourly_details"), partition_mapping=hours_to_days())

    @dg.multi_asset(
        name="conversation_tables",
        specs=[
            dg.AssetSpec(
                keys[spec.name],
                deps=[hours],
                description=description(spec, source),
                **attributes("tables", "arrow", "parquet"),
            )
            for spec in CONVERSATION_TABLES
        ],
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        check_specs=[check for spec in CONVERSATION_TABLES for check in check_specs(spec, keys[spec.name])],
    )
    def conversation_tables(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult]:
        days = list(checked_keys(context, calendar.daily))
        for day in days:
            changes, findings = _write_conversations(context, lake.lake, day)
            for spec in CONVERSATION_TABLES:
                _describe(context, lake.lake, spec, keys[spec.name], day, changes[spec.name], findings)
        for spec in CONVERSATION_TABLES:
            checks = check_table(lake.lake, f"tables/{spec.name}", days, spec, keys[spec.name])
            yield dg.MaterializeResult(asset_key=keys[spec.name], check_results=checks)

    return conversation_tables


def _interval_metrics(calendar: Calendar) -> dg.AssetsDefinition:
    key = asset_key("tables", INTERVAL_METRICS.name)

    @dg.asset(
        key=key,
        deps=[dg.AssetDep(asset_key("pages", "hourly_aggregates"), partition_mapping=hours_to_days())],
        description=description(INTERVAL_METRICS, "Source: genesys/pages/hourly_aggregates."),
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        check_specs=check_specs(INTERVAL_METRICS, key),
        **attributes("tables", "arrow", "parquet"),
    )
    def interval_metrics(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        days = list(checked_keys(context, calendar.daily))
        pages = {
            day: (page for stored in _hours(lake.lake, "hourly_aggregates", day).values() for page in stored)
            for day in days
        }
        return _write_metrics(context, lake.lake, INTERVAL_METRICS, pages, key)

    return interval_metrics


def _daily_metrics(calendar: Calendar) -> dg.AssetsDefinition:
    key = asset_key("tables", DAILY_METRICS.name)

    @dg.asset(
        key=key,
        deps=[asset_key("pages", "daily_aggregates")],
        description=description(DAILY_METRICS, "Source: genesys/pages/daily_aggregates."),
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        check_specs=check_specs(DAILY_METRICS, key),
        **attributes("tables", "arrow", "parquet"),
    )
    def daily_metrics(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        days = list(checked_keys(context, calendar.daily))
        pages = {day: _fetched(lake.lake, "daily_aggregates", day) for day in days}
        return _write_metrics(context, lake.lake, DAILY_METRICS, pages, key)

    return daily_metrics


@dataclass(slots=True)
class Findings:
    """What decoding a day's pages brought to light: fields the model does not know, values that could not be kept."""

    unknown: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=dict)

    def metadata(self) -> dict[str, Any]:
        found: dict[str, Any] = dict(self.counts)
        if self.unknown:
            found["unknown_fields"] = dg.MetadataValue.json(dict(self.unknown))
        if self.losses:
            found["values_lost"] = dg.MetadataValue.json(dict(self.losses))
        return found


def _write_conversations(context: dg.AssetExecutionContext, lake: Lake, day: str) -> tuple[dict[str, Change], Findings]:
    findings = Findings()
    hours = _hours(lake, "hourly_details", day)
    pages = [(hour, stored, index) for hour, stored in hours.items() for index in range(len(stored))]

    def stub(hour: str, page: Page) -> merge.Stub:
        start, end = utc_hour(hour)
        return merge.Stub(start, end, page.fetched_at, decode.starts(page.body))

    def read(position: int) -> pa.StructArray:
        _, stored, index = pages[position]
        decoded = decode.decode(stored[index].body)
        findings.unknown.update(decoded.unknown)
        findings.losses.update(decoded.losses)
        return decoded.conversations

    planned = merge.plan([stub(hour, stored[index]) for hour, stored, index in pages])
    findings.counts.update(
        pages=len(pages),
        hours=len(hours),
        duplicates_dropped=planned.duplicates,
    )
    through = utc_hour(max(hours))[1].isoformat()
    origin = provenance(context, "genesys/pages/hourly_details", partition=day, data_available_through=through)
    with lake.table_writers({f"tables/{spec.name}": spec for spec in CONVERSATION_TABLES}, day, origin) as writers:
        for conversations in merge.merged(planned, read):
            for name, table in explode(conversations).items():
                writers[f"tables/{name}"].write(table)
    return {spec.name: writers[f"tables/{spec.name}"].change for spec in CONVERSATION_TABLES}, findings


def _write_metrics(
    context: dg.AssetExecutionContext, lake: Lake, spec: TableSpec, pages: dict[str, Any], key: dg.AssetKey
) -> dg.MaterializeResult:
    place = f"tables/{spec.name}"
    for day, of_day in pages.items():
        answers = metric_rows(spec, ((page.request, page.body) for page in of_day))
        origin = provenance(context, "aggregates pages", partition=day)
        change = lake.write(place, spec, answers.table, day, origin)
        _describe(context, lake, spec, key, day, change, Findings(unknown=answers.unknown))
    return dg.MaterializeResult(check_results=check_table(lake, place, list(pages), spec, key))


def _describe(
    context: dg.AssetExecutionContext,
    lake: Lake,
    spec: TableSpec,
    key: dg.AssetKey,
    day: str,
    change: Change,
    findings: Findings,
) -> None:
    place = f"tables/{spec.name}"
    metadata = table_metadata(spec, lake.head(place, day), change.rows_after, path=lake.place(place, day))
    more = change_metadata(change) | findings.metadata() | window_metadata(*utc_day(day))
    context.add_asset_metadata(metadata | more, asset_key=key, partition_key=day)


def _hours(lake: Lake, asset: str, day: str) -> dict[str, StoredPages]:
    """The day's stored hours. An hour of a finished day that was never fetched fails the run: a gap is not an empty
    hour.
    """
    found = {hour: lake.pages(f"pages/{asset}", hour) for hour in hours_of(day)}
    missing = [hour for hour, pages in found.items() if pages is None]
    finished = utc_day(day)[1] <= datetime.now(UTC)
    if missing and (finished or len(missing) == len(found)):
        listed = ", ".join(hour[11:] for hour in missing)
        raise dg.Failure(
            f"genesys/pages/{asset} has not been fetched for these hours of {day}: {listed}. Materialise them first, "
            f"for example with --partition-range {missing[0]}...{missing[-1]}.",
            allow_retries=False,
        )
    return {hour: pages for hour, pages in found.items() if pages is not None}


def _fetched(lake: Lake, asset: str, day: str) -> Iterator[Page]:
    pages = lake.pages(f"pages/{asset}", day)
    if pages is None:
        raise dg.Failure(
            f"genesys/pages/{asset} has not been fetched for {day}: materialise it first.",
            allow_retries=False,
        )
    return iter(pages)
