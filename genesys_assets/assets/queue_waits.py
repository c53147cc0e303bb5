"""The table of waits in queues as an asset. `tables.users.waits` declares its rows; `days.waits` reads its inputs."""

from collections.abc import Iterator

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
from genesys_assets.days import waits
from genesys_assets.days.sources import NotFetched
from genesys_assets.days.users import USER_DETAILS
from genesys_assets.keys import asset_key
from genesys_assets.lake.lake import AuditFailed
from genesys_assets.partitions import Calendar
from genesys_assets.resources import LakeResource
from genesys_assets.tables.users.waits import QUEUE_WAITS, queue_waits


def build_queue_waits_asset(calendar: Calendar) -> dg.AssetsDefinition:
    key = asset_key(*waits.PLACE.split("/"))

    @dg.asset(
        key=key,
        deps=[asset_key(*waits.LEGS.split("/"))],
        description=description(
            QUEUE_WAITS,
            f"Source: genesys/{waits.LEGS} of the day and its neighbours; if they are stored, also "
            f"genesys/{waits.MEMBERS}, genesys/{USER_DETAILS} and genesys/pages/lake_files.",
        ),
        partitions_def=calendar.daily,
        backfill_policy=calendar.daily_runs,
        check_specs=check_specs(QUEUE_WAITS, key),
        **attributes("tables", "arrow", "parquet"),
    )
    def of_queues(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        stored, place = lake.lake, waits.PLACE
        for day in checked_keys(context, calendar.daily):
            stored.look_again()
            origin = provenance(context, f"genesys/{waits.LEGS} of {day}", partition=day)
            try:
                with (
                    fail_without_retry(NotFetched),
                    stored.table_writers({place: QUEUE_WAITS}, day, origin) as writing,
                ):
                    inputs = waits.read(stored, day)
                    writing[place].write(queue_waits(inputs.legs, inputs.around))
                    writing.reach, writing.newness = inputs.reach, stored.newness(inputs.inputs)
                    writing.made_of = {place: waits.made_of(stored, day)}
            except AuditFailed as failed:
                yield from failed_checks(failed, {place: (QUEUE_WAITS, key)})
                raise dg.Failure(str(failed), allow_retries=False) from failed
            report_table(context, stored, writing, place, key, day)
        yield dg.MaterializeResult()
        yield from passed_checks(QUEUE_WAITS, key)

    return of_queues
