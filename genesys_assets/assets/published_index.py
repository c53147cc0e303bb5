"""The list of days on S3: every day of the last month with the way to its page.

Which days are listed and how the list looks is in `publishing.index_page`; the days themselves are published by
`assets.published`.
"""

from datetime import UTC, datetime

import dagster as dg
from dagster_aws.s3 import S3Resource

from genesys_assets.assets.common import attributes
from genesys_assets.keys import asset_key
from genesys_assets.partitions import Calendar
from genesys_assets.process_folder import scratch_folder
from genesys_assets.publishing.html import write_page
from genesys_assets.publishing.index_page import index_page, listed_days
from genesys_assets.resources import PublishingResource


def build_published_index_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    @dg.asset(
        key=asset_key("published", "index"),
        deps=[asset_key("published", "reports")],
        description="One row per day of the last 31, in one HTML page on S3: the day's headline figures, whether it is "
        "complete, and the way to its page by a presigned URL that is signed afresh whenever the list is made. "
        "The list has a presigned URL itself, and is as secret as what it lists.",
        **attributes("published", "s3", "html"),
    )
    def index(
        context: dg.AssetExecutionContext, publishing: PublishingResource, s3: S3Resource
    ) -> dg.MaterializeResult:
        publisher = publishing.publisher(s3.get_client())
        days = listed_days(publisher, calendar.start_date, datetime.now(UTC).date())
        with scratch_folder("published") as folder:
            page = write_page(index_page(days, calendar.zone.key), folder / "index.html")
            file = publisher.publish_index(page)
        with_page = sum(day.page is not None for day in days)
        context.log.info(f"{with_page} of {len(days)} days have a page, proven and signed afresh")
        return dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.url(file.url),
                "expires_at": dg.MetadataValue.timestamp(file.expires_at),
                "dagster/row_count": len(days),
                "days_with_a_page": with_page,
                "bytes": file.bytes,
            }
        )

    return [index]
