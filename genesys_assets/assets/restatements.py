"""The restatement ledger as an asset: gathers what stands beside the day's tables about their versions."""

from datetime import date

import dagster as dg

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
from genesys_assets.partitions import Calendar, utc_day
from genesys_assets.resources import LakeResource
from genesys_assets.tables.conversation_day import DAY_TABLES
from genesys_assets.tables.metrics import DAILY_METRICS, INTERVAL_METRICS
from genesys_assets.tables.restatements import RESTATEMENTS, restatements

LEDGERED = (*DAY_TABLES, INTERVAL_METRICS, DAILY_METRICS)


def build_restatement_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    key, place = asset_key("tables", RESTATEMENTS.name), f"tables/{RESTATEMENTS.name}"

    @dg.asset(
        key=key,
        deps=[asset_key("tables", spec.name) for spec in LEDGERED],
        description=description(RESTATEMENTS, "Source: every table of the day."),
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        check_specs=check_specs(RESTATEMENTS, key),
        **attributes("tables", "arrow", "parquet"),
    )
    def ledger(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        days = list(checked_keys(context, calendar.daily))
        for day in days:
            rereads = {spec.name: lake.lake.rereads(f"tables/{spec.name}", day) for spec in LEDGERED}
            table = restatements(date.fromisoformat(day), rereads)
            change = lake.lake.write(place, RESTATEMENTS, table, day, provenance(context, "tables", partition=day))
            metadata = table_metadata(RESTATEMENTS, table, len(table), path=lake.lake.place(place, day))
            more = change_metadata(change) | window_metadata(*utc_day(day))
            context.add_asset_metadata(metadata | more, partition_key=day)
        return dg.MaterializeResult(check_results=check_table(lake.lake, place, days, RESTATEMENTS, key))

    return [ledger]
