"""Page assets: what the API said, byte for byte, by hour and by day. Nothing is decoded here (`tables`)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import dagster as dg

from genesys_assets.assets.common import (
    ONE_RUN,
    POOL,
    asset_key,
    attributes,
    checked_keys,
    provenance,
    usage_of,
    window_metadata,
)
from genesys_assets.cloud import aggregates, details
from genesys_assets.cloud.catalogue import DEFAULT_METRICS
from genesys_assets.cloud.details import first_and_last_start
from genesys_assets.cloud.errors import CircuitOpen
from genesys_assets.cloud.page import Page
from genesys_assets.cloud.queries import AggregateQuery, Interval
from genesys_assets.lake.lake import PageWriter
from genesys_assets.partitions import Calendar, utc_hour
from genesys_assets.resources import GenesysCloudResource, LakeResource

GROUPINGS = (("queueId", "mediaType"), ("userId", "mediaType"))
"""What the aggregates are grouped by: metrics of queues have no user, so one grouping cannot give both."""

_AGGREGATES = "POST /api/v2/analytics/conversations/aggregates/query"
_DETAILS = "POST /api/v2/analytics/conversations/details/query"
_A_LITTLE_AGO = timedelta(minutes=1)
"""How far from now an interval that reaches into the present ends: the newest minute is still arriving."""
_LOG_EVERY = timedelta(seconds=15)


def build_page_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    return [_hourly_aggregates(calendar), _daily_aggregates(calendar), _hourly_details(calendar)]


def _hourly_aggregates(calendar: Calendar) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key("pages", "hourly_aggregates"),
        partitions_def=calendar.hourly,
        backfill_policy=ONE_RUN,
        pool=POOL,
        description=f"One row per answer of `{_AGGREGATES}` for the hour at PT15M: one by queueId and mediaType, "
        "one by userId and mediaType.",
        **attributes("pages", "genesys"),
    )
    def hourly_aggregates(
        context: dg.AssetExecutionContext, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        keys = checked_keys(context, calendar.hourly)
        windows = {key: utc_hour(key) for key in keys}
        return _fetch_aggregates(context, genesys_cloud, lake, "hourly_aggregates", windows, "PT15M", None)

    return hourly_aggregates


def _daily_aggregates(calendar: Calendar) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key("pages", "daily_aggregates"),
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        pool=POOL,
        description=f"One row per answer of `{_AGGREGATES}` for the business day at P1D, in the time zone "
        "GENESYS_ASSETS_TIME_ZONE; today's day ends a minute ago.",
        **attributes("pages", "genesys"),
    )
    def daily_aggregates(
        context: dg.AssetExecutionContext, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        keys = checked_keys(context, calendar.daily)
        until = datetime.now(UTC) - _A_LITTLE_AGO
        bounds = {key: calendar.business_day(key) for key in keys}
        windows = {key: (start, min(end, until)) for key, (start, end) in bounds.items()}
        zone = None if calendar.zone.key == "UTC" else calendar.zone.key
        return _fetch_aggregates(context, genesys_cloud, lake, "daily_aggregates", windows, "P1D", zone)

    return daily_aggregates


def _hourly_details(calendar: Calendar) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key("pages", "hourly_details"),
        partitions_def=calendar.hourly,
        backfill_policy=ONE_RUN,
        pool=POOL,
        description=f"One row per page of `{_DETAILS}` that holds a conversation begun in the hour. Fresh and "
        "provisional: conversations may still be in progress. The platform answers by the UTC day, "
        "so a range of hours reads each day once.",
        **attributes("pages", "genesys"),
    )
    def hourly_details(
        context: dg.AssetExecutionContext, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        keys = checked_keys(context, calendar.hourly)
        hours = {key: utc_hour(key) for key in keys}
        cloud, origin = genesys_cloud.client, provenance(context, _DETAILS)
        with (
            _retry_later_while_closed(),
            usage_of(cloud) as spent,
            lake.lake.page_writers("pages/hourly_details", keys, origin) as writers,
        ):
            for interval in _one_read_a_day(hours.values()):
                progress = Progress(context, str(interval))
                for page in details.fetch(cloud, interval, on_progress=progress):
                    for key in _hours_touched(page, hours):
                        writers[key].write(page)
            stored = {key: writer.pages for key, writer in writers.items() if key}
        return _result(hours, stored, spent)

    return hourly_details


def _fetch_aggregates(
    context: dg.AssetExecutionContext,
    genesys_cloud: GenesysCloudResource,
    lake: LakeResource,
    name: str,
    windows: dict[str, tuple[datetime, datetime]],
    granularity: str,
    time_zone: str | None,
) -> dg.MaterializeResult:
    cloud, origin = genesys_cloud.client, provenance(context, _AGGREGATES)
    wanted = [
        (key, query) for key, window in windows.items() for query in _aggregate_queries(window, granularity, time_zone)
    ]
    with (
        _retry_later_while_closed(),
        usage_of(cloud) as spent,
        lake.lake.page_writers(f"pages/{name}", list(windows), origin) as writers,
    ):
        progress = Progress(context, name)
        answers = cloud.map_in_order(lambda item: aggregates.fetch(cloud, item[1]), wanted)
        for done, ((key, _), page) in enumerate(zip(wanted, answers, strict=True), start=1):
            writers[key].write(_numbered(page, writers[key]))
            progress(done, len(wanted), None)
        stored = {key: writer.pages for key, writer in writers.items() if key}
    return _result(windows, stored, spent)


def _aggregate_queries(
    window: tuple[datetime, datetime], granularity: str, time_zone: str | None
) -> Iterator[AggregateQuery]:
    for grouping in GROUPINGS:
        yield AggregateQuery(
            interval=Interval(*window),
            granularity=granularity,
            group_by=grouping,
            metrics=DEFAULT_METRICS,
            time_zone=time_zone,
        )


def _numbered(page: Page, writer: PageWriter) -> Page:
    from dataclasses import replace

    return replace(page, number=writer.pages + 1)


def _one_read_a_day(hours: Iterable[tuple[datetime, datetime]]) -> Iterator[Interval]:
    """One interval per UTC day, from the first to the last hour that is wanted of it."""
    for _, group in groupby(sorted(hours), key=lambda hour: hour[0].date()):
        of_day = list(group)
        yield Interval(of_day[0][0], of_day[-1][1])


def _hours_touched(page: Page, hours: dict[str, tuple[datetime, datetime]]) -> Sequence[str]:
    span = first_and_last_start(page)
    if span is None:
        return []
    first, last = span
    return [key for key, (start, end) in hours.items() if start <= last and first < end]


def _result(
    windows: dict[str, tuple[datetime, datetime]], stored: dict[str, int], spent: dict[str, Any]
) -> dg.MaterializeResult:
    pages = sum(stored.values())
    return dg.MaterializeResult(
        metadata={
            "pages": pages,
            "dagster/row_count": pages,
            "empty_partitions": sum(1 for count in stored.values() if not count),
            **window_metadata(min(start for start, _ in windows.values()), max(end for _, end in windows.values())),
            **spent,
        }
    )


@dataclass
class Progress:
    """Logs now and then how far a long fetch is."""

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
        of = f" of {expected}" if expected else ""
        having = f", {rows} rows" if rows else ""
        self.context.log.info(f"{self.what}: {done}{of} pages{having}, {a_minute:.0f} requests/min")


@contextmanager
def _retry_later_while_closed() -> Iterator[None]:
    """An open circuit asks Dagster to come back later instead of holding a slot."""
    try:
        yield
    except CircuitOpen as closed:
        raise dg.RetryRequested(max_retries=3, seconds_to_wait=closed.retry_in) from closed
