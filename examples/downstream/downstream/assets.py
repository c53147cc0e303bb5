"""Three assets on top of genesys_assets: in pandas, in SQL, and one that runs by itself when a day is published.

They are stored in the same lake, beside what they are made of: `<lake>/downstream/bonus_points/date=2026-01-31/`.
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

# What the other code location makes, declared here with its partitions: without that, inputs are not found, and one day
# that is published would run every day of what waits for it.
AGENT_DAILY = dg.AssetSpec(["genesys", "reports", "agent_daily"], partitions_def=DAILY)
QUEUE_MEDIA = dg.AssetSpec(["genesys", "reports", "queue_media"], partitions_def=DAILY)
PUBLISHED = dg.AssetSpec(["genesys", "published", "reports"], partitions_def=DAILY)


# -- pandas ------------------------------------------------------------------------------------------------------------


class BonusRules(dg.Config):
    """A handled conversation is a point; `quick_factor` points where the day's average took `quick_seconds` at most."""

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

    Key: `user_id`. Who handled no conversation has no average handle time: the points are null, not 0.
    """
    average = agents["average_handle_time_seconds"]
    per_conversation = pd.Series(1.0, agents.index).mask(average <= config.quick_seconds, config.quick_factor)
    # null <= 300 is false in pandas: without this, who has no average would count as slow.
    per_conversation = per_conversation.where(average.notna())
    return agents.assign(
        # pandas reads an integer column with nulls as float; Int64 makes it whole numbers and nulls again.
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
    """One row per queue with a figure in the seven days that end with this one: what was answered and abandoned, and
    the service level, all media together.

    Key: `queue_id`. Raises dagster.Failure where one of the days has not been computed: the rest is not a week.
    """
    place, stored = "reports/queue_media", lake.lake
    days = days_around(context.partition_key, before=6, after=0)
    missing = [day for day in days if not stored.has(place, day)]
    if missing:
        raise dg.Failure(f"genesys/{place} lacks {', '.join(missing)}: materialise them first.", allow_retries=False)
    with duckdb.connect() as connection:
        # Only the files that the table has now, from disk and S3 alike: its folder holds older versions too.
        connection.register("queue_media", stored.dataset(place, days))
        return connection.sql(WEEK_OF_QUEUES).to_arrow_table()


# -- by itself ---------------------------------------------------------------------------------------------------------

WHEN_PUBLISHED = dg.AutomationCondition.any_deps_updated()
"""Each time a day is published, whichever day it is. `eager()` would not do: it looks at the latest partition only,
which is today, and today is never published.
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
    """One row per report that is published for the day: how many rows it has, when it came out, how far its data reach.

    Key: `report`. Source: the day's manifest. Its presigned URLs are keys to the files, and not taken over.
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
