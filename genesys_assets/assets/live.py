"""Live assets: each materialisation appends a snapshot of the present. The platform keeps no history of it, so a moment
that was not observed is lost.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

import dagster as dg
import pyarrow as pa

from genesys_assets.assets.common import (
    POOL,
    attributes,
    description,
    provenance,
    table_metadata,
    track_requests,
)
from genesys_assets.cloud.analytics import live
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.keys import asset_key
from genesys_assets.lake.lake import Lake
from genesys_assets.resources import GenesysCloudResource, LakeResource
from genesys_assets.tables.entities import ENTITIES
from genesys_assets.tables.snapshots import LIVE_CONVERSATIONS, LIVE_QUEUES, live_conversations, live_queues
from genesys_assets.tables.spec import TableSpec


def build_live_assets() -> list[dg.AssetsDefinition]:
    return [
        _live_asset(LIVE_CONVERSATIONS, _observe_conversations, live_conversations, ()),
        _live_asset(LIVE_QUEUES, _observe_queues, live_queues, (asset_key("reference", "queues"),)),
    ]


def _observe_conversations(cloud: GenesysCloud, _: Lake) -> Iterator[Page]:
    return live.conversation_activity(cloud)


def _observe_queues(cloud: GenesysCloud, lake: Lake) -> Iterator[Page]:
    queues = lake.read("reference/queues", None, columns=["id", "is_deleted"], schema=ENTITIES["queues"].schema)
    queue_ids = [row["id"] for row in queues.to_pylist() if not row["is_deleted"]]
    if not queue_ids:
        raise dg.Failure(
            "genesys/reference/queues names no queue to observe: materialise it first.", allow_retries=False
        )
    return live.queue_observations(cloud, queue_ids)


def _live_asset(
    spec: TableSpec,
    observe: Callable[[GenesysCloud, Lake], Iterator[Page]],
    decode: Callable[[datetime, Iterable[bytes]], pa.Table],
    deps: tuple[dg.AssetKey, ...],
) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key("live", spec.name),
        deps=deps,
        description=description(spec, "Each materialisation appends one snapshot, stamped observed_at."),
        pool=POOL,
        **attributes("live", "genesys", "parquet"),
    )
    def snapshot(
        context: dg.AssetExecutionContext, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        cloud, place = genesys_cloud.client, f"live/{spec.name}"
        with track_requests(cloud) as spent:
            screen = lake.lake.screen(place)
            pages = [screen.page(page) for page in observe(cloud, lake.lake)]
            observed_at = max(page.fetched_at for page in pages)
            table = decode(observed_at, (page.body for page in pages))
            path = lake.lake.append(place, spec, table, observed_at, provenance(context, spec.name))
        more: dict[str, Any] = {"observed_at": dg.MetadataValue.timestamp(observed_at), "path": path}
        return dg.MaterializeResult(metadata=table_metadata(spec, table, len(table), **spent, **more))

    return snapshot
