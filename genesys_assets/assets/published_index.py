"""The asset of the list of days: an HTML page that links to the pages of the last 31 days.

`publishing.index_page` decides which days are listed and makes the page; `assets.published` publishes the days.
"""

from datetime import UTC, datetime

import dagster as dg
from dagster_aws.s3 import S3Resource

from genesys_assets.assets.common import ONE_RUN, attributes, link_metadata
from genesys_assets.keys import asset_key
from genesys_assets.partitions import Calendar
from genesys_assets.publishing.index_page import publish_list
from genesys_assets.resources import PublishingResource


def build_published_index_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    @dg.asset(
        key=asset_key("published", "index"),
        # Without this, Dagster's command line refuses a range of days for every job that includes this asset.
        backfill_policy=ONE_RUN,
        deps=[asset_key("published", "reports")],
        description="One row per day of the last 31, in one HTML page: the day's headline figures, whether it is "
        "complete, and a link to its page. Each materialisation also renews the links on the pages: to their "
        "files, and to the days before and after. A day whose page was altered is listed with that problem. "
        "On S3 the list has a presigned URL: keep it as secret as the pages that it links to.",
        **attributes("published", "s3", "html"),
    )
    def index(
        context: dg.AssetExecutionContext, publishing: PublishingResource, s3: S3Resource
    ) -> dg.MaterializeResult:
        publisher = publishing.publisher(s3.get_client)
        days, file = publish_list(publisher, calendar.start_date, datetime.now(UTC).date(), calendar.zone.key)
        with_page = sum(day.page is not None for day in days)
        context.log.info(f"{with_page} of {len(days)} days have a page; the links on these pages were renewed")
        problems = [f"{day.date}: {day.problem}" for day in days if day.problem]
        for problem in problems:
            context.log.warning(problem)
        problem_list = dg.MetadataValue.md("\n".join(f"- {problem}" for problem in problems))
        return dg.MaterializeResult(
            metadata={
                "page": link_metadata(file.url),
                **({"expires_at": dg.MetadataValue.timestamp(file.expires_at)} if file.expires_at else {}),
                "dagster/row_count": len(days),
                "days_with_a_page": with_page,
                **({"problems": problem_list} if problems else {}),
                "bytes": file.bytes,
            }
        )

    return [index]
