"""The ledger of restatements as an asset: what each later reading changed, from the commits of all tables."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from genesys_assets.assets.common import (
    attributes,
    change_metadata,
    checked_keys,
    content_metadata,
    description,
    provenance,
    report_partition,
    table_metadata,
    window_metadata,
)
from genesys_assets.checks.table_checks import check_specs, failed_checks, passed_checks
from genesys_assets.days.ledgered import LEDGERED, ledgered_places
from genesys_assets.keys import asset_key
from genesys_assets.lake.changes import Change
from genesys_assets.lake.lake import AuditFailed, Lake
from genesys_assets.lake.ledger import LEDGER, catch_up, days_written
from genesys_assets.partitions import Calendar, utc_day
from genesys_assets.resources import LakeResource
from genesys_assets.tables.restatements import RESTATEMENTS

VERSION = "ledger_version"
"""Metadata of a materialisation: up to this version of the ledger's table, all days were reported to Dagster."""
_EVENTS_LOOKED_AT = 500
_AFTER_TABLES = {"dagster/priority": "-5"}
"""Tables of `LEDGERED_IF_STORED` may lack a day, so they cannot be dependencies. The ledger's low priority makes these
tables run first.
"""


def build_restatement_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    key = asset_key("tables", RESTATEMENTS.name)

    @dg.asset(
        key=key,
        deps=[asset_key("tables", spec.name) for spec in LEDGERED],
        description=description(RESTATEMENTS, "Source: every table of the day."),
        partitions_def=calendar.daily,
        backfill_policy=calendar.daily_runs,
        check_specs=check_specs(RESTATEMENTS, key),
        op_tags=_AFTER_TABLES,
        **attributes("tables", "arrow", "parquet"),
    )
    def ledger(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        stored, days = lake.lake, list(checked_keys(context, calendar.daily))
        try:
            changes = catch_up(stored, ledgered_places(stored), days, provenance(context, "commits of tables"))
        except AuditFailed as failed:
            yield from failed_checks(failed, {LEDGER: (RESTATEMENTS, key)})
            raise dg.Failure(str(failed), allow_retries=False) from failed
        version = stored.log(LEDGER).version
        for day in _other_days(context, stored, calendar, key, days):
            content = content_metadata(context.instance, key, day, stored.content(LEDGER, day))
            metadata = _metadata(stored, day, changes.get(day)) | content
            context.log_event(dg.AssetMaterialization(key, metadata=metadata, partition=day))
        for day in days:
            # Only the last event has the version: by then all days are reported.
            reported = {VERSION: version} if day == days[-1] else {}
            metadata = _metadata(stored, day, changes[day]) | reported
            report_partition(context, key, day, metadata, stored.content(LEDGER, day))
        yield dg.MaterializeResult()
        yield from passed_checks(RESTATEMENTS, key)

    return [ledger]


def _other_days(
    context: dg.AssetExecutionContext, lake: Lake, calendar: Calendar, key: dg.AssetKey, days: Sequence[str]
) -> list[str]:
    """Other days that were written since the whole ledger was last reported to Dagster: by this run, or by one that
    died before it reported.
    """
    written = days_written(lake, _reported_version(context.instance, key)) - {*days}
    return sorted(day for day in written if calendar.has_day(day) and lake.has(LEDGER, day))


def _reported_version(instance: dg.DagsterInstance, key: dg.AssetKey) -> int:
    """The version of the ledger up to which all days were reported to Dagster; -1 if none was."""
    for record in instance.fetch_materializations(key, limit=_EVENTS_LOOKED_AT).records:
        version = record.asset_materialization.metadata.get(VERSION) if record.asset_materialization else None
        if version is not None:
            return int(str(version.value))
    return -1


def _metadata(lake: Lake, day: str, change: Change | None) -> dict[str, Any]:
    rows = lake.read(LEDGER, day, schema=RESTATEMENTS.schema)
    metadata = table_metadata(RESTATEMENTS, rows, len(rows), path=lake.place(LEDGER, day))
    return metadata | (change_metadata(change) if change else {}) | window_metadata(*utc_day(day))
