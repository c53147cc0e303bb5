"""Imports saved files, as an asset. The command `genesys-assets import` does the same.

The assets of the imported pages are external: this asset and the command write them. `genesys_assets.importing` reads
the files.
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from genesys_assets.assets.common import attributes, window_metadata
from genesys_assets.keys import asset_key
from genesys_assets.lake.opening import s3_client
from genesys_assets.partitions import Calendar, utc_day
from genesys_assets.resources import LakeResource

_HOLDS = {
    "imported_details": "of a saved file's conversations that began on the UTC day",
    "imported_hourly_aggregates": "of figures of a saved file, in buckets that lie within an hour of the UTC day",
    "imported_daily_aggregates": "of figures of a saved file for the whole business day",
}


class ImportConfig(dg.Config):
    """Which files to import, and what cannot be read from the files themselves."""

    files: list[str] = Field(description="Files, folders or patterns, on disk or s3://bucket/…")
    complete: str | None = Field(
        None, description="Span for which the files hold all data, such as 2025-01-01/2025-02-01."
    )
    granularity: str | None = Field(
        None, description="Length of buckets that have only a start: PT15M, PT30M, PT1H or P1D."
    )
    interval: str | None = Field(None, description="Time span of figures that have no time.")
    time_unit: str = Field(
        "ms", description="Unit of times whose name has no unit, such as handleTime: ms, seconds or minutes."
    )
    time_zone: str | None = Field(None, description="IANA time zone of times without a UTC offset.")
    group_by: list[str] = Field([], description="Dimensions that figures are grouped by, if groups do not show it.")


def build_imported_pages(calendar: Calendar) -> Iterator[dg.AssetSpec]:
    """The external assets of imported pages, which the asset `ops/import` writes."""
    for name, holds in _HOLDS.items():
        yield dg.AssetSpec(
            asset_key("pages", name),
            deps=[asset_key("ops", "import")],
            partitions_def=calendar.daily,
            description=f"One row per page {holds}. Written by genesys/ops/import or `genesys-assets import`.",
            **attributes("pages", "json", "parquet"),
        )


def build_import_asset(calendar: Calendar) -> dg.AssetsDefinition:
    pages = {name: asset_key("pages", name) for name in _HOLDS}

    @dg.asset(
        key=asset_key("ops", "import"),
        description="One row per saved file, shown in the run's metadata: what it held, and of which days. "
        "Materialise it with the files in its config; then the tables of those days. A file that cannot be read is "
        "skipped, and parts that cannot be read are left out; the metadata names both. Importing a file again changes "
        "nothing.",
        **attributes("ops", "json"),
    )
    def import_saved_files(
        context: dg.AssetExecutionContext, config: ImportConfig, lake: LakeResource
    ) -> dg.MaterializeResult:
        from genesys_assets.importing.files import CannotImport, find
        from genesys_assets.importing.into_lake import DamagedPages, import_files
        from genesys_assets.importing.result import ImportResult
        from genesys_assets.importing.summary import (
            left_out,
            markdown,
            no_longer_complete,
            not_complete,
            not_marked,
            parse_options,
            totals,
        )

        imported = ImportResult()
        try:
            options, complete = parse_options(
                calendar.zone,
                granularity=config.granularity,
                interval=config.interval,
                time_unit=config.time_unit,
                time_zone=config.time_zone,
                group_by=config.group_by,
                complete=config.complete,
            )
            files = find(config.files, s3_client)
            import_files(lake.lake, files, options, complete=complete, run_id=context.run.run_id, result=imported)
        except (CannotImport, DamagedPages) as refusal:
            read = {"files": dg.MetadataValue.md(markdown(imported))} if imported.outcomes else {}
            raise dg.Failure(str(refusal), metadata=read, allow_retries=False) from None
        days = set(calendar.daily.get_partition_keys())
        for asset, day in sorted(imported.changed):
            if day in days:
                window = window_metadata(*utc_day(day))
                context.log_event(dg.AssetMaterialization(pages[asset], partition=day, metadata=window))
        for outcome in imported.skipped:
            context.log.warning(f"{outcome.file}: {outcome.reason}")
        if (summary := totals(imported)) is not None:
            context.log.info(summary)
        remarks = left_out(imported)
        for remark in remarks:
            context.log.warning(f"Left out: {remark}")
        warnings = [no_longer_complete(imported), not_complete(imported) if complete is not None else None]
        for warning in filter(None, [*warnings, *not_marked(imported)]):
            context.log.warning(warning)
        if imported.outcomes and len(imported.skipped) == len(imported.outcomes):
            raise dg.Failure(
                "No file could be read.",
                metadata={"files": dg.MetadataValue.md(markdown(imported))},
                allow_retries=False,
            )
        return dg.MaterializeResult(
            metadata={
                "files": dg.MetadataValue.md(markdown(imported)),
                "conversations": imported.conversations.different,
                "buckets": imported.buckets.different,
                "skipped": len(imported.skipped),
                "left_out": dg.MetadataValue.json(remarks),
                "changed_days": dg.MetadataValue.json(sorted({day for _, day in imported.changed})),
            }
        )

    return import_saved_files
