"""The ledger of restatements as an asset: the readings that the tables' commits tell of, of whichever day."""

import dagster as dg

from genesys_assets.assets.common import (
    ONE_RUN,
    attributes,
    change_metadata,
    checked_keys,
    description,
    provenance,
    report_partition,
    table_metadata,
    window_metadata,
)
from genesys_assets.checks.table_checks import check_specs, passed_checks
from genesys_assets.keys import asset_key
from genesys_assets.lake.ledger import catch_up
from genesys_assets.partitions import Calendar, utc_day
from genesys_assets.resources import LakeResource
from genesys_assets.tables.conversation_day import DAY_TABLES
from genesys_assets.tables.metrics import DAILY_METRICS, INTERVAL_METRICS
from genesys_assets.tables.restatements import RESTATEMENTS

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
        stored, days = lake.lake, list(checked_keys(context, calendar.daily))
        places = [f"tables/{spec.name}" for spec in LEDGERED]
        changes = catch_up(stored, places, days, provenance(context, "commits of tables"))
        for day, change in changes.items():
            rows = stored.read(place, day, schema=RESTATEMENTS.schema)
            metadata = table_metadata(RESTATEMENTS, rows, len(rows), path=stored.place(place, day))
            said = metadata | change_metadata(change) | window_metadata(*utc_day(day))
            if day in days:
                report_partition(context, key, day, said, stored.content(place, day))
            elif calendar.has_day(day):
                context.log_event(dg.AssetMaterialization(key, metadata=said, partition=day))
        return dg.MaterializeResult(check_results=passed_checks(RESTATEMENTS, key))

    return [ledger]
