"""Page assets: what the API said, byte for byte, by hour and by day. Nothing is decoded here (`tables`)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

import dagster as dg

from genesys_assets.assets.common import (
    ONE_RUN,
    POOL,
    asking,
    asset_key,
    attributes,
    checked_keys,
    column_schema,
    markdown,
    provenance,
    window_metadata,
)
from genesys_assets.cloud import aggregates, details
from genesys_assets.cloud.details import first_and_last_start
from genesys_assets.cloud.page import Page
from genesys_assets.cloud.queries import AggregateQuestion, Granularity, Interval
from genesys_assets.cloud.reading import Reading
from genesys_assets.lake.lake import PAGES, PageWriter
from genesys_assets.partitions import Calendar, utc_hour
from genesys_assets.reports.questions import STANDARD
from genesys_assets.resources import GenesysCloudResource, LakeResource

_AGGREGATES = "POST /api/v2/analytics/conversations/aggregates/query"
_DETAILS = "POST /api/v2/analytics/conversations/details/query"
A_LITTLE_AGO = timedelta(minutes=1)
"""How far from now an interval that reaches into the present ends: the newest minute is still arriving."""
_LOG_EVERY = timedelta(seconds=15)

Window = tuple[datetime, datetime]
"""Half-open, in UTC."""


def build_page_assets(
    calendar: Calendar, questions: Sequence[AggregateQuestion] = STANDARD
) -> list[dg.AssetsDefinition]:
    """`questions` are asked of every hour and every business day."""
    return [_hourly_aggregates(calendar, questions), _daily_aggregates(calendar, questions), _hourly_details(calendar)]


def _hourly_aggregates(calendar: Calendar, questions: Sequence[AggregateQuestion]) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key("pages", "hourly_aggregates"),
        partitions_def=calendar.hourly,
        backfill_policy=ONE_RUN,
        pool=POOL,
        description=f"One row per answer of `{_AGGREGATES}` for the hour at PT15M: one by queueId and mediaType, "
        "one by userId and mediaType, and one for each further question that reports ask.",
        **attributes("pages", "genesys", "parquet"),
    )
    def hourly_aggregates(
        context: dg.AssetExecutionContext, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        keys = checked_keys(context, calendar.hourly)
        windows = {key: utc_hour(key) for key in keys}
        return _fetch_aggregates(context, genesys_cloud, lake, "hourly_aggregates", questions, windows, "PT15M", None)

    return hourly_aggregates


def _daily_aggregates(calendar: Calendar, questions: Sequence[AggregateQuestion]) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key("pages", "daily_aggregates"),
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        pool=POOL,
        description=f"One row per answer of `{_AGGREGATES}` for the business day at P1D, in the time zone "
        "GENESYS_ASSETS_TIME_ZONE; today's day ends a minute ago.",
        **attributes("pages", "genesys", "parquet"),
    )
    def daily_aggregates(
        context: dg.AssetExecutionContext, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        keys = checked_keys(context, calendar.daily)
        until = datetime.now(UTC) - A_LITTLE_AGO
        windows = {key: _so_far(key, *calendar.business_day(key), until) for key in keys}
        zone = None if calendar.zone.key == "UTC" else calendar.zone.key
        return _fetch_aggregates(context, genesys_cloud, lake, "daily_aggregates", questions, windows, "P1D", zone)

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
        **attributes("pages", "genesys", "parquet"),
    )
    def hourly_details(
        context: dg.AssetExecutionContext, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        cloud, origin = genesys_cloud.client, provenance(context, _DETAILS)
        with asking(cloud) as spent:
            for hours in _day_by_day({key: utc_hour(key) for key in checked_keys(context, calendar.hourly)}):
                interval = Interval(min(hours.values())[0], max(hours.values())[1])
                with lake.lake.page_writers("pages/hourly_details", list(hours), origin) as writers:
                    progress, reading = Progress(context, str(interval)), Reading()
                    for page in details.fetch(cloud, interval, on_progress=progress, reading=reading):
                        for key in _hours_touched(page, hours):
                            writers[key].write(page)
                describe_pages(context, hours, writers)
                for key in hours:
                    context.add_asset_metadata(_completeness(reading), partition_key=key)
        return dg.MaterializeResult(metadata=spent)

    return hourly_details


def _fetch_aggregates(
    context: dg.AssetExecutionContext,
    genesys_cloud: GenesysCloudResource,
    lake: LakeResource,
    name: str,
    questions: Sequence[AggregateQuestion],
    windows: dict[str, Window],
    granularity: Granularity,
    time_zone: str | None,
) -> dg.MaterializeResult:
    cloud, origin = genesys_cloud.client, provenance(context, _AGGREGATES)
    with asking(cloud) as spent:
        for of_day in _day_by_day(windows):
            wanted = [
                (key, question.over(Interval(*window), granularity, time_zone))
                for key, window in of_day.items()
                for question in questions
            ]
            progress = Progress(context, f"{name} of {next(iter(of_day))}")
            with lake.lake.page_writers(f"pages/{name}", list(of_day), origin) as writers:
                answers = cloud.map_in_order(lambda item: aggregates.fetch(cloud, item[1]), wanted)
                for done, ((key, _), page) in enumerate(zip(wanted, answers, strict=True), start=1):
                    writers[key].write(page)
                    progress(done, len(wanted), None)
            describe_pages(context, of_day, writers)
    return dg.MaterializeResult(metadata=spent)


def _so_far(key: str, start: datetime, end: datetime, until: datetime) -> Window:
    if start >= until:
        raise dg.Failure(
            f"The business day {key} begins at {start:%Y-%m-%d %H:%M} UTC, there is nothing of it yet: "
            "materialise it later.",
            allow_retries=False,
        )
    return start, min(end, until)


def _completeness(reading: Reading) -> dict[str, int]:
    """What the reading of the hour's day got, and what the platform said there is."""
    figures = {
        "day_conversations_read": reading.conversations,
        "day_total_hits_first": reading.total_hits_first,
        "day_total_hits_last": reading.total_hits_last,
        "day_rows_repeated": reading.repeated,
        "day_rereads": reading.rereads,
        "day_missing": reading.missing,
    }
    return {name: figure for name, figure in figures.items() if figure is not None}


def _day_by_day(windows: dict[str, Window]) -> Iterator[dict[str, Window]]:
    """The partitions of one UTC day at a time: what is fetched of a long range is stored before it is all there."""
    for _, of_day in groupby(sorted(windows.items()), key=lambda item: item[0][:10]):
        yield dict(of_day)


def _hours_touched(page: Page, hours: dict[str, Window]) -> Sequence[str]:
    span = first_and_last_start(page)
    if span is None:
        return list(hours)[:1]
    first, last = span
    return [key for key, (start, end) in hours.items() if start <= last and first < end]


def describe_pages(
    context: dg.AssetExecutionContext, windows: dict[str, Window], writers: dict[str | None, PageWriter]
) -> None:
    for key, (start, end) in windows.items():
        writer = writers[key]
        described = {
            "pages": writer.pages,
            "dagster/partition_row_count": writer.pages,
            "bytes": writer.bytes,
            "dagster/column_schema": column_schema(PAGES),
            "preview": dg.MetadataValue.md(markdown(writer.first_pages)),
        }
        context.add_asset_metadata(described | window_metadata(start, end), partition_key=key)


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
