"""Removes hours of pages that a complete day has superseded, once they are old enough.

When a day is read again, conversations that were deleted on the platform leave its tables. But they stay in the pages
of hours that were read before, which no table needs any longer. docs/semantics.md lists all places that hold
conversations.
"""

from datetime import UTC, datetime

import dagster as dg

from genesys_assets.assets.common import attributes
from genesys_assets.days.completeness import DAILY_DETAILS, HOURLY_DETAILS, MISSING, is_complete, newest_figures
from genesys_assets.keys import asset_key
from genesys_assets.lake.commit import ConcurrentCommit
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import DAY
from genesys_assets.resources import LakeResource
from genesys_assets.settings import RetentionSettings
from genesys_assets.spans import milliseconds

_DESCRIPTION = """One row per day whose hours of genesys/pages/hourly_details were removed, shown in the metadata.

An hour is removed if genesys/pages/daily_details of its day is complete, has at least as many conversations as the
platform reported, and was read after the hour, and if the day is older than GENESYS_ASSETS_KEEP_SUPERSEDED_DAYS.
Without that setting no hour is removed. The tables of such a day do not change.
"""


def build_superseded_asset() -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key("ops", "superseded_pages"),
        description=_DESCRIPTION,
        **attributes("ops", "parquet"),
    )
    def superseded_pages(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        keep = RetentionSettings.load().keep_superseded_days
        if keep is None:
            context.log.info("GENESYS_ASSETS_KEEP_SUPERSEDED_DAYS is not set: superseded hours stay.")
            return dg.MaterializeResult(metadata={"hours_removed": 0})
        try:
            hours = remove_superseded(lake.lake.isolated(), f"{datetime.now(UTC) - DAY * keep:%Y-%m-%d}")
        except ConcurrentCommit:
            context.log.info("Hours were read again meanwhile: nothing is removed before the next run of this asset.")
            hours = []
        days = sorted({hour[:10] for hour in hours})
        return dg.MaterializeResult(metadata={"hours_removed": len(hours), "days": days})

    return superseded_pages


def remove_superseded(lake: Lake, until: str) -> list[str]:
    """Removes the superseded hours of days before `until`, and returns their keys. The lake must be isolated. Raises
    ConcurrentCommit if one of them was read again meanwhile: then none is removed.
    """
    hours = superseded_hours(lake, until)
    lake.remove(HOURLY_DETAILS, hours, builds_on_stored=True)
    return hours


def superseded_hours(lake: Lake, until: str) -> list[str]:
    """The keys of the stored hours of days before `until` that no table needs: their day is complete, has at least as
    many conversations as the platform reported, and was read after them.
    """
    stored = [hour for hour in lake.page_partitions(HOURLY_DETAILS) if hour[:10] < until]
    days = {hour[:10] for hour in stored}
    complete = {
        day for day in days if is_complete(lake, day) and newest_figures(lake, day, [DAILY_DETAILS]).get(MISSING) == 0
    }
    read_at = {day: _read_at(lake, day) for day in complete}
    return [hour for hour in stored if lake.newness([(HOURLY_DETAILS, hour)]) <= read_at.get(hour[:10], -1)]


def _read_at(lake: Lake, day: str) -> int:
    """When the newest page of a day was true, in milliseconds; 0 if it has no page that can be read. The newness of the
    day may be larger: see `lake.commit`.
    """
    pages = lake.pages(DAILY_DETAILS, day)
    newest = pages.newest_as_of if pages else None
    return milliseconds(newest) if newest else 0
