"""Three assets on top of genesys_assets: in pandas, in SQL, and one that runs automatically when a day is published.

They are stored in the same lake as the tables that they read: `<lake>/downstream/bonus_points/date=2026-01-31/`.
"""

# Dagster reads the annotations when the assets are defined, so they are not postponed.

from datetime import date, datetime

import dagster as dg
import duckdb
import pandas as pd
import pyarrow as pa
from dagster_aws.s3 import S3Resource

from genesys_assets.partitions import Calendar, days_around
from genesys_assets.resources import LakeResource, PublishingResource

DAILY = Calendar.from_environment().daily
SEVEN_DAYS = dg.TimeWindowPartitionMapping(start_offset=-6)
"""A day depends on itself and the six before it."""

# Assets of the code location genesys_assets, declared here with their partitions. Without partitions, Dagster would not
# find the inputs, and one published day would launch every day of the assets that wait for it.
AGENT_DAILY = dg.AssetSpec(["genesys", "reports", "agent_daily"], partitions_def=DAILY)
QUEUE_MEDIA = dg.AssetSpec(["genesys", "reports", "queue_media"], partitions_def=DAILY)
PUBLISHED = dg.AssetSpec(["genesys", "published", "reports"], partitions_def=DAILY)


# -- pandas ------------------------------------------------------------------------------------------------------------


class BonusRules(dg.Config):
    """A handled conversation is a point, or `quick_factor` points if the agent's average handle time of the day is
    `quick_seconds` at most.
    """

    quick_seconds: float = 300.0
    quick_factor: float = 1.5


@dg.asset(
    key_prefix="downstream",
    group_name="downstream",
    kinds={"pandas", "parquet"},
    partitions_def=DAILY,
    ins={
        "agents": dg.AssetIn(
            AGENT_DAILY.key,
            metadata={"columns": ["user_id", "user_name", "conversation_count", "average_handle_time_seconds"]},
        )
    },
)
def bonus_points(agents: pd.DataFrame, config: BonusRules) -> pd.DataFrame:
    """One row per agent and business day: how many bonus points the agent's conversations earned.

    Key: `user_id`. An agent who handled no conversation has no average handle time, so the points are null, not 0.
    """
    average = agents["average_handle_time_seconds"]
    per_conversation = pd.Series(1.0, agents.index).mask(average <= config.quick_seconds, config.quick_factor)
    # null <= 300 is false in pandas: without this line, an agent without an average would count as slow.
    per_conversation = per_conversation.where(average.notna())
    return agents.assign(
        # pandas reads an integer column with nulls as float; Int64 has whole numbers and nulls.
        conversation_count=agents["conversation_count"].astype("Int64"),
        points=agents["conversation_count"] * per_conversation,
    )


# -- SQL ---------------------------------------------------------------------------------------------------------------

WEEK_OF_QUEUES = """
SELECT
    queue_id,
    arg_max(queue_name, interval_start)             AS queue_name,  -- a renamed queue is still one queue
    sum(answered)::BIGINT                           AS answered,    -- else HUGEINT, in Arrow a decimal
    sum(abandoned)::BIGINT                          AS abandoned,
    sum(service_level_numerator)                    AS service_level_numerator,
    sum(service_level_denominator)                  AS service_level_denominator,
    sum(service_level_numerator)
        / nullif(sum(service_level_denominator), 0) AS service_level  -- never an average of the days' levels
FROM queue_media
WHERE queue_id IS NOT NULL
GROUP BY queue_id
ORDER BY queue_id
"""


@dg.asset(
    key_prefix="downstream",
    group_name="downstream",
    kinds={"duckdb", "parquet"},
    partitions_def=DAILY,
    deps=[dg.AssetDep(QUEUE_MEDIA, partition_mapping=SEVEN_DAYS)],
)
def weekly_service_level(context: dg.AssetExecutionContext, lake: LakeResource) -> pa.Table:
    """One row per queue with a figure in the seven days that end with this one: how many conversations were answered
    and abandoned, and the service level, all media together.

    Key: `queue_id`. Raises dagster.Failure if one of the seven days is not stored.
    """
    place, stored = "reports/queue_media", lake.lake
    days = days_around(context.partition_key, before=6, after=0)
    missing = [day for day in days if not stored.has(place, day)]
    if missing:
        raise dg.Failure(f"genesys/{place} lacks {', '.join(missing)}: materialise them first.", allow_retries=False)
    with duckdb.connect() as connection:
        # A dataset has only the current files of the table. Its folder has older versions too.
        connection.register("queue_media", stored.dataset(place, days))
        return connection.sql(WEEK_OF_QUEUES).to_arrow_table()


# -- automatic ---------------------------------------------------------------------------------------------------------

WHEN_PUBLISHED = dg.AutomationCondition.any_deps_updated()
"""True each time a day is published, whichever day it is. `eager()` would never be true: it considers the latest
partition only, which is today, and today is never published.
"""


@dg.asset(
    key_prefix="downstream",
    group_name="downstream",
    kinds={"parquet"},
    partitions_def=DAILY,
    deps=[PUBLISHED],
    automation_condition=WHEN_PUBLISHED,
)
def day_is_out(context: dg.AssetExecutionContext, publishing: PublishingResource, s3: S3Resource) -> pd.DataFrame:
    """One row per report that is published for the day: its number of rows, when it was published, and up to when its
    data reaches.

    Key: `report`. Source: the day's manifest. Its presigned URLs are left out: whoever has one can read the file.
    """
    manifest = publishing.publisher(s3.get_client).manifest(date.fromisoformat(context.partition_key))
    if manifest is None:
        raise dg.Failure(f"{context.partition_key} has no manifest: materialise genesys/published/reports first.")
    context.log.info(f"{context.partition_key} is out, with data through {manifest.data_available_through}")
    files = [file for file in manifest.files if file.format == "parquet"]
    return pd.DataFrame({"report": [file.report for file in files], "rows": [file.rows for file in files]}).assign(
        published_at=_instant(manifest.generated_at),
        data_available_through=manifest.data_available_through and _instant(manifest.data_available_through),
        is_complete=manifest.is_complete,
    )


def _instant(moment: datetime) -> pd.Timestamp:
    return pd.Timestamp(moment).as_unit("ms")
