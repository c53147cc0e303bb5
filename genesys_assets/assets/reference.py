"""Reference assets: the organisation's queues, users, wrap-up codes, skills and divisions, and every name they had."""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg
import pyarrow as pa

from genesys_assets.assets.common import (
    POOL,
    asking,
    asset_key,
    attributes,
    change_metadata,
    description,
    provenance,
    table_metadata,
)
from genesys_assets.checks.table_checks import check_specs, check_table
from genesys_assets.cloud import reference
from genesys_assets.cloud.transport import GenesysCloud
from genesys_assets.lake.lake import Lake, Provenance
from genesys_assets.resources import GenesysCloudResource, LakeResource
from genesys_assets.tables.entities import ENTITIES, ListingShrunk, entity_table, newly_deleted
from genesys_assets.tables.names import HISTORIES, history

_PRESENT = "An entity that is no longer listed stays, with its last known name, marked deleted."
_OVER_TIME = (
    "A new row begins where an entity was renamed, was deleted or came back; the row whose valid_to is null holds the "
    "present name. For days before an entity was first seen, its first name counts."
)
_NAMES_LOGGED = 10


class ReferenceConfig(dg.Config):
    """`accept_disappearances`: believe a listing that lacks most entities known before. For one run only."""

    accept_disappearances: bool = False


def build_reference_assets() -> list[dg.AssetsDefinition]:
    return [_reference_assets(name) for name in ENTITIES]


def _reference_assets(name: str) -> dg.AssetsDefinition:
    """The present entities and their names over time. Both are stored whichever is asked for, so that no name is
    missed.
    """
    present, over_time = ENTITIES[name], HISTORIES[name]
    said = ((present, _PRESENT), (over_time, _OVER_TIME))
    keys = {spec.name: asset_key("reference", spec.name) for spec, _ in said}

    @dg.multi_asset(
        name=f"reference_{name}",
        specs=[
            dg.AssetSpec(
                keys[spec.name],
                description=description(spec, text),
                **attributes("reference", "genesys", "parquet"),
            )
            for spec, text in said
        ],
        can_subset=True,
        pool=POOL,
        check_specs=[check for spec, _ in said for check in check_specs(spec, keys[spec.name])],
    )
    def fetch(
        context: dg.AssetExecutionContext,
        config: ReferenceConfig,
        genesys_cloud: GenesysCloudResource,
        lake: LakeResource,
    ) -> Iterator[dg.MaterializeResult]:
        cloud, stored = genesys_cloud.client, lake.lake
        origin = provenance(context, f"GET {name}")
        before = stored.read(_place(name), None, schema=present.schema)
        names_before = stored.read(_place(over_time.name), None, schema=over_time.schema)
        with asking(cloud) as spent:
            entities, seen_at = _read(cloud, stored, name, before, origin, config.accept_disappearances)
        tables = {name: entities, over_time.name: history(over_time, entities, names_before, seen_at)}
        with stored.table_writers({_place(spec.name): spec for spec, _ in said}, None, origin) as writers:
            for table, rows in tables.items():
                writers[_place(table)].write(rows)
        died = newly_deleted(entities, before)
        if died:
            listed = ", ".join(died[:_NAMES_LOGGED]) + (" …" if len(died) > _NAMES_LOGGED else "")
            context.log.warning(f"{len(died)} of {name} are deleted or no longer listed since the last run: {listed}")
        for spec, _ in said:
            place, rows, key = _place(spec.name), tables[spec.name], keys[spec.name]
            if key in context.selected_asset_keys:
                more = change_metadata(writers[place].change) | spent | {"newly_deleted": len(died)}
                yield dg.MaterializeResult(
                    asset_key=key,
                    metadata=table_metadata(spec, rows, len(rows), path=stored.place(place, None), **more),
                    check_results=check_table(stored, place, [None], spec, key),
                )

    return fetch


def _read(
    cloud: GenesysCloud, lake: Lake, name: str, before: pa.Table, origin: Provenance, accept_disappearances: bool
) -> tuple[pa.Table, datetime]:
    """The entities as listed now, and when that was. A listing that is not believed replaces no pages."""
    with lake.page_writers(f"pages/reference_{name}", [None], origin) as writers:
        bodies = []
        seen_at = cloud.now()
        for page in reference.fetch(cloud, name):
            writers[None].write(page)
            bodies.append(page.body)
            seen_at = page.fetched_at
        try:
            table = entity_table(ENTITIES[name], bodies, before, accept_disappearances=accept_disappearances)
        except ListingShrunk as shrunk:
            raise dg.Failure(str(shrunk), allow_retries=False) from shrunk
    return table, seen_at


def _place(table: str) -> str:
    return f"reference/{table}"
