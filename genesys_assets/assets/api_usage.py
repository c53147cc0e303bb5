"""The platform's own count of the OAuth client's requests, if it is permitted. Ours is `tables/api_requests`."""

from collections.abc import Iterator
from datetime import date

import dagster as dg
import pyarrow as pa

from genesys_assets.assets.common import (
    POOL,
    attributes,
    change_metadata,
    checked_keys,
    description,
    observe_requests,
    provenance,
    report_partition,
    stored_pages,
    table_metadata,
    track_requests,
)
from genesys_assets.checks.table_checks import check_specs, failed_checks, passed_checks
from genesys_assets.cloud import api_usage as platform
from genesys_assets.cloud.errors import MissingPermission, NotFound
from genesys_assets.cloud.http.page import Page
from genesys_assets.keys import asset_key
from genesys_assets.lake.lake import AuditFailed, Lake, Provenance, Writing
from genesys_assets.partitions import Calendar
from genesys_assets.resources import GenesysCloudResource, LakeResource
from genesys_assets.tables.api_usage import API_USAGE, api_usage

PLACE, PAGES = f"reference/{API_USAGE.name}", f"pages/reference_{API_USAGE.name}"
_SOURCE = (
    "If GENESYS_ASSETS_API_USAGE is true, the sensor observe fetches finished UTC days. It needs the permission "
    "usage:client:view; without it the day stays unanswered."
)
_MATERIALISE = "Materialise the day again."
_PERMITTED = "is_permitted"


def build_api_usage_asset(calendar: Calendar) -> dg.AssetsDefinition:
    key = asset_key("reference", API_USAGE.name)

    permitted = dg.AssetCheckSpec(
        _PERMITTED,
        asset=key,
        description=f"The platform returns its count. That needs the permission {platform.PERMISSION}.",
    )

    @dg.multi_asset(
        name="reference_api_usage",
        specs=[
            dg.AssetSpec(
                key,
                description=description(API_USAGE, _SOURCE),
                skippable=True,
                **attributes("reference", "genesys", "parquet"),
            )
        ],
        partitions_def=calendar.daily,
        backfill_policy=calendar.daily_runs,
        can_subset=True,
        pool=POOL,
        check_specs=[*check_specs(API_USAGE, key), permitted],
    )
    def usage(
        context: dg.AssetExecutionContext, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        cloud, stored, origin = genesys_cloud.client, lake.lake, provenance(context, "POST usage")
        last_refused: MissingPermission | NotFound | None = None
        with track_requests(cloud) as spent:
            for day in checked_keys(context, calendar.daily):
                try:
                    pages = list(platform.fetch(cloud, day))
                except (MissingPermission, NotFound) as refused:
                    last_refused = refused
                    context.log.warning(f"The platform's count of {day} stays unknown: {refused}")
                    stored.note_unanswered(PLACE, API_USAGE, day, cloud.now(), {"why": str(refused), **origin})
                    continue
                try:
                    rows, writing = _write(stored, day, pages, origin)
                except AuditFailed as failed:
                    yield from failed_checks(failed, {PLACE: (API_USAGE, key)})
                    raise dg.Failure(str(failed), allow_retries=False) from failed
                more = change_metadata(writing.changes[PLACE]) | {"path": stored.place(PLACE, day)}
                metadata = table_metadata(API_USAGE, rows, len(rows), **more)
                report_partition(context, key, day, metadata, stored.content(PLACE, day))
        if last_refused is None:
            yield dg.MaterializeResult(asset_key=key, metadata=spent)
            yield from passed_checks(API_USAGE, key)
        else:
            observe_requests(spent)
        yield _permitted(key, last_refused)

    return usage


def _write(lake: Lake, day: str, pages: list[Page], origin: Provenance) -> tuple[pa.Table, Writing]:
    """Store the pages of a day, and the table made from the stored pages; returns its rows. Raises AuditFailed."""
    with lake.page_writers(PAGES, [day], origin) as writers:
        for page in pages:
            writers[day].write(page)
    with lake.table_writers({PLACE: API_USAGE}, day, origin) as writing:
        rows = api_usage(date.fromisoformat(day), stored_pages(lake, PAGES, day, _MATERIALISE))
        writing.newness = lake.newness([(PAGES, day)])
        writing[PLACE].write(rows)
    return rows, writing


def _permitted(key: dg.AssetKey, refused: MissingPermission | NotFound | None) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=_PERMITTED,
        asset_key=key,
        passed=refused is None,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={} if refused is None else {"why": str(refused), "permission": platform.PERMISSION},
    )
