"""The table of open conversations as an asset, with a check that warns of conversations that are open for too long."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pyarrow.compute as pc

from genesys_assets.assets.common import (
    ONE_RUN,
    attributes,
    change_metadata,
    description,
    provenance,
    table_metadata,
)
from genesys_assets.checks.table_checks import check_specs, failed_checks, passed_checks
from genesys_assets.keys import asset_key
from genesys_assets.lake.lake import AuditFailed
from genesys_assets.partitions import LONGEST_OPEN_DAYS, days_around
from genesys_assets.resources import LakeResource
from genesys_assets.settings import OpenConversationSettings
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS, SESSIONS
from genesys_assets.tables.conversations.open import OPEN_CONVERSATIONS, open_conversations

_OPEN_TOO_LONG = "open_too_long"


def build_open_conversation_assets() -> list[dg.AssetsDefinition]:
    spec, key, place = OPEN_CONVERSATIONS, asset_key("tables", OPEN_CONVERSATIONS.name), "tables/open_conversations"
    too_long = dg.AssetCheckSpec(
        _OPEN_TOO_LONG, asset=key, description="No conversation is open for more than GENESYS_ASSETS_OPEN_DAYS days."
    )

    @dg.asset(
        key=key,
        # Without this, Dagster's command line refuses a range of days for every job that includes this asset.
        backfill_policy=ONE_RUN,
        deps=[asset_key("tables", "conversations"), asset_key("tables", "sessions")],
        description=description(
            spec,
            f"Source: genesys/tables/conversations and genesys/tables/sessions of the last {LONGEST_OPEN_DAYS} days.",
        ),
        check_specs=[*check_specs(spec, key), too_long],
        **attributes("tables", "arrow", "parquet"),
    )
    def register(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        now = datetime.now(UTC)
        days = days_around(f"{now:%Y-%m-%d}", before=LONGEST_OPEN_DAYS, after=0)
        columns = ["conversation_id", "conversation_start", "media_type"]
        stored, origin = lake.lake, provenance(context, "genesys/tables/conversations")
        try:
            with stored.table_writers({place: spec}, None, origin) as writing:
                unfinished = stored.read(
                    "tables/conversations",
                    days,
                    columns=columns,
                    where=~pc.field("is_complete"),
                    schema=CONVERSATIONS.schema,
                )
                sessions = stored.read(
                    "tables/sessions",
                    days,
                    columns=["conversation_id", "session_start", "queue_id", "user_id"],
                    where=pc.field("conversation_id").isin(unfinished["conversation_id"].combine_chunks()),
                    schema=SESSIONS.schema,
                )
                table = open_conversations(unfinished, sessions, now)
                writing[place].write(table)
        except AuditFailed as failed:
            yield from failed_checks(failed, {place: (spec, key)})
            raise dg.Failure(str(failed), allow_retries=False) from failed
        change = writing.changes[place]
        limit = OpenConversationSettings.load().open_days
        stuck = table.filter(pc.greater(table["open_days"], limit))
        yield dg.MaterializeResult(
            metadata=table_metadata(spec, table, len(table), path=stored.place(place, None)) | change_metadata(change)
        )
        yield from passed_checks(spec, key)
        yield dg.AssetCheckResult(
            check_name=_OPEN_TOO_LONG,
            asset_key=key,
            passed=not len(stuck),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"open_too_long": len(stuck), "limit_days": limit},
        )

    return [register]
