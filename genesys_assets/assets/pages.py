"""The page asset of conversations by hour, and what all page assets share. `aggregates` has the page assets of figures.
`tables` decodes pages.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import dagster as dg

from genesys_assets.assets.common import (
    POOL,
    attributes,
    checked_keys,
    column_schema,
    continued_runs,
    due_every,
    preview_metadata,
    provenance,
    report_partition,
    track_requests,
    window_metadata,
)
from genesys_assets.cloud.analytics import details
from genesys_assets.cloud.analytics.conversations import ConversationsPage
from genesys_assets.cloud.analytics.fetch_progress import FetchProgress
from genesys_assets.cloud.analytics.queries import Interval
from genesys_assets.days.completeness import (
    DAILY_DETAILS,
    HOURLY_DETAILS,
    TOTAL_HITS,
    DayEmptied,
    counted_by_position,
    figures_of_query,
    is_figure,
    newest_figures,
    require_not_emptied,
)
from genesys_assets.days.limits import HOURS_LIMIT
from genesys_assets.days.sources import START_DAYS
from genesys_assets.keys import asset_key
from genesys_assets.lake.files import UNKNOWN_DROPPED
from genesys_assets.lake.lake import PAGES, Lake, PageWriter, Reach
from genesys_assets.partitions import HOUR, Calendar, utc_hour
from genesys_assets.resources import GenesysCloudResource, LakeResource

_DETAILS = "POST /api/v2/analytics/conversations/details/query"
A_LITTLE_AGO = timedelta(minutes=1)
"""An interval that reaches into the present ends this long before now: newer data is still arriving."""
_LOG_EVERY = timedelta(seconds=15)

Bounds = tuple[datetime, datetime]
"""Half-open, in UTC."""


class HoursConfig(dg.Config):
    """`allow_emptied`: accept it if the platform returns no conversations of a day that had some. For one run only."""

    allow_emptied: bool = False


def build_page_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    return [_hourly_details(calendar)]


def _hourly_details(calendar: Calendar) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key("pages", "hourly_details"),
        partitions_def=calendar.hourly,
        freshness_policy=due_every(HOUR, HOURS_LIMIT),
        backfill_policy=calendar.hourly_runs,
        pool=POOL,
        description=f"One row per page of `{_DETAILS}` with a conversation that began in the hour. Fresh but "
        "provisional: conversations may still be in progress. The query is by UTC day, so a run over a range of hours "
        "reads each day once.",
        **attributes("pages", "genesys", "parquet"),
    )
    def hourly_details(
        context: dg.AssetExecutionContext, config: HoursConfig, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        cloud, origin, stored = genesys_cloud.client, provenance(context, _DETAILS), lake.lake
        windows = {key: utc_hour(key) for key in checked_keys(context, calendar.hourly)}
        with track_requests(cloud) as spent:
            for hours in day_by_day(windows):
                if report_if_fetched(context, stored, HOURLY_DETAILS, hours):
                    continue
                interval = Interval(min(hours.values())[0], max(hours.values())[1])
                with stored.page_writers(HOURLY_DETAILS, list(hours), origin) as writers:
                    progress, reading = Progress(context, str(interval)), FetchProgress()
                    near, as_of = _page_before(stored, min(hours)), None
                    for page in details.fetch(cloud, interval, near=near, on_progress=progress, reading=reading):
                        as_of = page.as_of
                        for key in _hours_touched(page, hours):
                            writers[key].write(page)
                    figures = figures_of_query(reading, cloud.now())
                    figures |= counted_by_position(cloud, min(hours)[:10], figures)
                    if reading.total_hits_last == 0 and not config.allow_emptied:
                        _require_not_emptied(stored, min(hours)[:10])
                    for writer in writers.values():
                        writer.provenance.update(figures)
                        # An hour without conversations has no page. It is known as of the last page of its day.
                        writer.as_of = writer.as_of or as_of
                report_pages(context, hours, writers, dict.fromkeys(hours, figures))
        return dg.MaterializeResult(metadata=spent)

    return hourly_details


def _require_not_emptied(lake: Lake, day: str) -> None:
    try:
        require_not_emptied(day, 0, newest_figures(lake, day, [HOURLY_DETAILS]).get(TOTAL_HITS), HOURLY_DETAILS)
    except DayEmptied as emptied:
        raise dg.Failure(str(emptied), allow_retries=False) from emptied


def day_by_day(windows: dict[str, Bounds]) -> Iterator[dict[str, Bounds]]:
    """The windows of one UTC day at a time, so that a long range is stored day by day while it is fetched."""
    for _, of_day in groupby(sorted(windows.items()), key=lambda item: item[0][:10]):
        yield dict(of_day)


def report_if_fetched(context: dg.AssetExecutionContext, lake: Lake, asset: str, windows: dict[str, Bounds]) -> bool:
    """Whether a run that this one continues has stored these partitions already. If so, reports them to Dagster."""
    runs = continued_runs(context)
    is_stored = bool(runs) and all(lake.provenance(asset, key).get("run_id") in runs for key in windows)
    if is_stored:
        context.log.info(f"{min(windows)} to {max(windows)} were stored by the run that this one continues.")
        for key, window in windows.items():
            report_partition(context, context.asset_key, key, _as_stored(lake, asset, key) | window_metadata(*window))
    return is_stored


def _as_stored(lake: Lake, asset: str, key: str) -> dict[str, Any]:
    """The metadata of a stored partition, as `report_pages` and its caller report it, from what its file says."""
    origin, reach, pages = lake.provenance(asset, key), lake.reach(asset, key), lake.rows(asset, key)
    figures = {name: value for name, value in origin.items() if name == START_DAYS or is_figure(name)}
    of_reach = {} if reach is None or asset != DAILY_DETAILS else reach_metadata(reach)
    counts = {"pages": pages, "dagster/partition_row_count": pages, "dagster/column_schema": column_schema(PAGES)}
    return counts | figures | of_reach


def reach_metadata(reach: Reach) -> dict[str, Any]:
    """Metadata about how far a day is known."""
    return {"data_available_through": dg.MetadataValue.timestamp(reach.through), "is_complete": reach.is_complete}


def _page_before(lake: Lake, hour: str) -> int | None:
    """The number, within the day, of the last page of the previous hour when it was read. This hour begins on that
    page, or near it. None if the previous hour is not stored, or belongs to another day.
    """
    before = f"{utc_hour(hour)[0] - HOUR:%Y-%m-%d-%H:00}"
    stored = lake.pages(HOURLY_DETAILS, before) if before[:10] == hour[:10] else None
    return details.number_in_day(stored.about(len(stored) - 1).request) if stored else None


def _hours_touched(page: ConversationsPage, hours: dict[str, Bounds]) -> Sequence[str]:
    if page.span is None:
        return list(hours)[:1]
    first, last = page.span
    return [key for key, (start, end) in hours.items() if start <= last and first < end]


def report_pages(
    context: dg.AssetExecutionContext,
    windows: dict[str, Bounds],
    writers: dict[str | None, PageWriter],
    more: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Report committed partitions to Dagster, with `more` metadata by key."""
    for key, (start, end) in windows.items():
        writer = writers[key]
        metadata: dict[str, Any] = {
            "pages": writer.pages,
            "dagster/partition_row_count": writer.pages,
            "bytes": writer.bytes,
            "dagster/column_schema": column_schema(PAGES),
            "preview": preview_metadata(PAGES, writer.first_pages),
        }
        if dropped := writer.provenance.get(UNKNOWN_DROPPED):
            metadata[UNKNOWN_DROPPED] = dg.MetadataValue.json(dropped)
        if writer.change is not None and writer.change.is_superseded:
            metadata = {"superseded_by_newer_reading": True}
            context.log.warning(f"{key}: a newer reading was committed meanwhile, and stays.")
        metadata |= window_metadata(start, end) | dict((more or {}).get(key, {}))
        report_partition(context, context.asset_key, key, metadata)


@dataclass
class Progress:
    """Logs the progress of a long fetch every 15 seconds."""

    context: dg.AssetExecutionContext
    what: str

    def __post_init__(self) -> None:
        self._began = self._logged = datetime.now(UTC)

    def __call__(self, done: int, expected: int | None, rows: int | None) -> None:
        now = datetime.now(UTC)
        if now - self._logged < _LOG_EVERY:
            return
        self._logged = now
        a_minute = 60 * done / (now - self._began).total_seconds()
        total = f" of {expected}" if expected else ""
        row_count = f", {rows} rows" if rows else ""
        self.context.log.info(f"{self.what}: {done}{total} pages{row_count}, {a_minute:.0f} requests/min")
